"""The references on histories made by hand, their known mistakes included."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks import judgement_references as references
from benchmarks.judgement_references import KeptSale
from keepa_deals.fees import BOOKS
from keepa_deals.records import Averages, Product, Series
from keepa_deals.units import to_keepa_minutes
from tests.keepa_builders import a_product

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = 1440


def ago(days: float) -> int:
    return to_keepa_minutes(NOW - timedelta(days=days))


def a_series(*points: tuple[float, int | None]) -> Series:
    """Points as (days ago, value), oldest first."""
    return Series(minutes=tuple(ago(days) for days, _ in points), values=tuple(value for _, value in points))


def a_book(**history: Series) -> Product:
    return a_product(
        at=NOW, domain_id=1, root_category=BOOKS, history=history, amazon_cents=None, amazon_avg=Averages()
    )


def sales_of(product: Product, *sides: str, shipping_cents: int = 0) -> list[tuple[int, int]]:
    kept = references.kept_sales(product, sides=sides, shipping_cents=shipping_cents, now=NOW)
    return [(sale.minute, sale.cents) for sale in kept.sales]


def test_a_drop_with_a_fall_within_240_hours_is_kept_at_the_nearest_price() -> None:
    book = a_book(
        used_offers=a_series((50, 5), (40, 4)),
        rank=a_series((45, 900_000), (31, 899_999)),
        used=a_series((41, 1000), (39.5, 3000)),
    )
    assert sales_of(book, "used_offers") == [(ago(40), 3000)]
    assert sales_of(book, "used_offers", shipping_cents=399) == [(ago(40), 3399)]


@pytest.mark.parametrize("fell", [40.1, 29.9])
def test_a_fall_before_the_drop_or_after_ten_days_confirms_nothing(fell: float) -> None:
    book = a_book(
        used_offers=a_series((50, 5), (40, 4)),
        rank=a_series((45, 900_000), (fell, 100_000)),
        used=a_series((41, 1000)),
    )
    kept = references.kept_sales(book, sides=("used_offers",), shipping_cents=0, now=NOW)
    assert (kept.sales, kept.drops, kept.trust) == ((), 1, 0.0)


def test_one_fall_confirms_drops_of_both_sides() -> None:
    book = a_book(
        used_offers=a_series((50, 5), (40, 4)),
        new_offers=a_series((50, 3), (38, 2)),
        rank=a_series((45, 900_000), (35, 100_000)),
        used=a_series((41, 1000)),
        new=a_series((41, 5000)),
    )
    claim = references.baseline(book, now=NOW)
    assert claim.any_minutes == (ago(40), ago(38))
    assert claim.used_minutes == (ago(40),)
    assert claim.used_a_year == 0.5
    assert claim.sale_cents == claim.list_cents == 3000


def test_an_unknown_count_is_no_drop_and_old_drops_are_not_searched() -> None:
    book = a_book(
        used_offers=a_series((800, 9), (790, 8), (50, None), (40, 4)),
        rank=a_series((795, 900_000), (785, 1000), (45, 900_000), (39, 1000)),
        used=a_series((800, 1000)),
    )
    assert references.kept_sales(book, sides=("used_offers",), shipping_cents=0, now=NOW).drops == 0


def test_an_outlier_beyond_the_quartiles_goes() -> None:
    sales = [KeptSale(number, cents, True) for number, cents in enumerate([1000, 1010, 1020, 1030, 9000])]
    assert [sale.cents for sale in references.without_outliers(sales)] == [1000, 1010, 1020, 1030]
    assert len(references.without_outliers(sales[2:])) == 3


def test_the_peak_is_the_mode_or_the_median_of_the_dearest_month() -> None:
    august = to_keepa_minutes(datetime(2025, 8, 10, tzinfo=UTC))
    march = to_keepa_minutes(datetime(2026, 3, 10, tzinfo=UTC))

    def peak(*sales: tuple[int, int]) -> int | None:
        return references.peak_price([KeptSale(minute, cents, True) for minute, cents in sales])

    assert peak() is None
    assert peak((august, 3000), (march, 1000)) == 2000
    assert peak((august, 3000), (march, 1000), (march, 1200)) == 3000
    assert peak((august, 3000), (august, 3600), (march, 1000)) == 3300
    assert peak((august, 3000), (august, 3000), (august, 9000), (march, 1000)) == 3000


def test_the_baseline_lists_under_ninety_percent_of_amazons_own_price() -> None:
    book = replace(a_book(), amazon_cents=3000, amazon_avg=Averages(d180=2000))
    assert references.under_amazon(5000, book) == 1800
    assert references.under_amazon(1500, book) == 1500
    assert references.under_amazon(None, book) is None


def test_the_used_side_takes_the_last_year_first() -> None:
    book = a_book(
        used_offers=a_series((600, 5), (500, 4), (110, 3), (50, 2)),
        rank=a_series((600, 900_000), (498, 800_000), (109, 700_000), (49, 600_000)),
        used=a_series((501, 9000), (111, 1000), (51, 2000)),
    )
    claim = references.used_side(book, now=NOW)
    assert claim.sale_cents == claim.list_cents == 1500 + 399
    assert claim.used_minutes == claim.any_minutes == (ago(500), ago(110), ago(50))


def test_the_mean_ask_adds_the_usual_shipping_and_names_no_events() -> None:
    book = replace(a_book(), used_avg=Averages(d365=2000))
    claim = references.mean_ask(book)
    assert (claim.sale_cents, claim.list_cents, claim.any_minutes, claim.trust) == (2399, 2399, None, None)
    assert references.mean_ask(replace(book, used_avg=Averages(d90=2000))).list_cents is None
