"""What waits for a look: the best candidates and the deals on show."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from keepa_deals.planner import (
    ASKED_FOR,
    SELLER_KNOWN_FOR,
    WaitingCandidate,
    WaitingDeal,
    WaitingSellers,
    asked_look,
)
from keepa_deals.records import DealState
from keepa_deals.store.tables import candidates, deals, sellers

CANDIDATES_CONSIDERED = 200
DEALS_CONSIDERED = 2_000
SELLERS_CONSIDERED = 200


def waiting_candidates(connection: Connection, *, domain_id: int) -> list[WaitingCandidate]:
    """The most promising candidates of each stage that leads to a look."""
    found = []
    for stage in ("feed", "light_look"):
        rows = connection.execute(
            select(
                candidates.c.asin,
                candidates.c.stage,
                candidates.c.worth_cents,
                candidates.c.keepa_updated_at,
                candidates.c.looked_at,
            )
            .where(candidates.c.domain_id == domain_id, candidates.c.stage == stage)
            .order_by(candidates.c.worth_cents.desc())
            .limit(CANDIDATES_CONSIDERED)
        )
        found += [
            WaitingCandidate(
                asin=row.asin,
                stage=row.stage,
                worth_cents=row.worth_cents or 0,
                updated_at=row.keepa_updated_at,
                looked_at=row.looked_at,
            )
            for row in rows
        ]
    return found


def waiting_deals(connection: Connection, *, domain_id: int) -> list[WaitingDeal]:
    """The deals on show that could be verified: those that somebody asked to, then the most profitable."""
    set_aside = select(candidates.c.asin).where(candidates.c.domain_id == domain_id, candidates.c.stage == "set_aside")
    rows = connection.execute(
        select(
            deals.c.asin,
            deals.c.profit_cents,
            deals.c.verified_at,
            deals.c.promised_until,
            deals.c.looked_at,
            deals.c.judged_at,
            deals.c.look_due_since,
            deals.c.look_due_reason,
        )
        .where(
            deals.c.domain_id == domain_id,
            deals.c.state.in_((DealState.LIVE, DealState.UNVERIFIED)),
            deals.c.asin.not_in(set_aside),
        )
        .order_by(
            func.coalesce(deals.c.look_due_reason, "").in_(ASKED_FOR.values()).desc(),
            deals.c.profit_cents.desc().nulls_last(),
        )
        .limit(DEALS_CONSIDERED)
    )
    return [
        WaitingDeal(
            asin=row.asin,
            profit_cents=row.profit_cents,
            verified_at=row.verified_at,
            promised_until=row.promised_until,
            looked_at=row.looked_at
            if asked_look(row.look_due_reason) is None
            else last_look(row.looked_at, row.judged_at),
            look_due=row.look_due_since is not None,
            asked=asked_look(row.look_due_reason),
        )
        for row in rows
    ]


def last_look(looked_at: datetime | None, judged_at: datetime) -> datetime:
    """When a deal was last looked at: the look that made it one is told by its judgement alone."""
    return judged_at if looked_at is None else max(looked_at, judged_at)


def waiting_sellers(connection: Connection, *, domain_id: int, now: datetime) -> WaitingSellers:
    """The sellers of deals on show whose rating nobody asked for in 30 days; the most profitable deals' first."""
    known = and_(sellers.c.seller_id == deals.c.seller_id, sellers.c.domain_id == deals.c.domain_id)
    rows = connection.execute(
        select(
            deals.c.seller_id,
            func.max(sellers.c.seen_at).label("asked_at"),
            func.min(deals.c.first_seen_at).label("shown_since"),
        )
        .select_from(deals.outerjoin(sellers, known))
        .where(
            deals.c.domain_id == domain_id,
            deals.c.state.in_((DealState.LIVE, DealState.UNVERIFIED)),
            deals.c.seller_id.is_not(None),
            sellers.c.seen_at.is_(None) | (sellers.c.seen_at < now - SELLER_KNOWN_FOR),
        )
        .group_by(deals.c.seller_id)
        .order_by(func.max(deals.c.profit_cents).desc().nulls_last(), deals.c.seller_id)
        .limit(SELLERS_CONSIDERED)
    ).all()
    last = connection.execute(select(func.max(sellers.c.seen_at)).where(sellers.c.domain_id == domain_id)).scalar()
    unknown = [row for row in rows if row.asked_at is None]
    return WaitingSellers(
        unknown=tuple(row.seller_id for row in unknown),
        unknown_since=min((row.shown_since for row in unknown), default=None),
        stale=tuple(row.seller_id for row in rows if row.asked_at is not None),
        last_asked_at=last,
    )
