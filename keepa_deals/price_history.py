"""What a full look says of the past, made small: a history for the chart and a spark for the table. Pure.

Times are Keepa minutes; prices are item prices in cents but for those of sales, which are landed.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise

import msgspec

from keepa_deals.records import DatedSale, Series

MINUTES_A_DAY = 1_440
CHARTED = ("used", "new", "amazon", "rank", "used_offers", "new_offers")
CHARTED_DAYS = 730
CELLS = 120
"""parts of the charted time; of each series at most four points a part are kept"""
SPARK_POINTS = 30
SPARK_DAYS = 90
FORMAT = 1


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """Step series by name (used, new, amazon, rank, used_offers, new_offers) and the sales inferred from them."""

    until: int
    """the look's minute, to which each series' last value holds"""
    series: dict[str, Series]
    sales: tuple[DatedSale, ...]


@dataclass(frozen=True, slots=True)
class Spark:
    """The used price of the last 90 days in 30 equal parts, as it stood at the end of each; None is "nothing"."""

    until: int
    prices: tuple[int | None, ...]
    sales: tuple[tuple[int, int | None, float], ...]
    """part (0 to 29), landed cents and probability of each used sale more likely than not"""


def charted_history(history: Mapping[str, Series], sales: Iterable[DatedSale], *, until: int) -> PriceHistory:
    """The last two years of the charted series, thinned so that highs, lows and gaps stay."""
    since = until - CHARTED_DAYS * MINUTES_A_DAY
    kept = {name: thinned(history[name], since=since, until=until) for name in CHARTED if name in history}
    within = tuple(sale for sale in sales if since <= sale.minute <= until)
    return PriceHistory(until=until, series=kept, sales=within)


def thinned(series: Series, *, since: int, until: int) -> Series:
    """First, lowest, highest and last point of each of `CELLS` equal parts, and what held when the time began.

    A part in which the series turned to "nothing" keeps its first such point too.
    """
    minutes, values = series.minutes, series.values
    end = bisect_right(minutes, until)
    begin = max(0, bisect_right(minutes, since, 0, end) - 1)
    width = max(1, -(-(until - since) // CELLS))
    edges = [begin, *(bisect_left(minutes, since + cell * width, begin, end) for cell in range(1, CELLS)), end]
    kept = [place for low, high in pairwise(edges) if low < high for place in _telling(values, low, high)]
    return Series(tuple(max(since, minutes[place]) for place in kept), tuple(values[place] for place in kept))


def _telling(values: tuple[int | None, ...], low: int, high: int) -> list[int]:
    places = range(low, high)
    known = [(value, place) for place in places if (value := values[place]) is not None]
    nothing = next((place for place in places if values[place] is None), low)
    extremes = {min(known)[1], max(known)[1]} if known else set()
    return sorted({low, high - 1, nothing} | extremes)


def spark_of(used: Series | None, sales: Iterable[DatedSale], *, until: int) -> Spark | None:
    """The small drawing of a deal; None without a used price."""
    if used is None:
        return None
    part = SPARK_DAYS * MINUTES_A_DAY // SPARK_POINTS
    since = until - SPARK_POINTS * part
    prices = tuple(_value_at(used, since + number * part) for number in range(1, SPARK_POINTS + 1))
    recent = [sale for sale in sales if since < sale.minute <= until and sale.used_probability > 0.5]
    dots = tuple(
        ((sale.minute - since - 1) // part, sale.landed_cents, round(sale.used_probability, 2)) for sale in recent
    )
    return Spark(until=until, prices=prices, sales=dots)


def _value_at(series: Series, minute: int) -> int | None:
    place = bisect_right(series.minutes, minute) - 1
    return None if place < 0 else series.values[place]


def packed(history: PriceHistory) -> bytes:
    """A history as compressed msgpack: minutes as differences, so that two years of six series take a few kB."""
    series = {name: [_differences(one.minutes), one.values] for name, one in history.series.items()}
    sales = [[sale.minute, round(sale.used_probability, 2), sale.landed_cents] for sale in history.sales]
    return zlib.compress(msgspec.msgpack.encode([FORMAT, history.until, series, sales]), 9)


def unpacked(packed_history: bytes) -> PriceHistory:
    """The reverse of `packed`."""
    _, until, series, sales = msgspec.msgpack.decode(zlib.decompress(packed_history))
    return PriceHistory(
        until=until,
        series={
            name: Series(tuple(accumulate(differences)), tuple(values))
            for name, (differences, values) in series.items()
        },
        sales=tuple(DatedSale(*sale) for sale in sales),
    )


def _differences(minutes: tuple[int, ...]) -> list[int]:
    return [later - earlier for earlier, later in pairwise((0, *minutes))]
