"""Rows as they would be in the database; a test names only what matters to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
"""the moment at which the tests' questions are asked"""


def a_deal_row(**changes: Any) -> dict[str, Any]:
    """A row of `deals`: a live, judged, profitable book, verified 20 minutes before `NOW`."""
    row: dict[str, Any] = {
        "asin": "0140328726",
        "domain_id": 1,
        "title": "Invented Textbook of River Hydraulics",
        "author": "Mara Lindqvist",
        "brand": "Example Press",
        "binding": "Paperback",
        "isbn13": "9780140328721",
        "published": "2014-03",
        "category_id": 283155,
        "category": "Books",
        "state": "live",
        "first_seen_at": NOW - timedelta(days=3),
        "price_changed_at": NOW - timedelta(hours=5),
        "verified_at": NOW - timedelta(minutes=20),
        "verified_by": "full_look",
        "promised_until": NOW + timedelta(hours=6),
        "unverified_since": None,
        "gone_at": None,
        "gone_reason": None,
        "gone_evidence": None,
        "keepa_updated_at": NOW - timedelta(minutes=40),
        "judged_at": NOW - timedelta(minutes=20),
        "condition": 4,
        "seller_id": "A2EXAMPLESELLER",
        "is_fba": False,
        "item_cents": 1600,
        "shipping_cents": 399,
        "price_now_cents": 1999,
        "sales_rank": 123_456,
        "drops_30": 7,
        "drops_90": 19,
        "drops_365": 80,
        "used_offers": 6,
        "new_offers": 3,
        "new_cents": 8900,
        "amazon_cents": None,
        "used_avg90_cents": 5200,
        "used_avg365_cents": 5400,
        "sale_price_cents": 5000,
        "sale_price_is_estimate": True,
        "referral_fee_cents": 750,
        "fba_fee_cents": 450,
        "closing_fee_cents": 180,
        "all_in_cents": 2449,
        "profit_cents": 1171,
        "margin": 23.42,
        "roi": 47.82,
        "percent_down": 63.0,
        "break_even_cents": 3622,
        "minimum_list_cents": 3985,
        "maximum_buy_cents": 2334,
        "trust": 71.0,
        "explanation": [
            a_step("sale_price", 5000, "cents", "full_look", "time-weighted mean of the used price"),
            a_step("profit", 1171, "cents", "rule", "sale price less all in and fees"),
        ],
    }
    return row | changes


def a_spark(*, sales: int = 2, gap: bool = True) -> dict[str, Any]:
    """The small history of a used price that fell at the end: 30 parts, `None` while there was no copy."""
    prices = [5200 - 30 * (part % 4) for part in range(27)] + [1600] * 3
    if gap:
        prices[9:12] = [None] * 3
    return {"until": 7_900_000, "prices": prices, "sales": [[4 + 9 * n, 5000, 0.8] for n in range(sales)]}


def a_step(name: str, value: Any, unit: str, source: str, rule: str) -> dict[str, Any]:
    """One step of a stored explanation."""
    as_of = "2026-03-05T11:20:00Z"
    return {"name": name, "value": value, "unit": unit, "source": source, "as_of": as_of, "rule": rule}


def asin_number(number: int) -> str:
    """An invented ASIN that nobody takes for a book number."""
    return f"B0{number:08d}"
