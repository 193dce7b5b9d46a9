"""The best expected value per token comes first, and neither use of tokens starves the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.planner import (
    LookKind,
    WaitingCandidate,
    WaitingDeal,
    WaitingSellers,
    batch_size,
    hours_gained_by_verifying,
    plan_look,
    plan_sellers,
    value_of_certainty,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PROMISE = timedelta(hours=12)


def a_candidate(
    asin: str = "A", *, stage: str = "feed", worth_cents: int = 2000, looked_hours_ago: float | None = None
):
    looked_at = None if looked_hours_ago is None else NOW - timedelta(hours=looked_hours_ago)
    return WaitingCandidate(asin, stage, worth_cents, updated_at=NOW, looked_at=looked_at)


def a_deal(asin: str = "D", *, profit_cents: int | None = 2000, age_hours: float = 6, look_due: bool = False):
    verified_at = NOW - timedelta(hours=age_hours)
    return WaitingDeal(asin, profit_cents, verified_at, verified_at + PROMISE, looked_at=None, look_due=look_due)


def plan(candidates=(), deals=(), *, rate: int = 20, balance: int = 100):
    return plan_look(candidates, deals, tokens_per_minute=rate, balance=balance, now=NOW)


def test_nothing_waiting_is_no_plan() -> None:
    assert plan() is None


def test_a_candidate_without_expected_profit_is_not_looked_at() -> None:
    assert plan([a_candidate(worth_cents=0), a_candidate("B", worth_cents=-500)]) is None


def test_above_half_a_bucket_the_next_best_candidate_is_bought_whatever_it_is_worth() -> None:
    chosen = plan([a_candidate("worse", worth_cents=-500), a_candidate("better", worth_cents=-20)], balance=601)
    assert chosen is not None
    assert chosen.asins == ("better", "worse")


def test_a_light_look_comes_before_a_full_one() -> None:
    chosen = plan([a_candidate(stage="feed")])
    assert chosen is not None
    assert chosen.kind is LookKind.CANDIDATE_LIGHT


def test_a_candidate_seen_promising_gets_a_full_look() -> None:
    chosen = plan([a_candidate(stage="light_look")])
    assert chosen is not None
    assert chosen.kind is LookKind.CANDIDATE_FULL


def test_a_deal_just_verified_is_left_alone() -> None:
    assert plan(deals=[a_deal(age_hours=0.5)]) is None


def test_a_deal_whose_price_moved_gets_a_full_look_at_once() -> None:
    chosen = plan(deals=[a_deal(age_hours=0.1, look_due=True)])
    assert chosen is not None
    assert chosen.kind is LookKind.VERIFY_FULL


def test_a_look_that_failed_within_the_hour_is_not_bought_again() -> None:
    assert plan([a_candidate(looked_hours_ago=0.5)]) is None
    assert plan([a_candidate(looked_hours_ago=1.0)]) is not None


def test_a_batch_holds_the_best_of_one_kind() -> None:
    waiting = [a_candidate(f"C{n:02d}", worth_cents=1000 + n) for n in range(60)]
    chosen = plan([*waiting, a_candidate("other", stage="light_look", worth_cents=5)])
    assert chosen is not None
    assert (len(chosen.asins), chosen.asins[0]) == (40, "C59")
    assert "other" not in chosen.asins


@pytest.mark.parametrize(
    ("kind", "rate", "expected"),
    [
        (LookKind.CANDIDATE_LIGHT, 5, 12),
        (LookKind.CANDIDATE_LIGHT, 1200, 100),
        (LookKind.CANDIDATE_FULL, 5, 1),
        (LookKind.VERIFY_FULL, 20, 3),
        (LookKind.VERIFY_FULL, 60, 4),
        (LookKind.VERIFY_FULL, 1200, 98),
        (LookKind.VERIFY_FULL, 0, 1),
    ],
)
def test_a_batch_bills_no_more_than_an_ordinary_call_should(kind: LookKind, rate: int, expected: int) -> None:
    assert batch_size(kind, rate) == expected


@given(st.floats(0, 400), st.floats(1, 72))
def test_verifying_never_loses_hours(age_hours: float, promise_hours: float) -> None:
    assert hours_gained_by_verifying(timedelta(hours=age_hours), promise=timedelta(hours=promise_hours)) >= 0


@given(st.floats(0.01, 1), st.floats(0.01, 1))
def test_being_surer_is_never_worth_less(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert value_of_certainty(low, promise=PROMISE) <= value_of_certainty(high, promise=PROMISE) + 1e-9


def test_verification_of_good_deals_does_not_starve_discovery_of_better_ones() -> None:
    held = [a_deal(f"D{n}", profit_cents=1000, age_hours=6) for n in range(50)]
    chosen = plan([a_candidate(worth_cents=5000)], held)
    assert chosen is not None
    assert chosen.kind is LookKind.CANDIDATE_LIGHT


def test_discovery_of_poor_candidates_does_not_starve_verification() -> None:
    waiting = [a_candidate(f"C{n}", worth_cents=300) for n in range(50)]
    chosen = plan(waiting, [a_deal(profit_cents=1000, age_hours=6)])
    assert chosen is not None
    assert chosen.kind is LookKind.VERIFY_LIGHT


def sellers_asked(
    *,
    unknown: int = 1,
    stale: int = 0,
    idle: bool = False,
    balance: int = 100,
    shown_hours: float = 1,
    asked: float = 99,
) -> tuple[str, ...]:
    waiting = WaitingSellers(
        unknown=tuple(f"new{n}" for n in range(unknown)),
        unknown_since=NOW - timedelta(hours=shown_hours) if unknown else None,
        stale=tuple(f"old{n}" for n in range(stale)),
        last_asked_at=NOW - timedelta(hours=asked),
    )
    plan = plan_sellers(waiting, is_idle=idle, tokens_per_minute=20, balance=balance, now=NOW)
    return () if plan is None else plan.ids


def test_sellers_are_asked_about_with_tokens_that_would_be_lost() -> None:
    assert sellers_asked(stale=1, idle=True, balance=1_001) == ("new0", "old0")
    assert sellers_asked(stale=1, idle=True, balance=1_000) == ()
    assert sellers_asked(stale=1, idle=False, balance=1_200) == ()


def test_no_seller_stays_unknown_for_more_than_a_day_nor_ten_for_more_than_an_hour() -> None:
    assert sellers_asked(shown_hours=23.9) == ()
    assert sellers_asked(shown_hours=24, stale=1) == ("new0",)
    assert len(sellers_asked(unknown=10, shown_hours=1)) == 10
    assert sellers_asked(unknown=9, shown_hours=1) == ()


def test_sellers_are_asked_about_at_most_once_an_hour_and_in_bounded_calls() -> None:
    assert sellers_asked(shown_hours=48, asked=0.9) == ()
    assert len(sellers_asked(unknown=90, shown_hours=48, asked=-5)) == 40
    assert sellers_asked(unknown=0, stale=3) == ()
