"""What time alone does to a deal: past its promise it is unverified; long unverified, it is archived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from keepa_deals.freshness import ARCHIVED_AFTER_WORKING
from keepa_deals.records import DealState
from keepa_deals.store.call_ledger import working_seconds
from keepa_deals.store.change_rows import Change, insert_changes
from keepa_deals.store.tables import deals


@dataclass(frozen=True, slots=True)
class Aged:
    """How many deals passed their promise, and how many were archived."""

    unverified: int
    archived: int


def age_deals(connection: Connection, *, domain_id: int, now: datetime) -> Aged:
    """Mark what passed its promise, and archive what could not be verified during 14 days of working.

    The promise always runs; the archive's clock counts only time in which Keepa answered, so that a blind
    collector never empties the table.
    """
    worked = working_seconds(connection)
    unverified = connection.execute(
        update(deals)
        .where(deals.c.domain_id == domain_id, deals.c.state == DealState.LIVE, deals.c.promised_until <= now)
        .values(
            state=DealState.UNVERIFIED,
            unverified_since=deals.c.promised_until,
            unverified_at_working_seconds=worked,
        )
        .returning(deals.c.asin)
    ).scalars()
    late = [Change(asin, "unverified", {}) for asin in unverified]
    _start_archive_clock(connection, domain_id=domain_id, worked_seconds=worked)
    archived = archive_unverified(connection, domain_id=domain_id, worked_seconds=worked, now=now)
    insert_changes(connection, late + archived, domain_id=domain_id, now=now)
    return Aged(unverified=len(late), archived=len(archived))


def _start_archive_clock(connection: Connection, *, domain_id: int, worked_seconds: int) -> None:
    """A look may be past its promise when it is saved: Keepa's data were older than that."""
    connection.execute(
        update(deals)
        .where(
            deals.c.domain_id == domain_id,
            deals.c.state == DealState.UNVERIFIED,
            deals.c.unverified_at_working_seconds.is_(None),
        )
        .values(unverified_at_working_seconds=worked_seconds)
    )


def archive_unverified(connection: Connection, *, domain_id: int, worked_seconds: int, now: datetime) -> list[Change]:
    limit = worked_seconds - round(ARCHIVED_AFTER_WORKING / timedelta(seconds=1))
    reason = f"could not be verified during {ARCHIVED_AFTER_WORKING.days} days of working"
    where = (
        (deals.c.domain_id == domain_id)
        & (deals.c.state == DealState.UNVERIFIED)
        & (deals.c.unverified_at_working_seconds <= limit)
    )
    asins = connection.execute(select(deals.c.asin).where(where)).scalars().all()
    if asins:
        connection.execute(
            update(deals)
            .where(where)
            .values(
                state=DealState.GONE, gone_at=now, gone_reason=reason, gone_evidence={"worked_seconds": worked_seconds}
            )
        )
    return [Change(asin, "gone", {"reason": reason}) for asin in asins]
