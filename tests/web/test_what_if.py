"""The money of one deal under other costs, from the steps of its judgement alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from keepa_deals.errors import BadParameter
from keepa_deals.judgement.explanation import recomputed
from keepa_deals.records import Step
from keepa_deals.web.explained import steps_of, waterfall
from keepa_deals.web.marketplaces import MARKETPLACES
from keepa_deals.web.what_if import what_if
from tests.builders import NOW, a_deal_row, a_step

HERE = MARKETPLACES[1]
ASIN = "B0EXAMPLE1"
STEPS = [
    a_step("item price", 1600, "cents", "full_look", "the cheapest live used offer, landed"),
    a_step("shipping", 399, "cents", "full_look", ""),
    a_step("purchase tax percent", 0.0, "percent", "settings", ""),
    a_step("prep", 250, "cents", "settings", ""),
    a_step("inbound shipping", 200, "cents", "settings", ""),
    a_step("list price", 6000, "cents", "model", ""),
    a_step("chance to sell", 80.0, "percent", "model", ""),
    a_step("salvage", 2500, "cents", "rule", ""),
    a_step("error scale", 900, "cents", "model", ""),
    a_step("caution", 1.0, "count", "settings", ""),
    a_step("referral percent", 15.0, "percent", "table", ""),
    a_step("referral minimum", 0, "cents", "table", ""),
    a_step("fba fee", 450, "cents", "full_look", ""),
    a_step("closing fee", 180, "cents", "table", ""),
]
AS_JUDGED = {
    "list_cents": 6000, "referral_fee_cents": 900, "fba_fee_cents": 450, "closing_fee_cents": 180,
    "all_in_cents": 2449, "profit_if_sold_cents": 2021, "profit_cents": 1627, "profit_low_cents": 727,
    "is_profitable": True, "sale_price_is_estimate": False, "sale_low_cents": 4100, "sale_high_cents": 6100,
    "error_scale_cents": 900, "explanation": STEPS,
}  # fmt: skip
"""what the steps come to: 0.8 x 4470 + 0.2 x 2500 - 2449 = 1627"""


def profit_if(**asked: str) -> tuple[int | None, int | None]:
    answer = what_if(steps_of(STEPS), asked, HERE)
    assert answer is not None
    return answer.then.all_in_cents, answer.then.profit_cents


@pytest.mark.parametrize(
    ("asked", "all_in", "profit"),
    [
        ({}, 2449, 1627),
        ({"prep": "0"}, 2199, 1877),
        ({"prep": "3.5", "inbound": "1"}, 2449, 1627),
        ({"prep": "3.", "inbound": " .5 "}, 2349, 1727),
        ({"tax": "10"}, 2649, 1427),
        # list 5400: net 5400 - 810 - 630 = 3960; salvage 2250; 0.8 x 3960 + 0.2 x 2250 - 2449
        ({"sale": "-10"}, 2449, 1169),
        ({"sale": "-10", "prep": ""}, 2449, 1169),
    ],
)
def test_other_costs_give_another_profit(asked: dict[str, str], all_in: int, profit: int) -> None:
    assert profit_if(**asked) == (all_in, profit)


def test_the_fields_hold_what_was_asked_else_what_was_used() -> None:
    answer = what_if(steps_of(STEPS), {"tax": "8.25"}, HERE)
    assert answer is not None
    assert answer.given == {"prep": "2.50", "inbound": "2.00", "tax": "8.25", "sale": "0"}
    assert answer.is_asked
    assert answer.usual == recomputed(steps_of(STEPS))


@pytest.mark.parametrize(
    "asked",
    [
        {"prep": "-1"},
        {"prep": "8,25"},
        {"tax": "101"},
        {"sale": "-95"},
        {"inbound": "nan"},
        {"tax": "9" * 30},
        {"tax": "0.00000000001"},
        {"prep": "1e-9999999"},
        {"inbound": "1E2"},
        {"tax": "1e-9"},
        {"sale": "-1e-99"},
        {"sale": "1_0"},
        {"prep": "٣"},
        {"prep": "."},
    ],
)
def test_a_number_that_is_none_is_refused_by_name(asked: dict[str, str]) -> None:
    with pytest.raises(BadParameter, match=next(iter(asked))):
        profit_if(**asked)


def test_steps_without_money_can_not_be_reckoned_with() -> None:
    assert what_if((Step("sale_price", 5000, "cents", "rule", None, ""),), {}, HERE) is None


def test_the_bars_tell_the_parts_of_the_cost_with_source_and_age() -> None:
    deal: Any = type("ADeal", (), AS_JUDGED)
    bars = {bar.label: bar for bar in waterfall(deal, STEPS)}
    assert [bar.cents for bar in waterfall(deal, STEPS)] == [6000, 900, 450, 180, 1600, 399, 250, 200, 2021, 394, 1627]
    assert (bars["Item price"].source, bars["Prep"].source) == ("full look", "settings")
    assert bars["Item price"].as_of == NOW - timedelta(minutes=40)
    assert bars["Inbound shipping"].x == pytest.approx(bars["Profit if sold"].width, abs=0.02)


def test_parts_that_do_not_add_up_are_not_told() -> None:
    deal: Any = type("ADeal", (), AS_JUDGED | {"all_in_cents": 2000})
    assert [bar.label for bar in waterfall(deal, STEPS)][4] == "All in"


def test_the_page_shows_both_and_refuses_nonsense(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(asin=ASIN, **AS_JUDGED))
    plain = client.get(f"/deals/{ASIN}").text
    assert "data-what-if" not in plain
    assert "Called profitable: even the lower bound of the profit, $7.27, is above zero." in plain
    then = client.get(f"/deals/{ASIN}?sale=0&sale=-10").text
    assert "data-what-if" in then
    assert "$11.69" in then
    assert client.get(f"/deals/{ASIN}?prep=x").status_code == 400
    assert client.get(f"/deals/{ASIN}?prep=1e-9999999").status_code == 400
    assert client.get(f"/deals/{ASIN}?colour=red").status_code == 400


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"profit_cents": None, "is_profitable": False}, "its profit is unknown"),
        ({"profit_cents": -300, "is_profitable": False}, "a loss of $3.00 is expected"),
        ({"sale_price_is_estimate": True, "is_profitable": False}, "too few sales"),
        ({"profit_low_cents": -100, "is_profitable": False}, "−$1.00, is not above zero"),
        ({"profit_if_sold_cents": -40, "is_profitable": False}, "it pays only if it does not sell"),
        ({"profit_low_cents": None, "is_profitable": False}, "nobody knows how far off"),
    ],
)
def test_the_page_says_why_a_deal_is_not_called_profitable(
    client: FlaskClient, hold: Callable[..., None], changes: dict[str, Any], told: str
) -> None:
    hold(a_deal_row(asin=ASIN, **(AS_JUDGED | changes)))
    assert told in client.get(f"/deals/{ASIN}").text
