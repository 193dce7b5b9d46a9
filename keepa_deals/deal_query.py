"""One question about deals: what to show, in which order, from where on.

Page, API, count, export, alerts and diagnostics build the same `DealQuery`, so they can't disagree.
A field is one row of `FIELDS`; its two parameters, its condition, its sorting and its cursor follow from that row.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import difflib
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import msgspec

from keepa_deals.errors import BadParameter
from keepa_deals.isbn import book_numbers
from keepa_deals.records import Condition, DealState

DEFAULT_LIMIT = 50
LARGEST_LIMIT = 250
LONGEST_SEARCH = 200
MOST_WORDS = 12
MOST_CATEGORIES = 50
LARGEST_NUMBER = 999_999_999


T = TypeVar("T")


class Kind(StrEnum):
    """What a field's number is, which decides how it is read, kept and shown."""

    MONEY = "money"
    """given in currency units, kept in cents"""
    PERCENT = "percent"
    COUNT = "count"
    AGE = "age"
    """given in hours before now, kept as the instant it began"""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that deals can be filtered and sorted by."""

    name: str
    column: str
    kind: Kind
    label: str


FIELDS = {
    field.name: field
    for field in (
        Field("profit", "profit_cents", Kind.MONEY, "Profit"),
        Field("margin", "margin", Kind.PERCENT, "Margin"),
        Field("roi", "roi", Kind.PERCENT, "ROI"),
        Field("price", "price_now_cents", Kind.MONEY, "Price now"),
        Field("sale_price", "sale_price_cents", Kind.MONEY, "Sells for"),
        Field("all_in", "all_in_cents", Kind.MONEY, "All in"),
        Field("percent_down", "percent_down", Kind.PERCENT, "Below average"),
        Field("rank", "sales_rank", Kind.COUNT, "Sales rank"),
        Field("drops", "drops_30", Kind.COUNT, "Rank drops, 30 days"),
        Field("offers", "used_offers", Kind.COUNT, "Used offers"),
        Field("trust", "trust", Kind.PERCENT, "Trust"),
        Field("price_age", "price_changed_at", Kind.AGE, "Hours since the price changed"),
        Field("verified_age", "verified_at", Kind.AGE, "Hours since verified"),
        Field("seen_age", "first_seen_at", Kind.AGE, "Hours since first seen"),
    )
}

GRADES: dict[str, Condition] = {grade.name.lower(): grade for grade in Condition if grade is not Condition.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range, in the unit the field is kept in (an age: hours). It excludes unknown values."""

    field: Field
    at_least: bool
    value: int | float

    @property
    def parameter(self) -> str:
        return f"{self.field.name}_{'gte' if self.at_least else 'lte'}"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order. Unknown values come last in either direction; equal ones go by ASIN and marketplace."""

    field: Field
    descending: bool

    @property
    def name(self) -> str:
        return f"{'-' if self.descending else ''}{self.field.name}"

    @property
    def column_descends(self) -> bool:
        """The smallest age belongs to the latest instant."""
        return self.descending != (self.field.kind is Kind.AGE)


DEFAULT_SORT = Sort(FIELDS["profit"], descending=True)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, after which the next one begins."""

    value: int | float | datetime | None
    """of the sorted field, as kept"""
    asin: str
    domain_id: int


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
        except _Wrong as wrong:
            reading.fail("cursor", f"cursor is {shown(text)}; {wrong}.")
    return query, tuple(reading.problems)


def cursor_text(cursor: Cursor, *, sort: Sort) -> str:
    """`cursor` as an opaque text that only fits the order it was made in."""
    value = cursor.value.isoformat() if isinstance(cursor.value, datetime) else cursor.value
    body = msgspec.json.encode([sort.name, value, cursor.asin, cursor.domain_id])
    return base64.urlsafe_b64encode(_seal(body) + body).decode().rstrip("=")


def read_cursor(text: str, *, sort: Sort) -> Cursor:
    """The reverse of `cursor_text`; whatever was not written there for this order is wrong."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, value, asin, domain_id = msgspec.json.decode(
            sealed[6:], type=tuple[str, int | float | str | None, str, int]
        )
    except (binascii.Error, ValueError):
        raise _Wrong(_CURSOR_HELP) from None
    if sealed[:6] != _seal(sealed[6:]) or not 0 < domain_id < 100:
        raise _Wrong(_CURSOR_HELP)
    if name != sort.name:
        raise _Wrong(f"it belongs to sort={shown(name)}, not to sort={sort.name}; begin again without it")
    return Cursor(_cursor_value(value, sort.field.kind), asin, domain_id)


def _cursor_value(value: int | float | str | None, kind: Kind) -> int | float | datetime | None:
    if value is None:
        return None
    if kind is Kind.AGE and isinstance(value, str):
        with contextlib.suppress(ValueError):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None:
                return instant
    elif kind is not Kind.AGE and not isinstance(value, str) and abs(value) < 2**53:
        return value
    raise _Wrong(_CURSOR_HELP)


def written(bound: Bound, *, minor_digits: int = 2) -> str:
    """A bound's value the way a parameter gives it."""
    number = Decimal(str(bound.value))
    if bound.field.kind is Kind.MONEY:
        number = number.scaleb(-minor_digits)
    return f"{number.normalize():f}"


def shown(text: str) -> str:
    """Foreign text in a message: quoted, its control characters made visible, cut at 60 characters."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def alternatives(word: str) -> tuple[str, ...]:
    """The texts any of which answers `word`: itself and, for a book number, its other forms."""
    return (word, *(number for number in book_numbers(word) if number != word))


class _Wrong(Exception):
    """What a value should be."""


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
            except _Wrong as wrong:
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
                raise _Wrong(f"at most {MOST_CATEGORIES} categories can be asked for at once")
        elif name == "state":
            self._add("states", _STATES[_choice(text, _STATES)])
            self.parts["states"] = tuple(state for state in DealState if state in self.parts["states"])
        elif name == "q":
            self.parts["words"] = _words(text)
        elif name == "sort":
            self.parts["sort"] = _sort(text)
        elif name == "limit":
            self.parts["limit"] = _whole(text, low=1, high=LARGEST_LIMIT)

    def _add(self, part: str, items: tuple[Any, ...]) -> None:
        self.parts[part] = tuple(dict.fromkeys((*self.parts.get(part, ()), *items)))

    def _take_bound(self, field: Field, at_least: bool, text: str) -> None:
        value = _READERS[field.kind](text, self.minor_digits)
        if value != 0:
            self.bounds.append(Bound(field, at_least, value))


def _decimal(text: str, *, decimals: int, lowest: int, example: str, of: str) -> Decimal:
    rest = rf"(\.[0-9]{{0,{decimals}}})?" if decimals else ""
    if not re.fullmatch(rf"[+-]?[0-9]{{1,9}}{rest}", text) or Decimal(text) < lowest:
        least = "" if lowest < 0 else " that is not negative"
        most = f" with a point before at most {decimals} decimals" if decimals else " without decimals"
        raise _Wrong(f"it must be {of}{least}, such as {example},{most} and at most 9 digits before them")
    return Decimal(text)


def _money(text: str, minor_digits: int) -> int:
    example = "12.50" if minor_digits else "1250"
    number = _decimal(
        text, decimals=minor_digits, lowest=-LARGEST_NUMBER, example=example, of="an amount without a currency sign"
    )
    return int(number.scaleb(minor_digits))


def _percent(text: str, _minor_digits: int) -> float:
    return float(
        _decimal(
            text, decimals=2, lowest=-LARGEST_NUMBER, example="15 or 12.5", of="a number of percent without the sign"
        )
    )


def _hours(text: str, _minor_digits: int) -> float:
    number = _decimal(text, decimals=2, lowest=0, example="6", of="a number of hours")
    if number > 1_000_000:
        raise _Wrong("it must be a number of hours up to 1000000")
    return float(number)


def _count(text: str, _minor_digits: int) -> int:
    return _whole(text, low=0, high=LARGEST_NUMBER)


def _whole(text: str, *, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise _Wrong(f"it must be a whole number from {low} to {high}, written in digits alone")
    return int(text)


def _choice(text: str, allowed: Iterable[str]) -> str:
    if text.lower() not in allowed:
        raise _Wrong(f"it must be one of {', '.join(allowed)}")
    return text.lower()


def _named(text: str, allowed: dict[str, Condition]) -> Condition:
    return allowed[_choice(text, allowed)]


def _sort(text: str) -> Sort:
    name = text.removeprefix("-")
    if name not in FIELDS:
        raise _Wrong(f"it must be one of {', '.join(FIELDS)}, with - before it for the largest first")
    return Sort(FIELDS[name], descending=text.startswith("-"))


def _words(text: str) -> tuple[str, ...]:
    if len(text) > LONGEST_SEARCH:
        raise _Wrong(f"a search has at most {LONGEST_SEARCH} characters, this one has {len(text)}")
    words = (text,) if book_numbers(text) else tuple(dict.fromkeys(text.split()))
    if len(words) > MOST_WORDS:
        raise _Wrong(f"a search has at most {MOST_WORDS} words, this one has {len(words)}")
    return tuple(word.replace(" ", "") for word in words)


def _clean(text: str) -> str:
    """Without what no parameter needs and a database may refuse: control characters and half characters."""
    whole = text.encode("utf-8", "replace").decode()
    return re.sub(r"[\x00-\x1f\x7f]", " ", whole).strip()


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, PARAMETERS, n=1) if len(name) <= 40 else []
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(PARAMETERS)}."
    return f"There is no parameter {shown(name)}; {hint}"


def _less(items: tuple[T, ...], concerned: bool, value: str | None, *, of: Callable[[T], str]) -> tuple[T, ...]:
    if not concerned:
        return items
    return () if value is None else tuple(item for item in items if of(item) != value)


def _seal(body: bytes) -> bytes:
    """Enough to tell a damaged cursor from a whole one. A cursor grants nothing, so it need not be secret."""
    return hashlib.blake2s(body, digest_size=6, person=b"cursor").digest()


_CURSOR_HELP = "that is not one of our cursors; take next_cursor from the page before, or begin again without it"
_BOUNDS = {f"{field.name}_{end}": (field, end == "gte") for field in FIELDS.values() for end in ("gte", "lte")}
_STATES: dict[str, tuple[DealState, ...]] = {
    **{state.value: (state,) for state in DealState},
    "all": tuple(DealState),
}
_READERS: dict[Kind, Callable[[str, int], int | float]] = {
    Kind.MONEY: _money,
    Kind.PERCENT: _percent,
    Kind.COUNT: _count,
    Kind.AGE: _hours,
}
REPEATABLE = ("condition", "category", "state")
PARAMETERS = ("q", *_BOUNDS, *REPEATABLE, "sort", "cursor", "limit")
