"""Sales seen by the rank: where it fell, or climbed less than time alone would have let it.

A rank climbs along one curve after every sale (see `RankCurve`), so each observed rank says how long ago the latest
sale was. Where that is less than the gap since the observation before, a sale lies in the gap, and the curve dates
it. The level of the curve is learned from the title's own falls; nothing here asks what kind of copy was sold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import exp, log, log1p

from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.model import RankCurve, SalesModel
from keepa_deals.judgement.observed import Points, Span, observed_spans, points
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

WINDOW_MINUTES = 730 * 1440
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

    @property
    def observed_minutes(self) -> int:
        """Length of all spans together."""
        return sum(span.length for span in self.spans)


def rank_falls(product: Product, *, now: datetime, model: SalesModel = FITTED) -> tuple[RankFall, ...]:
    """The gaps of the last two years that hold a sale, oldest first."""
    return read_rank(product, now=now, model=model).falls


def read_rank(product: Product, *, now: datetime, model: SalesModel) -> RankReading:
    """The rank's history of the two years before `now`, read for sales of any condition."""
    until = to_keepa_minutes(now)
    spans = observed_spans(_ranks(product, until=until), since=until - WINDOW_MINUTES)
    level = title_level(spans, model=model)
    falls: list[RankFall] = []
    exposed = 0.0
    for span in spans:
        found, told = _falls_of(span, level=level, model=model)
        falls += found
        exposed += told
    return RankReading(_merged(falls, model=model), spans, exposed, _typical(spans))


def _ranks(product: Product, *, until: int) -> Points:
    return points(product.history.get("rank"), until=until)


def title_level(spans: tuple[Span, ...], *, model: SalesModel) -> float:
    """The title's rank right after a sale: each fall tells it but for the unknown part of its gap, shrunk to the
    catalogue's level."""
    curve = model.curve
    weight = 1 / curve.after_sale_log_sd**2
    total = weight * log(curve.after_sale)
    early = curve.early_hours * 60
    for span in spans:
        minutes, ranks = span.minutes, span.values
        for place in range(1, len(ranks)):
            if ranks[place] > ranks[place - 1] * model.fall_ratio:
                continue
            mean, variance = _climb_within((minutes[place] - minutes[place - 1]) / early)
            sure = 1 / (model.level_noise**2 + curve.power**2 * variance)
            total += sure * (log(ranks[place]) - curve.power * mean)
            weight += sure
    return exp(total / weight)


def _climb_within(gap: float) -> tuple[float, float]:
    """Mean and variance of ln(1 + u) for u anywhere in [0, gap]: the climb since a sale in a gap of that length."""
    if gap < 0.01:
        return gap / 2, gap * gap / 12
    upto, ln = 1 + gap, log1p(gap)
    mean = upto * ln / gap - 1
    square = (upto * (ln * ln - 2 * ln + 2) - 2) / gap
    return mean, max(0.0, square - mean * mean)


def _falls_of(span: Span, *, level: float, model: SalesModel) -> tuple[list[RankFall], float]:
    """The falls of one span, and the minutes of it in which a sale would have been seen."""
    curve: RankCurve = model.curve
    early, exponent, inverse = curve.early_hours * 60, curve.power, 1 / curve.power
    minutes, ranks = span.minutes, span.values
    falls: list[RankFall] = []
    exposed = 0.0
    scaled = (ranks[0] / level) ** inverse
    for place in range(1, len(ranks)):
        after, before, was, scaled_before = minutes[place - 1], minutes[place], ranks[place - 1], scaled
        gap = before - after
        scaled = (ranks[place] / level) ** inverse
        age = max(early * (scaled - 1), 0.0)
        fell = ranks[place] <= was * model.fall_ratio
        if not fell and (age >= gap or ranks[place] > was * _climb(scaled_before, gap / early, exponent, model)):
            exposed += gap
            continue
        exposed += min(age, gap)
        falls.append(RankFall(after, before, _minute(age, after=after, before=before), _likelihood(age / gap, model)))
    return falls, exposed


def _climb(scaled: float, gap: float, power: float, model: SalesModel) -> float:
    """The factor by which a rank climbs in a gap without a sale, less the margin that other climbs need."""
    climb: float = ((max(scaled, 1.0) + gap) / max(scaled, 1.0)) ** power
    return climb * model.climb_margin


def _minute(age: float, *, after: int, before: int) -> int:
    """The latest sale's minute: `age` before the later observation, but inside the gap and an hour before its end."""
    return max(after, before - max(60, int(age))) if before - after > 60 else after


def _likelihood(age_in_gaps: float, model: SalesModel) -> float:
    """A rank that says "sold long before this gap" is more likely a shift of the list than a sale."""
    if age_in_gaps <= 1:
        return 1.0
    return 1 / (1 + exp(model.shift_steepness * (log(age_in_gaps) - model.shift_middle)))


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


def _typical(spans: tuple[Span, ...]) -> float | None:
    """The geometric mean of all observed ranks; None without any."""
    count = sum(len(span.values) for span in spans)
    return exp(sum(log(rank) for span in spans for rank in span.values) / count) if count else None


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
