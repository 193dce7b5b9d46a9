"""What waits for a look: the best candidates and the deals on show."""

from __future__ import annotations

from sqlalchemy import Connection, select

from keepa_deals.planner import WaitingCandidate, WaitingDeal
from keepa_deals.records import DealState
from keepa_deals.store.tables import candidates, deals

CANDIDATES_CONSIDERED = 200
DEALS_CONSIDERED = 2_000


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
    """The deals on show that could be verified, the most profitable if there are very many."""
    set_aside = select(candidates.c.asin).where(candidates.c.domain_id == domain_id, candidates.c.stage == "set_aside")
    rows = connection.execute(
        select(
            deals.c.asin,
            deals.c.profit_cents,
            deals.c.verified_at,
            deals.c.promised_until,
            deals.c.looked_at,
            deals.c.look_due_since,
        )
        .where(
            deals.c.domain_id == domain_id,
            deals.c.state.in_((DealState.LIVE, DealState.UNVERIFIED)),
            deals.c.asin.not_in(set_aside),
        )
        .order_by(deals.c.profit_cents.desc().nulls_last())
        .limit(DEALS_CONSIDERED)
    )
    return [
        WaitingDeal(
            asin=row.asin,
            profit_cents=row.profit_cents,
            verified_at=row.verified_at,
            promised_until=row.promised_until,
            looked_at=row.looked_at,
            look_due=row.look_due_since is not None,
        )
        for row in rows
    ]
