"""Looks at the installation's Redis: its queues, its leases, the token ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NoReturn

from redis import Redis

from keepa_deals.clock import Clock
from keepa_deals.health_facts import LeaseFact, PlaceFact, RedisFact, TokenFact
from keepa_deals.locks import LeaseKeeper, LeaseRecord
from keepa_deals.probes.words import NotThere, demand_keepa_address, known_installation, recorded_instant
from keepa_deals.processes import paths
from keepa_deals.redis_client import connect
from keepa_deals.settings import Settings
from keepa_deals.timetable import QUEUES, RING_EVERY_SECONDS
from keepa_deals.token_manager import LedgerStatus, TokenManager
from keepa_deals.whereabouts import clock_of


@contextmanager
def redis_of(settings: Settings) -> Iterator[Redis]:
    """A short-lived client of the installation's Redis."""
    redis = connect(paths.redis_address(settings))
    try:
        yield redis
    finally:
        redis.close()


def leases(settings: Settings) -> list[LeaseRecord]:
    """Every lease of this installation. Raises LeasesUnreachable."""
    with redis_of(settings) as redis:
        return lease_keeper(redis, settings).listing()


def lease_keeper(redis: Redis, settings: Settings) -> LeaseKeeper:
    """A keeper that shows and clears leases, and grants none."""
    return LeaseKeeper(redis, installation=known_installation(settings), fences=_NoFences())


class _NoFences:
    def issue_fence(self, name: str, holder: str) -> int:
        raise NotImplementedError(f"a diagnostic takes no lease, not even {name}")


def ledger_status(settings: Settings, *, clock: Clock | None = None) -> LedgerStatus:
    """The token ledger as it stands, without asking Keepa. Raises TokensUnknown without Redis."""
    with redis_of(settings) as redis:
        manager = TokenManager(
            redis,
            account=settings.account(demand_keepa_address(settings).key),
            installation=known_installation(settings),
            clock=clock or clock_of(settings),
            read_balance=_asks_nobody,
        )
        return manager.status()


def look_at_redis(settings: Settings) -> RedisFact:
    """Its answer, the queues in it, and its clock. Raises RedisError."""
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


def look_at_leases(settings: Settings) -> tuple[LeaseFact, ...]:
    """Who holds what. Raises LeasesUnreachable."""
    return tuple(map(_lease, leases(settings)))


def look_at_tokens(settings: Settings) -> TokenFact:
    """The ledger. Raises TokensUnknown, or NotThere where no key is known."""
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


def _message_age(message: Any) -> float | None:
    """Seconds since a message was sent, from the instant at which it expires; None for none or one that tells not."""
    try:
        expires = recorded_instant(json.loads(message)["headers"]["expires"])
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


def _asks_nobody() -> NoReturn:
    raise NotThere("health reads the ledger and asks Keepa nothing")
