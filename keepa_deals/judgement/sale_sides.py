"""Was it a used copy? The rank does not say; the market around the sale does, a little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, log1p
from operator import mul

from keepa_deals.judgement.market_history import Happenings, MarketHistory
from keepa_deals.judgement.model import SideWeights

LEAST_PROBABILITY, MOST_PROBABILITY = 0.03, 0.97
RISE_WINDOW = (6 * 60, 24 * 60)
DROP_WINDOW = (12 * 60, 60 * 60)
"""How long before and after a sale its traces may show: prices and counts are visited by other jobs than the rank."""
RISE_SHOWS, DROP_SHOWS = 0.35, 0.5
"""How often a sale moves the lowest price (measured: 34 % pooled) and the number of offers of its side."""
MOST_RATIO = 2.0
UNTOLD_GAPS = 3
"""Gaps without a trace either way that every title is given for free."""

Inputs = tuple[float, ...]


def side_inputs(market: MarketHistory, *, sold: Sequence[tuple[int, int]]) -> list[Inputs]:
    """What `SideWeights` weighs after its intercept, in its order, for each sale of one title.

    Each is told as two Keepa minutes: the last observation before it, and the sale's own.
    """
    used_rise, new_rise = (_Trace.of(one, RISE_WINDOW, RISE_SHOWS) for one in (market.used_rises, market.new_rises))
    used_drop, new_drop = (_Trace.of(one, DROP_WINDOW, DROP_SHOWS) for one in (market.used_drops, market.new_drops))
    traces = [
        (used_rise.at(minute), new_rise.at(minute), used_drop.at(minute), new_drop.at(minute)) for _, minute in sold
    ]
    title = tuple(sum(column) / (len(traces) + UNTOLD_GAPS) for column in zip(*traces, strict=True))
    return [
        (*context_inputs(market, minute=after), *trace, *title) for (after, _), trace in zip(sold, traces, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Trace:
    """What a sale may leave behind: ln of how much likelier a sale of that side makes it, seen or not seen.

    What happens all the time says little when it is seen.
    """

    happened: Happenings
    window: tuple[int, int]
    seen: float
    unseen: float

    @classmethod
    def of(cls, happened: Happenings, window: tuple[int, int], shows: float) -> _Trace:
        chance = 1 - exp(-happened.expected(window[0] + window[1]))
        return cls(happened, window, seen=log((shows + (1 - shows) * chance) / chance), unseen=log(1 - shows))

    def at(self, minute: int) -> float:
        return self.seen if self.happened.between(minute - self.window[0], minute + self.window[1]) else self.unseen


def context_inputs(market: MarketHistory, *, minute: int) -> Inputs:
    """The market of one minute, whatever was sold then."""
    used, new, amazon = market.used.at(minute), market.new.at(minute), market.amazon.at(minute)
    used_offers, new_offers = market.used_offers.at(minute), market.new_offers.at(minute)
    ratio = 0.0
    if used is not None and new is not None:
        ratio = max(-MOST_RATIO, min(MOST_RATIO, log((used + market.shipping_cents) / new)))
    return (
        ratio,
        1.0 if used is None and market.used.minutes else 0.0,
        1.0 if new is None and market.new.minutes else 0.0,
        log1p(new_offers) if new_offers is not None else 0.0,
        log1p(used_offers) if used_offers is not None else 0.0,
        1.0 if amazon is not None else 0.0,
        _drop_share(market),
    )


def _drop_share(market: MarketHistory) -> float:
    """Log odds of used among the title's offer drops, with one drop of each side given for free."""
    return log((len(market.used_drops.minutes) + 1) / (len(market.new_drops.minutes) + 1))


def used_probability(inputs: Inputs, *, weights: SideWeights) -> float:
    """The chance that the sale was of a used copy, 0.03 to 0.97. Inputs left out at the end add nothing."""
    logit = weights.intercept + sum(map(mul, weights.of_inputs, inputs))
    return max(LEAST_PROBABILITY, min(MOST_PROBABILITY, 1 / (1 + exp(-max(-30.0, min(30.0, logit))))))
