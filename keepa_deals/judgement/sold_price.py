"""What the used copy of one sale went for: the cheapest before it, landed, since afterwards it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

from keepa_deals.judgement.market_history import ABSURD, MarketHistory
from keepa_deals.judgement.model import EventPriceModel

PRICE_WINDOW = (1440, 2 * 1440)
"""How long before and after a gap the lowest price may rise by its sale (measured)."""
BOX_MINUTES = 10 * 1440
"""A buy box seen longer ago than this says little of the price then in force (measured)."""
STALE_SD_YEAR = 0.5
"""How a price seen long before spreads: natural log over a year."""
MINUTES_PER_YEAR = 365.25 * 1440


@dataclass(frozen=True, slots=True)
class SoldPrice:
    """What a used copy went for. Both None where no price can be believed."""

    cents: int | None
    log_sd: float | None
    has_risen: bool
    """the lowest used price rose around the sale: the cheapest copy went"""


def sold_price(market: MarketHistory, *, after: int, before: int, model: EventPriceModel) -> SoldPrice:
    """The landed price of a used copy sold between two Keepa minutes."""
    has_risen = market.used_rises.between(after - PRICE_WINDOW[0], before + PRICE_WINDOW[1])
    item = market.used.at(after)
    middle = market.middle_used_cents
    if item is None or middle is None or not middle / ABSURD <= item <= middle * ABSURD:
        return SoldPrice(None, None, has_risen)
    landed = log(item + market.shipping_cents)
    stale = STALE_SD_YEAR**2 * (before - market.used.since(after)) / MINUTES_PER_YEAR
    if has_risen:
        return SoldPrice(round(exp(landed + model.rise_offset)), sqrt(model.rise_sd**2 + stale), has_risen)
    box, weight = _box(market, after=after, model=model)
    mixed = landed + model.quiet_offset + weight * (box - landed)
    return SoldPrice(round(exp(mixed)), sqrt(model.quiet_sd**2 + stale), has_risen)


def _box(market: MarketHistory, *, after: int, model: EventPriceModel) -> tuple[float, float]:
    """ln of the used buy box seen last before the sale, and what it counts for; 0 where it can't be believed."""
    cents, middle = market.used_box.at(after), market.middle_used_cents
    if cents is None or middle is None or cents > middle * ABSURD:
        return 0.0, 0.0
    return log(cents), model.box_weight * exp(-(after - market.used_box.since(after)) / BOX_MINUTES)
