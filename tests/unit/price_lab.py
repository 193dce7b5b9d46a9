"""Titles with a past and a market of today, as the estimate of a sale price meets them, likely and unlikely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from keepa_deals import fees
from keepa_deals.judgement.inferred_sales import InferredSale, SalesHistory
from keepa_deals.records import Averages, Condition, Offer, Product, Series
from keepa_deals.units import to_keepa_minutes

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = 1440
NOW_MINUTE = to_keepa_minutes(NOW)


def an_offer(landed: int | None, *, condition: Condition = Condition.GOOD, seller: str = "A1", **changes: Any) -> Offer:
    """A merchant's offer at a landed price, shipping of 3.99 in it; None: a price without known shipping."""
    offer = Offer(
        seller_id=seller,
        condition=condition,
        item_cents=landed - 399 if landed is not None else 1_000,
        shipping_cents=399 if landed is not None else None,
        is_fba=False,
        is_amazon=False,
        is_shippable=True,
        last_seen=NOW,
        priced_at=NOW,
    )
    return replace(offer, **changes)


def a_product(
    *, copy: Offer | None = None, rivals: Sequence[int] = (), asks: int | None = None, **changes: Any
) -> Product:
    """A book whose used copies cost `rivals` today, landed, beside the copy to buy, and `asks`, an item price, ever
    since."""
    others = tuple(an_offer(landed, seller=f"R{number}") for number, landed in enumerate(rivals))
    history = {"used": Series((NOW_MINUTE - 700 * DAY,), (asks,))} if asks is not None else {}
    product = Product(
        asin="0131234566",
        domain_id=1,
        product_type=0,
        title="A Field Guide to Invented Mosses",
        author=None,
        brand=None,
        binding=None,
        isbn13=None,
        root_category=fees.BOOKS,
        root_category_name="Books",
        categories=(),
        image=None,
        published=None,
        package_grams=600,
        package_mm=(231, 155, 28),
        updated_at=NOW,
        used_cents=None,
        used_since=None,
        landed_cents_by_grade={},
        buy_box_used_landed_cents=None,
        new_cents=None,
        amazon_cents=None,
        amazon_avg=Averages(),
        list_price_cents=None,
        sales_rank=200_000,
        used_offers=None,
        new_offers=None,
        used_avg=Averages(),
        new_avg=Averages(),
        sales_rank_avg=Averages(),
        used_offers_avg=Averages(),
        drops30=None,
        drops90=None,
        drops180=None,
        drops365=None,
        fba_fee_cents=500,
        referral_percent=15.0,
        closing_fee_cents=180,
        offers=(*((copy,) if copy is not None else ()), *others),
        offers_checked_at=NOW,
        history=history,
    )
    return replace(product, **changes)


def a_sale(landed: int | None, *, days_ago: float = 100, used: float = 0.9, **changes: Any) -> InferredSale:
    """A sale seen in the rank within a day of its minute."""
    minute = int(NOW_MINUTE - days_ago * DAY)
    sale = InferredSale(
        after=minute - DAY // 2,
        before=minute + DAY // 2,
        minute=minute,
        expected_count=1.0,
        used_probability=used,
        landed_cents=landed,
        log_sd=0.1 if landed is not None else None,
        by_rank=True,
    )
    return replace(sale, **changes)


def a_past(*sales: InferredSale, used_a_year: float | None = None) -> SalesHistory:
    """A history of two observed years; half of its sales a year unless said otherwise."""
    ordered = tuple(sorted(sales, key=lambda sale: sale.minute))
    speed = used_a_year if used_a_year is not None else (len(sales) / 2 or None)
    return SalesHistory(sales=ordered, observed_days=730.0, used_a_year=speed, all_a_year=speed)


def sold_at(*landed: int, used: float = 0.9, used_a_year: float | None = None) -> SalesHistory:
    """Used copies sold at these prices, a month apart, the first one a month ago."""
    sales = (a_sale(cents, days_ago=30.0 * (number + 1), used=used) for number, cents in enumerate(landed))
    return a_past(*sales, used_a_year=used_a_year)


NOTHING_SOLD = SalesHistory(sales=(), observed_days=0.0, used_a_year=None, all_a_year=None)

CENTS = st.integers(1, 5_000_000)
USED = st.sampled_from([Condition.LIKE_NEW, Condition.VERY_GOOD, Condition.GOOD, Condition.ACCEPTABLE])


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    """Any offer that the parser can give, absurd prices and unknown shipping included."""
    return Offer(
        seller_id=draw(st.sampled_from(["A1", "B2", "C3", "D4"])),
        condition=draw(st.sampled_from(list(Condition))),
        item_cents=draw(st.none() | CENTS),
        shipping_cents=draw(st.none() | st.integers(0, 2_000)),
        is_fba=draw(st.booleans()),
        is_amazon=False,
        is_shippable=draw(st.booleans()),
        last_seen=NOW - timedelta(hours=draw(st.integers(0, 20))),
        priced_at=None,
    )


@st.composite
def products(draw: st.DrawFn) -> Product:
    """Any product as the parser may leave it: histories with gaps, lone absurd asks, or nothing at all."""
    minutes = sorted(draw(st.sets(st.integers(NOW_MINUTE - 800 * DAY, NOW_MINUTE), max_size=12)))
    values = draw(st.lists(st.none() | CENTS, min_size=len(minutes), max_size=len(minutes)))
    averages = st.builds(Averages, *[st.none() | CENTS] * 4)
    return a_product(
        offers=draw(st.none() | st.lists(offers(), max_size=8).map(tuple)),
        history={"used": Series(tuple(minutes), tuple(values))} if minutes else {},
        used_avg=draw(averages),
        amazon_cents=draw(st.none() | CENTS),
        amazon_avg=draw(averages),
        new_cents=draw(st.none() | CENTS),
        title=draw(st.sampled_from([None, "Organic Chemistry, 4th Edition", "Nursing Practice", "Kettles"])),
        root_category=draw(st.sampled_from([None, fees.BOOKS, 172282])),
    )


@st.composite
def pasts(draw: st.DrawFn) -> SalesHistory:
    """Any history of sales: none, some without a price, some without a rank."""
    sales = draw(
        st.lists(
            st.builds(
                a_sale,
                st.none() | CENTS,
                days_ago=st.floats(0, 730),
                used=st.floats(0.03, 0.97),
                expected_count=st.floats(0.05, 8),
                by_rank=st.booleans(),
            ),
            max_size=12,
        )
    )
    return a_past(*sales, used_a_year=draw(st.none() | st.floats(0.01, 500)))
