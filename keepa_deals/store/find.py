"""Finding deals: the one place where a `DealQuery` becomes SQL and rows become records.

Live is what was verified within its promise *now*, whatever the stored state says: should the ageing of
rows ever stop, no surface shows an old deal as a live one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select, tuple_

from keepa_deals.deal_cursor import Cursor
from keepa_deals.deal_fields import Bound, Kind, Sort
from keepa_deals.deal_query import DealQuery, alternatives
from keepa_deals.price_history import Spark
from keepa_deals.records import Condition, DealState
from keepa_deals.store.tables import candidates, deals

SEARCHED = (deals.c.title, deals.c.author, deals.c.brand, deals.c.isbn13, deals.c.asin)
MOST_CATEGORIES_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """One deal as it stands now. Money in cents, shares in percent, `None` is unknown."""

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
class Category:
    """A category some shown deal is in."""

    value: str
    """its name or, where that is unknown, its id"""
    count: int


_COLUMNS = [deals.c[field.name] for field in fields(Deal)]
_KNOWN_GRADES = {int(grade) for grade in Condition} - {int(Condition.UNKNOWN)}
_DETAILS = [deals.c[field.name] for field in fields(DealDetails) if field.name != "deal"]


def find_deals(connection: Connection, query: DealQuery, *, now: datetime) -> DealsPage:
    """The page of `query` after its cursor. Each deal is on one page, whatever ties and unknown values there are."""
    rows = connection.execute(_page(query, now)).all()
    shown = tuple(_deal(row, now) for row in rows[: query.limit])
    return DealsPage(shown, _cursor(shown[-1], query.sort) if len(rows) > query.limit else None)


def count_deals(connection: Connection, query: DealQuery, *, now: datetime) -> int:
    """How many deals `query` has on all of its pages together."""
    statement = select(func.count()).select_from(deals).where(*matching(query, now))
    return connection.execute(statement).scalar_one()


def deal(connection: Connection, asin: str, domain_id: int, *, now: datetime) -> DealDetails | None:
    """One deal in whatever state, or None for a key that was never a deal."""
    statement = select(*_COLUMNS, *_DETAILS).where(deals.c.asin == asin, deals.c.domain_id == domain_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    grounds = {column.name: row._mapping[column.name] for column in _DETAILS}
    grounds["offers"] = msgspec.convert(grounds["offers"] or [], tuple[SeenOffer, ...])
    return DealDetails(deal=_deal(row, now), **grounds)


def holdings(connection: Connection, *, now: datetime) -> Holdings:
    """How many deals are in each state now, and how many candidates are known."""
    by_state = {
        state: connection.execute(select(func.count()).select_from(deals).where(is_state(state, now))).scalar_one()
        for state in DealState
    }
    known = connection.execute(select(func.count()).select_from(candidates)).scalar_one()
    return Holdings(by_state, known)


def live_categories(connection: Connection, *, now: datetime) -> tuple[Category, ...]:
    """The categories of the deals live now, those with the most first."""
    count = func.count().label("count")
    statement = (
        select(deals.c.category, deals.c.category_id, count)
        .where(is_state(DealState.LIVE, now))
        .group_by(deals.c.category, deals.c.category_id)
        .order_by(count.desc(), deals.c.category, deals.c.category_id)
        .limit(MOST_CATEGORIES_LISTED)
    )
    found: dict[str, int] = {}
    for name, number, rows in connection.execute(statement):
        value = name or (None if number is None else str(number))
        if value is not None:
            found[value] = found.get(value, 0) + rows
    return tuple(Category(value, rows) for value, rows in sorted(found.items(), key=lambda item: (-item[1], item[0])))


def matching(query: DealQuery, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions that a row of `query` meets, its cursor aside."""
    found = [or_(*(is_state(state, now) for state in query.states))]
    found += [_within(bound, now) for bound in query.bounds]
    if query.conditions:
        found.append(deals.c.condition.in_([int(grade) for grade in query.conditions]))
    if query.categories:
        found.append(or_(*(_in_category(category) for category in query.categories)))
    found += [_mentions(word) for word in query.words]
    return found


def is_state(state: DealState, now: datetime) -> ColumnElement[bool]:
    """Whether a row is in `state` at `now`."""
    if state is DealState.LIVE:
        return and_(deals.c.state == state, deals.c.promised_until > now)
    if state is DealState.UNVERIFIED:
        overdue = and_(deals.c.state == DealState.LIVE, deals.c.promised_until <= now)
        return or_(deals.c.state == state, overdue)
    return deals.c.state == state


def _within(bound: Bound, now: datetime) -> ColumnElement[bool]:
    column = deals.c[bound.field.column]
    if bound.field.kind is Kind.AGE:
        began = now - timedelta(hours=bound.value)
        return column <= began if bound.at_least else column >= began
    return column >= bound.value if bound.at_least else column <= bound.value


def _in_category(category: str) -> ColumnElement[bool]:
    named = or_(deals.c.category == category, func.lower(deals.c.category) == category.lower())
    return or_(named, deals.c.category_id == int(category)) if _is_id(category) else named


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18


def _mentions(word: str) -> ColumnElement[bool]:
    return or_(*(column.icontains(form, autoescape=True) for form in alternatives(word) for column in SEARCHED))


def _page(query: DealQuery, now: datetime) -> Select[Any]:
    column = deals.c[query.sort.field.column]
    towards = column.desc() if query.sort.column_descends else column.asc()
    statement = select(*_COLUMNS).where(*matching(query, now))
    if query.after is not None:
        statement = statement.where(_after(query.after, query.sort))
    return statement.order_by(towards.nulls_last(), deals.c.asin, deals.c.domain_id).limit(query.limit + 1)


def _after(cursor: Cursor, sort: Sort) -> ColumnElement[bool]:
    column = deals.c[sort.field.column]
    same_value_later_key = tuple_(deals.c.asin, deals.c.domain_id) > tuple_(cursor.asin, cursor.domain_id)
    if cursor.value is None:
        return and_(column.is_(None), same_value_later_key)
    beyond = column < cursor.value if sort.column_descends else column > cursor.value
    return or_(beyond, and_(column == cursor.value, same_value_later_key), column.is_(None))


def _cursor(last: Deal, sort: Sort) -> Cursor:
    return Cursor(getattr(last, sort.field.column), last.asin, last.domain_id)


def _deal(row: Row[Any], now: datetime) -> Deal:
    values = {column.name: row._mapping[column.name] for column in _COLUMNS}
    values["state"] = DealState(values["state"])
    values["condition"] = _grade(values["condition"])
    values["spark"] = None if values["spark"] is None else msgspec.convert(values["spark"], Spark)
    if values["state"] is DealState.LIVE and values["promised_until"] <= now:
        values["state"] = DealState.UNVERIFIED
        values["unverified_since"] = values["promised_until"]
    return Deal(**values)


def _grade(number: int | None) -> Condition | None:
    if number is None or number not in _KNOWN_GRADES:
        return None
    return Condition(number)
