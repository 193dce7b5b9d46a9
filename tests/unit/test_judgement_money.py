"""What a sale leaves, what to expect in doubt, and where that changes its sign; arithmetic beside each case."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keepa_deals import fees
from keepa_deals.judgement.money import (
    Charges,
    expected_proceeds,
    less_caution,
    lowest_list_price,
    maximum_buy_price,
    rounded_chance,
    salvage_of,
)
from keepa_deals.records import CostSettings
from tests.conftest import NOON
from tests.keepa_builders import a_product

BOOK = Charges(percent=15.0, minimum_cents=0, fba_cents=500, closing_cents=180)
FREE = CostSettings(prep_cents=0, inbound_shipping_cents=0)

percents = st.sampled_from([0.0, 5.0, 8.875, 30.0, 12.5])
costs_of_any_kind = st.builds(
    CostSettings,
    prep_cents=st.integers(0, 2_000),
    inbound_shipping_cents=st.integers(0, 2_000),
    purchase_tax_percent=percents,
    target_roi_percent=percents,
)
charges_of_any_kind = st.builds(
    Charges,
    percent=st.sampled_from([8.0, 15.0, 15.01, 45.0]),
    minimum_cents=st.sampled_from([0, 30]),
    fba_cents=st.integers(0, 2_000),
    closing_cents=st.sampled_from([0, 180]),
)
cents = st.integers(1, 100_000)


@pytest.mark.parametrize(
    ("cents", "percent", "share"),
    [(1000, 15.0, 150), (10, 15.0, 2), (3, 50.0, 2), (1, 49.9, 0), (0, 15.0, 0), (10_000, 15.01, 1501), (333, 8.0, 27)],
)
def test_a_share_is_rounded_half_up(cents: int, percent: float, share: int) -> None:
    assert fees.percent_of(cents, percent) == share


@pytest.mark.parametrize(
    ("sale", "percent", "minimum", "fee"),
    [(4399, 15.0, 0, 660), (100, 15.0, 30, 30), (200, 15.0, 30, 30), (210, 15.0, 30, 32)],
)
def test_a_referral_fee_has_a_minimum(sale: int, percent: float, minimum: int, fee: int) -> None:
    assert fees.referral_fee(sale, percent=percent, minimum_cents=minimum) == fee


@pytest.mark.parametrize(
    ("grams", "mm", "cents"),
    [
        (113, (200, 130, 10), 390),
        (114, (200, 130, 10), 415),
        (235, (156, 102, 52), 440),
        (650, (231, 155, 28), 700),
        (1361, (231, 155, 28), 780),
        (1362, (231, 155, 28), 792),  # one started quarter pound: 780 + 12
        (1361 + 113, (231, 155, 28), 792),
        (1361 + 114, (231, 155, 28), 804),
        (100, (300, 300, 100), 780 + 4 * 12),  # 9,000,000 mm³ / 5,022 = 1,792 g; (1792 - 1361) / 113 = 3.8
        (9_073, (300, 200, 100), None),
        (500, (458, 100, 100), None),
        (500, (300, 300, 204), None),
    ],
)
def test_the_fba_table_goes_by_weight_and_size(grams: int, mm: tuple[int, int, int], cents: int | None) -> None:
    assert fees.standard_fba_fee(grams, mm) == cents


@pytest.mark.parametrize(
    ("grams", "mm", "cents"), [(141, (104, 55, 35), 409), (235, (156, 102, 52), 435), (650, (231, 155, 28), 700)]
)
def test_the_fba_table_is_not_below_what_keepa_showed(grams: int, mm: tuple[int, int, int], cents: int) -> None:
    fee = fees.standard_fba_fee(grams, mm)
    assert fee is not None
    assert fee >= cents


def a_product_without_fees(**changes: Any) -> Any:
    unknown: dict[str, Any] = {"fba_fee_cents": None, "referral_percent": None, "closing_fee_cents": None}
    sized = {"package_grams": 600, "package_mm": (231, 155, 28)}
    return a_product(at=NOON, **(unknown | sized | changes))


def test_the_tables_speak_for_amazon_com_only() -> None:
    abroad, at_home = a_product_without_fees(domain_id=3), a_product_without_fees()
    assert fees.fba_fee(abroad).cents is None
    assert fees.closing_fee(abroad).cents is None
    assert fees.referral_terms(abroad).percent is None
    assert (fees.fba_fee(at_home).cents, fees.fba_fee(at_home).source) == (700, "table")
    assert fees.closing_fee(at_home).cents == 180
    assert fees.referral_terms(at_home).percent == 15.0
    assert fees.closing_fee(a_product_without_fees(root_category=1055398)).cents == 0


@pytest.mark.parametrize(
    ("chance", "net", "salvage", "proceeds"),
    [
        (1.0, 3059, 2000, 3059),
        (0.0, 3059, 2000, 2000),
        (0.75, 3059, 2000, 2794),  # 2294.25 + 500
        (0.5, 1001, 0, 501),  # 500.5, half up
        (0.5, -1001, 0, -500),  # -500.5, half up
        (None, 3059, 2000, None),
        (0.5, None, 2000, None),
        (0.5, 3059, None, None),
    ],
)
def test_expected_proceeds_weigh_a_sale_against_none(
    chance: float | None, net: int | None, salvage: int | None, proceeds: int | None
) -> None:
    assert expected_proceeds(chance, net_cents=net, salvage_cents=salvage) == proceeds


def test_a_chance_has_four_decimals() -> None:
    assert [rounded_chance(chance) for chance in (0.123449, 0.12345, 0.99999, None)] == [0.1234, 0.1235, 1.0, None]


def test_salvage_is_a_share_of_the_sale_price() -> None:
    assert salvage_of(4399, costs=CostSettings(salvage_percent=50.0)) == 2200
    assert salvage_of(None, costs=FREE) is None


def test_caution_takes_its_error_scales_off() -> None:
    assert less_caution(1000, error_scale_cents=333, caution=1.5) == 500  # 499.5, half up
    assert less_caution(1000, error_scale_cents=333, caution=0.0) == 1000
    assert less_caution(1000, error_scale_cents=None, caution=1.0) is None
    assert less_caution(None, error_scale_cents=333, caution=1.0) is None


@given(st.floats(0, 1), st.floats(0, 1), st.integers(-500, 50_000), st.integers(0, 20_000))
def test_proceeds_lie_between_salvage_and_net_and_rise_with_the_chance(
    one: float, other: float, net: int, salvage: int
) -> None:
    low, high = sorted((one, other))
    at_low = expected_proceeds(rounded_chance(low), net_cents=net, salvage_cents=salvage)
    at_high = expected_proceeds(rounded_chance(high), net_cents=net, salvage_cents=salvage)
    assert at_low is not None
    assert at_high is not None
    assert min(net, salvage) <= at_low <= max(net, salvage)
    assert (at_low <= at_high) if net >= salvage else (at_low >= at_high)


@given(charges_of_any_kind, st.integers(0, 100_000))
@settings(max_examples=200, deadline=None)
def test_the_break_even_price_is_the_first_that_loses_nothing(charges: Charges, all_in: int) -> None:
    price = lowest_list_price(all_in, charges=charges, markup_percent=0.0)
    assert price is not None
    assert (charges.net_of(price) or 0) >= all_in
    assert price == 1 or (charges.net_of(price - 1) or 0) < all_in


@given(charges_of_any_kind, st.integers(0, 100_000), st.sampled_from([1.0, 10.0, 33.3]))
@settings(max_examples=200, deadline=None)
def test_the_minimum_list_price_leaves_the_markup(charges: Charges, all_in: int, markup: float) -> None:
    price = lowest_list_price(all_in, charges=charges, markup_percent=markup)
    assert price is not None

    def leaves_the_markup(one: int) -> bool:
        net = charges.net_of(one)
        return net is not None and (net - all_in) * 1000 >= round(markup * 10) * one

    assert leaves_the_markup(price)
    assert price == 1 or not leaves_the_markup(price - 1)


@pytest.mark.parametrize(
    ("percent", "markup"),
    [(85.0, 15.0), (90.0, 50.0), (99.999999999999, 0.0), (15.0, 80.000001), (15.0, 84.99999999999), (None, 0.0)],
)
def test_no_list_price_is_said_where_none_can_be(percent: float | None, markup: float) -> None:
    charges = Charges(percent=percent, minimum_cents=0, fba_cents=500, closing_cents=0)
    assert lowest_list_price(1_000, charges=charges, markup_percent=markup) is None


@given(st.integers(-1_000, 200_000), costs_of_any_kind)
@settings(max_examples=200, deadline=None)
def test_the_maximum_buy_price_is_the_last_that_reaches_the_target(proceeds: int, costs: CostSettings) -> None:
    price = maximum_buy_price(proceeds, costs=costs)
    assert price is not None

    def reaches(landed: int) -> bool:
        all_in = fees.all_in_cents(landed, costs=costs)
        return all_in is not None and (proceeds - all_in) * 100_000 >= round(costs.target_roi_percent * 1000) * all_in

    assert price == 0 or reaches(price)
    assert not reaches(price + 1)


def test_unknown_proceeds_give_no_maximum_buy_price() -> None:
    assert maximum_buy_price(None, costs=FREE) is None


@given(charges_of_any_kind, cents, st.integers(0, 3))
def test_an_unknown_fee_makes_what_is_left_of_a_sale_unknown(charges: Charges, sale: int, which: int) -> None:
    names = ("percent", "fba_cents", "closing_cents")
    values = {name: getattr(charges, name) for name in names} | dict.fromkeys(names[which : which + 1])
    gapped = Charges(minimum_cents=charges.minimum_cents, **values)
    assert (gapped.net_of(sale) is None) == (which < 3) == (gapped.unknown is not None)
