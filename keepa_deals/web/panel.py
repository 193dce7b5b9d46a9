"""The filter panel as the template is handed it: ranges over their histograms, choices with counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from keepa_deals.deal_fields import FIELDS, GRADES, Field, Kind, written
from keepa_deals.deal_query import Problem
from keepa_deals.records import Condition
from keepa_deals.store.facets import Bucket, Facet, Facets
from keepa_deals.web.table import Table, choice_text

BARS_HEIGHT = 24


@dataclass(frozen=True, slots=True)
class Bars:
    """A histogram as two outlines, one unit wide for each bucket and BARS_HEIGHT high, and the same in words."""

    width: int
    within: str
    """of the buckets that the filter lets through; all of them where it is not set"""
    beyond: str
    low: str
    high: str
    words: str


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """The two ends of one field's range, as text to go on typing in."""

    field: Field
    label: str
    unit: str
    at_least: str | None
    """None where the panel has no such end"""
    at_most: str | None
    wrong: tuple[str, ...]
    """parameters of this range that were not understood"""
    bars: Bars | None


@dataclass(frozen=True, slots=True)
class Group:
    """Ranges that belong together."""

    label: str
    ranges: tuple[RangeFilter, ...]


@dataclass(frozen=True, slots=True)
class ChoiceFilter:
    """One value to tick."""

    value: str
    label: str
    count: int | None
    """None where nobody counted"""
    is_chosen: bool


BOTH, AT_MOST = "gte lte", "lte"
_GROUPS = (
    (
        "Money",
        (
            ("profit", "Profit", BOTH),
            ("profit_low", "Profit, low bound", BOTH),
            ("roi", "ROI", BOTH),
            ("margin", "Margin", BOTH),
            ("price", "Price now", BOTH),
            ("sale_price", "Sells for", BOTH),
            ("percent_down", "Below average", BOTH),
        ),
    ),
    (
        "How sure, how soon",
        (
            ("trust", "Trust", BOTH),
            ("sold_chance", "Chance to sell", BOTH),
            ("days_to_sell", "Days to sell", BOTH),
            ("used_sales", "Used sales a year", BOTH),
            ("seller_quality", "Seller quality", BOTH),
        ),
    ),
    (
        "Market",
        (
            ("rank", "Sales rank", BOTH),
            ("drops", "Rank drops in 30 days", BOTH),
            ("offers", "Used offers", BOTH),
            ("trend", "Trend a year", BOTH),
        ),
    ),
    (
        "Freshness",
        (
            ("verified_age", "Verified within", AT_MOST),
            ("price_age", "Price changed within", AT_MOST),
            ("seen_age", "First seen within", AT_MOST),
        ),
    ),
)
FACETS = (
    ("profitable", "Profitable"),
    ("condition", "Condition"),
    ("amazon", "Amazon on the listing"),
    ("season", "Season"),
    ("category", "Category"),
    ("binding", "Binding"),
)
TRIAGES = (
    ("", "All but the hidden"),
    ("new", "Not looked at"),
    ("watched", "Watched"),
    ("bought", "Bought"),
    ("hidden", "Hidden"),
    ("all", "All"),
)
WITH_BARS = (
    "profit", "roi", "margin", "price", "percent_down", "trust", "days_to_sell", "seller_quality", "rank", "drops",
    "verified_age", "price_age", "seen_age",
)  # fmt: skip
_IN_PANEL = {f"{name}_{end}" for _, ranges in _GROUPS for name, _, ends in ranges for end in ends.split()}
_OWN = {"q", "sort", "limit", "cursor", "triage"} | _IN_PANEL | {name for name, _ in FACETS}


def groups(
    table: Table,
    *,
    given: Mapping[str, str],
    problems: Sequence[Problem],
    histogram: Callable[[Field], Sequence[Bucket]],
) -> list[Group]:
    """The ranges of the panel; what was typed and not understood stays as it was typed."""
    reading = _Typed(table, given, {problem.parameter for problem in problems})
    return [
        Group(label, tuple(_range(reading, *row, histogram=histogram) for row in ranges)) for label, ranges in _GROUPS
    ]


@dataclass(frozen=True, slots=True)
class _Typed:
    """What stands in the panel's fields."""

    table: Table
    given: Mapping[str, str]
    wrong: set[str]

    def text(self, parameter: str) -> str:
        if parameter in self.wrong:
            return self.given.get(parameter, "")[:60]
        found = [bound for bound in self.table.query.bounds if bound.parameter == parameter]
        return written(found[0], minor_digits=self.table.place.minor_digits) if found else ""


def _range(
    reading: _Typed, name: str, label: str, ends: str, *, histogram: Callable[[Field], Sequence[Bucket]]
) -> RangeFilter:
    field, table = FIELDS[name], reading.table
    texts = {end: reading.text(f"{name}_{end}") for end in ends.split()}
    units = {Kind.MONEY: table.place.sign, Kind.PERCENT: "%", Kind.AGE: "hours"}
    marked = tuple(f"{name}_{end}" for end in texts if f"{name}_{end}" in reading.wrong)
    drawn = bars(table, field, histogram(field)) if name in WITH_BARS else None
    return RangeFilter(field, label, units.get(field.kind, ""), texts.get("gte"), texts.get("lte"), marked, drawn)


def bars(table: Table, field: Field, buckets: Sequence[Bucket]) -> Bars | None:
    """The histogram of `field`; None for nothing, or for one value alone."""
    if len(buckets) < 2:
        return None
    most = max(bucket.count for bucket in buckets)
    bounds = [bound for bound in table.query.bounds if bound.field == field]
    within = [
        all(bucket.high > bound.value if bound.at_least else bucket.low <= bound.value for bound in bounds)
        for bucket in buckets
    ]
    fullest = max(buckets, key=lambda bucket: bucket.count)
    low, high = table.amount(field, buckets[0].low), table.amount(field, buckets[-1].high)
    between = f"{table.amount(field, fullest.low)} and {table.amount(field, fullest.high)}"
    return Bars(
        width=len(buckets),
        within=_outline(buckets, within, most, wanted=True),
        beyond=_outline(buckets, within, most, wanted=False),
        low=low,
        high=high,
        words=f"Spread from {low} to {high}, most often between {between}",
    )


def _outline(buckets: Sequence[Bucket], within: Sequence[bool], most: int, *, wanted: bool) -> str:
    """Boxes side by side, high as the root of their counts: one deal beside a thousand can still be seen."""
    boxes = []
    for number, (bucket, is_within) in enumerate(zip(buckets, within, strict=True)):
        if is_within is wanted and bucket.count:
            top = BARS_HEIGHT - max(1.5, BARS_HEIGHT * math.sqrt(bucket.count / most))
            boxes.append(f"M{number} {BARS_HEIGHT}V{f'{top:.1f}'.removesuffix('.0')}h.85V{BARS_HEIGHT}z")
    return "".join(boxes)


def choices(table: Table, facets: Facets, name: str) -> list[ChoiceFilter]:
    """The values of one facet; where it was not counted in time, those chosen."""
    counted = facets.get(name) or Facet(name, ())
    found = [
        ChoiceFilter(choice.value, choice_text(name, choice.value), choice.count, choice.is_chosen)
        for choice in counted.choices
        if choice.count or choice.is_chosen or (name == "condition" and _is_usual(choice.value))
    ]
    listed = {choice.value for choice in found}
    chosen = [value for parameter, value in table.parameters() if parameter == name and value not in listed]
    return found + [ChoiceFilter(value, choice_text(name, value), None, True) for value in chosen]


def _is_usual(grade: str) -> bool:
    return GRADES.get(grade, Condition.COLLECTIBLE_GOOD) <= Condition.ACCEPTABLE


def kept(table: Table) -> list[tuple[str, str]]:
    """What the panel has no control for and must hand on: the view, the states, other bounds."""
    return [(name, value) for name, value in table.parameters() + table.view.parameters() if name not in _OWN]


def question(table: Table) -> list[tuple[str, str]]:
    """All of the question from its first page on, for a form that changes the view alone."""
    return [(name, value) for name, value in table.parameters() if name != "cursor"]
