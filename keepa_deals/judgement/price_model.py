"""Every fitted number of prices and selling, in frozen records with a word on each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keepa_deals.records import Condition


@dataclass(frozen=True, slots=True)
class Term:
    """One summand of a fitted line: coefficient × (input − usual). An unknown input adds nothing."""

    name: str
    usual: float
    """mean of the input over the deals it was fitted on"""
    coefficient: float

    def of(self, value: float | None) -> float:
        """What this input adds."""
        return 0.0 if value is None else self.coefficient * (value - self.usual)


@dataclass(frozen=True, slots=True)
class PriceModel:
    """What `estimate_sale_price` has learned; written by `benchmarks/fit_prices.py` into `fitted_prices.py`.

    Prices are natural logarithms of landed cents of a copy in grade Good unless a word says otherwise.
    """

    seasons: Mapping[str, tuple[float, ...]]
    """by subject: ln of the month's sale price over the year's mean, January first, learned from probable sales"""
    grades: Mapping[Condition, float]
    """ln of the price of a grade over that of Good"""
    memory_days: float
    """a sale this old counts 1/e of one of today"""
    pseudo_sales: float
    """how many sales the asks of the past year count as"""
    ask_discount: float
    """ln of a sale's price over the median of the lowest asks; below 0"""
    clip: float
    """how far from the median a single price may pull the mean"""
    pooled_spread: float
    """standard deviation of a title's sale prices, season taken out, over all titles"""
    spread_pseudo_sales: float
    """how many sales the pooled spread counts as"""
    break_depth: float
    """all recent prices lower than the centre by this much: the price fell for good"""
    season_pseudo_sales: float
    """how many sales a month of the subject's year counts as against the title's own"""
    demand_power: float
    """demand swings with the price's season to this power"""
    base: float
    """ln of the coming sale price over the centre at usual inputs"""
    correction: tuple[Term, ...]
    """today's market and the season ahead"""
    error_base: float
    """ln of the standard error of ln price at usual inputs"""
    error: tuple[Term, ...]
    interval_reach: float
    """so many standard errors either way hold 80 of 100 prices"""
    least_evidence: float
    """with less weight of probable used sales the price is an estimate"""

    def grade(self, condition: Condition) -> float:
        """ln of this grade's price over Good's; 0 for a grade that is not a used one."""
        return self.grades.get(condition, 0.0)


@dataclass(frozen=True, slots=True)
class SellingModel:
    """What `plan_selling` has learned: a rate of sale of our copy by its price, errors and trust.

    With x = ln(list price / sale price of the time of year) the rate a day is
    exp(base + terms - slope × x - bend × max(0, x - bend_at)² - premium × max(0, ln(list price / lowest rival))).
    All three price coefficients are at least 0, so a higher price never sells sooner. A chance is
    1 - (1 + frailty × expected sales) ** (-1 / frailty): titles differ in more than we see.
    """

    base: float
    terms: tuple[Term, ...]
    slope: float
    bend: float
    bend_at: float
    premium: float
    season_price: float
    """how much of the season's swing buyers follow in what they pay"""
    season_demand: float
    """how much the number of buyers swings with the season"""
    frailty: float
    prudence: float
    """what a chance's own uncertainty costs: a list price is chosen for the highest expected profit less prudence ×
    chance × (1 - chance) × what a sale leaves over the salvage"""
    error_base: float
    """ln of the scale of the expected profit's error, in cents, at usual inputs"""
    error: tuple[Term, ...]
    trust_base: float
    trust_slope: float
    """trust is logistic(base + slope × logit of the curve's chance at 90 % of the sale price)"""
