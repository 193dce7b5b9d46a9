"""What a used copy will sell for: from what it rests on, how sure it is, and when there is none."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_lab import (
    DAY,
    NOTHING_SOLD,
    NOW,
    NOW_MINUTE,
    a_past,
    a_product,
    a_sale,
    an_offer,
    pasts,
    products,
    sold_at,
)

from keepa_deals.judgement import seasons
from keepa_deals.judgement.fitted_prices import FITTED_PRICES
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.sale_price import SalePrice, amazon_ceiling, estimate_sale_price
from keepa_deals.records import Averages, Condition, Offer, Product, Series

PLAIN = replace(FITTED_PRICES, base=0.0, correction=(), seasons={}, grades={})
"""no correction and no season: the level alone"""
COPY = an_offer(1_000, seller="ME")


def estimate(
    product: Product, copy: Offer | None = COPY, *, sales: SalesHistory = NOTHING_SOLD, model: object = FITTED_PRICES
) -> SalePrice:
    assert isinstance(model, type(FITTED_PRICES))
    return estimate_sale_price(product, copy, sales=sales, now=NOW, model=model)


def cheapest_used(product: Product) -> Offer | None:
    known = [offer for offer in product.offers or () if offer.condition.is_used and offer.landed_cents is not None]
    return min(known, key=lambda offer: (offer.landed_cents, offer.condition, offer.seller_id), default=None)


def test_without_a_sale_an_ask_or_a_rival_there_is_no_price() -> None:
    sale = estimate(a_product(copy=COPY, new_cents=9_000, amazon_cents=12_000))
    assert (sale.cents, sale.low_cents, sale.high_cents) == (None, None, None)
    assert sale.is_estimate
    assert sale.steps[-1].value is None


@pytest.mark.parametrize(
    ("product", "sales"),
    [
        (a_product(copy=COPY), sold_at(4_000)),
        (a_product(copy=COPY, asks=4_000), NOTHING_SOLD),
        (a_product(copy=COPY, used_avg=Averages(d365=4_000)), NOTHING_SOLD),
        (a_product(copy=COPY, rivals=[4_000]), NOTHING_SOLD),
    ],
    ids=["a sale", "asks", "a mean ask", "a rival"],
)
def test_one_price_of_any_kind_is_enough_for_an_estimate(product: Product, sales: SalesHistory) -> None:
    sale = estimate(product, sales=sales)
    assert sale.cents is not None
    assert 1_500 < sale.cents < 6_000
    assert sale.is_estimate


def test_many_sales_outweigh_what_is_asked() -> None:
    few = estimate(a_product(copy=COPY, asks=8_000), sales=sold_at(4_000), model=PLAIN)
    many = estimate(a_product(copy=COPY, asks=8_000), sales=sold_at(*[4_000] * 20), model=PLAIN)
    assert few.cents is not None
    assert many.cents is not None
    assert abs(many.cents - 4_000) < abs(few.cents - 4_000)
    assert not many.is_estimate


def test_an_improbable_sale_counts_less() -> None:
    product = a_product(copy=COPY, asks=8_000)
    sure = estimate(product, sales=sold_at(3_000, 3_000, 3_000, used=0.95), model=PLAIN)
    unsure = estimate(product, sales=sold_at(3_000, 3_000, 3_000, used=0.1), model=PLAIN)
    assert sure.evidence > unsure.evidence
    assert sure.cents is not None
    assert unsure.cents is not None
    assert sure.cents < unsure.cents


def test_a_lone_absurd_ask_moves_the_price_no_further_than_a_dear_one() -> None:
    sales = sold_at(*[4_000] * 6)
    dear = estimate(a_product(copy=COPY, rivals=[14_000]), sales=sales)
    absurd = estimate(a_product(copy=COPY, rivals=[5_000_000]), sales=sales)
    assert dear.cents == absurd.cents


def test_one_absurd_sale_hardly_moves_the_price() -> None:
    fair = estimate(a_product(copy=COPY), sales=sold_at(*[4_000] * 8), model=PLAIN)
    spoilt = estimate(a_product(copy=COPY), sales=sold_at(*[4_000] * 8, 4_000_000), model=PLAIN)
    assert fair.cents is not None
    assert spoilt.cents is not None
    assert spoilt.cents < 1.1 * fair.cents


def test_a_price_that_fell_for_good_forgets_what_was_before() -> None:
    before = [a_sale(8_000, days_ago=200 + 20 * number) for number in range(10)]
    after = [a_sale(3_000, days_ago=20 * number) for number in range(1, 4)]
    used = Series((NOW_MINUTE - 700 * DAY, NOW_MINUTE - 150 * DAY), (7_600, 2_600))
    product = a_product(copy=COPY, rivals=[3_000, 3_200, 3_300], history={"used": used})
    sale = estimate(product, sales=a_past(*before, *after), model=PLAIN)
    assert sale.cents is not None
    assert 2_500 < sale.cents < 3_500


def test_amazons_own_price_is_a_ceiling() -> None:
    product = a_product(copy=COPY, rivals=[9_000], amazon_cents=5_000)
    assert estimate(product, sales=sold_at(*[9_000] * 6)).cents == 4_500
    assert amazon_ceiling(replace(product, amazon_cents=None)) is None
    assert amazon_ceiling(replace(product, amazon_cents=None, amazon_avg=Averages(d180=6_000))) == 5_400


def test_a_better_grade_sells_for_no_less() -> None:
    prices = []
    for condition in (Condition.LIKE_NEW, Condition.VERY_GOOD, Condition.GOOD, Condition.ACCEPTABLE):
        copy = an_offer(1_000, condition=condition, seller="ME")
        prices.append(estimate(a_product(copy=copy), copy, sales=sold_at(*[4_000] * 6)).cents)
    assert prices == sorted(prices, key=lambda cents: -(cents or 0))


def test_the_one_year_average_weighs_sales_by_their_probability() -> None:
    sales = a_past(
        a_sale(2_000, days_ago=10, used=0.9), a_sale(4_000, days_ago=20, used=0.3), a_sale(90_000, days_ago=400)
    )
    sale = estimate(a_product(copy=COPY), sales=sales)
    assert sale.one_year_average_cents == 2_500  # (0.9 × 2,000 + 0.3 × 4,000) / 1.2
    assert sale.percent_down == 60.0  # 1,000 under 2,500


def test_without_sales_percent_down_is_under_the_mean_ask_of_90_days() -> None:
    sale = estimate(a_product(copy=COPY, used_avg=Averages(d90=1_601)))
    assert sale.percent_down == 50.0  # 1,000 under 1,601 + 3.99
    assert sale.one_year_average_cents is None
    assert estimate(a_product(), None).percent_down is None


def test_two_probable_sales_in_a_month_make_it_the_titles_own_peak() -> None:
    march = [a_sale(9_000, days_ago=days, used=0.9) for days in (230, 231)]
    rest = [a_sale(4_000, days_ago=days) for days in (20, 50, 110, 140, 170, 320)]
    own = estimate(a_product(copy=COPY), sales=a_past(*march, *rest), model=PLAIN)
    assert own.season.is_own
    assert own.season.peak_month == 3
    one = estimate(a_product(copy=COPY), sales=a_past(march[0], *rest), model=PLAIN)
    assert not (one.season.is_own and one.season.peak_month == 3)


def test_sales_without_a_rank_never_make_a_peak() -> None:
    march = [a_sale(9_000, days_ago=days, used=0.9, by_rank=False) for days in (229, 230, 231)]
    rest = [a_sale(4_000, days_ago=days, by_rank=False) for days in (20, 50, 110, 140, 170, 320)]
    assert not estimate(a_product(copy=COPY), sales=a_past(*march, *rest)).season.is_own


@given(st.lists(st.floats(0, 1.49), min_size=12, max_size=12), st.lists(st.floats(-5, 5), min_size=12, max_size=12))
def test_no_month_with_less_is_a_peak_of_its_own(probable: list[float], residuals: list[float]) -> None:
    months = [
        seasons.MonthEvidence(probable_sales=copies, weight=copies, residual=residual)
        for copies, residual in zip(probable, residuals, strict=True)
    ]
    season = seasons.describe("textbook", seasons.FLAT, months, centre_cents=1_000, pseudo_sales=6)
    assert not season.is_own


def test_a_flat_year_has_no_peak() -> None:
    season = estimate(a_product(copy=COPY, asks=4_000), model=PLAIN).season
    assert (season.name, season.peak_month, season.peak_cents, season.trough_month) == ("none", None, None, None)


def test_the_season_ahead_weighs_the_months_in_which_the_copy_will_be_for_sale() -> None:
    high_in_winter = tuple(0.4 if month in (0, 1) else -0.08 for month in range(12))
    model = replace(PLAIN, seasons={"general": high_in_winter})
    product, sales = a_product(copy=COPY), sold_at(*[4_000] * 4)
    winter = estimate_sale_price(product, COPY, sales=sales, now=NOW, model=model, sell_within_days=120)
    summer = estimate_sale_price(
        product, COPY, sales=sales, now=NOW, model=model, sell_within_days=300, inbound_delay_days=180
    )
    assert winter.cents is not None
    assert summer.cents is not None
    assert winter.cents > 1.2 * summer.cents


@pytest.mark.parametrize(
    ("title", "root", "subject"),
    [
        ("Introduction to Organic Chemistry, 5th Edition", 283155, "textbook"),
        ("Emergency Care for Nursing", 283155, "professional"),
        ("The Lawn Mower's Tale", 283155, "general"),
        ("Chapter and Verse", 283155, "general"),
        (None, 283155, "general"),
        ("Calculus Board Game", 165793011, "goods"),
    ],
)
def test_a_title_follows_the_year_of_its_subject_by_whole_words(title: str | None, root: int, subject: str) -> None:
    assert seasons.subject_of(a_product(title=title, root_category=root)) == subject


def test_a_falling_price_has_a_falling_trend() -> None:
    sales = a_past(*(a_sale(8_000 - 10 * (700 - days), days_ago=days) for days in range(10, 700, 30)))
    trend = estimate(a_product(copy=COPY), sales=sales).trend_percent_year
    assert trend is not None
    assert -90 < trend < -20
    assert estimate(a_product(copy=COPY), sales=sold_at(4_000, 5_000)).trend_percent_year is None


@settings(max_examples=150, deadline=None)
@given(products(), pasts())
def test_any_input_gives_a_price_between_its_bounds_or_none_at_all(product: Product, sales: SalesHistory) -> None:
    sale = estimate(product, cheapest_used(product), sales=sales)
    if sale.cents is None:
        assert (sale.low_cents, sale.high_cents, sale.basis) == (None, None, None)
        return
    assert sale.low_cents is not None
    assert sale.high_cents is not None
    assert 1 <= sale.low_cents <= sale.cents <= sale.high_cents
    if sale.ceiling_cents is not None:
        shown = (sale.low_cents, sale.cents, sale.high_cents, sale.season.peak_cents, sale.season.trough_cents)
        assert all(cents <= max(1, sale.ceiling_cents) for cents in shown if cents is not None)


@settings(max_examples=60, deadline=None)
@given(products(), pasts(), st.randoms(use_true_random=False))
def test_the_order_of_the_offers_does_not_matter(product: Product, sales: SalesHistory, dice: random.Random) -> None:
    mixed = list(product.offers or ())
    dice.shuffle(mixed)
    copy = cheapest_used(product)
    other = replace(product, offers=tuple(mixed) if product.offers is not None else None)
    assert estimate(product, copy, sales=sales) == estimate(other, copy, sales=sales)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10), st.integers(1, 10), st.integers(1_000, 50_000))
def test_fewer_sales_of_the_same_price_never_give_a_narrower_interval(one: int, other: int, cents: int) -> None:
    few, many = (estimate(a_product(copy=COPY), sales=sold_at(*[cents] * count)) for count in sorted((one, other)))
    assert _width(few) >= _width(many) - 0.01


def _width(sale: SalePrice) -> float:
    assert sale.low_cents is not None
    assert sale.high_cents is not None
    return math.log(sale.high_cents / sale.low_cents)


def test_the_shares_of_the_inputs_make_up_the_whole_price() -> None:
    sale = estimate(
        a_product(copy=COPY, rivals=[4_500, 5_000], asks=4_000, new_cents=9_000), sales=sold_at(4_000, 4_100)
    )
    assert sum(step.share for step in sale.steps if step.share is not None) == pytest.approx(1.0, abs=0.003)
    assert {step.name for step in sale.steps} >= {"probable used sales", "usual used ask", "sale price"}


def test_a_price_held_by_the_ceiling_rests_on_the_ceiling() -> None:
    sale = estimate(a_product(copy=COPY, rivals=[9_000], amazon_cents=5_000), sales=sold_at(*[9_000] * 6))
    shares = {step.name: step.share for step in sale.steps}
    assert sale.cents == sale.high_cents == sale.ceiling_cents == 4_500
    assert shares["ceiling by Amazon's new price"] == 1.0
    assert shares["probable used sales"] == 0.0
