"""Figures over many rows of one estimator: events, prices, profits, what is shown, calibration, and their intervals.

Pure. A figure of nothing is None. Errors are absolute; relative ones are parts of the truth; money is in dollars
where a name does not say cents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from benchmarks.judgement_scores import STATED_TOLERANCE, TOLERANCES_HOURS, EventCounts, Row

Side = Literal["any", "used"]
Figure = Callable[[Sequence[Row]], float | None]

SPEED_CLASSES = ((0.0, 3.0), (3.0, 8.0), (8.0, 20.0), (20.0, 50.0), (50.0, math.inf))
"""true sales a year, used and new, from and below"""
TOP_SHARE = 0.1
BAND_POINTS = 10
LEAST_IN_BAND = 100
WIDE_FACTOR = 2.5
CURVE = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
HIGH_PROFIT_CENTS = 500
HIGH_ROI_PERCENT = 30.0


def counts_of(row: Row, side: Side, hours: int) -> EventCounts | None:
    """A row's events of one side at one tolerance; None where the estimator names none."""
    return (row.any_counts if side == "any" else row.used_counts).get(hours)


def precision(rows: Sequence[Row], side: Side, *, hours: int = STATED_TOLERANCE) -> float | None:
    """Matched events by claimed ones, all rows together."""
    counts = [found for row in rows if (found := counts_of(row, side, hours)) is not None]
    return _share(sum(one.matched for one in counts), sum(one.claimed for one in counts))


def recall(rows: Sequence[Row], side: Side, *, hours: int = STATED_TOLERANCE) -> float | None:
    """Matched events by true ones, all rows together."""
    counts = [found for row in rows if (found := counts_of(row, side, hours)) is not None]
    return _share(sum(one.matched for one in counts), sum(one.true for one in counts))


def f1(rows: Sequence[Row], side: Side, *, hours: int = STATED_TOLERANCE) -> float | None:
    """The harmonic mean of precision and recall."""
    counts = [found for row in rows if (found := counts_of(row, side, hours)) is not None]
    return _share(2 * sum(one.matched for one in counts), sum(one.claimed + one.true for one in counts))


def used_curve(rows: Sequence[Row]) -> list[dict[str, float | None]]:
    """Precision and recall of used sales by the chance from which a used copy is counted."""
    points: list[dict[str, float | None]] = []
    for chance in sorted({one for row in rows for one in row.used_from_counts}):
        counts = [row.used_from_counts[chance] for row in rows if chance in row.used_from_counts]
        hits, claimed, true = (
            sum(one.matched for one in counts),
            sum(one.claimed for one in counts),
            sum(one.true for one in counts),
        )
        points.append(
            {
                "least_chance": chance,
                "precision": _share(hits, claimed),
                "recall": _share(hits, true),
                "f1": _share(2 * hits, claimed + true),
            }
        )
    return points


def macro(rows: Sequence[Row], side: Side, *, hours: int = STATED_TOLERANCE) -> dict[str, float | None]:
    """Means over titles: precision over those with a claimed event, recall over those with a true one."""
    counts = [found for row in rows if (found := counts_of(row, side, hours)) is not None]
    return {
        "precision": _mean([one.matched / one.claimed for one in counts if one.claimed > 0]),
        "recall": _mean([one.matched / one.true for one in counts if one.true > 0]),
    }


def event_table(rows: Sequence[Row], side: Side) -> dict[str, object]:
    """Precision and recall by tolerance, per title, and by speed class at the stated tolerance."""
    by_speed = {}
    for low, high in SPEED_CLASSES:
        some = [row for row in rows if low <= row.true_sales_a_year < high]
        by_speed[speed_name(low, high)] = {
            "titles": len(some),
            "precision": precision(some, side),
            "recall": recall(some, side),
        }
    return {
        "by_tolerance_hours": {
            str(hours): {
                "precision": precision(rows, side, hours=hours),
                "recall": recall(rows, side, hours=hours),
                "f1": f1(rows, side, hours=hours),
            }
            for hours in TOLERANCES_HOURS
        },
        "per_title": macro(rows, side),
        "by_speed": by_speed,
    }


def speed_name(low: float, high: float) -> str:
    """A speed class in words."""
    if low == 0:
        return f"under {high:.0f} a year"
    return f"over {low:.0f} a year" if math.isinf(high) else f"{low:.0f} to {high:.0f} a year"


def price_errors(rows: Sequence[Row]) -> list[float]:
    """How far the claimed sale price lies from what copies truly sell for, as a part of the truth."""
    return [
        abs(row.claim.sale_cents / row.true_sale_cents - 1)
        for row in rows
        if row.claim.sale_cents is not None and row.true_sale_cents is not None and row.true_sale_cents > 0
    ]


def price_bias(rows: Sequence[Row]) -> float | None:
    """The median of claimed by true sale price, less one."""
    ratios = [
        row.claim.sale_cents / row.true_sale_cents - 1
        for row in rows
        if row.claim.sale_cents is not None and row.true_sale_cents is not None and row.true_sale_cents > 0
    ]
    return quantile(ratios, 0.5)


def profit_errors(rows: Sequence[Row]) -> list[float]:
    """Dollars between the claimed expected profit and the true one at the same list price."""
    return [
        abs(row.claim.profit_cents - row.outcome.profit_cents) / 100
        for row in rows
        if row.claim.profit_cents is not None and row.outcome is not None
    ]


def truth_noise(rows: Sequence[Row]) -> float | None:
    """The median standard error of the true profits, in dollars: no error below it can be seen."""
    return quantile([row.outcome.standard_error / 100 for row in rows if row.outcome is not None], 0.5)


def top_tenth(rows: Sequence[Row]) -> list[Row]:
    """A tenth of all moments: those with the highest claimed profit, whether shown or not."""
    known = [row for row in rows if row.claim.profit_cents is not None and row.outcome is not None]
    known.sort(key=lambda row: (-(row.claim.profit_cents or 0), row.seed, row.number))
    return known[: math.ceil(len(rows) * TOP_SHARE)]


def mean_true_profit(rows: Sequence[Row]) -> float | None:
    """Dollars."""
    return _mean([row.outcome.profit_cents / 100 for row in rows if row.outcome is not None])


def false_share(rows: Sequence[Row]) -> float | None:
    """The part of rows whose true profit is clearly not above zero, among those that are clear."""
    clear = [row for row in rows if row.is_clear]
    return _share(sum(1 for row in clear if not row.truly_profits), len(clear))


def false_profitable(rows: Sequence[Row], z: float) -> float | None:
    """Of the deals shown at `z` whose truth is clear, the part that truly loses."""
    return false_share([row for row in rows if row.is_shown(z)])


def kept_share(rows: Sequence[Row], z: float) -> float | None:
    """Of the deals that truly profit at the claim's own list price, the part that is shown at `z`."""
    good = [row for row in rows if row.truly_profits]
    return _share(sum(1 for row in good if row.is_shown(z)), len(good))


def curve(rows: Sequence[Row], *, at: Sequence[float] = CURVE) -> list[dict[str, float | int | None]]:
    """Everything that is shown, false and kept at each caution z; unclear ones are counted apart."""
    points: list[dict[str, float | int | None]] = []
    for z in at:
        shown = [row for row in rows if row.is_shown(z)]
        points.append(
            {
                "z": z,
                "shown": len(shown),
                "unclear": sum(1 for row in shown if not row.is_clear),
                "false_share": false_share(shown),
                "kept_share": kept_share(rows, z),
                "mean_true_profit": mean_true_profit(shown),
            }
        )
    return points


def high_claims(rows: Sequence[Row], z: float) -> dict[str, object]:
    """What is shown with more than $5 or more than 30 % on the money, and single resales that lose."""
    shown = [row for row in rows if row.is_shown(z) and row.claim.profit_cents is not None and row.outcome is not None]
    above = [row for row in shown if (row.claim.profit_cents or 0) > HIGH_PROFIT_CENTS]
    roi = [row for row in shown if 100 * (row.claim.profit_cents or 0) > HIGH_ROI_PERCENT * row.all_in_cents]
    return {
        "over_5_dollars": {"shown": len(above), "false_share": false_share(above)},
        "roi_over_30_percent": {"shown": len(roi), "false_share": false_share(roi)},
        "single_resales_that_lose": _mean([row.outcome.losing_share for row in shown if row.outcome is not None]),
    }


def velocity(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """Claimed by true used sales a year over titles with at least one true used sale in the two years."""
    logs = [
        math.log(max(row.claim.used_a_year, 0.01) / row.true_used_a_year)
        for row in rows
        if row.claim.used_a_year is not None and row.true_used_a_year > 0
    ]
    middle, far = quantile(logs, 0.5), quantile([abs(one) for one in logs], 0.9)
    return {
        "titles": len(logs),
        "median_bias": math.exp(middle) - 1 if middle is not None else None,
        "factor_of_90_percent": math.exp(far) if far is not None else None,
        "within_factor_share": _share(sum(1 for one in logs if abs(one) <= math.log(WIDE_FACTOR)), len(logs)),
    }


def chance_pairs(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Claimed chance to sell at the list price, and the true share."""
    return [
        (row.claim.chance, row.outcome.sold_share)
        for row in rows
        if row.claim.chance is not None and row.outcome is not None
    ]


def trust_pairs(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """Claimed trust and the true share at the price it speaks of."""
    return [
        (row.claim.trust, row.trust_share)
        for row in rows
        if row.claim.trust is not None and row.trust_share is not None
    ]


def bands(pairs: Sequence[tuple[float, float]]) -> list[dict[str, float | int]]:
    """Bands of ten points of the claim: how many deals, the mean claim and the mean truth; empty ones left out."""
    found = []
    for low in range(0, 100, BAND_POINTS):
        high = low + BAND_POINTS
        some = [pair for pair in pairs if low <= 100 * pair[0] < high or (high == 100 and pair[0] >= 1)]
        if some:
            claimed, true = _mean([one for one, _ in some]), _mean([one for _, one in some])
            found.append({"from": low, "deals": len(some), "claimed": claimed or 0.0, "true": true or 0.0})
    return found


def worst_points(pairs: Sequence[tuple[float, float]], *, least: int = LEAST_IN_BAND) -> float | None:
    """The largest distance of claim and truth in points, over bands of at least so many deals."""
    gaps = [100 * abs(band["claimed"] - band["true"]) for band in bands(pairs) if band["deals"] >= least]
    return max(gaps, default=None)


def populated(pairs: Sequence[tuple[float, float]], *, least: int = LEAST_IN_BAND) -> int:
    """How many bands hold at least so many deals."""
    return sum(1 for band in bands(pairs) if band["deals"] >= least)


def brier(pairs: Sequence[tuple[float, float]]) -> dict[str, float | None]:
    """Brier scores over replicates, of the claims and of one constant rate: lower is better."""
    rate = _mean([true for _, true in pairs])
    if rate is None:
        return {"claimed": None, "constant": None}
    claimed = _mean([(claim - true) ** 2 + true * (1 - true) for claim, true in pairs])
    return {"claimed": claimed, "constant": rate * (1 - rate)}


def interval(rows: Sequence[Row], figure: Figure, *, draws: int, seed: int) -> tuple[float, float] | None:
    """The middle 95 % of a figure over `draws` resamplings of whole moments; None where it is mostly unknown."""
    if not rows or draws <= 0:
        return None
    random = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        value = figure([rows[place] for place in random.integers(0, len(rows), len(rows)).tolist()])
        if value is not None:
            found.append(value)
    low, high = quantile(found, 0.025), quantile(found, 0.975)
    return (low, high) if low is not None and high is not None and 2 * len(found) > draws else None


def quantile(values: Sequence[float], part: float) -> float | None:
    """By linear interpolation; None of nothing."""
    return float(np.quantile(values, part)) if len(values) > 0 else None


def main_figures(z: float) -> dict[str, Figure]:
    """The figures that the JSON answer names, with `z` the caution at which deals are shown."""
    return {
        "event_precision": lambda rows: precision(rows, "any"),
        "event_recall": lambda rows: recall(rows, "any"),
        "used_f1": lambda rows: f1(rows, "used"),
        "price_error_median": lambda rows: quantile(price_errors(rows), 0.5),
        "price_error_p90": lambda rows: quantile(price_errors(rows), 0.9),
        "profit_error_p90": lambda rows: quantile(profit_errors(rows), 0.9),
        "top_tenth_true_profit": lambda rows: mean_true_profit(top_tenth(rows)),
        "false_profitable_share": lambda rows: false_profitable(rows, z),
        "profitable_kept_share": lambda rows: kept_share(rows, z),
        "calibration_worst_points": lambda rows: worst_points(trust_pairs(rows)),
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
