"""The backfill: all pages of the feed over time, in chunks, resumed from the page cursor."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from keepa_deals.collector import PageSaved, collect_page
from keepa_deals.records import PassReport, StopReason
from keepa_deals.store import absences, pass_records
from keepa_deals.store.feed_rows import PageEffect
from keepa_deals.store.pass_records import PassState
from keepa_deals.token_budget import Purpose, Wait
from keepa_deals.work import Shift

TASK = "keepa_deals.backfiller.backfill_deals"
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
            shift, page, purpose=Purpose.SWEEP, sweep=sweep.number, along=partial(_move_cursor, shift, page + 1)
        )
        if isinstance(outcome, Wait):
            return shift.report(StopReason.WAITING_FOR_TOKENS, waiting_until=outcome.until)
        if isinstance(outcome, PageSaved) and outcome.is_last:
            _finish_sweep(shift, sweep.number, started_at=sweep.started_at, pages=page + 1)
            return shift.report(StopReason.LAST_PAGE)
    return shift.report(StopReason.CHUNK_DONE)


def _is_sweep_due(shift: Shift, state: PassState) -> bool:
    return state.sweep_started_at is None or shift.means.clock.now() - state.sweep_started_at >= SWEEP_EVERY


def _resume_or_begin(shift: Shift, state: PassState) -> Sweep:
    if state.page_cursor is not None and state.sweep_started_at is not None:
        return Sweep(state.sweep, state.sweep_started_at, state.page_cursor)
    now = shift.means.clock.now()
    with shift.means.store.write(shift.lease) as connection:
        return Sweep(pass_records.begin_sweep(connection, shift.which, now=now), now, 0)


def _move_cursor(shift: Shift, next_page: int, connection: Connection, _effect: PageEffect | None) -> None:
    pass_records.move_cursor(connection, shift.which, page=next_page, now=shift.means.clock.now())


def _finish_sweep(shift: Shift, sweep: int, *, started_at: datetime, pages: int) -> None:
    """Close the sweep, and let looks settle what it should have shown and did not."""
    shift.tally.pages_total = pages
    means = shift.means
    now = means.clock.now()
    with means.store.write(shift.lease) as connection:
        pass_records.finish_sweep(connection, shift.which, now=now)
        missed = absences.note_absent(
            connection, domain_id=means.domain_id, sweep=sweep, sweep_started_at=started_at, now=now
        )
    shift.tally.changed += missed
    log.info("sweep finished number=%d pages=%d missed=%d", sweep, pages, missed)
