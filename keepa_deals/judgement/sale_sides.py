"""Was it a used copy? The rank does not say; the market around the sale does, a little."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log, log1p

from keepa_deals.judgement.market_history import Happenings, MarketHistory
from keepa_deals.judgement.model import SalesModel, SideWeights

LEAST_PROBABILITY, MOST_PROBABILITY = 0.03, 0.97
DAY = 1440
RISE_WINDOW = (DAY, 2 * DAY)
DROP_WINDOW = (DAY, 5 * DAY)
"""How long before and after a gap its traces may show: prices and counts are visited by other jobs than the rank."""
RISE_SHOWS, DROP_SHOWS = 0.35, 0.5
"""How often a sale moves the lowest price (measured: 34 % pooled) and the number of offers of its side."""
MOST_RATIO = 2.0
ROUNDS = 3


def side_inputs(market: MarketHistory, *, after: int, before: int) -> tuple[float, ...]:
    """What `SideWeights` weighs after its intercept, in its order, for a sale between two Keepa minutes."""
    used, new = market.used.at(after), market.new.at(after)
    used_offers, new_offers = market.used_offers.at(after), market.new_offers.at(after)
    amazon = market.amazon.at(after)
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
        drop_share(market),
        _trace(market.used_rises, after=after - RISE_WINDOW[0], before=before + RISE_WINDOW[1], shows=RISE_SHOWS),
        _trace(market.new_rises, after=after - RISE_WINDOW[0], before=before + RISE_WINDOW[1], shows=RISE_SHOWS),
        _trace(market.used_drops, after=after - DROP_WINDOW[0], before=before + DROP_WINDOW[1], shows=DROP_SHOWS),
        _trace(market.new_drops, after=after - DROP_WINDOW[0], before=before + DROP_WINDOW[1], shows=DROP_SHOWS),
    )


def _trace(happened: Happenings, *, after: int, before: int, shows: float) -> float:
    """ln of how much likelier a sale of that side makes what was seen. What happens all the time says little."""
    if happened.between(after, before):
        chance = -expm1_negative(happened.expected(before - after))
        return log((shows + (1 - shows) * chance) / chance)
    return log(1 - shows)


def expm1_negative(expected: float) -> float:
    """−(chance that something expected so often happens at least once)."""
    return exp(-expected) - 1


def drop_share(market: MarketHistory) -> float:
    """Log odds of used among the title's offer drops, with one drop of each side given for free."""
    return log((len(market.used_drops.minutes) + 1) / (len(market.new_drops.minutes) + 1))


def side_logit(inputs: Sequence[float], *, weights: SideWeights) -> float:
    """Log odds that the sale was of a used copy."""
    (ratio, no_used, no_new, new_offers, used_offers, amazon, share, used_rise, new_rise, used_drop, new_drop) = inputs
    return (
        weights.intercept
        + weights.price_ratio * ratio
        + weights.no_used * no_used
        + weights.no_new * no_new
        + weights.new_offers * new_offers
        + weights.used_offers * used_offers
        + weights.amazon * amazon
        + weights.used_drop_share * share
        + weights.used_rise * used_rise
        + weights.new_rise * new_rise
        + weights.used_drop * used_drop
        + weights.new_drop * new_drop
    )


def shrunk_to_title(logits: Sequence[float], counts: Sequence[float], *, model: SalesModel) -> list[float]:
    """Probabilities of used, each drawn towards the title's own share, which they make up together."""
    if not logits:
        return []
    probabilities = [_probability(logit) for logit in logits]
    usual = sum(probabilities) / len(probabilities)
    share = usual
    for _ in range(ROUNDS):
        sold = sum(count * p for count, p in zip(counts, probabilities, strict=True))
        share = (model.share_sales * usual + sold) / (model.share_sales + sum(counts))
        shift = model.share_pull * (_odds(share) - _odds(usual))
        probabilities = [_probability(logit + shift) for logit in logits]
    return [max(LEAST_PROBABILITY, min(MOST_PROBABILITY, p)) for p in probabilities]


def _probability(logit: float) -> float:
    return 1 / (1 + exp(-max(-30.0, min(30.0, logit))))


def _odds(share: float) -> float:
    kept = max(0.01, min(0.99, share))
    return log(kept / (1 - kept))
