"""A look that somebody asked for goes first, once, and changes no rule but its place in the line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from keepa_deals.planner import ASKED_FOR, LookKind, plan_look
from keepa_deals.records import CostSettings
from keepa_deals.store.asked_looks import MOST_ASKED, Answer, ask_for_look, turn_of
from keepa_deals.store.engine import Database
from keepa_deals.store.look_rows import LookSaver
from keepa_deals.store.tables import candidates, deals, pass_states
from keepa_deals.store.work_queue import waiting_deals
from tests.builders import NOW, a_deal_row, asin_number

LIGHT, FULL = LookKind.VERIFY_LIGHT, LookKind.VERIFY_FULL
HOUR = timedelta(hours=1)


@pytest.fixture
def ask(database: Database) -> Callable[..., Answer]:
    def asked(kind: LookKind = LIGHT, asin: str = asin_number(1)) -> Answer:
        with database.write.begin() as connection:
            return ask_for_look(connection, asin, 1, kind=kind, now=NOW)

    return asked


@pytest.fixture
def hold(database: Database) -> Callable[..., None]:
    def put(*rows: dict[str, Any]) -> None:
        with database.write.begin() as connection:
            for row in rows:
                connection.execute(insert(deals), row)

    return put


def planned(database: Database) -> Any:
    with database.read.connect() as connection:
        waiting = waiting_deals(connection, domain_id=1)
    return plan_look([], waiting, tokens_per_minute=5, balance=60, now=NOW)


def test_what_was_asked_for_is_looked_at_before_what_is_worth_more(
    hold: Callable[..., None], ask: Callable[..., Answer], database: Database
) -> None:
    poor = a_deal_row(
        asin=asin_number(1), profit_cents=1, verified_at=NOW - timedelta(minutes=5), judged_at=NOW - 2 * HOUR
    )
    hold(poor, a_deal_row(asin=asin_number(2), profit_cents=90_000, verified_at=NOW - timedelta(hours=5)))
    assert planned(database).asins[0] == asin_number(2)
    assert ask(LIGHT) is Answer.TAKEN
    assert (planned(database).kind, planned(database).asins[0]) == (LIGHT, asin_number(1))
    assert ask(FULL) is Answer.TAKEN
    assert (planned(database).kind, planned(database).asins[0]) == (FULL, asin_number(1))


@pytest.mark.parametrize(
    ("row", "kind", "answer"),
    [
        ({}, LIGHT, Answer.TAKEN),
        ({"state": "unverified", "unverified_since": NOW - HOUR}, LIGHT, Answer.TAKEN),
        ({"state": "gone", "gone_at": NOW, "gone_reason": "no used offer is left"}, LIGHT, Answer.NOT_SHOWN),
        ({"look_due_since": NOW, "look_due_reason": ASKED_FOR[LIGHT]}, LIGHT, Answer.WAITS_ALREADY),
        ({"look_due_since": NOW, "look_due_reason": ASKED_FOR[FULL]}, LIGHT, Answer.WAITS_ALREADY),
        ({"look_due_since": NOW, "look_due_reason": "its used price moved"}, LIGHT, Answer.WAITS_ALREADY),
        ({"look_due_since": NOW, "look_due_reason": "its used price moved"}, FULL, Answer.TAKEN),
        ({"asin": asin_number(7)}, LIGHT, Answer.NOT_SHOWN),
    ],
)
def test_a_wish_is_taken_where_a_look_can_come_of_it(
    hold: Callable[..., None], ask: Callable[..., Answer], row: dict[str, Any], kind: LookKind, answer: Answer
) -> None:
    hold(a_deal_row(**({"asin": asin_number(1)} | row)))
    assert ask(kind) is answer


def test_a_product_set_aside_is_not_looked_at_again(
    hold: Callable[..., None], ask: Callable[..., Answer], database: Database
) -> None:
    hold(a_deal_row(asin=asin_number(1)))
    row = {
        "asin": asin_number(1), "domain_id": 1, "title": "", "first_seen_at": NOW, "last_seen_at": NOW,
        "keepa_updated_at": NOW, "stage": "set_aside", "stage_at": NOW,
    }  # fmt: skip
    with database.write.begin() as connection:
        connection.execute(insert(candidates), row)
    assert ask() is Answer.SET_ASIDE


def test_only_so_many_wishes_wait_at_once(hold: Callable[..., None], ask: Callable[..., Answer]) -> None:
    hold(*(a_deal_row(asin=asin_number(n)) for n in range(MOST_ASKED + 1)))
    assert [ask(asin=asin_number(n)) for n in range(MOST_ASKED)] == [Answer.TAKEN] * MOST_ASKED
    assert ask(asin=asin_number(MOST_ASKED)) is Answer.TOO_MANY
    assert ask(FULL, asin=asin_number(3)) is Answer.TAKEN


def test_the_turn_comes_when_looks_are_due_have_tokens_and_the_hour_is_over(
    hold: Callable[..., None], ask: Callable[..., Answer], database: Database
) -> None:
    hold(a_deal_row(asin=asin_number(1), looked_at=NOW - timedelta(minutes=20), judged_at=NOW - 2 * HOUR))
    ask()

    def not_before() -> Any:
        with database.read.connect() as connection:
            turn = turn_of(connection, asin_number(1), 1, now=NOW)
            return None if turn is None else turn.not_before

    assert not_before() == NOW + timedelta(minutes=40)
    state = {"which_pass": "looks", "due_at": NOW, "interval_seconds": 60, "sweep": 0, "consecutive_failures": 0}
    with database.write.begin() as connection:
        connection.execute(insert(pass_states), state | {"waiting_until": NOW + timedelta(minutes=50)})
    assert not_before() == NOW + timedelta(minutes=50)


def test_a_look_grants_the_wish_whatever_it_teaches(
    hold: Callable[..., None], ask: Callable[..., Answer], database: Database
) -> None:
    hold(a_deal_row(asin=asin_number(1)), a_deal_row(asin=asin_number(2)))
    ask()
    with database.write.begin() as connection:
        moved = {"look_due_since": NOW, "look_due_reason": "its used price moved"}
        connection.execute(update(deals).where(deals.c.asin == asin_number(2)).values(moved))
        saver = LookSaver(connection, domain_id=1, promise_hours=6, costs=CostSettings(), now=NOW)
        saver.note_looked([asin_number(1), asin_number(2)])
        due = {row.asin: row.look_due_reason for row in connection.execute(select(deals))}
    assert due == {asin_number(1): None, asin_number(2): "its used price moved"}
