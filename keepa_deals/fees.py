"""What a copy costs before and Amazon takes after a sale, and the one rounding rule: integer cents.

Pure. A product's own numbers (from Keepa) go first; the tables here stand in for them on amazon.com only, and are
labelled so in every judgement. What neither knows is None, and no profit can be said then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from keepa_deals.records import CostSettings, Product

AMAZON_COM = 1

BOOKS = 283155
MUSIC = 5174
MOVIES_AND_TV = 2625373011
VIDEO_GAMES = 468642
SOFTWARE = 229534

MEDIA_CATEGORIES = frozenset({BOOKS, MUSIC, MOVIES_AND_TV, VIDEO_GAMES, SOFTWARE})
MEDIA_CLOSING_FEE_CENTS = 180
"""Amazon's fee schedule: $1.80 on each media item (Keepa's variableClosingFee shows the same on books)"""
USUAL_SHIPPING_CENTS = 399
"""what a merchant charges for shipping used media on amazon.com (by far the most frequent figure seen)"""
MINIMUM_REFERRAL_CENTS = 30
"""Amazon's fee schedule: the least referral fee of an item that is not media"""

REFERRAL_PERCENT_BY_CATEGORY = {
    BOOKS: 15.0,
    MUSIC: 15.0,
    MOVIES_AND_TV: 15.0,
    VIDEO_GAMES: 15.0,
    SOFTWARE: 15.0,
    165793011: 15.0,  # Toys & Games
    1055398: 15.0,  # Home & Kitchen
    3375251: 15.0,  # Sports & Outdoors
    1064954: 15.0,  # Office Products
    228013: 15.0,  # Tools & Home Improvement
    2619533011: 15.0,  # Pet Supplies
    2972638011: 15.0,  # Patio, Lawn & Garden
    11091801: 15.0,  # Musical Instruments
    2617941011: 15.0,  # Arts, Crafts & Sewing
    3760911: 15.0,  # Beauty & Personal Care, over $10
    3760901: 15.0,  # Health & Household, over $10
    165796011: 15.0,  # Baby, over $10
    16310101: 15.0,  # Grocery, over $15
    16310091: 12.0,  # Industrial & Scientific
    15684181: 12.0,  # Automotive
    7141123011: 17.0,  # Clothing, Shoes & Jewelry, over $20
    172282: 8.0,  # Electronics
    2335752011: 8.0,  # Cell Phones & Accessories, devices
}
"""Referral percent by root category of amazon.com, from Amazon's fee schedule of 2025, the highest where a category
has several: a fee that turns out lower is a pleasant surprise"""

FBA_FEE_BY_GRAMS = (
    (113, 390),
    (227, 415),
    (340, 440),
    (454, 480),
    (567, 560),
    (680, 700),
    (907, 720),
    (1134, 740),
    (1361, 780),
)
"""Fulfilment fee of a standard-size item up to so many grams: steps of Amazon's schedule, raised to what Keepa
showed in 2025 and 2026 (409 at 141 g, 435 at 235 g, 700 at 650 g). An estimate, on the high side."""
FBA_FEE_PER_QUARTER_POUND = 12
HEAVIEST_STANDARD_GRAMS = 9_072
LARGEST_STANDARD_MM = (203, 356, 457)
"""8 × 14 × 18 inches"""
MM3_PER_DIMENSIONAL_GRAM = 5_022
"""139 cubic inches count as a pound"""


NOT_FOR_RESALE = {
    1: "a download",
    2: "an ebook",
    3: "a product whose data Keepa can't reach",
    4: "not a product that Amazon knows",
    5: "the parent of variations, which nobody can buy",
}
"""Keepa's product types other than 0, the physical product"""


@dataclass(frozen=True, slots=True)
class Fee:
    """An amount in cents, or None where nobody knows it, and where it is from: full_look, table or rule."""

    cents: int | None
    source: str


@dataclass(frozen=True, slots=True)
class ReferralTerms:
    """Amazon's share of the sale price, in percent, and the least it takes in cents."""

    percent: float | None
    minimum_cents: int
    source: str


def percent_of(cents: int, percent: float) -> int:
    """`percent` percent of an amount, rounded half up to the cent: the one rounding rule of all money here."""
    parts, whole = ratio_of(percent)
    return (2 * cents * parts + whole) // (2 * whole)


@lru_cache(maxsize=256)
def ratio_of(percent: float) -> tuple[int, int]:
    """A percentage as the exact fraction that its digits say: 15.01 is 1501 / 10000, not the nearest binary one."""
    return (Decimal(str(percent)) / 100).as_integer_ratio()


def all_in_cents(price: int | None, *, costs: CostSettings) -> int | None:
    """Landed price plus purchase tax on it, prep and inbound shipping: the money tied up in one copy."""
    if price is None:
        return None
    return price + percent_of(price, costs.purchase_tax_percent) + costs.prep_cents + costs.inbound_shipping_cents


def usual_shipping(root_category: int | None, *, domain_id: int) -> int:
    """Shipping that the buyer of a competing copy pays: known for media on amazon.com, else counted as nothing."""
    return USUAL_SHIPPING_CENTS if domain_id == AMAZON_COM and root_category in MEDIA_CATEGORIES else 0


def referral_terms(product: Product) -> ReferralTerms:
    """The product's own percent, else the table's for its root category."""
    minimum = 0 if product.root_category in MEDIA_CATEGORIES else MINIMUM_REFERRAL_CENTS
    if product.referral_percent is not None:
        return ReferralTerms(percent=product.referral_percent, minimum_cents=minimum, source="full_look")
    percent = None
    if product.domain_id == AMAZON_COM and product.root_category is not None:
        percent = REFERRAL_PERCENT_BY_CATEGORY.get(product.root_category)
    return ReferralTerms(percent=percent, minimum_cents=minimum, source="table")


def referral_fee(sale_cents: int, *, percent: float, minimum_cents: int) -> int:
    """Amazon's share of a sale in cents."""
    return max(percent_of(sale_cents, percent), minimum_cents)


def fba_fee(product: Product) -> Fee:
    """Picking, packing and shipping one copy from Amazon's warehouse."""
    if product.fba_fee_cents is not None:
        return Fee(cents=product.fba_fee_cents, source="full_look")
    if product.domain_id != AMAZON_COM or product.package_grams is None or product.package_mm is None:
        return Fee(cents=None, source="table")
    return Fee(cents=standard_fba_fee(product.package_grams, product.package_mm), source="table")


def closing_fee(product: Product) -> Fee:
    """The fixed fee on media; nothing on other things; unknown without a root category."""
    if product.closing_fee_cents is not None:
        return Fee(cents=product.closing_fee_cents, source="full_look")
    if product.domain_id != AMAZON_COM or product.root_category is None:
        return Fee(cents=None, source="table")
    is_media = product.root_category in MEDIA_CATEGORIES
    return Fee(cents=MEDIA_CLOSING_FEE_CENTS if is_media else 0, source="table")


def standard_fba_fee(grams: int, package_mm: tuple[int, int, int]) -> int | None:
    """The table's fee in cents for a package of that weight and size; None if it is larger than standard size."""
    shortest, middle, longest = sorted(package_mm)
    fits = all(side <= most for side, most in zip((shortest, middle, longest), LARGEST_STANDARD_MM, strict=True))
    billed = max(grams, shortest * middle * longest // MM3_PER_DIMENSIONAL_GRAM)
    if not fits or billed > HEAVIEST_STANDARD_GRAMS:
        return None
    for most_grams, cents in FBA_FEE_BY_GRAMS:
        if billed <= most_grams:
            return cents
    heaviest, cents = FBA_FEE_BY_GRAMS[-1]
    quarter_pounds = -(-(billed - heaviest) // 113)
    return cents + quarter_pounds * FBA_FEE_PER_QUARTER_POUND
