"""The deals table as the template is handed it: headings that sort, chips to take away, addresses to go to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from keepa_deals.deal_fields import DEFAULT_SORT, FIELDS, GRADES, Bound, Field, Kind, Sort
from keepa_deals.deal_query import DealQuery, Problem
from keepa_deals.records import DealState
from keepa_deals.web.columns import SETS, TITLE, Column, View, view_of_set
from keepa_deals.web.filters import condition as condition_text
from keepa_deals.web.marketplaces import Marketplace
from keepa_deals.web.presets import PRESETS, Preset

TABLE_PATH = "/"
MOST_NOTES = 10
CHOICES = ("condition", "category", "binding", "season", "amazon", "profitable", "triage")
"""parameters that are chips by their value"""
_UNITS = {Kind.PERCENT: " %", Kind.AGE: " h"}
_CHOICE_TEXTS = {
    ("amazon", "yes"): "Amazon sells it",
    ("amazon", "no"): "Amazon does not sell it",
    ("profitable", "yes"): "Profitable even at the low bound",
    ("profitable", "no"): "Not surely profitable",
    ("season", "none"): "All year",
    ("triage", "all"): "Hidden ones too",
}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head, and the order a click on it gives."""

    column: Column
    url: str | None = None
    aria_sort: str | None = None
    """ascending, descending, or None where the table is not sorted by it"""


@dataclass(frozen=True, slots=True)
class Link:
    """A way to another question or another view."""

    label: str
    url: str
    is_here: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class StateLink:
    """A way to the deals of other states."""

    label: str
    url: str
    is_here: bool
    states: tuple[DealState, ...]


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


_SORTED_MOST = (
    ("Profit, highest first", DEFAULT_SORT),
    ("Low bound, highest first", Sort(FIELDS["profit_low"], True)),
    ("ROI, highest first", Sort(FIELDS["roi"], True)),
    ("Trust, highest first", Sort(FIELDS["trust"], True)),
    ("Days to sell, fewest first", Sort(FIELDS["days_to_sell"], False)),
    ("Price, lowest first", Sort(FIELDS["price"], False)),
    ("Below average, most first", Sort(FIELDS["percent_down"], True)),
    ("Sales rank, best first", Sort(FIELDS["rank"], False)),
    ("Verified, latest first", Sort(FIELDS["verified_age"], False)),
    ("Price changed, latest first", Sort(FIELDS["price_age"], False)),
    ("First seen, latest first", Sort(FIELDS["seen_age"], False)),
)
_STATES = (
    ("Live", (DealState.LIVE,)),
    ("Unverified", (DealState.UNVERIFIED,)),
    ("Gone", (DealState.GONE,)),
    ("All", tuple(DealState)),
)


@dataclass(frozen=True, slots=True)
class Table:
    """Everything about the table that follows from the question and the view alone."""

    query: DealQuery
    view: View
    place: Marketplace

    def address(self, query: DealQuery) -> str:
        """Where this view shows `query`."""
        return self._address(query, self.view)

    def _address(self, query: DealQuery, view: View) -> str:
        parameters = query.parameters(minor_digits=self.place.minor_digits) + view.parameters()
        return f"{TABLE_PATH}?{urlencode(parameters, safe=',')}" if parameters else TABLE_PATH

    @property
    def here(self) -> str:
        return self.address(self.query)

    @property
    def counted_exactly(self) -> str:
        """This very page, with all of its deals counted."""
        return f"{self.here}{'&' if '?' in self.here else '?'}count=exact"

    def question_text(self) -> str:
        """The question as parameters, without the view and from its first page on: for the API and its exports."""
        first_page = self.query.starting_after(None)
        return urlencode(first_page.parameters(minor_digits=self.place.minor_digits))

    def export_text(self) -> str:
        """The question with its columns, in full, so that a file holds what the table shows."""
        pairs = self.query.starting_after(None).parameters(minor_digits=self.place.minor_digits)
        return urlencode([*pairs, ("columns", ",".join(self.view.keys))], safe=",")

    def headings(self) -> list[Heading]:
        return [self._heading(column) for column in (TITLE, *self.view.columns)]

    def parameters(self) -> list[tuple[str, str]]:
        """The question's own parameters."""
        return self.query.parameters(minor_digits=self.place.minor_digits)

    def _heading(self, column: Column) -> Heading:
        field, now = column.field, self.query.sort
        if field is None:
            return Heading(column)
        if now.field != field:
            turned = Sort(field, descending=not column.smallest_first)
            return Heading(column, self.address(self.query.sorted_by(turned)))
        turned = Sort(field, descending=not now.descending)
        direction = "descending" if now.descending else "ascending"
        return Heading(column, self.address(self.query.sorted_by(turned)), direction)

    def sets(self) -> list[Link]:
        """The ready sets of columns."""
        return [
            Link(label, self._address(self.query, view_of_set(name)), name == self.view.set_name)
            for name, (label, _) in SETS.items()
        ]

    def states(self) -> list[StateLink]:
        return [
            StateLink(label, self.address(self.query.in_states(states)), set(states) == set(self.query.states), states)
            for label, states in _STATES
        ]

    def presets(self) -> list[Link]:
        return [self._preset(preset) for preset in PRESETS]

    def _preset(self, preset: Preset) -> Link:
        url = self.address(preset.asked_like(self.query))
        return Link(preset.label, url, preset.is_asked_by(self.query), preset.meaning)

    def chips(self) -> list[Chip]:
        """Everything that leaves rows out, the states aside."""
        query, text = self.query, self.query.search.text
        chips = [Chip(f"“{text}”", self.address(query.without("q")))] if text else []
        chips += [Chip(self.bound_text(bound), self.address(query.without(bound.parameter))) for bound in query.bounds]
        return chips + [
            Chip(choice_text(name, value), self.address(query.without(name, value)))
            for name, value in self.parameters()
            if name in CHOICES
        ]

    def bound_text(self, bound: Bound) -> str:
        """`Profit ≥ $12.50`."""
        return f"{bound.field.label} {'≥' if bound.at_least else '≤'} {self.amount(bound.field, bound.value)}"

    def amount(self, field: Field, value: float) -> str:
        """A value of `field`, in the unit it is kept in (an age: hours), to be read."""
        if field.kind is Kind.MONEY:
            return self.place.money(round(value))
        text = f"{Decimal(str(value)).normalize():,f}".replace("-", "−")
        return f"{text}{_UNITS.get(field.kind, '')}"

    def sorts(self) -> list[tuple[str, str, bool]]:
        """Name, label, and whether it is the order now."""
        name = self.query.sort.name
        listed = [(sort.name, label) for label, sort in _SORTED_MOST]
        if name not in dict(listed):
            listed.append((name, f"{self.query.sort.field.label}, {'highest' if name[0] == '-' else 'lowest'} first"))
        return [(value, label, value == name) for value, label in listed]

    def sorted_by_text(self) -> str:
        """The order in words, for the table's caption."""
        return next(label for _, label, is_here in self.sorts() if is_here)

    def notes(self, problems: Sequence[Problem]) -> list[Note]:
        """What was not applied. Each address forgets all of them, since none is part of the question."""
        return [Note(problem.message, self.here) for problem in problems[:MOST_NOTES]]

    def shows(self, key: str) -> bool:
        return key in self.view.keys


def choice_text(parameter: str, value: str) -> str:
    """A value of one of CHOICES, to be read."""
    if parameter == "condition" and value in GRADES:
        return condition_text(GRADES[value])
    known = _CHOICE_TEXTS.get((parameter, value))
    return known or (value.capitalize() if parameter in ("season", "triage") else value)
