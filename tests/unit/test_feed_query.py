"""The seller's wishes become Keepa's deal selection, or one clear sentence."""

from __future__ import annotations

import pytest

from keepa_deals.errors import BadSettings
from keepa_deals.feed_query import FeedQuery, parse_feed_query
from keepa_deals.keepa_costs import FEED_PAGE_COST, full_look_most, light_look_most, seller_most


def test_the_default_asks_for_used_books_that_fell():
    assert FeedQuery().selection(3, newest_first=True) == {
        "page": 3,
        "domainId": 1,
        "priceTypes": [2],
        "dateRange": 3,
        "isFilterEnabled": True,
        "isRangeEnabled": True,
        "filterErotic": True,
        "includeCategories": [283155],
        "currentRange": [1000, 45100],
        "deltaPercentRange": [10, 2147483647],
        "salesRankRange": [1, 3000000],
        "sortType": 1,
    }


def test_without_categories_none_is_named():
    assert "includeCategories" not in FeedQuery(categories=()).selection(0, newest_first=False)


@pytest.mark.parametrize(("domain_id", "books"), [(1, [283155]), (3, [186606]), (11, None)])
def test_the_default_categories_are_the_marketplaces_books(domain_id, books):
    assert FeedQuery(domain_id=domain_id).selection(0, newest_first=True).get("includeCategories") == books


def test_the_other_order_is_the_largest_fall_first():
    assert FeedQuery().selection(0, newest_first=False)["sortType"] == 4


def test_a_query_is_read_from_json_and_keeps_the_other_defaults():
    query = parse_feed_query('{"lowest_price_cents": 2000, "categories": [5, 6], "drop_percent_min": 25}')
    assert query == FeedQuery(lowest_price_cents=2000, categories=(5, 6), drop_percent_min=25)
    assert parse_feed_query("{}") == FeedQuery()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "is a JSON list"),
        ('{"colour": 1}', "no field 'colour'; it takes domain_id"),
        ('{"lowest_price_cents": "10"}', "lowest_price_cents is '10'; give a whole number"),
        ('{"lowest_price_cents": 10.5}', "give a whole number"),
        ('{"lowest_price_cents": true}', "give a whole number"),
        ('{"lowest_price_cents": 0}', "give a whole number from 1"),
        ('{"lowest_price_cents": 5000, "highest_price_cents": 4000}', "highest_price_cents is 4000"),
        ('{"best_rank": 10, "worst_rank": 9}', "worst_rank is 9"),
        ('{"drop_percent_min": 9}', "from 10 to 100"),
        ('{"domain_id": 7}', "domain_id is 7"),
        ('{"domain_id": 12}', "domain_id is 12"),
        ('{"categories": 283155}', "give a list"),
        ('{"categories": [0]}', "categories is 0"),
        ('{"categories": ["x"]}', "categories is 'x'"),
        ('{"categories": null}', "give a list"),
    ],
)
def test_a_wrong_query_is_refused_with_a_sentence(text, words):
    with pytest.raises(BadSettings, match=words) as refusal:
        parse_feed_query(text)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("asins", "offers", "tokens"), [(1, 20, 12), (5, 20, 60), (1, 21, 18), (3, 100, 180), (0, 20, 0)]
)
def test_a_full_look_costs_at_most_6_for_each_started_page_of_10_offers(asins, offers, tokens):
    assert full_look_most(asins, offers) == tokens


def test_the_other_calls_cost_what_keepa_documents():
    assert (FEED_PAGE_COST, light_look_most(7), seller_most(4)) == (5, 7, 4)
