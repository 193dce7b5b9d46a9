"""The scoring of the judgement on cases made by hand: matching, truth, what is shown, errors, bands."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import judgement_figures as figures
from benchmarks.judgement_scores import Claim, EventCounts, Row, TrueOutcome, count_events, matched, true_outcome

HOUR = 60


def an_outcome(profit_cents: float = 500.0, *, error: float = 10.0, sold: float = 0.9) -> TrueOutcome:
    return TrueOutcome(sold_share=sold, profit_cents=profit_cents, standard_error=error, losing_share=0.2)


def a_row(number: int = 0, *, claim: Claim | None = None, outcome: TrueOutcome | None = None, **told: object) -> Row:
    return Row(
        seed=1,
        number=number,
        claim=claim if claim is not None else Claim(),
        all_in_cents=1000,
        outcome=outcome,
        **told,  # type: ignore[arg-type]
    )


def a_deal(number: int, *, claimed: int, true: float, scale: int = 100, error: float = 10.0) -> Row:
    return a_row(number, claim=Claim(profit_cents=claimed, scale_cents=scale), outcome=an_outcome(true, error=error))


@pytest.mark.parametrize(
    ("claimed", "true", "hours", "pairs"),
    [
        ([], [], 72, 0),
        ([100], [], 72, 0),
        ([0], [72 * HOUR], 72, 1),
        ([0], [72 * HOUR + 1], 72, 0),
        ([0, 0], [10], 72, 1),
        ([0, 10], [5, 5], 24, 2),
        ([0, 20 * HOUR], [21 * HOUR, 44 * HOUR], 24, 2),
        ([0, 100 * HOUR], [50 * HOUR], 72, 1),
    ],
)
def test_events_match_one_to_one_within_the_tolerance(
    claimed: list[int], true: list[int], hours: int, pairs: int
) -> None:
    assert matched(claimed, true, tolerance_minutes=hours * HOUR) == pairs


def most_pairs(claimed: list[int], true: list[int], tolerance: int) -> int:
    """By trying every way to pair them."""
    few, many = sorted([claimed, true], key=len)
    for size in range(len(few), 0, -1):
        for some in combinations(few, size):
            for others in permutations(many, size):
                if all(abs(a - b) <= tolerance for a, b in zip(some, others, strict=True)):
                    return size
    return 0


@given(
    st.lists(st.integers(0, 30), max_size=4),
    st.lists(st.integers(0, 30), max_size=4),
    st.integers(0, 8),
)
def test_no_other_pairing_matches_more_events(claimed: list[int], true: list[int], tolerance: int) -> None:
    found = matched(sorted(claimed), sorted(true), tolerance_minutes=tolerance)
    assert found == most_pairs(claimed, true, tolerance)


def test_an_estimator_without_events_has_no_event_figures() -> None:
    rows = [a_row(any_counts=count_events(None, [1, 2]))]
    assert figures.precision(rows, "any") is None
    assert figures.recall(rows, "any") is None


def test_an_estimator_that_claims_no_event_has_missed_all() -> None:
    rows = [a_row(any_counts=count_events([], [1, 2]))]
    assert figures.precision(rows, "any") is None
    assert figures.recall(rows, "any") == 0.0


def test_pooled_figures_weigh_events_and_macro_figures_weigh_titles() -> None:
    fast = a_row(used_counts={72: EventCounts(matched=9, claimed=10, true=90)})
    slow = a_row(used_counts={72: EventCounts(matched=1, claimed=2, true=1)})
    assert figures.precision([fast, slow], "used") == pytest.approx(10 / 12)
    assert figures.recall([fast, slow], "used") == pytest.approx(10 / 91)
    assert figures.f1([fast, slow], "used") == pytest.approx(20 / 103)
    assert figures.macro([fast, slow], "used") == {"precision": pytest.approx(0.7), "recall": pytest.approx(0.55)}


def test_speed_classes_hold_each_title_once() -> None:
    rows = [
        a_row(true_sales_a_year=speed, any_counts={72: EventCounts(1, 1, 1)})
        for speed in (0.0, 2.9, 3.0, 19.9, 20.0, 400.0)
    ]
    table = figures.event_table(rows, "any")["by_speed"]
    assert [found["titles"] for found in table.values()] == [2, 1, 1, 1, 1]  # type: ignore[attr-defined]


def test_true_profit_is_the_mean_of_sales_and_salvage_less_the_cost() -> None:
    days = [30.0, 100.0, 270.0, 271.0, math.inf]
    truth = true_outcome(days, within_days=270, salvage_cents=400, net_cents=2000, all_in_cents=1500)
    assert truth.sold_share == pytest.approx(0.6)
    assert truth.profit_cents == pytest.approx(0.6 * 2000 + 0.4 * 400 - 1500)
    assert truth.losing_share == pytest.approx(0.4)
    assert truth.standard_error == pytest.approx(math.sqrt(4 / 7 * 3 / 7 / 5) * 1600)


def test_a_copy_that_always_sells_needs_no_salvage_and_is_not_certain() -> None:
    truth = true_outcome([1.0] * 100, within_days=270, salvage_cents=math.nan, net_cents=2000, all_in_cents=2100)
    assert truth.profit_cents == -100
    assert truth.losing_share == 1
    assert truth.standard_error > 0


@pytest.mark.parametrize(
    ("profit", "error", "is_clear", "profits"),
    [(100.0, 49.0, True, True), (100.0, 51.0, False, False), (-100.0, 49.0, True, False), (0.0, 0.0, False, False)],
)
def test_a_true_profit_within_two_standard_errors_of_zero_is_unclear(
    profit: float, error: float, is_clear: bool, profits: bool
) -> None:
    row = a_row(outcome=an_outcome(profit, error=error))
    assert (row.is_clear, row.truly_profits) == (is_clear, profits)


@pytest.mark.parametrize(
    ("claim", "z", "shown"),
    [
        (Claim(profit_cents=None), 0, False),
        (Claim(profit_cents=0), 0, False),
        (Claim(profit_cents=1), 0, True),
        (Claim(profit_cents=100, scale_cents=100), 1, False),
        (Claim(profit_cents=101, scale_cents=100), 1, True),
        (Claim(profit_cents=101, scale_cents=None), 3, True),
        (Claim(profit_cents=900, scale_cents=100, is_estimate=True), 0, False),
    ],
)
def test_shown_is_what_stays_above_zero_after_caution(claim: Claim, z: float, shown: bool) -> None:
    assert a_row(claim=claim).is_shown(z) is shown


def test_false_and_kept_shares_leave_unclear_deals_out() -> None:
    rows = [
        a_deal(1, claimed=500, true=300),
        a_deal(2, claimed=500, true=-300),
        a_deal(3, claimed=500, true=5),
        a_deal(4, claimed=150, true=300),
        a_deal(5, claimed=-50, true=300),
    ]
    assert figures.false_profitable(rows, 0) == pytest.approx(1 / 3)
    assert figures.kept_share(rows, 0) == pytest.approx(2 / 3)
    assert figures.false_profitable(rows, 2) == pytest.approx(1 / 2)
    assert figures.kept_share(rows, 2) == pytest.approx(1 / 3)
    [point] = figures.curve(rows, at=[2])
    assert (point["shown"], point["unclear"]) == (3, 1)


def test_nothing_shown_has_no_false_share() -> None:
    assert figures.false_profitable([a_deal(1, claimed=-5, true=9)], 0) is None


def test_the_top_tenth_counts_all_moments_and_ranks_by_the_claim() -> None:
    rows = [a_deal(n, claimed=n, true=-100.0 * n) for n in range(15)] + [a_row(99) for _ in range(5)]
    assert [row.number for row in figures.top_tenth(rows)] == [14, 13]
    assert figures.mean_true_profit(figures.top_tenth(rows)) == pytest.approx(-13.5)


def test_price_and_profit_errors_skip_what_is_unknown() -> None:
    known = a_row(claim=Claim(sale_cents=1200, profit_cents=100), true_sale_cents=1000, outcome=an_outcome(350))
    rows = [known, replace(known, true_sale_cents=None), replace(known, claim=Claim(), outcome=None)]
    assert figures.price_errors(rows) == pytest.approx(
        [
            0.2,
        ]
    )
    assert figures.profit_errors(rows) == pytest.approx([2.5, 2.5])


def test_velocity_compares_titles_with_a_true_used_sale() -> None:
    rows = [
        a_row(claim=Claim(used_a_year=claimed), true_used_a_year=true)
        for claimed, true in [(2.0, 4.0), (4.0, 4.0), (12.0, 4.0), (1.0, 0.0)]
    ]
    found = figures.velocity(rows)
    assert found["titles"] == 3
    assert found["median_bias"] == pytest.approx(0)
    assert found["within_factor_share"] == pytest.approx(2 / 3)


def test_calibration_counts_only_bands_with_enough_deals() -> None:
    pairs = [(0.95, 0.90)] * 100 + [(0.65, 0.10)] * 99 + [(1.0, 0.95)] * 20
    assert figures.worst_points(pairs) == pytest.approx(100 * (115 / 120 - 109 / 120))
    assert figures.populated(pairs) == 1
    assert [band["deals"] for band in figures.bands(pairs)] == [99, 120]
    assert figures.worst_points(pairs[:50]) is None


def test_the_brier_score_of_the_constant_rate_is_that_of_knowing_only_the_rate() -> None:
    assert figures.brier([(0.5, 1.0), (0.5, 0.0)]) == {"claimed": 0.25, "constant": 0.25}
    assert figures.brier([(1.0, 1.0), (0.0, 0.0)]) == {"claimed": 0.0, "constant": 0.25}
    assert figures.brier([]) == {"claimed": None, "constant": None}


def test_an_interval_holds_the_figure_and_is_the_same_for_the_same_seed() -> None:
    rows = [a_deal(n, claimed=500, true=-300.0 if n % 4 == 0 else 300.0) for n in range(200)]
    low, high = figures.interval(rows, lambda some: figures.false_profitable(some, 0), draws=200, seed=3) or (9, 9)
    assert low < 0.25 < high < 0.35
    assert (low, high) == figures.interval(rows, lambda some: figures.false_profitable(some, 0), draws=200, seed=3)
    assert figures.interval(rows, lambda some: None, draws=20, seed=3) is None


def test_the_curve_of_used_sales_pools_each_least_chance_by_itself() -> None:
    rows = [
        a_row(used_from_counts={0.3: EventCounts(2, 4, 4), 0.6: EventCounts(1, 1, 4)}),
        a_row(used_from_counts={0.3: EventCounts(1, 4, 2), 0.6: EventCounts(0, 0, 2)}),
    ]
    low, high = figures.used_curve(rows)
    assert (low["precision"], low["recall"]) == (3 / 8, 3 / 6)
    assert (high["precision"], high["recall"]) == (1.0, 1 / 6)
