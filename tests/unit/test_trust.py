"""How far to trust: few ratings are worth less than many, and a chance is calibrated without turning round."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.judgement.fitted_prices import FITTED_SELLING
from keepa_deals.judgement.trust import trust_of, wilson_lower_percent

CHANCES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("percent", "count", "bound"),
    [
        (100, 10, 72.2),  # 1 / (1 + 1.96² / 10)
        (98, 1000, 96.9),
        (50, 100, 40.4),
        (0, 100, 0.0),
        (100, 0, 0.0),
    ],
)
def test_a_rating_counts_for_its_lower_bound(percent: int, count: int, bound: float) -> None:
    assert wilson_lower_percent(percent, count) == bound


@pytest.mark.parametrize(("percent", "count"), [(None, 10), (99, None), (None, None), (99, -1)])
def test_an_unknown_rating_stays_unknown(percent: int | None, count: int | None) -> None:
    assert wilson_lower_percent(percent, count) is None


@given(st.integers(0, 100), st.integers(1, 10**6))
def test_the_lower_bound_lies_between_nothing_and_the_rating(percent: int, count: int) -> None:
    bound = wilson_lower_percent(percent, count)
    assert bound is not None
    assert 0 <= bound <= percent


@given(st.integers(0, 100), st.integers(1, 10**5))
def test_more_ratings_of_the_same_share_never_lower_the_bound(percent: int, count: int) -> None:
    fewer, more = wilson_lower_percent(percent, count), wilson_lower_percent(percent, count * 2)
    assert fewer is not None
    assert more is not None
    assert more >= fewer


def test_unknown_chance_gives_unknown_trust() -> None:
    assert trust_of(None, model=FITTED_SELLING) is None


@given(CHANCES, CHANCES)
def test_trust_rises_with_the_chance_and_stays_a_chance(one: float, other: float) -> None:
    low, high = (trust_of(chance, model=FITTED_SELLING) for chance in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert 0 < low <= high < 1
