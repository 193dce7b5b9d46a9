"""Triage is kept, filters what is found at once, and can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from keepa_deals.deal_query import DealQuery
from keepa_deals.store import find
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import deals, triage, triage_steps
from keepa_deals.store.triage import ACTS_KEPT_FOR, OWNER, Action, forget_old_acts, mark, undo
from tests.builders import NOW, a_deal_row, asin_number

A, B, C = (asin_number(number) for number in range(3))


@pytest.fixture(autouse=True)
def three_deals(database: Database) -> None:
    with database.write.begin() as connection:
        for asin in (A, B, C):
            connection.execute(insert(deals), a_deal_row(asin=asin, price_now_cents=1999))


def do(database: Database, action: Action, *asins: str, now: object = NOW, **values: object) -> str:
    with database.write.begin() as connection:
        return mark(connection, OWNER, [(asin, 1) for asin in asins], action, now=NOW, **values).token  # type: ignore[arg-type]


def found(database: Database, triage: str | None = None) -> dict[str, str | None]:
    """What a question with this triage finds, through the shared mirror."""
    with database.read.connect() as connection:
        page = find.find_deals(connection, replace(DealQuery(), triage=triage), now=NOW)
    return {deal.asin: deal.triage for deal in page.deals}


def test_what_is_hidden_is_left_out_unless_asked_for(database: Database) -> None:
    assert set(found(database)) == {A, B, C}
    do(database, Action.HIDE, A, reason="water damage")
    assert set(found(database)) == {B, C}
    assert found(database, "hidden") == {A: "hidden"}
    assert set(found(database, "all")) == {A, B, C}


def test_each_mark_is_found_under_its_name_and_new_is_what_has_none(database: Database) -> None:
    do(database, Action.WATCH, A)
    do(database, Action.BOUGHT, B)
    assert found(database, "watched") == {A: "watched"}
    assert found(database, "bought") == {B: "bought"}
    assert found(database, "new") == {C: None}
    do(database, Action.UNWATCH, A)
    assert found(database, "watched") == {}


def test_a_purchase_keeps_the_price_that_was_paid_or_the_deals_own(database: Database) -> None:
    do(database, Action.BOUGHT, A)
    do(database, Action.BOUGHT, B, bought_cents=1550)
    with database.read.connect() as connection:
        prices = connection.execute(select(triage.c.bought_cents).order_by(triage.c.asin)).scalars().all()
    assert prices == [1999, 1550]


def test_undoing_brings_back_what_was_and_can_itself_be_undone(database: Database) -> None:
    do(database, Action.WATCH, A)
    token = do(database, Action.HIDE, A, B)
    assert set(found(database)) == {C}
    with database.write.begin() as connection:
        undone = undo(connection, OWNER, token, now=NOW)
    assert undone is not None
    assert (undone.number, undone.left_alone) == (2, 0)
    assert found(database) == {A: "watched", B: None, C: None}
    assert set(found(database, "new")) == {B, C}
    with database.write.begin() as connection:
        undo(connection, OWNER, undone.token, now=NOW)
    assert set(found(database)) == {C}


def test_undoing_leaves_alone_what_was_marked_again_since(database: Database) -> None:
    token = do(database, Action.HIDE, A, B)
    do(database, Action.WATCH, A)
    with database.write.begin() as connection:
        undone = undo(connection, OWNER, token, now=NOW)
    assert undone is not None
    assert (undone.number, undone.left_alone) == (1, 1)
    assert set(found(database, "hidden")) == {A}


@pytest.mark.parametrize("token", ["", "0", "999", "x", "-1", "1e3", "9" * 40])
def test_a_token_that_names_no_act_undoes_nothing(database: Database, token: str) -> None:
    with database.write.begin() as connection:
        assert undo(connection, OWNER, token, now=NOW) is None


def test_keys_that_are_no_deals_are_passed_over_and_another_user_is_not_concerned(database: Database) -> None:
    with database.write.begin() as connection:
        assert mark(connection, OWNER, [("B0NODEAL00", 1), (A, 2)], Action.HIDE, now=NOW).number == 0
        mark(connection, "somebody else", [(A, 1)], Action.HIDE, now=NOW)
    assert set(found(database)) == {A, B, C}


def test_many_deals_are_marked_in_one_act(database: Database) -> None:
    many = [asin_number(number) for number in range(10, 1010)]
    with database.write.begin() as connection:
        connection.execute(insert(deals), [a_deal_row(asin=asin) for asin in many])
    token = do(database, Action.HIDE, *many)
    assert len(found(database)) == 3
    with database.write.begin() as connection:
        undo(connection, OWNER, token, now=NOW)
    with database.read.connect() as connection:
        assert find.count_deals(connection, DealQuery(), now=NOW) == 1003


def test_old_acts_are_forgotten_and_their_marks_kept(database: Database) -> None:
    token = do(database, Action.HIDE, A)
    with database.write.begin() as connection:
        forget_old_acts(connection, now=NOW + ACTS_KEPT_FOR + timedelta(days=1))
        assert connection.execute(select(func.count()).select_from(triage_steps)).scalar() == 0
    do(database, Action.HIDE, B)
    assert set(found(database)) == {C}
    assert token
