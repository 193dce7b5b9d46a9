"""The passes against their own deadlines. Pure.

Waiting for tokens, with an instant that has not gone by, is a reasoned idle; being late without a reason is a fault.
Lateness counts from the later of due instant and start of the installation, in real seconds, since doorbells are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from keepa_deals.health_catalogue import Finding, finding
from keepa_deals.health_facts import HealthFacts, PassFact
from keepa_deals.records import Pass, StopReason
from keepa_deals.timetable import PULSE_SECONDS, RING_EVERY_SECONDS, RUN_LIMIT, interval, neighbours

DUE_SECONDS = 5 * RING_EVERY_SECONDS
"""Five rings of the doorbell."""
TURNS = 3
"""So many runs of another pass on the same worker may come first."""
TICK = timedelta(seconds=75)
"""By how much a recorded wait may be overrun: a tick of the refill and a ring of the doorbell."""
FAILURES_ALLOWED = 2
STARVED_INTERVALS = 3
MISSED_ALLOWED = 1
SLOWEST_RATE = 5
"""Tokens a minute of the smallest plan, for as long as the real one is unknown."""
NAMES = {Pass.LIVE_UPDATE: "the live update", Pass.BACKFILL: "the backfill", Pass.LOOKS: "the looks pass"}


def check_passes(facts: HealthFacts) -> Iterator[Finding]:
    """Findings of every pass. A pass that was never recorded has never worked."""
    if facts.passes is None:
        return
    for which in Pass:
        known = facts.pass_fact(which)
        if known is None:
            yield finding("pass_never_worked", f"{NAMES[which]} has never run")
        else:
            yield from _check_pass(facts, known)


def missed_runs(facts: HealthFacts, known: PassFact, *, since: datetime | None = None) -> int:
    """How many runs of a pass did not take place in its times without a reason, from `since` on."""
    every = interval(known.which, rate=_rate(facts))
    turns = sum(RUN_LIMIT[other] for other in neighbours(known.which))
    allowed = timedelta(seconds=DUE_SECONDS + TURNS * turns) * facts.clock_speed
    lengths = [end - begin for begin, end in known.quiet if since is None or begin >= since]
    return sum(max(0, (length - allowed) // every) for length in lengths)


def is_waiting(facts: HealthFacts, known: PassFact) -> bool:
    """Idle for tokens until a recorded instant that has not gone by for more than a tick."""
    return (
        known.stop == StopReason.WAITING_FOR_TOKENS
        and known.waiting_until is not None
        and facts.real_seconds_since(known.waiting_until) <= TICK.total_seconds()
    )


def keeps_worker_busy(facts: HealthFacts, which: Pass) -> bool:
    """Whether this pass is running within its limit, or only just ended: then its worker lives but may be late."""
    known = facts.pass_fact(which)
    if known is None or known.last_started_at is None:
        return False
    if known.is_running:
        return facts.real_seconds_since(known.last_started_at) <= RUN_LIMIT[which]
    assert known.last_finished_at is not None
    return facts.real_seconds_since(known.last_finished_at) <= PULSE_SECONDS


def span(length: timedelta) -> str:
    """A length of time in one or two words: 40 s, 12 min, 5 h, 3 days."""
    seconds = abs(length.total_seconds())
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.0f} days"


def _check_pass(facts: HealthFacts, known: PassFact) -> Iterator[Finding]:
    yield from _check_failures(known)
    yield from _check_missed(facts, known)
    late = _hung(facts, known) if known.is_running else None
    if late is None and is_waiting(facts, known):
        yield _waiting(facts, known)
        return
    if late is None and not known.is_running:
        late = _overdue(facts, known)
    if late is None and known.which is Pass.LIVE_UPDATE:
        late = _not_done(facts, known)
    if late is not None:
        yield late


def _check_failures(known: PassFact) -> Iterator[Finding]:
    if known.consecutive_failures == 0:
        return
    name = "pass_failing" if known.consecutive_failures > FAILURES_ALLOWED else "pass_failed_once"
    count = known.consecutive_failures
    times = "once" if count == 1 else f"{count} times in a row"
    yield finding(
        name, f"{NAMES[known.which]} failed {times}: {known.last_error or 'no reason'}", since=known.last_done_at
    )


def _check_missed(facts: HealthFacts, known: PassFact) -> Iterator[Finding]:
    """Runs missed since the start: what was missed while the service was off is nobody's fault."""
    missed = missed_runs(facts, known, since=_started(facts))
    if missed > MISSED_ALLOWED:
        longest = max(known.quiet, key=lambda quiet: quiet[1] - quiet[0])
        seen = f"{NAMES[known.which]} missed {missed} runs of late, the longest gap from {longest[0]:%H:%M} UTC on"
        yield finding("runs_missed", seen, since=longest[0])


def _hung(facts: HealthFacts, known: PassFact) -> Finding | None:
    assert known.last_started_at is not None
    running = facts.real_seconds_since(known.last_started_at)
    if running <= RUN_LIMIT[known.which]:
        return None
    return finding(
        "pass_hung",
        f"{NAMES[known.which]} started {span(timedelta(seconds=running))} ago and has not ended",
        since=known.last_started_at,
    )


def _overdue(facts: HealthFacts, known: PassFact) -> Finding | None:
    late = _seconds_late(facts, known.due_at)
    if late <= (DUE_SECONDS + TURNS * RUN_LIMIT[known.which] if _in_line(facts, known.which) else DUE_SECONDS):
        return None
    return finding(
        "pass_overdue",
        f"{NAMES[known.which]} is {span(timedelta(seconds=late))} late without a reason",
        since=known.due_at,
    )


def _in_line(facts: HealthFacts, which: Pass) -> bool:
    return any(keeps_worker_busy(facts, other) for other in neighbours(which))


def _not_done(facts: HealthFacts, known: PassFact) -> Finding | None:
    """The live update must have come to its end lately, whatever its due instant claims."""
    patience = _patience(facts)
    if known.last_done_at is not None and facts.now - known.last_done_at <= patience:
        return None
    if known.last_done_at is None:
        return finding("pass_never_worked", f"{NAMES[known.which]} has not come to its end once")
    ago = span(facts.now - known.last_done_at)
    return finding("pass_overdue", f"{NAMES[known.which]} was last done {ago} ago", since=known.last_done_at)


def _waiting(facts: HealthFacts, known: PassFact) -> Finding:
    assert known.waiting_until is not None
    seen = f"{NAMES[known.which]} waits for tokens until {known.waiting_until:%H:%M} UTC"
    if known.which is not Pass.LIVE_UPDATE:
        return finding("waiting_for_tokens", seen)
    waiting_since = _served_or_started(facts, known)
    if facts.now - waiting_since <= _patience(facts):
        return finding("live_update_waiting", seen, since=known.last_done_at)
    return finding(
        "live_update_starved",
        f"{NAMES[known.which]} was due and not permitted for {span(facts.now - waiting_since)}",
        since=known.last_done_at,
    )


def _patience(facts: HealthFacts) -> timedelta:
    run = timedelta(seconds=(DUE_SECONDS + RUN_LIMIT[Pass.LIVE_UPDATE]) * facts.clock_speed)
    return STARVED_INTERVALS * interval(Pass.LIVE_UPDATE, rate=_rate(facts)) + run


def _rate(facts: HealthFacts) -> int:
    rate = None if facts.tokens is None else facts.tokens.per_minute
    return SLOWEST_RATE if rate is None else rate


def _served_or_started(facts: HealthFacts, known: PassFact) -> datetime:
    """The later of the last completed run and the start: nobody is starved while the service is off."""
    started = _started(facts)
    known_instants = [instant for instant in (known.last_done_at, started) if instant is not None]
    return max(known_instants, default=min(known.due_at, facts.now))


def _seconds_late(facts: HealthFacts, due_at: datetime) -> float:
    started = _started(facts)
    return facts.real_seconds_since(due_at if started is None else max(due_at, started))


def _started(facts: HealthFacts) -> datetime | None:
    """The start of the installation on the product's clock."""
    if facts.started_at is None:
        return None
    return facts.now - (facts.real_now - facts.started_at) * facts.clock_speed
