"""What health is judged from: recorded results, each with its instant. None for a part means that nobody could look.

Two clocks (see `clock.py`): `now` is the product's, which passes, calls and deals are recorded in; `real_now` is the
machine's, for processes, pulses and heartbeats. They differ only in accelerated runs of the demo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from keepa_deals.records import Pass


class CallResult(StrEnum):
    """What became of a call, as far as health cares."""

    ANSWERED = "answered"
    REFUSED = "refused"
    KEY_REJECTED = "key_rejected"
    SUBSCRIPTION_ENDED = "subscription_ended"
    UNREACHABLE = "unreachable"
    SERVER_FAULT = "server_fault"
    MALFORMED = "malformed"
    REQUEST_REJECTED = "request_rejected"


@dataclass(frozen=True, slots=True)
class ProcessFact:
    """One process that this installation recorded when it started it."""

    name: str
    pid: int
    alive: bool | None
    """None: recorded on another machine or in another container, so it can't be known here"""
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class PulseFact:
    """The newest journey of the canary through one queue: scheduler, broker, worker, database."""

    queue: str
    sent_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class BeatFact:
    """The scheduler's own heartbeat."""

    last_tick_at: datetime | None
    last_sent_at: datetime | None
    errors: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class PassFact:
    """How one pass stands: when it is due, how far it got, why it stopped."""

    which: Pass
    due_at: datetime
    last_started_at: datetime | None = None
    last_finished_at: datetime | None = None
    last_worked_at: datetime | None = None
    """when it last saved something"""
    last_done_at: datetime | None = None
    """when a run last came to its own end, rather than to a wait or a failure"""
    stop: str | None = None
    waiting_until: datetime | None = None
    consecutive_failures: int = 0
    last_error: str | None = None
    quiet: tuple[tuple[datetime, datetime], ...] = ()
    """the times of late between one run and the next for which no reason is recorded, each with begin and end"""

    @property
    def is_running(self) -> bool:
        """Started and not finished. A killed run looks the same until the next one starts."""
        if self.last_started_at is None:
            return False
        return self.last_finished_at is None or self.last_finished_at < self.last_started_at


@dataclass(frozen=True, slots=True)
class CallFact:
    """One call to Keepa that has come to an end."""

    at: datetime
    result: CallResult
    error: str | None = None


@dataclass(frozen=True, slots=True)
class KeepaFact:
    """What Keepa last said."""

    answered_at: datetime | None
    """the newest usable answer"""
    failures: tuple[CallFact, ...] = ()
    """the calls without a usable answer since then, newest first; a bounded number of them"""
    refused_last_hour: int = 0


@dataclass(frozen=True, slots=True)
class PlaceFact:
    """One place in the line for tokens."""

    purpose: str
    cost: int
    until: datetime


@dataclass(frozen=True, slots=True)
class TokenFact:
    """The token ledger's view of the balance."""

    known: bool
    balance: int | None = None
    available: int | None = None
    per_minute: int | None = None
    answered_at: datetime | None = None
    foreign_per_hour: float | None = None
    """tokens an hour that somebody else spends on the same key"""
    reserved: int | None = None
    open_reservations: int | None = None
    line: tuple[PlaceFact, ...] = ()

    @property
    def capacity(self) -> int | None:
        """Tokens above 60 minutes' refill are lost."""
        return None if self.per_minute is None else 60 * self.per_minute


@dataclass(frozen=True, slots=True)
class DealsFact:
    """Deals by what may be claimed of them at `now`."""

    live: int
    unverified: int
    gone: int

    @property
    def inside_percent(self) -> float | None:
        """Share of the deals not gone that are verified within their promise; None when there is none."""
        shown = self.live + self.unverified
        return None if shown == 0 else 100 * self.live / shown


@dataclass(frozen=True, slots=True)
class LeaseFact:
    """One lease and whether its holder lives."""

    name: str
    holder: str
    alive: bool | None
    age_seconds: float | None
    ttl_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PoisonFact:
    """What was set aside after failing again and again."""

    set_aside: int
    newest: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AlertFact:
    """A way to the outside that fails: how often in a row, and why in a few words."""

    name: str
    failures: int
    error: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClockStep:
    """The machine's clock jumped: when, and by how many seconds (negative: set back)."""

    at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class WatchdogFact:
    """The watchdog's own heartbeat, what it had to heal, and what it noticed by the way."""

    at: datetime
    restarts_15m: Mapping[str, int] = field(default_factory=dict)
    kept_at: datetime | None = None
    """when a verdict was last written into the history"""
    write_waited_seconds: float | None = None
    """how long that write waited for the database's lock"""
    failing_alerts: tuple[AlertFact, ...] = ()
    clock_step: ClockStep | None = None


@dataclass(frozen=True, slots=True)
class DatabaseFact:
    """The database answered. `…_wrong` is the sentence of a schema, an origin or a file that is not ours."""

    latency_seconds: float
    wal_bytes: int | None = None
    schema_wrong: str | None = None
    origin_wrong: str | None = None
    file_wrong: str | None = None
    """its file was deleted or replaced while it was open; where deleted, nothing else of it can be read"""


@dataclass(frozen=True, slots=True)
class RedisFact:
    """Redis answered."""

    latency_seconds: float
    queue_lengths: Mapping[str, int] = field(default_factory=dict)
    oldest_seconds: Mapping[str, float] = field(default_factory=dict)
    """age of the oldest message of each queue that holds one"""
    clock_ahead_seconds: float | None = None
    """by how much this machine's clock is ahead of the server's"""


@dataclass(frozen=True, slots=True)
class DiskFact:
    """Room on the file system of VAR_DIR."""

    free_bytes: int
    writable: bool = True


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """All that a verdict is made from. `failures` says, by the name of the part, why a part is None."""

    now: datetime
    real_now: datetime
    clock_speed: float = 1.0
    processes: tuple[ProcessFact, ...] | None = None
    pulses: tuple[PulseFact, ...] | None = None
    beat: BeatFact | None = None
    passes: tuple[PassFact, ...] | None = None
    keepa: KeepaFact | None = None
    tokens: TokenFact | None = None
    deals: DealsFact | None = None
    leases: tuple[LeaseFact, ...] | None = None
    poison: PoisonFact | None = None
    watchdog: WatchdogFact | None = None
    database: DatabaseFact | None = None
    redis: RedisFact | None = None
    disk: DiskFact | None = None
    failures: Mapping[str, str] = field(default_factory=dict)

    def pass_fact(self, which: Pass) -> PassFact | None:
        return next((fact for fact in self.passes or () if fact.which is which), None)

    def real_seconds_since(self, instant: datetime) -> float:
        """Real seconds since an instant of the product's clock; negative for one still to come."""
        return (self.now - instant).total_seconds() / self.clock_speed

    @property
    def started_at(self) -> datetime | None:
        """Since when the installation runs (real time): its oldest living process. None when none is known to live."""
        alive = [p.started_at for p in self.processes or () if p.alive and p.started_at is not None]
        return min(alive, default=None)
