"""The offers of each product: a fixed number of places, filled by sellers who come and go.

An offer is *on the shelf* while `leave` lies ahead, and *visible* while its landed price is below NO_OFFER;
on the shelf but not visible is a seller on holiday.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator.constants import WorldConstants

Array = npt.NDArray[Any]

NO_OFFER = 2**30
NEVER = 2**30
ENDLESS = 30_000

STATIC, MATCHER, UNDERCUTTER, FOLLOWER, LOTTERY, PENNY = range(6)
HELD = 6
"""A copy that stays at its price until it is sold: the one that we play."""

USED_GRADES = np.array([2, 3, 4, 5], np.int8)
USED_GRADE_SHARES = np.cumsum([0.15, 0.25, 0.40, 0.20])
GRADE_FACTOR = np.array([1.0, 1.0, 1.14, 1.06, 1.0, 0.86], np.float32)
"""Worth relative to Good, by condition 2..5; New (1) is the title's own multiple."""


@dataclass(slots=True)
class Shelf:
    """Offers by (place, product); used places first. Prices in cents, `leave`, `back`, `reprice` are steps."""

    price: Array
    ship: Array
    landed: Array
    grade: Array
    fba: Array
    policy: Array
    copies: Array
    seller: Array
    offer: Array
    arrived: Array
    first_price: Array
    leave: Array
    back: Array
    reprice: Array
    pace: Array
    floor: Array


def empty_shelf(*, products: int, places: int) -> Shelf:
    """A shelf without offers."""

    def column(dtype: type, value: int = 0) -> Array:
        return np.full((places, products), value, dtype)

    return Shelf(
        price=column(np.int32),
        ship=column(np.int16),
        landed=column(np.int32, NO_OFFER),
        grade=column(np.int8),
        fba=column(np.bool_),
        policy=column(np.int8),
        copies=column(np.int16),
        seller=column(np.int16),
        offer=column(np.int32),
        arrived=column(np.int32),
        first_price=column(np.int32),
        leave=column(np.int32, NEVER),
        back=column(np.int32, NEVER),
        reprice=column(np.int32, NEVER),
        pace=column(np.float32),
        floor=column(np.int32),
    )


def put_offers(
    shelf: Shelf,
    *,
    flat: Array,
    worth: Array,
    new_worth: Array,
    lowest: Array,
    minute: Array,
    step: int,
    numbers: Array,
    rng: np.random.Generator,
    world: WorldConstants,
) -> None:
    """Fill the places `flat`. `worth`, `new_worth`, `lowest` (same side), `minute`, `numbers`: one per place."""
    n = len(flat)
    used = flat // shelf.price.shape[1] < world.used_slots
    draw = rng.random((6, n))
    policy = np.where(used, *(_drawn(shares, draw[0]) for shares in (world.policies_used, world.policies_new)))
    grade = np.where(used, USED_GRADES[np.searchsorted(USED_GRADE_SHARES[:-1], draw[1])], 1)
    fba = draw[2] < np.where(used, 0.25, 0.4)
    fair = np.where(used, worth * GRADE_FACTOR[grade], new_worth)
    target = _first_target(fair, policy=policy, lowest=lowest, used=used, rng=rng, world=world)
    ship = np.where(fba, 0, _merchant_shipping(rng, draw=draw[3]))
    price = np.clip(target - np.maximum(ship, 0), 50, 490_000).astype(np.int32)
    many = np.where(draw[4] < world.multi_copy_share, rng.integers(2, 6, n), 1)
    endless = draw[4] < world.endless_stock_share
    step_hours = world.step_minutes / 60
    pace = np.array(world.reprice_hours).take(policy) / step_hours
    pace *= np.exp(world.reprice_sigma * rng.standard_normal(n))
    life, wait = rng.standard_exponential((2, n))
    fresh = {
        "price": price,
        "first_price": price,
        "ship": ship,
        "landed": price + np.maximum(ship, 0),
        "grade": grade,
        "fba": fba,
        "policy": policy,
        "copies": np.where(used, many, np.where(endless, ENDLESS, many)),
        "seller": world.sellers * draw[5] ** 2,
        "offer": numbers,
        "arrived": minute,
        "leave": step + 1 + (life * (world.offer_life_days * 1440 / world.step_minutes)).astype(np.int32),
        "back": NEVER,
        "pace": np.maximum(pace, 1.0),
        "reprice": step + 1 + (wait * pace).astype(np.int32),
        "floor": fair * rng.uniform(*world.floor_factor, n),
    }
    for name, values in fresh.items():
        getattr(shelf, name).reshape(-1)[flat] = values


def _drawn(shares: tuple[float, ...], draw: Array) -> Array:
    """Numbers drawn by their shares from uniform draws."""
    return np.searchsorted(np.cumsum(shares)[:-1], draw)


def _first_target(
    fair: Array,
    *,
    policy: Array,
    lowest: Array,
    used: Array,
    rng: np.random.Generator,
    world: WorldConstants,
) -> Array:
    n = len(fair)
    target = fair * np.exp(rng.normal(0.06, 0.2, n))
    follows = ((policy == MATCHER) | (policy == UNDERCUTTER)) & (lowest < NO_OFFER) & (lowest > 0.6 * fair)
    target = np.where(follows, np.minimum(lowest - rng.integers(0, 60, n), fair * 1.4), target)
    absurd = rng.random(n) < world.absurd_share
    hope = np.where(absurd, rng.uniform(*world.absurd_factor, n), rng.uniform(1.5, 3.0, n))
    target = np.where(policy == LOTTERY, fair * hope, target)
    target = np.where(policy == PENNY, fair * rng.uniform(0.55, 0.9, n), target)
    bargain = used & (rng.random(n) < world.bargain_share)
    return np.where(bargain, fair * rng.uniform(*world.bargain_factor, n), target)


def _merchant_shipping(rng: np.random.Generator, *, draw: Array) -> Array:
    other = rng.integers(349, 551, len(draw))
    return np.where(draw < 0.7, 399, np.where(draw < 0.85, 0, np.where(draw < 0.97, other, -1)))


def cheapest(landed: Array) -> tuple[Array, Array]:
    """Lowest landed price of each product and the lowest of anybody else (NO_OFFER where there is none)."""
    lowest, second = landed[0].copy(), np.full(landed.shape[1], NO_OFFER, np.int32)
    dearer = np.empty_like(lowest)
    for place in landed[1:]:
        np.maximum(lowest, place, out=dearer)
        np.minimum(second, dearer, out=second)
        np.minimum(lowest, place, out=lowest)
    return lowest, second
