"""The shapes of Keepa's JSON, as msgspec structs, and its indexes: an annex of `keepa_json`.

Field names and index meanings: Keepa documentation (deal, product, statistics, offer and seller objects) and its
Java client. Every field may be missing or null; fields not named here are ignored.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from keepa_deals.keepa_values import Number, Numbers, text
from keepa_deals.records import Condition

T = TypeVar("T")

LONGEST_TITLE = 2_000
LONGEST_TEXT = 500


class Index(IntEnum):
    """Places in `csv`, in the arrays of `stats` and in those of a deal (34 of them until 2025, then 36)."""

    AMAZON = 0
    NEW = 1
    USED = 2
    SALES_RANK = 3
    LIST_PRICE = 4
    NEW_OFFERS = 11
    USED_OFFERS = 12
    LANDED_LIKE_NEW = 19
    LANDED_VERY_GOOD = 20
    LANDED_GOOD = 21
    LANDED_ACCEPTABLE = 22
    LANDED_BUY_BOX_USED = 32


GRADE_INDEXES = {
    Condition.LIKE_NEW: Index.LANDED_LIKE_NEW,
    Condition.VERY_GOOD: Index.LANDED_VERY_GOOD,
    Condition.GOOD: Index.LANDED_GOOD,
    Condition.ACCEPTABLE: Index.LANDED_ACCEPTABLE,
}
_ASIN = re.compile(r"[A-Z0-9]{10}")


class Unreadable(ValueError):
    """A row that can't be read; the text names the path inside it. Never leaves the parser."""


class Envelope(msgspec.Struct):
    """The token meter that every answer carries, failures included. `Any`: one odd field must not cost the rest."""

    tokensLeft: Any = None
    refillRate: Any = None
    refillIn: Any = None
    tokenFlowReduction: Any = None
    tokensConsumed: Any = None
    timestamp: Any = None


class Complaint(msgspec.Struct):
    """Keepa's `error` object; its `type` strings are not published."""

    type: str | None = None
    message: str | None = None


class Failure(msgspec.Struct):
    error: Complaint | None = None


class Deals(msgspec.Struct):
    dr: list[msgspec.Raw]


class FeedBody(msgspec.Struct):
    deals: Deals


class LookBody(msgspec.Struct):
    products: list[msgspec.Raw] | None = None


class SellerBody(msgspec.Struct):
    sellers: dict[str, msgspec.Raw] | None = None


class Named(msgspec.Struct):
    """Just enough of a row to name it when the rest can't be read."""

    asin: str | None = None


class DealRow(msgspec.Struct):
    """One row of a feed page. `avg` is ordered by interval (day, week, month, 90 days), then by index."""

    asin: str
    title: str | None = None
    rootCat: Number | None = None
    categories: Numbers | None = None
    image: Numbers | str | None = None
    lastUpdate: Number | None = None
    lightningEnd: Number | None = None
    warehouseCondition: Number | None = None
    salesRankDrops30: Number | None = None
    salesRankDrops90: Number | None = None
    salesRankDrops180: Number | None = None
    salesRankDrops365: Number | None = None
    current: Numbers | None = None
    currentSince: Numbers | None = None
    avg: list[Numbers | None] | None = None


class CategoryName(msgspec.Struct):
    catId: Number | None = None
    name: str | None = None


class Image(msgspec.Struct):
    l: str | None = None  # noqa: E741 - Keepa's own name for the large picture
    m: str | None = None


class FbaFees(msgspec.Struct):
    pickAndPackFee: Number | None = None


class Stats(msgspec.Struct):
    """Arrays by index; the grade and buy box series are landed prices."""

    current: Numbers | None = None
    avg30: Numbers | None = None
    avg90: Numbers | None = None
    avg180: Numbers | None = None
    avg365: Numbers | None = None
    salesRankDrops30: Number | None = None
    salesRankDrops90: Number | None = None
    salesRankDrops180: Number | None = None
    salesRankDrops365: Number | None = None
    lastOffersUpdate: Number | None = None
    buyBoxUsedPrice: Number | None = None
    buyBoxUsedShipping: Number | None = None
    buyBoxUsedIsFBA: bool | None = None


class ProductRow(msgspec.Struct):
    """One product. Texts that a look does not depend on are typed `Any`: an odd one must not cost the product."""

    asin: str
    domainId: Number | None = None
    productType: Number | None = None
    title: str | None = None
    author: Any = None
    brand: Any = None
    manufacturer: Any = None
    binding: Any = None
    rootCategory: Number | None = None
    categories: Numbers | None = None
    categoryTree: list[CategoryName | None] | None = None
    eanList: list[str | None] | None = None
    images: list[Image | None] | None = None
    imagesCSV: str | None = None
    publicationDate: Number | None = None
    releaseDate: Number | None = None
    packageWeight: Number | None = None
    packageLength: Number | None = None
    packageWidth: Number | None = None
    packageHeight: Number | None = None
    lastUpdate: Number | None = None
    csv: list[Numbers | None] | None = None
    fbaFees: FbaFees | None = None
    referralFeePercentage: Number | None = None
    referralFeePercent: Number | None = None
    variableClosingFee: Number | None = None
    offersSuccessful: bool | None = None
    offers: list[msgspec.Raw] | None = None
    stats: Stats | None = None


class OfferRow(msgspec.Struct):
    """One offer. `offerCSV` is triples of time, item price, shipping, the newest last."""

    sellerId: str | None = None
    condition: Number | None = None
    conditionComment: Any = None
    isFBA: bool | None = None
    isAmazon: bool | None = None
    isShippable: bool | None = None
    isPreorder: bool | None = None
    isScam: bool | None = None
    minOrderQty: Number | None = None
    lastSeen: Number | None = None
    offerCSV: Numbers | None = None


class SellerRow(msgspec.Struct):
    sellerName: str | None = None
    currentRating: Number | None = None
    currentRatingCount: Number | None = None
    shipsFromChina: bool | None = None
    hasFBA: bool | None = None
    lastUpdate: Number | None = None


def decode(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    """JSON as `shape`, numbers in quotes allowed. Raises Unreadable."""
    try:
        return msgspec.json.decode(body, type=shape, strict=False)
    except (ValueError, RecursionError) as fault:  # msgspec's own errors are ValueErrors, bad UTF-8 too
        raise Unreadable(text(str(fault), 200)) from None


def checked_asin(asin: str) -> str:
    """The ASIN if it can be one: it becomes a key and part of addresses. Raises Unreadable."""
    if _ASIN.fullmatch(asin) is None:
        raise Unreadable(f"{text(asin, 20)!r} is no possible ASIN - at `$.asin`")
    return asin
