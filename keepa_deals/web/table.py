"""The deals table as the template is handed it: headings that sort, filters to fill in, chips to take away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from keepa_deals.deal_fields import DEFAULT_SORT, FIELDS, GRADES, Bound, Field, Kind, Sort, written
from keepa_deals.deal_query import DealQuery, Problem
from keepa_deals.records import Condition, DealState
from keepa_deals.web.filters import condition as condition_text
from keepa_deals.web.marketplaces import Marketplace

TABLE_PATH = "/"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head: what it is called, what it means, and the order a click on it gives."""

    key: str
    label: str
    meaning: str
    url: str | None = None
    aria_sort: str | None = None
    """ascending, descending, or None where the table is not sorted by it"""


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


@dataclass(frozen=True, slots=True)
class Chip:
    """One active filter and the address without it."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not applied, and the address that forgets it."""

    message: str
    url: str


_COLUMNS = (
    ("title", "Title", "Title, author and ASIN", None),
    ("condition", "Condition", "Condition of the cheapest used offer", None),
    ("price", "Price now", "Cheapest used offer, shipping included", "price"),
    ("sale_price", "Sells for", "What a copy is expected to sell for; ≈ marks an estimate", "sale_price"),
    ("all_in", "All in", "Price, tax, prep and the way to Amazon's warehouse", "all_in"),
    ("profit", "Profit", "Sells for, less all in and Amazon's fees", "profit"),
    ("margin", "Margin", "Profit as a share of the sale price", "margin"),
    ("roi", "ROI", "Profit as a share of all in", "roi"),
    ("percent_down", "Below avg", "How far the price is below its usual level", "percent_down"),
    ("rank", "Rank", "Amazon sales rank", "rank"),
    ("drops", "Drops", "Sales rank drops in 30 days", "drops"),
    ("offers", "Offers", "Used offers", "offers"),
    ("trust", "Trust", "How far the estimate can be trusted", "trust"),
    ("price_age", "Price changed", "When the price last changed", "price_age"),
    ("verified_age", "Verified", "When we last saw this price ourselves", "verified_age"),
    ("seen_age", "First seen", "When we first saw this deal", "seen_age"),
)
_SMALLEST_FIRST = ("price", "all_in", "rank", "offers", "price_age", "verified_age", "seen_age")
_RANGES = (
    ("profit", "Profit", "gte lte"),
    ("roi", "ROI", "gte lte"),
    ("margin", "Margin", "gte lte"),
    ("price", "Price now", "gte lte"),
    ("sale_price", "Sells for", "gte lte"),
    ("percent_down", "Below average", "gte lte"),
    ("rank", "Sales rank", "gte lte"),
    ("drops", "Drops in 30 days", "gte lte"),
    ("offers", "Used offers", "gte lte"),
    ("trust", "Trust", "gte lte"),
    ("verified_age", "Verified within", "lte"),
    ("price_age", "Price changed within", "lte"),
)
SORTS = tuple(
    (sort.name, label)
    for label, sort in (
        ("Profit, highest first", DEFAULT_SORT),
        ("ROI, highest first", Sort(FIELDS["roi"], True)),
        ("Margin, highest first", Sort(FIELDS["margin"], True)),
        ("Price, lowest first", Sort(FIELDS["price"], False)),
        ("Below average, most first", Sort(FIELDS["percent_down"], True)),
        ("Sales rank, best first", Sort(FIELDS["rank"], False)),
        ("Verified, latest first", Sort(FIELDS["verified_age"], False)),
        ("First seen, latest first", Sort(FIELDS["seen_age"], False)),
    )
)
_STATES = (
    ("live", "Live", (DealState.LIVE,)),
    ("unverified", "Unverified", (DealState.UNVERIFIED,)),
    ("gone", "Gone", (DealState.GONE,)),
    ("all", "All", tuple(DealState)),
)


@dataclass(frozen=True, slots=True)
class Table:
    """Everything about the table that follows from the question alone."""

    query: DealQuery
    place: Marketplace

    def address(self, query: DealQuery) -> str:
        parameters = query.parameters(minor_digits=self.place.minor_digits)
        return f"{TABLE_PATH}?{urlencode(parameters)}" if parameters else TABLE_PATH

    def headings(self) -> list[Heading]:
        return [self._heading(*column) for column in _COLUMNS]

    def _heading(self, key: str, label: str, meaning: str, field_name: str | None) -> Heading:
        if field_name is None:
            return Heading(key, label, meaning)
        field, now = FIELDS[field_name], self.query.sort
        if now.field != field:
            turned = Sort(field, descending=field_name not in _SMALLEST_FIRST)
            return Heading(key, label, meaning, self.address(self.query.sorted_by(turned)))
        turned = Sort(field, descending=not now.descending)
        direction = "descending" if now.descending else "ascending"
        return Heading(key, label, meaning, self.address(self.query.sorted_by(turned)), direction)

    def states(self) -> list[tuple[str, str, bool, tuple[DealState, ...]]]:
        """Label, address, whether it is the shown one, and the states it counts."""
        return [
            (label, self.address(self._in_states(states)), set(states) == set(self.query.states), states)
            for _, label, states in _STATES
        ]

    def _in_states(self, states: tuple[DealState, ...]) -> DealQuery:
        query = self.query
        return DealQuery(
            query.bounds, query.conditions, query.categories, states, query.words, query.sort, limit=query.limit
        )

    def chips(self) -> list[Chip]:
        query = self.query
        chips = [Chip(f"“{' '.join(query.words)}”", self.address(query.without("q")))] if query.words else []
        chips += [Chip(self.bound_text(bound), self.address(query.without(bound.parameter))) for bound in query.bounds]
        chips += [
            Chip(condition_text(grade), self.address(query.without("condition", grade.name.lower())))
            for grade in query.conditions
        ]
        return chips + [
            Chip(category, self.address(query.without("category", category))) for category in query.categories
        ]

    def bound_text(self, bound: Bound) -> str:
        """`Profit ≥ $12.50`."""
        sign = "≥" if bound.at_least else "≤"
        number = written(bound, minor_digits=self.place.minor_digits)
        if bound.field.kind is Kind.MONEY:
            return f"{bound.field.label} {sign} {self.place.money(int(bound.value))}"
        if bound.field.kind is Kind.COUNT:
            return f"{bound.field.label} {sign} {bound.value:,}"
        return f"{bound.field.label} {sign} {number}{' %' if bound.field.kind is Kind.PERCENT else ''}"

    def ranges(self, given: Mapping[str, str], problems: tuple[Problem, ...]) -> list[RangeFilter]:
        """The ranges of the panel; what was typed and not understood stays as it was typed."""
        wrong = {problem.parameter for problem in problems}
        return [self._range(*row, given, wrong) for row in _RANGES]

    def _range(self, name: str, label: str, ends: str, given: Mapping[str, str], wrong: set[str]) -> RangeFilter:
        field = FIELDS[name]
        texts = {end: self._typed(f"{name}_{end}", given, wrong) for end in ends.split()}
        units = {Kind.MONEY: self.place.sign, Kind.PERCENT: "%", Kind.AGE: "h", Kind.COUNT: ""}
        marked = tuple(f"{name}_{end}" for end in texts if f"{name}_{end}" in wrong)
        return RangeFilter(field, label, units[field.kind], texts.get("gte"), texts.get("lte"), marked)

    def _typed(self, parameter: str, given: Mapping[str, str], wrong: set[str]) -> str:
        if parameter in wrong:
            return given.get(parameter, "")[:60]
        found = [bound for bound in self.query.bounds if bound.parameter == parameter]
        return written(found[0], minor_digits=self.place.minor_digits) if found else ""

    def kept(self) -> list[tuple[str, str]]:
        """What the panel has no control for and must hand on."""
        in_panel = {f"{name}_{end}" for name, _, ends in _RANGES for end in ends.split()}
        own = {"q", "condition", "category", "sort", "limit", "cursor"} | in_panel
        parameters = self.query.parameters(minor_digits=self.place.minor_digits)
        return [(name, value) for name, value in parameters if name not in own]

    def sorts(self) -> list[tuple[str, str, bool]]:
        name = self.query.sort.name
        listed = list(SORTS)
        if name not in dict(SORTS):
            listed.append((name, f"{self.query.sort.field.label}, {'highest' if name[0] == '-' else 'lowest'} first"))
        return [(value, label, value == name) for value, label in listed]

    def notes(self, problems: tuple[Problem, ...]) -> list[Note]:
        """What was not applied. Each address forgets all of them, since none is part of the question."""
        return [Note(problem.message, self.address(self.query)) for problem in problems[:10]]

    def grades(self) -> list[tuple[str, str, bool]]:
        return [
            (name, condition_text(grade), grade in self.query.conditions)
            for name, grade in GRADES.items()
            if grade <= Condition.ACCEPTABLE or grade in self.query.conditions
        ]
