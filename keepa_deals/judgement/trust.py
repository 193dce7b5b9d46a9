"""How far to trust: the calibrated chance that a copy brings its estimate, and a seller's rating on few votes."""

from __future__ import annotations

import math

from keepa_deals.judgement.price_model import SellingModel

Z_95 = 1.959964
"""two-sided 95 % of the normal distribution"""
LEAST_CHANCE = 0.005


def trust_of(chance: float | None, *, model: SellingModel) -> float | None:
    """The calibrated chance, 0 to 1, that it sells at 90 % of its sale price or more in time; None stays None.

    `chance` is the sell curve's own figure for that price and time.
    """
    if chance is None:
        return None
    bounded = min(1 - LEAST_CHANCE, max(LEAST_CHANCE, chance))
    logit = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(model.trust_base + model.trust_slope * logit)))


def wilson_lower_percent(positive_percent: float | None, count: int | None) -> float | None:
    """Lower 95 % bound (Wilson score) of a seller's share of positive ratings, in percent from 0 to 100.

    Ten ratings at 100 % are worth less than a thousand at 98 %. None where share or count is unknown; 0 of no ratings.
    """
    if positive_percent is None or count is None or count < 0:
        return None
    if count == 0:
        return 0.0
    share = min(100.0, max(0.0, positive_percent)) / 100
    z2 = Z_95 * Z_95
    middle = share + z2 / (2 * count)
    around = Z_95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    return round(max(0.0, 100 * (middle - around) / (1 + z2 / count)), 1)
