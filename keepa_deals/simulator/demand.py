"""Who buys what: customers with a taste and a limit, and resellers who pick up bargains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.logs import where_true
from keepa_deals.simulator.shelf import GRADE_FACTOR, NO_OFFER, Shelf
from keepa_deals.simulator.titles import Titles

Array = npt.NDArray[Any]

AMAZON_PLACE = -1
REFUSED = -2


def customers(titles: Titles, *, demand: Array, steps: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Products of those who come for a used and of those who come for a new copy within `steps`.

    `demand` is the season's factor.
    """
    used, new = titles.sales_used * demand * steps, titles.sales_new * demand * steps
    return _arrivals(used, rng=rng), _arrivals(new, rng=rng)


def _arrivals(rates: Array, *, rng: np.random.Generator) -> Array:
    """Products, each as often as a Poisson number with its rate says: their sum first, then who is who."""
    upto = np.cumsum(rates)
    drawn = upto.searchsorted(upto[-1] * rng.random(rng.poisson(upto[-1])), side="right")
    products: Array = np.minimum(drawn, len(rates) - 1)
    return products


@dataclass(frozen=True, slots=True)
class Side:
    """The used or the new half of the shelf: its places, the first of them, and worth by product."""

    places: slice
    first: int
    worth: Array


def choose(
    shelf: Shelf,
    titles: Titles,
    *,
    side: Side,
    products: Array,
    amazon: Array | None,
    rng: np.random.Generator,
    world: WorldConstants,
) -> Array:
    """The place each customer buys from, AMAZON_PLACE, or REFUSED when nothing is worth its price.

    A customer weighs landed price against worth, likes FBA and the buy box, and sees more than we do. `amazon`
    is its price by product where it competes.
    """
    n = len(products)
    landed, fba, grade = (
        column[side.places].take(products, axis=1) for column in (shelf.landed, shelf.fba, shelf.grade)
    )
    shut = landed >= NO_OFFER
    worth = side.worth.take(products).astype(np.float32)
    ratio = landed / (GRADE_FACTOR.take(grade) * worth)
    liking = np.log(np.maximum(ratio, np.float32(1e-3))) * -titles.elasticity.take(products).astype(np.float32)
    hurry = rng.standard_exponential(n, np.float32) * np.float32(world.fba_bonus)
    liking += hurry * fba
    box = np.where(shut, NO_OFFER, landed * np.where(fba, np.float32(0.94), np.float32(1)))
    everyone = np.arange(n)
    liking[box.argmin(axis=0), everyone] += world.buy_box_bonus
    taste = rng.standard_exponential(landed.shape, np.float32)
    liking -= np.float32(world.taste_noise) * np.log(taste + np.float32(1e-9))
    liking[shut] = -np.inf
    place: Array = liking.argmax(axis=0)
    paid = np.where(shut[place, everyone], np.inf, ratio[place, everyone])
    place += side.first
    if amazon is not None:
        own = amazon.take(products)
        own = np.where(own > 0, own / worth, np.inf)
        theirs = own < paid * rng.uniform(0.95, 1.25, n)
        place[theirs], paid[theirs] = AMAZON_PLACE, own[theirs]
    limit = world.willingness_median * np.exp(world.willingness_sigma * rng.standard_normal(n))
    place[paid > limit] = REFUSED
    return place


def scouts(
    shelf: Shelf, *, worth: Array, lowest: Array, minutes: int, rng: np.random.Generator, world: WorldConstants
) -> tuple[Array, Array]:
    """(product, place) of bargains that resellers take within `minutes`; better bargains go sooner."""
    depth = lowest / worth
    tempting = where_true(depth < world.scout_threshold)
    excess = world.scout_threshold - depth[tempting]
    chance = minutes / 60 / world.scout_hours * np.exp(4 * excess)
    taken = tempting[rng.random(len(tempting)) < chance]
    return taken, shelf.landed[: world.used_slots, taken].argmin(axis=0)
