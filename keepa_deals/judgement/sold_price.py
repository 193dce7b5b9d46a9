"""What the used copy of a sale went for: the cheapest before it, landed, since afterwards it is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.judgement.market_history import ABSURD, MarketHistory
from keepa_deals.judgement.model import EventPriceModel
from keepa_deals.judgement.observed import Array

PRICE_WINDOW = (1440, 2 * 1440)
"""How long before and after a gap the lowest price may rise by its sale (measured)."""
BOX_MINUTES = 10 * 1440
"""A buy box seen longer ago than this says little of the price then in force (measured)."""
STALE_SD_YEAR = 0.5
"""How a price seen long before spreads: natural log over a year."""
MINUTES_PER_YEAR = 365.25 * 1440


@dataclass(frozen=True, slots=True)
class SoldPrices:
    """What a used copy went for at each sale."""

    cents: Array
    """landed; not a number where no price can be believed"""
    log_sd: Array
    has_risen: npt.NDArray[np.bool_]
    """the lowest used price rose around the sale: the cheapest copy went"""


def sold_prices(
    market: MarketHistory, *, after: npt.NDArray[Any], before: npt.NDArray[Any], model: EventPriceModel
) -> SoldPrices:
    """The landed prices of used copies sold between pairs of Keepa minutes."""
    has_risen = market.used_rises.between(after - PRICE_WINDOW[0], before + PRICE_WINDOW[1])
    item = _believable(market.used.at_each(after), market=market)
    landed = np.log(item + market.shipping_cents)
    box, weight = _box(market, after=after, model=model)
    quiet = landed + model.quiet_offset + weight * (box - landed)
    age = before - market.used.since_each(after)
    spread = np.where(has_risen, model.rise_sd**2, model.quiet_sd**2) + STALE_SD_YEAR**2 * age / MINUTES_PER_YEAR
    return SoldPrices(
        cents=np.rint(np.exp(np.where(has_risen, landed + model.rise_offset, quiet))),
        log_sd=np.sqrt(spread),
        has_risen=has_risen,
    )


def _believable(cents: Array, *, market: MarketHistory) -> Array:
    """Prices near the title's middle one; far from it they are glitches or jokes, and no number."""
    middle = market.middle_used_cents
    if middle is None:
        return np.full(len(cents), np.nan)
    return np.where((cents >= middle / ABSURD) & (cents <= middle * ABSURD), cents, np.nan)


def _box(market: MarketHistory, *, after: npt.NDArray[Any], model: EventPriceModel) -> tuple[Array, Array]:
    """ln of the used buy box seen last before each sale, and what it counts for; 0 where it can't be believed."""
    cents = _believable(market.used_box.at_each(after), market=market)
    weight = model.box_weight * np.exp(-(after - market.used_box.since_each(after)) / BOX_MINUTES)
    known = np.isfinite(cents)
    return np.log(np.where(known, cents, 1.0)), np.where(known, weight, 0.0)
