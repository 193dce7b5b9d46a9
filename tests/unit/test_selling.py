"""When our copy sells at which price, what to ask for it, and how sure that is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_lab import NOTHING_SOLD, NOW, a_product, an_offer, pasts, products, sold_at

from keepa_deals.judgement.fitted_prices import FITTED_PRICES, FITTED_SELLING
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.money import Charges
from keepa_deals.judgement.sale_price import SalePrice, estimate_sale_price
from keepa_deals.judgement.selling import SellCurve, SellingPlan, best_list_price, plan_selling, sell_curve
from keepa_deals.records import CostSettings, Product

COSTS = CostSettings()
COPY = an_offer(1_000, seller="ME")
FEES = Charges(percent=15.0, minimum_cents=0, fba_cents=500, closing_cents=180)
BOOK = a_product(copy=COPY, rivals=[4_200, 4_500, 5_000], asks=3_800)
SOLD = sold_at(*[4_000] * 12, used_a_year=12.0)


def priced(product: Product = BOOK, sales: SalesHistory = SOLD) -> SalePrice:
    return estimate_sale_price(product, COPY, sales=sales, now=NOW, model=FITTED_PRICES)


def planned(
    product: Product = BOOK, sales: SalesHistory = SOLD, *, charges: Charges = FEES, costs: CostSettings = COSTS
) -> SellingPlan:
    sale = priced(product, sales)
    return plan_selling(sale, sales=sales, left_of=charges.net_of, costs=costs, now=NOW, model=FITTED_SELLING)


def curve_of(product: Product = BOOK, sales: SalesHistory = SOLD) -> SellCurve:
    curve = sell_curve(priced(product, sales), sales=sales, costs=COSTS, now=NOW, model=FITTED_SELLING)
    assert curve is not None
    return curve


CURVE = curve_of()
PRICES, DAYS = st.integers(1, 200_000), st.floats(0, 1_000)


@given(PRICES, PRICES, DAYS)
def test_a_higher_price_never_sells_sooner(one: int, other: int, days: float) -> None:
    low, high = sorted((one, other))
    assert CURVE.chance(low, days) >= CURVE.chance(high, days)


@given(PRICES, DAYS, DAYS)
def test_more_days_never_sell_less(cents: int, one: float, other: float) -> None:
    short, long = sorted((one, other))
    assert CURVE.chance(cents, short) <= CURVE.chance(cents, long)


@settings(max_examples=100, deadline=None)
@given(products(), pasts(), PRICES, PRICES, DAYS)
def test_these_laws_hold_for_any_title(
    product: Product, sales: SalesHistory, one: int, other: int, days: float
) -> None:
    sale = estimate_sale_price(product, None, sales=sales, now=NOW, model=FITTED_PRICES)
    curve = sell_curve(sale, sales=sales, costs=COSTS, now=NOW, model=FITTED_SELLING)
    if curve is None:
        assert sale.cents is None or sales.used_a_year is None
        return
    low, high = sorted((one, other))
    assert 1 >= curve.chance(low, days) >= curve.chance(high, days) >= 0
    assert curve.chance(high, days) <= curve.chance(high, days + 30)


def test_a_cheap_copy_of_a_fast_title_sells_and_one_at_ten_times_the_price_does_not() -> None:
    sale = priced()
    assert sale.cents is not None
    assert CURVE.chance(sale.cents // 3, 270) > 0.9
    assert CURVE.chance(sale.cents * 10, 270) < 0.05


def test_nothing_sells_before_it_has_arrived() -> None:
    assert CURVE.chance(1, COSTS.inbound_delay_days) == 0.0
    assert CURVE.chance(1, COSTS.inbound_delay_days + 1) > 0.0


def test_a_title_that_sells_often_sells_ours_sooner() -> None:
    slow, fast = (curve_of(sales=replace(SOLD, used_a_year=rate)) for rate in (1.0, 60.0))
    assert fast.chance(4_000, 90) > slow.chance(4_000, 90)


def listed_with(prudence: float) -> int:
    model = replace(FITTED_SELLING, prudence=prudence)
    plan = plan_selling(priced(), sales=SOLD, left_of=FEES.net_of, costs=COSTS, now=NOW, model=model)
    assert plan.list_cents is not None
    return plan.list_cents


def test_without_prudence_the_recommended_price_earns_as_much_as_any_other() -> None:
    sale, salvage = priced(), planned().salvage_cents
    assert sale.cents is not None
    assert salvage is not None

    def expected(cents: int) -> float:
        net = FEES.net_of(cents)
        assert net is not None
        chance = CURVE.chance(cents, COSTS.sell_within_days)
        return chance * net + (1 - chance) * salvage

    best = max(expected(cents) for cents in range(sale.cents // 3, sale.cents * 2, 10))
    assert expected(listed_with(prudence=0.0)) > best - 5


def test_prudence_asks_for_less() -> None:
    assert listed_with(prudence=2.0) < listed_with(prudence=1.0) < listed_with(prudence=0.0)


def test_amazons_ceiling_holds_the_list_price_too() -> None:
    product = replace(BOOK, amazon_cents=3_000)
    plan = planned(product)
    assert plan.list_cents is not None
    assert plan.list_cents <= 2_700


def test_what_the_copy_costs_does_not_move_the_list_price_but_the_fees_do() -> None:
    free = replace(FEES, fba_cents=0, closing_cents=0)
    dear = replace(FEES, fba_cents=1_500)
    cheap_plan, dear_plan = planned(charges=free), planned(charges=dear)
    assert cheap_plan.list_cents is not None
    assert dear_plan.list_cents is not None
    assert dear_plan.list_cents > cheap_plan.list_cents


def test_other_settings_give_another_plan_of_the_same_product() -> None:
    patient = planned(costs=replace(COSTS, sell_within_days=540))
    hurried = planned(costs=replace(COSTS, sell_within_days=60))
    assert patient.list_cents is not None
    assert hurried.list_cents is not None
    assert patient.list_cents > hurried.list_cents
    assert planned(costs=replace(COSTS, salvage_percent=0.0)).salvage_cents == 0


@pytest.mark.parametrize("missing", ["percent", "fba_cents", "closing_cents"])
def test_an_unknown_fee_leaves_no_list_price_but_keeps_the_trust(missing: str) -> None:
    plan = planned(charges=replace(FEES, **{missing: None}))
    assert (plan.list_cents, plan.chance, plan.days_to_sell, plan.error_scale_cents) == (None, None, None, None)
    assert plan.trust is not None


def test_an_unknown_speed_leaves_the_chance_unknown() -> None:
    plan = planned(sales=replace(SOLD, used_a_year=None))
    assert (plan.list_cents, plan.chance, plan.trust) == (None, None, None)
    assert plan.salvage_cents is not None


def test_an_unknown_sale_price_leaves_everything_unknown() -> None:
    plan = planned(a_product(copy=COPY), NOTHING_SOLD)
    assert (plan.list_cents, plan.chance, plan.salvage_cents, plan.trust) == (None, None, None, None)
    assert {step.value for step in plan.steps} == {None}


def test_days_to_sell_is_the_median_and_none_where_less_than_half_sells() -> None:
    days = CURVE.days_to_sell(2_500, within_days=270)
    assert days is not None
    assert CURVE.chance(2_500, COSTS.inbound_delay_days + days) == pytest.approx(0.5, abs=0.02)
    assert CURVE.days_to_sell(100_000, within_days=270) is None


def test_the_steps_say_what_the_profit_is_made_of() -> None:
    plan = planned()
    steps = {step.name: step for step in plan.steps}
    assert steps["list price"].value == plan.list_cents
    assert steps["salvage"].value == plan.salvage_cents
    chance = steps["chance to sell"].value
    assert isinstance(chance, float)
    assert plan.chance == pytest.approx(chance / 100, abs=1e-9)
    assert steps["error scale"].value == plan.error_scale_cents


def test_a_list_price_without_a_sale_price_is_a_broken_promise() -> None:
    unknown = replace(priced(), cents=None)
    with pytest.raises(ValueError, match="needs a sale price"):
        best_list_price(unknown, CURVE, left_of=FEES.net_of, salvage_cents=0, within_days=270)


@settings(max_examples=80, deadline=None)
@given(products(), pasts())
def test_any_input_gives_a_plan_with_chances_between_0_and_1(product: Product, sales: SalesHistory) -> None:
    plan = planned(product, sales)
    assert all(chance is None or 0 <= chance <= 1 for chance in (plan.chance, plan.trust))
    if plan.list_cents is not None:
        assert plan.list_cents >= 1
        assert plan.error_scale_cents is not None
        assert plan.chance is not None
        assert plan.curve is not None
        soon, later, in_time = (plan.curve.chance(plan.list_cents, days) for days in (30, 90, 270))
        assert 0 <= soon <= later <= in_time <= 1
        assert in_time == pytest.approx(plan.chance, abs=1e-4)
