"""Finding deals in a real database, against the same rule written a second time in plain Python."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_fields import FIELDS, GRADES, SORTS, Kind
from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.records import DealState
from keepa_deals.store.engine import Database, open_database
from keepa_deals.store.find import Deal, count_deals, deal, find_deals, holdings, live_categories
from keepa_deals.store.tables import deals
from tests.builders import NOW, a_deal_row, asin_number

MOST_ROWS = 14
TEXTS = ("River", "river_bank", "100%", "Mara", "", "a\\b", "'; drop table deals; --")


@pytest.fixture(scope="module")
def database(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("find") / "deals.db"
    shutil.copy(empty_database, path)
    opened = open_database(f"sqlite:///{path}")
    yield opened
    opened.dispose()


def hold(database: Database, rows: list[dict[str, Any]]) -> None:
    with database.write.begin() as connection:
        connection.execute(delete(deals))
        if rows:
            connection.execute(insert(deals), rows)


def all_pages(database: Database, query: DealQuery) -> list[Deal]:
    found: list[Deal] = []
    with database.read.connect() as connection:
        page = find_deals(connection, query, now=NOW)
        found += page.deals
        while page.next_after is not None:
            page = find_deals(connection, query.starting_after(page.next_after), now=NOW)
            assert page.deals
            found += page.deals
            assert len(found) <= MOST_ROWS
    return found


small = st.none() | st.integers(-3, 6)
instants = st.integers(0, 6).map(lambda hours: NOW - timedelta(hours=hours))


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    return [a_row(draw, number) for number in range(draw(st.integers(0, MOST_ROWS)))]


def a_row(draw: st.DrawFn, number: int) -> dict[str, Any]:
    state = draw(st.sampled_from([*DealState, DealState.LIVE, DealState.LIVE, DealState.LIVE]))
    return a_deal_row(
        asin=asin_number(number // 2),
        domain_id=1 + number % 2,
        title=draw(st.sampled_from(TEXTS)),
        author=draw(st.sampled_from([None, *TEXTS])),
        brand=None,
        isbn13=None,
        category=draw(st.sampled_from([None, "Books", "Music"])),
        category_id=draw(st.sampled_from([None, 7, 8])),
        season=draw(st.sampled_from([None, "textbook", "General"])),
        binding=draw(st.sampled_from([None, "Paperback", "paperback", "Hardcover"])),
        condition=draw(st.sampled_from([None, 0, 1, 4, 5])),
        state=state.value,
        gone_at=NOW if state is DealState.GONE else None,
        gone_reason="sold" if state is DealState.GONE else None,
        promised_until=NOW + timedelta(seconds=draw(st.sampled_from([1, 1, 1, 0, -1]))),
        first_seen_at=draw(instants),
        verified_at=draw(instants),
        price_changed_at=draw(st.none() | instants),
        **{field.column: draw(small) for field in FIELDS.values() if field.kind in (Kind.MONEY, Kind.COUNT)},
        **{
            field.column: draw(st.none() | st.sampled_from([-1.0, 0.1, 2.0, 2.5]))
            for field in FIELDS.values()
            if field.kind is Kind.PERCENT
        },
    )


def a_number(kind: Kind) -> st.SearchStrategy[str]:
    if kind is Kind.MONEY:
        return st.sampled_from(["0", "0.01", "0.03", "-0.02", "0.05"])
    return st.sampled_from(["", "0", "2", "3", "6"] if kind in (Kind.COUNT, Kind.AGE) else ["0", "0.1", "2.5", "-1"])


BOUNDS = [f"{field.name}_{end}" for field in FIELDS.values() for end in ("gte", "lte")]
CHOICES = {
    "q": st.sampled_from(["river", "RIVER mar", "100%", "bank", "'; drop", "B000000", "-river", "mara -100", "a\\b"]),
    "condition": st.sampled_from(["new", "good"]),
    "category": st.sampled_from(["Books", "books", "7"]),
    "state": st.sampled_from(["live", "unverified", "gone", "all"]),
}


@st.composite
def questions(draw: st.DrawFn) -> dict[str, str]:
    """A few filters at a time: with many, no row would ever be left to tell right from wrong."""
    asked = {"limit": str(draw(st.integers(1, 5)))}
    asked["sort"] = draw(st.sampled_from([sign + name for sign in ("", "-") for name in SORTS]))
    for name in draw(st.lists(st.sampled_from(BOUNDS), max_size=2, unique=True)):
        asked[name] = draw(a_number(FIELDS[name[:-4]].kind))
    for name in draw(st.lists(st.sampled_from(list(CHOICES)), max_size=1)):
        asked[name] = draw(CHOICES[name])
    return asked


def belongs(row: dict[str, Any], asked: dict[str, str]) -> bool:
    """The documented rule, read straight from the parameters."""
    return (
        asked.get("state", "live") in ("all", state_of(row))
        and all(in_range(row, name, text) for name, text in asked.items() if name.endswith(("_gte", "_lte")))
        and ("condition" not in asked or row["condition"] == GRADES[asked["condition"]])
        and (
            "category" not in asked
            or asked["category"].lower() in (str(row["category"]).lower(), str(row["category_id"]))
        )
        and all(word.startswith("-") != mentions(row, word.removeprefix("-")) for word in asked.get("q", "").split())
    )


def mentions(row: dict[str, Any], word: str) -> bool:
    """Whether the letters and digits of `word` begin somewhere in one text of `row`, at the begin of a word."""
    begin = " ".join(plain_words(word))
    texts = (row[name] or "" for name in ("title", "author", "asin", "seller_id"))
    return any(f" {begin}" in f" {' '.join(plain_words(text))}" for text in texts)


def plain_words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def state_of(row: dict[str, Any]) -> str:
    return "unverified" if row["state"] == "live" and row["promised_until"] <= NOW else row["state"]


def in_range(row: dict[str, Any], name: str, text: str) -> bool:
    if float(text or 0) == 0:
        return True
    field, end = FIELDS[name[:-4]], name[-3:]
    value = row[field.column]
    if value is None:
        return False
    number, edge = float(text), value
    if field.kind is Kind.MONEY:
        number = round(number * 100)
    if field.kind is Kind.AGE:
        edge = (NOW - value).total_seconds() / 3600
    return edge >= number if end == "gte" else edge <= number


def place(row: dict[str, Any], sort: str) -> tuple[Any, ...]:
    field = SORTS[sort.removeprefix("-")]
    value = row[field.column]
    if value is not None:
        value = (NOW - value).total_seconds() if field.kind in (Kind.AGE, Kind.INSTANT) else value
        value = [ord(letter) for letter in value.lower()] + [0] * 40 if field.kind is Kind.TEXT else [value]
        value = [-part for part in value] if sort.startswith("-") != (field.kind is Kind.INSTANT) else value
    return (value is None, value or [], row["asin"], row["domain_id"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rows(), questions())
def test_pages_count_and_rule_agree_in_every_order(
    database: Database, held: list[dict[str, Any]], asked: dict[str, str]
) -> None:
    hold(database, held)
    query = parse_deal_query(MultiDict(asked))
    expected = sorted((row for row in held if belongs(row, asked)), key=lambda row: place(row, asked["sort"]))
    found = all_pages(database, query)
    assert [(one.asin, one.domain_id) for one in found] == [(row["asin"], row["domain_id"]) for row in expected]
    assert [one.state for one in found] == [state_of(row) for row in expected]
    with database.read.connect() as connection:
        assert count_deals(connection, query, now=NOW) == len(expected)


def test_a_record_keeps_what_the_row_held(database: Database) -> None:
    hold(database, [a_deal_row(fba_fee_cents=None, condition=99)])
    with database.read.connect() as connection:
        details = deal(connection, "0140328726", 1, now=NOW)
        assert deal(connection, "0140328726", 2, now=NOW) is None
    assert details is not None
    assert (details.deal.profit_cents, details.deal.fba_fee_cents, details.deal.condition) == (1171, None, None)
    assert details.deal.verified_at == NOW - timedelta(minutes=20)
    assert details.explanation[0]["name"] == "sale_price"


def test_holdings_count_states_as_of_now(database: Database) -> None:
    gone = {"state": "gone", "gone_at": NOW, "gone_reason": "sold"}
    hold(
        database,
        [
            a_deal_row(asin=asin_number(1)),
            a_deal_row(asin=asin_number(2), promised_until=NOW),
            a_deal_row(asin=asin_number(3), state="unverified"),
            a_deal_row(asin=asin_number(4), **gone),
        ],
    )
    with database.read.connect() as connection:
        held = holdings(connection, now=NOW)
    assert held.by_state == {DealState.LIVE: 1, DealState.UNVERIFIED: 2, DealState.GONE: 1}
    assert (held.deals, held.candidates) == (4, 0)


def test_categories_of_live_deals_are_told_by_name_or_else_by_id(database: Database) -> None:
    categories = [("Books", 1), ("Books", 2), (None, 7), (None, None)]
    hold(
        database,
        [
            a_deal_row(asin=asin_number(number), category=name, category_id=category_id)
            for number, (name, category_id) in enumerate(categories)
        ],
    )
    with database.read.connect() as connection:
        found = live_categories(connection, now=NOW)
    assert [(category.value, category.count) for category in found] == [("Books", 2), ("7", 1)]


def test_the_reading_door_can_not_write(database: Database) -> None:
    with database.read.connect() as connection, pytest.raises(Exception, match="readonly"):
        connection.execute(delete(deals))


AROUND = {
    Kind.MONEY: ("12.50", (1249, 1250, 1251)),
    Kind.PERCENT: ("12.5", (12.49, 12.5, 12.51)),
    Kind.COUNT: ("12", (11, 12, 13)),
    Kind.AGE: ("12", tuple(NOW - timedelta(hours=12, milliseconds=step) for step in (-1, 0, 1))),
}


@pytest.mark.parametrize("end", ["gte", "lte"])
@pytest.mark.parametrize("name", [name for name, field in FIELDS.items() if deals.c[field.column].nullable])
def test_an_end_of_a_range_belongs_to_it_and_unknown_does_not(database: Database, name: str, end: str) -> None:
    text, values = AROUND[FIELDS[name].kind]
    column = FIELDS[name].column
    hold(database, [a_deal_row(asin=asin_number(n)) | {column: value} for n, value in enumerate((*values, None))])
    found = all_pages(database, parse_deal_query(MultiDict({f"{name}_{end}": text, "sort": name})))
    assert [one.asin for one in found] == [asin_number(n) for n in ((1, 2) if end == "gte" else (0, 1))]


SEARCHED = (
    {"profit_cents": 0, "season": "textbook", "peak_month": 9, "title": "Organic Chemistry"},
    {"profit_cents": 2000, "season": "general", "peak_month": 2, "title": "Chemistry, organic"},
    {"profit_cents": None, "season": None, "peak_month": None, "title": "River", "author": "Organic", "condition": 3},
    {"profit_cents": -5, "season": "none", "title": "Gone river", "state": "gone", "gone_at": NOW, "gone_reason": "x"},
    {"profit_cents": 2001, "peak_month": 10, "title": "Rivers", "amazon_cents": 900, "is_profitable": True},
)


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("profit>=0", {0, 1, 4}),
        ("profit=0", {0}),
        ("profit>20", {4}),
        ("-profit>20", {0, 1}),
        ("profit<0", set()),
        ("season:fall", {0, 4}),
        ("-season:fall", {1, 2}),
        ("season:textbook", {0}),
        ("-season:sep", {1, 2, 4}),
        ("organic", {0, 1, 2}),
        ("-organic", {4}),
        ("title:organic", {0, 1}),
        ('"organic chemistry"', {0}),
        ('organic -title:"organic chemistry"', {1, 2}),
        ("river", {2, 4}),
        ('"river"', {2}),
        ("river state:gone", {3}),
        ("-state:live", set()),
        ("condition:very_good", {2}),
        ("amazon:yes", {4}),
        ("-amazon:yes profitable:no", {0, 1, 2}),
        ("category:books -condition:good", {2}),
        ("binding:paperback river profit>0", {4}),
        ("verified<1h seen>=2d", {0, 1, 2, 4}),
        ("seller:a2example -author:organic profit<=20", {0, 1}),
    ],
)
def test_the_search_language_finds_what_it_says(database: Database, search: str, expected: set[int]) -> None:
    hold(database, [])
    with database.write.begin() as connection:
        for number, row in enumerate(SEARCHED):
            connection.execute(insert(deals), a_deal_row(asin=asin_number(number)) | row)
    found = all_pages(database, parse_deal_query(MultiDict({"q": search})))
    assert {one.asin for one in found} == {asin_number(number) for number in expected}


@pytest.mark.parametrize(("end", "expected"), [("gte", (1, 2)), ("lte", (0, 1))])
def test_an_age_ends_at_its_hour(database: Database, end: str, expected: tuple[int, int]) -> None:
    text, values = AROUND[Kind.AGE]
    hold(database, [a_deal_row(asin=asin_number(n), verified_at=value) for n, value in enumerate(values)])
    found = all_pages(database, parse_deal_query(MultiDict({f"verified_age_{end}": text, "sort": "verified_age"})))
    assert [one.asin for one in found] == [asin_number(n) for n in expected]
