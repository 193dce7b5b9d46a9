"""Telling over real HTTP: signed, tried again, given up, remembered, and without a secret in any word."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from keepa_deals.alerts.teller import PING, RETRY_SECONDS, WEBHOOK, Teller
from keepa_deals.health import Verdict, VerdictState
from keepa_deals.settings import settings_from

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SECRET = "sign-with-this-secret-0123"


@dataclass
class Outside:
    """What an address outside was sent, and what it answers."""

    port: int = 0
    status: int = 204
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hush-token-42"


@pytest.fixture
def outside() -> Iterator[Outside]:
    outside = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            outside.requests.append((self.command, self.path, dict(self.headers), body))
            self.send_response(outside.status)
            if outside.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        outside.port = server.server_port
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield outside
        server.shutdown()
        serving.join()


class HandClock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def a_teller(folder: Path, outside: Outside, clock: HandClock) -> Teller:
    values = {
        "DEADMAN_URL": f"{outside.url}/ping",
        "VERDICT_WEBHOOK_URL": f"{outside.url}/hook",
        "VERDICT_WEBHOOK_SECRET": SECRET,
    }
    return Teller(settings_from(values, root=folder), folder / "alerts.json", clock)


def minutes(teller: Teller, clock: HandClock, state: VerdictState, count: int) -> None:
    for _ in range(count):
        teller.hear(Verdict(state, None, (), AT))
        if teller.has_something_to_tell():
            teller.tell()
        clock.seconds += 60


def posts(outside: Outside) -> list[tuple[str, str, dict[str, str], bytes]]:
    return [request for request in outside.requests if request[0] == "POST"]


def test_each_good_verdict_is_a_ping_and_a_bad_one_is_silence(
    tmp_path: Path, outside: Outside, clock: HandClock
) -> None:
    teller = a_teller(tmp_path, outside, clock)
    minutes(teller, clock, VerdictState.WORKING, 2)
    minutes(teller, clock, VerdictState.WAITING, 1)
    minutes(teller, clock, VerdictState.STUCK, 2)
    assert [(method, path) for method, path, _, _ in outside.requests] == [("GET", "/hush-token-42/ping")] * 3


def test_a_change_that_holds_is_one_signed_message_and_its_end_another(
    tmp_path: Path, outside: Outside, clock: HandClock
) -> None:
    teller = a_teller(tmp_path, outside, clock)
    minutes(teller, clock, VerdictState.STUCK, 5)
    minutes(teller, clock, VerdictState.WORKING, 5)
    bodies = [json.loads(body) for _, _, _, body in posts(outside)]
    assert [(b["previous"], b["verdict"], b["recovered"]) for b in bodies] == [
        ("working", "stuck", False),
        ("stuck", "working", True),
    ]
    for _, _, headers, body in posts(outside):
        signed = headers["X-Keepa-Deals-Timestamp"].encode() + b"." + body
        expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Keepa-Deals-Signature"] == f"sha256={expected}"
        assert abs(datetime.now(UTC).timestamp() - int(headers["X-Keepa-Deals-Timestamp"])) < 60


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_failed_delivery_is_tried_again_with_growing_pauses_and_then_given_up(
    tmp_path: Path, outside: Outside, clock: HandClock, status: int
) -> None:
    teller = a_teller(tmp_path, outside, clock)
    outside.status = status
    minutes(teller, clock, VerdictState.STUCK, 3)
    assert len(posts(outside)) == 1
    for number, pause in enumerate(RETRY_SECONDS, start=2):
        clock.seconds = teller.waiting[0].next_at - 1
        assert not teller.has_something_to_tell()
        clock.seconds += 1
        teller.tell()
        assert len(posts(outside)) == number, pause
    assert teller.waiting == []
    assert (teller.ways[WEBHOOK].failures, teller.ways[WEBHOOK].error) == (6, f"it answered {status}")
    assert {path for _, path, _, _ in outside.requests} == {"/hush-token-42/hook"}


def test_a_restart_neither_repeats_nor_forgets(tmp_path: Path, outside: Outside, clock: HandClock) -> None:
    outside.status = 500
    minutes(a_teller(tmp_path, outside, clock), clock, VerdictState.STUCK, 3)
    outside.status = 204
    again = a_teller(tmp_path, outside, clock)
    minutes(again, clock, VerdictState.STUCK, 5)
    assert len(posts(outside)) == 2
    assert again.ways[WEBHOOK].failures == 0
    once_more = a_teller(tmp_path, outside, clock)
    minutes(once_more, clock, VerdictState.STUCK, 5)
    assert len(posts(outside)) == 2


@pytest.mark.parametrize("content", ["", "{}", '{"told": "nonsense"}', "[1]", '{"told": "stuck", "waiting": 7}'])
def test_a_spoilt_file_is_as_good_as_none(tmp_path: Path, outside: Outside, clock: HandClock, content: str) -> None:
    (tmp_path / "alerts.json").write_text(content)
    minutes(a_teller(tmp_path, outside, clock), clock, VerdictState.WORKING, 1)
    assert len(outside.requests) == 1


def test_no_word_about_a_failure_holds_an_address_or_the_secret(
    tmp_path: Path, outside: Outside, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    teller = a_teller(tmp_path, outside, clock)
    nobody = Outside(port=9)
    silent = a_teller(tmp_path, nobody, clock)
    with caplog.at_level(logging.DEBUG, logger="keepa_deals"):
        minutes(silent, clock, VerdictState.WORKING, 1)
        minutes(silent, clock, VerdictState.STUCK, 4)
    said = caplog.text + (tmp_path / "alerts.json").read_text()
    assert silent.ways[PING].failures == 1
    assert "no answer (ConnectionError)" in said
    assert not [secret for secret in ("hush-token-42", SECRET) if secret in said]
    assert teller.is_needed


def test_without_an_address_nothing_is_kept(tmp_path: Path, clock: HandClock) -> None:
    teller = Teller(settings_from({}, root=tmp_path), tmp_path / "alerts.json", clock)
    minutes(teller, clock, VerdictState.STUCK, 5)
    assert list(tmp_path.iterdir()) == []
