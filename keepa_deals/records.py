"""The records that pass through the corridor: what Keepa said, what we make of it, what a pass did.

Frozen; money in integer cents; instants aware UTC; `None` is unknown and never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum

import msgspec


class Condition(IntEnum):
    """Grades of an offer, with Keepa's own numbers (Keepa documentation, offer object)."""

    UNKNOWN = 0
    NEW = 1
    LIKE_NEW = 2
    VERY_GOOD = 3
    GOOD = 4
    ACCEPTABLE = 5
    REFURBISHED = 6
    COLLECTIBLE_LIKE_NEW = 7
    COLLECTIBLE_VERY_GOOD = 8
    COLLECTIBLE_GOOD = 9
    COLLECTIBLE_ACCEPTABLE = 10

    @property
    def is_used(self) -> bool:
        return self in USED_GRADES


USED_GRADES = (Condition.LIKE_NEW, Condition.VERY_GOOD, Condition.GOOD, Condition.ACCEPTABLE)


class DealState(StrEnum):
    """What we may claim about a deal: verified within its promise, past it, or seen to be gone."""

    LIVE = "live"
    UNVERIFIED = "unverified"
    GONE = "gone"


class Pass(StrEnum):
    """The passes that spend tokens or keep the table true."""

    LIVE_UPDATE = "live_update"
    BACKFILL = "backfill"
    LOOKS = "looks"


class Source(StrEnum):
    """Which kind of answer a fact was seen in."""

    FEED = "feed"
    LIGHT_LOOK = "light_look"
    FULL_LOOK = "full_look"


@dataclass(frozen=True, slots=True)
class TokenStatus:
    """Keepa's token envelope. `balance` may be negative. Counts only when `refill_rate` > 0."""

    balance: int
    refill_rate: int
    """tokens per minute of the plan; 0 in the envelope of a parameter error"""
    refill_in_ms: int
    """milliseconds until the next tick, as of the answer"""
    flow_reduction: float
    """tokens per minute lost to tracked products"""
    consumed: int
    """the bill of this call"""
    server_time: datetime | None


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """One product as a feed page tells it. Prices are item prices unless a name says landed."""

    asin: str
    title: str
    root_category: int | None
    categories: tuple[int, ...]
    image: str | None
    updated_at: datetime
    """Keepa's last refresh of this record"""
    used_cents: int | None
    used_since: datetime | None
    landed_cents_by_grade: dict[Condition, int]
    """used grades whose landed price Keepa gives here"""
    buy_box_used_landed_cents: int | None
    new_cents: int | None
    amazon_cents: int | None
    list_price_cents: int | None
    sales_rank: int | None
    used_offers: int | None
    new_offers: int | None
    used_avg_cents: tuple[int | None, int | None, int | None, int | None]
    """time-weighted mean of the used item price over about 2, 7, 31 and 90 days"""
    sales_rank_avg90: int | None
    drops30: int | None
    drops90: int | None
    drops180: int | None
    drops365: int | None
    is_warehouse_deal: bool = False
    is_lightning_deal: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row or product of an answer that could not be read, with the reason."""

    key: str
    """its ASIN where readable, else its position"""
    error: str


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One `/deal` answer."""

    records: tuple[FeedRecord, ...]
    unreadable: tuple[SetAside, ...]
    row_count: int
    """rows in the answer, readable or not; fewer than 150 means the last page"""


@dataclass(frozen=True, slots=True)
class Offer:
    """One seller's offer, as of its newest price point."""

    seller_id: str
    condition: Condition
    item_cents: int | None
    shipping_cents: int | None
    """0 is free; None: the seller gave no shipping price, so the offer has no landed price"""
    is_fba: bool
    is_amazon: bool
    is_shippable: bool
    """one copy is sent today: False too for a scam, a preorder or an offer of several copies at least"""
    last_seen: datetime
    priced_at: datetime | None
    """since when this price holds"""
    comment: str | None = None

    @property
    def landed_cents(self) -> int | None:
        """What the buyer pays: item plus shipping. FBA shipping that is unknown is free; a merchant's is not."""
        if self.item_cents is None:
            return None
        if self.shipping_cents is not None:
            return self.item_cents + self.shipping_cents
        return self.item_cents if self.is_fba else None


@dataclass(frozen=True, slots=True)
class Series:
    """A step series: `values[i]` holds from `minutes[i]` (Keepa minutes) until the next; None is "nothing"."""

    minutes: tuple[int, ...]
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Averages:
    """Keepa's time-weighted means over 30, 90, 180 and 365 days; negative spans left out."""

    d30: int | None = None
    d90: int | None = None
    d180: int | None = None
    d365: int | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """One product as a look tells it. Prices are item prices unless a name says landed."""

    asin: str
    domain_id: int
    product_type: int
    title: str | None
    author: str | None
    brand: str | None
    binding: str | None
    isbn13: str | None
    root_category: int | None
    root_category_name: str | None
    categories: tuple[int, ...]
    image: str | None
    published: str | None
    """YYYY, YYYY-MM or YYYY-MM-DD"""
    package_grams: int | None
    package_mm: tuple[int, int, int] | None
    updated_at: datetime
    """Keepa's last refresh; 2011-01-01 (as old as can be) where Keepa does not say"""
    used_cents: int | None
    used_since: datetime | None
    """since when `used_cents` holds; None where the history was not asked for"""
    landed_cents_by_grade: dict[Condition, int]
    buy_box_used_landed_cents: int | None
    new_cents: int | None
    amazon_cents: int | None
    amazon_avg: Averages
    list_price_cents: int | None
    sales_rank: int | None
    used_offers: int | None
    new_offers: int | None
    used_avg: Averages
    new_avg: Averages
    sales_rank_avg: Averages
    used_offers_avg: Averages
    drops30: int | None
    drops90: int | None
    drops180: int | None
    drops365: int | None
    fba_fee_cents: int | None
    referral_percent: float | None
    closing_fee_cents: int | None
    offers: tuple[Offer, ...] | None
    """None: not asked for, or Keepa could not fetch them"""
    offers_checked_at: datetime | None
    history: dict[str, Series] = field(default_factory=dict)
    """by name: used, new, amazon, rank, used_offers, new_offers, and landed: landed_like_new,
    landed_very_good, landed_good, landed_acceptable, landed_buy_box_used"""


@dataclass(frozen=True, slots=True)
class LookAnswer:
    """One `/product` answer: what could be read, what could not, and which ASINs it did not hold."""

    products: tuple[Product, ...]
    unreadable: tuple[SetAside, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seller:
    """What is known of one seller."""

    seller_id: str
    name: str | None
    rating_percent: int | None
    """0 to 100, positive ratings over the seller's life"""
    rating_count: int | None
    ships_from_china: bool | None
    has_fba: bool | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class SellerAnswer:
    """One `/seller` answer: sellers that Keepa does not know are missing and cost nothing."""

    sellers: tuple[Seller, ...]
    unreadable: tuple[SetAside, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedEstimate:
    """The worth of spending tokens on a candidate: orders the work, is never shown as a judgement."""

    worth_cents: int | None
    """expected profit times the chance that it sells and still holds; None where `reason` forbids a look"""
    reason: str | None


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What one seller pays and wants; another user's settings give another answer from the same deal."""

    prep_cents: int = 250
    inbound_shipping_cents: int = 200
    """per copy, to Amazon's warehouse"""
    purchase_tax_percent: float = 0.0
    target_roi_percent: float = 30.0
    minimum_markup_percent: float = 10.0
    salvage_percent: float = 50.0
    """what a copy that did not sell in time still brings, of the sale price"""
    sell_within_days: int = 270
    """counted from the purchase"""
    inbound_delay_days: int = 21
    """from the purchase until the copy is listed"""
    caution: float = 1.0
    """by how many error scales the profit must clear zero before a deal is called profitable"""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a judgement's explanation, from which its result can be recomputed."""

    name: str
    value: int | float | str | None
    unit: str
    """cents, percent, chance (0 to 1), count, rank, hours, days or text"""
    source: str
    """feed, light_look, full_look, settings, table, model or rule"""
    as_of: datetime | None
    rule: str
    share: float | None = None
    """0 to 1: the part of the sale price's value that rests on this input; None where that says nothing"""


class DatedSale(msgspec.Struct, frozen=True):
    """A sale that the history shows, for a chart: when, how likely a used copy, and what it then went for.

    A struct, because a judgement makes dozens and a frozen dataclass takes five times as long to make.
    """

    minute: int
    """Keepa minutes"""
    used_probability: float
    landed_cents: int | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a copy costs, what it will sell for, and what is left, or why that can't be said.

    `refusal` is None exactly where the profit is known, else the sentence that says what is missing; the numbers
    that could be known stand all the same. Whether there is a copy to buy is `price_now_cents`.
    """

    condition: Condition | None
    seller_id: str | None
    is_fba: bool | None
    item_cents: int | None
    shipping_cents: int | None
    price_now_cents: int | None
    """landed price of the cheapest live used offer"""
    sale_price_cents: int | None
    sale_price_is_estimate: bool
    referral_fee_cents: int | None
    fba_fee_cents: int | None
    closing_fee_cents: int | None
    all_in_cents: int | None
    profit_cents: int | None
    margin_percent: float | None
    roi_percent: float | None
    break_even_cents: int | None
    minimum_list_cents: int | None
    maximum_buy_cents: int | None
    percent_down: float | None
    trust_percent: float | None
    refusal: str | None
    steps: tuple[Step, ...]
    list_cents: int | None = None
    """the recommended landed price to list at"""
    sold_chance_percent: float | None = None
    """that it sells within `sell_within_days` at that price"""
    days_to_sell: float | None = None
    """median, from listing; None where it sells with less than half a chance"""
    used_sales_a_year: float | None = None
    profit_if_sold_cents: int | None = None
    profit_low_cents: int | None = None
    """the profit less `caution` error scales"""
    error_scale_cents: int | None = None
    is_profitable: bool = False
    """known, not an estimate, and `profit_low_cents` above 0"""
    sale_low_cents: int | None = None
    sale_high_cents: int | None = None
    """the ends of the sale price's 80 % interval"""
    one_year_average_cents: int | None = None
    """mean of the used sales of 365 days, never of asks"""
    season: str | None = None
    peak_month: int | None = None
    peak_cents: int | None = None
    trough_month: int | None = None
    trough_cents: int | None = None
    trend_percent_year: float | None = None
    sales: tuple[DatedSale, ...] = ()
    """oldest first"""


class StopReason(StrEnum):
    """Why a pass ended. Every one of them is normal life; failures are exceptions."""

    NOT_DUE = "not_due"
    HELD = "held_by_another"
    NOTHING_NEW = "nothing_new"
    LAST_PAGE = "last_page"
    PAGE_LIMIT = "page_limit"
    CHUNK_DONE = "chunk_done"
    NOTHING_TO_DO = "nothing_to_do"
    WAITING_FOR_TOKENS = "waiting_for_tokens"
    KEEPA_AWAY = "keepa_away"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PassReport:
    """What one run of a pass did. `waiting_until` is set exactly when it stopped for tokens."""

    which: Pass
    started_at: datetime
    ended_at: datetime
    stop: StopReason
    waiting_until: datetime | None = None
    pages_read: int = 0
    pages_total: int | None = None
    gained: int = 0
    confirmed: int = 0
    changed: int = 0
    retired: int = 0
    tokens_spent: int = 0
    error: str | None = None
