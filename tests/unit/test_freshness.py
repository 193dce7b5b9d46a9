"""What a sighting proves about a held deal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.freshness import Comparison, HeldDeal, Sighting, compare, may_return, promised_until
from keepa_deals.records import Condition, DealState, Source

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SINCE = NOON - timedelta(days=2)
HELD = HeldDeal(
    asin="A",
    state=DealState.LIVE,
    used_cents=2450,
    used_since=SINCE,
    price_now_cents=2849,
    condition=Condition.GOOD,
    verified_at=NOON - timedelta(hours=3),
    seen_at=NOON - timedelta(hours=3),
    gone_at=None,
    look_due=False,
)
SEEN = Sighting(
    asin="A",
    used_cents=2450,
    used_since=SINCE,
    landed_cents_by_grade={},
    used_offers=4,
    sales_rank=100_000,
    seen_at=NOON,
    source=Source.FEED,
)


@pytest.mark.parametrize(
    ("held", "seen", "expected"),
    [
        ({}, {}, Comparison.CONFIRMED),
        ({}, {"used_cents": 2449}, Comparison.CHANGED),
        ({}, {"used_since": SINCE + timedelta(minutes=2)}, Comparison.CHANGED),
        ({}, {"used_cents": None, "used_offers": 0}, Comparison.SOLD_OUT),
        ({}, {"used_cents": None, "used_offers": None}, Comparison.INCONCLUSIVE),
        ({}, {"used_cents": None, "used_offers": 3}, Comparison.INCONCLUSIVE),
        ({}, {"used_since": None}, Comparison.INCONCLUSIVE),
        ({"used_since": None}, {}, Comparison.INCONCLUSIVE),
        ({"used_cents": None}, {}, Comparison.INCONCLUSIVE),
        ({"look_due": True}, {}, Comparison.INCONCLUSIVE),
        ({"look_due": True}, {"used_cents": 2400}, Comparison.CHANGED),
        ({}, {"seen_at": HELD.verified_at}, Comparison.NOT_NEWER),
        ({"seen_at": NOON}, {"used_cents": 1}, Comparison.NOT_NEWER),
        ({}, {"seen_at": HELD.verified_at - timedelta(hours=1), "used_cents": 1}, Comparison.NOT_NEWER),
    ],
)
def test_compare(held: dict[str, object], seen: dict[str, object], expected: Comparison) -> None:
    assert compare(replace(HELD, **held), replace(SEEN, **seen)) is expected


@given(st.integers(-10_000, 10_000))
def test_a_tombstone_rises_exactly_for_later_news(minutes: int) -> None:
    gone = replace(HELD, state=DealState.GONE, gone_at=NOON)
    seen = replace(SEEN, seen_at=NOON + timedelta(minutes=minutes))
    assert may_return(gone, seen) == (minutes > 0)


def test_a_promise_runs_from_the_sighting() -> None:
    assert promised_until(NOON, 6.5) == NOON + timedelta(hours=6, minutes=30)
