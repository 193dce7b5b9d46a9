"""A history made small keeps what a reader of the chart would miss."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.price_history import (
    CELLS,
    CHARTED,
    CHARTED_DAYS,
    MINUTES_A_DAY,
    SPARK_DAYS,
    SPARK_POINTS,
    PriceHistory,
    charted_history,
    packed,
    spark_of,
    thinned,
    unpacked,
)
from keepa_deals.records import DatedSale, Series

NOW = 8_000_000
SINCE = NOW - CHARTED_DAYS * MINUTES_A_DAY


@st.composite
def a_series(draw: st.DrawFn) -> Series:
    minutes = sorted(draw(st.sets(st.integers(SINCE - 500_000, NOW + 50_000), max_size=400)))
    values = draw(st.lists(st.none() | st.integers(0, 10**7), min_size=len(minutes), max_size=len(minutes)))
    return Series(tuple(minutes), tuple(values))


@given(a_series())
def test_thinning_keeps_highs_lows_gaps_and_what_held_at_both_ends(series: Series) -> None:
    thin = thinned(series, since=SINCE, until=NOW)
    held = [value for minute, value in zip(series.minutes, series.values, strict=True) if SINCE < minute <= NOW]
    before = [value for minute, value in zip(series.minutes, series.values, strict=True) if minute <= SINCE][-1:]
    within = before + held
    assert list(thin.minutes) == sorted(thin.minutes)
    assert len(thin.minutes) <= 5 * (CELLS + 1)
    assert thin.values[-1:] == tuple(within[-1:])
    assert thin.values[:1] == tuple(within[:1])
    known = [value for value in within if value is not None]
    shown = [value for value in thin.values if value is not None]
    assert (min(shown, default=None), max(shown, default=None)) == (min(known, default=None), max(known, default=None))
    assert (None in thin.values) == (None in within)


@given(st.dictionaries(st.sampled_from(CHARTED), a_series(), max_size=3))
def test_packing_and_unpacking_gives_the_same_history(series: dict[str, Series]) -> None:
    sales = (DatedSale(NOW - 9, 0.25, 1999), DatedSale(NOW, 0.97, None))
    history = PriceHistory(until=NOW, series=series, sales=sales)
    assert unpacked(packed(history)) == history


def test_two_busy_years_take_at_most_eight_kilobytes() -> None:
    dice = random.Random(7)
    hourly = tuple(range(SINCE, NOW, 60))
    busy = {name: Series(hourly, tuple(dice.randrange(1_000, 9_000) for _ in hourly)) for name in ("used", "new")}
    busy["rank"] = Series(hourly, tuple(dice.randrange(10_000, 900_000) for _ in hourly))
    counts = tuple(dice.randrange(3, 20) for _ in hourly)
    busy |= {name: Series(hourly, counts) for name in ("used_offers", "new_offers")}
    sales = [DatedSale(dice.randrange(SINCE, NOW), dice.random(), dice.randrange(999, 5_000)) for _ in range(100)]
    assert len(packed(charted_history(busy, sales, until=NOW))) <= 8_192


def test_what_lies_before_two_years_ago_or_is_not_charted_is_left_out() -> None:
    old = Series((SINCE - 900, SINCE - 800), (1, 2))
    history = charted_history(
        {"used": old, "landed_good": old}, [DatedSale(SINCE - 1, 0.9, 5), DatedSale(NOW, 0.9, 6)], until=NOW
    )
    assert history.series == {"used": Series((SINCE,), (2,))}
    assert [sale.landed_cents for sale in history.sales] == [6]


def test_a_spark_shows_the_price_at_the_end_of_each_part_and_the_likely_used_sales() -> None:
    part = SPARK_DAYS * MINUTES_A_DAY // SPARK_POINTS
    used = Series((NOW - 20 * part, NOW - 10 * part, NOW - 2 * part), (900, None, 700))
    sales = [DatedSale(NOW - part, 0.9, 850), DatedSale(NOW, 0.8, None), DatedSale(NOW, 0.4, 1)]
    spark = spark_of(used, sales, until=NOW)
    assert spark is not None
    assert spark.prices == (None,) * 9 + (900,) * 10 + (None,) * 8 + (700,) * 3
    assert spark.sales == ((28, 850, 0.9), (29, None, 0.8))


def test_without_a_used_price_there_is_no_spark() -> None:
    assert spark_of(None, [], until=NOW) is None
