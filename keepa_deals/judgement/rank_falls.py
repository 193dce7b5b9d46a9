"""Sales seen by the rank: where it fell, or climbed less than time alone would have let it.

A rank climbs along one curve after every sale (see `RankCurve`), so each observed rank says how long ago the latest
sale was. Where that is less than the gap since the observation before, a sale lies in the gap, and the curve dates
it. The level of the curve is learned from the title's own falls; nothing here asks what kind of copy was sold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import exp, log, log1p
from operator import sub

from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.model import SalesModel
from keepa_deals.judgement.observed import Span, observed_spans, points
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

WINDOW_MINUTES = 730 * 1440
UNSOLD_MINUTES = 30 * 1440
"""Time without a sale that a title is given for free, so that one fall in a short history makes no bestseller."""
DOUBTED_DISTANCE = 0.5
"""A fall this far (natural log) from the level that the others and the catalogue tell counts half."""
LEVEL_ROUNDS = 4
MINUTES_PER_YEAR = 365.25 * 1440


@dataclass(frozen=True, slots=True)
class RankFall:
    """A gap between two observations that holds a sale. Keepa minutes."""

    after: int
    before: int
    minute: int
    """of the latest sale in the gap, by the curve"""
    likelihood: float
    """that there was a sale at all, 0 to 1; the rest are shifts of the whole list"""


@dataclass(frozen=True, slots=True)
class RankReading:
    """What the rank of two years tells: its gaps with sales, and for how long one could have seen any."""

    falls: tuple[RankFall, ...]
    """oldest first"""
    spans: tuple[Span, ...]
    exposed_minutes: float
    """the time of which the curve says whether something was sold in it"""
    typical_rank: float | None
    """geometric mean over the observed time"""
    level: float
    """the title's rank right after a sale"""

    @property
    def observed_minutes(self) -> int:
        """Length of all spans together."""
        return sum(span.length for span in self.spans)


def rank_falls(product: Product, *, now: datetime, model: SalesModel = FITTED) -> tuple[RankFall, ...]:
    """The gaps of the last two years that hold a sale, oldest first."""
    return read_rank(product, now=now, model=model).falls


def read_rank(product: Product, *, now: datetime, model: SalesModel) -> RankReading:
    """The rank's history of the two years before `now`, read for sales of any condition."""
    tracks = _tracks(product, until=to_keepa_minutes(now))
    level = _title_level(tracks, model=model)
    gaps = [gap for track in tracks for gap in _telling_gaps(track, level=level, model=model)]
    rate = _rate_of_falls(gaps, tracks=tracks)
    sold = [(gap, likely) for gap in gaps if (likely := _likelihood(gap, rate, model)) >= model.least_likely]
    count = sum(len(track.logs) for track in tracks)
    return RankReading(
        falls=_merged([gap.as_fall(likely) for gap, likely in sold], model=model),
        spans=tuple(track.span for track in tracks),
        exposed_minutes=float(sum(track.span.length for track in tracks)) - sum(gap.unseen for gap, _ in sold),
        typical_rank=exp(sum(sum(track.logs) for track in tracks) / count) if count else None,
        level=exp(level),
    )


def telling_gaps(product: Product, *, now: datetime, model: SalesModel) -> tuple[float, list[TellingGap]]:
    """Sales a minute by the falls alone, and every gap whose end is lower than time alone would have it."""
    tracks = _tracks(product, until=to_keepa_minutes(now))
    level = _title_level(tracks, model=model)
    gaps = [gap for track in tracks for gap in _telling_gaps(track, level=level, model=model)]
    return _rate_of_falls(gaps, tracks=tracks), gaps


@dataclass(frozen=True, slots=True)
class _Track:
    """One span of the rank: the gap that ends at each point but the first, and ln of every rank."""

    span: Span
    gaps: list[int]
    logs: list[float]


def _tracks(product: Product, *, until: int) -> list[_Track]:
    ranks = points(product.history.get("rank"), until=until)
    return [
        _Track(span, list(map(sub, span.minutes[1:], span.minutes)), list(map(log, span.values)))
        for span in observed_spans(ranks, since=until - WINDOW_MINUTES)
    ]


def _rate_of_falls(gaps: list[TellingGap], *, tracks: list[_Track]) -> float:
    fell = [gap for gap in gaps if gap.shortfall is None]
    exposed = sum(track.span.length for track in tracks) - sum(gap.unseen for gap in fell)
    return (sum(gap.likelihood for gap in fell) + 1) / (exposed + UNSOLD_MINUTES)


def _title_level(tracks: list[_Track], *, model: SalesModel) -> float:
    """ln of the title's rank right after a sale: each fall tells it but for the time since its sale, shrunk to the
    catalogue's level. A fall that speaks of quite another level, as a shift of the list does, counts for little
    unless others say the same."""
    prior, prior_weight = log(model.curve.after_sale), 1 / model.curve.after_sale_log_sd**2
    falls = [fall for track in tracks for fall in _raw_falls(track, model=model)]
    rate = len(falls) / (sum(track.span.length for track in tracks) + UNSOLD_MINUTES)
    level = prior
    for _ in range(LEVEL_ROUNDS if falls else 0):
        total, weight = prior_weight * prior, prior_weight
        for fall in falls:
            own, sure = _told_level(fall, level=level, rate=rate, model=model)
            believed = sure / (1 + ((own - level) / DOUBTED_DISTANCE) ** 2)
            total += believed * own
            weight += believed
        level = total / weight
    return level


def _raw_falls(track: _Track, *, model: SalesModel) -> list[tuple[int, float, float]]:
    """The gap of each fall in minutes, and ln of the rank before and after."""
    fall = log(model.fall_ratio)
    pairs = zip(track.gaps, track.logs, track.logs[1:], strict=False)
    return [(gap, was, rank) for gap, was, rank in pairs if rank - was <= fall]


def _told_level(fall: tuple[int, float, float], *, level: float, rate: float, model: SalesModel) -> tuple[float, float]:
    """ln of the rank right after the sale of a fall, and one over the variance of that.

    The sale is younger than the gap and than the one before it, else the rank had not fallen; of several in the gap
    it is the latest.
    """
    gap, was, rank = fall
    early, power = model.curve.early_hours * 60, model.curve.power
    oldest = min(gap, max(60.0, early * (exp((was - level) / power) - 1)))
    expected = rate * oldest
    if expected > 0.1:
        oldest *= 2 * (1 / expected - 1 / (exp(min(expected, 50.0)) - 1))
    mean, variance = _climb_within(oldest / early)
    return rank - power * mean, 1 / (model.level_noise**2 + power**2 * variance)


def _climb_within(gap: float) -> tuple[float, float]:
    """Mean and variance of ln(1 + u) for u anywhere in [0, gap]: the climb since a sale in a gap of that length."""
    if gap < 0.01:
        return gap / 2, gap * gap / 12
    upto, ln = 1 + gap, log1p(gap)
    mean = upto * ln / gap - 1
    square = (upto * (ln * ln - 2 * ln + 2) - 2) / gap
    return mean, max(0.0, square - mean * mean)


@dataclass(frozen=True, slots=True)
class TellingGap:
    """A gap whose end is lower than time alone would have it. Minutes, and their natural logs."""

    after: int
    before: int
    age: float
    """since the latest sale at its end, by the curve"""
    likelihood: float
    """of a sale where the rank fell"""
    shortfall: float | None
    """ln of the climb over the climb without a sale, below 0; None where the rank fell"""

    @property
    def unseen(self) -> float:
        """The part of the gap before its latest sale, of which the curve says nothing."""
        return max(0.0, self.before - self.after - self.age)

    def as_fall(self, likelihood: float) -> RankFall:
        """The gap as one that holds a sale, which the curve dates."""
        minute = _minute(self.age, after=self.after, before=self.before)
        return RankFall(self.after, self.before, minute, likelihood)


def _telling_gaps(track: _Track, *, level: float, model: SalesModel) -> list[TellingGap]:
    """The gaps of one span in which the rank fell, or climbed too little. `level` is a natural log."""
    early, power = model.curve.early_hours * 60, model.curve.power
    fall, margin = log(model.fall_ratio), log(model.climb_margin)
    minutes, gaps = track.span.minutes, []
    for place, (gap, was, rank) in enumerate(zip(track.gaps, track.logs, track.logs[1:], strict=False)):
        shortfall = None
        if rank - was > fall:
            if rank - level >= power * log1p(gap / early):
                continue
            grown = max(exp((was - level) / power), 1.0)
            shortfall = rank - was - power * log1p(gap / early / grown)
            if shortfall > margin:
                continue
        age = max(early * (exp((rank - level) / power) - 1), 0.0)
        likely = _fall_likelihood(age / gap, model)
        gaps.append(TellingGap(minutes[place], minutes[place + 1], age, likely, shortfall))
    return gaps


def _likelihood(gap: TellingGap, rate: float, model: SalesModel) -> float:
    return gap.likelihood if gap.shortfall is None else _climb_likelihood(gap, rate, model)


def _minute(age: float, *, after: int, before: int) -> int:
    """The latest sale's minute: `age` before the later observation, but inside the gap and an hour before its end."""
    return max(after, before - max(60, int(age))) if before - after > 60 else after


def _fall_likelihood(age_in_gaps: float, model: SalesModel) -> float:
    """A rank that says "sold long before this gap" is more likely a shift of the list than a sale."""
    if age_in_gaps <= 1:
        return 1.0
    return 1 / (1 + exp(model.shift_steepness * (log(age_in_gaps) - model.shift_middle)))


def _climb_likelihood(gap: TellingGap, rate: float, model: SalesModel) -> float:
    """A climb that is too small hides a sale where sales are frequent, and is a saturated rank where they are rare."""
    expected = rate * (gap.before - gap.after)
    logit = model.climb_intercept + model.climb_rate * log(expected) + model.climb_shortfall * (gap.shortfall or 0.0)
    return 1 / (1 + exp(-logit))


def _merged(falls: list[RankFall], *, model: SalesModel) -> tuple[RankFall, ...]:
    """Two steps of one update, under six hours apart, are one fall."""
    merged: list[RankFall] = []
    for fall in falls:
        last = merged[-1] if merged else None
        if last is not None and last.before == fall.after and fall.before - last.before < model.merge_minutes:
            merged[-1] = RankFall(last.after, fall.before, last.minute, max(last.likelihood, fall.likelihood))
        else:
            merged.append(fall)
    return tuple(merged)


def sales_a_year(reading: RankReading, *, product: Product, model: SalesModel) -> float | None:
    """Copies of every condition sold in a year of observation: the falls of the exposed time, shrunk to what the
    typical rank alone says. None without any rank."""
    rank = reading.typical_rank or _mean_rank(product)
    if rank is None:
        return None
    by_law: float = model.law_at_million * (rank / 1e6) ** -model.law_power
    seen = sum(fall.likelihood for fall in reading.falls)
    exposed = reading.exposed_minutes / MINUTES_PER_YEAR
    return model.rate_factor * (model.law_sales + seen) / (model.law_sales / by_law + exposed)


def _mean_rank(product: Product) -> int | None:
    means = product.sales_rank_avg
    return next((rank for rank in (means.d365, means.d180, means.d90, means.d30, product.sales_rank) if rank), None)


def expected_count(fall: RankFall, *, sales_a_year: float) -> float:
    """Sales in the gap of a fall: the one that the curve dates, and as many before it as the rate has them come."""
    return fall.likelihood * (1 + sales_a_year * (fall.minute - fall.after) / MINUTES_PER_YEAR)
