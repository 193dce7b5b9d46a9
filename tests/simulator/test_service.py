"""The passes of the service at work on real HTTP answers, for hours of virtual time, held against Keepa's own log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import func, select

from keepa_deals.doorbell import ring
from keepa_deals.feed_query import FeedQuery
from keepa_deals.keepa_client import KeepaClient, Timeouts, open_session
from keepa_deals.locks import LeaseKeeper
from keepa_deals.records import CostSettings, Pass
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import migrate
from keepa_deals.store.tables import calls, candidates, deals
from keepa_deals.token_manager import TokenManager
from keepa_deals.work import Means
from tests.simulator.conftest import Serving

DOORBELL_SECONDS = 15


NO_RISK = CostSettings(salvage_percent=100.0)
"""A seller who loses little on what stays unsold: for that one the small world has deals."""


@dataclass
class Service:
    """One installation's passes, rung by hand, with the simulated Keepa they spend at."""

    keepa: Serving
    means: Means
    leases: LeaseKeeper

    def live_on(self, *, minutes: float) -> Counter[str]:
        """Ring every doorbell each 15 s of virtual time, and count how the runs ended."""
        ends: Counter[str] = Counter()
        for _ in range(int(minutes * 60 / DOORBELL_SECONDS)):
            for which in Pass:
                said = ring(which, means=self.means, leases=self.leases)
                ends[f"{which} {said['stop']}"] += 1
            self.keepa.clock.advance(seconds=DOORBELL_SECONDS)
        return ends

    def asked(self) -> list[dict[str, Any]]:
        """Keepa's own log of what costs tokens, refusals included."""
        lines = [json.loads(line) for line in self.keepa.requests_log.read_text(encoding="utf-8").splitlines()]
        return [line for line in lines if line["path"] != "/token"]

    def rows(self, statement: Any) -> list[Any]:
        with self.means.store.read() as connection:
            return list(connection.execute(statement))

    def count(self, table: Any) -> int:
        return int(self.rows(select(func.count()).select_from(table))[0][0])

    def billed(self) -> int:
        return int(self.rows(select(func.coalesce(func.sum(calls.c.billed_tokens), 0)))[0][0])


@pytest.fixture
def employ(serve: Callable[..., Serving], redis: Redis, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    opened = []

    def start(*, rate: int = 20) -> Service:
        keepa = serve(rate=rate)
        address = f"sqlite:///{tmp_path / 'deals.db'}"
        migrate(address)
        database = open_database(address)
        opened.append(database)
        store = Store(database, clock=keepa.clock)
        client = KeepaClient(
            open_session(),
            base_url=keepa.url,
            key="good",
            domain_id=1,
            clock=keepa.clock,
            timeouts=Timeouts(connect=2, token=5, deal=5, product=5),
        )
        tokens = TokenManager(redis, account="test", installation="one", clock=keepa.clock, read_balance=client.token)
        means = Means(
            clock=keepa.clock,
            keepa=client,
            tokens=tokens,
            store=store,
            feed_query=FeedQuery(),
            costs=NO_RISK,
            domain_id=1,
            promise_hours=12,
            installation="one",
        )
        return Service(keepa, means, LeaseKeeper(redis, installation="one", fences=store))

    yield start
    for database in opened:
        database.dispose()


def test_an_hour_of_work_finds_deals_and_every_bill_is_keepas(employ: Callable[..., Service]) -> None:
    service = employ(rate=5)
    ends = service.live_on(minutes=60)
    asked = service.asked()
    assert service.count(deals) > 0
    assert not any(end.endswith(("failed", "keepa_away")) for end in ends), ends
    assert [line for line in asked if line["status"] == 429] == []
    assert service.billed() == sum(line["cost"] for line in asked)
    assert service.count(calls) == len(asked)
    assert service.means.tokens.status().balance == service.keepa.balance()


def test_the_live_update_keeps_its_hours_beside_the_other_passes(employ: Callable[..., Service]) -> None:
    service = employ(rate=5)
    service.live_on(minutes=150)
    starts = [row.started_at for row in service.rows(select(calls.c.started_at).where(calls.c.purpose == "live"))]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert len(starts) >= 6
    assert max(gaps) <= timedelta(minutes=20) + timedelta(seconds=60 + DOORBELL_SECONDS)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "truncated_gzip"},
        {"kind": "garbage_json"},
        {"kind": "html"},
        {"kind": "reset"},
        {"kind": "lost_answer"},
        {"kind": "key_invalid"},
        {"kind": "key_expired"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_bad_minutes_at_keepa_lose_nothing_and_end_by_themselves(
    employ: Callable[..., Service], fault: dict[str, Any]
) -> None:
    service = employ()
    service.live_on(minutes=2)
    before, known = service.count(deals), service.count(candidates)
    service.keepa.faults(fault)
    # A page is set aside by three failures, so some faults end a sweep's page but never the pass.
    bad = service.live_on(minutes=8)
    assert any(end.endswith(("failed", "keepa_away")) for end in bad), bad
    assert service.count(deals) >= before
    assert service.count(candidates) >= known
    service.keepa.faults()
    service.live_on(minutes=2)
    well = service.live_on(minutes=8)
    assert not any(end.endswith(("failed", "keepa_away")) for end in well), well
    refused = [line for line in service.asked() if line["status"] == 429]
    assert refused == []


def test_an_hour_of_garbage_loses_nothing_and_costs_no_token(employ: Callable[..., Service]) -> None:
    service = employ(rate=5)
    service.live_on(minutes=5)
    deals_before, spent = service.count(deals), service.billed()
    service.keepa.faults({"kind": "garbage_json"})
    service.live_on(minutes=60)
    assert service.count(deals) >= deals_before
    assert service.billed() == spent
    service.keepa.faults()
    service.live_on(minutes=5)
    assert service.billed() > spent
    assert [line for line in service.asked() if line["status"] == 429] == []


def test_offers_that_keepa_cannot_fetch_retire_nobody(employ: Callable[..., Service]) -> None:
    service = employ()
    service.live_on(minutes=3)
    live = service.count(deals)
    service.keepa.faults({"kind": "offers_failed"})
    service.live_on(minutes=90)
    gone = service.rows(select(deals.c.gone_reason).where(deals.c.state == "gone"))
    assert service.count(deals) >= live
    assert {row.gone_reason for row in gone} <= {"no used offer is left", "Keepa no longer knows this ASIN"}


def test_another_plan_in_flight_is_taken_up(employ: Callable[..., Service]) -> None:
    service = employ(rate=5)
    service.live_on(minutes=10)
    service.keepa.faults(rate=25)
    service.live_on(minutes=20)
    assert service.means.tokens.status().refill_rate == 25
    service.keepa.faults(rate=5)
    service.live_on(minutes=30)
    assert service.means.tokens.status().refill_rate == 5
    refused = [line for line in service.asked() if line["status"] == 429]
    assert len(refused) <= 3, "a smaller plan may cost a bounded number of refusals"


def test_a_cleared_redis_asks_keepa_before_it_spends(employ: Callable[..., Service], redis: Redis) -> None:
    service = employ(rate=5)
    service.live_on(minutes=30)
    redis.flushall()
    service.live_on(minutes=30)
    assert [line for line in service.asked() if line["status"] == 429] == []
    assert service.billed() == sum(line["cost"] for line in service.asked())
