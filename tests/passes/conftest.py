"""Passes at work: a real database, a real Redis server, and a Keepa that answers from a script."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from redis import Redis

from keepa_deals.clock import ManualClock
from keepa_deals.doorbell import ring
from keepa_deals.errors import KeepaError
from keepa_deals.feed_query import FeedQuery
from keepa_deals.keepa_client import Reply
from keepa_deals.locks import LeaseKeeper
from keepa_deals.records import (
    CostSettings,
    FeedPage,
    FeedRecord,
    LookAnswer,
    Pass,
    Product,
    Seller,
    SellerAnswer,
    TokenStatus,
)
from keepa_deals.store.door import Store
from keepa_deals.token_manager import TokenManager
from keepa_deals.work import Means

INSTALLATION = "test"


class ScriptedKeepa:
    """Answers like Keepa from what a test puts in it, and keeps its meter exactly. Insists on being asked in order."""

    def __init__(self, clock: ManualClock, *, balance: int = 300, rate: int = 5) -> None:
        self._clock = clock
        self.rate = rate
        self._balance = balance
        self._at = clock.now()
        self.pages: deque[list[FeedRecord] | Exception] = deque()
        self.products: dict[str, Product] = {}
        self.sellers: dict[str, Seller] = {}
        self.light_only: set[str] = set()
        self.failures: deque[Exception] = deque()
        self.asked: list[str] = []
        self.spent = 0
        self.before_answer: Callable[[], None] = lambda: None

    @property
    def balance(self) -> int:
        """Keepa's own figure now: whole minutes since the last look have ticked."""
        minutes = (self._clock.now() - self._at) // timedelta(minutes=1)
        self._balance = min(60 * self.rate, self._balance + minutes * self.rate)
        self._at += timedelta(minutes=minutes)
        return self._balance

    def token(self) -> TokenStatus:
        self.asked.append("token")
        return self._status(0)

    def deals(self, _selection: Any, page: int) -> Reply[FeedPage]:
        self._asked_for(f"page {page}")
        answer = self.pages.popleft() if self.pages else []
        if isinstance(answer, Exception):
            raise self._settled(answer, 5)
        return self._reply(FeedPage(tuple(answer), (), row_count=len(answer)), 5)

    def light_look(self, asins: Sequence[str], *, history_days: int) -> Reply[LookAnswer]:
        self._asked_for(f"light {','.join(asins)}")
        return self._reply(self._look(asins), len(asins))

    def full_look(self, asins: Sequence[str]) -> Reply[LookAnswer]:
        self._asked_for(f"full {','.join(asins)}")
        return self._reply(self._look(asins), 6 * len(asins))

    def seller(self, ids: Sequence[str]) -> Reply[SellerAnswer]:
        self._asked_for(f"sellers {','.join(ids)}")
        found = tuple(self.sellers[one] for one in ids if one in self.sellers)
        missing = tuple(one for one in ids if one not in self.sellers)
        return self._reply(SellerAnswer(found, (), missing), len(found))

    def _asked_for(self, what: str) -> None:
        self.asked.append(what)
        self.before_answer()
        if self.failures:
            raise self._settled(self.failures.popleft(), 0)

    def _look(self, asins: Sequence[str]) -> LookAnswer:
        found = tuple(self.products[asin] for asin in asins if asin in self.products)
        return LookAnswer(found, (), tuple(asin for asin in asins if asin not in self.products))

    def _settled(self, error: Exception, bill: int) -> Exception:
        if isinstance(error, KeepaError) and error.status is None and bill:
            error.status = self._status(bill)
        if isinstance(error, KeepaError):
            error.sent_at = error.received_at = self._clock.now()
        return error

    def _reply(self, payload: Any, bill: int) -> Reply[Any]:
        now = self._clock.now()
        return Reply(payload=payload, status=self._status(bill), sent_at=now, received_at=now)

    def _status(self, bill: int) -> TokenStatus:
        balance = self.balance - bill
        self._balance = balance
        self.spent += bill
        into_minute = (self._clock.now() - self._at) // timedelta(milliseconds=1)
        return TokenStatus(balance, self.rate, 60_000 - into_minute, 0.0, bill, self._clock.now())


@pytest.fixture
def keepa(clock: ManualClock) -> ScriptedKeepa:
    return ScriptedKeepa(clock)


@pytest.fixture
def means(store: Store, clock: ManualClock, keepa: ScriptedKeepa, redis: Redis) -> Means:
    tokens = TokenManager(redis, account="test", installation=INSTALLATION, clock=clock, read_balance=keepa.token)
    return Means(
        clock=clock,
        keepa=keepa,  # type: ignore[arg-type]
        tokens=tokens,
        store=store,
        feed_query=FeedQuery(),
        costs=CostSettings(),
        domain_id=1,
        promise_hours=12,
        installation=INSTALLATION,
    )


@pytest.fixture
def leases(redis: Redis, store: Store) -> LeaseKeeper:
    return LeaseKeeper(redis, installation=INSTALLATION, fences=store, ttl_seconds=5, renew_seconds=1)


@pytest.fixture
def knock(means: Means, leases: LeaseKeeper) -> Callable[[Pass], dict[str, Any]]:
    """Ring one doorbell, as the scheduler would."""
    return lambda which: ring(which, means=means, leases=leases)
