"""The live update (the upserter): newest first, until a page brings nothing unknown or changed."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from keepa_deals.collector import PageSaved, PageSetAside, collect_page
from keepa_deals.records import PassReport, StopReason
from keepa_deals.store import pass_records
from keepa_deals.store.pass_records import PassState
from keepa_deals.token_budget import Purpose, Wait, live_interval, live_pages
from keepa_deals.work import Shift

LOCK = "update_recent_deals_lock"

PAGES_AT_MOST = 4
"""More news than this in one interval is left to the sweep."""
ONE_TICK_SECONDS = 65.0
"""Keepa's meter ticks once a minute; the live update may wait for one."""


def update_recent_deals(shift: Shift, _state: PassState) -> PassReport:
    """Read the newest pages and save them. The first pages are planned spending, the others ask like any call.

    Raises BadSettings before anything is spent where the plan does not carry this live update.
    """
    tokens = shift.means.tokens
    _plan(shift, due_at=shift.started_at)
    planned = live_pages(tokens.status().refill_rate)
    tokens.begin_live_update(pages=planned)
    try:
        report = _read_pages(shift, planned)
    finally:
        tokens.end_live_update()
    if report.stop is StopReason.WAITING_FOR_TOKENS:
        _plan(shift, due_at=shift.started_at)
    return report


def _plan(shift: Shift, *, due_at: datetime) -> None:
    """Tell the token ledger when a live update wants its tokens; beginning one moves its plan on by an interval."""
    tokens = shift.means.tokens
    rate = tokens.status().refill_rate
    if rate > 0:
        tokens.plan_live_update(due_at=due_at, pages=live_pages(rate), every=live_interval(rate))


def _read_pages(shift: Shift, planned: int) -> PassReport:
    newest: datetime | None = None
    for page in range(max(planned, PAGES_AT_MOST)):
        is_planned = page < planned
        outcome = collect_page(
            shift,
            page,
            purpose=Purpose.LIVE if is_planned else Purpose.LIVE_MORE,
            along=partial(_note_progress, shift, newest),
            wait_up_to=ONE_TICK_SECONDS if is_planned else 0,
        )
        if isinstance(outcome, Wait) and not is_planned:
            shift.means.tokens.leave_line(Purpose.LIVE_MORE)
            return shift.report(StopReason.PAGE_LIMIT)
        if isinstance(outcome, Wait):
            return shift.report(StopReason.WAITING_FOR_TOKENS, waiting_until=outcome.until)
        if isinstance(outcome, PageSetAside):
            return shift.report(StopReason.FAILED, error=outcome.error)
        newest = _later(newest, outcome.effect.newest)
        if outcome.is_last:
            shift.tally.pages_total = page + 1
        if _ends_reading(outcome):
            return shift.report(StopReason.LAST_PAGE if outcome.is_last else StopReason.NOTHING_NEW)
    return shift.report(StopReason.PAGE_LIMIT)


def _ends_reading(saved: PageSaved) -> bool:
    return saved.is_last or not saved.effect.is_news


def _note_progress(
    shift: Shift, newest: datetime | None, connection: Connection, outcome: PageSaved | PageSetAside
) -> None:
    """Beside a page; `newest` is that of the pages before it.

    With the page that brings nothing new, everything up to the newest change is processed. The watermark never
    passes the clock: a feed from the future must not blind us.
    """
    now = shift.means.clock.now()
    pass_records.note_work(connection, shift.which, now=now)
    if isinstance(outcome, PageSaved) and _ends_reading(outcome):
        newest = _later(newest, outcome.effect.newest)
        if newest is not None:
            pass_records.raise_watermark(connection, shift.which, watermark=min(newest, now))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [instant for instant in (one, other) if instant is not None]
    return max(known, default=None)
