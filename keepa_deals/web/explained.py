"""How a profit came about, as the deal's page shows it: bars of the money, and the judgement's own steps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from keepa_deals.judgement import explanation as names
from keepa_deals.judgement.selling import LIST_PRICE
from keepa_deals.records import Step
from keepa_deals.store.columns import instant_from_text
from keepa_deals.store.find import Deal
from keepa_deals.web.filters import UNKNOWN, count, percent
from keepa_deals.web.marketplaces import Marketplace

WIDTH = 100.0
"""of the drawing, in its own units"""
_AFTER = {"hours": " h", "days": " days"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One amount of the waterfall: what it is, and from where to where it reaches in the drawing."""

    label: str
    cents: int | None
    role: str
    """income, cost or result"""
    x: float
    width: float
    source: str = ""
    """where the amount comes from, as the judgement's step says"""
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step of a judgement, ready to be shown."""

    name: str
    value: str
    source: str
    as_of: datetime | None
    rule: str
    share: str
    """of the sale price that rests on it; empty where that says nothing"""


_FEES = (
    ("Referral fee", "referral_fee_cents"),
    ("FBA fee", "fba_fee_cents"),
    ("Closing fee", "closing_fee_cents"),
)
_GROUNDS = {
    "List price": LIST_PRICE,
    "Referral fee": names.REFERRAL_PERCENT,
    "FBA fee": names.FBA_FEE,
    "Closing fee": names.CLOSING_FEE,
    "Item price": names.ITEM_PRICE,
    "Shipping": names.SHIPPING,
    "Purchase tax": names.TAX_PERCENT,
    "Prep": names.PREP,
    "Inbound shipping": names.INBOUND,
}
"""the step whose source stands beside a bar"""


def waterfall(deal: Deal, explanation: Any = None) -> list[Bar]:
    """The list price, what goes off it if it sells, and what the risk of not selling takes. An unknown amount has no
    bar. With the judgement's `explanation` the all-in comes in its parts, and amounts have their sources."""
    steps = {step.name: step for step in steps_of(explanation)}
    costs = [(label, getattr(deal, column)) for label, column in _FEES] + _all_in(deal, steps)
    if_sold, profit = deal.profit_if_sold_cents, deal.profit_cents
    risk = if_sold - profit if if_sold is not None and profit is not None else None
    total = sum(cents or 0 for _, cents in costs)
    top = total if deal.list_cents is None else deal.list_cents
    scale = _Scale(low=min(0, top - total, if_sold or 0, profit or 0), high=max(1, top, profit or 0))
    bars = [scale.bar("List price", deal.list_cents, "income", 0)]
    for label, cents in costs:
        top -= cents or 0
        bars.append(scale.bar(label, cents, "cost", top))
    bars.append(scale.bar("Profit if sold", if_sold, "result", min(0, if_sold or 0)))
    # Where salvage is worth more than a sale leaves, the risk is a gain.
    role = "cost" if risk is None or risk >= 0 else "income"
    size = None if risk is None else abs(risk)
    bars.append(scale.bar("Risk of not selling", size, role, min(if_sold or 0, profit or 0)))
    bars.append(scale.bar("Profit expected", profit, "result", min(0, profit or 0)))
    return [_sourced(bar, steps.get(_GROUNDS.get(bar.label, ""))) for bar in bars]


def sureness(deal: Deal, place: Marketplace, *, refusal: str | None) -> str:
    """Whether the deal is called profitable, and why not, in one sentence. `refusal`: why its profit is unknown."""
    profit, low = deal.profit_cents, deal.profit_low_cents
    if profit is None:
        return f"Not called profitable: {refusal or 'its profit is unknown'}."
    if deal.is_profitable and low is not None:
        return f"Called profitable: even the lower bound of the profit, {place.money(low)}, is above zero."
    if profit <= 0:
        return f"Not called profitable: a loss of {place.money(-profit)} is expected."
    if deal.sale_price_is_estimate:
        return "Not called profitable: too few sales stand behind its sale price, which is an estimate."
    if low is None:
        return "Not called profitable: nobody knows how far off this profit may be."
    if low > 0:
        why = "it pays only if it does not sell"
    else:
        why = f"the lower bound of the profit, {place.money(low)}, is not above zero"
    return f"Not called profitable: {why}."


def steps_of(explanation: Any) -> tuple[Step, ...]:
    """The steps of a stored explanation as records; what is no step is left out."""
    steps = explanation.get("steps") if isinstance(explanation, dict) else explanation
    return tuple(
        Step(
            name=str(step.get("name")),
            value=step.get("value"),
            unit=str(step.get("unit")),
            source=str(step.get("source") or ""),
            as_of=_instant(step.get("as_of")),
            rule=str(step.get("rule") or ""),
        )
        for step in (steps if isinstance(steps, list) else [])
        if isinstance(step, dict)
    )


def _all_in(deal: Deal, steps: dict[str, Step]) -> list[tuple[str, int | None]]:
    """What the copy costs, in its parts where all of them are known and add up; parts of 0 left out."""
    labels = {"Item price": names.ITEM_PRICE, "Shipping": names.SHIPPING, "Prep": names.PREP}
    labels["Inbound shipping"] = names.INBOUND
    parts = {label: steps[name].value for label, name in labels.items() if name in steps}
    known = {label: value for label, value in parts.items() if isinstance(value, int)}
    if deal.all_in_cents is None or len(known) < len(labels) or sum(known.values()) > deal.all_in_cents:
        return [("All in", deal.all_in_cents)]
    known["Purchase tax"] = deal.all_in_cents - sum(known.values())
    return [(label, cents) for label, cents in known.items() if cents]


def _sourced(bar: Bar, step: Step | None) -> Bar:
    return bar if step is None else replace(bar, source=step.source.replace("_", " "), as_of=step.as_of)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Amounts from `low` to `high` across the drawing."""

    low: int
    high: int

    def bar(self, label: str, cents: int | None, role: str, start: int) -> Bar:
        """`cents` as a bar that begins at the amount `start`."""
        if cents is None:
            return Bar(label, None, role, 0, 0)
        unit = WIDTH / (self.high - self.low)
        return Bar(label, cents, role, round((start - self.low) * unit, 2), round(abs(cents) * unit, 2))


def explained_steps(explanation: Any, place: Marketplace) -> list[ShownStep]:
    """The steps in `explanation`: a list of them, or an object that holds it under `steps`. Others are left out."""
    steps = explanation.get("steps") if isinstance(explanation, dict) else explanation
    if not isinstance(steps, list):
        return []
    return [_step(step, place) for step in steps if isinstance(step, dict)]


def _step(step: dict[str, Any], place: Marketplace) -> ShownStep:
    return ShownStep(
        name=_words(step.get("name")),
        value=_value(step.get("value"), step.get("unit"), place),
        source=_words(step.get("source")),
        as_of=_instant(step.get("as_of")),
        rule=str(step.get("rule") or ""),
        share=_share(step.get("share")),
    )


def _share(share: Any) -> str:
    return f"{100 * share:.0f} %" if isinstance(share, int | float) and not isinstance(share, bool) else ""


def _value(value: Any, unit: Any, place: Marketplace) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, int) and not isinstance(value, bool):
        if unit == "cents":
            return place.money(value)
        return percent(value) if unit == "percent" else f"{count(value)}{_AFTER.get(unit, '')}"
    if isinstance(value, float):
        return percent(value) if unit == "percent" else f"{value:,.2f}".rstrip("0").rstrip(".") + _AFTER.get(unit, "")
    return str(value)


def _words(name: Any) -> str:
    return str(name or "").replace("_", " ")


def _instant(text: Any) -> datetime | None:
    try:
        instant = instant_from_text(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return instant if instant is not None and instant.tzinfo is not None else None
