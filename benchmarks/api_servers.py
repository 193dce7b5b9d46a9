"""The two servers side by side on one database file, and a client that asks them as fast as they answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median, quantiles

from benchmarks.api_deals import Question
from keepa_deals.deal_fields import FIELDS
from keepa_deals.store.find import Deal
from keepa_deals.store.tables import deals

CHECKOUT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 180.0
COLUMNS = tuple(name for name in Deal.__struct_fields__ if name in deals.c)


@dataclass(frozen=True, slots=True)
class Timing:
    """What a run of requests took."""

    per_second: float
    median_ms: float
    p99_ms: float
    requests: int


@contextmanager
def ours(database: Path, folder: Path, *, workers: int) -> Iterator[int]:
    """Our web as it really runs: gunicorn with threads. Yields its port."""
    port = free_port()
    metrics = folder / "metrics"
    metrics.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": str(folder / "var"),
        "DATABASE_URL": f"sqlite:///{database}",
        "WEB_PORT": str(port),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
    }
    (folder / "var").mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "gunicorn", "wsgi_handler:application", "--bind", f"127.0.0.1:{port}",
        "--worker-class", "keepa_deals.web.worker.PatientWorker", "--workers", str(workers), "--threads", "8",
        "--worker-tmp-dir", str(folder), "--timeout", "120", "--keep-alive", "5", "--no-control-socket",
    ]  # fmt: skip
    with _running(command, environment, folder / "ours.log", port):
        yield port


@contextmanager
def datasette(database: Path, folder: Path) -> Iterator[int]:
    """Datasette on the same file, free to take as long as it needs. Yields its port."""
    port = free_port()
    command = [
        sys.executable, "-m", "datasette", "serve", str(database), "--host", "127.0.0.1", "--port", str(port),
        "--setting", "sql_time_limit_ms", "600000", "--setting", "num_sql_threads", "3",
    ]  # fmt: skip
    with _running(command, {"PATH": os.environ["PATH"], "HOME": str(folder)}, folder / "datasette.log", port):
        yield port


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=out, stderr=out)
    try:
        _wait_for(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended at once; see {log}:\n{log.read_text()[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not listen; see {log}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def our_deals(question: Question, *, count: str) -> str:
    return f"/api/deals?{question.ours(count=count)}"


def our_count(question: Question) -> str:
    return f"/api/deal-count?{question.ours(count='capped')}"


def our_page(question: Question) -> str:
    return f"/?{question.ours()}"


def datasette_rows(question: Question, database: Path, *, now: datetime, is_counted: bool) -> str:
    """The same rows, columns and order from Datasette; no facets, and a count only if we count too."""
    asked = [(f"{column}__{sign}", value) for column, sign, value in question.conditions(now)]
    asked += [("_col", column) for column in COLUMNS]
    asked += [("_sort_desc", _column(question.sort)), ("_size", "50"), ("_nofacet", "1"), ("_nosuggest", "1")]
    asked += [("_shape", "objects")] + ([] if is_counted else [("_nocount", "1")])
    return f"/{database.stem}/deals.json?{urllib.parse.urlencode(asked)}"


def sql_of(question: Question, *, now: datetime) -> tuple[str, str, list[str]]:
    """The page, the count and their values in plain SQL."""
    signs = {"exact": "=", "gt": ">", "gte": ">=", "lte": "<="}
    asked = question.conditions(now)
    where = " and ".join(f"{column} {signs[sign]} cast(? as {_affinity(column)})" for column, sign, _ in asked)
    page = f"select {', '.join(COLUMNS)} from deals where {where} order by {_column(question.sort)} desc limit 50"
    return page, f"select count(*) from deals where {where}", [value for _, _, value in asked]


def _affinity(column: str) -> str:
    return "text" if column in ("state", "promised_until") else "numeric"


def _column(sort: str) -> str:
    return FIELDS[sort].column


class Client:
    """One kept connection that speaks just enough HTTP/1.1."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def get(self, address: str) -> bytes:
        """The body of a good answer. Raises SystemExit for any other."""
        request = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nAccept: */*\r\n\r\n".encode()
        try:
            head, body = self._exchange(request)
        except ConnectionError:
            self.close()
            head, body = self._exchange(request)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"{address[:200]} was answered {head[:200]!r} {body[:300]!r}")
        if b"connection: close" in head.lower():
            self.close()
        return body

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, request: bytes) -> tuple[bytes, bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._more()
        head, rest = received.split(b"\r\n\r\n", 1)
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                return head, self._exactly(int(line[15:]), rest)[0]
        return head, self._chunks(rest)

    def _chunks(self, rest: bytes) -> bytes:
        """A body that comes in pieces, each with its length in hexadecimal before it."""
        body = b""
        while True:
            while b"\r\n" not in rest:
                rest += self._more()
            size, rest = rest.split(b"\r\n", 1)
            piece, rest = self._exactly(int(size, 16) + 2, rest)
            if piece == b"\r\n":
                return body
            body += piece[:-2]

    def _exactly(self, length: int, rest: bytes) -> tuple[bytes, bytes]:
        """The next `length` bytes and what has come after them."""
        parts, have = [rest], len(rest)
        while have < length:
            parts.append(self._more())
            have += len(parts[-1])
        every = b"".join(parts)
        return every[:length], every[length:]

    def _more(self) -> bytes:
        assert self._socket is not None
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionError("the server hung up")
        return data


def timed(port: int, addresses: list[str], *, seconds: float, connections: int) -> Timing:
    """Ask `addresses` in turn on several connections at once until `seconds` are over."""
    taken: list[list[float]] = [[] for _ in range(connections)]
    until = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_ask_on, args=(port, addresses[place:] + addresses[:place], until, taken[place]))
        for place in range(connections)
    ]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [one for part in taken for one in part]
    p99 = quantiles(every, n=100)[98] if len(every) > 1 else every[0]
    return Timing(len(every) / (time.perf_counter() - start), median(every), p99, len(every))


def _ask_on(port: int, addresses: list[str], until: float, taken: list[float]) -> None:
    client, number = Client(port), 0
    while number == 0 or time.perf_counter() < until:
        start = time.perf_counter()
        client.get(addresses[number % len(addresses)])
        taken.append((time.perf_counter() - start) * 1000)
        number += 1
    client.close()
