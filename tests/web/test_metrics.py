"""The metrics as a scraper reads them: the same from every worker, growing, guarded, and never the end of an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from keepa_deals.clock import ManualClock
from keepa_deals.health import HealthFacts, VerdictState, judge_health
from keepa_deals.health_facts import RedisFact
from keepa_deals.records import Pass
from keepa_deals.settings import settings_from
from keepa_deals.store import call_ledger
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.engine import Database
from keepa_deals.web import create_app
from keepa_deals.web.metrics import MonthTotals
from tests.processes.conftest import wait_until
from tests.unit.test_health import NOW, WORKING
from tests.web.test_wsgi import answer, free_port, gunicorn

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Every sample by name and labels; fails on text that Prometheus would refuse."""
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


@pytest.fixture
def app_over(database: Database, tmp_path: Path) -> Callable[..., Flask]:
    def make(facts: HealthFacts | None) -> Flask:
        return create_app(
            settings_from({}, root=tmp_path), database=database, clock=ManualClock(NOW),
            verdict=lambda: judge_health(WORKING), facts=None if facts is None else lambda: facts,
        )  # fmt: skip

    return make


def scraped(client: FlaskClient) -> Samples:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=0.0.4")
    return samples(response.get_data(as_text=True))


def call(
    database: Database, name: str, outcome: CallOutcome, *, purpose: str, billed: int | None, at: datetime
) -> None:
    with database.write.begin() as connection:
        call_ledger.open_call(connection, name, which=Pass.LOOKS, purpose=purpose, what="x", reserved=9, now=at)
        call_ledger.settle_call(
            connection, name, outcome=outcome, billed=billed, balance_after=None, error=None, now=at
        )


def test_the_facts_are_told_with_their_units(app_over: Callable[..., Flask], database: Database) -> None:
    call(database, "a", CallOutcome.ANSWERED, purpose="live", billed=5, at=NOW)
    call(database, "b", CallOutcome.ANSWERED, purpose="live", billed=7, at=NOW - timedelta(hours=2))
    call(database, "c", CallOutcome.LOST, purpose="verify", billed=None, at=NOW)
    seen = replace(WORKING, redis=RedisFact(0.001, {"upsert": 2}, {"upsert": 4.5}))
    told = scraped(app_over(seen).test_client())
    expected = {
        ("keepa_deals_verdict", (("state", "working"),)): 1,
        ("keepa_deals_verdict", (("state", "stuck"),)): 0,
        ("keepa_deals_deals", (("state", "live"),)): 214,
        ("keepa_deals_promise_kept_ratio", ()): pytest.approx(214 / 218),
        ("keepa_deals_balance_tokens", ()): 37,
        ("keepa_deals_available_tokens", ()): 30,
        ("keepa_deals_refill_tokens_per_minute", ()): 20,
        ("keepa_deals_billed_tokens_total", (("purpose", "live"),)): 12,
        ("keepa_deals_keepa_calls_total", (("outcome", "answered"),)): 2,
        ("keepa_deals_keepa_calls_total", (("outcome", "lost"),)): 1,
        ("keepa_deals_pass_last_worked_timestamp_seconds", (("pass", "live_update"),)): NOW.timestamp() - 180,
        ("keepa_deals_pass_due_timestamp_seconds", (("pass", "backfill"),)): NOW.timestamp() + 60,
        ("keepa_deals_pulse_age_seconds", (("queue", "upsert"),)): 8,
        ("keepa_deals_queue_messages", (("queue", "upsert"),)): 2,
        ("keepa_deals_queue_oldest_message_age_seconds", (("queue", "upsert"),)): 4.5,
        ("keepa_deals_database_latency_seconds", ()): 0.01,
        ("keepa_deals_database_wal_bytes", ()): 0,
        ("keepa_deals_database_write_wait_seconds", ()): 0.01,
        ("keepa_deals_disk_free_bytes", ()): 10**10,
    }
    assert {name: told.get(name) for name in expected} == expected


def test_exactly_one_verdict_holds(app_over: Callable[..., Flask]) -> None:
    told = scraped(app_over(HealthFacts(now=NOW, real_now=NOW)).test_client())
    states = {dict(labels)["state"]: value for (name, labels), value in told.items() if name == "keepa_deals_verdict"}
    assert set(states) == {state.value for state in VerdictState}
    assert sum(states.values()) == 1
    assert states["broken"] == 1


def test_what_is_unknown_is_left_out_and_never_zero(app_over: Callable[..., Flask]) -> None:
    told = scraped(app_over(None).test_client())
    names = {name for name, _ in told if not name.startswith("keepa_deals_http")}
    assert names == {"keepa_deals_verdict"}


def test_requests_are_counted_and_timed_by_endpoint(app_over: Callable[..., Flask]) -> None:
    client = app_over(None).test_client()
    client.get("/api/deals")
    client.get("/api/deals?limit=many")
    client.get("/no/such/page")
    client.open("/healthz", method="BREW")
    told = scraped(client)
    name = "keepa_deals_http_requests_total"
    counted = {tuple(dict(labels).values()): value for (found, labels), value in told.items() if found == name}
    assert counted == {
        ("api.deals", "GET", "200"): 1,
        ("api.deals", "GET", "400"): 1,
        ("none", "GET", "404"): 1,
        ("none", "other", "405"): 1,
    }
    assert told["keepa_deals_http_request_duration_seconds_count", (("endpoint", "api.deals"),)] == 2


def test_where_others_can_reach_it_a_scraper_needs_the_key(make_app: Callable[..., Flask]) -> None:
    client = make_app(WEB_HOST="0.0.0.0", ADMIN_API_KEY="an-admin-key-for-tests").test_client()
    assert (client.get("/metrics").status_code, client.get("/metrics").get_json()["error"]["code"]) == (
        401,
        "key_needed",
    )
    assert client.get("/metrics", headers={"Authorization": "Bearer an-admin-key-for-tests"}).status_code == 200


def test_the_months_total_only_grows_though_old_rows_are_forgotten(database: Database) -> None:
    start = datetime(2026, 5, 1, tzinfo=UTC)
    call(database, "before", CallOutcome.ANSWERED, purpose="live", billed=100, at=start - timedelta(seconds=1))
    call(database, "first", CallOutcome.ANSWERED, purpose="live", billed=5, at=start)
    totals = MonthTotals()

    def read(now: datetime) -> int:
        with database.read.connect() as connection:
            return totals.read(connection, now=now)["billed", "live"]

    assert read(start + timedelta(minutes=5)) == 5
    call(database, "second", CallOutcome.ANSWERED, purpose="live", billed=6, at=start + timedelta(minutes=10))
    assert [read(start + timedelta(minutes=20)), read(start + timedelta(hours=3))] == [11, 11]
    with database.write.begin() as connection:
        connection.exec_driver_sql("delete from calls where id = 'first'")
    assert read(start + timedelta(hours=4)) == 11
    assert read(start + timedelta(days=31)) == 0


@pytest.fixture
def counted_web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A real web with two workers that count together."""
    folder = tmp_path / "run" / "metrics"
    folder.mkdir(parents=True)
    port = free_port()
    environment = {"VAR_DIR": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(folder), "WEB_CONCURRENCY": "2"}
    with gunicorn(port, environment):
        yield f"http://127.0.0.1:{port}", folder


def test_whichever_worker_answers_tells_the_requests_of_all(counted_web: tuple[str, Path]) -> None:
    address, folder = counted_web
    wait_until(lambda: len(list(folder.glob("histogram_*.db"))) == 2, seconds=40)
    for _ in range(40):
        assert answer(f"{address}/healthz")[0] == 200
    told = samples(answer(f"{address}/metrics")[1].decode())
    healthz = (
        "keepa_deals_http_requests_total",
        (("endpoint", "status.healthz"), ("method", "GET"), ("status", "200")),
    )
    assert told[healthz] == 40
    assert (
        told["keepa_deals_verdict", (("state", "broken"),)] + told["keepa_deals_verdict", (("state", "stopped"),)] == 1
    )
    # Allocated, not sparse: a full disk could not end a worker that writes there.
    assert all(file.stat().st_blocks * 512 >= 256 * 1024 for file in folder.glob("*.db"))


def test_a_folder_that_can_not_be_written_costs_only_the_counts(tmp_path: Path) -> None:
    port = free_port()
    environment = {"VAR_DIR": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "run" / "metrics")}
    with gunicorn(port, environment):
        assert answer(f"http://127.0.0.1:{port}/healthz")[0] == 200
        status, body = answer(f"http://127.0.0.1:{port}/metrics")
    assert status == 200
    told = samples(body.decode())
    assert ("keepa_deals_verdict", (("state", "working"),)) in told
    assert not [name for name, _ in told if "http" in name]
