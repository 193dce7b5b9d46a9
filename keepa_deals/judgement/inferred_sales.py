"""A product's history read for sales: when copies sold, how likely used ones, for how much, how often in a year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.market_history import MarketHistory, read_market
from keepa_deals.judgement.model import SalesModel
from keepa_deals.judgement.observed import observed_spans
from keepa_deals.judgement.rank_falls import WINDOW_MINUTES, RankReading, expected_count, read_rank, sales_a_year
from keepa_deals.judgement.sale_sides import context_inputs, side_inputs, used_probability
from keepa_deals.judgement.sold_price import sold_price
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

MOST_SALES_A_YEAR = 100_000.0
"""the law of rank and sales was measured on slow books: at the very best ranks it would say billions"""
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
class SoldGap:
    """A gap in what was observed with about so many sales in it, the latest at `minute`. Keepa minutes."""

    after: int
    before: int
    minute: int
    count: float
    by_rank: bool


@dataclass(frozen=True, slots=True)
class SoldGaps:
    """All gaps with sales, oldest first, and what the rank says of the rate."""

    gaps: tuple[SoldGap, ...]
    reading: RankReading
    sales_a_year: float | None


def sold_gaps(product: Product, *, market: MarketHistory, now: datetime, model: SalesModel = FITTED) -> SoldGaps:
    """Where copies of any condition were sold in the two years before `now`: by the rank, else by offers that left."""
    reading = read_rank(product, now=now, model=model)
    rate = sales_a_year(reading, product=product, model=model)
    rate = None if rate is None else min(rate, MOST_SALES_A_YEAR)
    by_rank = _gaps_by_rank(reading, rate=rate or 0.0)
    by_drops = _gaps_by_drops(market, reading=reading, until=to_keepa_minutes(now), model=model)
    return SoldGaps(tuple(sorted([*by_rank, *by_drops], key=lambda gap: gap.before)), reading, rate)


def infer_sales(product: Product, *, now: datetime, model: SalesModel = FITTED) -> SalesHistory:
    """The sales of the two years before `now` (aware UTC) as the product's history shows them.

    Where several sales are likely in one gap, each is one of `sales`, and their expected counts add up to the gap's.
    """
    until = to_keepa_minutes(now)
    market = read_market(product, since=until - WINDOW_MINUTES, until=until)
    found = sold_gaps(product, market=market, now=now, model=model)
    inputs = side_inputs(market, sold=[(gap.after, gap.minute) for gap in found.gaps])
    used = [used_probability(one, weights=model.side) for one in inputs]
    sales = [
        sale
        for gap, probability in zip(found.gaps, used, strict=True)
        for sale in _sales_of(gap, probability, market=market, model=model)
    ]
    share = _used_share(found.gaps, used, market=market, until=until, model=model)
    rate = found.sales_a_year
    return SalesHistory(
        sales=tuple(sorted(sales, key=lambda sale: sale.minute)),
        observed_days=found.reading.observed_minutes / 1440,
        used_a_year=rate * share if rate is not None else None,
        all_a_year=rate,
    )


def _gaps_by_rank(reading: RankReading, *, rate: float) -> Iterator[SoldGap]:
    for fall in reading.falls:
        count = expected_count(fall, sales_a_year=rate)
        yield SoldGap(fall.after, fall.before, fall.minute, count, by_rank=True)


def _gaps_by_drops(market: MarketHistory, *, reading: RankReading, until: int, model: SalesModel) -> Iterator[SoldGap]:
    """Drops of the used offers where no rank was observed: most of them are withdrawals."""
    for span in observed_spans(market.used_offers, since=until - WINDOW_MINUTES):
        for place in range(1, len(span.values)):
            after, before = span.minutes[place - 1], span.minutes[place]
            if span.values[place] < span.values[place - 1] and not _is_observed(reading, after=after, before=before):
                yield SoldGap(after, before, (after + before) // 2, model.drop_count, by_rank=False)


def _is_observed(reading: RankReading, *, after: int, before: int) -> bool:
    """Whether any of the time between two minutes has a rank, which then says what there is to say."""
    return any(span.minutes[0] < before and after < span.minutes[-1] for span in reading.spans)


def _sales_of(gap: SoldGap, used: float, *, market: MarketHistory, model: SalesModel) -> Iterator[InferredSale]:
    """One sale for each that is likely in the gap: the latest as the curve dates it, the others spread before it."""
    price = sold_price(market, after=gap.after, before=gap.before, model=model.price)
    number = max(1, min(MOST_TOLD_OF_A_GAP, round(gap.count)))
    for place in range(number):
        earlier = (2 * place + 1) * (gap.minute - gap.after) // (2 * max(1, number - 1))
        yield InferredSale(
            after=gap.after,
            before=gap.before,
            minute=gap.minute if place == number - 1 else gap.after + earlier,
            expected_count=gap.count / number,
            used_probability=used,
            landed_cents=price.cents,
            log_sd=price.log_sd,
            by_rank=gap.by_rank,
        )


def _used_share(
    gaps: Sequence[SoldGap], used: Sequence[float], *, market: MarketHistory, until: int, model: SalesModel
) -> float:
    """The used part of all sales: the title's own by rank, shrunk to what the market of today speaks for."""
    context = used_probability(context_inputs(market, minute=until), weights=model.side)
    counts = [gap.count if gap.by_rank else 0.0 for gap in gaps]
    sold = sum(count * p for count, p in zip(counts, used, strict=True))
    return (model.share_sales * context + sold) / (model.share_sales + sum(counts))
