"""The backfill: all pages of the feed over time, in chunks, resumed from the page cursor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from keepa_deals.collector import PAGE, PAGES_PER_QUERY, PageSaved, PageSetAside, collect_page, page_key
from keepa_deals.records import Pass, PassReport, StopReason
from keepa_deals.store import absences, pass_records, poison
from keepa_deals.store.pass_records import PassState
from keepa_deals.store.retention import forget_old_records
from keepa_deals.token_budget import Purpose, Wait
from keepa_deals.work import Shift

LOCK = "backfill_deals_lock"

SWEEP_EVERY = timedelta(hours=11)
"""Oftener than the feed's window of 12 h, so that what is missing from a whole sweep means something."""
PAGES_A_CHUNK = 20
"""Bounds one task; the doorbell after it goes on from the cursor."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A reading of all pages, under way."""

    number: int
    started_at: datetime
    next_page: int


def backfill_deals(shift: Shift, state: PassState) -> PassReport:
    """Go on with the sweep, or begin one that is due; one chunk of pages at most."""
    if state.page_cursor is None and not _is_sweep_due(shift, state):
        return shift.report(StopReason.NOTHING_TO_DO)
    sweep = _resume_or_begin(shift, state)
    for page in range(sweep.next_page, sweep.next_page + PAGES_A_CHUNK):
        outcome = collect_page(
            shift, page, purpose=Purpose.SWEEP, sweep=sweep.number, along=partial(_move_on, shift, sweep, page)
        )
        if isinstance(outcome, Wait):
            return shift.report(StopReason.WAITING_FOR_TOKENS, waiting_until=outcome.until)
        if _ends_sweep(page, outcome):
            return shift.report(StopReason.LAST_PAGE)
    return shift.report(StopReason.CHUNK_DONE)


def _is_sweep_due(shift: Shift, state: PassState) -> bool:
    return state.sweep_started_at is None or shift.means.clock.now() - state.sweep_started_at >= SWEEP_EVERY


def _resume_or_begin(shift: Shift, state: PassState) -> Sweep:
    if state.page_cursor is not None and state.sweep_started_at is not None:
        return Sweep(state.sweep, state.sweep_started_at, state.page_cursor)
    now = shift.means.clock.now()
    with shift.means.store.write(shift.lease) as connection:
        forget_old_records(connection, now=now)
        return Sweep(pass_records.begin_sweep(connection, shift.which, now=now), now, 0)


def _ends_sweep(page: int, outcome: PageSaved | PageSetAside) -> bool:
    return page + 1 >= PAGES_PER_QUERY or (isinstance(outcome, PageSaved) and outcome.is_last)


def _move_on(shift: Shift, sweep: Sweep, page: int, connection: Connection, outcome: PageSaved | PageSetAside) -> None:
    """Beside a page: the cursor to the next one, or the end of the sweep."""
    if _ends_sweep(page, outcome):
        _finish_sweep(shift, sweep, connection, pages=page + 1)
    else:
        pass_records.move_cursor(connection, shift.which, page=page + 1, now=shift.means.clock.now())


def _finish_sweep(shift: Shift, sweep: Sweep, connection: Connection, *, pages: int) -> None:
    """Close the sweep and, if it was whole, let looks settle what it should have shown and did not."""
    means, now = shift.means, shift.means.clock.now()
    pass_records.finish_sweep(connection, shift.which, now=now)
    missed = 0
    is_whole = _is_whole(shift.which, sweep, connection, pages=pages)
    if is_whole:
        missed = absences.note_absent(
            connection, domain_id=means.domain_id, sweep=sweep.number, sweep_started_at=sweep.started_at, now=now
        )
    shift.tally.pages_total = pages
    shift.tally.changed += missed
    log.info("sweep finished number=%d pages=%d whole=%s missed=%d", sweep.number, pages, is_whole, missed)


def _is_whole(which: Pass, sweep: Sweep, connection: Connection, *, pages: int) -> bool:
    """Whether the sweep saw all that the feed holds: no page passed over, and none beyond Keepa's limit."""
    keys = [page_key(which, page) for page in range(pages)]
    return pages < PAGES_PER_QUERY and not poison.set_aside_since(connection, PAGE, keys, since=sweep.started_at)
