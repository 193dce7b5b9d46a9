"""What changed, through the real application: JSON, Atom, the page, and events over a real connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keepa_deals.store.change_rows import Change, insert_changes
from keepa_deals.store.engine import Database
from keepa_deals.web import changes
from tests.builders import NOW, a_deal_row, asin_number

OURS = {"Origin": "http://localhost"}
A, B = asin_number(1), asin_number(2)
HOSTILE = "<img src=x onerror=alert(1)>\x00\x1f\u202e & Co"


@pytest.fixture(autouse=True)
def two_deals(hold: Callable[..., None]) -> None:
    hold(a_deal_row(asin=A, profit_cents=5000), a_deal_row(asin=B, profit_cents=100, title=HOSTILE))


@pytest.fixture
def happen(database: Database) -> Callable[..., None]:
    def write(*events: tuple[str, str, dict[str, Any]]) -> None:
        with database.write.begin() as connection:
            insert_changes(connection, [Change(*event) for event in events], domain_id=1, now=NOW)

    return write


def test_changes_are_told_after_a_cursor_with_amounts_in_currency_units(
    client: FlaskClient, happen: Callable[..., None]
) -> None:
    start = client.get("/api/changes?cursor=now").get_json()
    assert (start["changes"], start["is_more"]) == ([], False)
    happen((A, "new", {"profit_cents": 5000}), (A, "cheaper", {"from_cents": 2000, "to_cents": 1950, "by": "feed"}))
    answer = client.get(f"/api/changes?cursor={start['next_cursor']}")
    told = answer.get_json()
    assert b'"detail":{"from":20.00,"to":19.50,"by":"feed"}' in answer.data
    assert [change["kind"] for change in told["changes"]] == ["new", "cheaper"]
    assert told["counts"] == {"new": 1, "cheaper": 1}
    assert client.get(f"/api/changes?cursor={told['next_cursor']}").get_json()["changes"] == []


def test_a_question_and_kinds_narrow_what_is_told(client: FlaskClient, happen: Callable[..., None]) -> None:
    happen((A, "new", {}), (B, "new", {}), (A, "judged", {}))

    def kinds(question: str) -> list[tuple[str, str]]:
        return [(one["asin"], one["kind"]) for one in client.get(f"/api/changes?{question}").get_json()["changes"]]

    assert kinds("cursor=0&profit_gte=20&set=buy") == [(A, "new")]
    assert kinds("cursor=0&kind=judged,new&profit_gte=20") == [(A, "new"), (A, "judged")]
    assert kinds("limit=1") == [(B, "new")]


@pytest.mark.parametrize("question", ["cursor=x", "cursor=-1", "kind=burnt", "limit=0", "margn_gte=4", "since=1"])
def test_what_is_not_understood_is_refused(client: FlaskClient, question: str) -> None:
    for path in ("/api/changes", "/api/changes/stream"):
        answer = client.get(f"{path}?{question}")
        assert answer.status_code == 400
        assert answer.get_json()["error"]["parameter"] == question.split("=", maxsplit=1)[0]


def test_a_visit_begins_where_the_one_before_ended(client: FlaskClient, happen: Callable[..., None]) -> None:
    happen((A, "new", {}))
    told = client.post("/api/visit", headers=OURS).get_json()
    happen((B, "new", {}))
    for question in (f"cursor={told['cursor']}", "cursor=visit"):
        assert [one["asin"] for one in client.get(f"/api/changes?{question}").get_json()["changes"]] == [B]
    assert "Since your last visit" in client.get("/changes").text


def test_where_nothing_is_new_the_newest_are_shown(client: FlaskClient, happen: Callable[..., None]) -> None:
    happen((A, "new", {}))
    client.post("/api/visit", headers=OURS)
    page = client.get("/changes").text
    assert "Nothing since your last visit" in page
    assert f"/deals/{A}" in page


def test_the_feed_is_well_formed_whatever_a_title_holds(client: FlaskClient, happen: Callable[..., None]) -> None:
    happen((A, "new", {"profit_cents": 5000}), (B, "gone", {"reason": "sold & <b>gone</b>"}))
    answer = client.get("/changes.atom")
    assert answer.mimetype == "application/atom+xml"
    feed = ElementTree.fromstring(answer.text)
    name = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(f"{name}entry")
    titles = [entry.findtext(f"{name}title") for entry in entries]
    assert titles[0] == "Gone: sold & <b>gone</b>: <img src=x onerror=alert(1)> & Co"
    assert titles[1] == "New: $50.00 expected profit: Invented Textbook of River Hydraulics"
    assert [entry.findtext(f"{name}id") for entry in entries] == [
        "urn:keepa-deals:change:2",
        "urn:keepa-deals:change:1",
    ]


def test_the_page_shows_changes_and_no_title_becomes_markup(client: FlaskClient, happen: Callable[..., None]) -> None:
    assert "The newest: none." in client.get("/changes").text
    happen((B, "cheaper", {"from_cents": 2000, "to_cents": 1500}))
    page = client.get("/changes").text
    assert "Cheaper: $20.00 → $15.00" in page
    assert "<img" not in page


def test_events_tell_what_happened_and_where_to_go_on(
    client: FlaskClient, happen: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STREAM_SECONDS", 0)
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.001)
    happen((A, "new", {}), (B, "new", {}))
    answer = client.get("/api/changes/stream?cursor=0", headers={"Last-Event-ID": "1"})
    assert answer.mimetype == "text/event-stream"
    assert answer.text.startswith("retry: 2000\n\nid: 2\nevent: changes\ndata: {")
    assert B in answer.text
    assert A not in answer.text


def test_streams_never_take_all_threads(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    open_ones = [app.test_client().get("/api/changes/stream") for _ in range(changes.MOST_STREAMS)]
    refused = app.test_client().get("/api/changes/stream")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    assert refused.get_json()["error"]["code"] == "too_many_streams"
    for stream in open_ones:
        stream.close()
    again = app.test_client().get("/api/changes/stream")
    assert again.status_code == 200
    again.close()
