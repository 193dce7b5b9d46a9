"""Keepa's minutes and sentinels end in one module."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.units import KEEPA_EPOCH, epoch_ms, from_epoch_ms, from_keepa_minutes, known, to_keepa_minutes


@pytest.mark.parametrize(
    ("minutes", "instant"),
    [
        (0, datetime(2011, 1, 1, tzinfo=UTC)),
        (1, datetime(2011, 1, 1, 0, 1, tzinfo=UTC)),
        (1440, datetime(2011, 1, 2, tzinfo=UTC)),
        (8_289_360, datetime(2026, 10, 5, 12, tzinfo=UTC)),
    ],
)
def test_keepa_minutes_count_from_2011(minutes, instant):
    assert from_keepa_minutes(minutes) == instant
    assert to_keepa_minutes(instant) == minutes


def test_keepas_own_formula_gives_the_same():
    # unix seconds = (minutes + 21564000) × 60 (Keepa documentation)
    assert from_keepa_minutes(8_289_360).timestamp() == (8_289_360 + 21_564_000) * 60


def test_a_negative_keepa_time_is_refused():
    with pytest.raises(ValueError, match="never negative"):
        from_keepa_minutes(-1)


def test_a_naive_instant_is_refused():
    with pytest.raises(ValueError, match="aware"):
        to_keepa_minutes(datetime(2026, 1, 1))


def test_minutes_are_rounded_down_in_any_zone():
    zone = timezone(timedelta(hours=5, minutes=30))
    assert to_keepa_minutes(datetime(2011, 1, 1, 5, 31, 59, tzinfo=zone)) == 1


@pytest.mark.parametrize(("value", "expected"), [(None, None), (-1, None), (-2, None), (0, 0), (7, 7)])
def test_every_negative_number_is_unknown_and_0_is_not(value, expected):
    assert known(value) == expected


@given(st.integers(0, 50_000_000))
def test_minutes_survive_the_way_there_and_back(minutes):
    assert to_keepa_minutes(from_keepa_minutes(minutes)) == minutes


@given(st.integers(-(10**12), 10**13))
def test_milliseconds_survive_the_way_there_and_back(milliseconds):
    assert epoch_ms(from_epoch_ms(milliseconds)) == milliseconds


def test_the_epoch_is_aware():
    assert KEEPA_EPOCH.tzinfo is UTC
