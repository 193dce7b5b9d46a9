"""How right the judgements are: deals judged in two simulated worlds, then played to the end and scored.

    python benchmarks/judgement.py [--seed 101] [--seeds K] [--world A|B] [--json] [--jobs 2] [--cache-dir DIR]

Every figure stands beside three simple references and beside our own estimator told the truth (its ceilings).
Eight seeds of each world play them all; without `--seeds` as many more, for ours alone, as it takes to show 100 deals
at the usual caution: those enter the shares of shown deals and the calibration, not what is compared.
Everything fitted comes from seeds 1 to 50 of world A; seeds from 101 on are for reports. Progress goes to stderr.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.judgement_claims import ABLATIONS, ESTIMATORS, charges_of
from benchmarks.judgement_goals import FURTHER, LEAST_SHOWN
from benchmarks.judgement_report import in_words, with_measured, world_answer
from benchmarks.judgement_runs import RunPlan, run_seed
from benchmarks.judgement_scores import Row
from benchmarks.moments import PRODUCTS, DealMoment, cached_moments
from keepa_deals.judgement.inferred_sales import SalesHistory, infer_sales
from keepa_deals.judgement.judge import FITTED, judge
from keepa_deals.judgement.sale_price import SalePrice, estimate_sale_price
from keepa_deals.judgement.selling import SellingPlan, plan_selling
from keepa_deals.records import CostSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "judgement.md"
WORLDS = ("A", "B")
FIRST_SEED = 101
FULL_SEEDS = 8
"""for every estimator; the further ones play ours alone"""
MOST_SEEDS = 56
GOAL_A_SECOND = 500


def main(argv: list[str]) -> int:
    asked = _arguments(argv)
    worlds = [asked.world] if asked.world else list(WORLDS)
    z = CostSettings().caution if asked.z is None else asked.z
    started = time.perf_counter()
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        rows = {world: _rows(world, asked=asked, pool=pool, z=z) for world in worlds}
        answers = pool.map(_answer, [(rows[world], world, z, asked.draws) for world in worlds])
        answer: dict[str, Any] = {"worlds": dict(zip(worlds, answers, strict=True))}
    speed = measure_speed(worlds[0], asked.seed, products=asked.products, cache=asked.cache_dir)
    answer |= {"products_per_second": speed["products_per_second"], "speed": speed}
    _say(f"{time.perf_counter() - started:.0f} s in all")
    print(json.dumps(answer) if asked.json else in_words(answer))
    if asked.write:
        PAGE.write_text(with_measured(PAGE.read_text(encoding="utf-8"), in_words(answer)), encoding="utf-8")
    return 0


def _arguments(argv: list[str]) -> argparse.Namespace:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=FIRST_SEED, help="the first seed (default 101)")
    options.add_argument("--seeds", type=int, help="how many (default: until 100 deals are shown)")
    options.add_argument("--world", choices=WORLDS, help="one world alone (default both)")
    options.add_argument("--json", action="store_true", help="print one JSON object")
    options.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    options.add_argument("--products", type=int, default=PRODUCTS, help="products in each seed's world")
    options.add_argument("--replicates", type=int, default=100, help="plays of each listing (default 100)")
    options.add_argument("--draws", type=int, default=200, help="resamplings behind each interval (default 200)")
    options.add_argument("--z", type=float, help="caution (default: the service's)")
    options.add_argument("--no-ablations", action="store_true", help="leave out ours with inputs taken away")
    options.add_argument("--write", action="store_true", help="put the tables into docs/judgement.md")
    options.add_argument("--cache-dir", type=Path, help="keep the worlds' moments here")
    return options.parse_args(argv)


def _rows(world: str, *, asked: argparse.Namespace, pool: ProcessPoolExecutor, z: float) -> dict[str, list[Row]]:
    """The rows of a world by estimator, its seeds played in rounds of one a process; those of ours alone as FURTHER."""
    rows: dict[str, list[Row]] = defaultdict(list)
    seed = asked.seed
    while not _is_enough(rows, played=seed - asked.seed, asked=asked, z=z):
        left = asked.seeds - (seed - asked.seed) if asked.seeds is not None else asked.jobs
        here = range(seed, seed + min(asked.jobs, left))
        started = time.perf_counter()
        for found in pool.map(run_seed, [_plan(world, one, asked=asked) for one in here]):
            for name, some in found.items():
                rows[name if len(found) > 1 else FURTHER] += some
        seed = here.stop
        ours, taken = rows["ours"] + rows[FURTHER], time.perf_counter() - started
        shown = _shown(rows, z)
        _say(f"world {world}, up to seed {seed - 1}: {len(ours)} moments, {shown} shown, {taken:.0f} s")
    return dict(rows)


def _is_enough(rows: dict[str, list[Row]], *, played: int, asked: argparse.Namespace, z: float) -> bool:
    if asked.seeds is not None:
        return bool(played >= asked.seeds)
    return played >= MOST_SEEDS or (played >= FULL_SEEDS and _shown(rows, z) >= LEAST_SHOWN)


def _shown(rows: Mapping[str, Sequence[Row]], z: float) -> int:
    return sum(1 for name in ("ours", FURTHER) for row in rows.get(name, ()) if row.is_shown(z))


def _plan(world: str, seed: int, *, asked: argparse.Namespace) -> RunPlan:
    return RunPlan(
        world=world,
        seed=seed,
        products=asked.products,
        replicates=asked.replicates,
        estimators=_estimators(seed - asked.seed, asked=asked),
        cache=asked.cache_dir,
        costs=CostSettings(),
    )


def _estimators(place: int, *, asked: argparse.Namespace) -> tuple[str, ...]:
    """Who takes part in the seed at this place."""
    if place >= FULL_SEEDS:
        return ("ours",)
    return tuple(ESTIMATORS) if asked.no_ablations else (*ESTIMATORS, *ABLATIONS)


def _answer(told: tuple[dict[str, list[Row]], str, float, int]) -> dict[str, Any]:
    rows, world, z, draws = told
    return world_answer(rows, world=world, z=z, draws=draws)


def measure_speed(world: str, seed: int, *, products: int, cache: Path | None) -> dict[str, Any]:
    """Products judged a second on this core, and what each room costs, over the moments of one seed.

    The median of several rounds over all of them, so that a busy neighbour counts little.
    """
    moments, _ = cached_moments(world, seed, products=products, cache=cache)
    costs = CostSettings()
    known = [_known(moment) for moment in moments]
    gc.collect()
    gc.freeze()  # the service holds one product at a time: hundreds of them here must not slow the collector
    sales = _round_ms(known, lambda one: infer_sales(one.moment.product, now=one.moment.now))
    price = _round_ms(known, lambda one: _price(one.moment, one.sales))
    plan = _round_ms(known, lambda one: _plan_sale(one, costs))
    whole = _round_ms(known, lambda one: judge(one.moment.product, costs=costs, now=one.moment.now))
    return {
        "products_per_second": round(1000 / whole, 1),
        "goal": GOAL_A_SECOND,
        "products": len(moments),
        "ms_by_room": {
            "inferring sales": sales,
            "sale price": price,
            "selling plan": plan,
            "money and explanation": round(max(0.0, whole - sales - price - plan), 3),
        },
    }


@dataclass(frozen=True, slots=True)
class Known:
    """A moment with what the rooms before have found, so that each can be timed alone."""

    moment: DealMoment
    sales: SalesHistory
    price: SalePrice


def _known(moment: DealMoment) -> Known:
    sales = infer_sales(moment.product, now=moment.now)
    return Known(moment, sales, _price(moment, sales))


def _price(moment: DealMoment, sales: SalesHistory) -> SalePrice:
    return estimate_sale_price(moment.product, moment.copy, sales=sales, now=moment.now, model=FITTED.price)


def _plan_sale(one: Known, costs: CostSettings) -> SellingPlan:
    left_of = charges_of(one.moment.product).net_of
    return plan_selling(
        one.price, sales=one.sales, left_of=left_of, costs=costs, now=one.moment.now, model=FITTED.selling
    )


def _round_ms(known: Sequence[Known], act: Callable[[Known], object], *, rounds: int = 5) -> float:
    """Milliseconds of processor time a product, median of the rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        for one in known:
            act(one)
        taken.append((time.process_time() - start) * 1000 / len(known))
    return round(statistics.median(taken), 3)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
