"""Facts gathered from a real folder, database and Redis; a probe that fails or hangs takes no other down."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from keepa_deals.clock import SystemClock
from keepa_deals.health import VerdictState, judge_health
from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import installation_id
from keepa_deals.probes import current_verdict, gather_facts
from keepa_deals.processes.programs import programs
from keepa_deals.records import Pass, PassReport, StopReason, TokenStatus
from keepa_deals.settings import Settings, settings_from
from keepa_deals.store import call_ledger, pass_records
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.door import Store
from keepa_deals.store.engine import Database
from keepa_deals.store.schema import claim_origin
from keepa_deals.token_manager import Permit, Purpose, TokenManager
from tests.diagnostics.conftest import ROOT


@pytest.fixture
def values(var_dir: Path, redis: Redis, redis_server: str) -> dict[str, str]:
    return {"VAR_DIR": str(var_dir), "REDIS_URL": redis_server}


@pytest.fixture
def at_work(settings: Settings, database: Database, redis: Redis) -> Settings:
    """An installation all of whose evidence is fresh; this test process stands for each of its programs."""
    now = datetime.now(UTC)
    installation = installation_id(settings.var_dir)
    write_run_files(settings, now=now)
    store = Store(database, clock=SystemClock())
    for queue in ("upsert", "backfill"):
        store.record_pulse(queue, sent_at=now, received_at=now)
    with store.write() as connection:
        claim_origin(connection, origin="demo", account="", now=now)
        for which in Pass:
            pass_records.begin_pass(connection, which, now=now)
            report = PassReport(which, now, now, StopReason.NOTHING_NEW)
            pass_records.finish_pass(connection, report, due_at=now + timedelta(minutes=5), now=now)
        call_ledger.open_call(
            connection, "c1", which=Pass.LIVE_UPDATE, purpose="live", what="feed page 0", reserved=5, now=now
        )
        call_ledger.settle_call(
            connection, "c1", outcome=CallOutcome.ANSWERED, billed=5, balance_after=95, error=None, now=now
        )
    assert isinstance(ledger(settings, redis, installation).request_permission_for_call(5, Purpose.LIVE), Permit)
    return settings


def write_run_files(settings: Settings, *, now: datetime) -> None:
    settings.run_dir.mkdir()
    me = ProcessIdentity.current().as_dict()
    started = (now - timedelta(hours=1)).isoformat()
    roster = [{"name": program.name, **me, "started_at": started} for program in programs(settings)]
    write(settings.run_dir / "processes.json", roster)
    write(settings.run_dir / "simulator.json", {"url": "http://127.0.0.1:9", "key": "k" * 64})
    write(settings.run_dir / "beat.json", {"pid": 1, "last_tick_at": now.isoformat(), "last_sent_at": now.isoformat()})
    write(settings.run_dir / "watchdog.json", {"at": now.isoformat(), "heals": [], "restarts_15m": {}})
    write(settings.run_dir / "witness.json", {"kept_at": now.isoformat(), "write_waited_seconds": 0.01})


def write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def ledger(settings: Settings, redis: Redis, installation: str) -> TokenManager:
    status = TokenStatus(
        balance=100, refill_rate=20, refill_in_ms=30_000, flow_reduction=0, consumed=0, server_time=datetime.now(UTC)
    )
    return TokenManager(
        redis, account=settings.account("k" * 64), installation=installation, clock=SystemClock(),
        read_balance=lambda: status,
    )  # fmt: skip


def test_fresh_evidence_everywhere_is_working(at_work: Settings) -> None:
    verdict = current_verdict(at_work)
    assert (verdict.state, verdict.findings) == (VerdictState.WORKING, ())
    assert (verdict.numbers.live, verdict.numbers.capacity) == (0, 1200)


def test_a_process_that_ended_is_seen_by_its_identity_though_its_pid_lives(at_work: Settings) -> None:
    roster = at_work.run_dir / "processes.json"
    entries = json.loads(roster.read_text())
    for entry in entries:
        entry["start_ticks"] -= 1
    write(roster, entries)
    assert current_verdict(at_work).state is VerdictState.STOPPED


def test_a_program_that_left_the_record_is_missed(at_work: Settings) -> None:
    roster = at_work.run_dir / "processes.json"
    write(roster, [entry for entry in json.loads(roster.read_text()) if entry["name"] != "beat"])
    assert [found.id for found in current_verdict(at_work).findings] == ["scheduler_dead"]


def test_a_real_key_over_demo_data_is_broken(at_work: Settings, values: dict[str, str]) -> None:
    real = settings_from({**values, "KEEPA_API_KEY": "a1" * 32}, root=ROOT)
    verdict = current_verdict(real)
    assert (verdict.state, verdict.findings[0].id) == (VerdictState.BROKEN, "origin_mismatch")


def test_an_emptied_redis_is_seen(at_work: Settings, redis: Redis) -> None:
    redis.flushall()
    assert [found.id for found in current_verdict(at_work).findings] == ["tokens_unknown"]


def test_garbage_in_the_run_folder_takes_no_probe_down(at_work: Settings) -> None:
    for name in ("beat.json", "watchdog.json", "simulator.json"):
        (at_work.run_dir / name).write_text('{"at": [')
    facts = gather_facts(at_work)
    assert set(facts.failures) == {"beat", "watchdog", "tokens"}
    assert facts.failures["beat"] == "beat.json is not JSON"


def test_garbage_instead_of_a_database_is_broken(at_work: Settings, database: Database) -> None:
    database.dispose()
    at_work.database_file.write_bytes(os.urandom(8192))
    verdict = current_verdict(at_work)
    assert (verdict.state, verdict.findings[0].id) == (VerdictState.BROKEN, "database_unreachable")


def test_an_empty_database_is_broken_and_says_what_to_do(at_work: Settings, database: Database) -> None:
    database.dispose()
    at_work.database_file.unlink()
    at_work.database_file.touch()
    facts = gather_facts(at_work)
    assert facts.database is not None
    assert "run ./deploy_update.sh" in str(facts.database.schema_wrong)
    assert judge_health(facts).state is VerdictState.BROKEN


def test_what_lies_in_a_queue_tells_its_age(at_work: Settings, redis: Redis) -> None:
    queue = f"{installation_id(at_work.var_dir)}:celery:upsert"
    expires = datetime.now(UTC) - timedelta(seconds=75)
    redis.lpush(queue, json.dumps({"headers": {"expires": expires.isoformat()}}), "garbage")
    seen = gather_facts(at_work).redis
    assert seen is not None
    assert (seen.queue_lengths["upsert"], seen.oldest_seconds["upsert"]) == (2, pytest.approx(90, abs=5))
    assert seen.clock_ahead_seconds == pytest.approx(0, abs=5)


def test_a_way_to_the_outside_that_fails_is_seen_while_it_is_configured(
    at_work: Settings, values: dict[str, str]
) -> None:
    way = {"failures": 3, "since": "2026-05-04T12:00:00+00:00", "error": "it answered 500"}
    write(at_work.run_dir / "alerts.json", {"ways": {"webhook": way, "dead-man ping": {**way, "failures": 0}}})
    assert current_verdict(at_work).findings == ()
    used = {"VERDICT_WEBHOOK_URL": "https://h.example/x", "VERDICT_WEBHOOK_SECRET": "s" * 16}
    (found,) = current_verdict(settings_from({**values, **used}, root=ROOT)).findings
    assert (found.id, found.seen) == ("alert_path", "the webhook failed 3 times in a row: it answered 500")


def test_the_watchdog_tells_of_a_long_write_and_of_a_clock_that_jumped(at_work: Settings) -> None:
    now = datetime.now(UTC).isoformat()
    write(at_work.run_dir / "witness.json", {"kept_at": now, "write_waited_seconds": 4.5})
    write(at_work.run_dir / "watchdog.json", {"at": now, "clock_step": {"at": now, "seconds": -7200.0}})
    found = {one.id: one.seen for one in current_verdict(at_work).findings}
    assert found == {
        "database_lock_waits": "a write waited 4.5 s for the database's lock",
        "clock_stepped": "the machine's clock jumped back by 2 h",
    }


@pytest.fixture
def hole() -> Iterator[int]:
    """The port of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_probe_that_hangs_is_left_behind(at_work: Settings, values: dict[str, str], hole: int) -> None:
    hanging = settings_from({**values, "REDIS_URL": f"redis://127.0.0.1:{hole}/0"}, root=ROOT)
    facts = gather_facts(hanging, seconds=0.5)
    assert facts.redis is None
    assert facts.failures["redis"] == "redis did not answer within 0.5 s"
    assert facts.pulses is not None
    assert judge_health(facts).state is VerdictState.BROKEN


def test_whatever_goes_wrong_the_answer_is_a_verdict(values: dict[str, str]) -> None:
    impossible = settings_from({**values, "DATABASE_URL": "sqlite:///:memory:"}, root=ROOT)
    verdict = current_verdict(impossible)
    assert (verdict.state, verdict.findings[0].id) == (VerdictState.BROKEN, "health_failed")
