"""The ledger against Keepa's own figure."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from redis import Redis

from keepa_deals.clock import SystemClock
from keepa_deals.diagnostics.tokens import report_on
from keepa_deals.installation import installation_id
from keepa_deals.records import TokenStatus
from keepa_deals.settings import Settings
from keepa_deals.store.history import Spending
from keepa_deals.token_manager import LedgerStatus, Purpose, TokenManager
from tests.conftest import NOON
from tests.diagnostics.conftest import Script

KEY = "a1b2c3d4" * 8


def keepa_says(balance: int, *, rate: int = 20) -> TokenStatus:
    return TokenStatus(
        balance=balance, refill_rate=rate, refill_in_ms=30_000, flow_reduction=0, consumed=0, server_time=None
    )


def ledger_says(balance: int, *, reserved: int = 0, known: bool = True) -> LedgerStatus:
    return LedgerStatus(
        at=NOON,
        known=known,
        balance=balance,
        available=balance - reserved,
        refill_rate=20,
        last_answer_at=NOON,
        open_reservations=1 if reserved else 0,
        reserved=reserved,
        owed=0,
        line=(),
        next_live_at=None,
        mean_bills={},
        foreign_drain_per_hour=0.0,
        spent=0,
        lost=0,
        refused=0,
    )


@pytest.mark.parametrize(
    ("keepa", "ledger", "code"),
    [
        (keepa_says(100), ledger_says(100), 0),
        (keepa_says(140), ledger_says(100), 0),  # 140 - 100 = 40 = two ticks of 20: the ledger counts ticks late
        (keepa_says(141), ledger_says(100), 1),
        (keepa_says(153), ledger_says(101, reserved=12), 0),  # 52 = two ticks and 12 reserved
        (keepa_says(80), ledger_says(100), 0),  # a call of ours that is not settled yet
        (keepa_says(79), ledger_says(100), 1),
        (keepa_says(-30), ledger_says(100), 1),
        (keepa_says(100), ledger_says(0, known=False), 1),
    ],
)
def test_only_a_drift_that_nothing_explains_is_a_finding(keepa: TokenStatus, ledger: LedgerStatus, code: int) -> None:
    assert report_on(ledger, keepa, [], hours=24).code == code


def test_who_spent_what_is_told_with_its_sum() -> None:
    spent = [
        Spending("looks", "verify_full", 3, 30, 1, 12, 1, 2, 0),
        Spending("live_update", "live", 2, 10, 0, 0, 5, 9, 0),
    ]
    lines = report_on(ledger_says(100), keepa_says(100), spent, hours=24).lines
    assert lines[-1].split() == ["together", "5", "40"]
    assert any(line.split()[:5] == ["looks", "/", "verify_full", "3", "30"] for line in lines)


class _Meter(BaseHTTPRequestHandler):
    """Keepa's free /token call."""

    def do_GET(self) -> None:
        now = int(datetime.now(UTC).timestamp() * 1000)
        envelope = {"timestamp": now, "tokensLeft": 55, "refillIn": 30_000, "refillRate": 20, "tokenFlowReduction": 0.0,
                    "tokensConsumed": 0, "processingTimeInMs": 1}  # fmt: skip
        body = json.dumps(envelope).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def keepa() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Meter)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def values(var_dir: Path, redis: Redis, redis_server: str, keepa: str) -> dict[str, str]:
    return {"VAR_DIR": str(var_dir), "REDIS_URL": redis_server, "KEEPA_API_KEY": KEY, "KEEPA_BASE_URL": keepa}


def test_the_script_asks_keepa_and_compares(script: Script, settings: Settings, redis: Redis) -> None:
    manager = TokenManager(
        redis, account=settings.account(KEY), installation=installation_id(settings.var_dir), clock=SystemClock(),
        read_balance=lambda: keepa_says(55),
    )  # fmt: skip
    manager.request_permission_for_call(5, Purpose.LIVE)
    told = script("check_tokens", "--json")
    facts = json.loads(told.stdout)
    assert (facts["keepa"]["balance"], facts["ledger"]["known"], told.returncode) == (55, True, 0)
    assert facts["spending"] == []
    assert KEY not in told.stdout
