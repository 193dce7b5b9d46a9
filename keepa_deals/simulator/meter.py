"""Keepa's token meter: whole tokens, one tick a minute, capacity of an hour, a balance that may be negative."""

from __future__ import annotations

from dataclasses import dataclass, replace

TICK_MS = 60_000
CAPACITY_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Meter:
    """The meter right after tick number `tick`; tick k falls at `phase_ms` + k × 60,000 Unix ms."""

    rate: int
    balance: int
    phase_ms: int
    tick: int

    @property
    def capacity(self) -> int:
        """The most that can be saved up: unused tokens expire after an hour."""
        return self.rate * CAPACITY_MINUTES


def full_meter(*, rate: int, phase_ms: int, now_ms: int) -> Meter:
    """A meter that nobody has used for an hour."""
    phase = phase_ms % TICK_MS
    return Meter(rate=rate, balance=rate * CAPACITY_MINUTES, phase_ms=phase, tick=(now_ms - phase) // TICK_MS)


def brought_to(meter: Meter, *, now_ms: int) -> Meter:
    """The meter with all ticks up to `now_ms`. A clock that went back changes nothing."""
    tick = (now_ms - meter.phase_ms) // TICK_MS
    if tick <= meter.tick:
        return meter
    refilled = meter.balance + meter.rate * (tick - meter.tick)
    return replace(meter, balance=min(meter.capacity, refilled), tick=tick)


def refill_in_ms(meter: Meter, *, now_ms: int) -> int:
    """Milliseconds to the next tick, 1 to 60,000."""
    return TICK_MS - (now_ms - meter.phase_ms) % TICK_MS


def may_run(meter: Meter) -> bool:
    """Keepa runs a call whenever the balance is positive, whatever the call will cost."""
    return meter.balance > 0


def charged(meter: Meter, *, cost: int) -> Meter:
    """The meter after a call of `cost` tokens (0 or more)."""
    return replace(meter, balance=meter.balance - cost)


def on_plan(meter: Meter, *, rate: int) -> Meter:
    """The meter after a change of plan; what exceeds the new capacity is lost."""
    changed = replace(meter, rate=rate)
    return replace(changed, balance=min(changed.balance, changed.capacity))
