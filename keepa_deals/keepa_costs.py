"""What Keepa's calls cost at most, in tokens (Keepa documentation, "Product Request" and "Browsing Deals").

Pure. Reservations are made at these figures; the real bill comes with the answer and is never higher.
"""

from __future__ import annotations

FEED_PAGE_COST = 5
"""flat, however many deals come back"""

OFFERS_PER_PAGE = 10
TOKENS_PER_OFFER_PAGE = 6
LARGEST_BATCH = 100
"""ASINs or seller ids in one call"""


def light_look_most(asin_count: int) -> int:
    """1 for each ASIN: statistics and history ride along for nothing."""
    return asin_count


def full_look_most(asin_count: int, offers: int = 20) -> int:
    """6 for each started page of 10 offers asked for, for each ASIN: 12 at `offers` = 20.

    Fewer offers found, a copy under an hour old (5) and a failed fetch (1) cost less.
    """
    pages = -(-offers // OFFERS_PER_PAGE)
    return asin_count * pages * TOKENS_PER_OFFER_PAGE


def seller_most(seller_count: int) -> int:
    """1 for each seller that Keepa knows."""
    return seller_count
