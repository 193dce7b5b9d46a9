"""Goals and tables from rows made by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.judgement_goals import CEILINGS, REFERENCES, Goal, goals_of
from benchmarks.judgement_report import MEASURED_FROM, MEASURED_TO, in_words, with_measured, world_answer
from benchmarks.judgement_scores import Claim, EventCounts, Row, TrueOutcome


def a_row(number: int, *, claimed: int, true: float, matched: int = 8) -> Row:
    counts = {hours: EventCounts(matched=matched, claimed=9, true=10) for hours in (24, 72, 168)}
    return Row(
        seed=101,
        number=number,
        claim=Claim(
            used_a_year=4.0,
            sale_cents=2100,
            list_cents=2200,
            profit_cents=claimed,
            scale_cents=100,
            chance=0.9,
            trust=0.95,
        ),
        all_in_cents=1000,
        any_counts=counts,
        used_counts=counts,
        true_sales_a_year=8.0,
        true_used_a_year=5.0,
        true_sale_cents=2000.0,
        outcome=TrueOutcome(sold_share=0.9, profit_cents=true, standard_error=20.0, losing_share=0.1),
        trust_share=0.93,
    )


def rows_of_all(**ours: float) -> dict[str, list[Row]]:
    told = [a_row(number, claimed=400 + number, true=ours.get("true", 300.0)) for number in range(120)]
    poor = [a_row(number, claimed=900, true=-200.0, matched=3) for number in range(120)]
    return {"ours": told, **dict.fromkeys(CEILINGS, told), **dict.fromkeys(REFERENCES, poor)}


def verdicts(rows: dict[str, list[Row]], world: str = "A") -> dict[str, bool | None]:
    return {f"{goal.name} {goal.sense} {goal.note}".strip(): goal.holds for goal in goals_of(rows, world=world, z=1.0)}


def test_a_goal_compares_in_its_own_sense_and_not_without_figures() -> None:
    assert Goal("", 1.0, 1.0, "at least").holds is True
    assert Goal("", 1.0, 1.0, "at most").holds is True
    assert Goal("", 1.0, 1.0, "below").holds is False
    assert Goal("", 1.0, 1.0, "above").holds is False
    assert Goal("", None, 1.0, "above").holds is None
    assert Goal("", 1.0, None, "above").holds is None


def test_good_rows_reach_the_goals_but_for_the_spread_of_trust() -> None:
    missed = [name for name, holds in verdicts(rows_of_all()).items() if holds is not True]
    assert missed == ["trust, Brier score below the constant rate's", "trust, bands of 100 deals at least"]


def test_deals_that_lose_miss_the_goals_of_profit() -> None:
    missed = {name.split(" at ")[0] for name, holds in verdicts(rows_of_all(true=-300.0)).items() if holds is False}
    assert {"top tenth, mean true profit ($) above", 'false "profitable"'} <= missed


def test_the_second_world_is_held_to_relative_prices_and_looser_trust() -> None:
    a, b = goals_of(rows_of_all(), world="A", z=1.0), goals_of(rows_of_all(), world="B", z=1.0)
    assert len(a) == len(b) + 2
    assert [goal.bound for goal in b if goal.name.startswith("trust, worst")] == [10.0]


def test_the_goals_of_the_used_side_are_told_beside_what_the_true_side_reaches() -> None:
    sharper = [a_row(number, claimed=500, true=300.0, matched=9) for number in range(120)]
    notes = {goal.name: goal.note for goal in goals_of(rows_of_all() | {"true_side": sharper}, world="B", z=1.0)}
    assert notes["used sales, precision at 72 h"] == "(true side 1)"
    assert notes["titles within a factor 2.5"] == "(true side 1)"


def test_the_answer_is_json_and_reads_as_tables() -> None:
    world = world_answer(rows_of_all(), world="A", z=1.0, draws=5)
    speed = {"goal": 500, "products": 3, "ms_by_room": {"inferring sales": 1.0}}
    answer = {"worlds": {"A": world}, "products_per_second": 600.0, "speed": speed}
    again = json.loads(json.dumps(answer))
    told = in_words(again)
    assert again["worlds"]["A"]["ours"]["event_precision"] == pytest.approx(8 / 9)
    assert again["worlds"]["A"]["ours"]["false_profitable_share"] == 0.0
    assert again["worlds"]["A"]["shown"] == 120
    for line in ("### World A", "| trust, worst band (points)", "600 products judged a second"):
        assert line in told


def test_an_estimator_that_says_nothing_has_figures_of_nothing() -> None:
    silent = [replace(row, claim=Claim(), any_counts={}, used_counts={}, outcome=None) for row in rows_of_all()["ours"]]
    world = world_answer({**rows_of_all(), "mean_ask": silent}, world="A", z=1.0, draws=5)
    assert world["mean_ask"]["event_precision"] is None
    assert world["mean_ask"]["profits_known"] == 0


def test_the_tables_of_a_page_are_replaced_and_the_rest_stays() -> None:
    page = f"# Title\n{MEASURED_FROM}\nold\n{MEASURED_TO}\nend\n"
    assert with_measured(page, "new") == f"# Title\n{MEASURED_FROM}\nnew\n{MEASURED_TO}\nend\n"
    with pytest.raises(ValueError, match="no place for the figures"):
        with_measured("# Title\n", "new")


def test_further_moments_count_for_shares_and_not_for_comparisons() -> None:
    rows = rows_of_all()
    further = [a_row(number, claimed=5000, true=-300.0, matched=0) for number in range(1000, 1040)]
    alone = world_answer(rows, world="A", z=1.0, draws=5)["ours"]
    with_further = world_answer({**rows, "further": further}, world="A", z=1.0, draws=5)
    assert with_further["ours"]["false_profitable_share"] == pytest.approx(40 / 160)
    assert with_further["ours"]["event_precision"] == alone["event_precision"]
    assert with_further["ours"]["top_tenth_true_profit"] == alone["top_tenth_true_profit"]
    assert (with_further["moments"], with_further["further_moments"], with_further["shown"]) == (120, 40, 160)
