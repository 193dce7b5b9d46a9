"""The change feed is read once each and in order, for the deals of a question, and since the last visit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.store import changes_feed
from keepa_deals.store.change_rows import Change, insert_changes
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import deals
from keepa_deals.store.triage import OWNER, Action, mark
from tests.builders import NOW, a_deal_row, asin_number

A, B = asin_number(1), asin_number(2)


@pytest.fixture(autouse=True)
def two_deals(database: Database) -> None:
    gone = {"state": "gone", "gone_at": NOW, "gone_reason": "sold"}
    with database.write.begin() as connection:
        connection.execute(insert(deals), a_deal_row(asin=A, profit_cents=5000))
        connection.execute(insert(deals), a_deal_row(asin=B, profit_cents=100) | gone)


def happen(database: Database, *events: tuple[str, str]) -> None:
    with database.write.begin() as connection:
        insert_changes(connection, [Change(asin, kind, {}) for asin, kind in events], domain_id=1, now=NOW)


def read(database: Database, seq: int = 0, limit: int = 50, query: DealQuery | None = None, **more: Any) -> Any:
    with database.read.connect() as connection:
        return changes_feed.since(connection, seq, limit, query, now=NOW, **more)


def told(page: changes_feed.ChangesPage) -> list[tuple[str, str]]:
    return [(change.asin, change.kind) for change in page.changes]


def test_pages_hold_each_change_once_and_in_order(database: Database) -> None:
    events = [(A, "new"), (B, "new"), (A, "cheaper"), (B, "gone"), (A, "dearer")]
    happen(database, *events)
    seen, seq, is_more = [], 0, True
    while is_more:
        page = read(database, seq, 2)
        seen += told(page)
        seq, is_more = page.next_seq, page.is_more
    assert seen == events
    assert told(read(database, seq)) == []
    happen(database, (B, "back"))
    assert told(read(database, seq)) == [(B, "back")]


def test_a_question_is_about_the_deals_that_meet_it_even_when_they_are_gone(database: Database) -> None:
    happen(database, (A, "new"), (B, "gone"))
    rich = parse_deal_query(MultiDict({"profit_gte": "20"}))
    poor = parse_deal_query(MultiDict({"profit_lte": "20"}))
    assert told(read(database, query=rich)) == [(A, "new")]
    assert told(read(database, query=poor)) == [(B, "gone")]
    with database.write.begin() as connection:
        mark(connection, OWNER, [(A, 1)], Action.HIDE, now=NOW)
    assert told(read(database, query=DealQuery())) == [(B, "gone")]


def test_a_price_seen_again_is_told_only_where_it_is_asked_for(database: Database) -> None:
    happen(database, (A, "verified_again"), (A, "judged"), (A, "new"))
    page = read(database)
    assert told(page) == [(A, "new")]
    assert not page.is_more
    assert told(read(database, kinds=("judged",))) == [(A, "judged")]


def test_a_page_without_a_match_still_moves_on(database: Database) -> None:
    happen(database, *[(B, "judged")] * 30)
    page = read(database)
    assert (page.next_seq, page.is_more, page.changes) == (30, False, ())


def test_the_latest_changes_come_in_the_order_they_happened(database: Database) -> None:
    happen(database, (A, "new"), (B, "new"), (A, "judged"), (B, "gone"))
    with database.read.connect() as connection:
        page = changes_feed.latest(connection, 2, now=NOW)
    assert told(page) == [(B, "new"), (B, "gone")]
    assert page.next_seq == 4


def test_a_visit_lasts_until_somebody_was_away_for_half_an_hour(database: Database) -> None:
    def come(minutes: int) -> int:
        with database.write.begin() as connection:
            return changes_feed.note_visit(connection, OWNER, now=NOW + timedelta(minutes=minutes)).since_seq

    happen(database, (A, "new"))
    assert come(0) == 1
    happen(database, (B, "new"))
    assert come(20) == 1
    happen(database, (B, "gone"))
    assert come(40) == 1
    assert come(70) == 3
    with database.read.connect() as connection:
        visit = changes_feed.visit(connection, OWNER)
        assert changes_feed.visit(connection, "nobody") is None
    assert visit is not None
    assert (visit.since_seq, visit.since_at) == (3, NOW + timedelta(minutes=40))
