"""The waterfall of a deal's page adds up, whatever is unknown, lost or gained; its steps read as a person would."""

from __future__ import annotations

from typing import Any

import pytest

from keepa_deals.web.explained import Bar, explained_steps, waterfall
from keepa_deals.web.filters import UNKNOWN
from keepa_deals.web.marketplaces import MARKETPLACES


class ADeal:
    """The amounts that the waterfall reads."""

    def __init__(self, **changes: int | None) -> None:
        self.list_cents: int | None = 6000
        self.referral_fee_cents: int | None = 900
        self.fba_fee_cents: int | None = 500
        self.closing_fee_cents: int | None = 180
        self.all_in_cents: int | None = 2000
        self.profit_if_sold_cents: int | None = 2420
        self.profit_cents: int | None = 2000
        vars(self).update(changes)


def bars_of(**changes: int | None) -> dict[str, Bar]:
    deal: Any = ADeal(**changes)
    return {bar.label: bar for bar in waterfall(deal)}


def test_each_bar_begins_where_the_one_before_ended() -> None:
    bars = bars_of()
    assert [bar.label for bar in waterfall(ADeal())] == [  # type: ignore[arg-type]
        "List price", "Referral fee", "FBA fee", "Closing fee", "All in",
        "Profit if sold", "Risk of not selling", "Profit expected",
    ]  # fmt: skip
    assert (bars["List price"].x, bars["List price"].width) == (0, 100)
    assert bars["All in"].x == pytest.approx(bars["Profit if sold"].width, abs=0.02)
    assert bars["Risk of not selling"].cents == 420
    assert bars["Risk of not selling"].x == pytest.approx(bars["Profit expected"].width, abs=0.02)


def test_a_loss_reaches_to_the_left_of_zero() -> None:
    bars = bars_of(all_in_cents=5000, profit_if_sold_cents=-580, profit_cents=-1000)
    assert bars["Profit expected"].x == 0
    assert bars["Profit expected"].x + bars["Profit expected"].width == pytest.approx(bars["List price"].x, abs=0.02)


def test_an_unknown_amount_has_no_bar() -> None:
    bars = bars_of(list_cents=None, profit_if_sold_cents=None, profit_cents=None)
    unknown = ("List price", "Profit if sold", "Risk of not selling", "Profit expected")
    assert [(bars[label].cents, bars[label].width) for label in unknown] == [(None, 0)] * 4


def test_where_salvage_is_worth_more_than_a_sale_the_risk_is_a_gain() -> None:
    risk = bars_of(profit_cents=2500)["Risk of not selling"]
    assert (risk.role, risk.cents) == ("income", 80)


@pytest.mark.parametrize(
    ("step", "value", "share"),
    [
        ({"value": 1999, "unit": "cents", "share": 0.254}, "$19.99", "25 %"),
        ({"value": 98.2, "unit": "percent"}, "98.2 %", ""),
        ({"value": 730.0, "unit": "days", "share": None}, "730 days", ""),
        ({"value": 12.4, "unit": "count", "share": 0}, "12.4", "0 %"),
        ({"value": None, "unit": "cents"}, UNKNOWN, ""),
    ],
)
def test_a_step_is_shown_with_its_unit_and_share(step: dict[str, Any], value: str, share: str) -> None:
    (shown,) = explained_steps([{"name": "x", "source": "rule", "rule": "r"} | step], MARKETPLACES[1])
    assert (shown.value, shown.share) == (value, share)
