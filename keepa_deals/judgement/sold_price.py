"""What the used copy of one sale went for: the cheapest before it, landed, since afterwards it is gone."""

from __future__ import annotations

from bisect import bisect_right
from math import exp, log, sqrt

from keepa_deals.judgement.market_history import ABSURD, MarketHistory
from keepa_deals.judgement.model import EventPriceModel
from keepa_deals.judgement.sale_sides import RISE_WINDOW

BOX_MINUTES = 10 * 1440
"""A buy box seen longer ago than this says little of the price then in force (measured)."""
STALE_SD_YEAR = 0.5
"""How a price seen long before spreads: natural log over a year."""
MINUTES_PER_YEAR = 365.25 * 1440


def sold_price(
    market: MarketHistory, *, after: int, before: int, model: EventPriceModel
) -> tuple[int, float] | tuple[None, None]:
    """Landed cents and log sd of a used copy sold between two Keepa minutes; nothing where no price can be believed."""
    item = market.used.at(after)
    middle = market.middle_used_cents
    if item is None or middle is None or not middle / ABSURD <= item <= middle * ABSURD:
        return None, None
    landed = log(item + market.shipping_cents)
    seen_at = market.used.minutes[bisect_right(market.used.minutes, after) - 1]
    stale = STALE_SD_YEAR**2 * (before - seen_at) / MINUTES_PER_YEAR
    if market.used_rises.between(after - RISE_WINDOW[0], before + RISE_WINDOW[1]):
        return round(exp(landed + model.rise_offset)), sqrt(model.rise_sd**2 + stale)
    box, weight = _box(market, after=after, model=model)
    mixed = landed + model.quiet_offset + weight * (box - landed)
    return round(exp(mixed)), sqrt(model.quiet_sd**2 + stale)


def _box(market: MarketHistory, *, after: int, model: EventPriceModel) -> tuple[float, float]:
    """ln of the used buy box seen last before the sale, and what it counts for; 0 where it can't be believed."""
    place = bisect_right(market.used_box.minutes, after)
    cents = market.used_box.values[place - 1] if place else None
    middle = market.middle_used_cents or 0.0
    if cents is None or cents > middle * ABSURD:
        return 0.0, 0.0
    return log(cents), model.box_weight * exp(-(after - market.used_box.minutes[place - 1]) / BOX_MINUTES)
