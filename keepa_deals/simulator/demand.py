"""Who buys what: customers with a taste and a limit, and resellers who pick up bargains."""

from __future__ import annotations

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
    """(product, wants used) of everybody who comes to buy within `steps`; `demand` is the season's factor."""
    used = rng.poisson(titles.sales_used * demand * steps)
    new = rng.poisson(titles.sales_new * demand * steps)
    everyone = np.arange(len(demand))
    products = np.concatenate([np.repeat(everyone, used), np.repeat(everyone, new)])
    return products, np.arange(len(products)) < used.sum()


def choose(
    shelf: Shelf,
    titles: Titles,
    *,
    products: Array,
    wants_used: Array,
    worth: Array,
    new_worth: Array,
    amazon: Array,
    rng: np.random.Generator,
    world: WorldConstants,
) -> Array:
    """The place each customer buys from, AMAZON_PLACE, or REFUSED when nothing is worth its price.

    A customer weighs landed price against worth, likes FBA and the buy box, and sees more than we do.
    """
    n, places = len(products), len(shelf.price)
    everyone = np.arange(n)
    landed = shelf.landed[:, products].astype(np.float32)
    fba = shelf.fba[:, products]
    used_place = (np.arange(places) < world.used_slots)[:, None]
    shut = (landed >= NO_OFFER) | (used_place != wants_used)
    factor = np.where(used_place, GRADE_FACTOR[shelf.grade[:, products]], np.float32(1))
    base = np.where(wants_used, worth[products], new_worth[products])
    ratio = landed / (factor * base.astype(np.float32))
    box = np.where(shut, NO_OFFER, landed * np.where(fba, 0.94, 1.0))
    liking = -titles.elasticity[products].astype(np.float32) * np.log(np.maximum(ratio, 1e-3))
    liking += np.float32(world.fba_bonus) * fba
    liking[box.argmin(axis=0), everyone] += world.buy_box_bonus
    liking -= world.taste_noise * np.log(rng.standard_exponential((places, n), dtype=np.float32) + 1e-9)
    liking[shut] = -np.inf
    place = liking.argmax(axis=0)
    paid = np.where(shut[place, everyone], np.inf, ratio[place, everyone])
    amazon_ratio = np.where(amazon[products] > 0, amazon[products] / new_worth[products], np.inf)
    from_amazon = ~wants_used & (amazon_ratio < paid * rng.uniform(0.95, 1.25, n))
    best = np.where(from_amazon, amazon_ratio, paid)
    limit = world.willingness_median * np.exp(world.willingness_sigma * rng.standard_normal(n))
    return np.where(best > limit, REFUSED, np.where(from_amazon, AMAZON_PLACE, place))


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
