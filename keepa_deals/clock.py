"""Wall time, handed in.

Two scales that are never mixed: `now()` is the product's time (due instants, ages, tokens) and may run
faster than real in an accelerated run; leases, sockets and deadlines use `time.monotonic()` and stay real.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """The product's wall clock."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` of this clock's time pass."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that runs `speed` times as fast as the machine's since `anchor` (aware UTC).

    Every process of one accelerated run is given the same two numbers, so that simulator, service and
    token ledger agree on the time without talking to each other.
    """

    anchor: datetime
    speed: float

    def now(self) -> datetime:
        real = datetime.now(UTC)
        return self.anchor + (real - self.anchor) * self.speed

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds / self.speed))


class ManualClock:
    """A clock that stands still until it is moved: for tests, benchmarks and replays in virtual time."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an aware instant")
        self._now = start

    def now(self) -> datetime:
        return self._now

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def advance(self, *, seconds: float) -> None:
        """Move the clock by `seconds` (negative for a clock that was set back)."""
        self._now += timedelta(seconds=seconds)


def make_clock(*, speed: float, anchor: datetime | None) -> Clock:
    """The clock that the settings ask for. A speed other than 1 needs an anchor."""
    if speed == 1:
        return SystemClock()
    if anchor is None:
        raise ValueError("an accelerated clock needs an anchor")
    return ScaledClock(anchor=anchor, speed=speed)
