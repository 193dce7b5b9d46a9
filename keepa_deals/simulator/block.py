"""A block of products: its fixed facts, its present state, and the logs of what happened and what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.logs import Log
from keepa_deals.simulator.shelf import Shelf
from keepa_deals.simulator.titles import Titles
from keepa_deals.simulator.visits import Diary

Array = npt.NDArray[Any]

BY_CUSTOMER, BY_RESELLER = 0, 1
GONE = -1


@dataclass(slots=True)
class Moods:
    """What changes about a product by itself: worth, Amazon's presence, its place in the sales rank."""

    shock: Array
    regime: Array
    worth: Array
    demand: Array
    amazon: Array
    amazon_until: Array
    rank_memory: Array
    last_sale: Array
    """Minute of the latest sale that the rank knows of."""
    rank_shift: Array
    unrecorded_sales: Array
    rank_gap_until: Array
    next_offer: Array


@dataclass(slots=True)
class Block:
    """Everything about up to `block_products` products. `step` is the next step to be lived."""

    number: int
    seed: int
    origin: int
    world: WorldConstants
    titles: Titles
    shelf: Shelf
    moods: Moods
    diary: Diary
    step: int = 0
    lived: int = 0
    """How many strides have passed."""
    keep_offers_from: int = 0
    history: Log = field(init=False)
    """Series by row × product, value packed as its kind asks."""
    asks: Log = field(init=False)
    """Every change of every offer by flat place: number of the offer, price before and after (GONE = none)."""
    departed: Log = field(init=False)
    """Offers that left, by product."""
    sales: Log = field(init=False)
    """The truth: each unit sold, by product; `lowest` landed price on its side, copies `left` in that offer."""

    def __post_init__(self) -> None:
        size = len(self.titles.value)
        self.history = Log(len(s.RECORDED) * size, ("value",))
        self.asks = Log(self.shelf.price.size, ("offer", "before", "after"))
        self.departed = Log(size, ("offer", "seller", "grade", "fba", "price", "ship", "arrived"))
        self.sales = Log(size, ("grade", "price", "ship", "seller", "cause", "lowest", "left"))

    @property
    def size(self) -> int:
        return len(self.titles.value)

    @property
    def stride(self) -> int:
        """Steps lived at once: several in the far past, one since `fine_days` before the history's end.

        A stride never runs past midnight, where a new day's worth and demand are drawn.
        """
        world = self.world
        fine_from = (world.history_days - world.fine_days) * 1440 // world.step_minutes
        to_midnight = world.steps_per_day - self.step % world.steps_per_day
        return min(world.coarse_stride, to_midnight) if self.step < fine_from else 1

    def start_of(self, step: int) -> int:
        """First minute of a step for a product without shift."""
        return self.origin + step * self.world.step_minutes
