"""Was it a used copy? The rank does not say; the market around the sale does, a little."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.judgement.market_history import Happenings, MarketHistory
from keepa_deals.judgement.model import SideWeights
from keepa_deals.judgement.observed import Array

LEAST_PROBABILITY, MOST_PROBABILITY = 0.03, 0.97
RISE_WINDOW = (6 * 60, 24 * 60)
DROP_WINDOW = (12 * 60, 60 * 60)
"""How long before and after a sale its traces may show: prices and counts are visited by other jobs than the rank."""
RISE_SHOWS, DROP_SHOWS = 0.35, 0.5
"""How often a sale moves the lowest price (measured: 34 % pooled) and the number of offers of its side."""
MOST_RATIO = 2.0
UNTOLD_GAPS = 3
"""Gaps without a trace either way that every title is given for free."""


def side_inputs(market: MarketHistory, *, after: npt.NDArray[Any], minute: npt.NDArray[Any]) -> Array:
    """What `SideWeights` weighs after its intercept, in its order: a row for each sale of one title.

    Each is told as two Keepa minutes: the last observation before it, and the sale's own.
    """
    return with_traces(context_inputs(market, minute=after), market=market, minute=minute)


def with_traces(context: Array, *, market: MarketHistory, minute: npt.NDArray[Any]) -> Array:
    """`context_inputs` before each sale, completed to `side_inputs`."""
    kinds = [
        (market.used_rises, RISE_WINDOW, RISE_SHOWS),
        (market.new_rises, RISE_WINDOW, RISE_SHOWS),
        (market.used_drops, DROP_WINDOW, DROP_SHOWS),
        (market.new_drops, DROP_WINDOW, DROP_SHOWS),
    ]
    first, count = context.shape[1], len(kinds)
    inputs = np.empty((len(minute), first + 2 * count))
    inputs[:, :first] = context
    traces = inputs[:, first : first + count]
    for place, (happened, window, shows) in enumerate(kinds):
        traces[:, place] = _traces(happened, minute, window=window, shows=shows)
    inputs[:, first + count :] = traces.sum(axis=0) / (len(minute) + UNTOLD_GAPS)
    return inputs


def context_inputs(market: MarketHistory, *, minute: npt.NDArray[Any]) -> Array:
    """The market at each minute, whatever was sold then; 0 for what is not known."""
    used, new, amazon = (prices.at_each(minute) for prices in (market.used, market.new, market.amazon))
    # np.clip takes twice as long as these two on arrays this small.
    ratio = np.minimum(np.maximum(np.log((used + market.shipping_cents) / new), -MOST_RATIO), MOST_RATIO)
    nothing = np.zeros(len(minute))
    columns = [
        ratio,
        np.isnan(used) if market.used.minutes else nothing,
        np.isnan(new) if market.new.minutes else nothing,
        np.log1p(market.new_offers.at_each(minute)),
        np.log1p(market.used_offers.at_each(minute)),
        ~np.isnan(amazon),
        _drop_share(market),
    ]
    known: Array = np.empty((len(minute), len(columns)))
    for place, column in enumerate(columns):
        known[:, place] = column
    known[np.isnan(known)] = 0.0
    return known


def _traces(happened: Happenings, minute: npt.NDArray[Any], *, window: tuple[int, int], shows: float) -> Array:
    """ln of how much likelier a sale of that side makes what was seen, or not seen, around each minute.

    What happens all the time says little when it is seen.
    """
    chance = 1 - exp(-happened.expected(window[0] + window[1]))
    seen = happened.between(minute - window[0], minute + window[1])
    return np.where(seen, log((shows + (1 - shows) * chance) / chance), log(1 - shows))


def _drop_share(market: MarketHistory) -> float:
    """Log odds of used among the title's offer drops, with one drop of each side given for free."""
    return log((len(market.used_drops.minutes) + 1) / (len(market.new_drops.minutes) + 1))


def used_probabilities(inputs: Array, *, weights: SideWeights) -> Array:
    """For each row the chance that a used copy was sold, 0.03 to 0.97. Inputs left out at the end add nothing."""
    logit = weights.intercept + inputs @ np.array(weights.of_inputs[: inputs.shape[1]])
    chances = 1 / (1 + np.exp(np.minimum(np.maximum(-logit, -30.0), 30.0)))
    bounded: Array = np.minimum(np.maximum(chances, LEAST_PROBABILITY), MOST_PROBABILITY)
    return bounded
