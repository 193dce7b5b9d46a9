"""A product's history read for sales: when copies sold, how likely used ones, for how much, how often in a year."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.market_history import MarketHistory, read_market
from keepa_deals.judgement.model import SalesModel
from keepa_deals.judgement.observed import Array, observed_gaps
from keepa_deals.judgement.rank_falls import WINDOW_MINUTES, RankReading, expected_count, read_rank, sales_a_year
from keepa_deals.judgement.sale_sides import context_inputs, used_probabilities, with_traces
from keepa_deals.judgement.sold_price import SoldPrices, sold_prices
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

MOST_TOLD_OF_A_GAP = 50
"""so many sales of one gap are told apart at most; beyond it each stands for several"""


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


@dataclass(frozen=True, slots=True)
class SoldGaps:
    """Gaps in what was observed with sales in them, and what the rank says of the rate. Keepa minutes."""

    after: npt.NDArray[Any]
    before: npt.NDArray[Any]
    minute: npt.NDArray[Any]
    """of the latest sale"""
    count: Array
    """expected sales"""
    by_rank: npt.NDArray[np.bool_]
    observed_minutes: float
    sales_a_year: float | None


def sold_gaps(product: Product, *, market: MarketHistory, now: datetime, model: SalesModel = FITTED) -> SoldGaps:
    """Where copies of any condition were sold in the two years before `now`: by the rank, else by offers that left."""
    reading = read_rank(product, now=now, model=model)
    rate = sales_a_year(reading, product=product, model=model)
    falls = reading.falls
    counts = [expected_count(fall, sales_a_year=rate or 0.0) for fall in falls]
    after, before = _drops_unobserved(market, reading=reading, until=to_keepa_minutes(now))
    return SoldGaps(
        after=np.array([*(fall.after for fall in falls), *after], dtype=np.int64),
        before=np.array([*(fall.before for fall in falls), *before], dtype=np.int64),
        minute=np.array([*(fall.minute for fall in falls), *((after + before) // 2)], dtype=np.int64),
        count=np.array([*counts, *(model.drop_count for _ in after)], dtype=np.float64),
        by_rank=np.arange(len(falls) + len(after)) < len(falls),
        observed_minutes=reading.observed_minutes,
        sales_a_year=rate,
    )


def _drops_unobserved(
    market: MarketHistory, *, reading: RankReading, until: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Drops of the used offers where no rank was observed, after and before: most of them are withdrawals."""
    gaps = observed_gaps(market.used_offers, since=until - WINDOW_MINUTES)
    fell = gaps.left < gaps.was
    after, before = gaps.after[fell], gaps.before[fell]
    if len(reading.observed.before):
        place = np.searchsorted(reading.observed.before, after, side="right")
        starts = np.append(reading.observed.after, until)
        dark = starts[place] >= before
        after, before = after[dark], before[dark]
    return after, before


def infer_sales(product: Product, *, now: datetime, model: SalesModel = FITTED) -> SalesHistory:
    """The sales of the two years before `now` (aware UTC) as the product's history shows them.

    Where several sales are likely in one gap, each is one of `sales`, and their expected counts add up to the gap's.
    """
    until = to_keepa_minutes(now)
    market = read_market(product, since=until - WINDOW_MINUTES, until=until)
    gaps = sold_gaps(product, market=market, now=now, model=model)
    with np.errstate(invalid="ignore", divide="ignore"):
        context = context_inputs(market, minute=np.append(gaps.after, until))
        used = used_probabilities(with_traces(context[:-1], market=market, minute=gaps.minute), weights=model.side)
        prices = sold_prices(market, after=gaps.after, before=gaps.before, model=model.price)
        today = used_probabilities(context[-1:], weights=model.side)
    share = _used_share(gaps, used, context=float(today[0]), model=model)
    rate = gaps.sales_a_year
    return SalesHistory(
        sales=tuple(sorted(_sales(gaps, used, prices), key=attrgetter("minute"))),
        observed_days=gaps.observed_minutes / 1440,
        used_a_year=min(rate, rate * share * model.used_factor) if rate is not None else None,
        all_a_year=rate,
    )


def _sales(gaps: SoldGaps, used: Array, prices: SoldPrices) -> Iterator[InferredSale]:
    """One sale for each that is likely in a gap: the latest as the curve dates it, the others spread before it."""
    columns = (gaps.after, gaps.before, gaps.minute, gaps.count, used, prices.cents, prices.log_sd, gaps.by_rank)
    for after, before, minute, count, p, cents, log_sd, by_rank in zip(*map(np.ndarray.tolist, columns), strict=True):
        price, sd = (None, None) if isnan(cents) else (int(cents), log_sd)
        if count < 1.5:
            yield InferredSale(after, before, minute, count, p, price, sd, by_rank)
            continue
        number = min(MOST_TOLD_OF_A_GAP, round(count))
        for place in range(1, number):
            earlier = after + (2 * place - 1) * (minute - after) // (2 * number - 2)
            yield InferredSale(after, before, earlier, count / number, p, price, sd, by_rank)
        yield InferredSale(after, before, minute, count / number, p, price, sd, by_rank)


def _used_share(gaps: SoldGaps, used: Array, *, context: float, model: SalesModel) -> float:
    """The used part of all sales: the title's own by rank, shrunk to what the market of today speaks for."""
    counts = np.where(gaps.by_rank, gaps.count, 0.0)
    return float((model.share_sales * context + counts @ used) / (model.share_sales + counts.sum()))
