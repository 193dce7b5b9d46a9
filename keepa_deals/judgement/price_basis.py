"""Everything that the sale price is computed from, by name, before any fitted correction.

Pure. Prices are natural logarithms, relative to the title's own centre: what is learned in one price range or market
then holds in another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from keepa_deals.judgement import price_level, seasons
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.price_level import Asks, Level, Market, PricedSale
from keepa_deals.judgement.price_model import PriceModel
from keepa_deals.judgement.seasons import MINUTES_PER_DAY, MonthEvidence, Profile
from keepa_deals.records import Offer, Product
from keepa_deals.units import to_keepa_minutes

REACH = 1.0
"""an input of the market counts as no further from the centre than this, natural log: a lone offer at five times
the value is no market"""
USUAL_NEW_PREMIUM = 0.7
"""ln of a new copy's price over a used one's, about; keeps the distance of most titles within reach"""
DAYS_OF_A_STRIDE = 30


@dataclass(frozen=True, slots=True)
class PriceBasis:
    """One title's evidence for the price of a copy in one grade."""

    subject: str
    season: Profile
    """the subject's year"""
    past: tuple[PricedSale, ...]
    asks: Asks
    market: Market
    level: Level
    months: tuple[MonthEvidence, ...]
    own_season: Profile
    """the subject's year moved by the title's own sales"""
    grade: float
    """ln of this grade's price over Good's"""
    ahead: float
    """mean of the title's own season over the selling time"""
    values: Mapping[str, float | None]
    """the inputs of the correction and of the error by name; None where unknown"""

    @property
    def ln_uncorrected(self) -> float:
        """Of the price that past and season alone suggest, in this grade."""
        return self.level.centre + self.grade + self.ahead


def price_basis(
    product: Product,
    copy: Offer | None,
    *,
    sales: SalesHistory,
    now: datetime,
    model: PriceModel,
    selling_days: tuple[int, int],
) -> PriceBasis | None:
    """The basis for a copy that arrives and must be sold so many days from now; None where nothing has a price."""
    minute = to_keepa_minutes(now)
    subject = seasons.subject_of(product)
    season = model.seasons.get(subject, seasons.FLAT)
    past = price_level.priced_sales(sales, now_minute=minute, season=season, model=model)
    asks = price_level.used_asks(product, now_minute=minute, season=season)
    market = price_level.todays_market(product, copy, now_minute=minute, season=season, model=model)
    level = price_level.level_of(past, asks=asks, market=market, model=model)
    if level is None:
        return None
    months = price_level.month_evidence(past, centre=level.centre)
    own = seasons.own_profile(season, months, pseudo_sales=model.season_pseudo_sales)
    ahead = season_ahead(own, now_minute=minute, selling_days=selling_days, power=model.demand_power)
    grade = model.grade(copy.condition) if copy is not None else 0.0
    landed = copy.landed_cents if copy is not None else None
    asking = math.log(landed) - grade - _today(season, minute) if landed is not None and landed > 0 else None
    values = {
        **_market_values(market, asks=asks, centre=level.centre),
        "copy": _distance(asking, level.centre),
        "new price's drift": _drift(product.new_cents, product.new_avg.d365),
        "Amazon's drift": _drift(product.amazon_cents, product.amazon_avg.d365),
        "used sales a year": math.log(1.0 + sales.used_a_year) if sales.used_a_year is not None else None,
        "grade": grade,
        "season ahead": ahead,
        "spread": math.log(level.spread),
        "evidence": math.log(1.0 + level.evidence),
        "thin evidence": 1.0 / (1.0 + level.evidence),
    }
    return PriceBasis(
        subject=subject,
        season=season,
        past=tuple(past),
        asks=asks,
        market=market,
        level=level,
        months=months,
        own_season=own,
        grade=grade,
        ahead=ahead,
        values=values,
    )


def season_ahead(profile: Profile, *, now_minute: int, selling_days: tuple[int, int], power: float) -> float:
    """Mean of the season over the selling time, natural log, months with more buyers weighing more."""
    total = weights = 0.0
    for height in heights_ahead(profile, now_minute=now_minute, selling_days=selling_days):
        weight = math.exp(power * height)
        total += weight * height
        weights += weight
    return total / weights


def heights_ahead(profile: Profile, *, now_minute: int, selling_days: tuple[int, int]) -> list[float]:
    """The season in the middle of each stride of 30 days of the selling time; at least one."""
    first, last = selling_days
    today = now_minute / MINUTES_PER_DAY + DAYS_OF_A_STRIDE / 2
    days = range(first, max(last, first + 1), DAYS_OF_A_STRIDE)
    return [seasons.height_on(profile, (today + day) % seasons.DAYS_PER_YEAR) for day in days]


def _today(season: Profile, minute: int) -> float:
    return seasons.by_day(season)[seasons.day_of_year(minute)]


def _market_values(market: Market, *, asks: Asks, centre: float) -> dict[str, float | None]:
    rivals = market.rivals
    lowest = _distance(rivals[0] if rivals else None, centre)
    return {
        "lowest rival below": min(0.0, lowest) if lowest is not None else None,
        "lowest rival above": max(0.0, lowest) if lowest is not None else None,
        "second rival": _distance(rivals[1] if len(rivals) > 1 else None, centre),
        "median rival": _distance(rivals[(len(rivals) - 1) // 2] if rivals else None, centre),
        "new copy": _distance(market.new, centre + USUAL_NEW_PREMIUM),
        "recent asks": _distance(asks.recent, centre),
        "year's asks": _distance(asks.year, centre),
        "rivals": math.log(1.0 + len(rivals)),
    }


def _distance(ln_price: float | None, centre: float) -> float | None:
    return None if ln_price is None else max(-REACH, min(REACH, ln_price - centre))


def _drift(today: int | None, usual: int | None) -> float | None:
    """ln of a price today over its own mean of a year: what has moved the new side has moved the title's worth."""
    if today is None or usual is None or today <= 0 or usual <= 0:
        return None
    return max(-REACH, min(REACH, math.log(today / usual)))
