"""One question about deals: what to show, in which order, from where on.

Page, API, count, export, alerts and diagnostics build the same `DealQuery`, so they can't disagree.
A field is one row of `FIELDS`; its two parameters, its condition, its sorting and its cursor follow from that row.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from keepa_deals.deal_cursor import Cursor, cursor_text, read_cursor
from keepa_deals.deal_fields import (
    DEFAULT_SORT,
    FIELDS,
    GRADES,
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

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 250
LONGEST_SEARCH = 200
MOST_WORDS = 12
MOST_CATEGORIES = 50


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DealQuery:
    """A question that can be asked of the deals. The default shows every live deal, best profit first."""

    bounds: tuple[Bound, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """any of these; empty is Any"""
    categories: tuple[str, ...] = ()
    """any of these names or ids; empty is Any"""
    states: tuple[DealState, ...] = (DealState.LIVE,)
    words: tuple[str, ...] = ()
    """every one in title, author, brand, ISBN or ASIN"""
    sort: Sort = DEFAULT_SORT
    after: Cursor | None = None
    limit: int = DEFAULT_LIMIT

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the state leaves rows out."""
        return bool(self.bounds or self.conditions or self.categories or self.words)

    def unfiltered(self) -> DealQuery:
        """The same states in the same order, with every filter taken away."""
        return DealQuery(states=self.states, sort=self.sort, limit=self.limit)

    def sorted_by(self, sort: Sort) -> DealQuery:
        return replace(self, sort=sort, after=None)

    def starting_after(self, cursor: Cursor | None) -> DealQuery:
        return replace(self, after=cursor)

    def without(self, parameter: str, value: str | None = None) -> DealQuery:
        """The first page of the query with one filter fewer: all of `parameter`, or its one `value`."""
        return replace(
            self,
            bounds=tuple(bound for bound in self.bounds if bound.parameter != parameter),
            conditions=_less(self.conditions, parameter == "condition", value, of=lambda grade: grade.name.lower()),
            categories=_less(self.categories, parameter == "category", value, of=str),
            words=() if parameter == "q" else self.words,
            after=None,
        )

    def parameters(self, *, minor_digits: int = 2) -> list[tuple[str, str]]:
        """The shortest parameters from which this same query is read again."""
        pairs = [("q", " ".join(self.words))] if self.words else []
        pairs += [(bound.parameter, written(bound, minor_digits=minor_digits)) for bound in self.bounds]
        pairs += [("condition", grade.name.lower()) for grade in self.conditions]
        pairs += [("category", category) for category in self.categories]
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


def parse_deal_query(args: Arguments, *, minor_digits: int = 2) -> DealQuery:
    """The query that `args` ask for. Raises BadParameter (a BadQuery) for the first thing that is wrong."""
    query, problems = read_deal_query(args, minor_digits=minor_digits)
    if problems:
        raise BadParameter(problems[0].message, parameter=problems[0].parameter)
    return query


def read_deal_query(args: Arguments, *, minor_digits: int = 2) -> tuple[DealQuery, tuple[Problem, ...]]:
    """The query made of what is right in `args`, and what was wrong: for a page that shows both.

    `minor_digits`: decimals of the currency, 2 for dollars and 0 for yen.
    """
    reading = _Reading(minor_digits=minor_digits)
    cursors: list[str] = []
    for name, values in args.lists():
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
            except NotRight as wrong:
                self.fail(name, f"{name} is {shown(text)}; {wrong}.")

    def query(self) -> DealQuery:
        order = list(FIELDS)
        bounds = sorted(self.bounds, key=lambda bound: (order.index(bound.field.name), not bound.at_least))
        return DealQuery(bounds=tuple(bounds), **self.parts)

    def _take_one(self, name: str, text: str) -> None:
        if name in _BOUNDS:
            self._take_bound(*_BOUNDS[name], text)
        elif name == "condition":
            self._add("conditions", (_named(text, GRADES),))
        elif name == "category":
            self._add("categories", (text,))
            if len(self.parts["categories"]) > MOST_CATEGORIES:
                raise NotRight(f"at most {MOST_CATEGORIES} categories can be asked for at once")
        elif name == "state":
            self._add("states", _STATES[_choice(text, _STATES)])
            self.parts["states"] = tuple(state for state in DealState if state in self.parts["states"])
        elif name == "q":
            self.parts["words"] = _words(text)
        elif name == "sort":
            self.parts["sort"] = _sort(text)
        elif name == "limit":
            self.parts["limit"] = whole_number(text, low=1, high=LARGEST_LIMIT)

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
    if name not in FIELDS:
        raise NotRight(f"it must be one of {', '.join(FIELDS)}, with - before it for the largest first")
    return Sort(FIELDS[name], descending=text.startswith("-"))


def _words(text: str) -> tuple[str, ...]:
    if len(text) > LONGEST_SEARCH:
        raise NotRight(f"a search has at most {LONGEST_SEARCH} characters, this one has {len(text)}")
    words = (text,) if book_numbers(text) else tuple(dict.fromkeys(text.split()))
    if len(words) > MOST_WORDS:
        raise NotRight(f"a search has at most {MOST_WORDS} words, this one has {len(words)}")
    return tuple(word.replace(" ", "") for word in words)


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
REPEATABLE = ("condition", "category", "state")
PARAMETERS = ("q", *_BOUNDS, *REPEATABLE, "sort", "cursor", "limit")
