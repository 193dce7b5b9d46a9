"""Learning the sale price from deal moments: seasons, grades, the correction by today's market, the error.

Only numbers leave here: the rules themselves are those of `keepa_deals.judgement`, so that what is fitted is what runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.moments import DealMoment
from keepa_deals.judgement import seasons
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.price_basis import PriceBasis, price_basis
from keepa_deals.judgement.price_model import PriceModel, Term
from keepa_deals.judgement.sale_price import INBOUND_DELAY_DAYS, SELL_WITHIN_DAYS
from keepa_deals.records import USED_GRADES, Condition

Floats = npt.NDArray[np.float64]

SUBJECTS = (seasons.TEXTBOOK, seasons.PROFESSIONAL, seasons.GENERAL, seasons.GOODS)
CORRECTION = (
    "lowest rival below",
    "second rival",
    "median rival",
    "new copy",
    "copy",
    "recent asks",
    "new price's drift",
    "Amazon's drift",
    "used sales a year",
    "rivals",
)
ERROR = ("spread", "thin evidence", "rivals", "used sales a year")
RIDGE = 8.0
"""pseudo deals on a coefficient of nought, inputs scaled to a standard deviation of one"""
HUBER = 0.25
"""residuals beyond this, natural log, pull no harder"""
HELD_BY_THE_INTERVAL = 0.8
LEAST_SALES_FOR_A_SEASON = 3
SEASON_PSEUDO_SALES = 200.0

START_PRICES = PriceModel(
    seasons={},
    grades={},
    memory_days=375.0,
    pseudo_sales=1.5,
    ask_discount=-0.05,
    clip=0.6,
    pooled_spread=0.25,
    spread_pseudo_sales=3.0,
    break_depth=0.55,
    season_pseudo_sales=12.0,
    demand_power=0.5,
    base=0.0,
    correction=(Term("second rival", 0.0, 0.2), Term("median rival", 0.0, 0.2)),
    error_base=-1.6,
    error=(),
    interval_reach=1.2,
    least_evidence=1.5,
)
"""What is not fitted, set by hand: in coarse trials none of it moved the error by a hundredth. And a first guess of the
rest"""


@dataclass(frozen=True, slots=True)
class Case:
    """A deal moment with the sales inferred from its history."""

    moment: DealMoment
    sales: SalesHistory


def fit_price_model(cases: Sequence[Case], *, start: PriceModel) -> PriceModel:
    """A model learned from `cases`; `start` gives the hyperparameters, everything else is replaced."""
    model = replace(start, grades=fit_grades(cases))
    model = replace(model, seasons=fit_seasons(cases))
    discount, spread = fit_levels(cases, model=model)
    model = replace(model, ask_discount=discount, pooled_spread=spread)
    return fit_correction(cases, model=model)


def fit_grades(cases: Sequence[Case]) -> dict[Condition, float]:
    """ln price of each used grade over Good, from what today's offers of one title ask, lottery asks left out."""
    columns = {grade: number for number, grade in enumerate(USED_GRADES)}
    normal, right = np.eye(len(columns)) * 1e-6, np.zeros(len(columns))
    for case in cases:
        offers = [(o.condition, o.landed_cents) for o in case.moment.product.offers or () if o.condition in columns]
        priced = [(grade, math.log(cents)) for grade, cents in offers if cents is not None]
        if len(priced) < 3:
            continue
        middle = float(np.median([ln_price for _, ln_price in priced]))
        near = [(grade, ln_price) for grade, ln_price in priced if abs(ln_price - middle) < 0.4]
        if len(near) < 2:
            continue
        design = np.zeros((len(near), len(columns)))
        design[np.arange(len(near)), [columns[grade] for grade, _ in near]] = 1
        prices = np.array([ln_price for _, ln_price in near])
        design, prices = design - design.mean(axis=0), prices - prices.mean()
        normal += design.T @ design
        right += design.T @ prices
    heights = np.linalg.lstsq(normal, right, rcond=None)[0]
    return {grade: round(float(heights[at] - heights[columns[Condition.GOOD]]), 3) for grade, at in columns.items()}


def fit_seasons(cases: Sequence[Case]) -> dict[str, tuple[float, ...]]:
    """The year of each subject: months explain what is left of a title's sale prices after its own mean."""
    found = {}
    for subject in SUBJECTS:
        titles = [_season_rows(case) for case in cases if seasons.subject_of(case.moment.product) == subject]
        found[subject] = _months([rows for rows in titles if rows is not None])
    return found


def _season_rows(case: Case) -> tuple[Floats, Floats, Floats] | None:
    """(weights, ln prices, share of each month) of a title's probable sales."""
    known = [(sale, sale.landed_cents) for sale in case.sales.sales if sale.landed_cents is not None]
    weights = np.array([sale.expected_count * sale.used_probability for sale, _ in known])
    if weights.sum() < LEAST_SALES_FOR_A_SEASON:
        return None
    months = np.array(
        [[seasons.height_on(unit, seasons.day_of_year(sale.minute)) for unit in _UNITS] for sale, _ in known]
    )
    return weights, np.log([cents for _, cents in known]), months


_UNITS = [tuple(float(month == this) for month in range(12)) for this in range(12)]


def _months(titles: Sequence[tuple[Floats, Floats, Floats]]) -> tuple[float, ...]:
    year: Floats = np.zeros(12)
    for _ in range(6):
        normal, right = np.eye(12) * SEASON_PSEUDO_SALES, np.zeros(12)
        for weights, prices, months in titles:
            left = prices - months @ year
            middle = np.average(left, weights=weights)
            robust = weights * np.minimum(1.0, HUBER / np.maximum(np.abs(left - middle), 1e-9))
            total = robust.sum()
            design = months - (robust @ months) / total
            normal += design.T @ (design * robust[:, None])
            right += design.T @ (robust * (prices - (robust @ prices) / total))
        year = np.asarray(np.linalg.solve(normal, right), np.float64)
        year = year - year.mean()
    return tuple(round(float(height), 4) for height in year)


def fit_levels(cases: Sequence[Case], *, model: PriceModel) -> tuple[float, float]:
    """The discount of sales against asks, and how far a title's sale prices lie apart."""
    discounts, spreads = [], []
    for case in cases:
        basis = basis_of(case, model=model)
        if basis is None or basis.level.evidence < 5 or basis.level.broke or basis.asks.year is None:
            continue
        weights = np.array([sale.weight for sale in basis.past])
        prices = np.array([sale.ln_price for sale in basis.past])
        middle = float(np.average(prices, weights=weights))
        discounts.append(middle - basis.asks.year)
        spreads.append(
            math.sqrt(float(np.average(np.minimum(np.abs(prices - middle), model.clip) ** 2, weights=weights)))
        )
    return round(float(np.median(discounts)), 3), round(float(np.median(spreads)), 3)


def basis_of(case: Case, *, model: PriceModel) -> PriceBasis | None:
    """The basis of a case under the usual selling time."""
    moment = case.moment
    days = (INBOUND_DELAY_DAYS, SELL_WITHIN_DAYS)
    return price_basis(moment.product, moment.copy, sales=case.sales, now=moment.now, model=model, selling_days=days)


def fit_correction(cases: Sequence[Case], *, model: PriceModel) -> PriceModel:
    """The ridge by today's market on the logarithm of the coming sale price, then the size of what it leaves."""
    pairs = [(basis_of(case, model=model), case.moment.future_landed_cents) for case in cases]
    known = [(basis, cents) for basis, cents in pairs if basis is not None and cents is not None]
    missing = np.array([math.log(cents) - basis.ln_uncorrected for basis, cents in known])
    usual, design = centred([basis.values for basis, _ in known], CORRECTION)
    base, slopes = robust_ridge(design, missing)
    left = missing - base - design @ slopes
    usual_error, spread_design = centred([basis.values for basis, _ in known], ERROR)
    error_base, error_slopes = _error_line(spread_design, left)
    scale = np.exp(error_base + spread_design @ error_slopes)
    return replace(
        model,
        base=round(base, 4),
        correction=terms(CORRECTION, usual, slopes),
        error_base=round(error_base, 4),
        error=terms(ERROR, usual_error, error_slopes),
        interval_reach=round(float(np.quantile(np.abs(left) / scale, HELD_BY_THE_INTERVAL)), 3),
    )


def _error_line(design: Floats, left: Floats) -> tuple[float, Floats]:
    """ln of the standard error by ERROR: wider spread never narrows it, more evidence never widens it."""
    ln_sizes = np.log(np.maximum(np.abs(left), 0.01)) + 0.635  # mean of ln |normal| is -0.635
    kept = np.ones(design.shape[1], bool)
    while True:
        slopes = np.zeros(design.shape[1])
        base, slopes[kept] = robust_ridge(design[:, kept], ln_sizes, ridge=40.0, huber=1.5)
        wrong = kept & (
            ((np.array(ERROR) == "spread") & (slopes < 0)) | ((np.array(ERROR) == "thin evidence") & (slopes < 0))
        )
        if not wrong.any():
            return base, slopes
        kept &= ~wrong


def centred(rows: Sequence[Mapping[str, float | None]], names: Sequence[str]) -> tuple[Floats, Floats]:
    """(mean of each input where it is known, inputs less that mean with nought for the unknown)."""
    known = [[row[name] for name in names] for row in rows]
    table = np.array([[math.nan if value is None else value for value in row] for row in known], dtype=np.float64)
    usual: Floats = np.nan_to_num(np.nanmean(table, axis=0))
    return usual, np.nan_to_num(table - usual)


def robust_ridge(design: Floats, target: Floats, *, ridge: float = RIDGE, huber: float = HUBER) -> tuple[float, Floats]:
    """(base, slopes) of a ridge regression in which residuals beyond `huber` pull no harder."""
    scale = np.maximum(design.std(axis=0), 1e-9)
    unit = np.column_stack([np.ones(len(design)), design / scale])
    penalty = np.diag([0.0, *[ridge] * design.shape[1]])
    weights = np.ones(len(target))
    for _ in range(25):
        found = np.linalg.solve(unit.T @ (unit * weights[:, None]) + penalty, unit.T @ (weights * target))
        weights = np.minimum(1.0, huber / np.maximum(np.abs(target - unit @ found), 1e-9))
    return float(found[0]), found[1:] / scale


def terms(names: Sequence[str], usual: Floats, slopes: Floats) -> tuple[Term, ...]:
    """Fitted summands with four digits."""
    return tuple(
        Term(name, round(float(mean), 4), round(float(slope), 4))
        for name, mean, slope in zip(names, usual, slopes, strict=True)
    )
