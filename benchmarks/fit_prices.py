"""Fit the numbers of prices and selling and write `keepa_deals/judgement/fitted_prices.py`.

Everything is fitted on seeds 1 to 50 of world A, at deal moments, with the sales that are inferred from the same
histories. The sell curve learns from plays of our copy at several list prices; errors and trust from plays of what
is recommended, out of fold: the seeds of a fifth are judged by what the other four fifths taught. Seeds 51 to 60 are
for looking.

Usage: python benchmarks/fit_prices.py [--seeds 1-50] [--check 51-60] [--cache-dir DIR] [--jobs 2] [--dry-run]
"""

from __future__ import annotations

import argparse
import hashlib
import pickle
import pprint
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.moments import DealMoment, Played, Playground, cached_moments
from benchmarks.plan_fitting import Ventured, fit_errors, fit_trust, look, ventures
from benchmarks.price_fitting import START_PRICES, Case, fit_price_model
from benchmarks.selling_fitting import START_SELLING, Fates, fit_curve, shares_of
from keepa_deals.judgement.fitted_prices import FITTED_PRICES, FITTED_SELLING
from keepa_deals.judgement.inferred_sales import SalesHistory, infer_sales
from keepa_deals.judgement.price_model import PriceModel, SellingModel, Term
from keepa_deals.judgement.sale_price import estimate_sale_price
from keepa_deals.records import Condition

TARGET = Path(__file__).resolve().parent.parent / "keepa_deals" / "judgement" / "fitted_prices.py"
WORLD = "A"
RATIOS = (0.5, 0.7, 0.9, 1.15, 1.5, 2.0)
"""list prices of the plays that teach the curve, as parts of a rough guess"""
TEACHING_REPLICATES = 24
SCORING_REPLICATES = 60
FOLDS = 5
NOTHING_SOLD = SalesHistory(sales=(), observed_days=0.0, used_a_year=None, all_a_year=None)

Ask = tuple[int, int]
"""(number of a moment, list price in cents)"""


def main(argv: list[str]) -> int:
    asked = _options().parse_args(argv)
    with ProcessPoolExecutor(max_workers=asked.jobs) as pool:
        if not asked.look:
            taught = list(pool.map(partial(_lesson, cache=asked.cache_dir), _span(asked.seeds)))
            prices, selling, figures = fit(taught, play=partial(_play_all, pool, asked.cache_dir))
            if not asked.dry_run:
                TARGET.write_text(written(prices, selling, seeds=asked.seeds, figures=figures))
        else:
            prices, selling = FITTED_PRICES, FITTED_SELLING
        checked = list(pool.map(partial(_lesson, cache=asked.cache_dir, teaches=False), _span(asked.check)))
        cases = [case for cases, _ in checked for case in cases]
        ventured = ventures(cases, prices=prices, selling=selling, play=partial(_play_all, pool, asked.cache_dir))
        print(f"seeds {asked.check}, not fitted on:\n{look(ventured)}")
    return 0


def fit(
    taught: Sequence[tuple[list[Case], list[Fates]]], *, play: Callable[..., dict[tuple[int, Ask], Played]]
) -> tuple[PriceModel, SellingModel, str]:
    """Both models and the figures of the folds."""
    cases = [case for cases, _ in taught for case in cases]
    plays = [fate for _, fates in taught for fate in fates]
    prices = fit_price_model(cases, start=START_PRICES)
    selling = fit_curve(plays, prices=prices, start=START_SELLING)
    ventured: list[Ventured] = []
    for fold in range(FOLDS):
        out = [case for case in cases if case.moment.seed % FOLDS == fold]
        fold_prices = fit_price_model([case for case in cases if case.moment.seed % FOLDS != fold], start=START_PRICES)
        others = [fate for fate in plays if fate.case.moment.seed % FOLDS != fold]
        fold_selling = fit_curve(others, prices=fold_prices, start=START_SELLING)
        ventured += ventures(out, prices=fold_prices, selling=fold_selling, play=play)
        print(f"fold {fold + 1} of {FOLDS}: {len(out)} deals judged by {len(others)} plays", file=sys.stderr)
    selling = fit_trust(ventured, model=fit_errors(ventured, model=selling))
    figures = look([one.under(selling) for one in ventured])
    print(f"out of fold:\n{figures}")
    return prices, selling, figures


def _lesson(seed: int, *, cache: Path | None, teaches: bool = True) -> tuple[list[Case], list[Fates]]:
    """The cases of a seed and what became of their copies at several prices."""
    moments, ground = cached_moments(WORLD, seed, cache=cache)
    cases = [Case(moment=moment, sales=infer_sales(moment.product, now=moment.now)) for moment in moments]
    if not teaches:
        return cases, []
    asks = [(case.moment.number, round(_rough_guess(case.moment) * ratio)) for case in cases for ratio in RATIOS]
    played = _play(moments, ground, asks, replicates=TEACHING_REPLICATES, cache=cache)
    by_number = {case.moment.number: case for case in cases}
    return cases, [
        Fates(by_number[ask[0]], ask[1], shares_of(one.sold_days)) for ask, one in zip(asks, played, strict=True)
    ]


def _rough_guess(moment: DealMoment) -> int:
    """By today's asks alone, so that the plays do not change with what is learned."""
    guess = estimate_sale_price(
        moment.product, moment.copy, sales=NOTHING_SOLD, now=moment.now, model=START_PRICES
    ).cents
    return guess if guess is not None else (moment.copy.landed_cents or 1) * 2


def _play_all(
    pool: ProcessPoolExecutor, cache: Path | None, asks: Iterable[tuple[int, Ask]]
) -> dict[tuple[int, Ask], Played]:
    """What became of each (seed, ask), seeds in parallel."""
    by_seed: dict[int, list[Ask]] = {}
    for seed, ask in asks:
        by_seed.setdefault(seed, []).append(ask)
    found = pool.map(partial(_play_seed, cache=cache), by_seed, by_seed.values())
    return {
        (seed, ask): one
        for (seed, ask_list), played in zip(by_seed.items(), found, strict=True)
        for ask, one in zip(ask_list, played, strict=True)
    }


def _play_seed(seed: int, asks: Sequence[Ask], *, cache: Path | None) -> list[Played]:
    moments, ground = cached_moments(WORLD, seed, cache=cache)
    return _play(moments, ground, asks, replicates=SCORING_REPLICATES, cache=cache)


def _play(
    moments: Sequence[DealMoment], ground: Playground, asks: Sequence[Ask], *, replicates: int, cache: Path | None
) -> list[Played]:
    """Played, or read back from `cache` where the very same was played before."""
    told = hashlib.sha256(pickle.dumps((ground.stage, asks, replicates))).hexdigest()[:24]
    path = cache / f"plays-{moments[0].seed}-{told}.pickle" if cache is not None and moments else None
    if path is not None and path.exists():
        kept: list[Played] = pickle.loads(path.read_bytes())
        return kept
    by_number = {moment.number: moment for moment in moments}
    played = ground.play(
        [by_number[number] for number, _ in asks], [cents for _, cents in asks], replicates=replicates, seed=replicates
    )
    if path is not None:
        path.write_bytes(pickle.dumps(played))
    return played


def written(prices: PriceModel, selling: SellingModel, *, seeds: str, figures: str) -> str:
    """The text of the fitted module."""
    measured = "\n".join(line.rstrip() for line in figures.splitlines())
    return f'''"""Numbers of prices and selling: written by `python benchmarks/fit_prices.py`, not by hand.

Fitted on seeds {seeds} of world {WORLD}. There, judged out of fold:
{measured}
"""

from __future__ import annotations

from keepa_deals.judgement.price_model import PriceModel, SellingModel, Term
from keepa_deals.records import Condition

FITTED_PRICES = {_record(prices)}

FITTED_SELLING = {_record(selling)}
'''


def _record(value: Any, indent: int = 0) -> str:
    """A record as Python source, one field a line."""
    pad = " " * 4 * (indent + 1)
    if is_dataclass(value) and not isinstance(value, type):
        if isinstance(value, Term):
            return f'Term("{value.name}", {value.usual!r}, {value.coefficient!r})'
        inside = "".join(f"{pad}{f.name}={_record(getattr(value, f.name), indent + 1)},\n" for f in fields(value))
        return f"{type(value).__name__}(\n{inside}{' ' * 4 * indent})"
    if isinstance(value, dict):
        inside = "".join(f"{pad}{_key(key)}: {_record(each, indent + 1)},\n" for key, each in value.items())
        return f"{{\n{inside}{' ' * 4 * indent}}}"
    if isinstance(value, tuple):
        return "(\n" + "".join(f"{pad}{_record(each, indent + 1)},\n" for each in value) + f"{' ' * 4 * indent})"
    return pprint.pformat(value, width=200)


def _key(key: object) -> str:
    return f"Condition.{key.name}" if isinstance(key, Condition) else f'"{key}"'


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", default="1-50")
    options.add_argument("--check", default="51-60")
    options.add_argument("--cache-dir", type=Path)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--dry-run", action="store_true", help="write nothing")
    options.add_argument("--look", action="store_true", help="fit nothing: look at what is fitted")
    return options


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
