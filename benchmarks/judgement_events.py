"""From inferred sales to copies sold at minutes, and the same with the truth told: which side, how many, everything.

Pure. A gap is the time between two observations in which the rank says that something sold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.moments import TrueSale
from keepa_deals.judgement.inferred_sales import InferredSale, SalesHistory

SEARCHED_DAYS = 730
YEAR_DAYS = 365
USED_FROM = 0.55
"""a gap's used copies are its expected ones, the last of them if it is at least this likely; chosen on seeds 51 to 60
of world A, and the same for every world"""
USED_CHANCES = (0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8)
RANK_LAG_MINUTES = 4 * 60
"""a rank shows a sale up to a few hours late, so the sale may lie before its gap; allowing more fills no more gaps"""


@dataclass(frozen=True, slots=True)
class TrueCounts:
    """What truly sold in one gap."""

    used: int
    total: int


def gaps_of(sales: Sequence[InferredSale]) -> tuple[InferredSale, ...]:
    """One sale for each gap: counts added up, probabilities weighed by them, dated by the latest."""
    groups: dict[tuple[int, int, bool], list[InferredSale]] = {}
    for sale in sales:
        groups.setdefault((sale.after, sale.before, sale.by_rank), []).append(sale)
    gaps = [_together(group) for group in groups.values()]
    return tuple(sorted(gaps, key=lambda gap: (gap.before, gap.minute)))


def any_copies(gaps: Sequence[InferredSale]) -> tuple[int, ...]:
    """The minutes of all copies, each gap with its expected count rounded half up."""
    return tuple(sorted(minute for gap in gaps for minute in copies_in(gap, _rounded(gap.expected_count))))


def used_copies(gaps: Sequence[InferredSale], *, least_chance: float = USED_FROM) -> tuple[int, ...]:
    """The minutes of the used copies: expected count by probability, a further copy counted from `least_chance` on."""
    return tuple(
        sorted(
            minute
            for gap in gaps
            for minute in copies_in(gap, int(gap.expected_count * gap.used_probability + 1 - least_chance))
        )
    )


def copies_in(gap: InferredSale, count: int) -> list[int]:
    """The minutes of `count` copies in one gap: the rank dates the last, the others share the time before it."""
    span = gap.minute - gap.after
    return [gap.after + span * (place + 1) // count for place in range(count)]


def true_counts(gaps: Sequence[InferredSale], past: Sequence[TrueSale]) -> list[TrueCounts]:
    """What truly sold in each gap; a true sale belongs to the first gap that its lagging rank can have opened.

    `gaps` and `past` by time, oldest first.
    """
    used, total = [0] * len(gaps), [0] * len(gaps)
    place = 0
    for true in past:
        while place < len(gaps) and gaps[place].before < true.minute:
            place += 1
        if place < len(gaps) and gaps[place].after - RANK_LAG_MINUTES <= true.minute:
            total[place] += 1
            used[place] += true.is_used
    return [TrueCounts(one, both) for one, both in zip(used, total, strict=True)]


def with_true_sides(history: SalesHistory, past: Sequence[TrueSale]) -> SalesHistory:
    """The same gaps with the same counts, but told which part of what truly sold there was used."""
    gaps = [gap for gap in gaps_of(history.sales) if gap.by_rank]
    told = [
        replace(gap, used_probability=counts.used / counts.total if counts.total > 0 else 0.0)
        for gap, counts in zip(gaps, true_counts(gaps, past), strict=True)
    ]
    return _with_sales(history, told)


def with_true_counts(history: SalesHistory, past: Sequence[TrueSale]) -> SalesHistory:
    """The same gaps with the true number of copies and the true sides; gaps in which nothing sold are left out."""
    gaps = [gap for gap in gaps_of(history.sales) if gap.by_rank]
    told = [
        replace(gap, expected_count=float(counts.total), used_probability=counts.used / counts.total)
        for gap, counts in zip(gaps, true_counts(gaps, past), strict=True)
        if counts.total > 0
    ]
    return _with_sales(history, told)


def true_history(past: Sequence[TrueSale]) -> SalesHistory:
    """All that truly sold, as if it had been inferred without a fault: the ceiling of any inference."""
    years = SEARCHED_DAYS / YEAR_DAYS
    return SalesHistory(
        sales=tuple(
            InferredSale(
                after=sale.minute,
                before=sale.minute,
                minute=sale.minute,
                expected_count=1.0,
                used_probability=1.0 if sale.is_used else 0.0,
                landed_cents=sale.landed_cents if sale.is_used else None,
                log_sd=0.02 if sale.is_used else None,
                by_rank=True,
            )
            for sale in past
        ),
        observed_days=float(SEARCHED_DAYS),
        used_a_year=sum(sale.is_used for sale in past) / years,
        all_a_year=len(past) / years,
    )


def _together(group: Sequence[InferredSale]) -> InferredSale:
    latest = max(group, key=lambda sale: sale.minute)
    count = sum(sale.expected_count for sale in group)
    used = sum(sale.expected_count * sale.used_probability for sale in group)
    return replace(latest, expected_count=count, used_probability=used / count)


def _with_sales(history: SalesHistory, told: Sequence[InferredSale]) -> SalesHistory:
    """The history with other sales, its yearly figures moved by what they add up to."""
    return SalesHistory(
        sales=tuple(told),
        observed_days=history.observed_days,
        used_a_year=_moved(history.used_a_year, _used_sum(told), _used_sum(history.sales)),
        all_a_year=_moved(history.all_a_year, _sum(told), _sum(history.sales)),
    )


def _moved(a_year: float | None, now: float, before: float) -> float | None:
    """Without any sale before there is nothing to move by."""
    return a_year * now / before if a_year is not None and before > 0 else a_year


def _sum(sales: Sequence[InferredSale]) -> float:
    return sum(sale.expected_count for sale in sales)


def _used_sum(sales: Sequence[InferredSale]) -> float:
    return sum(sale.expected_count * sale.used_probability for sale in sales)


def _rounded(count: float) -> int:
    return int(count + 0.5)
