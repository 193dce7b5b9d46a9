"""What the fits put into the models: slopes that are slopes, robust lines, and records that read back as written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.fit_prices import written
from benchmarks.price_fitting import centred, robust_ridge
from benchmarks.selling_fitting import SPEED, START_SELLING, _surprise, _Table, minimum, shares_of
from keepa_deals.judgement.fitted_prices import FITTED_PRICES, FITTED_SELLING

STRIDES = 9


def a_table(plays: int = 40) -> _Table:
    rng = np.random.default_rng(5)
    shares = rng.dirichlet(np.ones(STRIDES + 1), plays)
    return _Table(
        shares=shares,
        speed=rng.normal(0, 0.5, (plays, len(SPEED))),
        usual=np.zeros(len(SPEED)),
        ln_ratio=rng.normal(0, 0.4, plays),
        ln_premium=np.abs(rng.normal(0, 0.3, plays)),
        heights=rng.normal(0, 0.2, (plays, STRIDES)),
        ahead=rng.normal(0, 0.05, plays),
        lengths=np.full(STRIDES, 30.0),
    )


def test_the_gradient_of_the_sell_curve_is_that_of_its_cost() -> None:
    table = a_table()
    place = np.array([-4.5, *np.linspace(-0.5, 0.7, len(SPEED)), 0.6, 0.4, 0.1, -1.0, 0.8, 0.5, -0.4])
    _, gradient = _surprise(place, table)
    for number, slope in enumerate(gradient):
        step = np.zeros(len(place))
        step[number] = 1e-5
        measured = (_surprise(place + step, table)[0] - _surprise(place - step, table)[0]) / 2e-5
        assert slope == pytest.approx(measured, abs=1e-6)


def test_the_search_finds_the_lowest_place() -> None:
    def valley(at: np.ndarray) -> tuple[float, np.ndarray]:
        away = at - np.array([3.0, -1.0])
        return float(away[0] ** 2 + 10 * away[1] ** 2), np.array([2 * away[0], 20 * away[1]])

    assert minimum(valley, np.zeros(2)) == pytest.approx([3.0, -1.0], abs=1e-3)


def test_a_wild_value_hardly_bends_the_line() -> None:
    inputs = np.linspace(-1, 1, 200)[:, None]
    target = 0.5 + 2 * inputs[:, 0]
    target[::20] += 50
    base, slopes = robust_ridge(inputs, target, ridge=0.0)
    assert base == pytest.approx(0.5, abs=0.05)
    assert slopes[0] == pytest.approx(2, abs=0.05)


def test_an_unknown_input_counts_as_the_usual_one() -> None:
    usual, design = centred([{"a": 1.0}, {"a": None}, {"a": 3.0}], ("a",))
    assert usual.tolist() == [2.0]
    assert design.tolist() == [[-1.0], [0.0], [1.0]]


def test_a_copy_is_sold_in_one_stride_or_not_at_all() -> None:
    shares = shares_of(np.array([22.0, 50.0, 200.0, np.inf]))
    assert len(shares) == STRIDES + 1
    assert shares[0] == 0.5
    assert shares[-1] == 0.25
    assert sum(shares) == pytest.approx(1)


def test_what_is_written_reads_back_as_it_was() -> None:
    prices = replace(FITTED_PRICES, memory_days=123.0)
    room: dict[str, object] = {}
    exec(written(prices, START_SELLING, seeds="1-2", figures="none"), room)
    assert room["FITTED_PRICES"] == prices
    assert room["FITTED_SELLING"] == START_SELLING


def test_the_fitted_curve_falls_with_the_price_and_no_sale_price_rests_on_a_negative_pull() -> None:
    assert min(FITTED_SELLING.slope, FITTED_SELLING.bend, FITTED_SELLING.premium, FITTED_SELLING.frailty) > 0
    assert FITTED_SELLING.trust_slope > 0
    pulls = {term.name: term.coefficient for term in FITTED_PRICES.correction}
    assert all(pulls[name] >= 0 for name in ("lowest rival below", "second rival", "median rival", "recent asks"))
