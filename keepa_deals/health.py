"""Facts to findings to one verdict. Pure: it reads no clock, file or database.

A verdict comes from results within deadlines. What could not be looked at is a finding, never "fine"; each finding
forces at least the state its catalogue entry names, so that more or older evidence of trouble can't improve it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from keepa_deals.health_catalogue import CATALOGUE, Finding, Level, VerdictState, finding
from keepa_deals.health_checks import check_all
from keepa_deals.health_facts import HealthFacts
from keepa_deals.health_passes import DUE_SECONDS, span
from keepa_deals.records import Pass
from keepa_deals.timetable import RUN_LIMIT

__all__ = ["Finding", "HealthFacts", "Level", "Numbers", "Verdict", "VerdictState", "judge_health", "verdict_line"]

SEVERITY = {
    VerdictState.WORKING: 0,
    VerdictState.WAITING: 1,
    VerdictState.STARVED: 2,
    VerdictState.BLIND: 3,
    VerdictState.STUCK: 3,
    VerdictState.BROKEN: 4,
    VerdictState.STOPPED: 5,
}
"""Blind and stuck weigh the same: which of them shows depends on which of them explains the other."""

_LEVELS = {Level.ERROR: 0, Level.WARNING: 1, Level.INFO: 2}


@dataclass(frozen=True, slots=True)
class Numbers:
    """The few numbers that a verdict is shown with; None is unknown."""

    live: int | None = None
    inside_percent: float | None = None
    balance: int | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the service is, at `at` (aware UTC). `waiting_until` is set exactly in `waiting_for_tokens`."""

    state: VerdictState
    waiting_until: datetime | None
    findings: tuple[Finding, ...]
    at: datetime
    numbers: Numbers = Numbers()

    @property
    def is_fine(self) -> bool:
        return self.state in (VerdictState.WORKING, VerdictState.WAITING)


START_GRACE = timedelta(seconds=60)
FIRST_RESULT_GRACE = timedelta(seconds=DUE_SECONDS + RUN_LIMIT[Pass.LIVE_UPDATE])
"""How long after the start missing evidence is not yet a fault, but not "working" either."""

_RESULTS = (
    _TICK := "the scheduler's first tick",
    _PULSE := "the first messages to come through both queues",
    _ANSWER := "Keepa's first answer",
    _UPDATE := "the end of the first run of each pass",
)
"""What a start brings, in this order."""
_AWAITED = {
    "beat_silent": _TICK,
    "beat_sends_nothing": _TICK,
    "pulse_never": _PULSE,
    "pulse_stale": _PULSE,
    "keepa_never_answered": _ANSWER,
    "pass_never_worked": _UPDATE,
    "pass_overdue": _UPDATE,
}
_EXCUSED_UNTIL_FIRST_RESULT = frozenset({"pass_never_worked", "pass_overdue", "keepa_never_answered"})
_EXCUSED_AT_START = frozenset(_AWAITED) - _EXCUSED_UNTIL_FIRST_RESULT | {
    *("no_beat_evidence", "no_watchdog_evidence", "watchdog_silent", "tokens_unknown")
}
_EXPLAINED_BY_KEEPA = frozenset({"starting", "pass_never_worked", "pass_overdue", "pass_failing"})


def judge_health(facts: HealthFacts) -> Verdict:
    """The one verdict on `facts`: the worst state that any finding forces."""
    findings = _excuse_start(facts, check_all(facts))
    state = _state(findings)
    if state is VerdictState.STOPPED:
        findings = tuple(found for found in findings if not CATALOGUE[found.id].moot_when_stopped)
    return Verdict(
        state=state,
        waiting_until=_waiting_until(facts) if state is VerdictState.WAITING else None,
        findings=tuple(sorted(findings, key=_weight)),
        at=facts.now,
        numbers=_numbers(facts),
    )


def unusable_settings(sentence: str, *, at: datetime) -> Verdict:
    """The verdict when not even the settings could be read."""
    return Verdict(VerdictState.BROKEN, None, (finding("settings_bad", sentence),), at)


def unjudged(sentence: str, *, at: datetime) -> Verdict:
    """The verdict when looking itself failed."""
    return Verdict(VerdictState.BROKEN, None, (finding("health_failed", sentence),), at)


def verdict_line(verdict: Verdict) -> str:
    """The verdict in one line, the same wherever it is shown."""
    if verdict.state is VerdictState.WORKING:
        return f"working: {_in_words(verdict.numbers)}"
    if verdict.state is VerdictState.WAITING and verdict.waiting_until is not None:
        return f"waiting for tokens until {verdict.waiting_until:%H:%M} UTC: {_in_words(verdict.numbers)}"
    leading = next((found for found in verdict.findings if CATALOGUE[found.id].forces is verdict.state), None)
    return str(verdict.state) if leading is None else f"{verdict.state}: {leading.seen}. {leading.remedy}"


def _state(findings: tuple[Finding, ...]) -> VerdictState:
    forced = {kind.forces for kind in (CATALOGUE[found.id] for found in findings) if kind.forces is not None}
    worst = max(forced, key=SEVERITY.__getitem__, default=VerdictState.WORKING)
    if not {VerdictState.STUCK, VerdictState.BLIND} <= forced or SEVERITY[worst] > SEVERITY[VerdictState.STUCK]:
        return worst
    stuck = {found.id for found in findings if CATALOGUE[found.id].forces is VerdictState.STUCK}
    return VerdictState.BLIND if stuck <= _EXPLAINED_BY_KEEPA else VerdictState.STUCK


def _excuse_start(facts: HealthFacts, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Just after a start what is missing is not yet late: one finding says so, and the verdict is not "working"."""
    if facts.started_at is None:
        return findings
    since_start = facts.real_now - facts.started_at
    excused = _EXCUSED_AT_START if since_start < START_GRACE else frozenset()
    excused |= _EXCUSED_UNTIL_FIRST_RESULT if since_start < FIRST_RESULT_GRACE else frozenset()
    kept = tuple(found for found in findings if found.id not in excused)
    if all(found in kept or CATALOGUE[found.id].forces is None for found in findings):
        return kept
    missing = {_AWAITED[found.id] for found in findings if found not in kept and CATALOGUE[found.id].forces is not None}
    seen = f"it has only just been started ({span(since_start)} ago, nothing is wrong so far) and waits for"
    awaited = next(result for result in _RESULTS if result in missing)
    return (*kept, finding("starting", f"{seen} {awaited}", since=facts.started_at))


def _weight(found: Finding) -> tuple[int, int]:
    forces = CATALOGUE[found.id].forces
    return _LEVELS[found.level], -1 if forces is None else -SEVERITY[forces] - 1


def _waiting_until(facts: HealthFacts) -> datetime | None:
    live = facts.pass_fact(Pass.LIVE_UPDATE)
    return None if live is None else live.waiting_until


def _numbers(facts: HealthFacts) -> Numbers:
    tokens = facts.tokens if facts.tokens is not None and facts.tokens.known else None
    return Numbers(
        live=None if facts.deals is None else facts.deals.live,
        inside_percent=None if facts.deals is None else facts.deals.inside_percent,
        balance=None if tokens is None else tokens.balance,
        capacity=None if tokens is None else tokens.capacity,
    )


def _in_words(numbers: Numbers) -> str:
    live = "deals unknown" if numbers.live is None else f"{numbers.live:,} deals live"
    inside = "" if numbers.inside_percent is None else f", {int(numbers.inside_percent)} % inside their promise"
    if numbers.balance is None:
        return f"{live}{inside}, balance unknown"
    of_capacity = "" if numbers.capacity is None else f" of {numbers.capacity:,}"
    return f"{live}{inside}, balance {numbers.balance:,}{of_capacity} tokens"
