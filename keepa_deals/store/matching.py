"""Which deals a `DealQuery` is about: its conditions, each a mask over the mirror's rows, and the order of the rest.

The one place where a question is answered, for pages, counts, facets, exports and alerts alike.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from keepa_deals.deal_cursor import Cursor
from keepa_deals.deal_fields import DEFAULT_SORT, GRADES, Bound, Field, Kind, Sort
from keepa_deals.deal_query import DEFAULT_LIMIT, DealQuery
from keepa_deals.records import DealState
from keepa_deals.search_language import Choice, Comparison, Words, months_of
from keepa_deals.store.mirror import Columns, Mask, Numbers, Rows, encoded_keys, milliseconds
from keepa_deals.store.search_index import matching_rows
from keepa_deals.store.tables import triage
from keepa_deals.store.triage import OWNER, ROW_OF_MARKED

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_OLDER = {"<": ">", "<=": ">=", "=": "=", ">=": "<=", ">": "<"}
"""a smaller age belongs to a later instant"""
_IN_AN_HOUR = 3_600_000


def matching(
    columns: Columns, query: DealQuery, *, connection: Connection, now: datetime, besides: str | None = None
) -> Mask:
    """The rows that `query` is about, its cursor aside; without the filter called `besides`, if that is named.

    A filter is called by its parameter, a range by its field. The mask may be shared: never change it.
    """
    question = replace(query, sort=DEFAULT_SORT, after=None, limit=DEFAULT_LIMIT)
    conditions = tuple(_conditions(columns, question, connection, now))
    left_out = besides if any(called == besides for called, _ in conditions) else None

    def find() -> Mask:
        found = columns.keys > 0
        for called, condition in conditions:
            if called != left_out:
                found &= condition()
        return found

    mask: Mask = columns.remember(("matching", question, now, left_out), find)
    return mask


def first_rows(columns: Columns, mask: Mask, *, sort: Sort, after: Cursor | None, count: int) -> Rows:
    """The first `count` rows of `mask` in the order of `sort`, after `after`. Unknown last, equal ones by key."""
    rows = np.flatnonzero(mask)
    values = columns.sort_values(sort.field.column)[rows]
    values = -values if sort.column_descends else values
    keys = columns.keys[rows]
    if after is not None:
        later = _after(columns, after, sort, values, keys)
        rows, values, keys = rows[later], values[later], keys[later]
    if len(rows) > count:
        few = _few(values, keys, count)
        rows, values, keys = rows[few], values[few], keys[few]
    ordered: Rows = rows[np.lexsort((keys, values))]
    return ordered


def _few(values: Numbers, keys: Rows, count: int) -> Rows:
    """The places of the `count` that come first, without putting all of them in order."""
    edge = np.partition(values, count - 1)[count - 1]
    before = np.flatnonzero(~np.isnan(values) if np.isnan(edge) else values < edge)
    at_edge = np.flatnonzero(np.isnan(values) if np.isnan(edge) else values == edge)
    needed = count - len(before)
    if len(at_edge) > needed:
        at_edge = at_edge[np.argpartition(keys[at_edge], needed - 1)[:needed]]
    return np.concatenate([before, at_edge])


def _after(columns: Columns, cursor: Cursor, sort: Sort, values: Numbers, keys: Rows) -> Mask:
    later_key = keys > encoded_keys([cursor.asin], [cursor.domain_id])[0]
    later: Mask = np.isnan(values)
    if cursor.value is None:
        later &= later_key
        return later
    edge = columns.sort_value_of(sort.field.column, cursor.value)
    edge = -edge if sort.column_descends else edge
    later |= (values > edge) | ((values == edge) & later_key)
    return later


def _conditions(
    columns: Columns, query: DealQuery, connection: Connection, now: datetime
) -> Iterator[tuple[str, Callable[[], Mask]]]:
    """What a row must meet, each with the name of its filter."""
    states = tuple(DealState) if query.search.asks_for_state and query.states == (DealState.LIVE,) else query.states
    yield "state", partial(_in_states, columns, states, now)
    if query.triage != "all":
        yield "triage", partial(_triaged, columns, query.triage, connection)
    for bound in query.bounds:
        yield bound.field.name, partial(_within, columns, bound, now)
    if query.conditions:
        yield "condition", lambda: np.isin(columns.numbers["condition"], [float(grade) for grade in query.conditions])
    if query.categories:
        yield "category", lambda: _any(_in_category(columns, category) for category in query.categories)
    if query.bindings:
        yield "binding", partial(_coded, columns, "binding", query.bindings)
    if query.seasons:
        yield "season", lambda: _any(_in_season(columns, season) for season in query.seasons)
    if query.amazon:
        yield "amazon", lambda: _any(sold_by_amazon(columns) == wanted for wanted in query.amazon)
    if query.profitable:
        yield "profitable", lambda: _any(is_profitable(columns) == wanted for wanted in query.profitable)
    if query.search.terms:
        yield "q", lambda: _searched(columns, query, connection, now)


def sold_by_amazon(columns: Columns) -> Mask:
    """Whether Amazon itself sells it: a deal was looked at, so no price of Amazon's is no offer of Amazon's."""
    return ~np.isnan(columns.numbers["amazon_cents"])


def is_profitable(columns: Columns) -> Mask:
    found: Mask = columns.numbers["is_profitable"] == 1
    return found


def _in_states(columns: Columns, states: tuple[DealState, ...], now: datetime) -> Mask:
    return columns.keys > 0 if set(states) == set(DealState) else _any(columns.in_state(state, now) for state in states)


def _triaged(columns: Columns, wanted: str | None, connection: Connection) -> Mask:
    """What the user has marked so; without a wish, all that they have not hidden."""
    if wanted is None or wanted == "new":
        return ~_marked(columns, "hidden_at" if wanted is None else "seen_at", connection)
    return _marked(columns, f"{wanted}_at", connection)


def _marked(columns: Columns, since: str, connection: Connection) -> Mask:
    """The rows that the user has marked, going by the instant in the column `since`."""

    def find() -> Mask:
        found = np.zeros(len(columns.keys), dtype=bool)
        statement = select(ROW_OF_MARKED).where(triage.c.user == OWNER, triage.c[since].is_not(None))
        rows = np.array([row for row in connection.execute(statement).scalars() if row is not None], dtype=np.int64)
        found[rows[rows < len(found)]] = True
        return found

    mask: Mask = columns.remember(("triage", since), find)
    return mask


def _any(masks: Iterator[Mask]) -> Mask:
    found = next(masks).copy()
    for mask in masks:
        found |= mask
    return found


def _within(columns: Columns, bound: Bound, now: datetime) -> Mask:
    return _compared(columns, bound.field, ">=" if bound.at_least else "<=", bound.value, now)


def _compared(columns: Columns, field: Field, sign: str, value: float, now: datetime) -> Mask:
    if field.kind is Kind.AGE:
        sign, value = _OLDER[sign], milliseconds(now - timedelta(hours=value))
    found: Mask = _SIGNS[sign](columns.numbers[field.column], value)
    return found


def _coded(columns: Columns, name: str, wanted: tuple[str, ...]) -> Mask:
    folded = {text.casefold() for text in wanted}
    return columns.coded[name].one_of(lambda text: text.casefold() in folded)


def _in_category(columns: Columns, category: str) -> Mask:
    named = _coded(columns, "category", (category,))
    is_id = category.isascii() and category.isdecimal() and len(category) <= 15
    return named | (columns.numbers["category_id"] == float(category)) if is_id else named


def _in_season(columns: Columns, season: str) -> Mask:
    months = months_of(season)
    return np.isin(columns.numbers["peak_month"], months) if months else _coded(columns, "season", (season,))


def _searched(columns: Columns, query: DealQuery, connection: Connection, now: datetime) -> Mask:
    words = [term for term in query.search.terms if isinstance(term, Words)]
    found = columns.keys > 0
    if wanted := [one for one in words if not one.is_negated]:
        found &= _mentioned(columns, wanted, connection)
    for term in query.search.terms:
        if isinstance(term, Words) and term.is_negated:
            found &= ~_mentioned(columns, [term], connection)
        elif isinstance(term, Comparison):
            met = _compared(columns, term.field, term.sign, term.value, now)
            found &= ~met & ~np.isnan(columns.numbers[term.field.column]) if term.is_negated else met
        elif isinstance(term, Choice):
            met = _chosen(columns, term, now)
            found &= ~met if term.is_negated else met
    return found


def _mentioned(columns: Columns, words: list[Words], connection: Connection) -> Mask:
    """The rows whose text has all of `words`."""

    def find() -> Mask:
        found = np.zeros(len(columns.keys), dtype=bool)
        rows = np.array(matching_rows(connection, words), dtype=np.int64)
        found[rows[rows < len(found)]] = True
        return found

    mask: Mask = columns.remember(("words", *words), find)
    return mask


def _chosen(columns: Columns, choice: Choice, now: datetime) -> Mask:
    if choice.facet == "condition":
        found: Mask = columns.numbers["condition"] == float(GRADES[choice.value])
        return found
    if choice.facet == "category":
        return _in_category(columns, choice.value)
    if choice.facet == "season":
        return _in_season(columns, choice.value)
    if choice.facet == "state":
        return columns.in_state(DealState(choice.value), now)
    if choice.facet == "binding":
        return _coded(columns, "binding", (choice.value,))
    met = sold_by_amazon(columns) if choice.facet == "amazon" else is_profitable(columns)
    return met if choice.value == "yes" else ~met
