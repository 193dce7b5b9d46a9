"""What sellers ask next, when they look at the market again."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.shelf import LOTTERY, NO_OFFER, STATIC

Array = npt.NDArray[Any]


def next_landed(
    *,
    policy: Array,
    own: Array,
    fair: Array,
    rival: Array,
    floor: Array,
    rng: np.random.Generator,
    world: WorldConstants,
) -> Array:
    """The landed price each seller asks now, in cents.

    `own` is the present landed price, `fair` the worth of this copy, `rival` the lowest landed price of
    somebody else on the same side (NO_OFFER when alone), `floor` the seller's own lowest. A repricer that
    would fall below its floor rests there or starts again from the top: that is the sawtooth of real prices.
    `policy` numbers the six kinds of sellers as in `shelf`.
    """
    n = len(own)
    own, fair, rival, floor = (amount.astype(np.float32) for amount in (own, fair, rival, floor))
    chance, spread = rng.random((2, n), np.float32)
    noise = rng.standard_normal(n, np.float32)
    cut = np.where(chance < 0.85, 2 + 24 * spread, fair * (0.01 + 0.07 * spread))
    alone = rival >= NO_OFFER
    reference = np.where(alone, fair * (1.05 + 0.45 * spread), np.minimum(rival, 1.45 * fair))
    target = np.choose(
        policy,
        [
            own + 0.3 * (fair - own) + own * (0.06 * noise - 0.03),
            reference,
            reference - cut,
            reference * (1.0 + 0.18 * spread),
            np.maximum(own * (0.75 + 0.35 * spread), 1.5 * fair),
            reference - 2 * cut,
        ],
    )
    below = (policy != STATIC) & (policy != LOTTERY) & (target < floor)
    again = chance > 1 - world.reset_chance
    return np.where(below, np.where(again, fair * (0.95 + 0.35 * spread), floor), target)
