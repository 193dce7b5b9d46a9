"""Leases: a lock with an end, an owner and a fencing number.

Redis says who may work; the fence, issued by the database on each grant and demanded by every write, says whose
work counts. A lease that lapses under a stalled holder therefore costs a pass and never a wrong row.
All times here are real time, whatever clock the product runs on.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, cast

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from keepa_deals.errors import LeaseLost, LeasesUnreachable
from keepa_deals.identity import ProcessIdentity
from keepa_deals.units import from_epoch_ms

LUA = Path(__file__).parent / "lua"
GRANT_ATTEMPTS = 3
"""Each further one follows a holder that went away, or was found dead, while we asked."""

log = logging.getLogger(__name__)


class FenceIssuer(Protocol):
    """The database's side of a grant."""

    def issue_fence(self, name: str, holder: str) -> int:
        """The next fencing number of the lease `name`, from now on demanded together with `holder`."""


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """A lease that somebody holds, as Redis tells it."""

    name: str
    holder: ProcessIdentity
    since: datetime
    """when it was granted, by the clock of the Redis server"""
    age: timedelta
    ttl_left: timedelta
    progress_age: timedelta
    """how long ago the pass had last moved, as of the holder's last renewal or before"""
    alive: bool | None
    """None: the holder is on another machine, so only time can tell"""
    token: str = field(repr=False)
    """names this grant; never shown to anybody"""


@dataclass(frozen=True, slots=True)
class Held:
    """The answer to somebody who came second."""

    name: str
    holder: ProcessIdentity
    since: datetime
    alive: bool | None


class Lease:
    """A granted lease. Renews itself while the pass moves, until it is released or lost."""

    def __init__(self, renewal: _Renewal, *, name: str, holder: str, fence: int) -> None:
        self.name = name
        self.holder = holder
        self.fence = fence
        self._renewal = renewal

    def moved(self) -> None:
        """The pass made progress; without it renewal stops after the stall limit."""
        self._renewal.moved()

    def still_ours(self) -> bool:
        """Whether the lease certainly still holds. Local and cheap; once False, always False."""
        return self._renewal.still_ours()

    def release(self) -> None:
        """Give the lease back. Never fails: what can't be given back now lapses by itself."""
        self._renewal.end()

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class LeaseKeeper:
    """Grants, shows and clears the leases of one installation, and touches no other key."""

    def __init__(
        self,
        redis: Redis,
        *,
        installation: str,
        fences: FenceIssuer,
        ttl_seconds: float = 60,
        renew_seconds: float = 20,
    ) -> None:
        """`redis` must fail fast and not retry by itself (`redis_client.connect`)."""
        self._scripts = _Scripts(redis)
        self._redis = redis
        self._prefix = f"{installation}:lease:"
        self._names_key = f"{installation}:leases"
        self._fences = fences
        self._ttl = ttl_seconds
        self._renew_every = renew_seconds

    def acquire(self, name: str, *, stall_limit_seconds: float) -> Lease | Held:
        """The lease `name`, or who holds it. The lease of a holder that is dead on this machine is taken at once.

        Renewal stops when `Lease.moved` was not called for `stall_limit_seconds`. Raises LeasesUnreachable without
        Redis, LeaseLost when the lease lapsed before its fence was issued, and whatever the fence's issuer raises;
        then nothing is held.
        """
        token = secrets.token_hex(16)
        asked_at = _real_seconds()
        held = self._take(name, token)
        if held is not None:
            return Held(name=name, holder=held.holder, since=held.since, alive=held.alive)
        renewal = _Renewal(
            self._scripts,
            key=self._prefix + name,
            token=token,
            ttl=self._ttl,
            renew_every=self._renew_every,
            stall_limit=stall_limit_seconds,
            asked_at=asked_at,
        )
        renewal.start()
        return self._fenced(renewal, name, token)

    def listing(self) -> list[LeaseRecord]:
        """Every lease that is held now, by name. Raises LeasesUnreachable."""
        with _reaching_redis():
            names = self._redis.smembers(self._names_key)
        records = [self._read(name) for name in sorted(map(_text, names))]
        return [record for record in records if record is not None]

    def clear(self, name: str, *, even_if_alive: bool = False) -> bool:
        """Take a lease away from a holder that is dead, or from any holder; whether one was taken away.

        A holder that lives loses its lease at its next renewal, and its writes once somebody else is granted it.
        Raises LeasesUnreachable.
        """
        record = self._read(name)
        if record is None or (record.alive is not False and not even_if_alive):
            return False
        with _reaching_redis():
            return self._scripts.release(self._prefix + name, token=record.token)

    def _take(self, name: str, token: str) -> LeaseRecord | None:
        """None when the lease is now that of `token`, else who holds it."""
        dead_token = ""
        for attempt in range(1, GRANT_ATTEMPTS + 1):
            if self._grant(name, token, dead_token=dead_token):
                return None
            record = self._read(name)
            if record is None:
                continue
            if record.alive is not False or attempt == GRANT_ATTEMPTS:
                return record
            log.warning("lease=%s event=broken dead_holder=%s", name, record.holder)
            dead_token = record.token
        raise LeasesUnreachable(
            f"The lease {name} changed hands {GRANT_ATTEMPTS} times while it was asked for; "
            "the next doorbell tries again."
        )

    def _grant(self, name: str, token: str, *, dead_token: str) -> bool:
        with _reaching_redis():
            return self._scripts.acquire(
                self._prefix + name,
                names_key=self._names_key,
                name=name,
                token=token,
                holder=ProcessIdentity.current(),
                ttl=self._ttl,
                dead_token=dead_token,
            )

    def _fenced(self, renewal: _Renewal, name: str, token: str) -> Lease:
        try:
            fence = self._fences.issue_fence(name, token)
        except BaseException:
            renewal.end()
            raise
        if not renewal.still_ours():
            renewal.end()
            raise LeaseLost(f"The lease {name} lapsed before its fence was issued; the next doorbell tries again.")
        return Lease(renewal, name=name, holder=token, fence=fence)

    def _read(self, name: str) -> LeaseRecord | None:
        with _reaching_redis():
            answer = self._scripts.show(self._prefix + name)
        return _record(name, answer) if answer else None


class _Renewal:
    """Keeps one grant alive from a thread of its holder, which therefore dies with it."""

    def __init__(
        self,
        scripts: _Scripts,
        *,
        key: str,
        token: str,
        ttl: float,
        renew_every: float,
        stall_limit: float,
        asked_at: float,
    ) -> None:
        self._scripts = scripts
        self._key = key
        self._token = token
        self._ttl = ttl
        self._renew_every = renew_every
        self._stall_limit = stall_limit
        # Counted from before the request: Redis can only have begun later.
        self._deadline = asked_at + ttl
        self._moved_at = asked_at
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"renew {key}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def moved(self) -> None:
        self._moved_at = _real_seconds()

    def still_ours(self) -> bool:
        return not self._over.is_set() and _real_seconds() < self._deadline

    def end(self) -> None:
        """Stop renewing and give the lease back."""
        self._over.set()
        self._thread.join(timeout=self._ttl)
        try:
            self._scripts.release(self._key, token=self._token)
        except RedisError as error:
            log.warning("lease=%s event=not_released error=%s", self._key, type(error).__name__)

    def _run(self) -> None:
        wait = self._renew_every
        while not self._over.wait(wait):
            wait = self._renew_every if self._renew() else self._renew_every / 4

    def _renew(self) -> bool:
        """One renewal; False when it should be tried again soon. Sets `_over` when the lease is lost."""
        asked_at = _real_seconds()
        still = asked_at - self._moved_at
        if asked_at < self._deadline and still > self._stall_limit:
            log.warning("lease=%s event=stalled still_seconds=%.0f", self._key, still)
            return False
        try:
            renewed = asked_at < self._deadline and self._scripts.renew(
                self._key, token=self._token, ttl=self._ttl, still=still
            )
        except RedisError as error:
            log.warning("lease=%s event=not_renewed error=%s", self._key, type(error).__name__)
            return False
        if not renewed or _real_seconds() >= self._deadline:
            log.error("lease=%s event=lost", self._key)
            self._over.set()
            return True
        self._deadline = asked_at + self._ttl
        return True


class _Scripts:
    """The four Lua scripts, with their arguments by name. All raise RedisError."""

    def __init__(self, redis: Redis) -> None:
        self._acquire, self._renew, self._release, self._show = (
            redis.register_script((LUA / f"lease_{what}.lua").read_text(encoding="utf-8"))
            for what in ("acquire", "renew", "release", "show")
        )

    def acquire(
        self,
        key: str,
        *,
        names_key: str,
        name: str,
        token: str,
        holder: ProcessIdentity,
        ttl: float,
        dead_token: str,
    ) -> bool:
        described = msgspec.json.encode(holder.as_dict())
        return bool(self._acquire(keys=[key, names_key], args=[name, token, described, _milliseconds(ttl), dead_token]))

    def renew(self, key: str, *, token: str, ttl: float, still: float) -> bool:
        return bool(self._renew(keys=[key], args=[token, _milliseconds(ttl), _milliseconds(still)]))

    def release(self, key: str, *, token: str) -> bool:
        return bool(self._release(keys=[key], args=[token]))

    def show(self, key: str) -> list[Any]:
        return cast("list[Any]", self._show(keys=[key]))


def _record(name: str, answer: list[Any]) -> LeaseRecord:
    token, described, since, ttl, now, progressed = answer
    holder = _holder(_text(described))
    return LeaseRecord(
        name=name,
        holder=holder,
        since=from_epoch_ms(int(since)),
        age=timedelta(milliseconds=int(now) - int(since)),
        ttl_left=timedelta(milliseconds=int(ttl)),
        progress_age=timedelta(milliseconds=int(now) - int(progressed)),
        alive=holder.is_alive(),
        token=_text(token),
    )


def _holder(described: str) -> ProcessIdentity:
    """The recorded holder; one that another version described otherwise can't be known, so is left to its time."""
    try:
        return ProcessIdentity.from_dict(msgspec.json.decode(described, type=dict[str, Any]))
    except (ValueError, TypeError):
        return ProcessIdentity.from_dict({})


@contextmanager
def _reaching_redis() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise LeasesUnreachable(
            f"Redis did not answer a question about a lease ({type(error).__name__}), so no lease was taken or given; "
            "check that it runs. The next doorbell tries again."
        ) from error


def _real_seconds() -> float:
    """A clock that nobody sets and that goes on while the machine sleeps, as Redis's does."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
