"""A small run of the whole benchmark, from a world to its JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.judgement_claims import ours
from benchmarks.moments import DealMoment, cached_moments
from keepa_deals.judgement.judge import judge
from keepa_deals.records import CostSettings

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTS = 120
SIDES = ("ours", "baseline", "used_side", "mean_ask")
NAMES = (
    "event_precision",
    "event_recall",
    "used_f1",
    "price_error_median",
    "price_error_p90",
    "profit_error_p90",
    "top_tenth_true_profit",
    "false_profitable_share",
    "profitable_kept_share",
    "calibration_worst_points",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("moments")


@pytest.fixture(scope="module")
def moments(cache: Path) -> list[DealMoment]:
    """Those of a small world, kept for the run."""
    found, _ = cached_moments("A", 51, products=PRODUCTS, cache=cache)
    return found


def test_the_claim_that_is_scored_is_the_judgement_that_the_service_makes(moments: list[DealMoment]) -> None:
    assert moments
    for moment in moments:
        claim, made = ours(moment, CostSettings()), judge(moment.product, costs=CostSettings(), now=moment.now)
        assert (claim.list_cents, claim.profit_cents) == (made.list_cents, made.profit_cents)
        assert (claim.sale_cents, claim.scale_cents) == (made.sale_price_cents, made.error_scale_cents)
        assert made.price_now_cents == moment.copy.landed_cents


@pytest.mark.slow
def test_a_quick_run_prints_one_json_object_with_every_side(moments: list[DealMoment], cache: Path) -> None:
    few = ["--products", str(PRODUCTS), "--replicates", "4", "--draws", "5", "--jobs", "1", "--no-ablations"]
    done = subprocess.run(
        [
            sys.executable,
            "benchmarks/judgement.py",
            "--seed",
            "51",
            "--seeds",
            "1",
            "--world",
            "A",
            "--json",
            *few,
            "--cache-dir",
            str(cache),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    world = answer["worlds"]["A"]
    assert answer["products_per_second"] > 0
    assert list(answer["worlds"]) == ["A"]
    assert set(NAMES) <= set.intersection(*(set(world[side]) for side in SIDES))
    assert set(world["ceilings"]) == {"true_side", "true_number", "true_past"}
    assert world["moments"] == len(moments)
    assert world["mean_ask"]["event_precision"] is None
    assert world["ceilings"]["true_past"]["event_recall"] == 1.0
