"""What diagnostics read of the past: who spent tokens on what, and what became of the deals day by day. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, case, func, select
from sqlalchemy.sql.elements import TextClause

from keepa_deals.records import DealState
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.tables import calls, candidates, changes, deals, verdicts


@dataclass(frozen=True, slots=True)
class Spending:
    """What one pass spent on one purpose."""

    which_pass: str
    purpose: str
    calls: int
    billed_tokens: int
    unknown_calls: int
    """calls whose bill never came"""
    unknown_at_most: int
    """tokens those may have cost"""
    gained: int
    confirmed: int
    retired: int


@dataclass(frozen=True, slots=True)
class Loss:
    """How many candidates or deals were lost on one day for one reason."""

    day: date
    what: str
    """candidate or deal"""
    reason: str
    count: int
    samples: tuple[str, ...]
    """a few of their ASINs"""


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """One verdict of the history; `leading` is what its first finding saw."""

    at: datetime
    verdict: str
    leading: str | None


def verdicts_since(connection: Connection, *, since: datetime) -> list[KeptVerdict]:
    """The verdicts kept since an instant, oldest first, beginning with the one that held then."""
    before = select(func.max(verdicts.c.at)).where(verdicts.c.at <= since).scalar_subquery()
    rows = connection.execute(
        select(verdicts).where((verdicts.c.at > since) | (verdicts.c.at == before)).order_by(verdicts.c.at)
    )
    return [KeptVerdict(row.at, row.verdict, row.findings[0]["seen"] if row.findings else None) for row in rows]


def spending(connection: Connection, *, since: datetime) -> list[Spending]:
    """Calls since an instant by pass and purpose, the dearest first."""
    unknown = calls.c.billed_tokens.is_(None) & calls.c.outcome.in_([CallOutcome.SENT, CallOutcome.LOST])
    billed = func.coalesce(func.sum(calls.c.billed_tokens), 0)
    rows = connection.execute(
        select(
            calls.c.which_pass,
            calls.c.purpose,
            func.count().label("calls"),
            billed.label("billed_tokens"),
            func.count(case((unknown, 1))).label("unknown_calls"),
            func.coalesce(func.sum(case((unknown, calls.c.reserved_tokens))), 0).label("unknown_at_most"),
            func.sum(calls.c.gained).label("gained"),
            func.sum(calls.c.confirmed).label("confirmed"),
            func.sum(calls.c.retired).label("retired"),
        )
        .where(calls.c.started_at > since)
        .group_by(calls.c.which_pass, calls.c.purpose)
        .order_by(billed.desc(), calls.c.which_pass, calls.c.purpose)
    )
    return [Spending(**row._mapping) for row in rows]


def call_totals(connection: Connection, *, since: datetime, until: datetime | None) -> Counter[tuple[str, str]]:
    """Tokens billed as ("billed", purpose) and calls as ("calls", outcome), started from `since` to before `until`."""
    when = calls.c.started_at >= since
    if until is not None:
        when &= calls.c.started_at < until
    rows = connection.execute(
        select(calls.c.purpose, calls.c.outcome, func.count(), func.coalesce(func.sum(calls.c.billed_tokens), 0))
        .where(when)
        .group_by(calls.c.purpose, calls.c.outcome)
    )
    totals: Counter[tuple[str, str]] = Counter()
    for purpose, outcome, count, billed in rows:
        totals["calls", str(outcome)] += count
        totals["billed", purpose] += billed
    return totals


def candidates_by_stage(connection: Connection) -> dict[str, int]:
    """How many candidates stand at each stage."""
    rows = connection.execute(
        select(candidates.c.stage, func.count().label("count"))
        .group_by(candidates.c.stage)
        .order_by(candidates.c.stage)
    )
    return {stage: int(held) for stage, held in rows}


def seen_by_day(connection: Connection, *, since: datetime) -> dict[date, int]:
    """Products first seen in the feed, by day (UTC)."""
    return _by_day(connection, candidates.c.first_seen_at, since=since)


def looked_by_day(connection: Connection, *, since: datetime) -> dict[date, int]:
    """Products whose last step was a look or its outcome, by the day of that step (UTC)."""
    after_look = candidates.c.stage.in_(["light_look", "deal", "set_aside"]) | (
        (candidates.c.stage == "dropped") & (candidates.c.stage_at > candidates.c.first_seen_at)
    )
    return _by_day(connection, candidates.c.stage_at, since=since, where=after_look)


def changes_by_day(connection: Connection, *, since: datetime) -> dict[date, dict[str, int]]:
    """What happened to deals, by day (UTC) and kind of change."""
    day = _day(changes.c.at)
    rows = connection.execute(
        select(day, changes.c.kind, func.count()).where(changes.c.at > since).group_by(day, changes.c.kind)
    )
    found: dict[date, dict[str, int]] = {}
    for text, kind, count in rows:
        found.setdefault(date.fromisoformat(text), {})[kind] = count
    return found


def losses(connection: Connection, *, since: datetime) -> list[Loss]:
    """Candidates dropped or set aside and deals gone, by day and reason, the most first."""
    dropped = candidates.c.stage.in_(["dropped", "set_aside"])
    found = _losses(
        connection, "candidate", at=candidates.c.stage_at, reason=candidates.c.reason, where=dropped, since=since
    )
    gone = deals.c.state == DealState.GONE
    found += _losses(connection, "deal", at=deals.c.gone_at, reason=deals.c.gone_reason, where=gone, since=since)
    return sorted(found, key=lambda loss: (loss.day, loss.count), reverse=True)


def count_with(connection: Connection, where: TextClause, values: Mapping[str, Any]) -> int:
    """How many rows of `deals` a hand-written condition meets."""
    return connection.execute(select(func.count()).select_from(deals).where(where), dict(values)).scalar_one()


def _losses(
    connection: Connection,
    what: str,
    *,
    at: Column[Any],
    reason: Column[Any],
    where: ColumnElement[bool],
    since: datetime,
) -> list[Loss]:
    asin = at.table.c.asin
    day, because = _day(at), func.coalesce(reason, "no reason recorded")
    rows = connection.execute(
        select(day, because, func.count(), func.min(asin), func.max(asin))
        .where(where, at > since)
        .group_by(day, because)
    )
    return [
        Loss(date.fromisoformat(text), what, why, count, tuple(dict.fromkeys(samples)))
        for text, why, count, *samples in rows
    ]


def _by_day(
    connection: Connection, at: ColumnElement[Any], *, since: datetime, where: ColumnElement[bool] | None = None
) -> dict[date, int]:
    day = _day(at)
    statement = select(day, func.count()).where(at > since).group_by(day)
    rows = connection.execute(statement if where is None else statement.where(where))
    return {date.fromisoformat(text): count for text, count in rows}


def _day(at: ColumnElement[Any]) -> ColumnElement[str]:
    """The day of an instant: the first ten letters of its text."""
    return func.substr(at, 1, 10)
