"""The one door to the database: short transactions, fenced where a pass writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection

from keepa_deals.clock import Clock
from keepa_deals.records import Pass
from keepa_deals.store import fences, pass_records, pulses
from keepa_deals.store.engine import Database


class Store:
    """Hands out transactions; the statements themselves live in the modules beside this one."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self.database = database
        self._clock = clock

    @contextmanager
    def write(self, lease: fences.Fenced | None = None) -> Iterator[Connection]:
        """One write transaction, all or nothing. With a lease, raises LeaseLost unless its fence still holds.

        Never hold it across a network call.
        """
        with self.database.write.begin() as connection:
            if lease is not None:
                fences.demand(connection, lease)
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, which never waits for a writer."""
        with self.database.read.begin() as connection:
            yield connection

    def issue_fence(self, name: str, holder: str) -> int:
        """The next fencing number of a lease, granted to `holder`: from now on nobody else may write for it."""
        with self.write() as connection:
            return fences.grant(connection, name, holder=holder, now=self._clock.now())

    def record_pulse(self, queue: str, *, sent_at: datetime, received_at: datetime) -> None:
        """The canary of `queue` arrived."""
        with self.write() as connection:
            pulses.record_pulse(connection, queue, sent_at=sent_at, received_at=received_at)

    def make_due(self, which: Pass) -> None:
        """Let the next doorbell run this pass."""
        with self.write() as connection:
            pass_records.make_due(connection, which, now=self._clock.now())
