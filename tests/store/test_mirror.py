"""The mirror follows the database: whatever is written, and nothing that was not committed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, text, update
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.store import mirror, search_index
from keepa_deals.store.engine import Database
from keepa_deals.store.find import count_deals, find_deals, matching_keys
from keepa_deals.store.tables import deals
from tests.builders import NOW, a_deal_row, asin_number


def put(database: Database, *rows: dict[str, Any]) -> None:
    with database.write.begin() as connection:
        for row in rows:
            connection.execute(insert(deals), row)


def asins(database: Database, **question: str) -> list[str]:
    with database.read.connect() as connection:
        return [deal.asin for deal in find_deals(connection, asked(**question), now=NOW).deals]


def asked(**question: str) -> DealQuery:
    return parse_deal_query(MultiDict(question))


def test_what_is_inserted_changed_and_deleted_is_seen_by_the_next_question(database: Database) -> None:
    assert asins(database) == []
    put(database, *(a_deal_row(asin=asin_number(number), profit_cents=number) for number in range(3)))
    assert asins(database) == [asin_number(2), asin_number(1), asin_number(0)]
    with database.write.begin() as connection:
        connection.execute(update(deals).where(deals.c.asin == asin_number(0)).values(profit_cents=99))
        connection.execute(delete(deals).where(deals.c.asin == asin_number(1)))
    assert asins(database) == [asin_number(0), asin_number(2)]
    assert asins(database, profit_gte="0.99") == [asin_number(0)]


def test_what_was_rolled_back_was_never_there(database: Database) -> None:
    put(database, a_deal_row(asin=asin_number(1)))
    connection = database.write.connect()
    connection.execute(insert(deals), a_deal_row(asin=asin_number(2)))
    assert count_deals(connection, DealQuery(), now=NOW) == 2
    assert asins(database) == [asin_number(1)]
    connection.rollback()
    connection.close()
    put(database, a_deal_row(asin=asin_number(3)))
    assert sorted(asins(database)) == [asin_number(1), asin_number(3)]


def test_an_older_view_still_answers_after_a_newer_one(database: Database) -> None:
    put(database, a_deal_row(asin=asin_number(1)))
    with database.read.connect() as early:
        assert count_deals(early, DealQuery(), now=NOW) == 1
        put(database, a_deal_row(asin=asin_number(2), profit_cents=1))
        assert len(asins(database)) == 2
        assert [deal.asin for deal in find_deals(early, DealQuery(), now=NOW).deals] == [asin_number(1)]


def test_more_changes_than_are_remembered_are_read_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    put(database, *(a_deal_row(asin=asin_number(number)) for number in range(5)))
    assert len(asins(database)) == 5
    monkeypatch.setattr(mirror, "TOUCHES_KEPT", 3)
    with database.write.begin() as connection:
        connection.execute(update(deals).values(profit_cents=5))
        connection.execute(text("delete from deal_touches where seq < (select max(seq) from deal_touches)"))
    assert len(asins(database, profit_lte="0.05")) == 5


def test_compacting_the_file_loses_nothing(database: Database) -> None:
    put(database, *(a_deal_row(asin=asin_number(number), title=f"Book {number}") for number in range(4)))
    with database.write.begin() as connection:
        connection.execute(delete(deals).where(deals.c.asin == asin_number(0)))
    assert len(asins(database)) == 3
    with database.write.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("vacuum")
    assert asins(database, q="title:3") == [asin_number(3)]


def test_the_log_of_touched_rows_is_kept_short(database: Database) -> None:
    put(database, a_deal_row())
    with database.write.begin() as connection:
        connection.execute(text("insert into deal_touches (seq, deal) values (200000, 1)"))
        connection.execute(update(deals).values(profit_cents=5))
        kept = connection.execute(text("select count(*), min(seq) from deal_touches")).one()
    assert tuple(kept) == (2, 200_000)


def test_the_index_of_words_follows_every_text_of_a_deal(database: Database) -> None:
    put(database, a_deal_row(asin=asin_number(1), title="River Hydraulics", seller_name="Blue Door Books"))
    assert asins(database, q="seller:blue") == [asin_number(1)]
    with database.write.begin() as connection:
        connection.execute(update(deals).values(title="Über Äpfel", seller_name=None))
    assert asins(database, q="river") == asins(database, q="seller:blue") == []
    assert asins(database, q="uber apfel") == [asin_number(1)]
    with database.write.begin() as connection:
        connection.execute(delete(deals))
        assert search_integrity(connection)


def test_the_index_can_be_made_anew(database: Database) -> None:
    put(database, a_deal_row(asin=asin_number(1), title="River"))
    with database.write.begin() as connection:
        connection.execute(text("insert into deal_search (deal_search) values ('delete-all')"))
        search_index.rebuild(connection)
    assert asins(database, q="river") == [asin_number(1)]


def search_integrity(connection: Connection) -> bool:
    connection.execute(text("insert into deal_search (deal_search, rank) values ('integrity-check', 1)"))
    return True


def test_the_keys_of_a_question_are_all_that_match_and_no_page_of_them(database: Database) -> None:
    put(database, *(a_deal_row(asin=asin_number(number), profit_cents=number) for number in range(8)))
    with database.read.connect() as connection:
        found = matching_keys(connection, asked(profit_gte="0.03", limit="2"), now=NOW)
    assert sorted(found) == [(asin_number(number), 1) for number in range(3, 8)]


steps = st.lists(
    st.tuples(st.sampled_from(["put", "change", "remove", "ask"]), st.integers(0, 5), st.none() | st.integers(-9, 9)),
    max_size=25,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_after_any_writes_the_mirror_is_what_a_fresh_one_would_be(
    database: Database, written: list[tuple[str, int, int | None]]
) -> None:
    with database.write.begin() as connection:
        connection.execute(delete(deals))
    for action, number, value in written:
        with database.write.begin() as connection:
            here = deals.c.asin == asin_number(number)
            if action in ("put", "remove"):
                connection.execute(delete(deals).where(here))
            if action == "put":
                until = NOW + timedelta(hours=value or 0)
                connection.execute(insert(deals), a_deal_row(asin=asin_number(number), roi=value, promised_until=until))
            if action == "change":
                connection.execute(update(deals).where(here).values(roi=value, category=str(value)))
        if action == "ask":
            asins(database)
    question = asked(sort="-roi", state="all", roi_gte="-5")
    with database.read.connect() as followed, database.write.connect() as fresh:
        assert find_deals(followed, question, now=NOW) == find_deals(fresh, question, now=NOW)
