"""What a whole sweep did not show. Absence retires nothing: it sends somebody to look."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from keepa_deals.freshness import FEED_WINDOW
from keepa_deals.records import DealState
from keepa_deals.store.tables import candidates, deals

LEFT_FEED = "no longer in the feed"


def note_absent(
    connection: Connection, *, domain_id: int, sweep: int, sweep_started_at: datetime, now: datetime
) -> int:
    """After sweep number `sweep`: deals it should have shown are due for a look, candidates it lacks are dropped.

    A deal that Keepa refreshed within the feed's window and before the sweep began must have been listed, had it
    still matched. One that Keepa has not refreshed for longer proves nothing by its absence. Returns the number
    of deals now due for a look.
    """
    missed = (
        (candidates.c.domain_id == domain_id)
        & (candidates.c.last_sweep.is_(None) | (candidates.c.last_sweep < sweep))
        & (candidates.c.last_seen_at < sweep_started_at)
    )
    should_have_shown = select(candidates.c.asin).where(
        missed, candidates.c.stage == "deal", candidates.c.keepa_updated_at > now - FEED_WINDOW
    )
    due = connection.execute(
        update(deals)
        .where(
            deals.c.domain_id == domain_id,
            deals.c.state != DealState.GONE,
            deals.c.look_due_since.is_(None),
            deals.c.asin.in_(should_have_shown),
        )
        .values(look_due_since=now, look_due_reason="a whole sweep of the feed did not show it")
    ).rowcount
    connection.execute(
        update(candidates)
        .where(missed, candidates.c.stage.in_(("feed", "light_look")))
        .values(stage="dropped", stage_at=now, worth_cents=None, reason=LEFT_FEED)
    )
    return due
