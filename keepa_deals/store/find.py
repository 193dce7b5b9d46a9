"""Finding deals: `matching` says which rows a `DealQuery` is about, here they are read and become records.

Live is what was verified within its promise *now*, whatever the stored state says: should the ageing of
rows ever stop, no surface shows an old deal as a live one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, overload

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, func, literal_column, or_, select

from keepa_deals.deal_cursor import Cursor
from keepa_deals.deal_fields import Sort
from keepa_deals.deal_query import DealQuery
from keepa_deals.price_history import Spark
from keepa_deals.records import Condition, DealState
from keepa_deals.store.matching import first_rows, matching
from keepa_deals.store.mirror import columns_of
from keepa_deals.store.tables import candidates, deals
from keepa_deals.store.triage import shown_triage

KEYS_AT_ONCE = 5_000
DEALS_AT_ONCE = 500
MOST_CATEGORIES_LISTED = 200


class Deal(msgspec.Struct, frozen=True, kw_only=True):
    """One deal as it stands now. Money in cents, shares in percent, `None` is unknown.

    A struct, because making fifty dataclasses of so many fields takes longer than finding the fifty rows.
    """

    asin: str
    domain_id: int
    title: str
    author: str | None
    brand: str | None
    binding: str | None
    isbn13: str | None
    published: str | None
    category_id: int | None
    category: str | None
    state: DealState
    """as of the moment it was asked for"""
    first_seen_at: datetime
    price_changed_at: datetime | None
    verified_at: datetime
    verified_by: str
    promised_until: datetime
    unverified_since: datetime | None
    gone_at: datetime | None
    gone_reason: str | None
    condition: Condition | None
    seller_id: str | None
    is_fba: bool | None
    item_cents: int | None
    shipping_cents: int | None
    price_now_cents: int | None
    sales_rank: int | None
    drops_30: int | None
    drops_90: int | None
    drops_365: int | None
    used_offers: int | None
    used_offers_avg90: int | None
    new_offers: int | None
    new_cents: int | None
    amazon_cents: int | None
    used_avg90_cents: int | None
    used_avg365_cents: int | None
    sale_price_cents: int | None
    sale_price_is_estimate: bool
    referral_fee_cents: int | None
    fba_fee_cents: int | None
    closing_fee_cents: int | None
    all_in_cents: int | None
    profit_cents: int | None
    margin: float | None
    roi: float | None
    percent_down: float | None
    break_even_cents: int | None
    minimum_list_cents: int | None
    maximum_buy_cents: int | None
    trust: float | None
    """chance in percent that it sells at 90 % or more of the sale price in time"""
    list_cents: int | None
    sold_chance: float | None
    """percent, at the recommended list price"""
    days_to_sell: float | None
    used_sales_a_year: float | None
    profit_if_sold_cents: int | None
    profit_low_cents: int | None
    error_scale_cents: int | None
    is_profitable: bool
    sale_low_cents: int | None
    sale_high_cents: int | None
    one_year_average_cents: int | None
    season: str | None
    peak_month: int | None
    """1 to 12"""
    peak_cents: int | None
    trough_month: int | None
    trough_cents: int | None
    trend: float | None
    """percent a year"""
    seller_quality: float | None
    """percent: the lower bound of the positive ratings' share"""
    seller_name: str | None
    spark: Spark | None
    triage: str | None
    """hidden, bought or watched by the user; the first of these that is so"""


@dataclass(frozen=True, slots=True)
class SeenOffer:
    """One used offer; `landed_cents` None: its shipping price is not known."""

    condition: Condition
    item_cents: int | None
    shipping_cents: int | None
    landed_cents: int | None
    is_fba: bool
    seller_id: str
    last_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DealDetails:
    """One deal with the grounds for its numbers and its state."""

    deal: Deal
    judged_at: datetime
    keepa_updated_at: datetime | None
    look_due_since: datetime | None
    look_due_reason: str | None
    refusal: str | None
    """why its profit is unknown; None where it is known, or nobody kept the reason"""
    gone_evidence: Any
    explanation: Any
    """as the judgement wrote it: its steps, from which the profit can be recomputed"""
    offers: tuple[SeenOffer, ...]
    """the live used offers as the last full look saw them, cheapest first"""


@dataclass(frozen=True, slots=True)
class DealsPage:
    """Up to `limit` deals, and where the next page begins; None on the last one."""

    deals: tuple[Deal, ...]
    next_after: Cursor | None


@dataclass(frozen=True, slots=True)
class AllDeals:
    """How many deals there are, known before the first is read, and the deals in pages."""

    number: int
    pages: Iterator[tuple[Deal, ...]]


@dataclass(frozen=True, slots=True)
class Holdings:
    """How much there is, filters aside."""

    by_state: dict[DealState, int]
    candidates: int

    @property
    def deals(self) -> int:
        return sum(self.by_state.values())

    def count(self, states: Iterable[DealState]) -> int:
        return sum(self.by_state[state] for state in states)


@dataclass(frozen=True, slots=True)
class Count:
    """A number of deals, or that there are more than it."""

    number: int
    is_capped: bool


@dataclass(frozen=True, slots=True)
class Category:
    """A category some shown deal is in."""

    value: str
    """its name or, where that is unknown, its id"""
    count: int


_COLUMNS = [shown_triage if name == "triage" else deals.c[name] for name in Deal.__struct_fields__]
_ROW_NUMBER = literal_column("deals.rowid", Integer)
_THESE_ROWS = _ROW_NUMBER.in_(bindparam("rows", expanding=True))
_ROWS = select(_ROW_NUMBER, *_COLUMNS).where(_THESE_ROWS)
_KEYS = select(deals.c.asin, deals.c.domain_id).where(_THESE_ROWS)
_KNOWN_GRADES = {int(grade) for grade in Condition} - {int(Condition.UNKNOWN)}
_DETAILS = [deals.c[field.name] for field in fields(DealDetails) if field.name != "deal"]


def find_deals(connection: Connection, query: DealQuery, *, now: datetime) -> DealsPage:
    """The page of `query` after its cursor. Each deal is on one page, whatever ties and unknown values there are."""
    with columns_of(connection) as columns:
        mask = matching(columns, query, connection=connection, now=now)
        rows = first_rows(columns, mask, sort=query.sort, after=query.after, count=query.limit + 1)
    shown = _read(connection, rows[: query.limit].tolist(), now)
    is_more = len(rows) > query.limit and bool(shown)
    return DealsPage(shown, _cursor(shown[-1], query.sort) if is_more else None)


def find_all(connection: Connection, query: DealQuery, *, now: datetime) -> AllDeals:
    """Every deal of `query` in its order, its cursor and limit aside. `connection` stays open until all are read."""
    with columns_of(connection) as columns:
        mask = matching(columns, query, connection=connection, now=now)
        number = int(np.count_nonzero(mask))
        rows = first_rows(columns, mask, sort=query.sort, after=None, count=number).tolist()
    starts = range(0, number, DEALS_AT_ONCE)
    return AllDeals(number, (_read(connection, rows[start : start + DEALS_AT_ONCE], now) for start in starts))


@overload
def count_deals(connection: Connection, query: DealQuery, *, now: datetime) -> int: ...


@overload
def count_deals(connection: Connection, query: DealQuery, *, now: datetime, at_most: int) -> Count: ...


def count_deals(connection: Connection, query: DealQuery, *, now: datetime, at_most: int | None = None) -> int | Count:
    """How many deals `query` has on all of its pages together; with `at_most`, told as "more" beyond it."""
    with columns_of(connection) as columns:
        number = int(np.count_nonzero(matching(columns, query, connection=connection, now=now)))
    if at_most is None:
        return number
    return Count(min(number, at_most), is_capped=number > at_most)


def matching_keys(connection: Connection, query: DealQuery, *, now: datetime) -> list[tuple[str, int]]:
    """ASIN and marketplace of every deal of `query`, its cursor aside, in no order. Ask through the reading door."""
    with columns_of(connection) as columns:
        rows = np.flatnonzero(matching(columns, query, connection=connection, now=now)).tolist()
    found: list[tuple[str, int]] = []
    for start in range(0, len(rows), KEYS_AT_ONCE):
        keys = connection.execute(_KEYS, {"rows": rows[start : start + KEYS_AT_ONCE]})
        found += [(key.asin, key.domain_id) for key in keys]
    return found


def deal(connection: Connection, asin: str, domain_id: int, *, now: datetime) -> DealDetails | None:
    """One deal in whatever state, or None for a key that was never a deal."""
    statement = select(*_COLUMNS, *_DETAILS).where(deals.c.asin == asin, deals.c.domain_id == domain_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    grounds = {column.name: row._mapping[column.name] for column in _DETAILS}
    grounds["offers"] = msgspec.convert(grounds["offers"] or [], tuple[SeenOffer, ...])
    return DealDetails(deal=_deal(row[: len(_COLUMNS)], now), **grounds)


def holdings(connection: Connection, *, now: datetime) -> Holdings:
    """How many deals are in each state now, and how many candidates are known."""
    with columns_of(connection) as columns:
        by_state = {state: int(np.count_nonzero(columns.in_state(state, now))) for state in DealState}
    known = connection.execute(select(func.count()).select_from(candidates)).scalar_one()
    return Holdings(by_state, known)


def live_categories(connection: Connection, *, now: datetime) -> tuple[Category, ...]:
    """The categories of the deals live now, those with the most first."""
    with columns_of(connection) as columns:
        rows = np.flatnonzero(columns.in_state(DealState.LIVE, now))
        found = columns.coded["category"].counts(rows)
        unnamed = rows[columns.coded["category"].codes[rows] < 0]
        ids, counts = np.unique(columns.numbers["category_id"][unnamed], return_counts=True)
    found |= {str(int(number)): int(count) for number, count in zip(ids, counts, strict=True) if not np.isnan(number)}
    listed = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:MOST_CATEGORIES_LISTED]
    return tuple(Category(value, count) for value, count in listed)


def is_state(state: DealState, now: datetime) -> ColumnElement[bool]:
    """Whether a row is in `state` at `now`."""
    if state is DealState.LIVE:
        return and_(deals.c.state == state, deals.c.promised_until > now)
    if state is DealState.UNVERIFIED:
        overdue = and_(deals.c.state == DealState.LIVE, deals.c.promised_until <= now)
        return or_(deals.c.state == state, overdue)
    return deals.c.state == state


def _read(connection: Connection, numbers: list[int], now: datetime) -> tuple[Deal, ...]:
    """The deals of these row numbers, in their order."""
    if not numbers:
        return ()
    found = {row[0]: row for row in connection.execute(_ROWS, {"rows": numbers})}
    return tuple(_deal(found[number][1:], now) for number in numbers if number in found)


def _cursor(last: Deal, sort: Sort) -> Cursor:
    return Cursor(getattr(last, sort.field.column), last.asin, last.domain_id)


def _deal(row: Sequence[Any], now: datetime) -> Deal:
    """The values of `_COLUMNS` as a record."""
    values: dict[str, Any] = dict(zip(Deal.__struct_fields__, row, strict=True))
    values["state"] = DealState(values["state"])
    values["condition"] = _grade(values["condition"])
    if values["spark"] is not None:
        values["spark"] = msgspec.convert(values["spark"], Spark)
    if values["state"] is DealState.LIVE and values["promised_until"] <= now:
        values["state"] = DealState.UNVERIFIED
        values["unverified_since"] = values["promised_until"]
    return Deal(**values)


def _grade(number: int | None) -> Condition | None:
    if number is None or number not in _KNOWN_GRADES:
        return None
    return Condition(number)
