"""When to end a program that looks alive and is not. Pure: facts in, heals out.

A sign of life is something that must change: a beat's last tick, a canary's arrival, an answered request. What
counts is how long ago it changed by the watchdog's own monotonic clock, so that no wall clock, however it jumps
or is accelerated, can make a living program look dead.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

HEALS_BEFORE_SLOWING = 3
WINDOW_SECONDS = 900.0
SLOW_SECONDS = 300.0
SLEPT_SECONDS = 45.0
"""a loop of 10 s that comes this late was stopped or starved, and everybody else probably was too"""

STOPPED_LIMIT_SECONDS = 15.0
"""a process that somebody stopped (SIGSTOP) is given this long to be continued"""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of life of one program."""

    program: str
    what: str
    """completes "no … for 47 s": tick, canary, answer"""
    age_seconds: float
    limit_seconds: float


@dataclass(frozen=True, slots=True)
class Heal:
    """End `program`, so that supervisord starts it anew."""

    program: str
    why: str


@dataclass(slots=True)
class Ages:
    """How long each sign has not changed. `now` is monotonic seconds."""

    _seen: dict[tuple[str, str], tuple[object, float]] = field(default_factory=dict)

    def age(self, program: str, what: str, value: object, *, now: float) -> float:
        """Seconds since this sign last changed; 0 when it is new."""
        known = self._seen.get((program, what))
        if known is None or known[0] != value:
            self._seen[(program, what)] = (value, now)
            return 0.0
        return now - known[1]

    def renew(self, program: str, *, what: str | None = None) -> None:
        """Forget a program's signs: it was started anew, or what it depends on is away."""
        for key in [key for key in self._seen if key[0] == program and what in (None, key[1])]:
            del self._seen[key]

    def renew_all(self) -> None:
        """Forget everything: this machine slept, so nobody had time to show a sign."""
        self._seen.clear()


@dataclass(slots=True)
class History:
    """When each program was last healed, in monotonic seconds."""

    _heals: dict[str, list[float]] = field(default_factory=dict)

    def may_heal(self, program: str, *, now: float) -> bool:
        """Three times in a quarter of an hour, then every five minutes: slower, but never given up."""
        recent = self.recent(program, now=now)
        return len(recent) < HEALS_BEFORE_SLOWING or now - recent[-1] >= SLOW_SECONDS

    def note(self, program: str, *, now: float) -> None:
        self._heals.setdefault(program, []).append(now)

    def recent(self, program: str, *, now: float) -> list[float]:
        kept = [at for at in self._heals.get(program, []) if now - at < WINDOW_SECONDS]
        self._heals[program] = kept
        return kept

    def counts(self, *, now: float) -> dict[str, int]:
        return {program: len(self.recent(program, now=now)) for program in list(self._heals)}


def choose_heals(signs: Iterable[Sign], *, history: History, now: float) -> list[Heal]:
    """At most one heal a program, for its most overdue sign, where its history allows one."""
    worst: dict[str, Sign] = {}
    for sign in signs:
        overdue = sign.age_seconds - sign.limit_seconds
        if overdue > 0 and (sign.program not in worst or overdue > _overdue(worst[sign.program])):
            worst[sign.program] = sign
    return [
        Heal(program, f"no {sign.what} for {sign.age_seconds:.0f} s (limit {sign.limit_seconds:.0f} s)")
        for program, sign in worst.items()
        if history.may_heal(program, now=now)
    ]


def _overdue(sign: Sign) -> float:
    return sign.age_seconds - sign.limit_seconds


def rearm_delay(times: int) -> float:
    """Seconds to wait before a program that supervisord gave up is started for the `times`-th time (from 0)."""
    return float(min(SLOW_SECONDS, 10 * 2 ** min(times, 10)))
