"""A judgement under a new buying price: same copy to sell, same listing, same fees, other money left. Pure.

A feed page or a light look tells what a copy costs today, and nothing of what it will sell for: today's price may be
the trough of the year. So the sale side of a judgement stands until the next full look.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from keepa_deals.judgement.explanation import (
    ALL_IN,
    CAUTION,
    INBOUND,
    ITEM_PRICE,
    PREP,
    PROFIT,
    PROFIT_IF_SOLD,
    PROFIT_LOW,
    RISK,
    SHIPPING,
    TAX_PERCENT,
    USUAL_PRICE,
    charges_in,
    recomputed,
)
from keepa_deals.judgement.judge import is_profitable
from keepa_deals.judgement.money import lowest_list_price, maximum_buy_price, percent_below, salvage_of, share_percent
from keepa_deals.judgement.sale_price import SALE_PRICE
from keepa_deals.judgement.selling import LIST_PRICE, SALVAGE
from keepa_deals.records import CostSettings, Source, Step


@dataclass(frozen=True, slots=True)
class Repriced:
    """What a new buying price changes; every number None where the price is unknown."""

    all_in_cents: int | None
    profit_cents: int | None
    profit_if_sold_cents: int | None
    profit_low_cents: int | None
    is_profitable: bool
    margin_percent: float | None
    roi_percent: float | None
    break_even_cents: int | None
    minimum_list_cents: int | None
    maximum_buy_cents: int | None
    percent_down: float | None
    steps: tuple[Step, ...]


def reprice(
    steps: Iterable[Step],
    *,
    landed_cents: int | None,
    is_estimate: bool,
    as_of: datetime,
    source: Source,
    costs: CostSettings,
) -> Repriced:
    """The judgement explained by `steps`, had its copy cost `landed_cents`; None: the new price is not known.

    Every cost is that of `costs`; but the list price and its chance, which the selling time had a part in, stand. The
    new steps say where the price comes from, and the profit can be recomputed from them like any other.
    """
    bought = _with_price(_under(steps, costs), landed_cents=landed_cents, as_of=as_of, source=source)
    outcome = recomputed(bought)
    given = {step.name: step.value for step in bought}
    listed, usual = _cents(given.get(LIST_PRICE)), _cents(given.get(USUAL_PRICE))
    charges = charges_in(given)
    if_sold, profit = outcome.profit_if_sold_cents, outcome.profit_cents
    results = {
        ALL_IN: outcome.all_in_cents,
        PROFIT_IF_SOLD: if_sold,
        RISK: if_sold - profit if if_sold is not None and profit is not None else None,
        PROFIT: profit,
        PROFIT_LOW: outcome.profit_low_cents,
    }
    markup = costs.minimum_markup_percent
    return Repriced(
        all_in_cents=outcome.all_in_cents,
        profit_cents=profit,
        profit_if_sold_cents=if_sold,
        profit_low_cents=outcome.profit_low_cents,
        is_profitable=is_profitable(outcome.profit_low_cents, if_sold_cents=if_sold, is_estimate=is_estimate),
        margin_percent=share_percent(profit, listed),
        roi_percent=share_percent(profit, outcome.all_in_cents),
        break_even_cents=lowest_list_price(outcome.all_in_cents, charges=charges, markup_percent=0.0),
        minimum_list_cents=lowest_list_price(outcome.all_in_cents, charges=charges, markup_percent=markup),
        maximum_buy_cents=maximum_buy_price(outcome.proceeds_cents, costs=costs),
        percent_down=percent_below(landed_cents, usual),
        steps=tuple(replace(step, value=results[step.name]) if step.name in results else step for step in bought),
    )


def _under(steps: Iterable[Step], costs: CostSettings) -> tuple[Step, ...]:
    """The steps with the amounts that these settings give."""
    kept = tuple(steps)
    sale_cents = next((_cents(step.value) for step in kept if step.name == SALE_PRICE), None)
    amounts = {
        TAX_PERCENT: costs.purchase_tax_percent,
        PREP: costs.prep_cents,
        INBOUND: costs.inbound_shipping_cents,
        CAUTION: costs.caution,
        SALVAGE: salvage_of(sale_cents, costs=costs),
    }
    rules = {SALVAGE: f"{costs.salvage_percent:g} % of the sale price, for a copy that is unsold then, half up"}
    return tuple(
        replace(step, value=amounts[step.name], rule=rules.get(step.name, step.rule)) if step.name in amounts else step
        for step in kept
    )


def _with_price(
    steps: Iterable[Step], *, landed_cents: int | None, as_of: datetime, source: Source
) -> tuple[Step, ...]:
    rule = f"landed price of its grade, as seen in a {source.replace('_', ' ')}"
    new = {ITEM_PRICE: (landed_cents, rule), SHIPPING: (None if landed_cents is None else 0, "is in the landed price")}
    return tuple(
        replace(step, value=new[step.name][0], rule=new[step.name][1], source=source.value, as_of=as_of)
        if step.name in new
        else step
        for step in steps
    )


def _cents(value: int | float | str | None) -> int | None:
    return value if isinstance(value, int) else None
