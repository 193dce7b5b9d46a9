"""The scheduler: in memory, on a clock that nobody sets, with a heartbeat for whoever watches it.

Nothing of it outlives the process, so no file can stop it: at start everything is due. It decides nothing but
when to ring; what is due is decided in the worker, from the database.
"""

from __future__ import annotations

import json
import logging
import os
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from celery.beat import ScheduleEntry, Scheduler

from keepa_deals.installation import write_atomically
from keepa_deals.pulse import PULSE_TASK

COMPLAIN_EVERY_SECONDS = 60.0

log = logging.getLogger("celery.beat")


@dataclass(slots=True)
class Heartbeat:
    """What the scheduler last did. Instants are ISO 8601, UTC, real time."""

    pid: int
    tick_started_at: str | None = None
    """older than a few seconds with no `last_tick_at` after it: stuck in this tick"""
    last_tick_at: str | None = None
    last_sent_at: str | None = None
    """ages alone when the broker refuses"""
    sent: int = 0
    errors: int = 0
    last_error: str | None = None


class HeartbeatFile:
    """Keeps a heartbeat where others read it. A full disk or a read-only folder never stops the heart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._complained_at: float | None = None

    def write(self, heartbeat: Heartbeat) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(asdict(heartbeat)))
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        now = time.monotonic()
        if self._complained_at is None or now - self._complained_at >= COMPLAIN_EVERY_SECONDS:
            self._complained_at = now
            log.error("heartbeat=not_written file=%s error=%s", self._path, error.strerror)


class HeartbeatScheduler(Scheduler):  # type: ignore[misc] # celery has no types
    """Rings every entry of `beat_schedule` each time its period has passed on the monotonic clock.

    One due entry a tick, so that a broker that does not answer holds up one tick by one socket timeout. The order
    within a round is drawn by lot, canaries first: with messages that expire after one period, no pass can be
    behind a longer one for ever, and a canary is never behind either.
    """

    def __init__(self, app: Any, *, monotonic: Callable[[], float] = time.monotonic, **options: Any) -> None:
        self._monotonic = monotonic
        self._next_at: dict[str, float] = {}
        self._round: list[ScheduleEntry] = []
        self._heartbeat = Heartbeat(pid=os.getpid())
        self._file = HeartbeatFile(Path(app.conf.beat_heartbeat_file))
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, *_unused: Any, **_unused_too: Any) -> float:
        """Ring one due entry, if any; returns the seconds until the next tick."""
        self._heartbeat.tick_started_at = _now()
        self._file.write(self._heartbeat)
        if not self._round:
            self._round = in_turn(self._take_due())
        if self._round:
            self.apply_entry(self._round.pop(0))
        self._heartbeat.last_tick_at = _now()
        self._file.write(self._heartbeat)
        return 0.0 if self._round else self._rest()

    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send one task and count it; a failure is counted, logged in one line and left to the next round."""
        log.info("Scheduler: Sending due task %s (%s)", entry.name, entry.task)
        try:
            self.apply_async(entry, producer=producer or self.producer, advance=False)
        except Exception as error:  # noqa: BLE001 - the edge: whatever the broker throws, the next round rings again
            self._heartbeat.errors += 1
            self._heartbeat.last_error = f"{type(error).__name__}: {error}"
            log.error("Message Error: task=%s error=%s", entry.task, self._heartbeat.last_error)
        else:
            self._heartbeat.sent += 1
            self._heartbeat.last_sent_at = _now()

    def _ensure_connected(self) -> Any:
        """Give up at once, where Celery would try for ever inside a tick and look dead meanwhile."""
        self.connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        return self.connection

    def _take_due(self) -> list[ScheduleEntry]:
        now = self._monotonic()
        due = [entry for name, entry in self.schedule.items() if self._next_at.get(name, now) <= now]
        for entry in due:
            self._next_at[entry.name] = now + entry.schedule.run_every.total_seconds()
        return due

    def _rest(self) -> float:
        soonest = min(self._next_at.values(), default=float("inf")) - self._monotonic()
        return float(max(0.0, min(soonest, self.max_interval)))


def in_turn(entries: list[ScheduleEntry]) -> list[ScheduleEntry]:
    """Canaries first, the others in an order drawn by lot."""
    drawn = random.sample(entries, k=len(entries))
    return sorted(drawn, key=lambda entry: entry.task != PULSE_TASK)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
