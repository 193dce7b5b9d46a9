"""Facts to verdict: a working installation, and each way in which it is not one."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.health import SEVERITY, Verdict, VerdictState, judge_health, unjudged, unusable_settings, verdict_line
from keepa_deals.health_catalogue import CATALOGUE, Level, finding
from keepa_deals.health_facts import (
    AlertFact,
    BeatFact,
    CallFact,
    CallResult,
    ClockStep,
    DatabaseFact,
    DealsFact,
    DiskFact,
    HealthFacts,
    KeepaFact,
    LeaseFact,
    PassFact,
    PoisonFact,
    ProcessFact,
    PulseFact,
    RedisFact,
    TokenFact,
    WatchdogFact,
)
from keepa_deals.health_passes import missed_runs
from keepa_deals.records import Pass, StopReason
from keepa_deals.token_budget import live_interval

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
NEVER_JUDGED = {"settings_bad", "health_failed", "dashboard_unreachable", "counts_differ", "not_counted"}
"""Ids that come from the edges around the judgement."""


def ago(**length: float) -> datetime:
    return NOW - timedelta(**length)


def ahead(**length: float) -> datetime:
    return NOW + timedelta(**length)


def a_pass(which: Pass = Pass.LIVE_UPDATE, **changes: Any) -> PassFact:
    """A pass that ended three minutes ago and is due again in one."""
    done = PassFact(
        which,
        due_at=ahead(minutes=1),
        last_started_at=ago(minutes=3, seconds=10),
        last_finished_at=ago(minutes=3),
        last_worked_at=ago(minutes=3),
        last_done_at=ago(minutes=3),
        stop=StopReason.NOTHING_NEW,
    )
    return replace(done, **changes)


def passes(**live: Any) -> tuple[PassFact, ...]:
    return (a_pass(**live), a_pass(Pass.BACKFILL), a_pass(Pass.LOOKS))


def waiting(which: Pass = Pass.LIVE_UPDATE, **changes: Any) -> PassFact:
    held = {"due_at": ago(minutes=5), "stop": StopReason.WAITING_FOR_TOKENS, "waiting_until": ahead(minutes=5)}
    return a_pass(which, **{**held, **changes})


PROCESSES = tuple(
    ProcessFact(name, 100 + number, alive=True, started_at=ago(hours=5))
    for number, name in enumerate(("redis", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"))
)

WORKING = HealthFacts(
    now=NOW,
    real_now=NOW,
    processes=PROCESSES,
    pulses=(
        PulseFact("backfill", ago(seconds=11), ago(seconds=10)),
        PulseFact("upsert", ago(seconds=9), ago(seconds=8)),
    ),
    beat=BeatFact(last_tick_at=ago(seconds=2), last_sent_at=ago(seconds=9)),
    passes=passes(),
    keepa=KeepaFact(answered_at=ago(minutes=3)),
    tokens=TokenFact(known=True, balance=37, available=30, per_minute=20, foreign_per_hour=0.0),
    deals=DealsFact(live=214, unverified=4, gone=30),
    leases=(LeaseFact("backfill_deals_lock", "pid 7 on here", alive=True, age_seconds=4),),
    poison=PoisonFact(set_aside=0),
    watchdog=WatchdogFact(ago(seconds=5), kept_at=ago(seconds=50), write_waited_seconds=0.01),
    database=DatabaseFact(0.01, wal_bytes=0),
    redis=RedisFact(0.001, {"upsert": 0, "backfill": 1}, {"backfill": 3.0}, clock_ahead_seconds=0.01),
    disk=DiskFact(free_bytes=10**10),
)


def facts(**changes: Any) -> HealthFacts:
    return replace(WORKING, **changes)


def restarted(name: str, *, seconds: float = 5, alive: bool = True) -> tuple[ProcessFact, ...]:
    """All processes, but `name` has been up for no longer than `seconds`."""
    return tuple(
        replace(process, alive=alive, started_at=ago(seconds=seconds)) if process.name == name else process
        for process in PROCESSES
    )


def counting(restarts: int, name: str = "beat") -> WatchdogFact:
    return replace(WORKING.watchdog, restarts_15m={name: restarts})


def ids(verdict: Verdict) -> set[str]:
    return {found.id for found in verdict.findings}


def failed(result: CallResult, times: int = 1) -> KeepaFact:
    calls = tuple(CallFact(ago(minutes=1 + number), result) for number in range(times))
    return KeepaFact(answered_at=ago(minutes=9), failures=calls)


def with_dead(name: str) -> tuple[ProcessFact, ...]:
    return tuple(replace(process, alive=process.name != name) for process in PROCESSES)


STARTED = tuple(replace(process, started_at=ago(seconds=20)) for process in PROCESSES)
STUCK, BLIND, BROKEN, STARVED = VerdictState.STUCK, VerdictState.BLIND, VerdictState.BROKEN, VerdictState.STARVED
FINE, IDLE, STOPPED = VerdictState.WORKING, VerdictState.WAITING, VerdictState.STOPPED

CASES: dict[str, tuple[HealthFacts, VerdictState, str]] = {
    "every process ended": (
        facts(processes=tuple(replace(p, alive=False) for p in PROCESSES)), STOPPED, "stopped"),
    "nothing recorded and nothing arrives": (facts(processes=(), pulses=()), STOPPED, "stopped"),
    "nothing recorded though pulses arrive": (facts(processes=()), FINE, "processes_unrecorded"),
    "processes unread": (facts(processes=None), BROKEN, "processes_unread"),
    "scheduler ended": (facts(processes=with_dead("beat")), STUCK, "scheduler_dead"),
    "worker ended": (facts(processes=with_dead("worker-upsert")), STUCK, "worker_dead"),
    "web ended": (facts(processes=with_dead("web")), BROKEN, "web_dead"),
    "watchdog ended": (facts(processes=with_dead("watchdog")), FINE, "process_dead"),
    "just started": (facts(processes=STARTED, pulses=()), STUCK, "starting"),
    "just started after a long stop": (
        facts(processes=STARTED, passes=passes(due_at=ago(days=3), last_done_at=ago(days=3))), STUCK, "starting"),
    "heartbeat of the scheduler unread": (facts(beat=None), FINE, "no_beat_evidence"),
    "scheduler silent": (facts(beat=BeatFact(ago(seconds=31), ago(seconds=31))), STUCK, "beat_silent"),
    "scheduler never ticked": (facts(beat=BeatFact(None, None)), STUCK, "beat_silent"),
    "scheduler sends nothing": (facts(beat=BeatFact(ago(seconds=1), ago(seconds=31))), STUCK, "beat_sends_nothing"),
    "pulses unread": (facts(pulses=None), STUCK, "no_pulse_evidence"),
    "no pulse on one queue": (facts(pulses=WORKING.pulses[:1]), STUCK, "pulse_never"),
    "old pulse": (
        facts(pulses=(PulseFact("backfill", ago(seconds=47), ago(seconds=46)), WORKING.pulses[1])),
        STUCK, "pulse_stale"),
    "queue backlog": (facts(redis=RedisFact(0.001, {"upsert": 6})), FINE, "queue_backlog"),
    "old message": (facts(redis=RedisFact(0.001, {"upsert": 1}, {"upsert": 61.0})), FINE, "message_old"),
    "passes unread": (facts(passes=None), STUCK, "no_pass_evidence"),
    "live update never recorded": (facts(passes=passes()[1:]), STUCK, "pass_never_worked"),
    "live update never done": (facts(passes=passes(last_done_at=None)), STUCK, "pass_never_worked"),
    "live update late": (facts(passes=passes(due_at=ago(seconds=76))), STUCK, "pass_overdue"),
    "live update long ago though due later": (facts(passes=passes(last_done_at=ago(hours=1))), STUCK, "pass_overdue"),
    "live update hangs": (facts(passes=passes(last_started_at=ago(seconds=331), last_finished_at=ago(hours=1))),
        STUCK, "pass_hung"),
    "live update fails and fails": (
        facts(passes=passes(consecutive_failures=3, last_error="StoreError: no")), STUCK, "pass_failing"),
    "live update failed once": (facts(passes=passes(consecutive_failures=1)), FINE, "pass_failed_once"),
    "live update missed runs": (
        facts(passes=passes(quiet=((ago(hours=2), ago(hours=1)),))), FINE, "runs_missed"),
    "live update waits": (facts(passes=(waiting(), *passes()[1:])), IDLE, "live_update_waiting"),
    "live update waits in place": (
        facts(passes=(waiting(last_started_at=ago(seconds=20)), *passes()[1:])), IDLE, "live_update_waiting"),
    "live update's wait has gone by": (
        facts(passes=(waiting(waiting_until=ago(seconds=76)), *passes()[1:])), STUCK, "pass_overdue"),
    "live update starves": (facts(passes=(waiting(last_done_at=ago(hours=1)), *passes()[1:])),
        STARVED, "live_update_starved"),
    "backfill waits": (facts(passes=(a_pass(), waiting(Pass.BACKFILL), a_pass(Pass.LOOKS))),
        FINE, "waiting_for_tokens"),
    "backfill late": (facts(passes=(a_pass(), a_pass(Pass.BACKFILL, due_at=ago(minutes=3)), a_pass(Pass.LOOKS))),
        STUCK, "pass_overdue"),
    "somebody else spends a little": (
        facts(tokens=replace(WORKING.tokens, foreign_per_hour=240.0)), FINE, "foreign_spending"),
    "somebody else spends most": (
        facts(tokens=replace(WORKING.tokens, foreign_per_hour=700.0)), STARVED, "budget_taken"),
    "Keepa refused": (facts(keepa=KeepaFact(ago(minutes=3), refused_last_hour=2)), FINE, "keepa_refused"),
    "calls unread": (facts(keepa=None), BLIND, "no_keepa_evidence"),
    "Keepa never answered": (facts(keepa=KeepaFact(None)), BLIND, "keepa_never_answered"),
    "key rejected": (facts(keepa=failed(CallResult.KEY_REJECTED)), BLIND, "keepa_key_rejected"),
    "subscription ended": (facts(keepa=failed(CallResult.SUBSCRIPTION_ENDED)), BLIND, "keepa_subscription_ended"),
    "Keepa unreachable": (facts(keepa=failed(CallResult.UNREACHABLE, 3)), BLIND, "keepa_unusable"),
    "just started and Keepa is unreachable": (
        facts(processes=STARTED, passes=passes(last_done_at=None), keepa=failed(CallResult.UNREACHABLE, 3)),
        BLIND, "keepa_unusable"),
    "Keepa talks nonsense": (facts(keepa=failed(CallResult.MALFORMED, 3)), BLIND, "keepa_unusable"),
    "one call lost": (facts(keepa=failed(CallResult.UNREACHABLE, 1)), FINE, "keepa_errors"),
    "Keepa unreachable explains the failing pass": (
        facts(keepa=failed(CallResult.UNREACHABLE, 3), passes=passes(consecutive_failures=5)), BLIND, "pass_failing"),
    "Keepa unreachable does not explain a silent scheduler": (
        facts(keepa=failed(CallResult.UNREACHABLE, 3), beat=BeatFact(ago(hours=1), None)), STUCK, "beat_silent"),
    "tokens unread": (facts(tokens=None), FINE, "no_token_evidence"),
    "balance unknown": (facts(tokens=TokenFact(known=False)), FINE, "tokens_unknown"),
    "deals uncounted": (facts(deals=None), FINE, "no_deal_evidence"),
    "many deals past their promise": (facts(deals=DealsFact(90, 10, 0)), FINE, "promise_broken"),
    "leases unread": (facts(leases=None), FINE, "no_lease_evidence"),
    "dead holder": (facts(leases=(replace(WORKING.leases[0], alive=False),)), FINE, "lease_of_the_dead"),
    "poison unread": (facts(poison=None), FINE, "no_poison_evidence"),
    "poison": (facts(poison=PoisonFact(2, "page 7 (no)")), FINE, "poison_set_aside"),
    "watchdog unread": (facts(watchdog=None), FINE, "no_watchdog_evidence"),
    "watchdog silent": (facts(watchdog=WatchdogFact(ago(seconds=61))), FINE, "watchdog_silent"),
    "verdict not kept": (facts(watchdog=WatchdogFact(NOW, kept_at=ago(seconds=301))), FINE, "verdict_not_kept"),
    "verdict never kept": (facts(watchdog=WatchdogFact(NOW)), FINE, "verdict_not_kept"),
    "webhook fails": (
        facts(watchdog=replace(WORKING.watchdog, failing_alerts=(AlertFact("webhook", 3, "it answered 500"),))),
        FINE, "alert_path"),
    "a write waited": (facts(watchdog=replace(WORKING.watchdog, write_waited_seconds=1.1)),
        FINE, "database_lock_waits"),
    "clock jumped": (facts(watchdog=replace(WORKING.watchdog, clock_step=ClockStep(ago(minutes=59), -7200.0))),
        FINE, "clock_stepped"),
    "clocks differ": (facts(redis=RedisFact(0.001, clock_ahead_seconds=-31.0)), FINE, "clocks_differ"),
    "the scheduler came back": (facts(processes=restarted("beat", seconds=9)), STUCK, "just_restarted"),
    "the scheduler came back and has not ticked yet": (
        facts(processes=restarted("beat", seconds=15), beat=BeatFact(ago(seconds=20), ago(seconds=20))),
        STUCK, "just_restarted"),
    "a worker came back twice": (
        facts(processes=restarted("worker-upsert", seconds=29), watchdog=counting(2, "worker-upsert")),
        STUCK, "just_restarted"),
    "a program restarts again and again": (
        facts(processes=restarted("beat", seconds=119), watchdog=counting(4)), STUCK, "restarting_often"),
    "a program that restarted again and again is away": (
        facts(processes=restarted("web", alive=False), watchdog=counting(4, "web")), BROKEN, "restarting_often"),
    "a program was restarted again and again": (
        facts(processes=restarted("beat", seconds=120), watchdog=counting(4)), FINE, "restarted_often"),
    "database away": (facts(database=None, pulses=None, passes=None, keepa=None), BROKEN, "database_unreachable"),
    "another database file": (facts(database=DatabaseFact(0.1, file_wrong="other file")), BROKEN, "database_replaced"),
    "schema of another version": (facts(database=DatabaseFact(0.1, schema_wrong="too old")), BROKEN, "schema_wrong"),
    "demo data under a real key": (facts(database=DatabaseFact(0.1, origin_wrong="demo")), BROKEN, "origin_mismatch"),
    "slow database": (facts(database=DatabaseFact(2.1)), FINE, "database_slow"),
    "large log": (facts(database=DatabaseFact(0.1, wal_bytes=257 * 2**20)), FINE, "wal_large"),
    "Redis away": (facts(redis=None, leases=None, tokens=None), BROKEN, "redis_unreachable"),
    "disk unread": (facts(disk=None), FINE, "no_disk_evidence"),
    "disk full": (facts(disk=DiskFact(10 * 2**20)), BROKEN, "disk_full"),
    "disk nearly full": (facts(disk=DiskFact(400 * 2**20)), FINE, "disk_low"),
    "folder read-only": (facts(disk=DiskFact(10**10, writable=False)), BROKEN, "folder_read_only"),
    "clock set back": (facts(real_now=ago(minutes=2), now=ago(minutes=2)), STUCK, "clock_set_back"),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "state", "named"), CASES.values(), ids=CASES.keys())
def test_facts_give_the_verdict_and_the_finding(seen: HealthFacts, state: VerdictState, named: str) -> None:
    verdict = judge_health(seen)
    assert (verdict.state, named in ids(verdict)) == (state, True), verdict


def test_a_working_installation_has_no_finding() -> None:
    verdict = judge_health(WORKING)
    assert (verdict.state, verdict.findings) == (VerdictState.WORKING, ())


@pytest.mark.parametrize(("times", "seconds"), [(0, 10), (1, 10), (2, 30), (3, 60), (4, 120), (9, 120)])
def test_the_oftener_a_program_was_restarted_the_longer_it_must_stay_up(times: int, seconds: int) -> None:
    for up in (seconds - 1, seconds):
        verdict = judge_health(
            facts(processes=restarted("worker-backfill", seconds=up), watchdog=counting(times, "worker-backfill"))
        )
        assert verdict.is_fine is (up == seconds), (up, verdict)


def test_what_came_up_with_everything_else_was_not_restarted() -> None:
    together = tuple(replace(process, started_at=ago(seconds=15)) for process in PROCESSES)
    assert "just_restarted" not in ids(judge_health(facts(processes=together)))


def test_a_scheduler_of_three_seconds_proves_nothing_even_at_a_start() -> None:
    together = tuple(replace(process, started_at=ago(seconds=3)) for process in PROCESSES)
    verdict = judge_health(facts(processes=together))
    assert not verdict.is_fine
    assert "just_restarted" in ids(verdict)


def test_every_finding_of_the_catalogue_has_a_case() -> None:
    assert {named for _, _, named in CASES.values()} == set(CATALOGUE) - NEVER_JUDGED


def test_no_evidence_at_all_is_not_fine() -> None:
    assert not judge_health(HealthFacts(now=NOW, real_now=NOW)).is_fine


@pytest.mark.parametrize("part", [field.name for field in fields(HealthFacts) if field.default is None])
def test_a_part_that_nobody_could_read_is_a_finding(part: str) -> None:
    why = {part: "the probe said why"}
    verdict = judge_health(facts(**{part: None}, failures=why))
    assert [found.seen for found in verdict.findings if found.seen == "the probe said why"]


def test_a_part_behind_an_unreachable_door_is_not_mentioned_again() -> None:
    away = facts(database=None, pulses=None, passes=None, keepa=None, deals=None, poison=None)
    assert ids(judge_health(away)) == {"database_unreachable"}


def test_a_stopped_installation_says_only_what_still_matters() -> None:
    ended = tuple(replace(process, alive=False) for process in PROCESSES)
    verdict = judge_health(facts(processes=ended, redis=None, beat=None, disk=DiskFact(10)))
    assert [found.id for found in verdict.findings] == ["stopped", "disk_full"]


def test_a_fresh_start_is_info_and_not_yet_working() -> None:
    verdict = judge_health(facts(processes=STARTED, pulses=(), beat=None, passes=()))
    assert [(found.id, found.level) for found in verdict.findings] == [("starting", Level.INFO)]


@pytest.mark.parametrize(
    ("missing", "awaited"),
    [
        ({"beat": BeatFact(None, None), "pulses": (), "passes": ()}, "the scheduler's first tick"),
        ({"pulses": (), "passes": ()}, "the first messages to come through both queues"),
        ({"keepa": KeepaFact(None), "passes": ()}, "Keepa's first answer"),
        ({"passes": ()}, "the end of the first run of each pass"),
    ],
)
def test_a_start_says_that_nothing_is_wrong_and_what_comes_next(missing: dict[str, Any], awaited: str) -> None:
    assert verdict_line(judge_health(facts(processes=STARTED, **missing))) == (
        f"stuck: it has only just been started (20 s ago, nothing is wrong so far) and waits for {awaited}. "
        "Wait a minute and look again; see docs/operations.md#starting."
    )


def test_the_grace_of_a_start_ends() -> None:
    late = tuple(replace(process, started_at=ago(seconds=61)) for process in PROCESSES)
    assert "pulse_never" in ids(judge_health(facts(processes=late, pulses=())))


def test_a_worker_busy_with_a_pass_excuses_its_late_canary() -> None:
    busy = a_pass(Pass.LOOKS, last_started_at=ago(minutes=4), last_finished_at=ago(minutes=9))
    old = (PulseFact("backfill", ago(minutes=4), ago(minutes=4)), WORKING.pulses[1])
    verdict = judge_health(facts(pulses=old, passes=(a_pass(), a_pass(Pass.BACKFILL, due_at=ago(minutes=4)), busy)))
    assert verdict.state is VerdictState.WORKING


def test_a_worker_busy_with_a_pass_excuses_what_waits_for_it() -> None:
    busy = a_pass(Pass.LOOKS, last_started_at=ago(minutes=4), last_finished_at=ago(minutes=9))
    crowded = RedisFact(0.001, {"backfill": 40}, {"backfill": 200.0})
    assert judge_health(facts(redis=crowded, passes=(a_pass(), a_pass(Pass.BACKFILL), busy))).findings == ()


@pytest.mark.parametrize(
    ("length", "missed"),
    [(timedelta(minutes=10), 0), (timedelta(minutes=11), 0), (timedelta(minutes=12), 1), (timedelta(hours=1), 5)],
)
def test_runs_are_missed_by_whole_intervals(length: timedelta, missed: int) -> None:
    """The live update is due every ten minutes at 10 tokens a minute; five rings of the doorbell are allowed."""
    rate = replace(WORKING, tokens=replace(WORKING.tokens, per_minute=10))
    assert live_interval(10) == timedelta(minutes=10)
    assert missed_runs(rate, a_pass(quiet=((ago(hours=2), ago(hours=2) + length),))) == missed


def test_what_was_missed_before_the_start_is_no_finding() -> None:
    off = passes(quiet=((ago(hours=9), ago(hours=5) + timedelta(seconds=5)),))
    assert judge_health(facts(passes=off)).findings == ()


def test_an_accelerated_clock_does_not_make_doorbells_late() -> None:
    """Ten minutes late on a clock of 60 times the speed are ten real seconds."""
    late = facts(clock_speed=60.0, passes=passes(due_at=ago(minutes=10)))
    assert judge_health(late).state is VerdictState.WORKING


def test_what_is_saved_while_we_look_is_no_future_under_an_accelerated_clock() -> None:
    """Two minutes of a clock of 60 times the speed are two real seconds."""
    seen = facts(clock_speed=60.0, keepa=KeepaFact(ahead(minutes=2)))
    assert judge_health(seen).findings == ()
    assert ids(judge_health(replace(seen, clock_speed=1.0))) == {"clock_set_back"}


def test_waiting_has_its_instant_and_nothing_else_has() -> None:
    idle = judge_health(facts(passes=(waiting(), *passes()[1:])))
    assert idle.waiting_until == ahead(minutes=5)
    assert judge_health(WORKING).waiting_until is None


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (judge_health(WORKING), "working: 214 deals live, 98 % inside their promise, balance 37 of 1,200 tokens"),
        (
            judge_health(facts(passes=(waiting(), *passes()[1:]), tokens=None, deals=DealsFact(0, 0, 0))),
            "waiting for tokens until 12:05 UTC: 0 deals live, balance unknown",
        ),
        (
            judge_health(facts(beat=BeatFact(ago(minutes=10), None))),
            "stuck: the scheduler last ticked 10 min ago. The watchdog restarts the scheduler within a minute; "
            "else read celery_beat.log; see docs/operations.md#beat_silent.",
        ),
        (unusable_settings("WEB_PORT is wrong.", at=NOW), "broken: WEB_PORT is wrong. Correct the setting that the "
            "sentence names, in .env; see docs/operations.md#settings_bad."),
        (unjudged("it fell over", at=NOW), "broken: it fell over. Run Diagnostics/comprehensive_diag.py and report "
            "what it says; see docs/operations.md#health_failed."),
    ],
)  # fmt: skip
def test_the_verdict_in_one_line(verdict: Verdict, line: str) -> None:
    assert verdict_line(verdict) == line


def test_every_finding_points_at_its_own_heading_and_every_heading_has_a_finding() -> None:
    headings = set(re.findall(r"^### (\w+)$", OPERATIONS.read_text(encoding="utf-8"), re.MULTILINE))
    assert headings == set(CATALOGUE)
    assert all(finding(name, "x").remedy.endswith(f"docs/operations.md#{name}.") for name in CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_heading_says_the_level_and_the_verdict_of_the_catalogue(name: str) -> None:
    kind = CATALOGUE[name]
    forces = "no verdict" if kind.forces is None else f"*{kind.forces.replace('_', ' ')}*"
    section = OPERATIONS.read_text(encoding="utf-8").split(f"### {name}\n")[1]
    assert section.startswith(f"\n*{kind.level.capitalize()}, forces {forces}.*\n")


def test_no_finding_forces_a_verdict_that_is_fine_but_waiting() -> None:
    assert {kind.forces for kind in CATALOGUE.values()} & {VerdictState.WORKING} == set()
    assert SEVERITY.keys() == set(VerdictState)


@given(
    name=st.sampled_from(sorted(set(CASES) - {"clock set back"})),
    minutes=st.floats(0, 10_000),
    more=st.floats(0, 10_000),
)
def test_the_verdict_never_gets_better_while_the_evidence_gets_older(name: str, minutes: float, more: float) -> None:
    seen = CASES[name][0]
    earlier = judge_health(aged(seen, minutes))
    later = judge_health(aged(seen, minutes + more))
    assert SEVERITY[later.state] >= SEVERITY[earlier.state], (earlier, later)


@given(parts=st.sets(st.sampled_from([field.name for field in fields(HealthFacts) if field.default is None])))
def test_the_verdict_never_gets_better_when_less_can_be_read(parts: set[str]) -> None:
    blinder = replace(WORKING, **dict.fromkeys(parts))
    assert SEVERITY[judge_health(blinder).state] >= SEVERITY[VerdictState.WORKING]
    if parts & {"processes", "pulses", "passes", "keepa", "database", "redis"}:
        assert not judge_health(blinder).is_fine


def aged(seen: HealthFacts, minutes: float) -> HealthFacts:
    """The same facts, looked at so much later."""
    length = timedelta(minutes=minutes)
    return replace(seen, now=seen.now + length, real_now=seen.real_now + length)
