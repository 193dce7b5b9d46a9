"""Where to spend the next token: the expected worth of looking at a candidate, from what is known so far.

Pure. After the feed rough on purpose, after a light look by the judgement itself; it only orders the work.
"""

from __future__ import annotations

import math
from datetime import datetime

from keepa_deals import fees
from keepa_deals.fees import (
    NOT_FOR_RESALE,
    USUAL_SHIPPING_CENTS,
    all_in_cents,
    referral_fee,
    usual_shipping,
)
from keepa_deals.judgement.judge import judge_copy
from keepa_deals.judgement.sale_price import under_amazon
from keepa_deals.records import Condition, CostSettings, FeedEstimate, FeedRecord, Offer, Product

LOWEST_PRICE_CENTS = 200
"""below it a price is nearly always a slip, and the fees of a sale are three times as much"""
LARGEST_DROP_PERCENT = 97
LARGEST_MEAN_RATIO = 3
"""a 90-day mean above 3 times the 31-day one: the value has collapsed, or one glitch made the mean"""
USUAL_REFERRAL_PERCENT = 15.0
USUAL_FBA_FEE_CENTS = 550
"""of a used textbook of one to two pounds; the product's own is known only after a look"""
SHORT_AFTER_FEED_CENTS = 500
SHORT_AFTER_LOOK_CENTS = 300
"""so far short of a profit a candidate may be and still get the next look: a later one rarely finds so much more
(on 250 simulated deal moments the first hid 3 of 48 deals, the second none of 23)"""
HALF_LIFE_HOURS = 33
"""half of the prices have changed after so long (model assumption)"""
DROPS_BY_RANK = ((100_000, 30.0), (500_000, 10.0), (1_000_000, 5.0), (3_000_000, 2.0))
"""rank falls in 90 days that a rank up to so much goes with, where Keepa counted none"""
DROPS_OF_AN_EVEN_CHANCE = 3.0


def rank_candidate(record: FeedRecord, *, costs: CostSettings, now: datetime) -> FeedEstimate:
    """The worth of a first look at a candidate, from its feed record alone.

    `reason` says what rules a look out: the usual signs of a glitch, nothing to reckon with, or no profit in sight.
    The mean ask is that of 90 days: that of a month already holds the fall which makes the deal.
    """
    reason = _why_no_look(record)
    all_in = all_in_cents(_lowest_landed(record.landed_cents_by_grade, record.used_cents), costs=costs)
    _, _, mean31, mean90 = record.used_avg_cents
    ask = mean90 if mean90 is not None else mean31
    if reason is not None or all_in is None or ask is None:
        return FeedEstimate(worth_cents=None, reason=reason or "no used price and mean to reckon with")
    sale = _capped(
        ask,
        shipping_cents=usual_shipping(record.root_category, domain_id=fees.AMAZON_COM),
        ceilings=(under_amazon(record.amazon_cents), record.new_cents),
    )
    closing = fees.MEDIA_CLOSING_FEE_CENTS if record.root_category in fees.MEDIA_CATEGORIES else 0
    percent = fees.REFERRAL_PERCENT_BY_CATEGORY.get(record.root_category or 0, USUAL_REFERRAL_PERCENT)
    referral = referral_fee(sale, percent=percent, minimum_cents=0)
    profit = sale - referral - USUAL_FBA_FEE_CENTS - closing - all_in
    drops = record.drops90 if record.drops90 is not None else _drops_of_rank(record.sales_rank)
    chance = drops / (drops + DROPS_OF_AN_EVEN_CHANCE)
    return _estimate(profit, chance=chance, seen_at=record.updated_at, now=now, short=SHORT_AFTER_FEED_CENTS)


def rank_looked(product: Product, *, costs: CostSettings, now: datetime) -> FeedEstimate:
    """The worth of a full look at a product after a light one: judged like a deal, but for the offers.

    A light look tells the whole history, so all that is missing are today's rivals and which copy it is: that one is
    presumed at the lowest price known. Where no profit can be said, a full look may still say more, after all others.
    """
    if product.product_type != 0:
        kind = NOT_FOR_RESALE.get(product.product_type, "of a kind we do not know")
        return FeedEstimate(worth_cents=None, reason=f"{product.asin} is {kind}")
    copy = _presumed_copy(product, now=now)
    if copy is None:
        return FeedEstimate(worth_cents=None, reason="no used price to reckon with")
    profit = judge_copy(product, copy, no_copy=None, costs=costs, now=now).profit_cents
    return _estimate(
        profit if profit is not None else 0,
        chance=1.0,
        seen_at=product.updated_at,
        now=now,
        short=SHORT_AFTER_LOOK_CENTS,
    )


def _why_no_look(record: FeedRecord) -> str | None:
    """The cheap guards against junk: most of what leads a feed sorted by percent is none (seen in live answers)."""
    used, mean31, mean90 = record.used_cents, record.used_avg_cents[2], record.used_avg_cents[3]
    if used is not None and used < LOWEST_PRICE_CENTS:
        return f"a used price of {used} cents is a slip"
    if used is not None and mean90 is not None and (mean90 - used) * 100 > LARGEST_DROP_PERCENT * mean90:
        return "a fall of more than 97 % is a glitch"
    if mean31 is not None and mean90 is not None and mean90 > LARGEST_MEAN_RATIO * mean31:
        return "the 90-day mean is more than 3 times the 31-day mean"
    if record.drops90 is not None and record.drops90 < 1:
        return "no sign of a sale in 90 days"
    return None


def _lowest_landed(by_grade: dict[Condition, int], used_cents: int | None) -> int | None:
    """The lower of the grades' landed prices and the used item price with usual shipping: Keepa refreshes the
    grades only with the offers, so they lag behind a fall of the item price, by days in the feed."""
    known = list(by_grade.values())
    if used_cents is not None:
        known.append(used_cents + USUAL_SHIPPING_CENTS)
    return min(known, default=None)


def _presumed_copy(product: Product, *, now: datetime) -> Offer | None:
    """The copy that a full look may find: at the lowest price known, in its grade, or in Good where that is unknown."""
    price = _lowest_landed(product.landed_cents_by_grade, product.used_cents)
    if price is None:
        return None
    by_grade = product.landed_cents_by_grade
    grade = next((grade for grade, landed in sorted(by_grade.items()) if landed == price), Condition.GOOD)
    return Offer(
        seller_id="",
        condition=grade,
        item_cents=price,
        shipping_cents=0,
        is_fba=False,
        is_amazon=False,
        is_shippable=True,
        last_seen=now,
        priced_at=None,
    )


def _estimate(profit: int, *, chance: float, seen_at: datetime, now: datetime, short: int) -> FeedEstimate:
    """A loss stays what it is, doubt makes no bad deal better; one of more than `short` rules a look out."""
    if profit <= -short:
        return FeedEstimate(worth_cents=None, reason=f"no profit in sight: about {-profit / 100:.2f} short")
    if profit <= 0:
        return FeedEstimate(worth_cents=profit, reason=None)
    hours_old = max(0.0, (now - seen_at).total_seconds() / 3600)
    still_holds = 0.5 ** (hours_old / HALF_LIFE_HOURS)
    return FeedEstimate(worth_cents=math.floor(profit * chance * still_holds + 0.5), reason=None)


def _drops_of_rank(rank: int | None) -> float:
    for most, drops in DROPS_BY_RANK:
        if rank is not None and rank <= most:
            return drops
    return 0.5


def _capped(ask: int, *, shipping_cents: int, ceilings: tuple[int | None, ...]) -> int:
    """Ask plus shipping, held under every known ceiling."""
    return min([ask + shipping_cents, *(ceiling for ceiling in ceilings if ceiling is not None)])
