"""Looks that a person asked for: the deal goes first in the line, under the same budget as every other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select, update

from keepa_deals.planner import ASKED_FOR, LOOK_AGAIN_AFTER, LookKind, asked_look
from keepa_deals.records import DealState, Pass
from keepa_deals.store.pass_records import pass_state
from keepa_deals.store.tables import candidates, deals
from keepa_deals.store.work_queue import last_look

MOST_ASKED = 20
"""wishes that may wait at once: more would be a second way to order the work"""


class Answer(StrEnum):
    """What became of a wish."""

    TAKEN = "taken"
    WAITS_ALREADY = "waits_already"
    NOT_SHOWN = "not_shown"
    SET_ASIDE = "set_aside"
    TOO_MANY = "too_many"


@dataclass(frozen=True, slots=True)
class Turn:
    """When a look that was asked for will be bought, and how many such wishes are waiting in all."""

    kind: LookKind
    since: datetime
    not_before: datetime
    waiting: int


def ask_for_look(connection: Connection, asin: str, domain_id: int, *, kind: LookKind, now: datetime) -> Answer:
    """Put a deal first in the line for a look of `kind`. A full look replaces a light one, never the reverse."""
    this_deal = (deals.c.asin == asin) & (deals.c.domain_id == domain_id)
    row = connection.execute(select(deals.c.state, deals.c.look_due_reason).where(this_deal)).first()
    if row is None or row.state == DealState.GONE:
        return Answer.NOT_SHOWN
    if _is_set_aside(connection, asin, domain_id):
        return Answer.SET_ASIDE
    asked = asked_look(row.look_due_reason)
    if asked is kind or (not kind.is_full and row.look_due_reason is not None):
        return Answer.WAITS_ALREADY
    if asked is None and waiting_wishes(connection, domain_id) >= MOST_ASKED:
        return Answer.TOO_MANY
    connection.execute(update(deals).where(this_deal).values(look_due_since=now, look_due_reason=ASKED_FOR[kind]))
    return Answer.TAKEN


def waiting_wishes(connection: Connection, domain_id: int) -> int:
    """How many looks are asked for and not bought yet."""
    shown = (deals.c.domain_id == domain_id) & (deals.c.state != DealState.GONE)
    wished = deals.c.look_due_reason.in_(ASKED_FOR.values())
    return connection.execute(select(func.count()).select_from(deals).where(shown, wished)).scalar_one()


def turn_of(connection: Connection, asin: str, domain_id: int, *, now: datetime) -> Turn | None:
    """When the look that was asked for may come at the earliest; None if none was.

    Not before the looks are due, have tokens again, and an hour after the last look: Keepa has nothing newer until
    then.
    """
    this_deal = (deals.c.asin == asin) & (deals.c.domain_id == domain_id)
    row = connection.execute(
        select(deals.c.look_due_reason, deals.c.look_due_since, deals.c.looked_at, deals.c.judged_at).where(this_deal)
    ).first()
    kind = None if row is None else asked_look(row.look_due_reason)
    if row is None or kind is None:
        return None
    looks = pass_state(connection, Pass.LOOKS)
    bounds = [now, last_look(row.looked_at, row.judged_at) + LOOK_AGAIN_AFTER]
    bounds += (
        [] if looks is None else [instant for instant in (looks.due_at, looks.waiting_until) if instant is not None]
    )
    return Turn(kind, row.look_due_since or now, max(bounds), waiting_wishes(connection, domain_id))


def _is_set_aside(connection: Connection, asin: str, domain_id: int) -> bool:
    where = (candidates.c.asin == asin) & (candidates.c.domain_id == domain_id) & (candidates.c.stage == "set_aside")
    return connection.execute(select(candidates.c.asin).where(where)).first() is not None
