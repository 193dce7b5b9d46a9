"""What the history says of the market around a minute: lowest prices, offers, rises and drops, and usual shipping."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.judgement.observed import Points, points, without_glitches
from keepa_deals.records import Product

USUAL_SHIPPING_CENTS = 399
"""Amazon's own figure for books, and by far the commonest (measured)."""
SHIPPING_WORDS = 3.0
"""How many observations of a title's own shipping outweigh the usual one."""
FETCHES = 24
"""The newest so many fetches of its grades tell a title's shipping."""
MOST_SHIPPING_CENTS = 1500
RISE = 1.02
ABSURD = 5.0
"""Further than this factor from the title's middle price a price is a glitch or a joke."""
LANDED_GRADES = ("landed_like_new", "landed_very_good", "landed_good", "landed_acceptable")


@dataclass(frozen=True, slots=True)
class Happenings:
    """The minutes at which something happened, rising, and the time in which it could have been seen."""

    minutes: npt.NDArray[Any]
    watched_minutes: float

    def between(self, after: npt.NDArray[Any], before: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Whether it happened in (after, before], for each pair."""
        if not len(self.minutes):
            return np.zeros(len(after), np.bool_)
        place = self.minutes.searchsorted(after, side="right")
        next_one = self.minutes[np.minimum(place, len(self.minutes) - 1)]
        happened: npt.NDArray[np.bool_] = (next_one > after) & (next_one <= before)
        return happened

    def expected(self, length: float) -> float:
        """How often it happens by chance in so many minutes."""
        return (len(self.minutes) + 0.5) / max(self.watched_minutes, 1440.0) * length


@dataclass(frozen=True, slots=True)
class MarketHistory:
    """The series around a title's sales, ready to be asked. Item prices in cents."""

    used: Points
    new: Points
    amazon: Points
    used_offers: Points
    new_offers: Points
    used_box: Points
    used_rises: Happenings
    new_rises: Happenings
    used_drops: Happenings
    new_drops: Happenings
    middle_used_cents: float | None
    """median of the used prices that were seen"""
    shipping_cents: int
    """what a merchant's used copy of this title usually costs to ship"""


def read_market(product: Product, *, since: int, until: int) -> MarketHistory:
    """The market of one product between two Keepa minutes."""
    history = product.history
    used, new, amazon, used_box = (
        points(history.get(name), until=until) for name in ("used", "new", "amazon", "landed_buy_box_used")
    )
    used_offers, new_offers = (
        without_glitches(points(history.get(name), until=until, least=0)) for name in ("used_offers", "new_offers")
    )
    return MarketHistory(
        used=used,
        new=new,
        amazon=amazon,
        used_offers=used_offers,
        new_offers=new_offers,
        used_box=used_box,
        used_rises=_rises(used, since=since, until=until),
        new_rises=_rises(new, since=since, until=until),
        used_drops=_drops(used_offers, since=since, until=until),
        new_drops=_drops(new_offers, since=since, until=until),
        middle_used_cents=_middle(used),
        shipping_cents=_shipping(product, used=used, until=until),
    )


def _middle(prices: Points) -> float | None:
    """Median of the prices that were seen."""
    _, values = prices.arrays
    ordered = np.sort(values[np.isfinite(values)])
    known = len(ordered)
    return float(ordered[(known - 1) // 2] + ordered[known // 2]) / 2 if known else None


def _rises(prices: Points, *, since: int, until: int) -> Happenings:
    """When the lowest price rose by more than 2 %, or went away altogether."""
    minutes, values = prices.arrays
    was, left = values[:-1], values[1:]
    nothing = np.isnan(values)
    rose = minutes[1:][(left > was * RISE) | (nothing[1:] & ~nothing[:-1])]
    return Happenings(rose[rose.searchsorted(since) :], _watched(prices, since=since, until=until))


def _drops(counts: Points, *, since: int, until: int) -> Happenings:
    """When the number of offers fell; from nothing known to something nothing fell."""
    minutes, values = counts.arrays
    fell = minutes[1:][values[1:] < values[:-1]]
    return Happenings(fell[fell.searchsorted(since) :], _watched(counts, since=since, until=until))


def _watched(seen: Points, *, since: int, until: int) -> float:
    return float(until - max(since, seen.minutes[0])) if seen.minutes else 0.0


def _shipping(product: Product, *, used: Points, until: int) -> int:
    """The title's usual shipping: what its grades' landed prices, when fetched, lay above the lowest used price."""
    found = _shippings(product, used=used, until=until)
    if not found:
        return USUAL_SHIPPING_CENTS
    weight = len(found) / (len(found) + SHIPPING_WORDS)
    return round(weight * median(found) + (1 - weight) * USUAL_SHIPPING_CENTS)


def _shippings(product: Product, *, used: Points, until: int) -> list[float]:
    grades = [points(product.history.get(name), until=until) for name in LANDED_GRADES]
    newest = sorted({minute for grade in grades for minute in grade.minutes[-FETCHES:]})[-FETCHES:]
    if not newest:
        return []
    fetched = np.array(newest, dtype=np.int64)
    landed = np.fmin.reduce([grade.at_each(fetched) for grade in grades])
    shipping = landed - used.at_each(fetched)
    likely: list[float] = shipping[(shipping >= 0) & (shipping <= MOST_SHIPPING_CENTS)].tolist()
    return likely
