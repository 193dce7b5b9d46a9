"""What the service remembers of one ASIN: how far it got, what happened to it, and which calls named it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from keepa_deals.deal_query import DealQuery
from keepa_deals.planner import LookKind
from keepa_deals.records import DealState
from keepa_deals.store.matching import matching
from keepa_deals.store.mirror import columns_of, encoded_keys
from keepa_deals.store.tables import calls, candidates, changes, poison

MOST_EVENTS = 200
MOST_CALLS = 100
UNNAMED = "…"
"""ends the text of a call that does not name everything it asked for"""
NOT_FILTERS = ("sort", "limit", "cursor", "state")


@dataclass(frozen=True, slots=True)
class CandidateTrace:
    """A product as the feed made it known, and how far it got."""

    title: str
    first_seen_at: datetime
    last_seen_at: datetime
    stage: str
    stage_at: datetime
    worth_cents: int | None
    reason: str | None
    before_it: int
    """candidates of its stage that are worth more"""
    explanation: Any
    """the steps of the judgement that refused it after a full look; None if none did"""


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the change feed."""

    at: datetime
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LookCall:
    """A call that asked about this ASIN, alone or with others."""

    at: datetime
    purpose: str
    outcome: str
    billed_tokens: int | None
    asked: int | None
    """how many ASINs it asked about; None where its text does not say"""


@dataclass(frozen=True, slots=True)
class Traces:
    """Everything of one ASIN but the deal itself."""

    candidate: CandidateTrace | None
    error: str | None
    """why it was set aside"""
    events: tuple[Event, ...]
    """the oldest first, of the last 180 days"""
    calls: tuple[LookCall, ...]
    """the oldest first, of the last 90 days"""


def traces_of(connection: Connection, asin: str, domain_id: int) -> Traces:
    """What is remembered of `asin` in the marketplace `domain_id`."""
    candidate = _candidate(connection, asin, domain_id)
    error = connection.execute(
        select(poison.c.error).where(
            poison.c.kind == "product", poison.c.key == asin, poison.c.set_aside_at.is_not(None)
        )
    ).scalar()
    since = None if candidate is None else candidate.first_seen_at
    return Traces(
        candidate=candidate,
        error=error,
        events=_events(connection, asin, domain_id),
        calls=() if since is None else _calls(connection, asin, since),
    )


def _candidate(connection: Connection, asin: str, domain_id: int) -> CandidateTrace | None:
    row = connection.execute(
        select(candidates).where(candidates.c.asin == asin, candidates.c.domain_id == domain_id)
    ).first()
    if row is None:
        return None
    better = (
        (candidates.c.domain_id == domain_id)
        & (candidates.c.stage == row.stage)
        & (candidates.c.worth_cents > (row.worth_cents or 0))
    )
    is_waiting = row.stage in ("feed", "light_look")
    before = connection.execute(select(func.count()).select_from(candidates).where(better)).scalar_one()
    return CandidateTrace(
        title=row.title,
        first_seen_at=row.first_seen_at,
        last_seen_at=row.last_seen_at,
        stage=row.stage,
        stage_at=row.stage_at,
        worth_cents=row.worth_cents,
        reason=row.reason,
        before_it=before if is_waiting else 0,
        explanation=row.explanation,
    )


def _events(connection: Connection, asin: str, domain_id: int) -> tuple[Event, ...]:
    rows = connection.execute(
        select(changes.c.at, changes.c.kind, changes.c.detail)
        .where(changes.c.asin == asin, changes.c.domain_id == domain_id)
        .order_by(changes.c.seq.desc())
        .limit(MOST_EVENTS)
    )
    return tuple(Event(row.at, row.kind, row.detail) for row in rows)[::-1]


def _calls(connection: Connection, asin: str, since: datetime) -> tuple[LookCall, ...]:
    rows = connection.execute(
        select(calls.c.started_at, calls.c.purpose, calls.c.outcome, calls.c.billed_tokens, calls.c.what)
        .where(
            calls.c.started_at >= since,
            calls.c.purpose.in_([kind.value for kind in LookKind]),
            calls.c.what.contains(asin, autoescape=True),
        )
        .order_by(calls.c.started_at.desc())
        .limit(MOST_CALLS)
    )
    return tuple(
        LookCall(row.started_at, row.purpose, row.outcome, row.billed_tokens, _asked(row.what)) for row in rows
    )[::-1]


def _asked(what: str) -> int | None:
    return None if what.endswith(UNNAMED) else what.count(",") + 1


def hidden_by(connection: Connection, query: DealQuery, asin: str, domain_id: int, *, now: datetime) -> tuple[str, ...]:
    """Which filters of `query`, by their parameters, leave this deal out; its states aside.

    `triage` stands among them also where the query says nothing of it: by itself it leaves out what was hidden. Ask
    through the reading door.
    """
    everything = query.unfiltered().in_states(tuple(DealState))
    names = dict.fromkeys(name for name, _ in query.parameters() if name not in NOT_FILTERS)
    alone = {name: _only(query, name, tuple(names)).in_states(tuple(DealState)) for name in names if name != "triage"}
    alone["triage"] = (
        everything if query.triage is None else _only(query, "triage", tuple(names)).in_states(tuple(DealState))
    )
    with columns_of(connection) as columns:
        place = np.flatnonzero(columns.keys == encoded_keys([asin], [domain_id])[0])
        if len(place) == 0:
            return ()
        return tuple(
            name for name, one in alone.items() if not matching(columns, one, connection=connection, now=now)[place[0]]
        )


def _only(query: DealQuery, kept: str, names: tuple[str, ...]) -> DealQuery:
    """The query with no other filter than `kept`."""
    for name in names:
        query = query if name == kept else query.without(name)
    return query
