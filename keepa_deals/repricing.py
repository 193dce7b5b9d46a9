"""A judgement under a new buying price: same copy to sell, same fees, other money left. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from keepa_deals.deal_math import (
    ALL_IN,
    CLOSING_FEE,
    FBA_FEE,
    ITEM_PRICE,
    PROFIT,
    REFERRAL_MINIMUM,
    REFERRAL_PERCENT,
    SHIPPING,
    recompute_profit,
)
from keepa_deals.fees import all_in_cents
from keepa_deals.judgement.money import Charges, lowest_list_price, share_percent
from keepa_deals.records import CostSettings, Source, Step


@dataclass(frozen=True, slots=True)
class Repriced:
    """What a new buying price changes; every number None where the price is unknown."""

    all_in_cents: int | None
    profit_cents: int | None
    margin_percent: float | None
    roi_percent: float | None
    break_even_cents: int | None
    minimum_list_cents: int | None
    steps: tuple[Step, ...]


def reprice(
    steps: Iterable[Step],
    *,
    landed_cents: int | None,
    sale_price_cents: int | None,
    as_of: datetime,
    source: Source,
    costs: CostSettings,
) -> Repriced:
    """The judgement explained by `steps`, had its copy cost `landed_cents`; None: the new price is not known.

    The new steps say where the price comes from, and the profit can be recomputed from them like any other.
    """
    all_in = all_in_cents(landed_cents, costs=costs)
    rule = f"landed price of its grade, as seen in a {source.replace('_', ' ')}"
    new = {
        ITEM_PRICE: lambda step: replace(step, value=landed_cents, source=source.value, as_of=as_of, rule=rule),
        SHIPPING: lambda step: replace(step, value=0, source=source.value, as_of=as_of, rule="is in the landed price"),
        ALL_IN: lambda step: replace(step, value=all_in),
    }
    changed = tuple(new[step.name](step) if step.name in new else step for step in steps)
    profit = recompute_profit(changed)
    charges = _charges(changed)
    return Repriced(
        all_in_cents=all_in,
        profit_cents=profit,
        margin_percent=share_percent(profit, sale_price_cents),
        roi_percent=share_percent(profit, all_in),
        break_even_cents=lowest_list_price(all_in, charges=charges, markup_percent=0.0),
        minimum_list_cents=lowest_list_price(all_in, charges=charges, markup_percent=costs.minimum_markup_percent),
        steps=tuple(replace(step, value=profit) if step.name == PROFIT else step for step in changed),
    )


def _charges(steps: Iterable[Step]) -> Charges:
    value = {step.name: step.value for step in steps}

    def cents(name: str) -> int | None:
        given = value.get(name)
        return given if isinstance(given, int) else None

    percent = value.get(REFERRAL_PERCENT)
    return Charges(
        percent=float(percent) if isinstance(percent, int | float) else None,
        minimum_cents=cents(REFERRAL_MINIMUM) or 0,
        fba_cents=cents(FBA_FEE),
        closing_cents=cents(CLOSING_FEE),
    )
