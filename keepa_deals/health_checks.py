"""Each check reads one part of the facts and yields what it finds. Pure; ages only ever make a finding worse.

Deadlines: a scheduler ticks and sends within 30 s, a canary arrives within three of its 15 s periods, a due pass
starts within a few rings of its doorbell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from keepa_deals.health_catalogue import Finding, finding
from keepa_deals.health_facts import BeatFact, CallResult, HealthFacts, KeepaFact, ProcessFact, PulseFact
from keepa_deals.health_passes import check_passes, keeps_worker_busy, span
from keepa_deals.health_restarts import check_restarts
from keepa_deals.timetable import PASSES, PULSE_SECONDS, QUEUES

BEAT_SECONDS = 30.0
WATCHDOG_SECONDS = 60.0
TRANSIENT_FAILURES = 3
"""So many calls in a row without an answer, of a kind that passes by itself, are no longer an accident."""
FUTURE_TOLERANCE = timedelta(seconds=60)
QUEUE_ALLOWED = 5
OLDEST_ALLOWED = 60.0
"""Messages expire after 15 s; one that lies longer waits for a worker that takes none."""
LOCK_WAIT_ALLOWED = 1.0
KEPT_WITHIN = 300.0
"""The verdict is kept once a minute."""
ALERT_FAILURES_ALLOWED = 2
STEP_NOTED_FOR = 3600.0
CLOCKS_MAY_DIFFER = 30.0
SLOW_SECONDS = 2.0
MEBIBYTE = 1024 * 1024
WAL_ALLOWED = 256 * MEBIBYTE
DISK_NEEDED = 50 * MEBIBYTE
DISK_WANTED = 500 * MEBIBYTE
PROMISE_PERCENT = 95.0
FOREIGN_NOTED = 0.10
FOREIGN_TAKEN = 0.50
"""Shares of the refill that somebody else may spend before it is noted, and before the budget counts as taken."""

_FROM_DATABASE = ("pulses", "passes", "keepa", "deals", "poison")
_FROM_REDIS = ("leases", "tokens")
_PROCESS_FINDINGS = {"beat": "scheduler_dead", "web": "web_dead"}

Check = Callable[[HealthFacts], Iterator[Finding]]


def check_all(facts: HealthFacts) -> tuple[Finding, ...]:
    """Every finding, in the order of the checks."""
    return tuple(found for check in CHECKS for found in check(facts))


def is_stopped(facts: HealthFacts) -> bool:
    """Whether nothing that this installation recorded lives, and nothing unrecorded does its work."""
    if facts.processes is None or any(process.alive is not False for process in facts.processes):
        return False
    return bool(facts.processes) or not _some_pulse_is_fresh(facts)


def check_evidence(facts: HealthFacts) -> Iterator[Finding]:
    """What could not be looked at. A part behind an unreachable door is not mentioned again."""
    if facts.database is None:
        yield finding("database_unreachable", _why(facts, "database", "the database did not answer"))
    if facts.redis is None:
        yield finding("redis_unreachable", _why(facts, "redis", "Redis did not answer"))
    unread = facts.database is None or facts.database.file_wrong is not None
    behind = (*(_FROM_DATABASE if unread else ()), *(_FROM_REDIS if facts.redis is None else ()))
    for part, name in _UNREAD.items():
        if getattr(facts, part) is None and part not in behind:
            yield finding(name, _why(facts, part, f"{part} could not be read"))


def check_processes(facts: HealthFacts) -> Iterator[Finding]:
    if facts.processes is None:
        return
    if is_stopped(facts):
        yield _stopped(facts.processes)
    elif not facts.processes:
        yield finding("processes_unrecorded", "the work is being done, but by processes that nobody recorded")
    else:
        yield from (_dead(process) for process in facts.processes if process.alive is False)


def check_beat(facts: HealthFacts) -> Iterator[Finding]:
    beat = facts.beat
    if beat is None:
        return
    tick = _age(facts, beat.last_tick_at)
    if tick is None or tick > BEAT_SECONDS:
        yield finding("beat_silent", f"the scheduler last ticked {_ago(tick)}", since=beat.last_tick_at)
        return
    sent = _age(facts, beat.last_sent_at)
    if sent is None or sent > BEAT_SECONDS:
        yield finding("beat_sends_nothing", _sends_nothing(beat, sent), since=beat.last_sent_at)


def check_pulses(facts: HealthFacts) -> Iterator[Finding]:
    if facts.pulses is None:
        return
    pulses = {pulse.queue: pulse for pulse in facts.pulses}
    for queue in QUEUES:
        pulse = pulses.get(queue)
        if pulse is None:
            yield finding("pulse_never", f"no pulse has ever come through the queue {queue}")
        elif not _is_fresh(facts, pulse):
            age = _age(facts, pulse.received_at)
            yield finding(
                "pulse_stale", f"the last pulse through the queue {queue} came {_ago(age)}", since=pulse.received_at
            )


def check_keepa(facts: HealthFacts) -> Iterator[Finding]:
    keepa = facts.keepa
    if keepa is None:
        return
    if keepa.refused_last_hour > 0:
        yield finding(
            "keepa_refused", f"Keepa refused {keepa.refused_last_hour} calls of the last hour for want of tokens"
        )
    yield from _judge_answers(keepa)


def check_tokens(facts: HealthFacts) -> Iterator[Finding]:
    tokens = facts.tokens
    if tokens is None:
        return
    if not tokens.known:
        yield finding("tokens_unknown", "the balance is not known since Redis was emptied or restarted")
    if tokens.foreign_per_hour is None or tokens.per_minute is None or tokens.per_minute <= 0:
        return
    share = tokens.foreign_per_hour / (60 * tokens.per_minute)
    seen = f"somebody else spends about {tokens.foreign_per_hour:,.0f} tokens an hour on this key, {share:.0%} of it"
    if share > FOREIGN_TAKEN:
        yield finding("budget_taken", seen)
    elif share > FOREIGN_NOTED:
        yield finding("foreign_spending", seen)


def check_deals(facts: HealthFacts) -> Iterator[Finding]:
    inside = None if facts.deals is None else facts.deals.inside_percent
    if facts.deals is not None and inside is not None and inside < PROMISE_PERCENT:
        yield finding(
            "promise_broken",
            f"{facts.deals.unverified:,} of {facts.deals.live + facts.deals.unverified:,} deals are past their promise",
        )


def check_leases(facts: HealthFacts) -> Iterator[Finding]:
    for lease in facts.leases or ():
        if lease.alive is False:
            yield finding("lease_of_the_dead", f"{lease.name} is held by {lease.holder}, which is dead")


def check_poison(facts: HealthFacts) -> Iterator[Finding]:
    poison = facts.poison
    if poison is not None and poison.set_aside > 0:
        newest = f", newest: {poison.newest}" if poison.newest else ""
        yield finding(
            "poison_set_aside", f"{poison.set_aside:,} rows or pages are set aside{newest}", since=poison.since
        )


def check_watchdog(facts: HealthFacts) -> Iterator[Finding]:
    watchdog = facts.watchdog
    if watchdog is None:
        return
    age = _age(facts, watchdog.at)
    if age is None or age > WATCHDOG_SECONDS:
        yield finding("watchdog_silent", f"the watchdog was last heard of {_ago(age)}", since=watchdog.at)


def check_history(facts: HealthFacts) -> Iterator[Finding]:
    """Whether verdicts are kept and the outside is told of them."""
    watchdog = facts.watchdog
    if watchdog is None:
        return
    kept = _age(facts, watchdog.kept_at or facts.started_at)
    if kept is not None and kept > KEPT_WITHIN:
        ago = "not once" if watchdog.kept_at is None else _ago(kept)
        yield finding("verdict_not_kept", f"a verdict was last kept {ago}", since=watchdog.kept_at)
    for alert in watchdog.failing_alerts:
        if alert.failures > ALERT_FAILURES_ALLOWED:
            seen = f"the {alert.name} failed {alert.failures} times in a row: {alert.error}"
            yield finding("alert_path", seen, since=alert.since)


def check_database(facts: HealthFacts) -> Iterator[Finding]:
    database = facts.database
    if database is None:
        return
    if database.file_wrong is not None:
        yield finding("database_replaced", database.file_wrong)
    if database.schema_wrong is not None:
        yield finding("schema_wrong", database.schema_wrong)
    if database.origin_wrong is not None:
        yield finding("origin_mismatch", database.origin_wrong)
    if database.latency_seconds > SLOW_SECONDS:
        yield finding("database_slow", f"the database took {database.latency_seconds:.1f} s to answer")
    waited = None if facts.watchdog is None else facts.watchdog.write_waited_seconds
    if waited is not None and waited > LOCK_WAIT_ALLOWED:
        yield finding("database_lock_waits", f"a write waited {waited:.1f} s for the database's lock")
    if database.wal_bytes is not None and database.wal_bytes > WAL_ALLOWED:
        yield finding("wal_large", f"the write-ahead log has {database.wal_bytes // MEBIBYTE:,} MB")


def check_queues(facts: HealthFacts) -> Iterator[Finding]:
    """While a worker is busy with a pass its messages wait, and expire, as they should."""
    if facts.redis is None:
        return
    for queue, length in sorted(facts.redis.queue_lengths.items()):
        if length > QUEUE_ALLOWED and not _is_busy(facts, queue):
            yield finding("queue_backlog", f"{length} messages wait in the queue {queue}")
    for queue, age in sorted(facts.redis.oldest_seconds.items()):
        if age > OLDEST_ALLOWED and not _is_busy(facts, queue):
            waited = span(timedelta(seconds=age))
            yield finding("message_old", f"the oldest message in the queue {queue} has waited {waited}")


def check_disk(facts: HealthFacts) -> Iterator[Finding]:
    disk = facts.disk
    if disk is None:
        return
    if not disk.writable:
        yield finding("folder_read_only", "VAR_DIR can't be written to")
    if disk.free_bytes < DISK_NEEDED:
        yield finding("disk_full", f"{disk.free_bytes // MEBIBYTE} MB are free where VAR_DIR is")
    elif disk.free_bytes < DISK_WANTED:
        yield finding("disk_low", f"{disk.free_bytes // MEBIBYTE} MB are free where VAR_DIR is")


def check_clock(facts: HealthFacts) -> Iterator[Finding]:
    """What is recorded in the future proves nothing, so a clock that was set back can't look fresh."""
    real = [(pulse.received_at, "a pulse") for pulse in facts.pulses or ()]
    if facts.beat is not None and facts.beat.last_tick_at is not None:
        real.append((facts.beat.last_tick_at, "a tick of the scheduler"))
    ahead = [(at - facts.real_now, what) for at, what in real]
    ahead += [((at - facts.now) / facts.clock_speed, what) for at, what in _product_instants(facts)]
    furthest = max(ahead, default=None)
    if furthest is not None and furthest[0] > FUTURE_TOLERANCE:
        yield finding("clock_set_back", f"{furthest[1]} is recorded {span(furthest[0])} in the future")
    yield from _clock_jumps(facts)


def _clock_jumps(facts: HealthFacts) -> Iterator[Finding]:
    step = None if facts.watchdog is None else facts.watchdog.clock_step
    if step is not None and abs((facts.real_now - step.at).total_seconds()) < STEP_NOTED_FOR:
        way = "back" if step.seconds < 0 else "forward"
        length = span(timedelta(seconds=step.seconds))
        yield finding("clock_stepped", f"the machine's clock jumped {way} by {length}", since=step.at)
    ahead = None if facts.redis is None else facts.redis.clock_ahead_seconds
    if ahead is not None and abs(ahead) > CLOCKS_MAY_DIFFER:
        seen = f"this machine's clock and that of the Redis server differ by {span(timedelta(seconds=ahead))}"
        yield finding("clocks_differ", seen)


CHECKS: tuple[Check, ...] = (
    check_processes,
    check_database,
    check_disk,
    check_clock,
    check_evidence,
    check_beat,
    check_pulses,
    check_queues,
    check_watchdog,
    check_restarts,
    check_history,
    check_keepa,
    check_passes,
    check_tokens,
    check_leases,
    check_deals,
    check_poison,
)

_UNREAD = {
    "processes": "processes_unread",
    "beat": "no_beat_evidence",
    "pulses": "no_pulse_evidence",
    "watchdog": "no_watchdog_evidence",
    "passes": "no_pass_evidence",
    "keepa": "no_keepa_evidence",
    "tokens": "no_token_evidence",
    "leases": "no_lease_evidence",
    "deals": "no_deal_evidence",
    "poison": "no_poison_evidence",
    "disk": "no_disk_evidence",
}

_BLINDING = {
    CallResult.KEY_REJECTED: ("keepa_key_rejected", "Keepa does not know this key"),
    CallResult.SUBSCRIPTION_ENDED: ("keepa_subscription_ended", "Keepa knows this key but its subscription has ended"),
}


def _judge_answers(keepa: KeepaFact) -> Iterator[Finding]:
    newest = keepa.failures[0] if keepa.failures else None
    if newest is not None and newest.result in _BLINDING:
        name, seen = _BLINDING[newest.result]
        yield finding(name, seen, since=keepa.failures[-1].at)
    elif newest is not None and len(keepa.failures) >= TRANSIENT_FAILURES:
        yield finding(
            "keepa_unusable",
            f"the last {len(keepa.failures)} calls got no usable answer ({newest.result})",
            since=keepa.failures[-1].at,
        )
    elif keepa.answered_at is None:
        yield finding("keepa_never_answered", "Keepa has not answered once")
    elif newest is not None:
        yield finding("keepa_errors", f"the last call got no usable answer ({newest.result})", since=newest.at)


def _is_fresh(facts: HealthFacts, pulse: PulseFact) -> bool:
    """A canary may also be late because its worker is busy with a pass, for as long as a pass may run."""
    if (facts.real_now - pulse.received_at).total_seconds() <= PULSE_SECONDS:
        return True
    return _is_busy(facts, pulse.queue)


def _is_busy(facts: HealthFacts, queue: str) -> bool:
    return any(keeps_worker_busy(facts, which) for which in PASSES.get(queue, ()))


def _some_pulse_is_fresh(facts: HealthFacts) -> bool:
    return any((facts.real_now - p.received_at).total_seconds() <= PULSE_SECONDS for p in facts.pulses or ())


def _stopped(processes: tuple[ProcessFact, ...]) -> Finding:
    if not processes:
        return finding("stopped", "no process of this installation is recorded")
    return finding("stopped", f"all {len(processes)} recorded processes of this installation have ended")


def _dead(process: ProcessFact) -> Finding:
    name = _PROCESS_FINDINGS.get(process.name, "worker_dead" if process.name.startswith("worker") else "process_dead")
    return finding(name, f"{process.name} (pid {process.pid}) has ended")


def _product_instants(facts: HealthFacts) -> Iterator[tuple[datetime, str]]:
    if facts.keepa is not None and facts.keepa.answered_at is not None:
        yield facts.keepa.answered_at, "an answer of Keepa"
    for known in facts.passes or ():
        for instant in (known.last_started_at, known.last_finished_at, known.last_worked_at, known.last_done_at):
            if instant is not None:
                yield instant, f"a run of {known.which}"


def _sends_nothing(beat: BeatFact, sent: float | None) -> str:
    because = f" ({beat.errors} errors, last: {beat.last_error})" if beat.last_error else ""
    return f"the scheduler ticks but last sent something {_ago(sent)}{because}"


def _age(facts: HealthFacts, instant: datetime | None) -> float | None:
    return None if instant is None else (facts.real_now - instant).total_seconds()


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{span(timedelta(seconds=seconds))} ago"


def _why(facts: HealthFacts, part: str, otherwise: str) -> str:
    return facts.failures.get(part) or otherwise
