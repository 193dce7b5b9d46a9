"""The series that Keepa keeps of a product, by their place in Keepa's `csv` table."""

from __future__ import annotations

AMAZON, NEW, USED, SALES, LISTPRICE = 0, 1, 2, 3, 4
NEW_FBM, NEW_FBA, COUNT_NEW, COUNT_USED = 7, 10, 11, 12
OFFER_FETCHES, RATING, REVIEWS, BUY_BOX = 15, 16, 17, 18
USED_LIKE_NEW, USED_VERY_GOOD, USED_GOOD, USED_ACCEPTABLE = 19, 20, 21, 22
BUY_BOX_USED, COUNT_NEW_FBA, COUNT_NEW_FBM = 32, 34, 35
TYPES = 36
"""Length of every array by price type."""

HOLDER_NEW, HOLDER_USED = 100, 101
"""Not in `csv`: who holds the buy boxes, as a packed number (see `pack_holder`)."""

RECORDED = (
    AMAZON,
    NEW,
    USED,
    SALES,
    NEW_FBM,
    NEW_FBA,
    COUNT_NEW,
    COUNT_USED,
    OFFER_FETCHES,
    BUY_BOX,
    USED_LIKE_NEW,
    USED_VERY_GOOD,
    USED_GOOD,
    USED_ACCEPTABLE,
    BUY_BOX_USED,
    COUNT_NEW_FBA,
    COUNT_NEW_FBM,
    HOLDER_NEW,
    HOLDER_USED,
)
"""The series that the market's visits write, in the order of their rows in the log."""

ROW = {series: row for row, series in enumerate(RECORDED)}

WITH_SHIPPING = frozenset({7, *range(18, 30), 32})
"""Series whose points are (time, price, shipping)."""

COUNTS = frozenset({11, 12, 13, 14, 34, 35})
PRICES = frozenset(range(36)) - COUNTS - {SALES, OFFER_FETCHES, RATING, REVIEWS}
DEAL_TYPES = frozenset({0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 18, 19, 20, 21, 22, 32, 33})
"""Price types that a deal query may name."""

NOTHING = -1
SHIPPING_UNIT = 4096
MOST_PRICE = 500_000
"""Prices are capped here so that a price and its shipping fit one 32-bit number."""


def unpack_price(packed: int) -> tuple[int, int]:
    """(price, shipping) of a point of a series with shipping; (−1, −1) for none."""
    return (NOTHING, NOTHING) if packed < 0 else (packed // SHIPPING_UNIT, packed % SHIPPING_UNIT)


def unpack_holder(packed: int) -> tuple[int, int, bool]:
    """(seller number, condition, FBA) of a buy-box holder. Not for −1, which is nobody."""
    return packed // 16, (packed // 2) % 8, bool(packed % 2)
