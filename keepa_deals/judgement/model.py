"""Every fitted number of the judgement, in frozen records with a word on each."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property


@dataclass(frozen=True, slots=True)
class RankCurve:
    """How a sales rank climbs after a sale: rank = after_sale × (1 + hours / early_hours) ** power.

    The shape was measured on real book histories (power 0.55 to 0.6, early hours about 6); the level right after a
    sale differs from title to title and is learned from each title's own falls.
    """

    after_sale: float
    """the catalogue's median rank right after a single sale"""
    after_sale_log_sd: float
    """how much titles differ in it, natural log"""
    early_hours: float
    power: float


@dataclass(frozen=True)
class SideWeights:
    """The logistic that says how likely a sale was of a used copy. Each input is 0 where it is unknown."""

    intercept: float
    price_ratio: float
    """of ln(lowest used / lowest new), landed, within ± 2"""
    no_used: float
    """no used copy was on offer"""
    no_new: float
    new_offers: float
    """of ln(1 + offers)"""
    used_offers: float
    amazon: float
    """Amazon itself had stock"""
    used_drop_share: float
    """of the log odds of the title's share of used among all offer drops"""
    used_rise: float
    """of the log of how much likelier a used sale makes the rise of the used price that was seen, or not seen"""
    new_rise: float
    used_drop: float
    """the same of a drop of the number of used offers"""
    new_drop: float
    title_used_rise: float
    """the mean of the same over all gaps of the title: what its sales move tells which copies sell"""
    title_new_rise: float
    title_used_drop: float
    title_new_drop: float

    @cached_property
    def of_inputs(self) -> tuple[float, ...]:
        """All but the intercept, in order."""
        return tuple(getattr(self, field.name) for field in fields(self)[1:])


@dataclass(frozen=True, slots=True)
class EventPriceModel:
    """What the used copy of a sale went for, as against the lowest used price before it. Natural logs."""

    rise_offset: float
    """what is added where the used price rose: the cheapest copy was probably the one sold"""
    rise_sd: float
    quiet_offset: float
    """where it did not: another copy was sold, or one of several"""
    quiet_sd: float
    box_weight: float
    """of the used buy box where the price did not rise, while it is fresh"""


@dataclass(frozen=True, slots=True)
class SalesModel:
    """What `infer_sales` has learned; written by `benchmarks/fit_sales.py` into `fitted_sales.py`."""

    curve: RankCurve
    fall_ratio: float
    """a rank at or below this part of the one before has fallen (measured: nothing lies between 1 % and 10 %)"""
    merge_minutes: int
    """two falls in a row closer than this are two steps of one update (measured)"""
    level_noise: float
    """spread of the rank right after a sale within one title, natural log"""
    climb_margin: float
    """a climb below this part of what time alone would bring hides a sale"""
    climb_intercept: float
    """log odds that such a climb hides a sale: this,"""
    climb_rate: float
    """and this for each ln of the sales that the title's falls let expect in the gap,"""
    climb_shortfall: float
    """and this for each ln by which the climb is too small"""
    least_likely: float
    """a fall or climb that hides a sale with less than this probability is left alone"""
    shift_middle: float
    shift_steepness: float
    """a fall whose level speaks of a sale exp(middle) gaps ago is as likely a mere shift of the list"""
    law_at_million: float
    """sales a year of a title whose typical rank is one million"""
    law_power: float
    law_sales: float
    """how many sales of its own outweigh what its rank alone says of a title"""
    rate_factor: float
    """all sales for each one that the curve counts"""
    side: SideWeights
    share_sales: float
    """how many sales of its own outweigh the context's word on a title's share of used sales"""
    used_factor: float
    """used sales for each that rate and share let expect, in the median title"""
    drop_count: float
    """sales per drop of the used offers where there is no rank; at most 0.3"""
    price: EventPriceModel
