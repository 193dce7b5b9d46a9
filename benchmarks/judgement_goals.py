"""What must hold in every world, set beside what was measured and beside the ceiling where there is one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks import judgement_figures as figures
from benchmarks.judgement_scores import Row

Rows = Mapping[str, Sequence[Row]]
"""by estimator"""

REFERENCES = ("baseline", "baseline_average", "used_side", "mean_ask")
FURTHER = "further"
"""ours at moments that no other estimator was asked about: more deals behind shares, none to compare"""
CEILINGS = ("true_side", "true_number", "true_past")
FITTED_WORLD = "A"
LEAST_SHOWN = 100
LEAST_BANDS = 3


@dataclass(frozen=True, slots=True)
class Goal:
    """One line of the list: `holds` is None where it could not be measured."""

    name: str
    measured: float | None
    bound: float | None
    sense: Literal["at least", "at most", "below", "above"]
    note: str = ""
    is_aim: bool = False
    """beyond what must hold"""

    @property
    def holds(self) -> bool | None:
        if self.measured is None or self.bound is None:
            return None
        return {
            "at least": self.measured >= self.bound,
            "at most": self.measured <= self.bound,
            "below": self.measured < self.bound,
            "above": self.measured > self.bound,
        }[self.sense]


def goals_of(rows: Rows, *, world: str, z: float) -> list[Goal]:
    """Every goal for one world; the absolute ones on the sale price are meant for the world that was fitted."""
    return [
        *_event_goals(rows),
        *_price_goals(rows, is_fitted=world == FITTED_WORLD),
        *_profit_goals(rows),
        *_shown_goals(every_claim(rows), z=z),
        *_velocity_goals(rows),
        *_calibration_goals(every_claim(rows), most=5.0 if world == FITTED_WORLD else 10.0),
    ]


def every_claim(rows: Rows) -> list[Row]:
    """All of ours, the further ones too."""
    return [*rows["ours"], *rows.get(FURTHER, ())]


def _event_goals(rows: Rows) -> list[Goal]:
    ours, told = rows["ours"], rows["true_number"]
    any_ceiling, used_ceiling = figures.recall(told, "any"), figures.recall(told, "used")
    baseline = figures.f1(rows["baseline"], "used")
    any_recall, used_recall = figures.recall(ours, "any"), figures.recall(ours, "used")
    return [
        Goal("any sale, precision at 72 h", figures.precision(ours, "any"), 0.88, "at least"),
        Goal("any sale, recall at 72 h", any_recall, _times(0.7, any_ceiling), "at least", _of(0.7, any_ceiling)),
        Goal(
            "used sales, F1 at 72 h",
            figures.f1(ours, "used"),
            _times(1.6, baseline),
            "at least",
            _of(1.6, baseline, "baseline's"),
        ),
        Goal(
            "used sales, precision at 72 h",
            figures.precision(ours, "used"),
            0.75,
            "at least",
            _true_side(figures.precision(rows["true_side"], "used")),
        ),
        Goal(
            "used sales, recall at 72 h", used_recall, _times(0.65, used_ceiling), "at least", _of(0.65, used_ceiling)
        ),
        Goal(
            "any sale, recall", any_recall, _times(0.85, any_ceiling), "at least", _of(0.85, any_ceiling), is_aim=True
        ),
    ]


def _price_goals(rows: Rows, *, is_fitted: bool) -> list[Goal]:
    found = []
    for part, name, bound in ((0.5, "median", 0.14), (0.9, "90th percentile", 0.35)):
        ours = figures.quantile(figures.price_errors(rows["ours"]), part)
        ceiling = figures.quantile(figures.price_errors(rows["true_past"]), part)
        if is_fitted:
            found.append(Goal(f"sale price, {name} error", ours, bound, "at most", _beside(ceiling)))
        found.append(
            Goal(f"sale price, {name} error", ours, _times(1.25, ceiling), "at most", _of(1.25, ceiling, "true past's"))
        )
    return found


def _profit_goals(rows: Rows) -> list[Goal]:
    errors = {name: figures.quantile(figures.profit_errors(rows[name]), 0.9) for name in REFERENCES}
    tops = {name: figures.mean_true_profit(figures.top_tenth(rows[name])) for name in REFERENCES}
    best_error = min((one for one in errors.values() if one is not None), default=None)
    best_top = max((one for one in tops.values() if one is not None), default=None)
    ours = figures.quantile(figures.profit_errors(rows["ours"]), 0.9)
    top = figures.mean_true_profit(figures.top_tenth(rows["ours"]))
    note = _of(0.75, best_error, "best reference's")
    return [
        Goal("profit, 90th percentile error ($)", ours, _times(0.75, best_error), "at most", note),
        Goal("top tenth, mean true profit ($)", top, 0.0, "above"),
        Goal("top tenth against references ($)", top, _times(1.1, best_top), "at least", _of(1.1, best_top, "best's")),
    ]


def _shown_goals(ours: Sequence[Row], *, z: float) -> list[Goal]:
    false, kept = figures.false_profitable(ours, z), figures.kept_share(ours, z)
    shown = sum(1 for row in ours if row.is_shown(z))
    return [
        Goal(f'false "profitable" at z = {z:g}', false, 0.12, "at most"),
        Goal(f"truly profitable kept at z = {z:g}", kept, 0.25, "at least"),
        Goal("deals behind these shares", float(shown), float(LEAST_SHOWN), "at least"),
        Goal('false "profitable"', false, 0.08, "at most", is_aim=True),
        Goal("truly profitable kept", kept, 0.40, "at least", is_aim=True),
    ]


def _velocity_goals(rows: Rows) -> list[Goal]:
    found = figures.velocity(rows["ours"])
    bias, within = found["median_bias"], found["within_factor_share"]
    ceiling = _true_side(figures.velocity(rows["true_side"])["within_factor_share"])
    return [
        Goal("used sales a year, median bias", abs(bias) if bias is not None else None, 0.20, "at most", _beside(bias)),
        Goal("titles within a factor 2.5", within, 0.90, "at least", ceiling),
    ]


def _calibration_goals(ours: Sequence[Row], *, most: float) -> list[Goal]:
    pairs = figures.trust_pairs(ours)
    scores = figures.brier(pairs)
    return [
        Goal("trust, worst band (points)", figures.worst_points(pairs), most, "at most"),
        Goal("trust, Brier score", scores["claimed"], scores["constant"], "below", "the constant rate's"),
        Goal("trust, bands of 100 deals", float(figures.populated(pairs)), float(LEAST_BANDS), "at least"),
    ]


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _of(factor: float, value: float | None, whose: str = "ceiling") -> str:
    return f"{factor:g} × {whose} {value:.3g}" if value is not None else f"{whose} unknown"


def _true_side(value: float | None) -> str:
    return "" if value is None else f"(true side {value:.3g})"


def _beside(value: float | None) -> str:
    return "" if value is None else f"({value:+.3f})"
