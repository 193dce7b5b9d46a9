"""Gathers the facts that health is judged from. Each probe has its own thread, connection and share of the time.

Reads only. A probe that fails or hangs leaves its part unknown, with one sentence why, and takes no other down.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from keepa_deals.clock import Clock, SystemClock, make_clock
from keepa_deals.errors import DatabaseReplaced, KeepaDealsError, OriginMismatch, StoreError
from keepa_deals.health import Verdict, judge_health, unjudged
from keepa_deals.health_facts import (
    AlertFact,
    BeatFact,
    ClockStep,
    DatabaseFact,
    DiskFact,
    HealthFacts,
    LeaseFact,
    PlaceFact,
    ProcessFact,
    RedisFact,
    TokenFact,
    WatchdogFact,
)
from keepa_deals.installation import installation_id
from keepa_deals.locks import LeaseKeeper, LeaseRecord
from keepa_deals.processes import paths
from keepa_deals.processes.programs import programs
from keepa_deals.processes.roster import read_roster
from keepa_deals.redis_client import connect
from keepa_deals.settings import Settings
from keepa_deals.store import evidence, file_identity
from keepa_deals.store.engine import Database, open_database, sqlite_file
from keepa_deals.store.schema import check_database, recorded_version
from keepa_deals.timetable import QUEUES, RING_EVERY_SECONDS
from keepa_deals.token_manager import LedgerStatus, TokenManager

LOOKING_SECONDS = 3.0
"""How long a look at everything may take; what has not answered by then is unknown."""


class NotThere(KeepaDealsError):
    """What a probe wanted to read does not exist; the message says what."""


def current_verdict(settings: Settings) -> Verdict:
    """The verdict of this moment. Never raises: a look that fails is itself a finding."""
    try:
        return judge_health(gather_facts(settings))
    except Exception as error:  # noqa: BLE001 - the edge of health: whatever failed, the answer is a verdict
        return unjudged(in_words(error, settings=settings), at=datetime.now(UTC))


def gather_facts(settings: Settings, *, clock: Clock | None = None, seconds: float = LOOKING_SECONDS) -> HealthFacts:
    """Every part that could be read within `seconds`; the others are None, with the reason in `failures`."""
    clock = clock or running_clock(settings)
    now = clock.now()
    database = open_database(settings.database_address())
    try:
        found, failures = _run(_probes(settings, database, now=now), settings=settings, seconds=seconds)
    finally:
        database.dispose()
    return HealthFacts(
        now=now, real_now=datetime.now(UTC), clock_speed=settings.clock_speed, failures=failures, **found
    )


def running_clock(settings: Settings) -> Clock:
    """The clock of the running processes; the machine's where nobody has pinned an accelerated one."""
    if settings.clock_anchor is None:
        return SystemClock()
    return make_clock(speed=settings.clock_speed, anchor=settings.clock_anchor)


def in_words(error: BaseException, *, settings: Settings) -> str:
    """One sentence without a secret for whatever a probe ran into."""
    if isinstance(error, KeepaDealsError):
        text = str(error)
    elif isinstance(error, DBAPIError):
        text = f"the database said: {error.orig}"
    elif isinstance(error, RedisError):
        text = f"Redis did not answer ({type(error).__name__})"
    else:
        text = f"{type(error).__name__}: {error}"
    for secret in settings.secrets:
        text = text.replace(secret.reveal(), "***")
    return " ".join(text.split())


@contextmanager
def redis_of(settings: Settings) -> Iterator[Redis]:
    """A short-lived client of the installation's Redis."""
    redis = connect(paths.redis_address(settings))
    try:
        yield redis
    finally:
        redis.close()


def known_installation(settings: Settings) -> str:
    """The installation's id, without making one. Raises NotThere before the first start."""
    if not (settings.var_dir / "installation").exists():
        raise NotThere(f"nothing was ever started in {settings.var_dir}")
    return installation_id(settings.var_dir)


def leases(settings: Settings) -> list[LeaseRecord]:
    """Every lease of this installation. Raises LeasesUnreachable."""
    with redis_of(settings) as redis:
        return lease_keeper(redis, settings).listing()


def lease_keeper(redis: Redis, settings: Settings) -> LeaseKeeper:
    """A keeper that shows and clears leases, and grants none."""
    return LeaseKeeper(redis, installation=known_installation(settings), fences=_NoFences())


def simulator_place(settings: Settings) -> tuple[str, str]:
    """Address and key of the demo's Keepa. Raises NotThere when it is not running."""
    try:
        known = json.loads(settings.simulator_file.read_text(encoding="utf-8"))
        return str(known["url"]), str(known["key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotThere("the demo's Keepa has not said where it is") from None


def keepa_key(settings: Settings) -> str:
    """The Keepa key in use, real or the demo's. Raises NotThere."""
    if settings.keepa_api_key is not None:
        return settings.keepa_api_key.reveal()
    return simulator_place(settings)[1]


class _NoFences:
    def issue_fence(self, name: str, holder: str) -> int:
        raise NotImplementedError(f"a diagnostic takes no lease, not even {name}")


@dataclass(slots=True)
class _Probing:
    """One probe under way."""

    look: Callable[[], Any]
    result: Any = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str) -> _Probing:
        # A daemon: a probe that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=f"probe {name}", daemon=True).start()
        return self

    def _run(self) -> None:
        try:
            self.result = self.look()
        except Exception as error:  # noqa: BLE001 - the edge of a probe: its failure is its answer
            self.error = error
        finally:
            self.done.set()


def _run(
    probes: dict[str, Callable[[], Any]], *, settings: Settings, seconds: float
) -> tuple[dict[str, Any], dict[str, str]]:
    until = time.monotonic() + seconds
    running = {name: _Probing(look).start(name) for name, look in probes.items()}
    found: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for name, probing in running.items():
        if not probing.done.wait(max(0.0, until - time.monotonic())):
            failures[name] = f"{name} did not answer within {seconds:g} s"
        elif probing.error is not None:
            failures[name] = in_words(probing.error, settings=settings)
        else:
            found[name] = probing.result
    return found, failures


def _probes(settings: Settings, database: Database, *, now: datetime) -> dict[str, Callable[[], Any]]:
    def reading(read: Callable[[Connection], Any]) -> Callable[[], Any]:
        def look() -> Any:
            with database.read.begin() as connection:
                return read(connection)

        return look

    return {
        "database": lambda: _database(settings, database),
        "pulses": reading(evidence.newest_pulses),
        "passes": reading(partial(evidence.passes, now=now)),
        "keepa": reading(partial(evidence.keepa_answers, now=now, clock_speed=settings.clock_speed)),
        "deals": reading(partial(evidence.deals_by_state, now=now)),
        "poison": reading(evidence.set_aside),
        "redis": lambda: _redis(settings),
        "leases": lambda: tuple(map(_lease, leases(settings))),
        "tokens": lambda: _tokens(settings),
        "processes": lambda: _processes(settings),
        "beat": lambda: _beat(paths.beat_file(settings)),
        "watchdog": lambda: _watchdog(settings),
        "disk": lambda: _disk(settings.var_dir),
    }


def _database(settings: Settings, database: Database) -> DatabaseFact:
    file = sqlite_file(settings.database_address())
    file_wrong = None if file is None else _other_file(settings, file)
    if file is not None and file_wrong is not None and not file.exists():
        return DatabaseFact(0.0, file_wrong=file_wrong)
    began = time.monotonic()
    with database.read.connect() as connection:
        recorded_version(connection)  # SQLite opens its file only for a question about what is in it
    latency = time.monotonic() - began
    schema_wrong = origin_wrong = None
    try:
        check_database(database, origin=settings.origin)
    except OriginMismatch as error:
        origin_wrong = str(error)
    except StoreError as error:
        schema_wrong = str(error)
    return DatabaseFact(
        latency, _size(file), schema_wrong=schema_wrong, origin_wrong=origin_wrong, file_wrong=file_wrong
    )


def _other_file(settings: Settings, file: Path) -> str | None:
    """Why `file` is not the one that the running installation was started with; None if it is."""
    try:
        file_identity.demand_same(file, file_identity.recorded(settings.run_dir))
    except DatabaseReplaced as error:
        return str(error)
    return None


def _size(database_file: Path | None) -> int | None:
    """Bytes of the write-ahead log; None for a database that keeps none here."""
    if database_file is None:
        return None
    wal = database_file.with_name(f"{database_file.name}-wal")
    return wal.stat().st_size if wal.exists() else 0


def _redis(settings: Settings) -> RedisFact:
    with redis_of(settings) as redis:
        began = time.monotonic()
        redis.ping()
        latency = time.monotonic() - began
        seconds, microseconds = redis.time()
        ahead = time.time() - (seconds + microseconds / 1e6)
        prefix = f"{known_installation(settings)}:celery:"
        lengths = {queue: int(str(redis.llen(prefix + queue))) for queue in QUEUES}
        ages = {queue: _message_age(redis.lindex(prefix + queue, -1)) for queue in QUEUES}
        oldest = {queue: age for queue, age in ages.items() if age is not None}
        return RedisFact(latency, lengths, oldest, clock_ahead_seconds=ahead)


def _message_age(message: Any) -> float | None:
    """Seconds since a message was sent, from the instant at which it expires; None for none or one that tells not."""
    try:
        expires = _instant(json.loads(message)["headers"]["expires"])
    except (ValueError, KeyError, TypeError):
        return None
    return None if expires is None else (datetime.now(UTC) - expires).total_seconds() + RING_EVERY_SECONDS


def _lease(record: LeaseRecord) -> LeaseFact:
    return LeaseFact(
        name=record.name,
        holder=str(record.holder),
        alive=record.alive,
        age_seconds=record.age.total_seconds(),
        ttl_seconds=record.ttl_left.total_seconds(),
    )


def _processes(settings: Settings) -> tuple[ProcessFact, ...]:
    """Everything recorded and, where anything is recorded, every program that should be and is not."""
    entries = read_roster(paths.roster_file(settings))
    recorded = tuple(
        ProcessFact(entry.name, entry.identity.pid, entry.identity.is_alive(), entry.started_at) for entry in entries
    )
    if not any(process.alive is not False for process in recorded):
        return recorded
    names = {process.name for process in recorded}
    missing = (program.name for program in programs(settings) if program.name not in names)
    return (*recorded, *(ProcessFact(name, 0, alive=False, started_at=None) for name in missing))


def _beat(path: Path) -> BeatFact:
    known = _json(path)
    return BeatFact(
        last_tick_at=_instant(known.get("last_tick_at")),
        last_sent_at=_instant(known.get("last_sent_at")),
        errors=int(known.get("errors") or 0),
        last_error=None if known.get("last_error") is None else str(known["last_error"]),
    )


def _watchdog(settings: Settings) -> WatchdogFact:
    path = paths.watchdog_file(settings)
    known = _json(path)
    at = _instant(known.get("at"))
    if at is None:
        raise NotThere(f"{path.name} does not say when it was written")
    witness = _json_or_nothing(paths.witness_file(settings))
    waited, step = witness.get("write_waited_seconds"), known.get("clock_step")
    return WatchdogFact(
        at,
        {str(program): int(count) for program, count in (known.get("restarts_15m") or {}).items()},
        kept_at=_instant(witness.get("kept_at")),
        write_waited_seconds=None if waited is None else float(waited),
        failing_alerts=_failing_alerts(settings),
        clock_step=None if step is None else ClockStep(datetime.fromisoformat(step["at"]), float(step["seconds"])),
    )


def _failing_alerts(settings: Settings) -> tuple[AlertFact, ...]:
    """The ways to the outside that are configured and failed when last used."""
    used = {"dead-man ping": settings.deadman_url, "webhook": settings.webhook_url}
    ways = _json_or_nothing(paths.alerts_file(settings)).get("ways") or {}
    return tuple(
        AlertFact(name, int(way["failures"]), str(way["error"]), _instant(way.get("since")))
        for name, way in ways.items()
        if used.get(name) is not None and int(way["failures"]) > 0
    )


def _disk(folder: Path) -> DiskFact:
    return DiskFact(free_bytes=shutil.disk_usage(folder).free, writable=os.access(folder, os.W_OK | os.X_OK))


def ledger_status(settings: Settings, *, clock: Clock | None = None) -> LedgerStatus:
    """The token ledger as it stands, without asking Keepa. Raises TokensUnknown without Redis."""
    with redis_of(settings) as redis:
        manager = TokenManager(
            redis,
            account=settings.account(keepa_key(settings)),
            installation=known_installation(settings),
            clock=clock or running_clock(settings),
            read_balance=_asks_nobody,
        )
        return manager.status()


def _tokens(settings: Settings) -> TokenFact:
    status = ledger_status(settings)
    return TokenFact(
        known=status.known,
        balance=status.balance,
        available=status.available,
        per_minute=status.refill_rate or None,
        answered_at=status.last_answer_at,
        foreign_per_hour=status.foreign_drain_per_hour,
        reserved=status.reserved,
        open_reservations=status.open_reservations,
        line=tuple(PlaceFact(place.purpose.value, place.cost, place.until) for place in status.line),
    )


def _asks_nobody() -> NoReturn:
    raise NotThere("health reads the ledger and asks Keepa nothing")


def _json(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotThere(f"{path.name} has not been written") from None
    except ValueError:
        raise NotThere(f"{path.name} is not JSON") from None
    if not isinstance(known, dict):
        raise NotThere(f"{path.name} holds no JSON object")
    return known


def _json_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return _json(path)
    except NotThere:
        return {}


def _instant(value: object) -> datetime | None:
    """A recorded instant, as ISO text or as seconds since 1970."""
    if value is None:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    instant = datetime.fromisoformat(str(value))
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
