"""One deal's money under other costs: recomputed at once from the judgement's own steps, no look and no job. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from keepa_deals.errors import BadParameter
from keepa_deals.fees import percent_of
from keepa_deals.judgement.explanation import INBOUND, PREP, TAX_PERCENT, Outcome, recomputed
from keepa_deals.judgement.money import share_percent
from keepa_deals.judgement.selling import LIST_PRICE, SALVAGE
from keepa_deals.records import Step
from keepa_deals.web.marketplaces import Marketplace

PARAMETERS = ("prep", "inbound", "tax", "sale")
LARGEST_AMOUNT = Decimal(10_000)
LONGEST_NUMBER = 12
PLAIN_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
"""no exponent: a few characters of one write out to megabytes of digits"""
_RANGES = {"tax": (Decimal(0), Decimal(100)), "sale": (Decimal(-90), Decimal(100))}


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What was assumed, ready for its form, and the money with and without it."""

    given: dict[str, str]
    """parameter to the text that stands in its field"""
    is_asked: bool
    usual: Outcome
    then: Outcome
    roi_then: float | None

    @property
    def rows(self) -> tuple[tuple[str, int | None, int | None], ...]:
        """Label, amount as judged, amount then."""
        return (
            ("All in", self.usual.all_in_cents, self.then.all_in_cents),
            ("Profit if sold", self.usual.profit_if_sold_cents, self.then.profit_if_sold_cents),
            ("Profit expected", self.usual.profit_cents, self.then.profit_cents),
            ("Lower bound", self.usual.profit_low_cents, self.then.profit_low_cents),
        )


def what_if(steps: Iterable[Step], asked: Mapping[str, str], place: Marketplace) -> WhatIf | None:
    """The money if prep, inbound and tax were those `asked` for and the copy sold for `sale` percent more or less.

    The chance to sell stays as it was judged. None where the steps hold no money to reckon with. Raises BadParameter.
    """
    known = {step.name: step for step in steps}
    if not {PREP, INBOUND, TAX_PERCENT, LIST_PRICE} <= known.keys():
        return None
    numbers = {name: _number(name, text) for name, text in asked.items() if name in PARAMETERS and text.strip()}
    cents = {name: int((numbers[name]).scaleb(place.minor_digits)) for name in ("prep", "inbound") if name in numbers}
    other = dict(known)
    for name, step in (("prep", PREP), ("inbound", INBOUND)):
        if name in cents:
            other[step] = replace(known[step], value=cents[name])
    if "tax" in numbers:
        other[TAX_PERCENT] = replace(known[TAX_PERCENT], value=float(numbers["tax"]))
    for step in (LIST_PRICE, SALVAGE):
        if "sale" in numbers and step in known:
            other[step] = replace(known[step], value=_changed(known[step].value, numbers["sale"]))
    usual, then = recomputed(known.values()), recomputed(other.values())
    return WhatIf(
        given=_given(known, numbers, place),
        is_asked=bool(numbers),
        usual=usual,
        then=then,
        roi_then=share_percent(then.profit_cents, then.all_in_cents),
    )


def _changed(value: int | float | str | None, percent: Decimal) -> int | None:
    return percent_of(value, float(100 + percent)) if isinstance(value, int) else None


def _given(known: Mapping[str, Step], numbers: Mapping[str, Decimal], place: Marketplace) -> dict[str, str]:
    """The text of each field: what was asked, else what the judgement used."""
    used: dict[str, object] = {"tax": known[TAX_PERCENT].value, "sale": 0}
    for name, step in (("prep", PREP), ("inbound", INBOUND)):
        value = known[step].value
        used[name] = place.amount(value) if isinstance(value, int) else ""
    return {name: f"{numbers[name]:f}" if name in numbers else str(used[name]) for name in PARAMETERS}


def _number(name: str, text: str) -> Decimal:
    """A plain decimal within the parameter's range. Raises BadParameter."""
    low, high = _RANGES.get(name, (Decimal(0), LARGEST_AMOUNT))
    text = text.strip()
    is_plain = len(text) <= LONGEST_NUMBER and PLAIN_NUMBER.fullmatch(text) is not None
    if not is_plain or not low <= Decimal(text) <= high:
        wrong = f"{name} is {text[:40]!r}; it must be a number from {low} to {high}, such as 2.50."
        raise BadParameter(wrong, parameter=name)
    return Decimal(text)
