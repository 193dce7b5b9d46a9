"""Marking deals through the real application: by form, by program, one, some and all that a question finds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from keepa_deals.store.engine import Database
from keepa_deals.store.tables import triage
from tests.builders import a_deal_row, asin_number

OURS = {"Origin": "http://localhost"}
JSON = OURS | {"Accept": "application/json"}
A, B, C = (asin_number(number) for number in range(3))


@pytest.fixture(autouse=True)
def three_deals(hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin, profit_cents=cents) for asin, cents in ((A, 100), (B, 2000), (C, 3000))))


def shown(client: FlaskClient, question: str = "") -> set[str]:
    return {deal["asin"] for deal in client.get(f"/api/deals?{question}").get_json()["deals"]}


def send(client: FlaskClient, path: str = "/api/triage", **body: Any) -> Any:
    return client.post(path, json=body, headers=OURS)


def test_a_form_marks_leads_back_and_offers_the_undoing(client: FlaskClient) -> None:
    answer = client.post("/triage/hide", data={"asin": [A, B], "next": "/?sort=roi&undo=9"}, headers=OURS)
    assert answer.status_code == 303
    assert answer.location == "/?sort=roi&marked=2&undo=1"
    assert shown(client) == {C}
    answer = client.post("/triage/undo", data={"token": "1", "next": answer.location}, headers=OURS)
    assert answer.location == "/?sort=roi"
    assert shown(client) == {A, B, C}


@pytest.mark.parametrize("target", ["//evil.example/x", "///evil.example/x", "//["])
def test_a_form_leads_nowhere_else(client: FlaskClient, target: str) -> None:
    answer = client.post("/triage/watch", data={"asin": A, "next": target}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/?marked=1&undo=1")
    answer = client.post("/triage/undo", data={"token": "1", "next": target}, headers=OURS)
    assert (answer.status_code, answer.location) == (303, "/")


def test_a_script_is_told_what_was_done(client: FlaskClient) -> None:
    answer = client.post("/triage/watch", data={"asin": A}, headers=JSON)
    assert answer.get_json() == {"marked": 1, "undo": "1"}
    assert shown(client, "triage=watched") == {A}
    assert client.get(f"/api/deals/{A}").get_json()["deal"]["triage"] == "watched"
    answer = client.post("/triage/undo", data={"token": "1"}, headers=JSON)
    assert answer.get_json() == {"undone": 1, "left_alone": 0, "undo": "2"}


def test_all_that_a_question_finds_are_marked_at_once(client: FlaskClient) -> None:
    told = send(client, action="hide", all=True, question="profit_gte=10&limit=1&sort=roi", reason="not my subject")
    assert told.get_json()["marked"] == 2
    assert shown(client) == {A}
    form = {"all": "1", "question": "triage=hidden&set=buy"}
    assert client.post("/triage/unhide", data=form, headers=JSON).get_json()["marked"] == 2
    assert shown(client) == {A, B, C}


def test_a_purchase_takes_its_price_in_currency_units(client: FlaskClient, database: Database) -> None:
    assert send(client, action="bought", asins=[A], price="12.34").status_code == 200
    assert send(client, action="bought", asins=[B], price=12.5).status_code == 200
    with database.read.connect() as connection:
        assert connection.execute(select(triage.c.bought_cents).order_by(triage.c.asin)).scalars().all() == [1234, 1250]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"action": "burn", "asins": [A]}, "action"),
        ({"action": "hide", "asins": []}, "asins"),
        ({"action": "hide"}, "asins"),
        ({"action": "hide", "asins": [A], "domain": 99}, "domain"),
        ({"action": "hide", "asins": [A], "reason": "x" * 201}, "reason"),
        ({"action": "bought", "asins": [A], "price": "-1"}, "price"),
        ({"action": "bought", "asins": [A], "price": "12,50"}, "price"),
        ({"action": "hide", "all": True, "question": "margn_gte=1"}, "margn_gte"),
        ({"action": "hide", "asins": [A], "colour": "red"}, "body"),
        ({"asins": [A]}, "body"),
        ([], "body"),
    ],
)
def test_what_cannot_be_done_is_said_and_not_done(client: FlaskClient, body: Any, parameter: str) -> None:
    answer = client.post("/api/triage", json=body, headers=OURS)
    assert (answer.status_code, answer.get_json()["error"]["parameter"]) == (400, parameter)
    assert shown(client, "triage=new") == {A, B, C}


@pytest.mark.parametrize("path", ["/api/triage", "/api/triage/undo"])
@pytest.mark.parametrize(
    "body", [b'{"action":"\xff"}', b'{"undo":"\xff"}', b'{"\xff":1}', b'{"undo":"\\ud800"}', b"\xff"]
)
def test_a_body_that_is_no_utf8_is_refused(client: FlaskClient, path: str, body: bytes) -> None:
    answer = client.post(path, data=body, headers=OURS)
    assert (answer.status_code, answer.get_json()["error"]["parameter"]) == (400, "body")


def test_an_unknown_act_cannot_be_undone(client: FlaskClient) -> None:
    assert send(client, "/api/triage/undo", undo="77").status_code == 404
    assert client.post("/triage/undo", data={"token": "x"}, headers=JSON).status_code == 404


@pytest.mark.parametrize("path", ["/triage/hide", "/api/triage", "/triage/undo", "/api/triage/undo", "/api/visit"])
def test_another_sites_page_changes_nothing(client: FlaskClient, path: str) -> None:
    assert client.post(path, data={"asin": A}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post(path, data={"asin": A}).status_code == 403
    assert client.get(path).status_code in (404, 405)
