"""The benchmark's answer: one JSON object, and the same in tables that a person reads. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import judgement_figures as figures
from benchmarks.judgement_goals import CEILINGS, FURTHER, REFERENCES, Goal, Rows, every_claim, goals_of
from benchmarks.judgement_scores import Row

FIGURES_IN_WORDS = {
    "event_precision": "any sale, precision",
    "event_recall": "any sale, recall",
    "used_precision": "used sales, precision",
    "used_recall": "used sales, recall",
    "used_f1": "used sales, F1",
    "price_error_median": "sale price error, median",
    "price_error_p90": "sale price error, p90",
    "price_bias": "sale price bias, median",
    "profit_error_median": "profit error, median ($)",
    "profit_error_p90": "profit error, p90 ($)",
    "top_tenth_true_profit": "top tenth, true profit ($)",
    "top_tenth_false_share": "top tenth, false",
    "false_at_zero": "false “profitable”, z = 0",
    "kept_at_zero": "kept, z = 0",
    "false_profitable_share": "false “profitable”",
    "profitable_kept_share": "kept",
    "velocity_bias": "used sales a year, bias",
    "velocity_within_share": "within a factor 2.5",
    "calibration_worst_points": "trust, worst band (points)",
}
COLUMNS = {
    "ours": "ours",
    "baseline": "baseline",
    "baseline_average": "its average",
    "used_side": "used side",
    "mean_ask": "mean ask",
    "true_side": "true side",
    "true_number": "true number",
    "true_past": "true past",
    "without_counts": "no counts",
    "without_grades": "no grades",
    "without_today": "no today",
}
OF_EVERY_CLAIM = (
    "false_profitable_share",
    "profitable_kept_share",
    "false_at_zero",
    "kept_at_zero",
    "calibration_worst_points",
)
"""ours over the further moments too; everything else is compared and stays with those that all were asked about"""
MEASURED_FROM, MEASURED_TO = "<!-- measured -->", "<!-- end of measured -->"
ABLATIONS = ("without_counts", "without_grades", "without_today")


def world_answer(rows: Rows, *, world: str, z: float, draws: int) -> dict[str, Any]:
    """Everything measured in one world."""
    ours, every = rows["ours"], every_claim(rows)
    sides = {name: flat_figures(some, z=z) for name, some in rows.items() if name != FURTHER}
    for name in ("ours", *REFERENCES):
        sides[name]["intervals"] = intervals(rows[name], z=z, draws=draws)
    of_every, around = flat_figures(every, z=z), intervals(every, z=z, draws=draws)
    sides["ours"] |= {name: of_every[name] for name in OF_EVERY_CLAIM}
    sides["ours"]["intervals"] |= {name: around[name] for name in OF_EVERY_CLAIM if name in around}
    sides["ours"] |= {
        "events": {side: figures.event_table(ours, side) for side in ("any", "used")},
        "used_curve": figures.used_curve(ours),
        "curve": figures.curve(every),
        "high_claims": figures.high_claims(every, z),
        "velocity": figures.velocity(ours),
        "trust": calibration(figures.trust_pairs(every)),
        "chance": calibration(figures.chance_pairs(every)),
    }
    goals = goals_of(rows, world=world, z=z)
    return {
        **{name: sides[name] for name in ("ours", *REFERENCES)},
        "ceilings": {name: sides[name] for name in CEILINGS},
        "ablations": {name: sides[name] for name in ABLATIONS if name in sides},
        "goals": [goal_answer(goal) for goal in goals],
        "moments": len(ours),
        "seeds": sorted({row.seed for row in ours}),
        "further_moments": len(every) - len(ours),
        "further_seeds": sorted({row.seed for row in every} - {row.seed for row in ours}),
        "shown": sum(1 for row in every if row.is_shown(z)),
        "z": z,
        "truth_noise": figures.truth_noise(ours),
    }


def flat_figures(rows: Sequence[Row], *, z: float) -> dict[str, Any]:
    """The figures by name, and how many moments the estimator had a sale price and a profit for."""
    top, speed = figures.top_tenth(rows), figures.velocity(rows)
    return {
        **{name: figure(rows) for name, figure in figures.main_figures(z).items()},
        "used_precision": figures.precision(rows, "used"),
        "used_recall": figures.recall(rows, "used"),
        "price_bias": figures.price_bias(rows),
        "profit_error_median": figures.quantile(figures.profit_errors(rows), 0.5),
        "top_tenth_false_share": figures.false_share(top),
        "false_at_zero": figures.false_profitable(rows, 0),
        "kept_at_zero": figures.kept_share(rows, 0),
        "velocity_bias": speed["median_bias"],
        "velocity_within_share": speed["within_factor_share"],
        "prices_known": len(figures.price_errors(rows)),
        "profits_known": len(figures.profit_errors(rows)),
    }


def intervals(rows: Sequence[Row], *, z: float, draws: int) -> dict[str, list[float] | None]:
    """The middle 95 % of the main figures, whole moments resampled."""
    found: dict[str, list[float] | None] = {}
    for name, figure in figures.main_figures(z).items():
        around = figures.interval(rows, figure, draws=draws, seed=1)
        found[name] = list(around) if around is not None else None
    return found


def calibration(pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Bands, the worst of them, and Brier scores."""
    return {
        "bands": figures.bands(pairs),
        "worst_points": figures.worst_points(pairs),
        "populated": figures.populated(pairs),
        "brier": figures.brier(pairs),
    }


def goal_answer(goal: Goal) -> dict[str, Any]:
    """A goal as JSON."""
    return {
        "name": goal.name,
        "measured": goal.measured,
        "sense": goal.sense,
        "bound": goal.bound,
        "note": goal.note,
        "holds": goal.holds,
        "is_aim": goal.is_aim,
    }


def in_words(answer: Mapping[str, Any]) -> str:
    """The whole answer as text."""
    parts = [_world_in_words(name, world) for name, world in answer["worlds"].items()]
    return "\n\n".join([*parts, _speed_in_words(answer)])


def _world_in_words(name: str, world: Mapping[str, Any]) -> str:
    seeds, ours = world["seeds"], world["ours"]
    sides = {**{side: world[side] for side in ("ours", *REFERENCES)}, **world["ceilings"]}
    head = (
        f"{world['moments']} deal moments of seeds {seeds[0]} to {seeds[-1]}, and {world['further_moments']} of "
        f"{len(world['further_seeds'])} further seeds for ours alone (shares of shown deals, trust and chance); "
        f"{world['shown']} shown at z = {world['z']:g}. "
        f"The true profit of one moment is known to ± ${_number(world['truth_noise'])} (median)."
    )
    parts = {
        f"### World {name}": head,
        "#### Goals": _goals_table(world["goals"]),
        "#### Ours (with 95 % intervals), the references, and ours told the truth": _figures_table(sides),
        "#### Caution": f"{_curve_table(ours['curve'])}\n\n{_high_claims(ours['high_claims'])}",
        "#### Trust: sold in time at 90 % of the sale price": _bands_table(ours["trust"]),
        "#### Chance: sold in time at the recommended list price": _bands_table(ours["chance"]),
        "#### Events": f"{_events_table(ours['events'])}\n\n{_used_curve_table(ours['used_curve'])}",
    }
    if world["ablations"]:
        parts["#### Ours with inputs taken away"] = _figures_table({"ours": ours, **world["ablations"]})
    return "\n\n".join(f"{title}\n\n{text}" for title, text in parts.items())


def _figures_table(sides: Mapping[str, Mapping[str, Any]]) -> str:
    head = ["", *(COLUMNS[side] for side in sides)]
    around = sides["ours"].get("intervals", {})
    lines = []
    for figure, words in FIGURES_IN_WORDS.items():
        cells = [_number(side[figure]) for side in sides.values()]
        if around.get(figure) is not None:
            low, high = around[figure]
            cells[0] += f" ({_number(low)} to {_number(high)})"
        lines.append([words, *cells])
    lines.append(["moments with a profit", *(str(side["profits_known"]) for side in sides.values())])
    return _table(head, lines)


def _goals_table(goals: Sequence[Mapping[str, Any]]) -> str:
    says = {True: "holds", False: "MISSED", None: "not measured"}
    lines = [
        [
            ("aim: " if goal["is_aim"] else "") + goal["name"],
            _number(goal["measured"]),
            f"{goal['sense']} {_number(goal['bound'])}",
            goal["note"],
            says[goal["holds"]],
        ]
        for goal in goals
    ]
    return _table(["goal", "measured", "bound", "from", ""], lines)


def _curve_table(points: Sequence[Mapping[str, Any]]) -> str:
    names = ("z", "shown", "unclear", "false_share", "kept_share", "mean_true_profit")
    head = ["z", "shown", "unclear", "false", "kept", "true profit ($)"]
    return _table(head, [[_number(point[name]) for name in names] for point in points])


def _bands_table(told: Mapping[str, Any]) -> str:
    lines = [
        [
            f"{band['from']} to {band['from'] + 10} %",
            str(band["deals"]),
            _number(band["claimed"]),
            _number(band["true"]),
        ]
        for band in told["bands"]
    ]
    scores = told["brier"]
    foot = f"Brier score {_number(scores['claimed'])}, constant rate {_number(scores['constant'])}"
    return _table(["claimed", "deals", "mean claim", "truly sold"], lines) + f"\n\n{foot}."


def _events_table(events: Mapping[str, Any]) -> str:
    lines = []
    for side, told in events.items():
        for hours, found in told["by_tolerance_hours"].items():
            lines.append([f"{side}, within {hours} h", "", _number(found["precision"]), _number(found["recall"])])
        lines.append([f"{side}, 72 h, mean of titles", "", *(_number(one) for one in told["per_title"].values())])
        for speed, found in told["by_speed"].items():
            titles = str(found["titles"])
            lines.append([f"{side}, 72 h, {speed}", titles, _number(found["precision"]), _number(found["recall"])])
    return _table(["events", "titles", "precision", "recall"], lines)


def _used_curve_table(points: Sequence[Mapping[str, Any]]) -> str:
    names = ("least_chance", "precision", "recall", "f1")
    head = ["used copy counted from", "precision", "recall", "F1"]
    return _table(head, [[_number(point[name]) for name in names] for point in points])


def _high_claims(told: Mapping[str, Any]) -> str:
    high, roi = told["over_5_dollars"], told["roi_over_30_percent"]
    return (
        f"Shown with more than $5: {high['shown']}, false {_number(high['false_share'])}. "
        f"Shown with more than 30 % on the money: {roi['shown']}, false {_number(roi['false_share'])}. "
        f"Single resales of shown deals that lose: {_number(told['single_resales_that_lose'])}."
    )


def _speed_in_words(answer: Mapping[str, Any]) -> str:
    speed = answer["speed"]
    rooms = ", ".join(f"{room} {cost:.2f} ms" for room, cost in speed["ms_by_room"].items())
    return (
        f"### Speed\n\n{answer['products_per_second']:.0f} products judged a second on a core (goal {speed['goal']}), "
        f"over {speed['products']} products with two years of history; each takes {rooms}."
    )


def with_measured(page: str, told: str) -> str:
    """The page with the text between its two marks replaced. Raises ValueError where a mark is missing."""
    before, start, rest = page.partition(MEASURED_FROM)
    _, end, after = rest.partition(MEASURED_TO)
    if not start or not end:
        raise ValueError(f"no place for the figures: the page needs {MEASURED_FROM} and {MEASURED_TO}")
    return f"{before}{start}\n{told}\n{end}{after}"


def _number(value: float | int | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.0f}" if math.isclose(value, round(value)) and abs(value) >= 10 else f"{value:.3g}"


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    every = [list(head), *(list(line) for line in lines)]
    widths = [max(len(line[place]) for line in every) for place in range(len(head))]
    fit: Callable[[Sequence[str]], str] = lambda line: (  # noqa: E731
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
    )
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([fit(head), rule, *(fit(line) for line in lines)])
