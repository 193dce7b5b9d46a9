"""Programs that ended and came back: when that is over, and when it will not end. Pure.

A living process proves little just after a restart: one that dies every few seconds lives whenever somebody looks.
So the oftener a program was restarted of late, the longer it must have stayed up to count as up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from keepa_deals.health_catalogue import Finding, finding
from keepa_deals.health_facts import HealthFacts, ProcessFact
from keepa_deals.health_passes import span

RESTARTS_ALLOWED = 3
"""in 15 minutes"""
STEADY_SECONDS = (10.0, 30.0, 60.0, 120.0)
"""how long a program must stay up after its start or first restart, its second, third, and any further one within
15 minutes"""
FIRST_START_SECONDS = 60.0
"""what came up within this of the whole installation was started, not restarted"""


def check_restarts(facts: HealthFacts) -> Iterator[Finding]:
    """What was restarted too often, and the scheduler or a worker that has not yet stayed up for long enough."""
    counts = {} if facts.watchdog is None else facts.watchdog.restarts_15m
    newest = {process.name: process for process in facts.processes or () if process.alive is not False}
    for name in sorted({*counts, *newest}):
        count, process = counts.get(name, 0), newest.get(name)
        up = None if process is None else _up(facts, process)
        if count > RESTARTS_ALLOWED:
            yield _often(name, count, up=up)
        elif process is not None and up is not None and _carries_work(name):
            times = max(count, 1 if _was_restarted(facts, process) else 0)
            is_steady = up >= STEADY_SECONDS[max(times, 1) - 1]
            if not is_steady or (times > 0 and _has_yet_to_tick(facts, process)):
                yield finding("just_restarted", f"{name} came up {up:.0f} s ago", since=process.started_at)


def _often(name: str, count: int, *, up: float | None) -> Finding:
    seen = f"{name} was restarted {count} times in 15 minutes"
    if up is None or up < STEADY_SECONDS[-1]:
        return finding("restarting_often", seen)
    return finding("restarted_often", f"{seen} and has stayed up for {span(timedelta(seconds=up))} since")


def _up(facts: HealthFacts, process: ProcessFact) -> float | None:
    return None if process.started_at is None else (facts.real_now - process.started_at).total_seconds()


def _was_restarted(facts: HealthFacts, process: ProcessFact) -> bool:
    """Whether it is younger than the installation: the watchdog may not have seen its end yet."""
    if facts.started_at is None or process.started_at is None:
        return False
    return (process.started_at - facts.started_at).total_seconds() > FIRST_START_SECONDS


def _has_yet_to_tick(facts: HealthFacts, process: ProcessFact) -> bool:
    """Whether it is a scheduler whose last tick is its predecessor's: loading takes a busy machine its time."""
    tick = None if facts.beat is None else facts.beat.last_tick_at
    if process.name != "beat" or tick is None or process.started_at is None:
        return False
    return tick < process.started_at


def _carries_work(name: str) -> bool:
    """Of the others a look at what they do tells at once how they are."""
    return name == "beat" or name.startswith("worker-")
