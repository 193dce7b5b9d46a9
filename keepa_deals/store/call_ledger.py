"""Every call to Keepa, what it was for, what it cost and what it brought."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from keepa_deals.records import Pass
from keepa_deals.store.tables import about, calls

LONGEST_COUNTED_GAP = timedelta(hours=1)
"""Of a silence between two answers, no more than this is counted as working."""


class CallOutcome(StrEnum):
    """How a call ended; `sent` means that nobody knows yet."""

    SENT = "sent"
    ANSWERED = "answered"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAULT = "fault"
    MALFORMED = "malformed"
    LOST = "lost"


def open_call(
    connection: Connection, call_id: str, *, which: Pass, purpose: str, what: str, reserved: int, now: datetime
) -> None:
    """Write the row of a call before it is sent, so that a kill leaves "unknown" and not nothing."""
    connection.execute(
        insert(calls).values(
            id=call_id,
            started_at=now,
            which_pass=which,
            purpose=purpose,
            what=what,
            reserved_tokens=reserved,
            outcome=CallOutcome.SENT,
        )
    )


def settle_call(
    connection: Connection,
    call_id: str,
    *,
    outcome: CallOutcome,
    billed: int | None,
    balance_after: int | None,
    error: str | None,
    now: datetime,
) -> None:
    """Write what came of a call. `billed` None: Keepa never said."""
    connection.execute(
        update(calls)
        .where(calls.c.id == call_id)
        .values(settled_at=now, outcome=outcome, billed_tokens=billed, balance_after=balance_after, error=error)
    )
    if outcome is CallOutcome.ANSWERED:
        _count_working_time(connection, now)


def note_effect(connection: Connection, call_id: str, *, gained: int, confirmed: int, retired: int) -> None:
    """Write what a call brought; belongs in the transaction that saves it."""
    connection.execute(
        update(calls).where(calls.c.id == call_id).values(gained=gained, confirmed=confirmed, retired=retired)
    )


def working_seconds(connection: Connection) -> int:
    """For how long, over this database's whole life, Keepa has been answering us."""
    return _working_ms(connection) // 1000


def _working_ms(connection: Connection) -> int:
    value = connection.execute(select(about.c.value).where(about.c.name == "working_ms")).scalar()
    return 0 if value is None else int(value)


def _count_working_time(connection: Connection, now: datetime) -> None:
    last = connection.execute(select(about.c.value).where(about.c.name == "answered_at")).scalar()
    if last is None:
        rows = [{"name": "answered_at", "value": now.isoformat()}, {"name": "working_ms", "value": "0"}]
        connection.execute(insert(about), rows)
        return
    gap = min(max(now - datetime.fromisoformat(last), timedelta(0)), LONGEST_COUNTED_GAP)
    total = _working_ms(connection) + gap // timedelta(milliseconds=1)
    connection.execute(update(about).where(about.c.name == "answered_at").values(value=now.isoformat()))
    connection.execute(update(about).where(about.c.name == "working_ms").values(value=str(total)))
