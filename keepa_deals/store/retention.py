"""How long the records of past work are kept. Deals and tombstones are never forgotten here."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, update

from keepa_deals.store.tables import calls, candidates, changes, observations, pass_reports
from keepa_deals.store.triage import forget_old_acts

CALLS_KEPT_FOR = timedelta(days=90)
REPORTS_KEPT_FOR = timedelta(days=90)
CHANGES_KEPT_FOR = timedelta(days=180)
REFUSALS_KEPT_FOR = timedelta(days=90)
"""The steps of a refusal are some kilobytes; its reason stays."""
OBSERVATIONS_KEPT_FOR = timedelta(days=730)
"""Two years of prices: what a chart shows and a season needs."""


def forget_old_records(connection: Connection, *, now: datetime) -> int:
    """Delete what is past its time, and return how many rows that was."""
    past = (
        delete(calls).where(calls.c.started_at < now - CALLS_KEPT_FOR),
        delete(pass_reports).where(pass_reports.c.started_at < now - REPORTS_KEPT_FOR),
        delete(changes).where(changes.c.at < now - CHANGES_KEPT_FOR),
        delete(observations).where(observations.c.at < now - OBSERVATIONS_KEPT_FOR),
    )
    connection.execute(
        update(candidates)
        .where(candidates.c.explanation.is_not(None), candidates.c.stage_at < now - REFUSALS_KEPT_FOR)
        .values(explanation=None)
    )
    return sum(connection.execute(statement).rowcount for statement in past) + forget_old_acts(connection, now=now)
