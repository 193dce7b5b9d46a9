"""What a copy costs, what it will sell for, and what is left; arithmetic beside each case."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepa_deals import fees
from keepa_deals.deal_math import (
    cheapest_used_offer,
    judge,
    rank_candidate,
    rank_looked,
    recompute_profit,
    worth_showing,
)
from keepa_deals.records import Averages, Condition, CostSettings, FeedRecord, Judgement, Offer, Product

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
FREE = CostSettings(prep_cents=0, inbound_shipping_cents=0)


def an_offer(**changes: Any) -> Offer:
    offer = Offer(
        seller_id="A1",
        condition=Condition.GOOD,
        item_cents=1000,
        shipping_cents=399,
        is_fba=False,
        is_amazon=False,
        is_shippable=True,
        last_seen=NOW,
        priced_at=NOW,
    )
    return replace(offer, **changes)


def a_product(**changes: Any) -> Product:
    product = Product(
        asin="0131234566",
        domain_id=1,
        product_type=0,
        title="A Field Guide to Invented Mosses",
        author=None,
        brand=None,
        binding=None,
        isbn13=None,
        root_category=fees.BOOKS,
        root_category_name="Books",
        categories=(),
        image=None,
        published=None,
        package_grams=600,
        package_mm=(231, 155, 28),
        updated_at=NOW,
        used_cents=1000,
        used_since=NOW,
        landed_cents_by_grade={},
        buy_box_used_landed_cents=None,
        new_cents=None,
        amazon_cents=None,
        amazon_avg=Averages(),
        list_price_cents=None,
        sales_rank=200_000,
        used_offers=10,
        new_offers=5,
        used_avg=Averages(d90=4000, d365=4200),
        new_avg=Averages(),
        sales_rank_avg=Averages(),
        used_offers_avg=Averages(),
        drops30=3,
        drops90=9,
        drops180=20,
        drops365=40,
        fba_fee_cents=500,
        referral_percent=15.0,
        closing_fee_cents=180,
        offers=(an_offer(),),
        offers_checked_at=NOW,
    )
    return replace(product, **changes)


def judged(*, costs: CostSettings = FREE, **changes: Any) -> Judgement:
    return judge(a_product(**changes), costs=costs, now=NOW)


# the cheapest offer


@pytest.mark.parametrize(
    ("offers", "seller"),
    [
        # 1000 + 399 = 1399 against 1300 + 0
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=1300, shipping_cents=0)], "B"),
        # a merchant's unknown shipping is not free
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=100, shipping_cents=None)], "A"),
        # unknown shipping from Amazon's warehouse is
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=1390, shipping_cents=None, is_fba=True)], "B"),
        # new, refurbished, collectible and unknown are not used
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=100, condition=Condition.NEW)], "A"),
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=100, condition=Condition.UNKNOWN)], "A"),
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=100, condition=Condition.REFURBISHED)], "A"),
        # what does not ship can't be bought
        ([an_offer(seller_id="A"), an_offer(seller_id="B", item_cents=100, is_shippable=False)], "A"),
        # at one price the better grade, then the seller's name
        ([an_offer(seller_id="A"), an_offer(seller_id="B", condition=Condition.VERY_GOOD)], "B"),
        ([an_offer(seller_id="B"), an_offer(seller_id="A")], "A"),
        ([an_offer(item_cents=None)], None),
        ([], None),
    ],
)
def test_the_cheapest_used_copy_that_can_be_bought_is_found(offers, seller):
    found = cheapest_used_offer(a_product(offers=tuple(offers)))
    assert (found.seller_id if found is not None else None) == seller


# one judgement, by hand


def test_a_judgement_adds_up():
    costs = CostSettings(
        prep_cents=250,
        inbound_shipping_cents=200,
        purchase_tax_percent=5.0,
        target_roi_percent=30.0,
        minimum_markup_percent=10.0,
    )
    judgement = judged(costs=costs)
    assert judgement.price_now_cents == 1399  # 1000 + 399
    assert judgement.all_in_cents == 1919  # 1399 + 5 % (69.95 → 70) + 250 + 200
    assert judgement.sale_price_cents == 4399  # the lower mean 4000 + 399
    assert judgement.sale_price_is_estimate
    assert judgement.referral_fee_cents == 660  # 15 % of 4399 = 659.85
    assert judgement.profit_cents == 1140  # 4399 - 660 - 500 - 180 - 1919
    assert judgement.margin_percent == 25.91  # 1140 / 4399
    assert judgement.roi_percent == 59.41  # 1140 / 1919
    assert judgement.percent_down == 69.58  # 1 - 1399 / (4200 + 399)
    assert judgement.break_even_cents == 3058  # (1919 + 680) / 0.85 = 3057.6; 3058 - 459 = 2599
    assert judgement.minimum_list_cents == 3466  # 2599 / 0.75 = 3465.3
    assert judgement.maximum_buy_cents == 1812  # (4399 - 660 - 680) / 1.3 = 2353.1; 1812 + 91 + 450 = 2353
    assert judgement.trust_percent is None
    assert judgement.refusal is None
    assert (judgement.condition, judgement.seller_id, judgement.is_fba) == (Condition.GOOD, "A1", False)
    assert (judgement.item_cents, judgement.shipping_cents) == (1000, 399)
    assert worth_showing(judgement) is None


@pytest.mark.parametrize(
    ("changes", "sale"),
    [
        ({}, 4399),  # 4000 + 399
        ({"used_avg": Averages(d30=1, d90=5000, d180=4100, d365=4500)}, 4499),  # the lowest of the longer means
        ({"used_avg": Averages(d30=3000)}, 3399),  # the short one where no other is known
        ({"used_avg": Averages()}, None),
        ({"amazon_cents": 4000}, 3600),  # 90 %
        ({"amazon_avg": Averages(d365=3999)}, 3599),  # 3599.1
        ({"amazon_cents": 4000, "amazon_avg": Averages(d180=3000)}, 2700),
        ({"amazon_cents": 90_000}, 4399),
        ({"new_cents": 2500}, 2500),
        ({"new_cents": 2500, "offers": (an_offer(condition=Condition.NEW, item_cents=3000),)}, 3399),
        ({"root_category": 1055398}, 4000),  # not media: no usual shipping is known
        ({"domain_id": 3}, 4000),
    ],
)
def test_the_sale_price_is_the_lower_mean_landed_under_what_a_new_copy_costs(changes, sale):
    assert judged(**changes).sale_price_cents == sale


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"product_type": 2}, "0131234566 is an ebook"),
        ({"product_type": 99}, "0131234566 is of a kind we do not know"),
        ({"offers": None}, "Keepa gave no offers, so no copy can be named"),
        ({"offers": ()}, "no live used offer"),
        ({"offers": (an_offer(condition=Condition.NEW),)}, "no live used offer"),
        ({"offers": (an_offer(shipping_cents=None),)}, "no used offer with known shipping"),
        ({"offers_checked_at": NOW - timedelta(hours=25)}, "the offers were last checked more than 24 hours ago"),
        ({"offers_checked_at": None}, "the offers were last checked more than 24 hours ago"),
    ],
)
def test_without_a_copy_to_buy_there_is_a_sentence_and_no_price(changes, sentence):
    judgement = judged(**changes)
    assert judgement.refusal == sentence
    assert worth_showing(judgement) == sentence
    assert (judgement.price_now_cents, judgement.all_in_cents, judgement.profit_cents) == (None, None, None)
    assert (judgement.margin_percent, judgement.roi_percent, judgement.break_even_cents) == (None, None, None)
    assert (judgement.condition, judgement.seller_id, judgement.percent_down) == (None, None, None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"used_avg": Averages()}, "no mean of used prices is known, so no sale price can be said"),
        (
            {"referral_percent": None, "root_category": 77, "closing_fee_cents": 0},
            "the referral percent is unknown, so no profit can be said",
        ),
        ({"fba_fee_cents": None, "package_grams": None}, "the FBA fee is unknown, so no profit can be said"),
        (
            {"closing_fee_cents": None, "root_category": None},
            "the closing fee is unknown, so no profit can be said",
        ),
    ],
)
def test_an_unknown_input_makes_the_profit_unknown_and_the_row_is_shown(changes, sentence):
    judgement = judged(**changes)
    assert judgement.price_now_cents == 1399
    assert (judgement.profit_cents, judgement.margin_percent, judgement.roi_percent) == (None, None, None)
    assert judgement.refusal == sentence
    assert recompute_profit(judgement.steps) is None
    assert worth_showing(judgement) is None


@pytest.mark.parametrize(
    ("mean", "profit", "shown"),
    [
        (2047, 0, False),  # sale 2446, referral 366.9 → 367: 2446 - 367 - 680 - 1399
        (2048, 1, True),  # sale 2447, referral 367.05 → 367
    ],
)
def test_a_profit_of_a_cent_is_worth_showing_and_none_is_not(mean, profit, shown):
    judgement = judged(used_avg=Averages(d365=mean))
    assert judgement.profit_cents == profit
    assert (worth_showing(judgement) is None) == shown


def test_a_loss_is_not_worth_showing_and_says_its_sum():
    # sale 1500 + 399 = 1899; referral 284.85 → 285; fees 285 + 500 + 180 = 965; all-in 1399
    assert worth_showing(judged(used_avg=Averages(d365=1500))) == (
        "no profit: sells for about 18.99, all-in 13.99, fees 9.65"
    )


def test_a_price_above_the_mean_is_not_down():
    assert judged(used_avg=Averages(d365=900)).percent_down == 0.0


# laws

cents = st.integers(1, 200_000)
maybe_cents = st.none() | cents
percents = st.sampled_from([0.0, 5.0, 8.875, 30.0, 12.5])
costs_of_any_kind = st.builds(
    CostSettings,
    prep_cents=st.integers(0, 2_000),
    inbound_shipping_cents=st.integers(0, 2_000),
    purchase_tax_percent=percents,
    target_roi_percent=percents,
    minimum_markup_percent=percents,
)
offers_of_any_kind = st.lists(
    st.builds(
        an_offer,
        seller_id=st.sampled_from(["A", "B", "C", "D"]),
        condition=st.sampled_from(list(Condition)),
        item_cents=maybe_cents,
        shipping_cents=st.none() | st.integers(0, 900),
        is_fba=st.booleans(),
        is_shippable=st.booleans(),
    ),
    max_size=6,
)
averages = st.builds(Averages, d30=maybe_cents, d90=maybe_cents, d180=maybe_cents, d365=maybe_cents)
products_of_any_kind = st.builds(
    a_product,
    domain_id=st.sampled_from([1, 3]),
    product_type=st.sampled_from([0, 0, 0, 2]),
    root_category=st.sampled_from([None, fees.BOOKS, 172282, 77]),
    package_grams=st.none() | st.integers(1, 12_000),
    package_mm=st.none() | st.tuples(*[st.integers(1, 600)] * 3),
    new_cents=maybe_cents,
    amazon_cents=maybe_cents,
    amazon_avg=averages,
    used_cents=maybe_cents,
    used_avg=averages,
    fba_fee_cents=st.none() | st.integers(1, 3_000),
    referral_percent=st.none() | st.sampled_from([8.0, 12.0, 15.0, 15.01, 17.0]),
    closing_fee_cents=st.none() | st.sampled_from([0, 180]),
    offers=st.none() | offers_of_any_kind.map(tuple),
)


@given(products_of_any_kind, costs_of_any_kind)
@settings(max_examples=300, deadline=None)
def test_the_profit_can_be_recomputed_from_the_steps_to_the_cent(product, costs):
    judgement = judge(product, costs=costs, now=NOW)
    assert recompute_profit(judgement.steps) == judgement.profit_cents


@given(products_of_any_kind, costs_of_any_kind, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_offers_changes_nothing(product, costs, random):
    shuffled = list(product.offers or ())
    random.shuffle(shuffled)
    other = replace(product, offers=tuple(shuffled) if product.offers is not None else None)
    assert judge(other, costs=costs, now=NOW) == judge(product, costs=costs, now=NOW)


@given(products_of_any_kind, costs_of_any_kind)
@settings(max_examples=300, deadline=None)
def test_what_is_unknown_stays_unknown_and_a_refusal_says_why(product, costs):
    judgement = judge(product, costs=costs, now=NOW)
    inputs = (
        judgement.price_now_cents,
        judgement.sale_price_cents,
        judgement.referral_fee_cents,
        judgement.fba_fee_cents,
        judgement.closing_fee_cents,
    )
    assert (judgement.profit_cents is None) == any(part is None for part in inputs)
    assert (judgement.refusal is None) == (judgement.profit_cents is not None)
    assert (judgement.roi_percent is None) == (judgement.profit_cents is None)


@given(products_of_any_kind, costs_of_any_kind, st.integers(1, 500))
@settings(deadline=None)
def test_profit_falls_by_what_a_cost_rises(product, costs, more):
    before = judge(product, costs=costs, now=NOW)
    after = judge(product, costs=replace(costs, prep_cents=costs.prep_cents + more), now=NOW)
    if before.profit_cents is not None:
        assert after.profit_cents == before.profit_cents - more
    taxed = judge(product, costs=replace(costs, purchase_tax_percent=costs.purchase_tax_percent + 1), now=NOW)
    if before.profit_cents is not None:
        assert taxed.profit_cents is not None
        assert taxed.profit_cents <= before.profit_cents


# ranking


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


def test_a_candidate_is_worth_its_expected_profit():
    # sale 4200 + 399; 15 % = 690; FBA 550; closing 180; all-in 1000 + 399: profit 1780; 9 / (9 + 3) = 75 %
    assert worth() == 1335
    assert worth(drops90=3) == 890  # 50 %
    assert worth(updated_at=NOW - timedelta(hours=33)) == 668  # 1335 / 2 = 667.5
    assert worth(used_avg_cents=(None, None, 4200, None)) == 1335


def test_a_candidates_price_is_the_lower_of_grades_and_item_price():
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
def test_junk_is_worth_no_look(changes, reason):
    estimate = rank_candidate(a_candidate(**changes), costs=FREE, now=NOW)
    assert (estimate.worth_cents, estimate.reason) == (None, reason)


def test_an_unknown_number_of_rank_falls_is_no_ground_for_refusal():
    assert worth(drops90=None) == 1369  # rank 200,000 goes with 10 falls: 1780 × 10 / 13
    assert worth(drops90=None, sales_rank=None) == 254  # 1780 × 0.5 / 3.5


@given(st.integers(200, 100_000), st.integers(200, 100_000), st.integers(1, 400))
@settings(deadline=None)
def test_a_cheaper_candidate_is_never_worth_less(first, second, drops):
    low, high = sorted((first, second))
    means = (None, None, 6000, 6500)
    at_low = worth(used_cents=low, used_avg_cents=means, drops90=drops)
    at_high = worth(used_cents=high, used_avg_cents=means, drops90=drops)
    assert at_high is None or (at_low is not None and at_low >= at_high)


def looked_worth(**changes: Any) -> int | None:
    product = a_product(offers=None, offers_checked_at=None, **changes)
    return rank_looked(product, costs=FREE, now=NOW).worth_cents


def test_a_looked_product_is_ranked_by_its_own_fees():
    # sale 4399 - 660 - 500 - 180 - 1399 = 1660; × 75 %
    assert looked_worth() == 1245
    assert looked_worth(landed_cents_by_grade={Condition.GOOD: 1199}) == 1395  # 1860 × 75 %
    assert looked_worth(used_cents=None) is None


def test_a_loss_within_doubt_is_kept_at_the_end_of_the_line():
    # sale 1900 + 399 = 2299; 15 % = 345; fees 680; all-in 1399: -125
    assert looked_worth(used_avg=Averages(d90=1900)) == -125
    assert looked_worth(used_avg=Averages(d90=1600)) is None  # 1999 - 300 - 680 - 1399 = -380


def test_a_looked_ebook_is_worth_no_full_look():
    estimate = rank_looked(a_product(product_type=2), costs=FREE, now=NOW)
    assert estimate.reason == "0131234566 is an ebook"


@given(products_of_any_kind, costs_of_any_kind)
@settings(deadline=None)
def test_ranking_a_product_always_says_a_worth_or_a_reason(product, costs):
    estimate = rank_looked(product, costs=costs, now=NOW)
    assert (estimate.worth_cents is None) == (estimate.reason is not None)


def test_our_copy_sells_for_no_more_than_the_usual_rival_asks_today() -> None:
    rivals = [an_offer(seller_id=f"S{n}", item_cents=item) for n, item in enumerate((2450, 2900, 3100, 9900))]
    product = a_product(offers=tuple(rivals))
    judgement = judge(product, costs=CostSettings(), now=NOW)
    # the rivals land at 32.99, 34.99 and 102.99 once the cheapest is bought: their median is 34.99
    assert judgement.sale_price_cents == 3499
    assert recompute_profit(judgement.steps) == judgement.profit_cents
