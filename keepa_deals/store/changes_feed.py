"""Reading the change feed: what happened after a cursor, for the deals of a question, and since one's last visit.

A cursor is the number of a change. Changes are numbered as they are committed, because SQLite has one writer at a
time; so nothing ever appears behind a cursor.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, and_, func, insert, literal_column, select, update

from keepa_deals.deal_query import DealQuery
from keepa_deals.records import DealState
from keepa_deals.store.matching import matching
from keepa_deals.store.mirror import Mask, columns_of
from keepa_deals.store.tables import changes, deals, visits

KINDS = ("new", "back", "cheaper", "dearer", "gone", "unverified", "verified_again", "judged")
TOLD = ("new", "back", "cheaper", "dearer", "gone", "unverified")
"""What is told where no kinds are asked for: not that a price was seen again or a judgement made anew."""
MOST_READ = 20_000
"""changes looked through for one page"""
READ_AT_ONCE = 1_000
VISIT_GAP = timedelta(minutes=30)
"""Whoever comes again after so long begins a new visit."""


@dataclass(frozen=True, slots=True)
class SeenChange:
    """One event of one deal. `detail` as it was written: money in cents."""

    seq: int
    at: datetime
    kind: str
    asin: str
    domain_id: int
    title: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Changes in the order they happened, where the next page begins, and whether it has anything yet."""

    changes: tuple[SeenChange, ...]
    next_seq: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """Since when, and since which change, everything is new to the user."""

    since_seq: int
    since_at: datetime


_ROW = literal_column("deals.rowid", Integer).label("row")
_JOINED = and_(deals.c.asin == changes.c.asin, deals.c.domain_id == changes.c.domain_id)
_READ = select(changes, deals.c.title, _ROW).join_from(changes, deals, _JOINED)


def newest(connection: Connection) -> int:
    """The number of the newest change; 0 before the first."""
    number: int = connection.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one()
    return number


def since(
    connection: Connection,
    seq: int,
    limit: int,
    query: DealQuery | None = None,
    *,
    now: datetime,
    kinds: Collection[str] = TOLD,
) -> ChangesPage:
    """Up to `limit` changes after `seq` of the deals of `query`, in whatever state they are by now.

    A page may hold fewer, even none, and say that there are more: each looks through a bounded number of changes.
    """
    mask, last = _mask(connection, query, now=now), newest(connection)
    found: list[SeenChange] = []
    at, read = seq, 0
    while at < last and read < MOST_READ:
        rows = connection.execute(_READ.where(changes.c.seq > at).order_by(changes.c.seq).limit(READ_AT_ONCE)).all()
        read += READ_AT_ONCE
        for row in rows:
            at = row.seq
            if row.kind in kinds and _is_in(mask, row.row):
                found.append(_change(row))
                if len(found) == limit:
                    return ChangesPage(tuple(found), at, at < last)
        if len(rows) < READ_AT_ONCE:
            at = last
    return ChangesPage(tuple(found), max(at, seq), at < last)


def latest(
    connection: Connection, limit: int, query: DealQuery | None = None, *, now: datetime, kinds: Collection[str] = TOLD
) -> ChangesPage:
    """The newest `limit` changes of the deals of `query`, in the order they happened."""
    mask, last = _mask(connection, query, now=now), newest(connection)
    found: list[SeenChange] = []
    at, read = last + 1, 0
    while len(found) < limit and read < MOST_READ:
        newest_first = _READ.where(changes.c.seq < at).order_by(changes.c.seq.desc()).limit(READ_AT_ONCE)
        rows = connection.execute(newest_first).all()
        found += [_change(row) for row in rows if row.kind in kinds and _is_in(mask, row.row)]
        if len(rows) < READ_AT_ONCE:
            break
        at, read = rows[-1].seq, read + READ_AT_ONCE
    return ChangesPage(tuple(reversed(found[:limit])), last, is_more=False)


def visit(connection: Connection, user: str) -> Visit | None:
    """From where on things are new to `user`; None for somebody who never came."""
    row = connection.execute(select(visits).where(visits.c.user == user)).one_or_none()
    return None if row is None else Visit(row.since_seq, row.since_at)


def note_visit(connection: Connection, user: str, *, now: datetime) -> Visit:
    """`user` is here: the same visit as before, or after a while away a new one. Writes."""
    row = connection.execute(select(visits).where(visits.c.user == user)).one_or_none()
    here = newest(connection)
    if row is None:
        connection.execute(insert(visits).values(user=user, last_at=now, seen_seq=here, since_seq=here, since_at=now))
        return Visit(here, now)
    values: dict[str, Any] = {"last_at": now, "seen_seq": here}
    if now - row.last_at >= VISIT_GAP:
        values |= {"since_seq": row.seen_seq, "since_at": row.last_at}
    connection.execute(update(visits).where(visits.c.user == user).values(values))
    return Visit(values.get("since_seq", row.since_seq), values.get("since_at", row.since_at))


def _mask(connection: Connection, query: DealQuery | None, *, now: datetime) -> Mask | None:
    """Which deals are meant; None for all. A deal that is gone by now is still the one that was asked about."""
    if query is None:
        return None
    states = tuple(DealState) if query.states == (DealState.LIVE,) else query.states
    with columns_of(connection) as columns:
        return matching(columns, replace(query, states=states), connection=connection, now=now).copy()


def _is_in(mask: Mask | None, row: int) -> bool:
    return mask is None or (row < len(mask) and bool(mask[row]))


def _change(row: Any) -> SeenChange:
    return SeenChange(row.seq, row.at, row.kind, row.asin, row.domain_id, row.title, row.detail)
