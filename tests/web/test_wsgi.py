"""The front door as gunicorn really opens it."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def gunicorn(
    port: int, environment: dict[str, str], *, worker: str = "keepa_deals.web.worker.PatientWorker"
) -> Iterator[subprocess.Popen[bytes]]:
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-k",
        worker,
        "--threads",
        "2",
        "-b",
        f"127.0.0.1:{port}",
        "--worker-tmp-dir",
        environment["VAR_DIR"],
        "--no-control-socket",
        "wsgi_handler:application",
    ]
    process = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_SECONDS)


def answer(address: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=20) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            select.select([], [], [], 0.05)


def test_gunicorn_serves_before_anything_else_is_there(tmp_path: Path) -> None:
    port = free_port()
    with gunicorn(port, {"VAR_DIR": str(tmp_path)}):
        assert answer(f"http://127.0.0.1:{port}/healthz") == (200, b'{"status":"alive"}\n')
        assert answer(f"http://127.0.0.1:{port}/api/deals")[0] == 503
        assert answer(f"http://127.0.0.1:{port}/readyz")[0] == 503


def test_a_bad_setting_stops_gunicorn_with_its_sentence(tmp_path: Path) -> None:
    with gunicorn(free_port(), {"VAR_DIR": str(tmp_path), "WEB_PORT": "eighty"}) as process:
        _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 3
    assert b"WEB_PORT is 'eighty'; it must be a whole number" in said
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 9\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\nkey=",
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_more_slow_clients_than_threads_do_not_silence_the_web(tmp_path: Path, begun: bytes) -> None:
    port = free_port()
    with ExitStack() as held, gunicorn(port, {"VAR_DIR": str(tmp_path)}, worker="tests.web.hasty_worker.HastyWorker"):
        assert answer(f"http://127.0.0.1:{port}/healthz")[0] == 200
        for _ in range(5):
            held.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(begun)
        assert answer(f"http://127.0.0.1:{port}/healthz")[0] == 200
