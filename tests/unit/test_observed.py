"""A history is taken as it was seen: in order, without nonsense, in gaps that bridge nothing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.judgement.observed import Points, observed_gaps, points, without_glitches
from keepa_deals.records import Series

DAY = 1440


def test_a_missing_series_has_no_points():
    assert points(None, until=100) == Points((), ())


def test_a_well_formed_series_is_taken_as_it_is():
    series = Series((2, 4, 6), (10, None, 30))
    assert points(series, until=6) == Points(series.minutes, series.values)


@pytest.mark.parametrize(
    ("minutes", "values", "seen"),
    [
        ((6, 2, 4), (30, 10, 20), ((2, 4, 6), (10, 20, 30))),
        ((2, 2, 4), (10, 11, 20), ((2, 4), (11, 20))),
        ((2, 4), (10, 20, 30), ((2, 4), (10, 20))),
        ((2, 4, 6), (10, 20), ((2, 4), (10, 20))),
        ((-4, 2, 101), (1, 10, 20), ((2,), (10,))),
        ((2, 4, 6), (-1, 0, -2), ((2, 4, 6), (None, None, None))),
        ((), (), ((), ())),
    ],
    ids=["unsorted", "twice", "odd values", "odd minutes", "before 2011 and future", "sentinels", "empty"],
)
def test_a_damaged_series_is_put_in_order(minutes, values, seen):
    assert points(Series(minutes, values), until=100) == Points(*seen)


def test_no_offers_at_all_is_a_count():
    assert points(Series((2, 4), (0, -1)), until=100, least=0).values == (0, None)


def test_a_value_holds_until_the_next():
    seen = Points((2, 6, 8), (10, None, 7))
    when = np.array([1, 2, 5, 6, 90])
    np.testing.assert_array_equal(seen.at_each(when), [np.nan, 10, 10, np.nan, 7])
    np.testing.assert_array_equal(seen.since_each(when), [1, 2, 2, 6, 8])


def test_no_points_hold_no_value():
    when = np.array([1, 2])
    assert np.isnan(Points((), ()).at_each(when)).all()
    np.testing.assert_array_equal(Points((), ()).since_each(when), when)


def pairs(seen: Points, *, since: int = 0) -> list[tuple[int, int]]:
    gaps = observed_gaps(seen, since=since)
    return list(zip(gaps.after.tolist(), gaps.before.tolist(), strict=True))


def test_no_gap_touches_where_nothing_is_known():
    seen = Points((1, 2, 3, 4, 5, 6), (10, 11, None, None, 12, 13))
    assert pairs(seen) == [(1, 2), (5, 6)]


def test_gaps_start_in_the_window_and_bridge_no_outage():
    seen = Points((0, DAY, 2 * DAY, 10 * DAY, 11 * DAY), (1, 2, 3, 4, 5))
    assert pairs(seen, since=DAY) == [(DAY, 2 * DAY), (10 * DAY, 11 * DAY)]


def test_a_rarely_visited_title_has_longer_gaps_before_it_is_an_outage():
    seen = Points(tuple(place * 6 * DAY for place in (0, 1, 2, 6, 7)), (1, 2, 3, 4, 5))
    assert len(pairs(seen)) == 4


@pytest.mark.parametrize("count", [0, 1])
def test_a_single_point_has_no_gap(count):
    assert pairs(Points((5,) * count, (9,) * count)) == []


@given(
    steps=st.lists(st.tuples(st.integers(0, 60 * DAY), st.none() | st.integers(1, 9)), unique_by=lambda step: step[0])
)
def test_every_gap_lies_between_neighbours_that_are_known(steps):
    steps.sort()
    seen = Points(tuple(minute for minute, _ in steps), tuple(value for _, value in steps))
    neighbours = [
        (first[0], second[0])
        for first, second in pairwise(steps)
        if first[1] is not None and second[1] is not None and second[0] - first[0] <= 7 * DAY
    ]
    found = pairs(seen)
    assert set(neighbours) <= set(found)
    lengths = sorted(second[0] - first[0] for first, second in pairwise(steps))
    assert all(before - after <= max(7 * DAY, 5 * lengths[(len(lengths) - 1) // 2]) for after, before in found)


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ((6, 2, 6), (6, 6)),
        ((6, 2, 5), (6, 5)),
        ((6, 5, 6), (6, 5, 6)),
        ((6, 2, 3), (6, 2, 3)),
        ((6, 2, None), (6, 2, None)),
        ((2, 6, 2), (2, 6, 2)),
        ((6, 2), (6, 2)),
    ],
)
def test_only_a_deep_fall_that_is_taken_back_at_once_is_a_misreading(counts, kept):
    seen = Points(tuple(range(len(counts))), counts)
    assert without_glitches(seen).values == kept
