"""A product's history read for sales: when copies sold, how likely used ones, for how much, how often in a year."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InferredSale:
    """One sale that the history suggests. Minutes are Keepa minutes."""

    after: int
    """the last observation before it"""
    before: int
    """the first observation after it"""
    minute: int
    """its most likely minute, in [after, before]"""
    expected_count: float
    """above 0; about 1 where the rank fell, at most 0.3 where there is no rank and only an offer went away"""
    used_probability: float
    """0.03 to 0.97"""
    landed_cents: int | None
    """what the used copy went for if it was used; None where no believable used price was known"""
    log_sd: float | None
    """uncertainty of that price, natural log; None with it"""
    by_rank: bool
    """False: an offer went away in a span without a rank; never a source of a peak"""


@dataclass(frozen=True, slots=True)
class SalesHistory:
    """The sales of the last two years as far as the history shows them."""

    sales: tuple[InferredSale, ...]
    """oldest first"""
    observed_days: float
    """of the last two years, with a rank to see sales by"""
    used_a_year: float | None
    """expected used copies a year, corrected for the time not observed; None without any ground"""
    all_a_year: float | None
    """the same for copies of every condition"""
