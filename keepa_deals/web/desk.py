"""What every route works with, handed in once by `create_app`."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from sqlalchemy import Connection

from keepa_deals.clock import Clock
from keepa_deals.health import HealthFacts, Verdict, unjudged
from keepa_deals.settings import Settings
from keepa_deals.store.engine import Database
from keepa_deals.store.find import Deal
from keepa_deals.web.marketplaces import MARKETPLACES, Marketplace

EXTENSION = "keepa_deals"
VERDICT_SECONDS = 2.0
OLDEST_VERDICT_SECONDS = 15.0

log = logging.getLogger(__name__)


class VerdictDesk:
    """The verdict, asked for at most every two seconds and by one request at a time.

    Meanwhile the others are told the last one, unless that is too old to repeat. A verdict that can't be
    reached is itself one: broken.
    """

    def __init__(self, ask: Callable[[], Verdict], *, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[float, Verdict] | None = None

    def __call__(self) -> Verdict:
        last = self._last
        if last is not None and time.monotonic() - last[0] < VERDICT_SECONDS:
            return last[1]
        may_repeat = last is not None and time.monotonic() - last[0] < OLDEST_VERDICT_SECONDS
        if not self._lock.acquire(blocking=not may_repeat) and last is not None:
            return last[1]
        try:
            return self._renew()
        finally:
            self._lock.release()

    def _renew(self) -> Verdict:
        if self._last is not None and time.monotonic() - self._last[0] < VERDICT_SECONDS:
            return self._last[1]
        verdict = self._reached()
        self._last = (time.monotonic(), verdict)
        return verdict

    def _reached(self) -> Verdict:
        try:
            return self._ask()
        except Exception as error:
            log.exception("the verdict could not be reached")
            seen = f"the verdict could not be reached ({error.__class__.__name__}); web.log has the details"
            return unjudged(seen, at=self._clock.now())


class FactsDesk:
    """The facts behind the verdict, looked at by one request at a time and remembered for two seconds."""

    def __init__(self, look: Callable[[], HealthFacts] | None) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._last: tuple[float, HealthFacts | None] | None = None

    def __call__(self) -> HealthFacts | None:
        """None where nobody can look."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] >= VERDICT_SECONDS:
                facts = self._looked()
                self._last = (time.monotonic(), facts)
            return self._last[1]

    def _looked(self) -> HealthFacts | None:
        try:
            return None if self._look is None else self._look()
        except Exception:
            log.exception("the facts of health could not be looked at")
            return None


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, clock, verdict, the facts behind it, and the door to the deals."""

    settings: Settings
    database: Database
    clock: Clock
    verdict: VerdictDesk
    facts: FactsDesk

    @property
    def marketplace(self) -> Marketplace:
        return MARKETPLACES[self.settings.keepa_domain]

    def marketplace_of(self, deal: Deal) -> Marketplace:
        return MARKETPLACES.get(deal.domain_id, self.marketplace)

    def now(self) -> datetime:
        return self.clock.now()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One short look into the database, all of it at one moment."""
        with self.database.read.connect() as connection:
            yield connection


def desk() -> Desk:
    """The desk of the application that is answering."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Desk)
    return found
