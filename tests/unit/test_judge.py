"""The judgement as a whole: it adds up, says why, knows what it does not know, and stands any input."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keepa_deals import fees
from keepa_deals.judgement.explanation import recompute_profit
from keepa_deals.judgement.judge import cheapest_used_offer, judge, worth_showing
from keepa_deals.keepa_json import parse_look
from keepa_deals.records import Averages, Condition, CostSettings, Judgement, Offer, Product, Series
from keepa_deals.units import to_keepa_minutes
from tests.conftest import NOON
from tests.keepa_builders import a_product, an_offer

COSTS = CostSettings()
MINUTE = to_keepa_minutes(NOON)
DAY = 1_440


def offered(**changes: Any) -> Offer:
    return an_offer(at=NOON, **({"seller_id": "A", "item_cents": 1000} | changes))


def judged(*, costs: CostSettings = COSTS, **changes: Any) -> Judgement:
    return judge(a_product(at=NOON, **changes), costs=costs, now=NOON)


def a_selling_title(*, sales: int = 30, cents: int = 6000, seed: int = 5) -> dict[str, Series]:
    """Two years of a title that sells about every three weeks for `cents` plus shipping, and what Keepa kept of it."""
    dice = random.Random(seed)
    sold = sorted(dice.sample(range(10, 720), sales))
    rank, count = [(MINUTE - 730 * DAY, 400_000)], 12
    used: list[tuple[int, int]] = [(MINUTE - 730 * DAY, cents)]
    counts = [(MINUTE - 730 * DAY, count)]
    for day in range(1, 728):
        minute = MINUTE - (730 - day) * DAY
        since = min((day - one for one in sold if one < day), default=60)
        rank.append((minute, round(200_000 * (1 + 24 * since / 6) ** 0.6)))
        if day - 1 in sold:
            used.append((minute, round(cents * dice.uniform(1.03, 1.12))))
            counts.append((minute, count - 1))
        elif day - 4 in sold:
            used.append((minute, round(cents * dice.uniform(0.97, 1.03))))
            counts.append((minute, count))
    return {name: _series(points) for name, points in (("rank", rank), ("used", used), ("used_offers", counts))}


def _series(points: list[tuple[int, int]]) -> Series:
    return Series(tuple(minute for minute, _ in points), tuple(value for _, value in points))


def value_of(judgement: Judgement, name: str) -> Any:
    (value,) = (step.value for step in judgement.steps if step.name == name)
    return value


# the copy


@pytest.mark.parametrize(
    ("offers", "seller"),
    [
        # 1000 + 399 = 1399 against 1300 + 0
        ([offered(), offered(seller_id="B", item_cents=1300, shipping_cents=0)], "B"),
        # a merchant's unknown shipping is not free
        ([offered(), offered(seller_id="B", item_cents=100, shipping_cents=None)], "A"),
        # unknown shipping from Amazon's warehouse is
        ([offered(), offered(seller_id="B", item_cents=1390, shipping_cents=None, is_fba=True)], "B"),
        # new, refurbished, collectible and unknown are not used
        ([offered(), offered(seller_id="B", item_cents=100, condition=Condition.NEW)], "A"),
        ([offered(), offered(seller_id="B", item_cents=100, condition=Condition.UNKNOWN)], "A"),
        ([offered(), offered(seller_id="B", item_cents=100, condition=Condition.REFURBISHED)], "A"),
        # what does not ship can't be bought
        ([offered(), offered(seller_id="B", item_cents=100, is_shippable=False)], "A"),
        # at one price the better grade, then the seller's name
        ([offered(), offered(seller_id="B", condition=Condition.VERY_GOOD)], "B"),
        ([offered(seller_id="B"), offered(seller_id="A")], "A"),
        ([offered(item_cents=None)], None),
        ([], None),
    ],
)
def test_the_cheapest_used_copy_that_can_be_bought_is_found(offers: list[Offer], seller: str | None) -> None:
    found = cheapest_used_offer(a_product(at=NOON, offers=tuple(offers)))
    assert (found.seller_id if found is not None else None) == seller


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"product_type": 2}, "0990000017 is an ebook"),
    ({"product_type": 99}, "0990000017 is of a kind we do not know"),
    ({"offers": None}, "Keepa gave no offers, so no copy can be named"),
    ({"offers": ()}, "no live used offer"),
    ({"offers": (offered(condition=Condition.NEW),)}, "no live used offer"),
    ({"offers": (offered(shipping_cents=None),)}, "no used offer with known shipping"),
    ({"offers_checked_at": NOON - timedelta(hours=25)}, "the offers were last checked more than 24 hours ago"),
    ({"offers_checked_at": None}, "the offers were last checked more than 24 hours ago"),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSALS)
def test_without_a_copy_to_buy_there_is_a_sentence_with_its_steps_and_no_price(
    changes: dict[str, Any], sentence: str
) -> None:
    judgement = judged(**changes)
    assert judgement.refusal == sentence
    assert worth_showing(judgement) == sentence
    assert (judgement.price_now_cents, judgement.all_in_cents, judgement.profit_cents) == (None, None, None)
    assert (judgement.margin_percent, judgement.roi_percent, judgement.break_even_cents) == (None, None, None)
    assert (judgement.condition, judgement.seller_id, judgement.percent_down) == (None, None, None)
    assert not judgement.is_profitable
    assert value_of(judgement, "item price") is None
    assert value_of(judgement, "sale price") == judgement.sale_price_cents


# the sum


def test_a_judgement_adds_up() -> None:
    costs = CostSettings(prep_cents=250, inbound_shipping_cents=200, purchase_tax_percent=5.0, caution=1.5)
    judgement = judged(costs=costs, offers=(offered(),), history=a_selling_title())
    assert judgement.price_now_cents == 1399  # 1000 + 399
    assert judgement.all_in_cents == 1919  # 1399 + 5 % (69.95 → 70) + 250 + 200
    listed, sale, profit = judgement.list_cents, judgement.sale_price_cents, judgement.profit_cents
    assert listed is not None
    assert sale is not None
    assert profit is not None
    assert judgement.sold_chance_percent is not None
    net = listed - fees.percent_of(listed, 15.0) - 575 - 180
    chance, salvage = judgement.sold_chance_percent / 100, fees.percent_of(sale, 50.0)
    assert judgement.profit_if_sold_cents == net - 1919
    assert profit == pytest.approx(chance * net + (1 - chance) * salvage - 1919, abs=0.51)
    assert judgement.error_scale_cents is not None
    assert judgement.profit_low_cents == profit - fees.percent_of(judgement.error_scale_cents, 150.0)
    assert judgement.margin_percent == pytest.approx(100 * profit / listed, abs=0.01)
    assert judgement.roi_percent == pytest.approx(100 * profit / 1919, abs=0.01)
    assert value_of(judgement, "risk of not selling") == net - 1919 - profit
    assert judgement.refusal is None


def test_a_title_that_sells_is_no_mere_estimate_and_its_sales_are_told() -> None:
    judgement = judged(offers=(offered(),), history=a_selling_title())
    assert not judgement.sale_price_is_estimate
    assert judgement.is_profitable
    assert judgement.sale_price_cents == pytest.approx(6399, rel=0.3)
    assert judgement.one_year_average_cents == pytest.approx(6399, rel=0.25)
    assert len(judgement.sales) >= 15
    assert list(judgement.sales) == sorted(judgement.sales, key=lambda sale: sale.minute)


def test_a_title_nobody_was_seen_to_buy_is_an_estimate_and_never_called_profitable() -> None:
    judgement = judged(offers=(offered(item_cents=100),), history={})
    assert judgement.sale_price_is_estimate
    assert judgement.profit_low_cents is not None
    assert judgement.profit_low_cents > 0
    assert not judgement.is_profitable


def test_a_title_that_pays_only_while_it_does_not_sell_is_not_called_profitable() -> None:
    free = CostSettings(prep_cents=0, inbound_shipping_cents=0, salvage_percent=100.0, caution=0.0)
    cheap = offered(item_cents=60, shipping_cents=0)
    judgement = judged(costs=free, offers=(cheap,), history=a_selling_title(cents=200), fba_fee_cents=900)
    assert not judgement.sale_price_is_estimate
    assert judgement.profit_low_cents is not None
    assert judgement.profit_if_sold_cents is not None
    assert judgement.profit_low_cents > 0 > judgement.profit_if_sold_cents
    assert not judgement.is_profitable


def test_the_price_rests_wholly_on_the_inputs_that_the_steps_name() -> None:
    shares = [step.share for step in judged(history=a_selling_title()).steps if step.share is not None]
    assert sum(shares) == pytest.approx(1.0, abs=0.01)


def test_a_loss_is_not_worth_showing_and_says_its_sum() -> None:
    judgement = judged(offers=(offered(item_cents=50_000),))
    assert judgement.profit_cents is not None
    assert judgement.profit_cents < 0
    sentence = worth_showing(judgement)
    assert sentence is not None
    assert sentence.startswith("no profit: listed at ")
    assert sentence.endswith("all-in 508.49")  # 500 + 3.99 + 2.50 + 2.00 = 508.49


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"used_avg": Averages(), "used_cents": None},
            "no used sale, used ask or other used offer has a price, so no sale price can be said",
        ),
        (
            {"referral_percent": None, "root_category": 77, "closing_fee_cents": 0},
            "the referral percent is unknown, so no profit can be said",
        ),
        ({"fba_fee_cents": None, "package_grams": None}, "the FBA fee is unknown, so no profit can be said"),
        ({"closing_fee_cents": None, "root_category": None}, "the closing fee is unknown, so no profit can be said"),
    ],
)
def test_an_unknown_input_makes_the_profit_unknown_and_the_row_is_shown(changes: dict[str, Any], sentence: str) -> None:
    judgement = judged(**changes)
    assert judgement.price_now_cents == 2849
    assert (judgement.profit_cents, judgement.margin_percent, judgement.roi_percent) == (None, None, None)
    assert judgement.refusal == sentence
    assert recompute_profit(judgement.steps) is None
    assert worth_showing(judgement) is None


def test_another_sellers_costs_give_another_answer_from_the_same_product() -> None:
    product = a_product(at=NOON, history=a_selling_title())
    ours = judge(product, costs=COSTS, now=NOON)
    theirs = judge(product, costs=CostSettings(prep_cents=350, salvage_percent=0.0, sell_within_days=60), now=NOON)
    assert (ours.sale_price_cents is None, theirs.profit_cents is None) == (False, False)
    assert (ours.profit_cents or 0) > (theirs.profit_cents or 0)
    assert (ours.list_cents or 0) > (theirs.list_cents or 0)  # who must sell within two months asks for less


# real answers


REAL = pytest.mark.parametrize("asin", ["B0D8W1YVBX", "B0F7XPYCSJ"])


def a_real_product(asin: str) -> Product:
    folder = os.environ.get("KEEPA_SAMPLES")
    if not folder:
        pytest.skip("KEEPA_SAMPLES is not set: the real Keepa answers are not in this repository")
    body = (Path(folder) / f"product-{asin}.json").read_bytes()
    (product,) = parse_look(body, asked=[asin], now=NOON).products
    return product


@REAL
def test_a_real_answer_without_offers_is_judged_as_it_came_and_says_what_is_missing(asin: str) -> None:
    judgement = judge(a_real_product(asin), costs=COSTS, now=NOON)
    assert judgement.refusal == "Keepa gave no offers, so no copy can be named"
    assert worth_showing(judgement) == judgement.refusal
    assert (judgement.price_now_cents, judgement.profit_cents, judgement.is_profitable) == (None, None, False)
    assert recompute_profit(judgement.steps) is None
    assert all(step.rule and step.name == step.name.strip() for step in judgement.steps)


@REAL
def test_a_real_product_that_is_no_book_is_judged_with_its_own_fees_and_steps_that_read(asin: str) -> None:
    product = a_real_product(asin)
    assert product.root_category != fees.BOOKS
    used = replace(product, offers=(offered(item_cents=1500),), offers_checked_at=NOON)
    judgement = judge(used, costs=COSTS, now=NOON)
    assert judgement.price_now_cents == 1899
    assert recompute_profit(judgement.steps) == judgement.profit_cents
    assert all(step.rule and step.name == step.name.strip() for step in judgement.steps)
    assert value_of(judgement, "closing fee") == 0
    assert judgement.season in ("goods", "none")


# laws, for any input

STRANGE_MINUTES = st.integers(-5, 10) | st.integers(MINUTE - 800 * DAY, MINUTE + 400 * DAY)
STRANGE_VALUES = st.none() | st.sampled_from([-2, -1, 0, 1, 2, 5_000_000, 10**9]) | st.integers(1, 60_000)


@st.composite
def a_strange_series(draw: st.DrawFn) -> Series:
    points = draw(st.lists(st.tuples(STRANGE_MINUTES, STRANGE_VALUES), max_size=30))
    if draw(st.booleans()):
        points.sort(key=lambda point: point[0])
    return Series(tuple(minute for minute, _ in points), tuple(value for _, value in points))


SERIES = ("used", "new", "amazon", "rank", "used_offers", "new_offers", "landed_good", "landed_buy_box_used")
HISTORIES = st.dictionaries(st.sampled_from(SERIES), a_strange_series(), max_size=8) | st.just(a_selling_title())
CENTS = st.none() | st.sampled_from([1, 5_000_000]) | st.integers(1, 60_000)
MEANS = st.builds(Averages, d30=CENTS, d90=CENTS, d180=CENTS, d365=CENTS)
OFFERS = st.lists(
    st.builds(
        offered,
        seller_id=st.sampled_from(["A", "B", "C", "D"]),
        condition=st.sampled_from(list(Condition)),
        item_cents=CENTS,
        shipping_cents=st.none() | st.integers(0, 900),
        is_fba=st.booleans(),
        is_shippable=st.booleans(),
    ),
    max_size=6,
)
COSTS_OF_ANY_KIND = st.builds(
    CostSettings,
    prep_cents=st.integers(0, 2_000),
    inbound_shipping_cents=st.integers(0, 2_000),
    purchase_tax_percent=st.sampled_from([0.0, 5.0, 8.875]),
    target_roi_percent=st.sampled_from([0.0, 30.0]),
    minimum_markup_percent=st.sampled_from([0.0, 12.5]),
    salvage_percent=st.sampled_from([0.0, 33.3, 50.0, 100.0]),
    sell_within_days=st.integers(30, 365),
    inbound_delay_days=st.integers(0, 29),
    caution=st.sampled_from([0.0, 1.0, 1.35]),
)


@st.composite
def a_strange_product(draw: st.DrawFn) -> Product:
    offers = draw(st.none() | OFFERS)
    return a_product(
        at=NOON,
        domain_id=draw(st.sampled_from([1, 1, 3])),
        product_type=draw(st.sampled_from([0, 0, 0, 2])),
        title=draw(st.sampled_from([None, "", "Organic Chemistry", "Pots"])),
        root_category=draw(st.sampled_from([None, fees.BOOKS, 172282, 77])),
        used_cents=draw(CENTS),
        new_cents=draw(CENTS),
        amazon_cents=draw(CENTS),
        amazon_avg=draw(MEANS),
        used_avg=draw(MEANS),
        sales_rank=draw(st.none() | st.sampled_from([1, 20_000_000])),
        drops365=draw(st.none() | st.integers(0, 3_000)),
        fba_fee_cents=draw(st.none() | st.integers(1, 3_000)),
        referral_percent=draw(st.none() | st.sampled_from([8.0, 15.01, 17.0])),
        closing_fee_cents=draw(st.none() | st.sampled_from([0, 180])),
        offers=None if offers is None else tuple(offers),
        history=draw(HISTORIES),
    )


anything_goes = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(a_strange_product(), COSTS_OF_ANY_KIND)
@anything_goes
def test_whatever_the_input_the_profit_follows_from_the_steps_or_a_sentence_says_why_not(
    product: Product, costs: CostSettings
) -> None:
    judgement = judge(product, costs=costs, now=NOON)
    assert recompute_profit(judgement.steps) == judgement.profit_cents
    assert (judgement.refusal is None) == (judgement.profit_cents is not None)
    inputs = (
        judgement.price_now_cents,
        judgement.list_cents,
        judgement.fba_fee_cents,
        judgement.closing_fee_cents,
        judgement.referral_fee_cents,
        judgement.sold_chance_percent,
    )
    assert (judgement.profit_cents is None) == any(value is None for value in inputs)
    assert (judgement.roi_percent is None) == (judgement.profit_cents is None)
    assert not judgement.is_profitable or (judgement.profit_low_cents or 0) > 0
    assert not judgement.is_profitable or (judgement.profit_if_sold_cents or 0) > 0
    assert len({step.name for step in judgement.steps}) == len(judgement.steps)


@given(a_strange_product(), COSTS_OF_ANY_KIND, st.randoms(use_true_random=False))
@anything_goes
def test_the_order_of_offers_changes_nothing(product: Product, costs: CostSettings, dice: random.Random) -> None:
    shuffled = list(product.offers or ())
    dice.shuffle(shuffled)
    other = replace(product, offers=tuple(shuffled) if product.offers is not None else None)
    assert judge(other, costs=costs, now=NOON) == judge(product, costs=costs, now=NOON)


@given(a_strange_product(), COSTS_OF_ANY_KIND, st.integers(1, 500))
@anything_goes
def test_profit_falls_by_what_a_cost_rises(product: Product, costs: CostSettings, more: int) -> None:
    before = judge(product, costs=costs, now=NOON)
    after = judge(product, costs=replace(costs, prep_cents=costs.prep_cents + more), now=NOON)
    taxed = judge(product, costs=replace(costs, purchase_tax_percent=costs.purchase_tax_percent + 1), now=NOON)
    if before.profit_cents is not None:
        assert after.profit_cents == before.profit_cents - more
        assert taxed.profit_cents is not None
        assert taxed.profit_cents <= before.profit_cents
        assert (after.list_cents, after.sale_price_cents) == (before.list_cents, before.sale_price_cents)


@given(a_strange_product(), COSTS_OF_ANY_KIND)
@anything_goes
def test_at_the_maximum_buy_price_the_target_is_just_reached(product: Product, costs: CostSettings) -> None:
    judgement = judge(product, costs=costs, now=NOON)
    most, profit, all_in = judgement.maximum_buy_cents, judgement.profit_cents, judgement.all_in_cents
    if most is None or profit is None or all_in is None or most == 0:
        return

    def reaches(landed: int) -> bool:
        cost = fees.all_in_cents(landed, costs=costs)
        return cost is not None and (profit + all_in - cost) * 100 >= costs.target_roi_percent * cost

    assert reaches(most)
    assert not reaches(most + 1)
