"""What a sighting says about a deal we hold: confirmed, changed, or nothing new. Pure.

A feed page and a light look both carry the lowest used item price and since when it holds. If both equal
those of our last look, the deal we judged is still the deal on offer, and it cost nothing more to know.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from keepa_deals.records import Condition, DealState, FeedRecord, Product, Source

ARCHIVED_AFTER_WORKING = timedelta(days=14)
"""A deal that could not be verified for this long of working is archived, with that reason."""

FEED_WINDOW = timedelta(hours=12)
"""The feed lists only products that Keepa refreshed within this time (Keepa documentation, deals)."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The used price of one product as Keepa saw it at `seen_at`."""

    asin: str
    used_cents: int | None
    used_since: datetime | None
    landed_cents_by_grade: dict[Condition, int]
    used_offers: int | None
    sales_rank: int | None
    seen_at: datetime
    source: Source


@dataclass(frozen=True, slots=True)
class HeldDeal:
    """What we hold of a deal, as far as comparing needs it."""

    asin: str
    state: DealState
    used_cents: int | None
    used_since: datetime | None
    price_now_cents: int | None
    condition: Condition | None
    verified_at: datetime
    seen_at: datetime
    """Keepa's newest update that we took anything from: never before `verified_at`"""
    gone_at: datetime | None
    look_due: bool
    """its price was seen to move: nothing less than a full look verifies it now"""


class Comparison(Enum):
    """What a sighting means for a held deal."""

    CONFIRMED = "confirmed"
    CHANGED = "changed"
    SOLD_OUT = "sold_out"
    NOT_NEWER = "not_newer"
    INCONCLUSIVE = "inconclusive"


def sighting_of_record(record: FeedRecord) -> Sighting:
    """A feed record read now is as old as Keepa's own update of it."""
    return Sighting(
        asin=record.asin,
        used_cents=record.used_cents,
        used_since=record.used_since,
        landed_cents_by_grade=record.landed_cents_by_grade,
        used_offers=record.used_offers,
        sales_rank=record.sales_rank,
        seen_at=record.updated_at,
        source=Source.FEED,
    )


def sighting_of_product(product: Product, source: Source) -> Sighting:
    """A look is as old as Keepa's own update of the product, at most an hour unless Keepa was busy."""
    return Sighting(
        asin=product.asin,
        used_cents=product.used_cents,
        used_since=product.used_since,
        landed_cents_by_grade=product.landed_cents_by_grade,
        used_offers=product.used_offers,
        sales_rank=product.sales_rank,
        seen_at=product.updated_at,
        source=source,
    )


def compare(held: HeldDeal, sighting: Sighting) -> Comparison:
    """Pure. A sighting older than what we hold teaches nothing, whatever it says."""
    last_known = held.seen_at if held.gone_at is None else held.gone_at
    if sighting.seen_at <= last_known:
        return Comparison.NOT_NEWER
    if sighting.used_cents is None:
        return Comparison.SOLD_OUT if sighting.used_offers == 0 else Comparison.INCONCLUSIVE
    if held.used_cents is not None and sighting.used_cents != held.used_cents:
        return Comparison.CHANGED
    if held.look_due or None in (held.used_cents, held.used_since, sighting.used_since):
        return Comparison.INCONCLUSIVE
    return Comparison.CONFIRMED if sighting.used_since == held.used_since else Comparison.CHANGED


def promised_until(verified_at: datetime, promise_hours: float) -> datetime:
    """The end of a deal's promise."""
    return verified_at + timedelta(hours=promise_hours)


def may_return(held: HeldDeal, sighting: Sighting) -> bool:
    """A tombstone rises only for an update by Keepa that is later than the look that saw it gone."""
    return held.gone_at is not None and sighting.seen_at > held.gone_at
