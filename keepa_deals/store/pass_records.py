"""When each pass is due, how far it got and what its runs did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from keepa_deals.records import Pass, PassReport, StopReason
from keepa_deals.store.tables import pass_reports, pass_states

UNDONE_STOPS = (StopReason.WAITING_FOR_TOKENS, StopReason.KEEPA_AWAY, StopReason.FAILED)
"""Ends of a run that leave its work to the next one."""


@dataclass(frozen=True, slots=True)
class PassState:
    """One pass as the database knows it. `page_cursor` is the next page to read, None outside a sweep."""

    which: Pass
    due_at: datetime
    last_started_at: datetime | None
    last_finished_at: datetime | None
    last_worked_at: datetime | None
    last_done_at: datetime | None
    """when a run last came to its own end, rather than to a wait or a failure"""
    stop: str | None
    waiting_until: datetime | None
    watermark: datetime | None
    page_cursor: int | None
    sweep: int
    sweep_started_at: datetime | None
    sweep_finished_at: datetime | None
    consecutive_failures: int
    last_error: str | None


def _as_state(row: Row[Any]) -> PassState:
    return PassState(
        which=Pass(row.which_pass),
        due_at=row.due_at,
        last_started_at=row.last_started_at,
        last_finished_at=row.last_finished_at,
        last_worked_at=row.last_worked_at,
        last_done_at=row.last_done_at,
        stop=row.stop,
        waiting_until=row.waiting_until,
        watermark=row.watermark,
        page_cursor=row.page_cursor,
        sweep=row.sweep,
        sweep_started_at=row.sweep_started_at,
        sweep_finished_at=row.sweep_finished_at,
        consecutive_failures=row.consecutive_failures,
        last_error=row.last_error,
    )


def pass_state(connection: Connection, which: Pass) -> PassState | None:
    """What is known of a pass; None before its first run."""
    row = connection.execute(select(pass_states).where(pass_states.c.which_pass == which)).first()
    return None if row is None else _as_state(row)


def begin_pass(connection: Connection, which: Pass, *, now: datetime) -> PassState:
    """Note that a run started, and return where the last one left off."""
    known = pass_state(connection, which)
    if known is None:
        connection.execute(
            insert(pass_states).values(
                which_pass=which, due_at=now, interval_seconds=0, sweep=0, consecutive_failures=0, last_started_at=now
            )
        )
    else:
        _set(connection, which, last_started_at=now)
    state = pass_state(connection, which)
    assert state is not None
    return state


def move_cursor(connection: Connection, which: Pass, *, page: int | None, now: datetime) -> None:
    """The page before `page` is saved. Belongs in the transaction that saves it."""
    _set(connection, which, page_cursor=page, last_worked_at=now)


def note_work(connection: Connection, which: Pass, *, now: datetime) -> None:
    """Something was saved for this pass, in this transaction."""
    _set(connection, which, last_worked_at=now)


def raise_watermark(connection: Connection, which: Pass, *, watermark: datetime) -> None:
    """Every change up to `watermark` is processed. It never goes back."""
    connection.execute(
        update(pass_states)
        .where(pass_states.c.which_pass == which)
        .where(pass_states.c.watermark.is_(None) | (pass_states.c.watermark < watermark))
        .values(watermark=watermark)
    )


def begin_sweep(connection: Connection, which: Pass, *, now: datetime) -> int:
    """Start the next sweep at page 0, and return its number."""
    number = connection.execute(
        update(pass_states)
        .where(pass_states.c.which_pass == which)
        .values(sweep=pass_states.c.sweep + 1, sweep_started_at=now, sweep_finished_at=None, page_cursor=0)
        .returning(pass_states.c.sweep)
    ).scalar_one()
    return int(number)


def finish_sweep(connection: Connection, which: Pass, *, now: datetime) -> None:
    """The last page is saved. Belongs in the transaction that saves it."""
    _set(connection, which, sweep_finished_at=now, page_cursor=None, last_worked_at=now)


def finish_pass(connection: Connection, report: PassReport, *, due_at: datetime, now: datetime) -> None:
    """Keep the report, and when the pass is due again. A wait or an idle run that repeats adds no row."""
    state = pass_state(connection, report.which)
    is_idle = report.stop in (StopReason.WAITING_FOR_TOKENS, StopReason.NOTHING_TO_DO) and report.tokens_spent == 0
    is_repeated = is_idle and state is not None and state.stop == report.stop
    failed = report.stop in (StopReason.FAILED, StopReason.KEEPA_AWAY)
    _set(
        connection,
        report.which,
        due_at=due_at,
        interval_seconds=max(0, int((due_at - now) / timedelta(seconds=1))),
        last_finished_at=now,
        last_done_at=(state.last_done_at if state else None) if report.stop in UNDONE_STOPS else now,
        stop=report.stop,
        waiting_until=report.waiting_until,
        consecutive_failures=(state.consecutive_failures + 1 if state else 1) if failed else 0,
        last_error=report.error if failed else None,
    )
    if not is_repeated:
        connection.execute(
            insert(pass_reports).values(
                which_pass=report.which,
                started_at=report.started_at,
                ended_at=report.ended_at,
                stop=report.stop,
                waiting_until=report.waiting_until,
                pages_read=report.pages_read,
                pages_total=report.pages_total,
                gained=report.gained,
                confirmed=report.confirmed,
                changed=report.changed,
                retired=report.retired,
                tokens_spent=report.tokens_spent,
                error=report.error,
            )
        )


def make_due(connection: Connection, which: Pass, *, now: datetime) -> None:
    """Let the next doorbell run this pass; nothing to do before its first run, which is due at once."""
    _set(connection, which, due_at=now)


def _set(connection: Connection, which: Pass, **values: Any) -> None:
    connection.execute(update(pass_states).where(pass_states.c.which_pass == which).values(**values))
