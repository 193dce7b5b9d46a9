"""Between a row of `deals` and the records: the columns of what is held, of a judgement, of a new price."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from keepa_deals.freshness import HeldDeal, Sighting
from keepa_deals.planner import asked_look
from keepa_deals.records import Condition, CostSettings, DealState, Judgement, Product, Step
from keepa_deals.repricing import Repriced, reprice
from keepa_deals.store.columns import instant_text
from keepa_deals.store.tables import deals

OFFERS_KEPT = 20
PRICE_UNKNOWN = "its new price with shipping is not known until the next full look"

HELD_COLUMNS = (
    deals.c.asin,
    deals.c.state,
    deals.c.used_cents,
    deals.c.used_since,
    deals.c.price_now_cents,
    deals.c.sale_price_is_estimate,
    deals.c.condition,
    deals.c.verified_at,
    deals.c.keepa_updated_at,
    deals.c.gone_at,
    deals.c.unverified_since,
    deals.c.look_due_since,
    deals.c.look_due_reason,
    deals.c.explanation,
    deals.c.refusal,
)


def held_deal(row: Row[Any]) -> HeldDeal:
    """A row with `HELD_COLUMNS` as the record that comparing needs."""
    return HeldDeal(
        asin=row.asin,
        state=DealState(row.state),
        used_cents=row.used_cents,
        used_since=row.used_since,
        price_now_cents=row.price_now_cents,
        condition=None if row.condition is None else Condition(row.condition),
        verified_at=row.verified_at,
        seen_at=max(row.verified_at, row.keepa_updated_at or row.verified_at),
        gone_at=row.gone_at,
        look_due=row.look_due_since is not None and asked_look(row.look_due_reason) is None,
    )


def product_columns(product: Product) -> dict[str, Any]:
    """What a look says of the product and its market."""
    return {
        "title": product.title or product.asin,
        "author": product.author,
        "brand": product.brand,
        "binding": product.binding,
        "isbn13": product.isbn13,
        "published": product.published,
        "image": product.image,
        "category_id": product.root_category,
        "category": product.root_category_name,
        "keepa_updated_at": product.updated_at,
        "used_cents": product.used_cents,
        "used_since": product.used_since,
        "sales_rank": product.sales_rank,
        "drops_30": product.drops30,
        "drops_90": product.drops90,
        "drops_365": product.drops365,
        "used_offers": product.used_offers,
        "used_offers_avg90": product.used_offers_avg.d90,
        "new_offers": product.new_offers,
        "new_cents": product.new_cents,
        "amazon_cents": product.amazon_cents,
        "used_avg90_cents": product.used_avg.d90,
        "used_avg365_cents": product.used_avg.d365,
        "offers": used_offers(product),
    }


def used_offers(product: Product) -> list[dict[str, Any]] | None:
    """The live used offers of a full look, cheapest first, those without a landed price last; None if not looked at."""
    if product.offers is None:
        return None
    used = [offer for offer in product.offers if offer.condition.is_used]
    used.sort(key=lambda offer: (offer.landed_cents is None, offer.landed_cents or 0, offer.condition, offer.seller_id))
    return [
        {
            "condition": offer.condition,
            "item_cents": offer.item_cents,
            "shipping_cents": offer.shipping_cents,
            "landed_cents": offer.landed_cents,
            "is_fba": offer.is_fba,
            "seller_id": offer.seller_id,
            "last_seen": instant_text(offer.last_seen),
        }
        for offer in used[:OFFERS_KEPT]
    ]


def judgement_columns(judgement: Judgement) -> dict[str, Any]:
    """What a judgement says of the offer and the money."""
    return {
        "condition": judgement.condition,
        "seller_id": judgement.seller_id,
        "is_fba": judgement.is_fba,
        "item_cents": judgement.item_cents,
        "shipping_cents": judgement.shipping_cents,
        "price_now_cents": judgement.price_now_cents,
        "sale_price_cents": judgement.sale_price_cents,
        "sale_price_is_estimate": judgement.sale_price_is_estimate,
        "referral_fee_cents": judgement.referral_fee_cents,
        "fba_fee_cents": judgement.fba_fee_cents,
        "closing_fee_cents": judgement.closing_fee_cents,
        "trust": judgement.trust_percent,
        "list_cents": judgement.list_cents,
        "sold_chance": judgement.sold_chance_percent,
        "days_to_sell": judgement.days_to_sell,
        "used_sales_a_year": judgement.used_sales_a_year,
        "error_scale_cents": judgement.error_scale_cents,
        "sale_low_cents": judgement.sale_low_cents,
        "sale_high_cents": judgement.sale_high_cents,
        "one_year_average_cents": judgement.one_year_average_cents,
        "season": judgement.season,
        "peak_month": judgement.peak_month,
        "peak_cents": judgement.peak_cents,
        "trough_month": judgement.trough_month,
        "trough_cents": judgement.trough_cents,
        "trend": judgement.trend_percent_year,
        "refusal": judgement.refusal,
        **money_columns(judgement),
    }


def money_columns(judgement: Judgement | Repriced) -> dict[str, Any]:
    """The part of a judgement that a new price, and the costs of today, change."""
    return {
        "all_in_cents": judgement.all_in_cents,
        "profit_cents": judgement.profit_cents,
        "profit_if_sold_cents": judgement.profit_if_sold_cents,
        "profit_low_cents": judgement.profit_low_cents,
        "is_profitable": judgement.is_profitable,
        "percent_down": judgement.percent_down,
        "margin": judgement.margin_percent,
        "roi": judgement.roi_percent,
        "break_even_cents": judgement.break_even_cents,
        "minimum_list_cents": judgement.minimum_list_cents,
        "maximum_buy_cents": judgement.maximum_buy_cents,
        "explanation": list(judgement.steps),
    }


def explanation_steps(stored: Any) -> tuple[Step, ...]:
    """The stored explanation as records."""
    return msgspec.convert(stored, tuple[Step, ...])


def repriced_columns(row: Row[Any], sighting: Sighting, *, costs: CostSettings, now: datetime) -> dict[str, Any]:
    """What a held deal becomes when its used price is seen to have moved: the new price, and due for a look.

    The sale side stays as the last full look judged it; the costs are those of today.
    """
    landed = None if row.condition is None else sighting.landed_cents_by_grade.get(Condition(row.condition))
    repriced = reprice(
        explanation_steps(row.explanation),
        landed_cents=landed,
        is_estimate=row.sale_price_is_estimate,
        as_of=sighting.seen_at,
        source=sighting.source,
        costs=costs,
    )
    return {
        "used_cents": sighting.used_cents,
        "used_since": sighting.used_since,
        "price_changed_at": sighting.used_since or sighting.seen_at,
        "item_cents": None,
        "shipping_cents": None,
        "price_now_cents": landed,
        "keepa_updated_at": sighting.seen_at,
        "looked_at": None,
        "look_due_since": row.look_due_since or now,
        "look_due_reason": f"its used price moved, as seen in a {sighting.source.replace('_', ' ')}",
        "refusal": _refusal_after(row.refusal, repriced, landed_cents=landed),
        **money_columns(repriced),
    }


def _refusal_after(before: str | None, repriced: Repriced, *, landed_cents: int | None) -> str | None:
    """Why the repriced deal has no profit: what was missing before is missing still, or its new price is."""
    if repriced.profit_cents is not None:
        return None
    if landed_cents is None:
        return before or PRICE_UNKNOWN
    return None if before == PRICE_UNKNOWN else before
