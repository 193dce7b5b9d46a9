"""One question about deals: what to show, in which order, from where on.

Page, API, count, export, alerts and diagnostics build the same `DealQuery`, so they can't disagree.
A field is one row of `FIELDS`; its two parameters, its condition, its sorting and its cursor follow from that row.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from keepa_deals.deal_cursor import Cursor, cursor_text, read_cursor
from keepa_deals.deal_fields import (
    DEFAULT_SORT,
    FIELDS,
    GRADES,
    SORTS,
    Bound,
    Field,
    NotRight,
    Sort,
    read_value,
    shown,
    whole_number,
    written,
)
from keepa_deals.errors import BadParameter
from keepa_deals.isbn import book_numbers
from keepa_deals.records import Condition, DealState
from keepa_deals.search_language import NO_SEARCH, NotUnderstood, Search, read_search

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 250
MOST_CHOSEN = 50
LONGEST_CHOICE = 200
TRIAGES = ("new", "watched", "hidden", "bought", "all")
"""what a user made of deals; without one, everything that is not hidden"""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DealQuery:
    """A question that can be asked of the deals. The default shows every live deal, best profit first."""

    bounds: tuple[Bound, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """any of these; empty is Any, as in the next four"""
    categories: tuple[str, ...] = ()
    """names or ids"""
    bindings: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    """the subject's name, a time of the year or a month"""
    amazon: tuple[bool, ...] = ()
    """whether Amazon itself sells it"""
    profitable: tuple[bool, ...] = ()
    """whether even the lower bound is a profit"""
    states: tuple[DealState, ...] = (DealState.LIVE,)
    search: Search = NO_SEARCH
    triage: str | None = None
    """one of TRIAGES; None leaves out what was hidden"""
    sort: Sort = DEFAULT_SORT
    after: Cursor | None = None
    limit: int = DEFAULT_LIMIT

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the state leaves rows out."""
        return self != replace(self.unfiltered(), after=self.after)

    def unfiltered(self) -> DealQuery:
        """The same states in the same order, with every filter taken away."""
        return DealQuery(states=self.states, sort=self.sort, limit=self.limit)

    def sorted_by(self, sort: Sort) -> DealQuery:
        return replace(self, sort=sort, after=None)

    def starting_after(self, cursor: Cursor | None) -> DealQuery:
        return replace(self, after=cursor)

    def in_states(self, states: tuple[DealState, ...]) -> DealQuery:
        """The first page of the same question about other states."""
        return replace(self, states=states, after=None)

    def without(self, parameter: str, value: str | None = None) -> DealQuery:
        """The first page of the query with one filter fewer: all of `parameter`, or its one `value`."""
        chosen: dict[str, Any] = {
            part: _less(getattr(self, part), parameter == name, value, of=as_text)
            for name, (part, as_text) in _CHOSEN.items()
        }
        return replace(
            self,
            bounds=tuple(bound for bound in self.bounds if bound.parameter != parameter),
            **chosen,
            search=NO_SEARCH if parameter == "q" else self.search,
            triage=None if parameter == "triage" else self.triage,
            after=None,
        )

    def parameters(self, *, minor_digits: int = 2) -> list[tuple[str, str]]:
        """The shortest parameters from which this same query is read again."""
        pairs = [("q", self.search.text)] if self.search.text else []
        pairs += [(bound.parameter, written(bound, minor_digits=minor_digits)) for bound in self.bounds]
        pairs += [(name, as_text(item)) for name, (part, as_text) in _CHOSEN.items() for item in getattr(self, part)]
        pairs += [] if self.triage is None else [("triage", self.triage)]
        if self.states != (DealState.LIVE,):
            pairs += (
                [("state", "all")]
                if set(self.states) == set(DealState)
                else [("state", state.value) for state in self.states]
            )
        if self.sort != DEFAULT_SORT:
            pairs.append(("sort", self.sort.name))
        if self.limit != DEFAULT_LIMIT:
            pairs.append(("limit", str(self.limit)))
        if self.after is not None:
            pairs.append(("cursor", cursor_text(self.after, sort=self.sort)))
        return pairs


class Arguments(Protocol):
    """What a request hands over: each parameter once, with all its values (werkzeug's MultiDict)."""

    def lists(self) -> Iterable[tuple[str, list[str]]]: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One parameter that was not applied, and the sentence that says why."""

    parameter: str
    message: str
    is_unknown: bool = False
    start: int | None = None
    """of a search: where in its text"""
    end: int | None = None


def parse_deal_query(args: Arguments, *, minor_digits: int = 2, besides: Collection[str] = ()) -> DealQuery:
    """The query that `args` ask for. Raises BadParameter (a BadQuery) for the first thing that is wrong.

    `besides`: parameters that somebody else reads.
    """
    query, problems = read_deal_query(args, minor_digits=minor_digits, besides=besides)
    if problems:
        raise BadParameter(problems[0].message, parameter=problems[0].parameter)
    return query


def read_deal_query(
    args: Arguments, *, minor_digits: int = 2, besides: Collection[str] = ()
) -> tuple[DealQuery, tuple[Problem, ...]]:
    """The query made of what is right in `args`, and what was wrong: for a page that shows both.

    `minor_digits`: decimals of the currency, 2 for dollars and 0 for yen. `besides`: parameters somebody else reads.
    """
    reading = _Reading(minor_digits=minor_digits)
    cursors: list[str] = []
    for name, values in args.lists():
        if name in besides:
            continue
        given = [text for text in map(_clean, values) if text]
        if len(values) > 1 and name in PARAMETERS and name not in REPEATABLE:
            reading.fail(name, f"{shown(name)} is given {len(values)} times; give it once.")
        elif name == "cursor":
            cursors = given
        elif name not in PARAMETERS:
            reading.problems.append(Problem(name, _unknown(name), is_unknown=True))
        elif given:
            reading.take(name, given)
    query = reading.query()
    for text in cursors:
        try:
            query = query.starting_after(read_cursor(text, sort=query.sort))
        except NotRight as wrong:
            reading.fail("cursor", f"cursor is {shown(text)}; {wrong}.")
    return query, tuple(reading.problems)


def alternatives(word: str) -> tuple[str, ...]:
    """The texts any of which answers `word`: itself and, for a book number, its other forms."""
    return (word, *(number for number in book_numbers(word) if number != word))


class _Reading:
    """Collects a query parameter by parameter."""

    def __init__(self, *, minor_digits: int) -> None:
        self.minor_digits = minor_digits
        self.problems: list[Problem] = []
        self.bounds: list[Bound] = []
        self.parts: dict[str, Any] = {}

    def fail(self, parameter: str, message: str) -> None:
        self.problems.append(Problem(parameter, message))

    def take(self, name: str, given: list[str]) -> None:
        for text in given:
            try:
                self._take_one(name, text)
            except NotUnderstood as wrong:
                message = f"The search is not understood at {shown(text[wrong.start : wrong.end])}: {_sentence(wrong)}"
                self.problems.append(Problem(name, message, start=wrong.start, end=wrong.end))
            except NotRight as wrong:
                self.fail(name, f"{_called(name)} is {shown(text)}; {wrong}.")

    def query(self) -> DealQuery:
        order = list(FIELDS)
        bounds = sorted(self.bounds, key=lambda bound: (order.index(bound.field.name), not bound.at_least))
        return DealQuery(bounds=tuple(bounds), **self.parts)

    def _take_one(self, name: str, text: str) -> None:
        if name in _BOUNDS:
            self._take_bound(*_BOUNDS[name], text)
        elif name == "condition":
            self._add("conditions", (_named(text, GRADES),))
        elif name in ("category", "binding", "season"):
            self._add_text(*_TEXTS[name], text)
        elif name in ("amazon", "profitable"):
            if text != "0":
                self._add(name, (_yes_or_no(text),))
        elif name == "triage":
            self.parts["triage"] = _choice(text, TRIAGES)
        elif name == "state":
            self._add("states", _STATES[_choice(text, _STATES)])
            self.parts["states"] = tuple(state for state in DealState if state in self.parts["states"])
        elif name == "q":
            self.parts["search"] = read_search(text, minor_digits=self.minor_digits)
        elif name == "sort":
            self.parts["sort"] = _sort(text)
        elif name == "limit":
            self.parts["limit"] = whole_number(text, low=1, high=LARGEST_LIMIT)

    def _add_text(self, part: str, plural: str, text: str) -> None:
        if len(text) > LONGEST_CHOICE:
            raise NotRight(f"it has more than {LONGEST_CHOICE} characters")
        self._add(part, (text,))
        if len(self.parts[part]) > MOST_CHOSEN:
            raise NotRight(f"at most {MOST_CHOSEN} {plural} can be asked for at once")

    def _add(self, part: str, items: tuple[Any, ...]) -> None:
        self.parts[part] = tuple(dict.fromkeys((*self.parts.get(part, ()), *items)))

    def _take_bound(self, field: Field, at_least: bool, text: str) -> None:
        value = read_value(text, field.kind, minor_digits=self.minor_digits)
        if value != 0:
            self.bounds.append(Bound(field, at_least, value))


def _choice(text: str, allowed: Iterable[str]) -> str:
    if text.lower() not in allowed:
        raise NotRight(f"it must be one of {', '.join(allowed)}")
    return text.lower()


def _named(text: str, allowed: dict[str, Condition]) -> Condition:
    return allowed[_choice(text, allowed)]


def _sort(text: str) -> Sort:
    name = text.removeprefix("-")
    if name not in SORTS:
        raise NotRight(f"it must be one of {', '.join(SORTS)}, with - before it for the largest first")
    return Sort(SORTS[name], descending=text.startswith("-"))


def _yes_or_no(text: str) -> bool:
    return (
        _choice({"1": "yes", "0": "no", "true": "yes", "false": "no"}.get(text.lower(), text), ("yes", "no")) == "yes"
    )


def _called(name: str) -> str:
    """A parameter by the label that users see, and by its own name."""
    if name not in _BOUNDS:
        return name
    field, at_least = _BOUNDS[name]
    return f"{field.label}, at {'least' if at_least else 'most'} ({name}),"


def _sentence(wrong: NotUnderstood) -> str:
    text = str(wrong)
    return text if text.endswith("?") else f"{text}."


def _clean(text: str) -> str:
    """Without what no parameter needs and a database may refuse: control characters and half characters."""
    whole = text.encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", " ", whole).strip()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, PARAMETERS, n=1) if len(name) <= 40 else []
    others = ", ".join(name for name in PARAMETERS if name not in _BOUNDS)
    known = f"there are {others}, and each of {', '.join(FIELDS)} with _gte or _lte."
    return f"There is no parameter {shown(name)}; {f'did you mean {near[0]}?' if near else known}"


def _less(items: tuple[T, ...], concerned: bool, value: str | None, *, of: Callable[[T], str]) -> tuple[T, ...]:
    if not concerned:
        return items
    return () if value is None else tuple(item for item in items if of(item) != value)


_BOUNDS = {f"{field.name}_{end}": (field, end == "gte") for field in FIELDS.values() for end in ("gte", "lte")}
_STATES: dict[str, tuple[DealState, ...]] = {
    **{state.value: (state,) for state in DealState},
    "all": tuple(DealState),
}
_TEXTS = {
    "category": ("categories", "categories"),
    "binding": ("bindings", "bindings"),
    "season": ("seasons", "seasons"),
}
_CHOSEN: dict[str, tuple[str, Callable[[Any], str]]] = {
    "condition": ("conditions", lambda grade: grade.name.lower()),
    "category": ("categories", str),
    "binding": ("bindings", str),
    "season": ("seasons", str),
    "amazon": ("amazon", lambda yes: "yes" if yes else "no"),
    "profitable": ("profitable", lambda yes: "yes" if yes else "no"),
}
"""The facets' parameters: the part of the query each fills, and how one of its values is written."""

REPEATABLE = (*_CHOSEN, "state")
PARAMETERS = ("q", *_BOUNDS, *REPEATABLE, "triage", "sort", "cursor", "limit")
