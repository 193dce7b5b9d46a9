"""What a question could be narrowed to: each facet's values with their counts, each field's values as a histogram.

Each counts as if its own filter were not set, so that choosing one value does not hide the others.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection

from keepa_deals.deal_fields import DEFAULT_SORT, GRADES, Field, Kind
from keepa_deals.deal_query import DEFAULT_LIMIT, DealQuery
from keepa_deals.records import DealState
from keepa_deals.store.matching import is_profitable, matching, sold_by_amazon
from keepa_deals.store.mirror import Columns, Numbers, Rows, columns_of, milliseconds

FACETS = ("condition", "category", "binding", "season", "state", "amazon", "profitable")
MOST_CHOICES = 100
LONGEST_LOOK = 0.25
"""seconds after which facets not yet counted are left out"""
REPEATED_FOR = 5
"""seconds for which an answer may be given again while no deal changes"""
BUCKETS = 24
TAIL = 0.005
"""the share of values at either end that share the outermost bucket, so that a few can't flatten the rest"""
SAMPLE = 20_000
"""as many values are enough to place the edges"""
SMALLEST_OF_LOG = {Kind.MONEY: 100.0, Kind.COUNT: 1.0}
LOGARITHMIC = frozenset({"rank"})


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """One value as its parameter takes it, and how many deals it would show."""

    value: str
    count: int
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one parameter, those with the most deals first; conditions and states in their own order."""

    name: str
    choices: tuple[FacetChoice, ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """All facets that could be counted in time."""

    facets: tuple[Facet, ...]
    is_complete: bool

    def get(self, name: str) -> Facet | None:
        return next((facet for facet in self.facets if facet.name == name), None)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many known values lie from `low` to under `high`, in the field's kept unit (an age: hours before now).

    The last bucket includes its `high`.
    """

    low: float
    high: float
    count: int


def facets(connection: Connection, query: DealQuery, *, now: datetime, seconds: float = LONGEST_LOOK) -> Facets:
    """Every facet of `query`, as far as `seconds` last."""
    with columns_of(connection) as columns:

        def find() -> Facets:
            until, found = time.monotonic() + seconds, []
            for name in FACETS:
                if time.monotonic() > until:
                    break
                mask = matching(columns, query, connection=connection, now=now, besides=name)
                counts = _COUNTS[name](columns, np.flatnonzero(mask), now)
                found.append(Facet(name, _choices(counts, _chosen(query, name), keep_order=name in _OWN_ORDER)))
            return Facets(tuple(found), is_complete=len(found) == len(FACETS))

        shown: Facets = columns.remember(("facets", *_question(query, now)), find)
        return shown


def histogram(
    connection: Connection, query: DealQuery, field: Field, *, now: datetime, buckets: int = BUCKETS
) -> tuple[Bucket, ...]:
    """The known values of `field` among the deals of `query`, its own bounds aside, in at most `buckets` + 1 parts.

    Money and ranks go by powers, everything else in even steps; the edges are round numbers. Empty for no values.
    """
    with columns_of(connection) as columns:

        def find() -> tuple[Bucket, ...]:
            mask = matching(columns, query, connection=connection, now=now, besides=field.name)
            values = columns.numbers[field.column][mask]
            values = values[~np.isnan(values)]
            if field.kind is Kind.AGE:
                values = (milliseconds(now) - values) / 3_600_000
            return drawn_buckets(values, field, buckets) if len(values) else ()

        shown: tuple[Bucket, ...] = columns.remember(("histogram", field.name, buckets, *_question(query, now)), find)
        return shown


def _question(query: DealQuery, now: datetime) -> tuple[Any, ...]:
    asked = replace(query, sort=DEFAULT_SORT, after=None, limit=DEFAULT_LIMIT)
    return asked, int(now.timestamp()) // REPEATED_FOR


def _choices(counts: Mapping[str, int], chosen: tuple[str, ...], *, keep_order: bool) -> tuple[FacetChoice, ...]:
    """The largest counts, and what is chosen whatever its count."""
    folded = {text.casefold() for text in chosen}
    names = {name.casefold() for name in counts}
    every = list(counts.items()) + [(text, 0) for text in chosen if text.casefold() not in names]
    if not keep_order:
        every.sort(key=lambda item: (-item[1], item[0]))
    listed = [FacetChoice(value, count, value.casefold() in folded) for value, count in every]
    return tuple(choice for place, choice in enumerate(listed) if place < MOST_CHOICES or choice.is_chosen)


def _chosen(query: DealQuery, name: str) -> tuple[str, ...]:
    if name == "state":
        return tuple(state.value for state in query.states)
    return tuple(value for parameter, value in query.parameters() if parameter == name)


def _conditions(columns: Columns, rows: Rows, _now: datetime) -> dict[str, int]:
    grades = columns.numbers["condition"][rows]
    return {name: int(np.count_nonzero(grades == float(grade))) for name, grade in GRADES.items()}


def _categories(columns: Columns, rows: Rows, _now: datetime) -> dict[str, int]:
    """By name or, where that is unknown, by id."""
    column = columns.coded["category"]
    ids, counts = np.unique(columns.numbers["category_id"][rows[column.codes[rows] < 0]], return_counts=True)
    unnamed = {str(int(number)): int(count) for number, count in zip(ids, counts, strict=True) if not np.isnan(number)}
    return column.counts(rows) | unnamed


def _states(columns: Columns, rows: Rows, now: datetime) -> dict[str, int]:
    return {state.value: int(np.count_nonzero(columns.in_state(state, now)[rows])) for state in DealState}


def _amazon(columns: Columns, rows: Rows, _now: datetime) -> dict[str, int]:
    return _yes_and_no(int(np.count_nonzero(sold_by_amazon(columns)[rows])), len(rows))


def _profitable(columns: Columns, rows: Rows, _now: datetime) -> dict[str, int]:
    return _yes_and_no(int(np.count_nonzero(is_profitable(columns)[rows])), len(rows))


def _yes_and_no(yes: int, both: int) -> dict[str, int]:
    return {"yes": yes, "no": both - yes}


_COUNTS: dict[str, Callable[[Columns, Rows, datetime], dict[str, int]]] = {
    "condition": _conditions,
    "category": _categories,
    "binding": lambda columns, rows, _now: columns.coded["binding"].counts(rows),
    "season": lambda columns, rows, _now: columns.coded["season"].counts(rows),
    "state": _states,
    "amazon": _amazon,
    "profitable": _profitable,
}
_OWN_ORDER = frozenset({"condition", "state", "amazon", "profitable"})


def drawn_buckets(values: Sequence[float] | Numbers, field: Field, buckets: int = BUCKETS) -> tuple[Bucket, ...]:
    """The histogram of at least one value; what lies beyond the edges widens the outermost parts."""
    known = np.asarray(values, dtype=np.float64)
    edges = _edges(known[:: len(known) // SAMPLE + 1], field, buckets)
    edges[0], edges[-1] = min(edges[0], known.min()), max(edges[-1], known.max())
    parts = np.searchsorted(edges[1:-1], known, side="right")
    counts = np.bincount(parts, minlength=len(edges) - 1)
    return tuple(
        Bucket(float(low), float(high), int(count))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )


def _edges(values: Numbers, field: Field, buckets: int) -> Numbers:
    """Round numbers, rising, around all but the outermost of `values`."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL]).tolist()
    if field.kind is Kind.MONEY or field.name in LOGARITHMIC:
        low = max(low, SMALLEST_OF_LOG[field.kind])
        if high > 2 * low:
            return np.unique([_two_digits(edge) for edge in np.geomspace(low, high, buckets)])
    step = _round_step((high - low) / buckets)
    first = math.floor(low / step)
    return np.arange(first, max(math.ceil(high / step), first + 1) + 1) * step


def _two_digits(number: float) -> float:
    return float(f"{number:.1e}")


def _round_step(step: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    if step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= step * (1 - 1e-9))
