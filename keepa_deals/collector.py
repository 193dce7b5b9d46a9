"""One feed page through the corridor: permission, fetch, settle, rank, save. Shared by live update and backfill."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from keepa_deals.deal_ranking import rank_candidate
from keepa_deals.errors import MalformedReply
from keepa_deals.keepa_costs import FEED_PAGE_COST
from keepa_deals.records import FeedPage, Pass
from keepa_deals.store import call_ledger, poison
from keepa_deals.store.feed_rows import PageEffect, RankedRecord, save_feed_page
from keepa_deals.token_budget import Purpose, Wait
from keepa_deals.work import Bought, Shift, spend

log = logging.getLogger(__name__)

ROWS_PER_PAGE = 150
"""Keepa documentation, deals: fewer come back only on the last page."""
PAGES_PER_QUERY = 67
"""Keepa documentation, deals: at most 10,000 rows of one query can be read."""
PAGE = "page"
ROW = "row"
"""the kind of poison that an unreadable page is"""


@dataclass(frozen=True, slots=True)
class PageSaved:
    """A page is in the database."""

    effect: PageEffect
    is_last: bool
    """no page behind it can be read"""


@dataclass(frozen=True, slots=True)
class PageSetAside:
    """A page failed again and again and is passed over; a finding says so."""

    error: str


PageOutcome = PageSaved | PageSetAside | Wait
AlongWithPage = Callable[[Connection, PageSaved | PageSetAside], None]
"""What is to be written in the same transaction as a page, such as its cursor."""


def collect_page(
    shift: Shift,
    page: int,
    *,
    purpose: Purpose,
    along: AlongWithPage,
    sweep: int | None = None,
    wait_up_to: float = 0,
) -> PageOutcome:
    """Fetch and save page `page` (from 0) of the feed. A page that cannot be read is tried by three runs."""
    means = shift.means
    selection = means.feed_query.selection(page, newest_first=True)
    try:
        bought = spend(
            shift,
            cost=FEED_PAGE_COST,
            purpose=purpose,
            what=f"feed page {page}",
            call=lambda: means.keepa.deals(selection, page),
            wait_up_to=wait_up_to,
        )
    except MalformedReply as error:
        return _set_aside_or_raise(shift, page, error, along)
    if isinstance(bought, Wait):
        return bought
    return _save(shift, page, bought, along=along, sweep=sweep)


def _save(shift: Shift, page: int, bought: Bought[FeedPage], *, along: AlongWithPage, sweep: int | None) -> PageSaved:
    means, feed_page = shift.means, bought.payload
    now = means.clock.now()
    ranked = [RankedRecord(record, rank_candidate(record, costs=means.costs, now=now)) for record in feed_page.records]
    with means.store.write(shift.lease) as connection:
        effect = save_feed_page(
            connection,
            ranked,
            domain_id=means.domain_id,
            promise_hours=means.promise_hours,
            sweep=sweep,
            costs=means.costs,
            now=now,
        )
        poison.forgive(connection, PAGE, [page_key(shift.which, page)])
        poison.forgive(connection, ROW, [record.asin for record in feed_page.records])
        for row in feed_page.unreadable:
            poison.note_failure(connection, ROW, row.key, error=row.error, now=now)
        call_ledger.note_effect(connection, bought.call_id, gained=effect.gained, confirmed=effect.confirmed, retired=0)
        saved = PageSaved(effect, is_last=feed_page.row_count < ROWS_PER_PAGE or page + 1 >= PAGES_PER_QUERY)
        along(connection, saved)
    _count(shift, effect)
    log.info(
        "page saved pass=%s page=%d rows=%d gained=%d confirmed=%d changed=%d unreadable=%d",
        shift.which, page, feed_page.row_count, effect.gained, effect.confirmed, effect.changed,
        len(feed_page.unreadable),
    )  # fmt: skip
    return saved


def page_key(which: Pass, page: int) -> str:
    """What a page of one pass is called among the poison."""
    return f"{which} page {page}"


def _count(shift: Shift, effect: PageEffect) -> None:
    shift.tally.pages_read += 1
    shift.tally.gained += effect.gained
    shift.tally.confirmed += effect.confirmed
    shift.tally.changed += effect.changed


def _set_aside_or_raise(shift: Shift, page: int, error: MalformedReply, along: AlongWithPage) -> PageSetAside:
    """The third time, pass the page over; before that, let the run fail and the next one try again."""
    means, set_aside = shift.means, PageSetAside(str(error))
    with means.store.write(shift.lease) as connection:
        key = page_key(shift.which, page)
        spent = poison.note_failure(connection, PAGE, key, error=set_aside.error, now=means.clock.now())
        if spent:
            along(connection, set_aside)
    if not spent:
        raise error
    log.error("page set aside pass=%s page=%d error=%s", shift.which, page, error)
    return set_aside
