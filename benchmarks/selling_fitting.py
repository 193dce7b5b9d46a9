"""Learning the sell curve from plays of our copy at several list prices, then errors and trust from plays out of fold.

Only numbers leave here: the rules themselves are those of `keepa_deals.judgement`, so that what is fitted is what runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.price_fitting import Case, Floats, centred, terms
from keepa_deals.judgement.price_basis import DAYS_OF_A_STRIDE, heights_ahead
from keepa_deals.judgement.price_model import PriceModel, SellingModel
from keepa_deals.judgement.sale_price import INBOUND_DELAY_DAYS, SELL_WITHIN_DAYS, SalePrice, estimate_sale_price
from keepa_deals.judgement.selling import speed_inputs
from keepa_deals.units import to_keepa_minutes

SPEED = ("used sales a year", "rivals", "lowest rival", "price error", "season's swing")
SELLING_DAYS = (INBOUND_DELAY_DAYS, SELL_WITHIN_DAYS)
EDGES = (*range(INBOUND_DELAY_DAYS, SELL_WITHIN_DAYS, DAYS_OF_A_STRIDE), SELL_WITHIN_DAYS)
STEEPEST = 30.0
PENALTY = 2e-4

START_SELLING = SellingModel(
    base=-4.6,
    terms=(),
    slope=2.0,
    bend=1.0,
    bend_at=0.5,
    premium=0.2,
    season_price=0.7,
    season_demand=1.0,
    frailty=0.6,
    prudence=1.25,
    error_base=6.0,
    error=(),
    trust_base=0.0,
    trust_slope=1.0,
)
"""Where the search begins; prudence is chosen, not fitted"""


@dataclass(frozen=True, slots=True)
class Fates:
    """What became of one case's copy at one list price: shares sold by stride, the last entry unsold."""

    case: Case
    list_cents: int
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """Plays as columns; one row per play."""

    shares: Floats
    speed: Floats
    usual: Floats
    ln_ratio: Floats
    ln_premium: Floats
    heights: Floats
    ahead: Floats
    lengths: Floats


def shares_of(sold_days: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """The share of replicates sold in each stride, and last the share unsold."""
    counts, _ = np.histogram(sold_days[np.isfinite(sold_days)], bins=[0, *EDGES[1:-1], EDGES[-1] + 1e-6])
    sold = counts / len(sold_days)
    return (*(float(share) for share in sold), float(1 - sold.sum()))


def fit_curve(plays: Sequence[Fates], *, prices: PriceModel, start: SellingModel) -> SellingModel:
    """The curve of highest likelihood; errors and trust stay those of `start`."""
    table = _table(plays, prices=prices)
    place = np.array(
        [
            start.base,
            0.7,
            *np.zeros(len(SPEED) - 1),
            math.log(start.slope),
            math.log(start.bend),
            start.bend_at,
            math.log(start.premium),
            start.season_price,
            start.season_demand,
            math.log(start.frailty),
        ]
    )
    base, *rest = (float(number) for number in minimum(lambda at: _surprise(at, table), place))
    slopes = rest[: len(SPEED)]
    slope, bend, bend_at, premium, season_price, season_demand, frailty = rest[len(SPEED) :]
    return replace(
        start,
        base=round(base, 4),
        terms=terms(SPEED, table.usual, np.array(slopes)),
        slope=round(math.exp(slope), 4),
        bend=round(math.exp(bend), 4),
        bend_at=round(bend_at, 4),
        premium=round(math.exp(premium), 4),
        season_price=round(season_price, 4),
        season_demand=round(season_demand, 4),
        frailty=round(math.exp(frailty), 4),
    )


def _table(plays: Sequence[Fates], *, prices: PriceModel) -> _Table:
    estimates: dict[int, SalePrice] = {}
    rows = []
    for play in plays:
        moment, sales = play.case.moment, play.case.sales
        sale = estimates.setdefault(
            id(play.case),
            estimates.get(id(play.case))
            or estimate_sale_price(moment.product, moment.copy, sales=sales, now=moment.now, model=prices),
        )
        if sale.cents is None or sale.basis is None or not sales.used_a_year:
            continue
        basis, ln_list = sale.basis, math.log(play.list_cents)
        rivals = basis.market.rivals
        heights = heights_ahead(basis.own_season, now_minute=to_keepa_minutes(moment.now), selling_days=SELLING_DAYS)
        premium = max(0.0, ln_list - rivals[0] - basis.grade) if rivals else 0.0
        speed = speed_inputs(sale, basis, used_a_year=sales.used_a_year)
        rows.append((play.shares, speed, ln_list - math.log(sale.cents), premium, heights, basis.ahead))
    usual, design = centred([row[1] for row in rows], SPEED)
    return _Table(
        shares=np.array([row[0] for row in rows]),
        speed=design,
        usual=usual,
        ln_ratio=np.array([row[2] for row in rows]),
        ln_premium=np.array([row[3] for row in rows]),
        heights=np.array([row[4] for row in rows]),
        ahead=np.array([row[5] for row in rows]),
        lengths=np.diff(EDGES).astype(float),
    )


def _surprise(place: Floats, table: _Table) -> tuple[float, Floats]:
    """Mean minus log likelihood of the strides in which the copies were sold, with a mild pull to nought, and its
    gradient."""
    count = len(SPEED)
    slope, bend, premium, theta = np.exp(place[[count + 1, count + 2, count + 4, count + 7]])
    bend_at, season_price, season_demand = place[[count + 3, count + 5, count + 6]]
    swing = table.heights - table.ahead[:, None]
    x = table.ln_ratio[:, None] - season_price * swing
    over = np.maximum(0.0, x - bend_at)
    steady = place[0] + table.speed @ place[1 : count + 1] - premium * table.ln_premium
    ln_rate = steady[:, None] + season_demand * table.heights - slope * x - bend * over**2
    hazard = np.exp(np.minimum(ln_rate, STEEPEST)) * table.lengths
    total = np.cumsum(hazard, axis=1)
    unsold = (1 + theta * total) ** (-1 / theta)
    left = np.column_stack([np.ones(len(unsold)), unsold])
    chances = np.maximum(np.column_stack([left[:, :-1] - left[:, 1:], unsold[:, -1]]), 1e-9)
    cost = -(table.shares * np.log(chances)).sum() / len(chances) + PENALTY * (place[1:] ** 2).sum()

    by_chance = -table.shares / chances / len(chances)
    by_unsold = by_chance[:, 1:] - by_chance[:, :-1]
    by_total = -by_unsold * unsold / (1 + theta * total)
    by_rate = np.cumsum(by_total[:, ::-1], axis=1)[:, ::-1] * hazard
    by_play = by_rate.sum(axis=1)
    by_x = -slope - 2 * bend * over
    by_theta = by_unsold * unsold * (np.log1p(theta * total) / theta**2 - total / (theta * (1 + theta * total)))
    gradient = np.array(
        [
            by_play.sum(),
            *(by_play @ table.speed),
            -slope * (by_rate * x).sum(),
            -bend * (by_rate * over**2).sum(),
            2 * bend * (by_rate * over).sum(),
            -premium * (by_play @ table.ln_premium),
            -(by_rate * by_x * swing).sum(),
            (by_rate * table.heights).sum(),
            theta * by_theta.sum(),
        ]
    )
    gradient[1:] += 2 * PENALTY * place[1:]
    return float(cost), gradient


def minimum(cost: Callable[[Floats], tuple[float, Floats]], place: Floats, *, rounds: int = 200) -> Floats:
    """Where a smooth function, given with its gradient, is lowest: BFGS."""
    inverse = np.eye(len(place))
    here, slope = cost(place)
    for _ in range(rounds):
        way = -inverse @ slope
        if way @ slope >= 0:
            inverse, way = np.eye(len(place)), -slope
        reach = min(1.0, 1.0 / max(1e-12, float(np.abs(way).max())))
        there, slope_there = cost(place + reach * way)
        while reach > 1e-8 and not there <= here + 1e-4 * reach * (way @ slope):
            reach /= 2
            there, slope_there = cost(place + reach * way)
        along, bent, gained = reach * way, slope_there - slope, here - there
        place, here, slope = place + along, there, slope_there
        if gained < 1e-8:
            break
        curved = float(along @ bent)
        if curved > 1e-12:
            outer = np.eye(len(place)) - np.outer(along, bent) / curved
            inverse = outer @ inverse @ outer.T + np.outer(along, along) / curved
    return place
