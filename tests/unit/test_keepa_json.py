"""Keepa's JSON becomes records; what can't be true becomes None."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals import keepa_values as values
from keepa_deals.errors import MalformedReply
from keepa_deals.judgement.judge import cheapest_used_offer
from keepa_deals.keepa_json import parse_feed, parse_look, parse_sellers, read_complaint, read_envelope
from keepa_deals.records import Averages, Condition, Product
from keepa_deals.units import KEEPA_EPOCH, to_keepa_minutes

DATA = Path(__file__).parent.parent / "data" / "keepa"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW_MINUTE = to_keepa_minutes(NOW)
ASIN = "0131234566"


def body(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def packed(value: object) -> bytes:
    return json.dumps(value).encode()


def looked(**changes: object) -> Product:
    """The product of full-look.json with some fields changed."""
    answer = body("full-look.json")
    answer["products"][0].update(changes)
    (product,) = parse_look(packed(answer), asked=[ASIN], now=NOW).products
    return product


# the meter


def test_the_meter_is_read_from_any_answer():
    status = read_envelope((DATA / "out-of-tokens.json").read_bytes())
    assert status is not None
    assert (status.balance, status.refill_rate, status.refill_in_ms, status.consumed) == (-31, 5, 22_790, 0)
    assert status.server_time == NOW


def test_the_meter_of_a_parameter_error_has_no_refill():
    status = read_envelope((DATA / "bad-parameter.json").read_bytes())
    assert status is not None
    assert status.refill_rate == 0


@pytest.mark.parametrize(
    ("text", "balance"),
    [
        ('{"tokensLeft": 54.5, "refillRate": 5}', 54),
        ('{"tokensLeft": -0.5}', -1),
        ('{"tokensLeft": 0}', 0),
        ('{"tokensLeft": 7, "timestamp": "yesterday", "refillIn": null, "refillRate": [5]}', 7),
        ('{"tokensLeft": null}', None),
        ('{"tokensLeft": "many"}', None),
        ('{"tokensLeft": true}', None),
        ('{"tokensLeft": 1e300}', None),
        ("{}", None),
        ("[]", None),
        ("", None),
        ("<html>gateway</html>", None),
    ],
)
def test_a_balance_is_a_whole_number_or_there_is_no_meter(text, balance):
    status = read_envelope(text.encode())
    assert (status.balance if status is not None else None) == balance


def test_keepas_own_words_are_read_where_it_gives_any():
    said = read_complaint((DATA / "bad-parameter.json").read_bytes())
    assert said is not None
    assert said.kind == "invalidParameter"
    assert read_complaint((DATA / "token.json").read_bytes()) is None
    assert read_complaint(b"<html>") is None


# the feed


def test_a_feed_row_becomes_a_record():
    page = parse_feed((DATA / "feed-page.json").read_bytes(), now=NOW)
    record = page.records[0]
    assert page.row_count == 3
    assert page.unreadable == ()
    assert (record.asin, record.title) == (ASIN, "A Field Guide to Invented Mosses, 2nd Edition")
    assert (record.root_category, record.categories) == (283155, (491542, 13910))
    assert record.image == "41mAdeUpQx.jpg"
    assert record.updated_at == NOW - timedelta(minutes=40)
    assert (record.used_cents, record.used_since) == (1820, NOW - timedelta(minutes=310))
    assert record.landed_cents_by_grade == {Condition.VERY_GOOD: 2499, Condition.GOOD: 2219}
    assert record.buy_box_used_landed_cents == 2219
    assert (record.new_cents, record.amazon_cents, record.list_price_cents) == (5210, 5499, 7995)
    assert (record.sales_rank, record.sales_rank_avg90) == (248110, 241500)
    assert (record.used_offers, record.new_offers) == (17, 6)
    assert record.used_avg_cents == (2105, 2740, 3105, 3360)
    assert (record.drops30, record.drops90, record.drops180, record.drops365) == (4, 13, 29, 55)
    assert not record.is_warehouse_deal
    assert not record.is_lightning_deal


def test_a_row_of_34_places_reads_like_one_of_36():
    first, second, _ = parse_feed((DATA / "feed-page.json").read_bytes(), now=NOW).records
    assert second.used_cents == first.used_cents
    assert second.buy_box_used_landed_cents == first.buy_box_used_landed_cents


def test_absence_in_a_feed_row_is_none_and_no_sale_is_0():
    record = parse_feed((DATA / "feed-page.json").read_bytes(), now=NOW).records[2]
    assert record.used_cents is None
    assert record.sales_rank is None
    assert record.used_offers is None
    assert record.drops90 == 0
    assert record.landed_cents_by_grade == {}


def test_a_hostile_title_keeps_its_text_and_loses_its_controls():
    record = parse_feed((DATA / "feed-page.json").read_bytes(), now=NOW).records[2]
    assert record.title == "Sold Out <b>and</b>  odd"


def changed_row(**changes: object) -> bytes:
    answer = body("feed-page.json")
    answer["deals"]["dr"][1].update(changes)
    return packed(answer)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"asin": None}, "$.asin"),
        ({"asin": "../../etc"}, "$.asin"),
        ({"asin": "013123457"}, "$.asin"),
        ({"lastUpdate": 0}, "$.lastUpdate"),
        ({"lastUpdate": NOW_MINUTE + 1441}, "$.lastUpdate"),
        ({"lastUpdate": 10**15}, "$.lastUpdate"),
        ({"current": {"a": 1}}, "$.current"),
        ({"current": [1, [2]]}, "$.current[1]"),
        ({"avg": [[1, "x"]]}, "$.avg[0][1]"),
        ({"title": 5}, "$.title"),
    ],
)
def test_an_unreadable_row_is_set_aside_with_its_path_and_the_rest_goes_on(changes, path):
    page = parse_feed(changed_row(**changes), now=NOW)
    (aside,) = page.unreadable
    assert [record.asin for record in page.records] == [ASIN, "0131234582"]
    assert page.row_count == 3
    assert "deals.dr[1]" in aside.error
    assert path in aside.error


@pytest.mark.parametrize("row", [None, 7, "x", [], {}])
def test_a_row_that_is_no_object_is_set_aside_by_its_place(row):
    answer = body("feed-page.json")
    answer["deals"]["dr"][1] = row
    page = parse_feed(packed(answer), now=NOW)
    assert [aside.key for aside in page.unreadable] == ["deals.dr[1]"]
    assert len(page.records) == 2


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"current": None}, "used_cents", None),
        ({"current": []}, "used_cents", None),
        ({"current": [1, 2]}, "used_cents", None),
        ({"current": [None] * 36}, "used_cents", None),
        ({"current": [0, 0, 1820.7]}, "used_cents", 1820),
        ({"current": [0, 0, "1820"]}, "used_cents", 1820),
        ({"current": [0, 0, -2]}, "used_cents", None),
        ({"current": [0, 0, 0]}, "used_cents", None),
        ({"current": [0, 0, 10_000_000]}, "used_cents", 10_000_000),
        ({"current": [0, 0, 10_000_001]}, "used_cents", None),
        ({"currentSince": [0, 0, 0]}, "used_since", None),
        ({"currentSince": [0, 0, NOW_MINUTE + 5]}, "used_since", NOW),
        ({"currentSince": [0, 0, NOW_MINUTE + 1441]}, "used_since", None),
        ({"currentSince": [0, 0, 1]}, "used_since", KEEPA_EPOCH + timedelta(minutes=1)),
        ({"avg": None}, "used_avg_cents", (None, None, None, None)),
        ({"avg": [None, [1, 2, 300], []]}, "used_avg_cents", (None, 300, None, None)),
        ({"image": None}, "image", None),
        ({"image": [47, 46, 46]}, "image", None),
        ({"image": [-1, 10**12]}, "image", None),
        ({"rootCat": 9223372036854775807}, "root_category", None),
        ({"rootCat": 0}, "root_category", None),
        ({"categories": [5, -1, None]}, "categories", (5,)),
        ({"title": None}, "title", ""),
        ({"title": "x" * 3000}, "title", "x" * 2000),
        ({"title": "Salt &amp; Light &#39;24 AT&T"}, "title", "Salt & Light '24 AT&T"),
        ({"title": "A&#x202e;B&#0;C &amp;lt; &nosuch; &#9999999;"}, "title", "A B\ufffdC &lt; &nosuch; \ufffd"),
        ({"warehouseCondition": 4}, "is_warehouse_deal", True),
        ({"lightningEnd": NOW_MINUTE + 60}, "is_lightning_deal", True),
        ({"lightningEnd": NOW_MINUTE}, "is_lightning_deal", False),
        ({"salesRankDrops90": None}, "drops90", None),
        ({"unheardOf": {"new": [1]}}, "used_cents", 1820),
    ],
)
def test_a_row_bears_what_keepa_may_send(changes, field, expected):
    page = parse_feed(changed_row(**changes), now=NOW)
    assert page.unreadable == ()
    assert getattr(page.records[1], field) == expected


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"deals": null}',
        b'{"deals": {}}',
        b'{"deals": {"dr": null}}',
        b'{"deals": {"dr": {}}}',
        b'{"deals": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"\xff",
        b"<html></html>",
    ],
)
def test_a_feed_answer_without_its_rows_is_malformed(reply):
    with pytest.raises(MalformedReply, match="/deal"):
        parse_feed(reply, now=NOW)


def test_an_empty_page_is_a_page():
    assert parse_feed(b'{"deals": {"dr": []}}', now=NOW).row_count == 0


# looks


def test_a_full_look_becomes_a_product():
    product = looked()
    assert (product.asin, product.domain_id, product.product_type) == (ASIN, 1, 0)
    assert (product.author, product.brand, product.binding) == ("A. Nobody", "Made-up Press", "paperback")
    assert (product.isbn13, product.published) == ("9780131234567", "2023-09")
    assert (product.root_category, product.root_category_name) == (283155, "Books")
    assert product.image == "41mAdeUpQx.jpg"
    assert (product.package_grams, product.package_mm) == (612, (231, 155, 28))
    assert product.updated_at == NOW - timedelta(minutes=20)
    assert (product.used_cents, product.used_since) == (1820, NOW - timedelta(minutes=310))
    assert (product.amazon_cents, product.amazon_avg) == (None, Averages())
    assert product.used_avg == Averages(d30=3105, d90=3360, d180=3490, d365=3520)
    assert product.sales_rank_avg == Averages(d30=259800, d90=241500, d180=235000, d365=228000)
    assert (product.used_offers, product.new_offers, product.sales_rank) == (17, 6, 248110)
    assert (product.fba_fee_cents, product.referral_percent, product.closing_fee_cents) == (525, 15.0, 180)
    assert product.buy_box_used_landed_cents == 1820 + 399
    assert product.offers_checked_at == NOW - timedelta(minutes=20)


def test_a_grade_whose_shipping_is_unknown_has_no_landed_price():
    assert looked().landed_cents_by_grade == {Condition.VERY_GOOD: 2100 + 399, Condition.GOOD: 1820 + 399}


def test_without_history_the_grades_come_from_the_statistics():
    grades = looked(csv=None).landed_cents_by_grade
    assert grades == {Condition.VERY_GOOD: 2499, Condition.GOOD: 2219, Condition.ACCEPTABLE: 2500}


def test_without_statistics_the_present_comes_from_the_history():
    product = looked(stats=None)
    assert (product.used_cents, product.new_cents, product.sales_rank) == (1820, 5210, 248110)
    assert product.buy_box_used_landed_cents == 1820 + 399
    assert product.used_avg == Averages()


def test_without_history_nobody_knows_since_when_a_price_holds():
    product = looked(csv=None)
    assert product.used_since is None
    assert product.history == {}


def test_histories_are_step_series_in_order():
    history = looked().history
    assert set(history) == {
        "new", "used", "amazon", "rank", "used_offers", "new_offers",
        "landed_very_good", "landed_good", "landed_acceptable", "landed_buy_box_used",
    }  # fmt: skip
    assert history["used"].values == (3990, 3250, None, 2460, 1820)
    assert history["landed_acceptable"].values == (None,)
    assert list(history["used"].minutes) == sorted(history["used"].minutes)


def test_only_offers_of_the_latest_fetch_are_live():
    offers = looked().offers
    assert offers is not None
    assert [offer.seller_id for offer in offers] == [
        "A1MADEUP0CHEAP", "A2MADEUP0NOSHIP", "A3MADEUP0FBAXX", "A4MADEUP0NEWXX",
    ]  # fmt: skip
    assert [offer.landed_cents for offer in offers] == [2219, None, 2390, 5210]


ONE_OFFER = {"sellerId": "A1", "condition": 4, "isFBA": False, "lastSeen": NOW_MINUTE - 20, "offerCSV": [5, 900, 0]}


def one_offer(**changes: object) -> tuple[object, ...]:
    offers = looked(offers=[{**ONE_OFFER, **changes}]).offers
    assert offers is not None
    return offers


@pytest.mark.parametrize(
    ("points", "item", "shipping", "since"),
    [
        ([5, 900, 399], 900, 399, 5),
        ([5, 900, 399, 9, 800, 0], 800, 0, 9),
        ([9, 800, 0, 5, 900, 399], 800, 0, 9),
        ([5, 900, 399, 9, -2, -2], 900, 399, 5),
        ([5, 900, 399, 9, -1, -1], None, None, 9),
        ([5, 900, -1], 900, None, 5),
        ([5, 900, -2], 900, None, 5),
        ([5, 900, 399, 9, 800], 900, 399, 5),
        ([5, 900, 399, NOW_MINUTE + 2, 1, 0], 900, 399, 5),
        ([5, 900, 399, 5, 850, 399], 850, 399, 5),
        ([5, 0, 0], None, 0, 5),
        ([], None, None, None),
        (None, None, None, None),
    ],
)
def test_an_offer_is_what_its_newest_determined_point_says(points, item, shipping, since):
    (offer,) = one_offer(offerCSV=points)
    assert (offer.item_cents, offer.shipping_cents) == (item, shipping)
    assert offer.priced_at == (KEEPA_EPOCH + timedelta(minutes=since) if since is not None else None)


@pytest.mark.parametrize(
    ("changes", "ships"),
    [
        ({}, True),
        ({"isScam": False, "isPreorder": False, "minOrderQty": 1, "isShippable": True}, True),
        ({"isScam": None, "isPreorder": None, "minOrderQty": None, "isShippable": None}, True),
        ({"minOrderQty": 0}, True),
        ({"minOrderQty": -1}, True),
        ({"minOrderQty": 2}, False),
        ({"isScam": True}, False),
        ({"isPreorder": True}, False),
        ({"isShippable": False}, False),
    ],
)
def test_an_offer_that_does_not_send_one_copy_today_is_not_bought(changes, ships):
    (offer,) = one_offer(**changes)
    assert offer.is_shippable == ships
    bought = cheapest_used_offer(looked(offers=[{**ONE_OFFER, **changes}]))
    assert (bought is not None) == ships


@pytest.mark.parametrize(("minutes_before_fetch", "live"), [(0, 1), (60, 1), (61, 0), (1440, 0), (-10_000, 0)])
def test_an_offer_not_seen_within_an_hour_of_the_fetch_is_not_live(minutes_before_fetch, live):
    offers = looked(
        offers=[{"sellerId": "A1", "lastSeen": NOW_MINUTE - 20 - minutes_before_fetch, "offerCSV": [5, 9, 0]}]
    ).offers
    assert offers is not None
    assert len(offers) == live


@pytest.mark.parametrize(("number", "grade"), [(1, Condition.NEW), (5, Condition.ACCEPTABLE), (11, Condition.UNKNOWN)])
def test_a_condition_is_keepas_number_or_unknown(number, grade):
    (offer,) = one_offer(condition=number)
    assert offer.condition is grade


@pytest.mark.parametrize(
    ("changes", "offers"),
    [
        ({"offers": None, "offersSuccessful": False}, None),
        ({"offersSuccessful": False}, None),
        ({"offers": None, "offersSuccessful": None}, None),
        ({"offers": None, "offersSuccessful": True}, ()),
        ({"offers": [], "offersSuccessful": None}, ()),
    ],
)
def test_offers_that_could_not_be_fetched_are_none_and_none_found_is_empty(changes, offers):
    product = looked(**changes)
    assert product.offers == offers
    assert (product.offers_checked_at is None) == (offers is None)


def test_an_unreadable_offer_is_set_aside_and_the_others_stay():
    answer = body("full-look.json")
    answer["products"][0]["offers"][1] = {"sellerId": None}
    answer["products"][0]["offers"][2]["offerCSV"] = "cheap"
    look = parse_look(packed(answer), asked=[ASIN], now=NOW)
    assert [aside.key for aside in look.unreadable] == [f"{ASIN} offers[1]", f"{ASIN} offers[2]"]
    assert look.products[0].offers is not None
    assert [offer.seller_id for offer in look.products[0].offers] == ["A1MADEUP0CHEAP", "A4MADEUP0NEWXX"]


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"domainId": "1"}, "domain_id", 1),
        ({"productType": 4}, "product_type", 4),
        ({"title": None}, "title", None),
        ({"author": ["A", "B"]}, "author", None),
        ({"lastUpdate": 0}, "updated_at", KEEPA_EPOCH),
        ({"lastUpdate": NOW_MINUTE + 3}, "updated_at", NOW),
        ({"packageWeight": -1}, "package_grams", None),
        ({"packageHeight": 0}, "package_mm", None),
        ({"fbaFees": None}, "fba_fee_cents", None),
        ({"fbaFees": {"pickAndPackFee": -1}}, "fba_fee_cents", None),
        ({"referralFeePercentage": 15.01}, "referral_percent", 15.01),
        ({"referralFeePercentage": None}, "referral_percent", 15.0),
        ({"referralFeePercentage": -1, "referralFeePercent": -1}, "referral_percent", None),
        ({"referralFeePercentage": 50}, "referral_percent", 50.0),
        ({"referralFeePercentage": 50.01}, "referral_percent", 15.0),
        ({"referralFeePercentage": 99.999999999999, "referralFeePercent": 99}, "referral_percent", None),
        ({"variableClosingFee": 0}, "closing_fee_cents", 0),
        ({"variableClosingFee": -1}, "closing_fee_cents", None),
        ({"publicationDate": 2023}, "published", "2023"),
        ({"publicationDate": 20230931}, "published", "2023-09-31"),
        ({"publicationDate": 202313, "releaseDate": 20240105}, "published", "2024-01-05"),
        ({"publicationDate": -1}, "published", None),
        ({"images": None}, "image", "41mAdeUpQx.jpg"),
        ({"images": [None, {}], "imagesCSV": "a/b.jpg,ok.jpg"}, "image", "ok.jpg"),
        ({"categoryTree": None}, "root_category_name", None),
        ({"eanList": [None, "123"]}, "isbn13", None),
        ({"csv": []}, "used_since", None),
        ({"csv": [None] * 34}, "used_since", None),
        ({"csv": [None, None, [5]]}, "used_since", None),
        ({"csv": [None, None, [5, 100, 3, 90, 7]]}, "used_since", KEEPA_EPOCH + timedelta(minutes=5)),
    ],
)
def test_a_product_bears_what_keepa_may_send(changes, field, expected):
    assert getattr(looked(**changes), field) == expected


def test_an_odd_unsorted_history_is_put_in_order():
    points = [7, 70, 3, 30, 5, 50, 3, 33, NOW_MINUTE + 1, 1, -4, 4, None, 9, 9, -1, 11]
    series = looked(csv=[None, None, points]).history["used"]
    assert series.minutes == (3, 5, 7, 9)
    assert series.values == (33, 50, 70, None)


def test_products_that_keepa_left_out_are_missing():
    look = parse_look((DATA / "full-look.json").read_bytes(), asked=["B000000001", ASIN, "B000000001"], now=NOW)
    assert look.missing == ("B000000001",)


def test_an_answer_without_products_means_that_none_is_known():
    look = parse_look((DATA / "token.json").read_bytes(), asked=[ASIN], now=NOW)
    assert (look.products, look.missing) == ((), (ASIN,))


def test_a_product_that_nobody_asked_for_is_set_aside():
    look = parse_look((DATA / "full-look.json").read_bytes(), asked=["B000000001"], now=NOW)
    assert look.products == ()
    assert [aside.key for aside in look.unreadable] == [ASIN]
    assert look.missing == ("B000000001",)


def test_a_product_that_comes_twice_counts_once():
    answer = body("full-look.json")
    answer["products"] *= 2
    look = parse_look(packed(answer), asked=[ASIN], now=NOW)
    assert (len(look.products), len(look.unreadable), look.missing) == (1, 1, ())


def test_an_unreadable_product_is_set_aside_and_not_missing():
    answer = body("full-look.json")
    answer["products"][0]["stats"] = {"current": "all"}
    look = parse_look(packed(answer), asked=[ASIN], now=NOW)
    assert look.products == ()
    assert look.missing == ()
    assert look.unreadable[0].key == ASIN
    assert "$.stats.current" in look.unreadable[0].error


@pytest.mark.parametrize("reply", [b"", b"{}", b"[]", b'{"products": 5}', b'{"products": null}', b"\x1f\x8b", b"<p>"])
def test_a_look_without_products_and_meter_is_malformed(reply):
    with pytest.raises(MalformedReply, match="/product"):
        parse_look(reply, asked=[ASIN], now=NOW)


def test_sellers_are_read_and_unknown_ones_are_missing():
    answer = parse_sellers((DATA / "sellers.json").read_bytes(), asked=["A1MADEUP0CHEAP", "A9"], now=NOW)
    known, unknown = answer.sellers
    assert (known.name, known.rating_percent, known.rating_count, known.has_fba) == (
        "Cheap & Old Books",
        96,
        15210,
        True,
    )
    assert (unknown.rating_percent, unknown.rating_count, unknown.updated_at) == (None, None, None)
    assert answer.missing == ("A9",)


@pytest.mark.parametrize("reply", [b"", b"{}", b'{"sellers": []}'])
def test_a_seller_answer_without_sellers_and_meter_is_malformed(reply):
    with pytest.raises(MalformedReply, match="/seller"):
        parse_sellers(reply, asked=["A1"], now=NOW)


@given(st.integers() | st.floats(allow_nan=True, allow_infinity=True) | st.none())
def test_values_are_in_their_range_or_none(number):
    cents, count, when = values.price(number), values.count(number), values.instant(number, now=NOW)
    assert cents is None or 0 < cents <= values.HIGHEST_PRICE_CENTS
    assert count is None or 0 <= count <= values.LARGEST_NUMBER
    assert when is None or KEEPA_EPOCH < when <= NOW


@given(st.lists(st.none() | st.integers(-2, 50) | st.floats(-5, 50), max_size=40))
def test_a_series_is_sorted_and_never_of_the_future(points):
    series = values.step_series(points, now=KEEPA_EPOCH + timedelta(minutes=30), read=values.price)
    if series is not None:
        assert list(series.minutes) == sorted(set(series.minutes))
        assert all(0 < minute <= 30 for minute in series.minutes)
        assert len(series.minutes) == len(series.values)
