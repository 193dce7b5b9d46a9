"""Facets and histograms of a real database: each ignores its own filter and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from werkzeug.datastructures import MultiDict

from keepa_deals.deal_fields import FIELDS
from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.store import facets as narrowing
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import deals
from tests.builders import NOW, a_deal_row, asin_number

ROWS = (
    {"condition": 4, "category": "Books", "season": "textbook", "binding": "Paperback", "amazon_cents": None},
    {"condition": 4, "category": "Books", "season": "general", "binding": "Hardcover", "amazon_cents": 900},
    {"condition": 3, "category": None, "category_id": 7, "season": None, "binding": None, "is_profitable": True},
    {"condition": None, "category": "Music", "promised_until": NOW},
    {"condition": 4, "category": "Music", "state": "gone", "gone_at": NOW, "gone_reason": "sold"},
)


@pytest.fixture
def hold(database: Database) -> Callable[..., None]:
    def put(*rows: dict[str, Any]) -> None:
        with database.write.begin() as connection:
            for number, row in enumerate(rows):
                connection.execute(insert(deals), a_deal_row(asin=asin_number(number)) | row)

    return put


def told(database: Database, question: dict[str, str], name: str) -> dict[str, tuple[int, bool]]:
    with database.read.connect() as connection:
        facet = narrowing.facets(connection, parse_deal_query(MultiDict(question)), now=NOW, seconds=60).get(name)
    assert facet is not None
    return {choice.value: (choice.count, choice.is_chosen) for choice in facet.choices if choice.count}


@pytest.mark.parametrize(
    ("question", "name", "expected"),
    [
        ({}, "condition", {"good": (2, False), "very_good": (1, False)}),
        ({"condition": "good"}, "condition", {"good": (2, True), "very_good": (1, False)}),
        ({"condition": "good"}, "category", {"Books": (2, False)}),
        ({}, "category", {"Books": (2, False), "7": (1, False)}),
        ({"category": "books"}, "category", {"Books": (2, True), "7": (1, False)}),
        ({}, "season", {"textbook": (1, False), "general": (1, False)}),
        ({"state": "all"}, "binding", {"Paperback": (3, False), "Hardcover": (1, False)}),
        ({}, "state", {"live": (3, True), "unverified": (1, False), "gone": (1, False)}),
        ({}, "amazon", {"yes": (1, False), "no": (2, False)}),
        ({"amazon": "yes"}, "amazon", {"yes": (1, True), "no": (2, False)}),
        ({"amazon": "yes"}, "binding", {"Hardcover": (1, False)}),
        ({"profitable": "1"}, "profitable", {"yes": (1, True), "no": (2, False)}),
    ],
)
def test_a_facet_counts_as_if_its_own_filter_were_not_set(
    database: Database,
    hold: Callable[..., None],
    question: dict[str, str],
    name: str,
    expected: dict[str, tuple[int, bool]],
) -> None:
    hold(*ROWS)
    assert told(database, question, name) == expected


def test_a_chosen_value_stays_listed_without_deals(database: Database, hold: Callable[..., None]) -> None:
    hold(*ROWS)
    with database.read.connect() as connection:
        shown = narrowing.facets(connection, parse_deal_query(MultiDict({"category": "Garden"})), now=NOW, seconds=60)
    facet = shown.get("category")
    assert facet is not None
    assert narrowing.FacetChoice("Garden", 0, True) in facet.choices


def test_no_time_leaves_facets_out_and_says_so(database: Database) -> None:
    with database.read.connect() as connection:
        shown = narrowing.facets(connection, DealQuery(), now=NOW, seconds=-1)
    assert (shown.facets, shown.is_complete) == ((), False)


def drawn(database: Database, name: str, **question: str) -> tuple[narrowing.Bucket, ...]:
    with database.read.connect() as connection:
        return narrowing.histogram(connection, parse_deal_query(MultiDict(question)), FIELDS[name], now=NOW)


def test_a_histogram_ignores_its_own_bounds_and_unknown_values(database: Database, hold: Callable[..., None]) -> None:
    hold(*({"roi": value, "margin": 5.0} for value in (None, 1.0, 50.0, 99.0)), {"roi": 10.0, "margin": 1.0})
    assert sum(bucket.count for bucket in drawn(database, "roi", roi_gte="60", margin_gte="2")) == 3


def test_an_age_is_drawn_in_hours(database: Database, hold: Callable[..., None]) -> None:
    hold(*({"verified_at": NOW - timedelta(hours=hours)} for hours in (1, 5)))
    buckets = drawn(database, "verified_age")
    assert (buckets[0].low, buckets[-1].high) == (1, 5)


def test_nothing_known_draws_nothing(database: Database, hold: Callable[..., None]) -> None:
    hold({"roi": None})
    assert drawn(database, "roi") == ()


@pytest.mark.parametrize("name", ["profit", "rank", "margin", "drops"])
def test_a_histogram_holds_every_value_once_between_rising_edges(name: str) -> None:
    @given(st.lists(st.integers(-(10**7), 10**8).map(float), min_size=1, max_size=60))
    def hold(values: list[float]) -> None:
        buckets = narrowing.drawn_buckets(values, FIELDS[name])
        assert sum(bucket.count for bucket in buckets) == len(values)
        assert all(before.high == after.low for before, after in pairwise(buckets))
        assert all(bucket.low < bucket.high for bucket in buckets)
        assert len(buckets) <= narrowing.BUCKETS + 2

    hold()
