"""Sales seen by the rank: where it fell, or climbed less than time alone would have let it.

A rank climbs along one curve after every sale (see `RankCurve`), so each observed rank says how long ago the latest
sale was. Where that is less than the gap since the observation before, a sale lies in the gap, and the curve dates
it. The level of the curve is learned from the title's own falls; nothing here asks what kind of copy was sold.

Whole histories are reckoned with at once, by numpy: measured at a third of the time of a loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import exp, log

import msgspec
import numpy as np
import numpy.typing as npt

from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.model import SalesModel
from keepa_deals.judgement.observed import Array, Gaps, observed_gaps, points
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

WINDOW_MINUTES = 730 * 1440
MINUTES_PER_YEAR = 365.25 * 1440
UNSOLD_MINUTES = 30 * 1440
"""Time without a sale that a title is given for free, so that one fall in a short history makes no bestseller."""
LEAST_AGE_MINUTES = 60.0
"""No sale is dated nearer to the observation that shows it: ranks are renewed hourly at best."""
DOUBTED_DISTANCE = 0.5
"""A fall this far (natural log) from the level that the others and the catalogue tell counts half."""
LEVEL_ROUNDS = 3
LEVEL_FALLS = 40
"""The newest so many falls tell the level."""
BEST_RANK_OF_THE_LAW = 20_000
"""Below it the law of rank and sales was not measured, and would soon speak of millions."""


class RankFall(msgspec.Struct, frozen=True):
    """A gap between two observations that holds a sale. Keepa minutes. A struct, because a title has dozens."""

    after: int
    before: int
    minute: int
    """of the latest sale in the gap, by the curve"""
    likelihood: float
    """that there was a sale at all, up to 1; else it was a shift of the whole list"""


@dataclass(frozen=True, slots=True)
class TellingGaps:
    """Gaps whose end is lower than time alone would have it: each with what the curve says of it."""

    gaps: Gaps
    age: Array
    """minutes since the latest sale at the gap's end"""
    shortfall: Array
    """ln of the climb over the climb without a sale, below 0; not a number where the rank fell"""
    sales_a_minute: float
    """by the falls alone"""

    @property
    def fell(self) -> npt.NDArray[np.bool_]:
        """Where the rank fell outright."""
        return np.isnan(self.shortfall)

    @property
    def unseen(self) -> Array:
        """The part of each gap before its latest sale, of which the curve says nothing."""
        parts: Array = np.maximum(self.gaps.length - self.age, 0.0)
        return parts


@dataclass(frozen=True, slots=True)
class RankReading:
    """What the rank of two years tells: its gaps with sales, and for how long one could have seen any."""

    falls: tuple[RankFall, ...]
    """oldest first"""
    observed: Gaps
    observed_minutes: float
    expected_falls: float
    """gaps with a sale, the unlikely ones in proportion"""
    exposed_minutes: float
    """the time of which the curve says whether something was sold in it"""
    typical_rank: float | None
    """geometric mean over the gaps' ends"""


def rank_falls(product: Product, *, now: datetime, model: SalesModel = FITTED) -> tuple[RankFall, ...]:
    """The gaps of the last two years that hold a sale, oldest first."""
    return read_rank(product, now=now, model=model).falls


def read_rank(product: Product, *, now: datetime, model: SalesModel) -> RankReading:
    """The rank's history of the two years before `now`, read for sales of any condition."""
    gaps = rank_gaps(product, now=now)
    told = telling_gaps(gaps, model=model)
    likely = likelihoods(told, model=model)
    sold = likely >= model.least_likely
    observed = float((gaps.before - gaps.after).sum())
    return RankReading(
        falls=_falls(told, likely, sold=sold, model=model),
        observed=gaps,
        observed_minutes=observed,
        expected_falls=float(likely.sum()),
        exposed_minutes=observed - float((likely * told.unseen).sum()),
        typical_rank=exp(gaps.left.mean()) if len(gaps.left) else None,
    )


def rank_gaps(product: Product, *, now: datetime) -> Gaps:
    """The gaps of the product's rank in the two years before `now`; their values are ln of the rank."""
    until = to_keepa_minutes(now)
    gaps = observed_gaps(points(product.history.get("rank"), until=until), since=until - WINDOW_MINUTES)
    return Gaps(gaps.after, gaps.before, np.log(gaps.was), np.log(gaps.left))


def telling_gaps(gaps: Gaps, *, model: SalesModel) -> TellingGaps:
    """The gaps (as `rank_gaps` gives them) in which the rank fell, or climbed too little."""
    early, power = model.curve.early_hours * 60, model.curve.power
    change, length = gaps.left - gaps.was, gaps.length
    fell = change <= log(model.fall_ratio)
    level, rate = title_level(gaps.only(np.flatnonzero(fell)), observed=float(length.sum()), model=model)
    grown = np.maximum(np.exp(np.minimum((gaps.was - level) / power, 50.0)), 1.0)
    shortfall = change - power * np.log1p(length / (early * grown))
    too_little = (gaps.left - level < power * np.log1p(length / early)) & (shortfall <= log(model.climb_margin))
    shortfall[fell] = np.nan
    told = np.flatnonzero(fell | too_little)
    chosen = gaps.only(told)
    return TellingGaps(
        gaps=chosen, age=_ages(chosen, level=level, model=model), shortfall=shortfall[told], sales_a_minute=rate
    )


def _ages(gaps: Gaps, *, level: float, model: SalesModel) -> Array:
    """Minutes since the latest sale at the end of each gap, by the curve at the title's level."""
    early, power = model.curve.early_hours * 60, model.curve.power
    ages: Array = np.maximum(early * np.expm1(np.minimum((gaps.left - level) / power, 50.0)), LEAST_AGE_MINUTES)
    return ages


def title_level(falls: Gaps, *, observed: float, model: SalesModel) -> tuple[float, float]:
    """ln of the title's rank right after a sale, and its sales a minute, from the gaps in which the rank fell.

    Each fall tells the level but for the time since its sale; the title's is shrunk to the catalogue's. A fall that
    speaks of quite another level, as a shift of the list does, counts for little unless others say the same.
    `observed` is the time, in minutes, in which those falls were all.
    """
    prior, weight = log(model.curve.after_sale), 1 / model.curve.after_sale_log_sd**2
    count = len(falls.left)
    level, rate = prior, count / (observed + UNSOLD_MINUTES)
    if not count:
        return level, 1 / (observed + UNSOLD_MINUTES)
    newest, length = falls.only(slice(-LEVEL_FALLS, None)), falls.length
    lasted = newest.length
    for _ in range(LEVEL_ROUNDS):
        own, sure = _told_levels(newest, length=lasted, level=level, rate=rate, model=model)
        away = (own - level) / DOUBTED_DISTANCE
        believed = sure / (1 + away * away)
        level = float((weight * prior + believed @ own) / (weight + believed.sum()))
    age = _ages(falls, level=level, model=model)
    likely = _fall_likelihoods(age / length, model=model)
    unseen = float(np.maximum(length - age, 0.0).sum())
    return level, float(likely.sum() + 1) / (observed - unseen + UNSOLD_MINUTES)


def _told_levels(falls: Gaps, *, length: Array, level: float, rate: float, model: SalesModel) -> tuple[Array, Array]:
    """For each fall ln of the rank right after its sale, and one over the variance of that.

    The sale is younger than the gap and than the one before it, else the rank had not fallen; of several in the gap
    it is the latest.
    """
    early, power = model.curve.early_hours * 60, model.curve.power
    before = early * np.expm1(np.minimum((falls.was - level) / power, 50.0))
    oldest = np.minimum(length, np.maximum(before, LEAST_AGE_MINUTES))
    expected = np.minimum(np.maximum(rate * oldest, 0.01), 50.0)
    mean, variance = _climb_within(oldest * (1 / expected - 1 / np.expm1(expected)) * (2 / early))
    return falls.left - power * mean, 1 / (model.level_noise**2 + power**2 * variance)


def _climb_within(gap: Array) -> tuple[Array, Array]:
    """Mean and variance of ln(1 + u) for u anywhere in [0, gap]: the climb since a sale in a gap of that length."""
    some = np.maximum(gap, 0.01)
    upto, ln = 1 + some, np.log1p(some)
    mean = upto * ln / some - 1
    square = (upto * (ln * (ln - 2) + 2) - 2) / some
    return mean, np.maximum(square - mean * mean, 0.0)


def likelihoods(told: TellingGaps, *, model: SalesModel) -> Array:
    """How likely each telling gap holds a sale at all."""
    length = told.gaps.length
    falls = _fall_likelihoods(told.age / length, model=model)
    expected = np.log(told.sales_a_minute * length)
    logit = model.climb_intercept + model.climb_rate * expected + model.climb_shortfall * told.shortfall
    return np.where(told.fell, falls, 1 / (1 + np.exp(np.minimum(np.maximum(-logit, -50.0), 50.0))))


def _fall_likelihoods(age_in_gaps: Array, *, model: SalesModel) -> Array:
    """A rank that says "sold long before this gap" is more likely a shift of the list than a sale."""
    logit = model.shift_steepness * (np.log(np.maximum(age_in_gaps, 1.0)) - model.shift_middle)
    return np.where(age_in_gaps <= 1, 1.0, 1 / (1 + np.exp(np.minimum(logit, 50.0))))


def _falls(told: TellingGaps, likely: Array, *, sold: npt.NDArray[np.bool_], model: SalesModel) -> tuple[RankFall, ...]:
    """The falls, each dated inside its gap; two steps of one update, under six hours apart, are one."""
    afters, befores = told.gaps.after[sold], told.gaps.before[sold]
    minutes = np.maximum(afters, befores - told.age[sold].astype(np.int64))
    columns = (afters, befores, minutes, likely[sold])
    merged: list[RankFall] = []
    end = None
    for after, before, minute, likelihood in zip(*(column.tolist() for column in columns), strict=True):
        if after == end and before - after < model.merge_minutes:
            last = merged[-1]
            merged[-1] = RankFall(last.after, before, last.minute, max(last.likelihood, likelihood))
        else:
            merged.append(RankFall(after, before, minute, likelihood))
        end = before
    return tuple(merged)


def sales_a_year(reading: RankReading, *, product: Product, model: SalesModel) -> float | None:
    """Copies of every condition sold in a year of observation: the falls of the exposed time, shrunk to what the
    typical rank alone says. None without any rank."""
    rank = reading.typical_rank or _mean_rank(product)
    if rank is None:
        return None
    by_law: float = model.law_at_million * (max(rank, BEST_RANK_OF_THE_LAW) / 1e6) ** -model.law_power
    exposed = reading.exposed_minutes / MINUTES_PER_YEAR
    return model.rate_factor * (model.law_sales + reading.expected_falls) / (model.law_sales / by_law + exposed)


def _mean_rank(product: Product) -> int | None:
    means = product.sales_rank_avg
    told = (means.d365, means.d180, means.d90, means.d30, product.sales_rank)
    return next((rank for rank in told if rank is not None and rank > 0), None)


def expected_count(fall: RankFall, *, sales_a_year: float) -> float:
    """Sales in the gap of a fall: the one that the curve dates, and as many before it as the rate has them come."""
    return fall.likelihood * (1 + sales_a_year * (fall.minute - fall.after) / MINUTES_PER_YEAR)
