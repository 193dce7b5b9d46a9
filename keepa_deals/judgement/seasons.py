"""The year of a title's price: which subject it follows, how far its price stands above its mean, its own peak.

Pure. A profile is twelve numbers, January to December: the natural logarithm of the month's price over the year's
mean, held at the middle of the month and joined by straight lines. The customer's seasons are those of the US.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from keepa_deals.fees import BOOKS
from keepa_deals.records import Product

Profile = tuple[float, ...]

DAYS_PER_YEAR = 365.2425
MINUTES_PER_DAY = 1440
FLAT: Profile = (0.0,) * 12
SALES_FOR_A_PEAK = 1.5
"""a month is a title's own peak only with so many probable used sales in it: the peak of fewer is noise"""
WORTH_NAMING = 0.05
"""a profile that swings by less than this either way, natural log, is no season to speak of"""

TEXTBOOK, PROFESSIONAL, GENERAL, GOODS = "textbook", "professional", "general", "goods"

_WORDS = {
    PROFESSIONAL: (
        "nursing|nurse|nclex|clinical|pharmacology|pathophysiology|medicine|medical|surgery|surgical|emergency care|"
        "law|legal|evidence|civil procedure|torts|contracts|bar exam|lsat|mcat|taxation|dental|radiology|psychiatry"
    ),
    TEXTBOOK: (
        "textbook|chemistry|biology|physics|calculus|algebra|geometry|trigonometry|precalculus|mathematics|statistics|"
        "probability|economics|microeconomics|macroeconomics|econometrics|accounting|managerial|thermodynamics|"
        "mechanics|engineering|circuits|data structures|algorithms|programming|psychology|sociology|anthropology|"
        "philosophy|genetics|anatomy|physiology|microbiology|biochemistry|astronomy|geology|linguistics|"
        "organizational behavior|corporate finance|marketing management|study guide|solutions manual|student edition"
    ),
}
_BY_WORD = {subject: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for subject, words in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class Season:
    """What the year does to this title's price. Months are 1 to 12; cents are landed; None where no price is known."""

    name: str
    """textbook, professional, general, goods, or none where the subject's year is flat"""
    peak_month: int | None
    peak_cents: int | None
    trough_month: int | None
    trough_cents: int | None
    is_own: bool
    """the peak rests on probable sales of this title in that month, not on its subject's pooled year"""


def subject_of(product: Product) -> str:
    """The subject whose year the product follows, by whole words of its title; everything but books is goods."""
    if product.root_category is not None and product.root_category != BOOKS:
        return GOODS
    title = product.title or ""
    return next((subject for subject, words in _BY_WORD.items() if words.search(title)), GENERAL)


def day_of_year(minute: int) -> int:
    """0 to 365 for a Keepa minute, exact to a day: Keepa's epoch is the first of January 2011."""
    return int(minute / MINUTES_PER_DAY % DAYS_PER_YEAR)


def month_of(minute: int) -> int:
    """1 to 12 for a Keepa minute, in months of equal length."""
    return int(minute / MINUTES_PER_DAY % DAYS_PER_YEAR / DAYS_PER_YEAR * 12) + 1


def height_on(profile: Profile, day: float) -> float:
    """The profile's value on a day of the year from 0, by straight lines between the middles of months."""
    place = (day + 0.5) / DAYS_PER_YEAR * 12 - 0.5
    before = math.floor(place)
    part = place - before
    return profile[before % 12] * (1 - part) + profile[(before + 1) % 12] * part


@lru_cache(maxsize=16)
def by_day(profile: Profile) -> Profile:
    """A subject's profile for each of the 366 days of a year."""
    return tuple(height_on(profile, day) for day in range(366))


@dataclass(frozen=True, slots=True)
class MonthEvidence:
    """What this title's own sales say about one month: probable used copies, and the sum of weight × residual."""

    probable_sales: float = 0.0
    weight: float = 0.0
    residual: float = 0.0


def own_profile(pooled: Profile, months: Sequence[MonthEvidence], *, pseudo_sales: float) -> Profile:
    """The subject's year moved by the title's own residuals, each month shrunk by `pseudo_sales`."""
    return tuple(
        height + month.residual / (month.weight + pseudo_sales) for height, month in zip(pooled, months, strict=True)
    )


def describe(
    subject: str,
    pooled: Profile,
    months: Sequence[MonthEvidence],
    *,
    centre_cents: float | None,
    ceiling_cents: int | None = None,
    pseudo_sales: float,
) -> Season:
    """Peak and trough, none above the ceiling by Amazon's price where there is one.

    A month may be the peak by itself only with `SALES_FOR_A_PEAK` probable sales in it.
    """
    own = own_profile(pooled, months, pseudo_sales=pseudo_sales)
    proven = [month.probable_sales >= SALES_FOR_A_PEAK for month in months]
    year = [mine if known else height for mine, height, known in zip(own, pooled, proven, strict=True)]
    swings = max(pooled) - min(pooled) > 2 * WORTH_NAMING
    peak, trough = year.index(max(year)), year.index(min(year))
    if not swings and not proven[peak]:
        return Season("none", None, None, None, None, is_own=False)

    def cents(month: int) -> int | None:
        if centre_cents is None:
            return None
        price = round(centre_cents * math.exp(year[month]))
        return min(price, ceiling_cents) if ceiling_cents is not None else price

    return Season(
        name=subject if swings else "none",
        peak_month=peak + 1,
        peak_cents=cents(peak),
        trough_month=trough + 1,
        trough_cents=cents(trough),
        is_own=proven[peak],
    )
