"""Where an ASIN is, whatever became of it: the page and the API give one answer with its reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert

from keepa_deals.store.engine import Database
from keepa_deals.store.tables import calls, candidates, poison
from keepa_deals.web.whereabouts import read_asin
from tests.builders import NOW, a_deal_row, a_step

ASIN = "B0EXAMPLE1"
HOUR = timedelta(hours=1)
GONE = {
    "state": "gone",
    "gone_at": NOW - HOUR,
    "gone_reason": "no used offer is left",
    "gone_evidence": {"used_offers": 0},
}
LATE = {"state": "unverified", "unverified_since": NOW - HOUR, "promised_until": NOW - HOUR}


def a_candidate_row(**changes: Any) -> dict[str, Any]:
    """A row of `candidates`: seen in the feed yesterday, waiting for its first look."""
    row = {
        "asin": ASIN, "domain_id": 1, "title": "Invented Atlas", "first_seen_at": NOW - 24 * HOUR,
        "last_seen_at": NOW - HOUR, "keepa_updated_at": NOW - HOUR, "stage": "feed", "stage_at": NOW - 24 * HOUR,
        "worth_cents": 500, "reason": None,
    }  # fmt: skip
    return row | changes


def a_call_row(purpose: str, number: int = 1) -> dict[str, Any]:
    """A row of `calls` that asked about two products."""
    return {
        "id": f"call-{number}", "started_at": NOW - 3 * HOUR + number * timedelta(minutes=1), "which_pass": "looks",
        "purpose": purpose, "what": f"{purpose}: B0ANOTHER1, {ASIN}", "reserved_tokens": 12, "billed_tokens": 5,
        "outcome": "answered",
    }  # fmt: skip


@pytest.fixture
def remember(database: Database) -> Callable[..., None]:
    """Puts rows into a table."""

    def put(table: Any, *rows: dict[str, Any]) -> None:
        with database.write.begin() as connection:
            for row in rows:
                connection.execute(insert(table), row)

    return put


def where(client: FlaskClient, question: str = "", asin: str = ASIN) -> dict[str, Any]:
    answer = client.get(f"/api/why?asin={asin}&{question}")
    assert answer.status_code == 200, answer.text
    told = answer.get_json()
    page = client.get(f"/why?asin={asin}&{question}")
    assert f'data-where="{told["where"]}"' in page.text
    return dict(told)


@pytest.mark.parametrize(
    ("row", "question", "place", "told"),
    [
        ({}, "", "here", "It is in the table."),
        ({}, "profit_gte=20", "hidden", "Profit ≥ $20.00, but here it is $11.71"),
        ({"profit_cents": None}, "profit_gte=20", "hidden", "but here it is unknown"),
        ({}, "profit_gte=5&condition=new", "hidden", "Condition: only New"),
        ({}, "q=volcano", "hidden", "The search “volcano” does not match it"),
        ({}, "verified_age_lte=0.1", "hidden", "but here it is 0.3 h"),
        ({}, "sort=-roi&limit=25&set=buy", "here", "It is in the table."),
        (GONE, "", "gone", "Gone: no used offer is left."),
        (GONE, "state=all", "here", "It is in the table."),
        (LATE, "", "other_state", "It is unverified, and this table shows only live deals."),
        ({}, "state=gone", "other_state", "It is live, and this table shows only gone deals."),
        (LATE, "state=unverified&profit_gte=99", "hidden", "Profit ≥ $99.00"),
    ],
)
def test_a_deal_is_here_or_hidden_by_what_is_named(
    client: FlaskClient, hold: Callable[..., None], row: dict[str, Any], question: str, place: str, told: str
) -> None:
    hold(a_deal_row(asin=ASIN, **row))
    answer = where(client, question)
    assert answer["where"] == place
    assert told in " ".join([answer["headline"], *answer["grounds"]])


@pytest.mark.parametrize(
    ("changes", "purposes", "place", "told"),
    [
        ({}, [], "waiting", "It waits for its first, light look."),
        ({"stage": "light_look"}, ["candidate_light"], "waiting", "the light one found it promising"),
        ({"stage": "dropped", "reason": "rank drops 0"}, [], "dropped", "Dropped at its feed record: rank drops 0."),
        ({"stage": "dropped", "reason": "x"}, ["candidate_light"], "dropped", "Dropped after a light look: x."),
        (
            {"stage": "dropped", "reason": "x"}, ["candidate_light", "candidate_full"],
            "dropped", "Dropped after a full look: x.",
        ),
        ({"stage": "set_aside", "reason": "no title"}, [], "set_aside", "The last error: no title"),
    ],
)  # fmt: skip
def test_a_candidate_waits_or_fell_at_a_step_with_its_reason(
    client: FlaskClient,
    remember: Callable[..., None],
    changes: dict[str, Any],
    purposes: list[str],
    place: str,
    told: str,
) -> None:
    remember(candidates, a_candidate_row(**changes))
    remember(calls, *(a_call_row(purpose, number) for number, purpose in enumerate(purposes)))
    answer = where(client)
    assert answer["where"] == place
    assert told in " ".join([answer["headline"], *answer["grounds"]])


def test_the_place_in_line_counts_what_is_worth_more(client: FlaskClient, remember: Callable[..., None]) -> None:
    better = (a_candidate_row(asin=f"B00000000{n}", worth_cents=600 + n) for n in range(3))
    remember(candidates, a_candidate_row(), a_candidate_row(asin="B0WORSE001", worth_cents=1), *better)
    assert "3 candidates of its step are worth more" in where(client)["grounds"][0]


def test_what_a_full_look_refused_shows_the_steps_of_that_judgement(
    client: FlaskClient, remember: Callable[..., None]
) -> None:
    steps = [a_step("sale price", 1234, "cents", "rule", "<b>past level</b>")]
    remember(candidates, a_candidate_row(stage="dropped", reason="no profit", explanation=steps))
    assert [(step["name"], step["value"]) for step in where(client)["explanation"]] == [("sale price", 12.34)]
    page = client.get(f"/why?asin={ASIN}").text
    assert "How its last full look refused it" in page
    assert "$12.34" in page
    assert "&lt;b&gt;past level" in page


def test_what_no_judgement_refused_shows_no_steps(client: FlaskClient, remember: Callable[..., None]) -> None:
    remember(candidates, a_candidate_row(stage="dropped", reason="rank drops 0"))
    assert where(client)["explanation"] is None
    assert "refused it" not in client.get(f"/why?asin={ASIN}").text


def test_what_was_set_aside_says_the_error(client: FlaskClient, remember: Callable[..., None]) -> None:
    remember(candidates, a_candidate_row(stage="set_aside", reason="older"))
    failed = {"kind": "product", "key": ASIN, "failures": 3, "error": "no csv", "first_at": NOW, "last_at": NOW}
    remember(poison, failed | {"set_aside_at": NOW})
    assert "The last error: no csv" in where(client)["grounds"]


def test_what_was_never_seen_is_called_so(client: FlaskClient) -> None:
    assert where(client)["where"] == "never_seen"


@pytest.mark.parametrize(
    ("typed", "asin"),
    [
        ("b0example1", "B0EXAMPLE1"),
        (" 0140328726 ", "0140328726"),
        ("978-0-14-032872-1", "0140328726"),
        ("https://www.amazon.com/Some-Title/dp/B0EXAMPLE1?ref=x", "B0EXAMPLE1"),
        ("/deals/B0EXAMPLE1", "B0EXAMPLE1"),
        ("B0EXAMPLE", None),
        ("", None),
        ("979-10-90636-07-1", None),
        ("<script>", None),
    ],
)
def test_an_asin_is_read_in_every_form_people_have_it(typed: str, asin: str | None) -> None:
    assert read_asin(typed) == asin


@pytest.mark.parametrize("question", ["asin=nothing", "asin=B0EXAMPLE1&colour=red", "asin=B0EXAMPLE1&profit_gte=x", ""])
def test_a_malformed_question_is_refused(client: FlaskClient, question: str) -> None:
    assert client.get(f"/api/why?{question}").status_code == 400


def test_the_page_asks_for_an_asin_and_names_a_wrong_one(client: FlaskClient) -> None:
    assert client.get("/why").status_code == 200
    wrong = client.get("/why?asin=<b>nothing</b>")
    assert (wrong.status_code, "<b>nothing" in wrong.text) == (400, False)
    assert "That is no ASIN" in wrong.text


def test_a_hostile_title_stays_text(client: FlaskClient, remember: Callable[..., None]) -> None:
    remember(candidates, a_candidate_row(title="<img src=x onerror=alert(1)>", stage="dropped", reason="<script>"))
    page = client.get(f"/why?asin={ASIN}").text
    assert "<img" not in page
    assert "<script>" not in page
