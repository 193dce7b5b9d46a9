"""The live update (the upserter): newest first, until a page brings nothing unknown or changed."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from keepa_deals.collector import PageSetAside, collect_page
from keepa_deals.records import PassReport, StopReason
from keepa_deals.store import pass_records
from keepa_deals.store.feed_rows import PageEffect
from keepa_deals.store.pass_records import PassState
from keepa_deals.token_budget import Purpose, Wait, live_interval, live_pages
from keepa_deals.work import Shift

TASK = "keepa_deals.simple_task.update_recent_deals"
LOCK = "update_recent_deals_lock"

PAGES_AT_MOST = 4
"""More news than this in one interval is left to the sweep."""
ONE_TICK_SECONDS = 65.0
"""Keepa's meter ticks once a minute; the live update may wait for one."""


def update_recent_deals(shift: Shift, _state: PassState) -> PassReport:
    """Read the newest pages and save them. The first pages are planned spending, the others ask like any call."""
    tokens = shift.means.tokens
    planned = live_pages(tokens.status().refill_rate)
    tokens.begin_live_update(pages=planned)
    try:
        return _read_pages(shift, planned)
    finally:
        tokens.end_live_update()
        _plan_next(shift)


def _plan_next(shift: Shift) -> None:
    """Tell the token ledger when the next live update will want its tokens."""
    tokens = shift.means.tokens
    rate = tokens.status().refill_rate
    if rate > 0:
        every = live_interval(rate)
        tokens.plan_live_update(due_at=shift.started_at + every, pages=live_pages(rate), every=every)


def _read_pages(shift: Shift, planned: int) -> PassReport:
    newest: datetime | None = None
    for page in range(max(planned, PAGES_AT_MOST)):
        is_planned = page < planned
        outcome = collect_page(
            shift,
            page,
            purpose=Purpose.LIVE if is_planned else Purpose.LIVE_MORE,
            along=partial(_note_work, shift),
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
        if outcome.is_last or not outcome.effect.is_news:
            _raise_watermark(shift, newest)
            return shift.report(StopReason.LAST_PAGE if outcome.is_last else StopReason.NOTHING_NEW)
    return shift.report(StopReason.PAGE_LIMIT)


def _note_work(shift: Shift, connection: Connection, _effect: PageEffect | None) -> None:
    pass_records.note_work(connection, shift.which, now=shift.means.clock.now())


def _raise_watermark(shift: Shift, newest: datetime | None) -> None:
    """Everything up to `newest` is processed, but never past now: a feed from the future must not blind us."""
    if newest is None:
        return
    watermark = min(newest, shift.means.clock.now())
    with shift.means.store.write(shift.lease) as connection:
        pass_records.raise_watermark(connection, shift.which, watermark=watermark)


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    known = [instant for instant in (one, other) if instant is not None]
    return max(known, default=None)
