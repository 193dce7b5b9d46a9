"""The JSON API through the real application."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.builders import NOW, a_deal_row, asin_number


def asins(client: FlaskClient, question: str = "") -> list[str]:
    return [deal["asin"] for deal in client.get(f"/api/deals{question}").get_json()["deals"]]


def test_a_deal_is_told_in_currency_units_with_unknown_as_null(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(item_cents=1600, profit_cents=1230, amazon_cents=None))
    response = client.get("/api/deals")
    assert b'"item_price":16.00,' in response.data
    assert b'"profit":12.30,' in response.data
    deal = response.get_json()["deals"][0]
    assert deal["amazon_price"] is None
    assert deal["verified_at"] == "2026-03-05T11:40:00Z"
    assert deal["ages"] == {"seen_age": 72.0, "price_age": 5.0, "verified_age": 0.33}
    assert deal["url"] == "https://www.amazon.com/dp/0140328726"


def test_zero_and_empty_mean_any_and_show_unknown_values(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(asin=asin_number(1), margin=None), a_deal_row(asin=asin_number(2), margin=0.5))
    for any_value in ("0", "", "0.00", "-0"):
        assert len(asins(client, f"?margin_gte={any_value}&margin_lte={any_value}")) == 2
    assert asins(client, "?margin_gte=0.01") == [asin_number(2)]
    assert asins(client, "?margin_lte=99") == [asin_number(2)]


def test_an_amount_is_compared_to_the_cent(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin_number(cents), profit_cents=cents) for cents in (1249, 1250, 1251)))
    assert asins(client, "?profit_gte=12.5&sort=profit") == [asin_number(1250), asin_number(1251)]
    assert asins(client, "?profit_lte=12.50&sort=profit") == [asin_number(1249), asin_number(1250)]


def test_a_deal_past_its_promise_is_not_live_whatever_the_stored_state(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(a_deal_row(promised_until=NOW))
    assert client.get("/api/deal-count").get_json()["count"] == 0
    deal = client.get("/api/deals?state=unverified").get_json()["deals"][0]
    assert (deal["state"], deal["unverified_since"]) == ("unverified", "2026-03-05T12:00:00Z")


def test_states_can_be_asked_for_together(client: FlaskClient, hold: Callable[..., None]) -> None:
    gone = {"state": "gone", "gone_at": NOW - timedelta(hours=1), "gone_reason": "the offer was sold"}
    hold(a_deal_row(asin=asin_number(1)), a_deal_row(asin=asin_number(2), **gone))
    assert asins(client) == [asin_number(1)]
    assert asins(client, "?state=gone") == [asin_number(2)]
    assert len(asins(client, "?state=live&state=gone")) == len(asins(client, "?state=all")) == 2


@pytest.mark.parametrize(
    ("question", "parameter", "words"),
    [
        ("margn_gte=5", "margn_gte", "did you mean margin_gte?"),
        ("margin_gte=abc", "margin_gte", "'abc'"),
        ("profit_gte=12.345", "profit_gte", "at most 2 decimals"),
        ("profit_gte=NaN", "profit_gte", "'NaN'"),
        ("profit_gte=1e999", "profit_gte", "'1e999'"),
        ("profit_gte=inf", "profit_gte", "'inf'"),
        ("profit_gte=0x10", "profit_gte", "'0x10'"),
        ("profit_gte=12,50", "profit_gte", "after a point"),
        ("profit_gte=٣", "profit_gte", "such as 12.50"),
        ("rank_lte=5.5", "rank_lte", "whole number"),
        ("margin_gte=1&margin_gte=2", "margin_gte", "given 2 times"),
        ("sort=colour", "sort", "it must be one of profit"),
        ("limit=0", "limit", "from 1 to 250"),
        ("limit=251", "limit", "from 1 to 250"),
        ("state=dead", "state", "live, unverified, gone, all"),
        ("condition=mint", "condition", "like_new"),
        ("cursor=abc", "cursor", "not one of our cursors"),
        ("q=" + "x" * 301, "q", "at most 300 characters"),
        ("q=prfit>5", "q", "did you mean profit?"),
        ("q=profit>12,50", "q", "Profit (profit) is"),
    ],
)
def test_a_bad_parameter_is_named_with_what_would_be_right(
    client: FlaskClient, question: str, parameter: str, words: str
) -> None:
    for address in ("/api/deals", "/api/deal-count"):
        response = client.get(f"{address}?{question}")
        error = response.get_json()["error"]
        assert (response.status_code, error["code"], error["parameter"]) == (400, "bad_parameter", parameter)
        assert words in error["message"]


def test_pages_follow_each_other_to_the_end(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin_number(n), roi=None if n % 3 else n // 6) for n in range(20)))
    seen, address = [], "/api/deals?sort=-roi&limit=6"
    for _ in range(4):
        answer = client.get(address).get_json()
        assert answer["count"] == 20
        seen += [deal["asin"] for deal in answer["deals"]]
        address = f"/api/deals?sort=-roi&limit=6&cursor={answer['next_cursor']}"
    assert answer["next_cursor"] is None
    assert sorted(seen) == [asin_number(n) for n in range(20)]


def test_a_count_is_capped_exact_or_left_out_as_asked(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin_number(n)) for n in range(3)))
    for asked, count in (("", 3), ("?count=capped", 3), ("?count=exact", 3), ("?count=none", None)):
        answer = client.get(f"/api/deals{asked}").get_json()
        assert (answer["count"], answer["count_is_capped"]) == (count, False)
    assert client.get("/api/deals?count=all").status_code == 400


def test_facets_and_histograms_come_in_the_units_of_the_parameters(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(a_deal_row(asin=asin_number(1), profit_cents=1050), a_deal_row(asin=asin_number(2), profit_cents=99_000))
    answer = client.get("/api/facets?histogram=profit,rank&histogram=roi&amazon=no").get_json()
    assert {choice["value"]: choice["count"] for choice in answer["facets"]["amazon"]} == {"yes": 0, "no": 2}
    assert list(answer["histograms"]) == ["profit", "rank", "roi"]
    assert (answer["histograms"]["profit"][0]["from"], answer["histograms"]["profit"][-1]["to"]) == (10.5, 990.0)
    assert client.get("/api/facets?histogram=title").get_json()["error"]["parameter"] == "histogram"


def test_a_cursor_of_another_order_is_refused(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin_number(n)) for n in range(3)))
    cursor = client.get("/api/deals?limit=1").get_json()["next_cursor"]
    assert client.get(f"/api/deals?limit=1&cursor={cursor}").status_code == 200
    assert client.get(f"/api/deals?limit=1&sort=roi&cursor={cursor}").status_code == 400
    assert client.get(f"/api/deals?limit=1&cursor={cursor[:-1]}A").status_code == 400


def test_search_takes_every_word_anywhere_and_no_wildcards(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(
        a_deal_row(asin=asin_number(1), title="River 100% Hydraulics", author="Mara Lindqvist"),
        a_deal_row(asin=asin_number(2), title="River_Banks", author="Jon Berg"),
    )
    assert asins(client, "?q=lindqvist+RIVER") == [asin_number(1)]
    assert asins(client, "?q=100%25") == [asin_number(1)]
    assert asins(client, "?q=river_banks") == [asin_number(2)]
    assert asins(client, "?q=r_ver") == []


@pytest.mark.parametrize(
    "number", ["0140328726", "0-14-032872-6", "978-0-14-032872-1", "978 0140328721", "9780140328721"]
)
def test_a_book_number_is_found_in_every_form(client: FlaskClient, hold: Callable[..., None], number: str) -> None:
    hold(a_deal_row(asin="0140328726", isbn13=None), a_deal_row(asin=asin_number(2), isbn13=None))
    assert asins(client, f"?q={number}") == ["0140328726"]


def test_conditions_and_categories_add_up(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(
        a_deal_row(asin=asin_number(1), condition=1, category="Books", category_id=283155),
        a_deal_row(asin=asin_number(2), condition=4, category="Music", category_id=5174),
        a_deal_row(asin=asin_number(3), condition=None, category=None, category_id=5174),
    )
    assert len(asins(client, "?condition=new&condition=good")) == 2
    assert asins(client, "?condition=new") == [asin_number(1)]
    assert len(asins(client, "?category=books&category=5174")) == 3
    assert asins(client, "?category=Music") == [asin_number(2)]


def test_one_deal_comes_with_its_explanation_in_currency_units(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row())
    deal = client.get("/api/deals/0140328726").get_json()["deal"]
    step = deal["explanation"][0]
    assert (step["name"], step["value"], step["unit"]) == ("sale_price", 50.0, "USD")


@pytest.mark.parametrize(
    ("method", "address", "status", "code"),
    [
        ("GET", "/api/deals/B000000000", 404, "not_found"),
        ("GET", "/api/deals/0140328726?domain=7", 400, "bad_parameter"),
        ("GET", "/api/deals/0140328726?foo=7", 400, "bad_parameter"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("POST", "/api/deals", 405, "method_not_allowed"),
        ("DELETE", "/api/deals/0140328726", 405, "method_not_allowed"),
    ],
)
def test_errors_have_one_shape(client: FlaskClient, method: str, address: str, status: int, code: str) -> None:
    response = client.open(address, method=method)
    error: dict[str, Any] = response.get_json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert error["message"].endswith((".", "?"))


def test_a_deal_shows_the_offers_that_were_seen_with_unknown_shipping_as_unknown(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    offers = [
        {
            "condition": 4,
            "item_cents": 1600,
            "shipping_cents": None,
            "landed_cents": None,
            "is_fba": False,
            "seller_id": "A2EXAMPLESELLER",
            "last_seen": "2026-03-05T11:20:00.000Z",
        }
    ]
    hold(a_deal_row(offers=offers))
    (offer,) = client.get(f"/api/deals/{a_deal_row()['asin']}").get_json()["deal"]["offers_seen"]
    assert (offer["condition"], offer["item"], offer["shipping"], offer["landed"]) == ("good", 16.0, None, None)
