"""Copies from gaps, and the truth told to them, on histories made by hand."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import judgement_events as events
from benchmarks.moments import TrueSale
from keepa_deals.judgement.inferred_sales import InferredSale, SalesHistory

HOUR = 60


def a_sale(after: int, before: int, *, count: float = 1.0, used: float = 0.5, by_rank: bool = True) -> InferredSale:
    return InferredSale(
        after=after * HOUR,
        before=before * HOUR,
        minute=(before - 1) * HOUR,
        expected_count=count,
        used_probability=used,
        landed_cents=2000,
        log_sd=0.1,
        by_rank=by_rank,
    )


def a_truth(hour: int, *, used: bool = True) -> TrueSale:
    return TrueSale(
        minute=hour * HOUR,
        is_used=used,
        grade=3 if used else 1,
        item_cents=1500,
        ship_cents=399,
        seller=7,
        is_reseller=False,
    )


def a_history(*sales: InferredSale) -> SalesHistory:
    return SalesHistory(sales=sales, observed_days=730.0, used_a_year=4.0, all_a_year=8.0)


def test_sales_of_one_gap_are_one_gap_with_their_counts_together() -> None:
    early = replace(a_sale(0, 48, count=0.75, used=0.2), minute=20 * HOUR)
    late = a_sale(0, 48, count=0.25, used=0.6)
    [gap] = events.gaps_of([early, late])
    assert (gap.minute, gap.expected_count, round(gap.used_probability, 3)) == (47 * HOUR, 1.0, 0.3)


def test_copies_of_a_gap_end_at_its_date_and_share_the_time_before_it() -> None:
    gap = a_sale(0, 49, count=3.4)
    assert events.any_copies([gap]) == (16 * HOUR, 32 * HOUR, 48 * HOUR)
    assert events.any_copies([a_sale(0, 49, count=0.49)]) == ()


def test_used_copies_are_the_expected_ones_and_one_more_if_likely_enough() -> None:
    def used(count: float, chance: float, least: float) -> int:
        return len(events.used_copies([a_sale(0, 48, count=count, used=chance)], least_chance=least))

    assert used(1.0, 0.5, 0.5) == 1
    assert used(1.0, 0.49, 0.5) == 0
    assert used(3.0, 0.5, 0.5) == 2
    assert used(3.0, 0.5, 0.6) == 1
    assert used(3.0, 0.9, 0.6) == 3


def test_a_true_sale_belongs_to_one_gap_at_most_even_if_the_rank_lags() -> None:
    gaps = [a_sale(24, 48), a_sale(48, 72), a_sale(200, 210)]
    past = [a_truth(10), a_truth(21), a_truth(48, used=False), a_truth(49), a_truth(72), a_truth(100)]
    counts = events.true_counts(gaps, past)
    assert [(one.used, one.total) for one in counts] == [(1, 2), (2, 2), (0, 0)]


def test_the_true_side_changes_no_count_and_the_true_number_drops_empty_gaps() -> None:
    history = a_history(a_sale(0, 24, used=0.9), a_sale(24, 48, used=0.1), a_sale(60, 70, count=0.3, by_rank=False))
    past = [a_truth(30), a_truth(40)]
    told = events.with_true_sides(history, past)
    assert [(sale.expected_count, sale.used_probability) for sale in told.sales] == [(1.0, 0.0), (1.0, 1.0)]
    counted = events.with_true_counts(history, past)
    assert [(sale.expected_count, sale.used_probability) for sale in counted.sales] == [(2.0, 1.0)]
    assert counted.used_a_year is not None
    assert counted.used_a_year > 4.0


def test_the_true_past_is_a_history_without_a_fault() -> None:
    history = events.true_history([a_truth(30), a_truth(40, used=False), a_truth(50)])
    assert (history.used_a_year, history.all_a_year) == (1.0, 1.5)
    assert events.used_copies(events.gaps_of(history.sales)) == (30 * HOUR, 50 * HOUR)
    assert [sale.landed_cents for sale in history.sales] == [1899, None, 1899]
