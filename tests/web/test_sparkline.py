"""The small drawing in a deal's row: what its line, its dots and its words say."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.price_history import SPARK_POINTS, Spark
from keepa_deals.web.marketplaces import MARKETPLACES
from keepa_deals.web.sparkline import EDGE, HEIGHT, WIDTH, Sparkline, sparkline

DOLLARS, YEN = MARKETPLACES[1], MARKETPLACES[5]


def drawn(
    *prices: int | None, sales: tuple[tuple[int, int | None, float], ...] = (), sale_price_cents: int | None = None
) -> Sparkline | None:
    """A drawing whose time is filled up with the last of `prices`."""
    filled = (*prices, *([prices[-1]] * (SPARK_POINTS - len(prices))))
    return sparkline(Spark(0, filled, sales), sale_price_cents=sale_price_cents, place=DOLLARS)


def test_there_is_no_drawing_of_nothing() -> None:
    assert sparkline(None, sale_price_cents=5000, place=DOLLARS) is None
    assert drawn(None) is None


@pytest.mark.parametrize(
    ("prices", "path"),
    [
        ((2000,), "M0 17H90"),
        ((2000, 2000, 1000), "M0 3H6V31H90"),
        ((None, 1000, 2000), "M3 31H6V3H90"),
        ((2000, None, 1000), "M0 3H3M6 31H90"),
        ((1000, 2000, None), "M0 31H3V3H6"),
    ],
)
def test_the_price_goes_in_steps_with_gaps_where_there_was_none(prices: tuple[int | None, ...], path: str) -> None:
    assert drawn(*prices).path == path


def test_the_price_now_has_its_own_dot_while_there_is_one() -> None:
    assert drawn(2000, 1000).end == (WIDTH - EDGE, HEIGHT - EDGE)
    assert drawn(2000, None).end is None


def test_sales_are_dots_at_their_prices_and_else_on_the_line() -> None:
    drawing = drawn(2000, 1000, sales=((0, 2000, 0.9), (10, None, 0.6), (29, 1000, 0.7)))
    assert drawing.dots == ((3.0, 3.0), (31.5, 31.0), (87.0, 31.0))


def test_what_it_sells_for_is_part_of_the_scale() -> None:
    drawing = drawn(1000, sale_price_cents=3000)
    assert (drawing.level, drawing.path) == (3.0, "M0 31H90")
    assert drawn(1000).level is None


@pytest.mark.parametrize(
    ("spark", "words"),
    [
        (
            Spark(0, (5200, 1600), ((0, 5000, 0.8),)),
            "from $52.00, between $16.00 and $52.00, $16.00 now; 1 sale inferred",
        ),
        (Spark(0, (5200, None), ()), "$52.00 and $52.00, none now, none for part of the time; no sales inferred"),
    ],
)
def test_words_say_what_the_drawing_shows(spark: Spark, words: str) -> None:
    assert words in sparkline(spark, sale_price_cents=None, place=DOLLARS).words


def test_words_speak_the_marketplaces_money() -> None:
    assert "¥5,200 now" in sparkline(Spark(0, (5200,), ()), sale_price_cents=None, place=YEN).words


prices = st.one_of(st.none(), st.integers(0, 10**8))


@given(
    st.tuples(*[prices] * SPARK_POINTS),
    st.lists(st.tuples(st.integers(0, SPARK_POINTS - 1), prices, st.floats(0.5, 1)), max_size=5),
    prices,
)
def test_everything_lies_within_the_drawing(
    values: tuple[int | None, ...], sales: list[tuple[int, int | None, float]], level: int | None
) -> None:
    drawing = sparkline(Spark(0, values, tuple(sales)), sale_price_cents=level, place=DOLLARS)
    if drawing is None:
        assert set(values) == {None}
        return
    heights = [float(y) for y in re.findall(r"(?:M[\d.]+ |V)([\d.]+)", drawing.path)]
    heights += [y for _, y in drawing.dots] + [height for height in (drawing.level,) if height is not None]
    assert all(EDGE <= height <= HEIGHT - EDGE for height in heights)
    assert all(0 <= float(x) <= WIDTH for x in re.findall(r"[MH]([\d.]+)", drawing.path))
