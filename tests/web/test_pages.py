"""The pages for people, as the application renders them."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from keepa_deals.health import Finding, Level, Verdict, VerdictState
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import candidates, deals
from tests.builders import NOW, a_deal_row, a_spark, asin_number

HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>{{ 7*7 }}\u202e evil"
GONE = {"state": "gone", "gone_at": NOW - timedelta(hours=3), "gone_reason": "no used offer was left"}


class Tags(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def page_of(client: FlaskClient, address: str = "/") -> str:
    return client.get(address).get_data(as_text=True)


def count_on(page: str) -> int:
    return int(re.search(r'data-count="(\d+)"', page)[1])


def asins_on(page: str) -> list[str]:
    return re.findall(r'data-asin="(\w+)"', page)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?margin_gte=5",
        "?profit_gte=12.5&roi_lte=90",
        "?q=river",
        "?state=all&condition=good",
        "?sort=rank&limit=3",
        "?drops_gte=0",
    ],
)
def test_page_api_and_count_agree(client: FlaskClient, hold: Callable[..., None], question: str) -> None:
    hold(
        *(
            a_deal_row(
                asin=asin_number(n),
                margin=n * 2.5 if n else None,
                profit_cents=n * 400,
                sales_rank=n % 3,
                condition=n % 5,
                title="River" if n % 2 else "Bank",
                roi=n * 20.0,
            )
            for n in range(8)
        )
    )
    page, api = page_of(client, f"/{question}"), client.get(f"/api/deals{question}").get_json()
    assert count_on(page) == api["count"] == client.get(f"/api/deal-count{question}").get_json()["count"]
    assert asins_on(page) == [deal["asin"] for deal in api["deals"]]


def test_many_deals_are_counted_only_when_asked_to(client: FlaskClient, database: Database) -> None:
    row = a_deal_row()
    with database.write.begin() as connection:
        connection.execute(insert(deals), [row | {"asin": asin_number(n)} for n in range(10_001)])
    page = page_of(client, "/?set=buy")
    assert count_on(page) == 10_000
    assert 'href="/?set=buy&amp;count=exact"' in page
    assert count_on(page_of(client, "/?set=buy&count=exact")) == 10_001


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("set=sell", "set is &#39;sell&#39;"),
        ("columns=colour", "no column &#39;colour&#39;"),
        ("count=all", "count is &#39;all&#39;"),
    ],
)
def test_a_view_that_does_not_exist_is_noted_and_forgotten(
    client: FlaskClient, hold: Callable[..., None], question: str, words: str
) -> None:
    hold(a_deal_row())
    page = page_of(client, f"/?{question}&roi_gte=1")
    assert words in page
    assert count_on(page) == 1
    assert [link["href"] for link in Tags(page).of("a") if "data-dismiss" in link] == ["/?roi_gte=1"]


def test_a_table_page_and_all_it_needs_weigh_under_150_kilobytes(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    title = "Principles of Invented Hydraulics, Revised and Expanded, {}th Edition"
    hold(*(a_deal_row(asin=asin_number(n), title=title.format(n), spark=a_spark(sales=n % 5)) for n in range(100)))
    page = page_of(client, "/?limit=100")
    folder = Path(client.application.static_folder)
    files = [folder / Path(link["href"]).name for link in Tags(page).of("link")] + list(folder.glob("*.js"))
    weights = {"page": page.encode()} | {file.name: file.read_bytes() for file in files}
    assert sum(len(gzip.compress(content)) for content in weights.values()) < 150_000


def test_a_hostile_title_is_text_on_every_page(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(
        a_deal_row(
            title=HOSTILE,
            author=HOSTILE,
            brand=HOSTILE,
            category=HOSTILE,
            seller_id=HOSTILE,
            explanation=[{"name": HOSTILE, "value": HOSTILE, "unit": "text", "source": HOSTILE, "rule": HOSTILE}],
        )
    )
    for address in ("/", "/deals/0140328726", f"/?q={HOSTILE[:20]}", "/?category=%3Cscript%3E", "/?%3Cscript%3E=1"):
        tags = Tags(page_of(client, address))
        assert tags.of("img") == []
        assert [script.get("src") for script in tags.of("script")] == ["/static/main.js"]
        assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]


def test_a_title_of_five_thousand_characters_is_cut_and_isolated(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(a_deal_row(title="\u202e" + "W" * 5000))
    page = page_of(client)
    assert "W" * 250 not in page
    assert "<bdi>\u202eWWW" in page


def test_no_page_needs_anything_inline_or_from_elsewhere(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row())
    for address in ("/", "/deals/0140328726", "/login", "/nothing"):
        response = client.get(address)
        assert "'unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        tags = Tags(response.get_data(as_text=True))
        assert not [attributes for _, attributes in tags.found if "style" in attributes]
        assert tags.of("style") == []
        assert all(link["href"].startswith("/static/") for link in tags.of("link"))


def test_headings_sort_tell_their_state_and_begin_at_the_first_page(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(*(a_deal_row(asin=asin_number(n), roi=float(n)) for n in range(3)))
    page = page_of(client, "/?sort=-roi&limit=2&margin_gte=1")
    sorted_heads = [head for head in Tags(page).of("th") if "aria-sort" in head]
    assert [(head["class"], head["aria-sort"]) for head in sorted_heads] == [("roi number", "descending")]
    links = [link["href"] for link in Tags(page).of("a")]
    assert "/?margin_gte=1&sort=roi&limit=2" in links
    following = next(link["href"] for link in Tags(page).of("a") if link.get("rel") == "next")
    assert asins_on(page_of(client, following)) == [asin_number(0)]


def test_each_active_filter_has_a_chip_that_takes_it_away(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row())
    page = page_of(client, "/?profit_gte=5&condition=good&condition=new&category=Books&q=river")
    links = [link["href"] for link in Tags(page[page.index('class="chips"') :]).of("a")]
    assert "/?q=river&condition=good&condition=new&category=Books" in links
    assert "/?q=river&profit_gte=5&condition=new&category=Books" in links
    assert "/?profit_gte=5&condition=good&condition=new&category=Books" in links
    assert "Profit ≥ $5.00" in page


def test_what_was_not_understood_is_noted_beside_its_field_and_the_table_stays(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(a_deal_row())
    response = client.get("/?profit_gte=12,5&roi_gte=1")
    page = response.get_data(as_text=True)
    field = next(one for one in Tags(page).of("input") if one.get("name") == "profit_gte")
    assert response.status_code == 400
    assert (field["value"], field["aria-invalid"]) == ("12,5", "true")
    assert "(profit_gte), is &#39;12,5&#39;" in page
    assert count_on(page) == 1


def test_an_unknown_parameter_is_named_and_can_be_dismissed(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row())
    response = client.get("/?colour=red&roi_gte=1")
    page = response.get_data(as_text=True)
    assert response.status_code == 200
    assert "There is no parameter &#39;colour&#39;" in page
    assert [link["href"] for link in Tags(page).of("a") if "data-dismiss" in link] == ["/?roi_gte=1"]


def test_three_ages_stand_apart_with_the_exact_time_behind_each(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row())
    for address in ("/", "/deals/0140328726"):
        times = {time["datetime"]: time.get("title") for time in Tags(page_of(client, address)).of("time")}
        assert times["2026-03-05T07:00:00.000Z"] == "2026-03-05 07:00:00 UTC"
        assert times["2026-03-05T11:40:00.000Z"] == "2026-03-05 11:40:00 UTC"
        assert times["2026-03-02T12:00:00.000Z"] == "2026-03-02 12:00:00 UTC"


def test_a_deal_links_to_its_own_marketplace_safely(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(domain_id=3))
    page = page_of(client, "/deals/0140328726?domain=3")
    link = next(one for one in Tags(page).of("a") if one["href"].startswith("https://"))
    assert (link["href"], link["rel"]) == ("https://www.amazon.de/dp/0140328726", "noopener noreferrer")
    assert "€19.99" in page


def test_a_deal_without_known_numbers_says_so(client: FlaskClient, hold: Callable[..., None]) -> None:
    unknown = dict.fromkeys(
        (
            "sale_price_cents",
            "profit_cents",
            "fba_fee_cents",
            "all_in_cents",
            "margin",
            "roi",
            "condition",
            "is_fba",
            "seller_id",
            "price_changed_at",
            "sales_rank",
            "shipping_cents",
            "item_cents",
            "price_now_cents",
            "author",
            "trust",
        )
    )
    hold(a_deal_row(**unknown, explanation=[]))
    for address in ("/", "/deals/0140328726"):
        response = client.get(address)
        assert response.status_code == 200
        assert 'title="unknown"' in response.get_data(as_text=True)
        assert "None" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (GONE, "no used offer was left"),
        ({"state": "unverified", "unverified_since": NOW - timedelta(hours=1)}, "Unverified"),
        ({"promised_until": NOW - timedelta(seconds=1)}, "Unverified"),
        ({"look_due_since": NOW, "look_due_reason": "the feed shows another price"}, "the feed shows another price"),
        ({"profit_cents": -500}, "−$5.00"),
        ({"explanation": {"unexpected": 1}}, "No steps were recorded"),
    ],
)
def test_a_deals_page_tells_its_state(
    client: FlaskClient, hold: Callable[..., None], changes: dict, words: str
) -> None:
    hold(a_deal_row(**changes))
    assert words in page_of(client, "/deals/0140328726")


def test_an_asin_that_was_never_a_deal_is_not_found(client: FlaskClient) -> None:
    response = client.get("/deals/B000000000")
    assert response.status_code == 404
    assert "B000000000" in response.get_data(as_text=True)


def test_an_empty_table_says_nothing_was_collected_yet(client: FlaskClient) -> None:
    assert "Nothing has been collected yet" in page_of(client)


def test_an_empty_table_says_how_far_collecting_got(client: FlaskClient, database: Database) -> None:
    with database.write.begin() as connection:
        connection.execute(
            insert(candidates),
            {
                "asin": asin_number(1),
                "domain_id": 1,
                "title": "x",
                "first_seen_at": NOW,
                "last_seen_at": NOW,
                "keepa_updated_at": NOW,
                "stage": "feed",
                "stage_at": NOW,
            },
        )
    assert "1 product is known from the feed" in page_of(client)


def test_an_empty_table_says_what_the_filters_hide_and_which_one_to_loosen(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(*(a_deal_row(asin=asin_number(n), roi=10.0 * n) for n in range(3)))
    page = page_of(client, "/?profit_gte=9000&roi_gte=15")
    assert "Your filters exclude all 3 deals" in page
    assert re.search(r'href="/\?roi_gte=15">Without <bdi>Profit ≥ \$9,000.00</bdi></a>: 1 deal\b', page)


def test_an_empty_table_points_to_the_states_that_hold_deals(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(**GONE))
    page = page_of(client)
    assert "No deal is in this state now" in page
    assert 'href="/?state=gone">Gone: 1</a>' in page


def test_an_empty_table_says_until_when_it_waits_for_tokens(make_app: Callable[..., Flask]) -> None:
    verdict = Verdict(VerdictState.WAITING, NOW + timedelta(minutes=25), (), NOW)
    page = page_of(make_app(verdict=lambda: verdict).test_client())
    assert "waiting for tokens until" in page
    assert "Waiting for tokens until 12:25 UTC" in page


def test_an_empty_table_says_since_when_the_collector_is_stuck(make_app: Callable[..., Flask]) -> None:
    finding = Finding(
        "pulse_stale", Level.ERROR, "no pulse came through", NOW - timedelta(hours=3), "Read celery_worker.log"
    )
    verdict = Verdict(VerdictState.STUCK, None, (finding,), NOW)
    page = re.sub(r"<[^>]+>", "", page_of(make_app(verdict=lambda: verdict).test_client()))
    assert "The collector is stuck since 09:00 UTC: no pulse came through. Read celery_worker.log" in page


def test_demo_data_are_marked_on_every_page_and_real_ones_are_not(
    make_app: Callable[..., Flask], hold: Callable[..., None]
) -> None:
    hold(a_deal_row())
    demo, real = make_app().test_client(), make_app(KEEPA_API_KEY="k" * 64).test_client()
    for address in ("/", "/deals/0140328726", "/nothing", "/?profit_gte=x"):
        assert "demo data" in page_of(demo, address)
        assert "demo data" not in page_of(real, address)
        assert "k" * 64 not in page_of(real, address)


def test_yen_are_whole_numbers(make_app: Callable[..., Flask], hold: Callable[..., None]) -> None:
    hold(a_deal_row(domain_id=5, profit_cents=1171))
    client = make_app(KEEPA_DOMAIN="5").test_client()
    assert "¥1,171" in page_of(client, "/?profit_gte=1171")
    assert client.get("/api/deals?profit_gte=1172").get_json()["count"] == 0
    assert b'"profit":1171,' in client.get("/api/deals").data
