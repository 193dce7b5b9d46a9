"""One deal's page beyond its numbers: its story, what it cost, and the wish to have it looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from keepa_deals.price_history import PriceHistory
from keepa_deals.records import Series
from keepa_deals.store.engine import Database
from keepa_deals.store.kept_histories import keep_history
from keepa_deals.store.tables import calls, candidates, changes, deals
from keepa_deals.units import to_keepa_minutes
from tests.builders import NOW, a_deal_row

ASIN = "B0EXAMPLE1"
HOUR = timedelta(hours=1)
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
GONE = {"state": "gone", "gone_at": NOW - HOUR, "gone_reason": "no used offer is left"}


@pytest.fixture
def remember(database: Database) -> Callable[..., None]:
    """Puts rows into a table."""

    def put(table: Any, *rows: dict[str, Any]) -> None:
        with database.write.begin() as connection:
            for row in rows:
                connection.execute(insert(table), row)

    return put


def a_call(number: int, purpose: str, what: str, billed: int | None, outcome: str = "answered") -> dict[str, Any]:
    return {
        "id": str(number), "started_at": NOW - HOUR + number * timedelta(minutes=1), "which_pass": "looks",
        "purpose": purpose, "what": what, "reserved_tokens": 12, "billed_tokens": billed, "outcome": outcome,
    }  # fmt: skip


def wish(client: FlaskClient, look: str = "light", asin: str = ASIN, **headers: str) -> Any:
    return client.post(f"/deals/{asin}/look", data={"look": look}, headers=SAME_ORIGIN | headers)


def test_the_story_tells_what_was_done_and_its_share_of_the_tokens(
    client: FlaskClient, hold: Callable[..., None], remember: Callable[..., None]
) -> None:
    hold(a_deal_row(asin=ASIN))
    seen = {"first_seen_at": NOW - 2 * HOUR, "last_seen_at": NOW, "keepa_updated_at": NOW, "stage_at": NOW}
    remember(candidates, {"asin": ASIN, "domain_id": 1, "title": "x", "stage": "deal"} | seen)
    remember(
        calls,
        a_call(1, "candidate_light", f"candidate light: B0ANOTHER1, {ASIN}", 2),
        a_call(2, "candidate_full", f"candidate full: {ASIN}", 6),
        a_call(3, "verify_light", f"verify light: {ASIN}", None, "lost"),
        a_call(4, "verify_light", "verify light: B0ANOTHER1", 1),
    )
    cheaper = {"kind": "cheaper", "detail": {"from_cents": 3000, "to_cents": 1600, "by": "feed"}}
    remember(changes, {"asin": ASIN, "domain_id": 1, "at": NOW} | cheaper)
    page = client.get(f"/deals/{ASIN}").text
    assert "3 looks named it, 7.0 tokens are its share." in page
    for told in ("Found in the feed", "Became a deal", "$30.00 → $16.00, by the feed", "it came to nothing: lost"):
        assert told in page


def test_a_wish_is_taken_by_a_form_and_the_page_says_when(
    client: FlaskClient, hold: Callable[..., None], database: Database
) -> None:
    hold(a_deal_row(asin=ASIN, looked_at=NOW - timedelta(minutes=15), judged_at=NOW - 9 * HOUR))
    answer = wish(client)
    assert (answer.status_code, answer.location) == (303, f"/deals/{ASIN}#look")
    page = client.get(f"/deals/{ASIN}").text
    assert "A light look was asked for" in page
    assert "not before" in page
    assert "12:45 UTC" in page
    assert "Check the price: 1 token" not in page
    with database.read.connect() as connection:
        assert connection.execute(select(deals.c.look_due_since)).scalar() == NOW


@pytest.mark.parametrize(
    ("row", "look", "asin", "headers", "status"),
    [
        ({}, "deep", ASIN, {}, 400),
        ({}, "", ASIN, {}, 400),
        ({}, "light", "B0NOWHERE1", {}, 404),
        (GONE, "light", ASIN, {}, 409),
        ({}, "light", ASIN, {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_wish_that_can_not_be_is_refused_and_changes_nothing(
    client: FlaskClient,
    hold: Callable[..., None],
    database: Database,
    row: dict[str, Any],
    look: str,
    asin: str,
    headers: dict[str, str],
    status: int,
) -> None:
    hold(a_deal_row(asin=ASIN, **row))
    assert wish(client, look, asin, **headers).status_code == status
    with database.read.connect() as connection:
        assert connection.execute(select(deals.c.look_due_since)).scalar() is None


def test_a_gone_deal_offers_no_look(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(asin=ASIN, **GONE))
    page = client.get(f"/deals/{ASIN}").text
    assert "no token is spent on asking" in page
    assert 'name="look"' not in page


def test_the_history_is_served_or_said_not_to_be_kept(
    client: FlaskClient, hold: Callable[..., None], database: Database
) -> None:
    hold(a_deal_row(asin=ASIN), a_deal_row(asin="B0EXAMPLE2"))
    until = to_keepa_minutes(NOW)
    history = PriceHistory(until=until, series={"used": Series((until - 1_440,), (1600,))}, sales=())
    with database.write.begin() as connection:
        keep_history(connection, ASIN, 1, history, now=NOW)
    kept = client.get(f"/api/deals/{ASIN}/history").get_json()
    assert (kept["is_kept"], kept["series"]["used"]["values"]) == (True, [16.0, 16.0])
    unkept = client.get("/api/deals/B0EXAMPLE2/history").get_json()
    assert (unkept["is_kept"], unkept["series"], unkept["sales"]) == (False, {}, [])
    assert client.get("/api/deals/B0NOWHERE1/history").status_code == 404


@pytest.mark.parametrize(
    ("refusal", "told"),
    [("the FBA fee is unknown, so no profit can be said", "the FBA fee is unknown"), (None, "its profit is unknown")],
)
def test_a_deal_without_a_profit_says_why(
    client: FlaskClient, hold: Callable[..., None], refusal: str | None, told: str
) -> None:
    hold(a_deal_row(asin=ASIN, profit_cents=None, refusal=refusal))
    assert f"Not called profitable: {told}" in client.get(f"/deals/{ASIN}").text
    assert client.get(f"/api/deals/{ASIN}").get_json()["deal"]["refusal"] == refusal
