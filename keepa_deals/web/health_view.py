"""What the health page shows, from facts and history. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from keepa_deals.health import HealthFacts
from keepa_deals.health_facts import PassFact, ProcessFact
from keepa_deals.health_passes import NAMES, missed_runs
from keepa_deals.records import Pass
from keepa_deals.store.history import KeptVerdict, Spending
from keepa_deals.timetable import QUEUES

STRIP = timedelta(hours=24)
KEPT_AT_LEAST = timedelta(minutes=65)
"""A verdict is kept at least once an hour; after longer nobody was watching."""
UNWATCHED = "unwatched"
HEIGHTS = {
    "working": 40,
    "waiting_for_tokens": 34,
    "starved": 27,
    "stuck": 22,
    "blind": 22,
    "broken": 16,
    "stopped": 10,
    UNWATCHED: 3,
}
"""How high each verdict stands in the strip, of 40: colour never speaks alone."""

Quiet = Mapping[Pass, tuple[tuple[datetime, datetime], ...]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time during which one verdict held. x and width in minutes from the strip's begin."""

    state: str
    begin: datetime
    end: datetime
    x: float
    width: float
    height: int
    seen: str | None
    """the leading finding"""

    @property
    def y(self) -> int:
        return HEIGHTS["working"] - self.height

    @property
    def words(self) -> str:
        return "not watched" if self.state == UNWATCHED else self.state.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass in the schedule."""

    name: str
    known: PassFact | None
    missed: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one purpose cost in 24 hours; `percent` is of what refilled in that time, None where that is unknown."""

    purpose: str
    calls: int
    tokens: int
    percent: float | None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue; None is unknown."""

    name: str
    length: int | None
    oldest_seconds: float | None
    pulse_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One program and how often it was restarted in 15 minutes."""

    process: ProcessFact
    restarts: int | None


def strip(kept: Sequence[KeptVerdict], *, now: datetime) -> list[Stretch]:
    """The last 24 hours without a gap, oldest first; equal neighbours are one."""
    begin = now - STRIP
    pieces: list[tuple[str, datetime, datetime, str | None]] = []
    for one, following in pairwise([*kept, None]):
        assert one is not None
        limit = now if following is None else following.at
        until = min(limit, one.at + KEPT_AT_LEAST)
        pieces.append((one.verdict, one.at, until, one.leading))
        if until < limit:
            pieces.append((UNWATCHED, until, limit, None))
    first = pieces[0][1] if pieces else now
    if first > begin:
        pieces.insert(0, (UNWATCHED, begin, first, None))
    clipped = [(state, max(start, begin), min(end, now), seen) for state, start, end, seen in pieces]
    return [_stretch(*piece, origin=begin) for piece in _merged([piece for piece in clipped if piece[1] < piece[2]])]


def schedule(facts: HealthFacts | None, quiet: Quiet) -> list[Turn]:
    """Every pass, known or not, with the runs it missed in the times given."""
    turns = []
    for which in Pass:
        known = None if facts is None else facts.pass_fact(which)
        missed = 0
        if facts is not None and known is not None:
            missed = missed_runs(facts, replace(known, quiet=quiet.get(which, ())))
        turns.append(Turn(NAMES[which].removeprefix("the ").capitalize(), known, missed))
    return turns


def queues(facts: HealthFacts | None) -> list[QueueRow]:
    redis = None if facts is None else facts.redis
    pulses = {} if facts is None else {pulse.queue: pulse.received_at for pulse in facts.pulses or ()}
    return [
        QueueRow(
            name,
            None if redis is None else redis.queue_lengths.get(name),
            None if redis is None else redis.oldest_seconds.get(name),
            pulses.get(name),
        )
        for name in QUEUES
    ]


def processes(facts: HealthFacts | None) -> list[ProcessRow]:
    if facts is None or facts.processes is None:
        return []
    restarts = None if facts.watchdog is None else facts.watchdog.restarts_15m
    return [ProcessRow(one, None if restarts is None else restarts.get(one.name, 0)) for one in facts.processes]


def shares(spent: Sequence[Spending], *, per_minute: int | None, length: timedelta = STRIP) -> list[Share]:
    """Tokens by purpose, the dearest first."""
    refilled = None if not per_minute else per_minute * length / timedelta(minutes=1)
    found: dict[str, tuple[int, int]] = {}
    for one in spent:
        calls, tokens = found.get(one.purpose, (0, 0))
        found[one.purpose] = (calls + one.calls, tokens + one.billed_tokens)
    rows = [
        Share(purpose, calls, tokens, None if refilled is None else 100 * tokens / refilled)
        for purpose, (calls, tokens) in found.items()
    ]
    return sorted(rows, key=lambda row: -row.tokens)


def _merged(
    pieces: Sequence[tuple[str, datetime, datetime, str | None]],
) -> list[tuple[str, datetime, datetime, str | None]]:
    merged: list[tuple[str, datetime, datetime, str | None]] = []
    for state, start, end, seen in pieces:
        if merged and merged[-1][0] == state:
            merged[-1] = (state, merged[-1][1], end, merged[-1][3])
        else:
            merged.append((state, start, end, seen))
    return merged


def _stretch(state: str, begin: datetime, end: datetime, seen: str | None, *, origin: datetime) -> Stretch:
    x = (begin - origin) / timedelta(minutes=1)
    width = (end - begin) / timedelta(minutes=1)
    return Stretch(state, begin, end, round(x, 1), round(max(width, 2.0), 1), HEIGHTS.get(state, 10), seen)
