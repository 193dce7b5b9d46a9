"""Which candidate is worth a look, in what order; arithmetic beside each case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepa_deals import fees
from keepa_deals.deal_ranking import rank_candidate, rank_looked
from keepa_deals.judgement.judge import judge_copy
from keepa_deals.records import Averages, Condition, CostSettings, FeedRecord
from tests.keepa_builders import a_product, an_offer

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FREE = CostSettings(prep_cents=0, inbound_shipping_cents=0)


def a_candidate(**changes: Any) -> FeedRecord:
    record = FeedRecord(
        asin="0131234566",
        title="A Field Guide to Invented Mosses",
        root_category=fees.BOOKS,
        categories=(),
        image=None,
        updated_at=NOW,
        used_cents=1000,
        used_since=NOW,
        landed_cents_by_grade={},
        buy_box_used_landed_cents=None,
        new_cents=None,
        amazon_cents=None,
        list_price_cents=None,
        sales_rank=200_000,
        used_offers=10,
        new_offers=5,
        used_avg_cents=(None, None, 4000, 4200),
        sales_rank_avg90=None,
        drops30=3,
        drops90=9,
        drops180=20,
        drops365=40,
    )
    return replace(record, **changes)


def worth(**changes: Any) -> int | None:
    return rank_candidate(a_candidate(**changes), costs=FREE, now=NOW).worth_cents


def test_a_candidate_is_worth_its_expected_profit() -> None:
    # sale 4200 + 399; 15 % = 690; FBA 550; closing 180; all-in 1000 + 399: profit 1780; 9 / (9 + 3) = 75 %
    assert worth() == 1335
    assert worth(drops90=3) == 890  # 50 %
    assert worth(updated_at=NOW - timedelta(hours=33)) == 668  # 1335 / 2 = 667.5
    assert worth(used_avg_cents=(None, None, 4200, None)) == 1335


def test_a_candidates_price_is_the_lower_of_grades_and_item_price() -> None:
    assert worth(landed_cents_by_grade={Condition.GOOD: 1199, Condition.LIKE_NEW: 1500}) == 1485  # 1980 × 75 %
    assert worth(landed_cents_by_grade={Condition.GOOD: 9000}) == 1335  # a grade lags behind the item price


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"used_cents": 199}, "a used price of 199 cents is a slip"),
        ({"used_cents": 200, "used_avg_cents": (None, None, 9000, 9000)}, "a fall of more than 97 % is a glitch"),
        ({"used_avg_cents": (None, None, 1200, 3601)}, "the 90-day mean is more than 3 times the 31-day mean"),
        ({"drops90": 0}, "no sign of a sale in 90 days"),
        ({"used_cents": None}, "no used price and mean to reckon with"),
        ({"used_avg_cents": (900, 900, None, None)}, "no used price and mean to reckon with"),
        # sale 1300 + 399; 15 % = 255; fees 730; all-in 1399: 1699 - 255 - 730 - 1399 = -685
        ({"used_avg_cents": (None, None, 1300, 1300)}, "no profit in sight: about 6.85 short"),
    ],
)
def test_junk_is_worth_no_look(changes: Any, reason: Any) -> None:
    estimate = rank_candidate(a_candidate(**changes), costs=FREE, now=NOW)
    assert (estimate.worth_cents, estimate.reason) == (None, reason)


def test_an_unknown_number_of_rank_falls_is_no_ground_for_refusal() -> None:
    assert worth(drops90=None) == 1369  # rank 200,000 goes with 10 falls: 1780 × 10 / 13
    assert worth(drops90=None, sales_rank=None) == 254  # 1780 × 0.5 / 3.5


@given(st.integers(200, 100_000), st.integers(200, 100_000), st.integers(1, 400))
@settings(deadline=None)
def test_a_cheaper_candidate_is_never_worth_less(first: Any, second: Any, drops: Any) -> None:
    low, high = sorted((first, second))
    means = (None, None, 6000, 6500)
    at_low = worth(used_cents=low, used_avg_cents=means, drops90=drops)
    at_high = worth(used_cents=high, used_avg_cents=means, drops90=drops)
    assert at_high is None or (at_low is not None and at_low >= at_high)


def a_looked_product(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "offers": None,
        "offers_checked_at": None,
        "used_cents": 1000,
        "landed_cents_by_grade": {},
        "new_cents": None,
        "used_avg": Averages(d90=4000, d365=4200),
        "drops90": 9,
        "fba_fee_cents": 500,
    }
    return a_product(asin="0131234566", at=NOW, **(values | changes))


def looked_worth(**changes: Any) -> int | None:
    return rank_looked(a_looked_product(**changes), costs=FREE, now=NOW).worth_cents


def test_a_looked_product_is_worth_what_its_judgement_expects_of_a_copy_at_the_lowest_price_known() -> None:
    copy = an_offer(at=NOW, item_cents=1000, shipping_cents=399, seller_id="")
    judgement = judge_copy(a_looked_product(), copy, no_copy=None, costs=FREE, now=NOW)
    assert judgement.profit_cents is not None
    assert looked_worth() == judgement.profit_cents > 0
    assert (looked_worth(landed_cents_by_grade={Condition.GOOD: 1199}) or 0) > judgement.profit_cents
    assert looked_worth(used_cents=None) is None


def test_a_grade_that_costs_least_is_the_one_to_be_sold() -> None:
    cheap = {Condition.LIKE_NEW: 1199}
    as_good = looked_worth(landed_cents_by_grade={Condition.GOOD: 1199})
    assert as_good is not None
    assert (looked_worth(landed_cents_by_grade=cheap) or 0) > as_good


def test_a_loss_within_doubt_is_kept_at_the_end_of_the_line() -> None:
    worth = looked_worth()
    assert worth is not None

    def after_paying(more: int) -> int | None:
        return rank_looked(a_looked_product(), costs=replace(FREE, prep_cents=more), now=NOW).worth_cents

    assert after_paying(worth + 250) == -250
    assert after_paying(worth + 300) is None


def test_where_no_profit_can_be_said_a_full_look_comes_after_all_others() -> None:
    assert looked_worth(fba_fee_cents=None, package_grams=None) == 0


def test_a_looked_ebook_is_worth_no_full_look() -> None:
    estimate = rank_looked(a_looked_product(product_type=2), costs=FREE, now=NOW)
    assert estimate.reason == "0131234566 is an ebook"


@given(
    st.sampled_from([0, 0, 2, 77]),
    st.none() | st.integers(1, 90_000),
    st.builds(Averages, d90=st.none() | st.integers(1, 90_000), d365=st.none() | st.integers(1, 90_000)),
    st.none() | st.integers(0, 400),
    st.none() | st.sampled_from([8.0, 15.0]),
)
@settings(deadline=None)
def test_ranking_a_product_always_says_a_worth_or_a_reason(
    kind: int, used: int | None, means: Averages, drops: int | None, percent: float | None
) -> None:
    product = a_looked_product(
        product_type=kind, used_cents=used, used_avg=means, drops90=drops, referral_percent=percent
    )
    estimate = rank_looked(product, costs=FREE, now=NOW)
    assert (estimate.worth_cents is None) == (estimate.reason is not None)
