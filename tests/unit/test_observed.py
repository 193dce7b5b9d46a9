"""A history is taken as it was seen: in order, without nonsense, in spans that nobody bridges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.judgement.observed import Points, observed_spans, points, without_glitches
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


@pytest.mark.parametrize(("minute", "value", "since"), [(1, None, 1), (2, 10, 2), (5, 10, 2), (6, None, 6), (90, 7, 8)])
def test_a_value_holds_until_the_next(minute, value, since):
    seen = Points((2, 6, 8), (10, None, 7))
    assert (seen.at(minute), seen.since(minute)) == (value, since)


def test_a_span_ends_where_nothing_is_known():
    seen = Points((1, 2, 3, 4, 5, 6), (10, 11, None, None, 12, 13))
    assert [span.values for span in observed_spans(seen, since=0)] == [(10, 11), (12, 13)]


def test_a_span_ends_at_an_outage_and_starts_in_the_window():
    seen = Points((0, DAY, 2 * DAY, 10 * DAY, 11 * DAY), (1, 2, 3, 4, 5))
    assert [span.minutes for span in observed_spans(seen, since=DAY)] == [(DAY, 2 * DAY), (10 * DAY, 11 * DAY)]


def test_a_rarely_visited_title_has_longer_gaps_before_it_is_an_outage():
    seen = Points(tuple(place * 6 * DAY for place in (0, 1, 2, 6, 7)), (1, 2, 3, 4, 5))
    assert len(observed_spans(seen, since=0)) == 1


@given(
    steps=st.lists(st.tuples(st.integers(0, 60 * DAY), st.none() | st.integers(1, 9)), unique_by=lambda step: step[0])
)
def test_spans_hold_every_known_point_once_and_bridge_nothing(steps):
    steps.sort()
    seen = Points(tuple(minute for minute, _ in steps), tuple(value for _, value in steps))
    spans = observed_spans(seen, since=0)
    held = [(minute, value) for span in spans for minute, value in zip(span.minutes, span.values, strict=True)]
    assert held == [step for step in steps if step[1] is not None]
    for span in spans:
        assert len([minute for minute, _ in steps if span.minutes[0] <= minute <= span.minutes[-1]]) == len(
            span.minutes
        )


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
