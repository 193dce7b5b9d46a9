"""Records as Keepa's answers would give them; a test names only what matters to it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from keepa_deals.records import Averages, Condition, FeedRecord, Offer, Product


def a_feed_record(*, asin: str = "0990000017", at: datetime, **changes: Any) -> FeedRecord:
    """A book whose used price fell from about $43 to $24.50, refreshed by Keepa at `at`."""
    values: dict[str, Any] = {
        "asin": asin,
        "title": f"Invented Book {asin}",
        "root_category": 283155,
        "categories": (491542,),
        "image": None,
        "updated_at": at,
        "used_cents": 2450,
        "used_since": at - timedelta(hours=2),
        "landed_cents_by_grade": {Condition.GOOD: 2849},
        "buy_box_used_landed_cents": None,
        "new_cents": 8990,
        "amazon_cents": None,
        "list_price_cents": None,
        "sales_rank": 412_350,
        "used_offers": 11,
        "new_offers": 4,
        "used_avg_cents": (4980, 4980, 6050, 6310),
        "sales_rank_avg90": 362_900,
        "drops30": 6,
        "drops90": 21,
        "drops180": 49,
        "drops365": 97,
    }
    return FeedRecord(**values | changes)


def an_offer(*, at: datetime, **changes: Any) -> Offer:
    """A merchant's copy in good condition at $24.50 with $3.99 shipping."""
    values: dict[str, Any] = {
        "seller_id": "A1EXAMPLE0SELL",
        "condition": Condition.GOOD,
        "item_cents": 2450,
        "shipping_cents": 399,
        "is_fba": False,
        "is_amazon": False,
        "is_shippable": True,
        "last_seen": at,
        "priced_at": at - timedelta(hours=2),
    }
    return Offer(**values | changes)


def a_product(*, asin: str = "0990000017", at: datetime, **changes: Any) -> Product:
    """The same book after a full look at `at`: one used offer, known fees, used means around $60."""
    values: dict[str, Any] = {
        "asin": asin,
        "domain_id": 1,
        "product_type": 0,
        "title": f"Invented Book {asin}",
        "author": "J. Doe",
        "brand": "Example Press",
        "binding": "Hardcover",
        "isbn13": "9780990000013",
        "root_category": 283155,
        "root_category_name": "Books",
        "categories": (491542,),
        "image": None,
        "published": "2022-01-15",
        "package_grams": 900,
        "package_mm": (282, 220, 45),
        "updated_at": at,
        "used_cents": 2450,
        "used_since": at - timedelta(hours=2),
        "landed_cents_by_grade": {Condition.GOOD: 2849},
        "buy_box_used_landed_cents": None,
        "new_cents": 8990,
        "amazon_cents": None,
        "amazon_avg": Averages(),
        "list_price_cents": None,
        "sales_rank": 412_350,
        "used_offers": 11,
        "new_offers": 4,
        "used_avg": Averages(d30=6050, d90=6310, d180=6700, d365=6980),
        "new_avg": Averages(d30=9210, d90=9480, d180=9610, d365=9720),
        "sales_rank_avg": Averages(d90=362_900),
        "used_offers_avg": Averages(d90=13),
        "drops30": 6,
        "drops90": 21,
        "drops180": 49,
        "drops365": 97,
        "fba_fee_cents": 575,
        "referral_percent": 15.0,
        "closing_fee_cents": 180,
        "offers": (an_offer(at=at),),
        "offers_checked_at": at,
    }
    return Product(**values | changes)
