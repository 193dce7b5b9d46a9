"""Where a title's used price stands, its season taken out: probable sales, what was asked, and today's rivals.

Pure. All levels are natural logarithms of landed cents of a copy in grade Good. Asks are not sales: they enter as a
prior of a few pseudo sales, at a discount.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from keepa_deals.fees import usual_shipping
from keepa_deals.judgement import seasons
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.price_model import PriceModel
from keepa_deals.judgement.seasons import MINUTES_PER_DAY, MonthEvidence, Profile
from keepa_deals.records import Condition, Offer, Product

DAYS_BETWEEN_ASKS = 10
DAYS_OF_ASKS = 365
DAYS_OF_RECENT_ASKS = 90
PROBABLE = 0.5
"""expected used copies of an event that may witness a break of the price"""
LEAST_SPAN_DAYS = 180
LEAST_SALES_FOR_A_TREND = 3.0


class PricedSale(msgspec.Struct, frozen=True):
    """One probable used sale with its price. A struct, because a title has dozens."""

    age_days: float
    minute: int
    ln_price: float
    """season taken out"""
    used_copies: float
    """expected number of used copies"""
    weight: float
    """`used_copies`, less for age and for an uncertain price"""
    can_prove_a_peak: bool


@dataclass(frozen=True, slots=True)
class Asks:
    """What the cheapest used copy was asked for, landed, season taken out; None where nothing is known."""

    year: float | None
    """median over the last 365 days by time, else Keepa's mean"""
    recent: float | None
    """the same over 90 days"""


@dataclass(frozen=True, slots=True)
class Market:
    """Today's other used offers, landed, as copies in grade Good, season taken out; ascending."""

    rivals: tuple[float, ...]
    new: float | None
    """the cheapest new copy, season taken out"""


@dataclass(frozen=True, slots=True)
class Level:
    """The de-seasoned centre and what it rests on."""

    centre: float
    evidence: float
    """sum of the sales' weights"""
    sales_share: float
    """0 to 1: the part of the centre that rests on probable sales"""
    asks_share: float
    """0 to 1: the part that rests on asks of the past; what is left rests on today's rivals"""
    spread: float
    """standard deviation of ln prices around the centre, shrunk to the pooled one"""
    broke: bool
    """the price fell for good: only what came after counts"""


def priced_sales(sales: SalesHistory, *, now_minute: int, season: Profile, model: PriceModel) -> list[PricedSale]:
    """The inferred sales whose price is known, oldest first."""
    days, pooled, memory = seasons.by_day(season), model.pooled_spread, model.memory_days
    found = []
    for sale in sales.sales:
        cents, minute = sale.landed_cents, sale.minute
        if cents is None or cents <= 0:
            continue
        age = (now_minute - minute) / MINUTES_PER_DAY if minute < now_minute else 0.0
        doubt = sale.log_sd / pooled if sale.log_sd is not None else 1.0
        copies = sale.expected_count * sale.used_probability
        ln_price = math.log(cents) - days[seasons.day_of_year(minute)]
        weight = copies * math.exp(-age / memory) / (1.0 + doubt * doubt)
        found.append(PricedSale(age, minute, ln_price, copies, weight, sale.by_rank))
    return found


def used_asks(product: Product, *, now_minute: int, season: Profile) -> Asks:
    """Median asks by time from the price history, else Keepa's own means."""
    shipping = usual_shipping(product.root_category, domain_id=product.domain_id)
    today = seasons.by_day(season)[seasons.day_of_year(now_minute)]
    samples = _sampled_asks(product, now_minute=now_minute, shipping=shipping, season=season)
    means = product.used_avg
    year = _first_known(means.d365, means.d180, means.d90, means.d30)
    recent = _first_known(means.d90, means.d30)
    recents = [ln_ask for age, ln_ask in samples if age <= DAYS_OF_RECENT_ASKS]
    return Asks(
        year=_median([ln_ask for _, ln_ask in samples]) if samples else _landed_level(year, shipping, season=0.0),
        recent=_median(recents) if recents else _landed_level(recent, shipping, season=today),
    )


def todays_market(
    product: Product, copy: Offer | None, *, now_minute: int, season: Profile, model: PriceModel
) -> Market:
    """Today's offers without the copy that is to be bought. Their order does not matter."""
    today = seasons.by_day(season)[seasons.day_of_year(now_minute)]
    rivals = []
    left_out = copy is None
    lowest_new: int | None = None
    for offer in product.offers or ():
        if not left_out and offer == copy:
            left_out = True
            continue
        landed = offer.landed_cents
        if landed is None or landed <= 0 or not offer.is_shippable:
            continue
        if offer.condition.is_used:
            rivals.append(math.log(landed) - today - model.grade(offer.condition))
        elif offer.condition is Condition.NEW:
            lowest_new = landed if lowest_new is None else min(lowest_new, landed)
    new = lowest_new if lowest_new is not None else product.new_cents
    return Market(rivals=tuple(sorted(rivals)), new=math.log(new) - today if new is not None and new > 0 else None)


def level_of(sales: Sequence[PricedSale], *, asks: Asks, market: Market, model: PriceModel) -> Level | None:
    """The centre with its evidence; None where no sale, no ask and no rival has a price."""
    usual = asks.year if asks.year is not None else asks.recent
    prior = usual if usual is not None else _median(list(market.rivals))
    if prior is None and not sales:
        return None
    level = _centre(sales, prior=prior, has_asks=usual is not None, broke=False, model=model)
    since = _sales_since_a_break(sales, centre=level.centre, market=market, asks=asks, model=model)
    if since is None:
        return level
    return _centre(since, prior=asks.recent, has_asks=asks.recent is not None, broke=True, model=model)


def month_evidence(sales: Sequence[PricedSale], *, centre: float) -> tuple[MonthEvidence, ...]:
    """What the title's own sales say about each month, January first; only sales by rank can prove a peak."""
    probable, weights, residuals = [0.0] * 12, [0.0] * 12, [0.0] * 12
    for sale in sales:
        if sale.can_prove_a_peak:
            month = seasons.month_of(sale.minute) - 1
            probable[month] += sale.used_copies
            weights[month] += sale.weight
            away = sale.ln_price - centre
            residuals[month] += sale.weight * (-1.0 if away < -1.0 else 1.0 if away > 1.0 else away)
    return tuple(MonthEvidence(*month) for month in zip(probable, weights, residuals, strict=True))


def trend_percent_year(sales: Sequence[PricedSale]) -> float | None:
    """How the used price moves in a year, percent, by a weighted line through the sales, oldest first; None on too
    few."""
    total = sum(sale.used_copies for sale in sales)
    if total < LEAST_SALES_FOR_A_TREND:
        return None
    if sales[0].age_days - sales[-1].age_days < LEAST_SPAN_DAYS:
        return None
    age = level = across = along = 0.0
    for sale in sales:
        age += sale.used_copies * sale.age_days / total
        level += sale.used_copies * sale.ln_price / total
    for sale in sales:
        away = sale.used_copies * (sale.age_days - age)
        across += away * (sale.age_days - age)
        along += away * (sale.ln_price - level)
    # Three pseudo sales half a year from the mean on no trend at all keep a few noisy prices from shouting.
    slope = -along / (across + LEAST_SALES_FOR_A_TREND * LEAST_SPAN_DAYS**2)
    return round(100 * math.expm1(max(-2.0, min(2.0, slope * seasons.DAYS_PER_YEAR))), 1)


def _sampled_asks(product: Product, *, now_minute: int, shipping: int, season: Profile) -> list[tuple[int, float]]:
    """(age in days, ln landed, season taken out), a sample every ten days of the last 365."""
    series = product.history.get("used")
    if series is None:
        return []
    days = seasons.by_day(season)
    samples = []
    for age in range(0, DAYS_OF_ASKS, DAYS_BETWEEN_ASKS):
        minute = now_minute - age * MINUTES_PER_DAY
        place = bisect_right(series.minutes, minute) - 1
        cents = series.values[place] if place >= 0 else None
        if cents is not None and cents > 0:
            samples.append((age, math.log(cents + shipping) - days[seasons.day_of_year(minute)]))
    return samples


def _centre(
    sales: Sequence[PricedSale], *, prior: float | None, has_asks: bool, broke: bool, model: PriceModel
) -> Level:
    """Half way between the weighted median and the weighted mean clipped around it, pseudo sales included."""
    points = sorted((sale.ln_price, sale.weight) for sale in sales)
    evidence = sum(weight for _, weight in points)
    pseudo = model.pseudo_sales if prior is not None else 0.0
    if prior is not None:
        points = sorted([*points, (prior + (model.ask_discount if has_asks else 0.0), pseudo)])
    middle, total = _weighted_median(points), evidence + pseudo
    low, high = middle - model.clip, middle + model.clip
    clipped = 0.0
    for ln_price, weight in points:
        clipped += weight * (low if ln_price < low else high if ln_price > high else ln_price)
    centre = (middle + (clipped / total if total > 0 else middle)) / 2
    around = 0.0
    for sale in sales:
        away = sale.ln_price - centre
        around += sale.weight * (away * away if -model.clip < away < model.clip else model.clip**2)
    spread = math.sqrt(
        (model.spread_pseudo_sales * model.pooled_spread**2 + around) / (model.spread_pseudo_sales + evidence)
    )
    prior_share = pseudo / total if total > 0 else 0.0
    return Level(
        centre=centre,
        evidence=evidence,
        sales_share=1.0 - prior_share,
        asks_share=prior_share if has_asks else 0.0,
        spread=spread,
        broke=broke,
    )


def _sales_since_a_break(
    sales: Sequence[PricedSale], *, centre: float, market: Market, asks: Asks, model: PriceModel
) -> list[PricedSale] | None:
    """The sales after a fall for good, None if there was none: the last two probable sales and today's market are
    all lower than the centre by more than `model.break_depth`."""
    probable = [sale for sale in sales if sale.used_copies >= PROBABLE]
    today = market.rivals[len(market.rivals) // 2] if market.rivals else asks.recent
    if len(probable) < 3 or today is None or asks.recent is None:
        return None
    low = centre - model.break_depth
    if today >= low or asks.recent >= low or any(sale.ln_price >= low for sale in probable[-2:]):
        return None
    first = len(sales)
    while first > 0 and (sales[first - 1].ln_price < low or sales[first - 1].used_copies < PROBABLE):
        first -= 1
    return list(sales[first:])


def _first_known(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


def _landed_level(cents: int | None, shipping: int, *, season: float) -> float | None:
    return math.log(cents + shipping) - season if cents is not None and cents + shipping > 0 else None


def _median(values: list[float]) -> float | None:
    if not values:
        return None
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _weighted_median(points: Sequence[tuple[float, float]]) -> float:
    """Of (value, weight) in ascending order: the first value by which half of the weight is reached."""
    half = sum(weight for _, weight in points) / 2
    reached = 0.0
    for value, weight in points:
        reached += weight
        if reached >= half:
            return value
    return points[-1][0]
