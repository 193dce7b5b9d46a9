"""Fit the numbers of the inferred sales and write `keepa_deals/judgement/fitted_sales.py`.

Everything is fitted on seeds 1 to 50 of world A, at deal moments; the curve is the one measured on real histories
and is not fitted. Seeds 51 to 60 are for looking.

Usage: python benchmarks/fit_sales.py [--seeds 1-50] [--check 51-60] [--world A] [--cache-dir DIR] [--dry-run] [--time]
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt

from benchmarks.moments import TrueSale, cached_moments
from keepa_deals.judgement.fitted_sales import FITTED
from keepa_deals.judgement.inferred_sales import SalesHistory, SoldGaps, infer_sales, sold_gaps
from keepa_deals.judgement.market_history import MarketHistory, read_market
from keepa_deals.judgement.model import EventPriceModel, RankCurve, SalesModel, SideWeights
from keepa_deals.judgement.rank_falls import (
    WINDOW_MINUTES,
    TellingGaps,
    rank_gaps,
    read_rank,
    sales_a_year,
    telling_gaps,
)
from keepa_deals.judgement.sale_sides import side_inputs, used_probabilities
from keepa_deals.judgement.sold_price import sold_prices
from keepa_deals.records import Product
from keepa_deals.units import to_keepa_minutes

Array = npt.NDArray[np.float64]

TARGET = Path(__file__).resolve().parent.parent / "keepa_deals" / "judgement" / "fitted_sales.py"
TOLERANCE_MINUTES = 72 * 60
RANK_LAG_MINUTES = 180
"""A rank shows a sale up to hours late, so a sale shortly before a gap is counted into it."""
YEARS = 2.0
MOST_SALES_OF_A_TITLE = 40
"""So many sales of one title teach the sides at most."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """One history with the truth behind it."""

    product: Product
    past: tuple[TrueSale, ...]
    now: datetime

    @property
    def minutes(self) -> list[int]:
        return [sale.minute for sale in self.past]

    def between(self, after: int, before: int) -> list[TrueSale]:
        return [sale for sale in self.past if after - RANK_LAG_MINUTES < sale.minute <= before]


def lessons(world: str, seeds: Iterable[int], *, cache: Path | None) -> Iterator[Lesson]:
    for seed in seeds:
        moments, _ = cached_moments(world, seed, cache=cache)
        yield from (Lesson(moment.product, moment.past, moment.now) for moment in moments)


def logistic(inputs: Array, share: Array, *, weight: Array, ridge: float = 1.0) -> Array:
    """Weights of a logistic by Newton's method; `share` is the part of each row that was true. The first is free."""
    found = np.zeros(inputs.shape[1])
    penalty = ridge * np.eye(len(found))
    penalty[0, 0] = 1e-6
    for _ in range(50):
        p = 1 / (1 + np.exp(-inputs @ found))
        slope = inputs.T @ (weight * (share - p)) - penalty @ found
        curvature = (inputs * (weight * p * (1 - p))[:, None]).T @ inputs + penalty
        found += np.linalg.solve(curvature, slope)
    return found


def fit(taught: Sequence[Lesson]) -> SalesModel:
    """Each stage uses what the stages before it found."""
    model = FITTED
    for stage in (_fit_climbs, _fit_shifts, _fit_law, _fit_sides, _fit_used, _fit_drops, _fit_prices):
        model = stage(taught, model)
    return model


def _told(one: Lesson, model: SalesModel) -> tuple[TellingGaps, Array]:
    """The gaps that tell of a sale, and whether there was one."""
    told = telling_gaps(rank_gaps(one.product, now=one.now), model=model)
    pairs = zip(told.gaps.after.tolist(), told.gaps.before.tolist(), strict=True)
    return told, np.array([float(bool(one.between(after, before))) for after, before in pairs])


def _fit_climbs(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """When a climb that is too small hides a sale."""
    rows, truth = [], []
    for one in taught:
        told, sold = _told(one, model)
        expected = np.log(told.sales_a_minute * told.gaps.length)
        inputs = np.stack([np.ones(len(expected)), expected, told.shortfall], axis=1)
        rows.append(inputs[~told.fell])
        truth.append(sold[~told.fell])
    found = _logistic_of(rows, truth)
    return replace(
        model,
        climb_intercept=round(found[0], 3),
        climb_rate=round(found[1], 3),
        climb_shortfall=round(min(found[2], 0.0), 3),
    )


def _fit_shifts(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """How late the level after a fall may speak before it is no sale."""
    rows, truth = [], []
    for one in taught:
        told, sold = _told(one, model)
        late = told.fell & (told.age > told.gaps.length)
        inputs = np.stack([np.ones(len(sold)), np.log(told.age / told.gaps.length)], axis=1)
        rows.append(inputs[late])
        truth.append(sold[late])
    found = _logistic_of(rows, truth)
    return replace(model, shift_steepness=round(-found[1], 3), shift_middle=round(found[0] / -found[1], 3))


def _logistic_of(rows: Sequence[Array], truth: Sequence[Array]) -> list[float]:
    inputs, true = np.concatenate(rows), np.concatenate(truth)
    found: list[float] = logistic(inputs, true, weight=np.ones(len(true))).tolist()
    return found


def _fit_law(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """Sales a year by typical rank, and what is still missing of the title's own rate."""
    rows, truth = [], []
    for one in taught:
        rank = read_rank(one.product, now=one.now, model=model).typical_rank
        if rank is not None and one.past:
            rows.append((1.0, math.log(rank / 1e6)))
            truth.append(math.log(len(one.past) / YEARS))
    found, *_ = np.linalg.lstsq(np.array(rows), np.array(truth), rcond=None)
    law = replace(model, law_at_million=round(math.exp(found[0]), 2), law_power=round(-found[1], 3), rate_factor=1.0)
    off = [
        math.log(len(one.past) / YEARS / rate) for one in taught if one.past and (rate := _rate(one, law)) is not None
    ]
    return replace(law, rate_factor=round(math.exp(float(np.median(off))), 3))


def _rate(one: Lesson, model: SalesModel) -> float | None:
    return sales_a_year(read_rank(one.product, now=one.now, model=model), product=one.product, model=model)


@dataclass(frozen=True, slots=True)
class _Sided:
    """The gaps of one history by the rank, with the inputs of their sides and the truth."""

    inputs: Array
    used: Array
    sold: Array


def _sided(taught: Sequence[Lesson], model: SalesModel) -> list[_Sided]:
    histories = []
    for one in taught:
        market, gaps, inside = _inside(one, model)
        with np.errstate(invalid="ignore", divide="ignore"):
            inputs = side_inputs(market, after=gaps.after[gaps.by_rank], minute=gaps.minute[gaps.by_rank])
        histories.append(
            _Sided(
                inputs=inputs,
                used=np.array([sum(sale.is_used for sale in sales) for sales in inside[: len(inputs)]], dtype=float),
                sold=np.array([len(sales) for sales in inside[: len(inputs)]], dtype=float),
            )
        )
    return histories


def _inside(one: Lesson, model: SalesModel) -> tuple[MarketHistory, SoldGaps, list[list[TrueSale]]]:
    """The market, the gaps (those by the rank come first), and what truly sold in each."""
    market = _market(one)
    gaps = sold_gaps(one.product, market=market, now=one.now, model=model)
    pairs = zip(gaps.after.tolist(), gaps.before.tolist(), strict=True)
    return market, gaps, [one.between(after, before) for after, before in pairs]


def _market(one: Lesson) -> MarketHistory:
    until = to_keepa_minutes(one.now)
    return read_market(one.product, since=until - WINDOW_MINUTES, until=until)


def _fit_sides(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """The logistic of used or new. No title counts for more than a few of its sales: titles differ, sales do not."""
    rows, used, weight = [], [], []
    for one in _sided(taught, model):
        sold = one.sold > 0
        rows.append(np.concatenate([np.ones((int(sold.sum()), 1)), one.inputs[sold]], axis=1))
        used.append(one.used[sold] / one.sold[sold])
        weight.append(one.sold[sold] * min(1.0, MOST_SALES_OF_A_TITLE / max(one.sold.sum(), 1.0)))
    found = logistic(np.concatenate(rows), np.concatenate(used), weight=np.concatenate(weight), ridge=3.0)
    names = [field.name for field in fields(SideWeights)]
    return replace(model, side=SideWeights(**{n: round(float(w), 3) for n, w in zip(names, found, strict=True)}))


def _side_loss(histories: Sequence[_Sided], model: SalesModel) -> float:
    loss = total = 0.0
    for one in histories:
        p = used_probabilities(one.inputs, weights=model.side)
        part = min(1.0, MOST_SALES_OF_A_TITLE / max(one.sold.sum(), 1.0))
        loss -= part * float((one.used * np.log(p) + (one.sold - one.used) * np.log(1 - p)).sum())
        total += part * float(one.sold.sum())
    return loss / total


def _fit_used(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """What the used sales a year are off by in the median title."""
    plain = replace(model, used_factor=1.0)
    off = [
        math.log(sold / YEARS / told)
        for one in taught
        if (sold := sum(sale.is_used for sale in one.past))
        and (told := infer_sales(one.product, now=one.now, model=plain).used_a_year)
    ]
    return replace(plain, used_factor=round(math.exp(float(np.median(off))), 3))


def _fit_drops(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """Used sales per drop of the used offers where no rank was observed."""
    drops = sold = 0
    for one in taught:
        _, gaps, inside = _inside(one, model)
        dark = [sales for sales, by_rank in zip(inside, gaps.by_rank, strict=True) if not by_rank]
        drops += len(dark)
        sold += sum(any(sale.is_used for sale in sales) for sales in dark)
    return replace(model, drop_count=round(min(0.3, sold / max(drops, 1)), 3))


def _fit_prices(taught: Sequence[Lesson], model: SalesModel) -> SalesModel:
    """What used copies went for against the lowest price before, with and without a rise after; in medians."""
    plain = replace(model.price, rise_offset=0.0, quiet_offset=0.0, box_weight=0.0)
    risen: list[float] = []
    quiet: list[float] = []
    for one in taught:
        market, gaps, inside = _inside(one, model)
        with np.errstate(invalid="ignore", divide="ignore"):
            prices = sold_prices(market, after=gaps.after, before=gaps.before, model=plain)
        for place in np.flatnonzero(gaps.by_rank & np.isfinite(prices.cents)).tolist():
            truth = [sale.landed_cents for sale in inside[place] if sale.is_used]
            if truth:
                off = math.log(float(np.mean(truth)) / prices.cents[place])
                (risen if prices.has_risen[place] else quiet).append(off)
    up, still = np.array(risen), np.array(quiet)
    return replace(
        model,
        price=EventPriceModel(
            rise_offset=round(float(np.median(up)), 3),
            rise_sd=round(_spread(up), 3),
            quiet_offset=round(float(np.median(still)), 3),
            quiet_sd=round(_spread(still), 3),
            box_weight=model.price.box_weight,
        ),
    )


def _spread(errors: Array) -> float:
    """The sd that 68 % of the errors keep to; a few glitches do not count."""
    return float(np.quantile(np.abs(errors - np.median(errors)), 0.68))


def matched(found: Sequence[int], true: Sequence[int], *, tolerance: int = TOLERANCE_MINUTES) -> int:
    """How many of two lists of minutes can be paired one to one within the tolerance."""
    first, second = sorted(found), sorted(true)
    i = j = pairs = 0
    while i < len(first) and j < len(second):
        if abs(first[i] - second[j]) <= tolerance:
            i, j, pairs = i + 1, j + 1, pairs + 1
        elif first[i] < second[j]:
            i += 1
        else:
            j += 1
    return pairs


SPEEDS = ((0, 3), (3, 8), (8, 20), (20, 50), (50, math.inf))


def look(checked: Sequence[Lesson], model: SalesModel) -> None:
    """Print how good the events, the sides, the rates and the prices are."""
    histories = [infer_sales(one.product, now=one.now, model=model) for one in checked]
    print(f"{len(checked)} histories")
    print("sales a year  titles  any: precision recall of-ceiling   used: precision recall F1 of-ceiling")
    for low, high in (*SPEEDS, (0, math.inf)):
        pairs = [
            (one, history)
            for one, history in zip(checked, histories, strict=True)
            if low <= len(one.past) / YEARS < high
        ]
        _look_at_events(f"{low} to {high}", pairs)
    _look_at_rates(
        "used", [(h.used_a_year, sum(s.is_used for s in o.past)) for o, h in zip(checked, histories, strict=True)]
    )
    _look_at_rates("all", [(h.all_a_year, len(o.past)) for o, h in zip(checked, histories, strict=True)])
    _look_at_sides(checked, model)
    _look_at_prices(checked, histories)


def _look_at_events(name: str, pairs: Sequence[tuple[Lesson, SalesHistory]]) -> None:
    any_counts, used_counts = np.zeros(4), np.zeros(4)
    for one, history in pairs:
        seen = [sale for sale in history.sales if sale.by_rank]
        gaps = sorted({(sale.after, sale.before) for sale in seen})
        inside = [sale for after, before in gaps for sale in one.between(after, before)]
        any_counts += _counts([s.minute for s in seen], one.minutes, len(set(map(id, inside))))
        used_counts += _counts(
            [s.minute for s in seen if s.used_probability > 0.5],
            [s.minute for s in one.past if s.is_used],
            len({id(s) for s in inside if s.is_used}),
        )
    p, r, c = _ratios(any_counts)
    up, ur, uc = _ratios(used_counts)
    f1 = 2 * up * ur / max(up + ur, 1e-9)
    print(f"{name:13} {len(pairs):6}  {p:14.3f} {r:6.3f} {c:10.2f} {up:17.3f} {ur:6.3f} {f1:.3f} {uc:.2f}")


def _counts(found: Sequence[int], true: Sequence[int], ceiling: int) -> Array:
    return np.array([len(found), len(true), matched(found, true), ceiling], dtype=float)


def _ratios(counts: Array) -> tuple[float, float, float]:
    """Precision, recall, and recall as a part of its ceiling."""
    found, true, hits, ceiling = np.maximum(counts, 1e-9)
    return hits / found, hits / true, hits / ceiling


def _look_at_rates(name: str, pairs: Sequence[tuple[float | None, int]]) -> None:
    off = np.array([math.log(told * YEARS / sold) for told, sold in pairs if told and sold])
    inside = (np.abs(off) < math.log(2.5)).mean()
    low, middle, high = np.exp(np.quantile(off, (0.05, 0.5, 0.95)))
    print(f"{name} a year, told / true: {low:.2f} {middle:.2f} {high:.2f} (5, 50, 95 %); within 2.5: {inside:.3f}")


def _look_at_sides(checked: Sequence[Lesson], model: SalesModel) -> None:
    histories = _sided(checked, model)
    p = np.concatenate([used_probabilities(one.inputs, weights=model.side) for one in histories])
    u, s = (np.concatenate([getattr(one, name) for one in histories]) for name in ("used", "sold"))
    bands = [(p >= low) & (p < low + 0.1) for low in np.arange(0, 1, 0.1)]
    told_true = [f"{p[b].mean():.2f}/{u[b].sum() / s[b].sum():.2f}" for b in bands if s[b].sum() > 50]
    print(f"used, told / true by tenths: {' '.join(told_true)}; log loss {_side_loss(histories, model):.4f}")


def _look_at_prices(checked: Sequence[Lesson], histories: Sequence[SalesHistory]) -> None:
    errors, scaled = [], []
    for one, history in zip(checked, histories, strict=True):
        for sale in history.sales:
            truth = [true.landed_cents for true in one.between(sale.after, sale.before) if true.is_used]
            if truth and sale.landed_cents is not None and sale.log_sd and sale.by_rank:
                errors.append(math.log(sale.landed_cents / float(np.mean(truth))))
                scaled.append(abs(errors[-1]) / sale.log_sd)
    e = np.array(errors)
    print(
        f"price of a used sale: median error {np.median(np.abs(np.expm1(e))):.3f}, bias {np.median(e):+.3f}, "
        f"90 % within {np.quantile(np.abs(e), 0.9):.3f}; within one told sd {np.mean(np.array(scaled) < 1):.2f}"
    )


def take_time(checked: Sequence[Lesson]) -> None:
    """Print what one history costs, in processor time."""
    for name, work in (
        ("rank", lambda one: read_rank(one.product, now=one.now, model=FITTED)),
        ("market", _market),
        ("all", lambda one: infer_sales(one.product, now=one.now)),
    ):
        started = time.process_time()
        for one in checked:
            work(one)
        print(f"{name}: {(time.process_time() - started) / len(checked) * 1e3:.2f} ms a product")


def written(model: SalesModel, *, seeds: str, world: str) -> str:
    """The module that holds the model."""
    return (
        f'"""The fitted numbers of the inferred sales: world {world}, seeds {seeds}.\n\n'
        "Written by `python benchmarks/fit_sales.py`: not by hand.\n"
        '"""\n\n'
        "from __future__ import annotations\n\n"
        "from keepa_deals.judgement.model import EventPriceModel, RankCurve, SalesModel, SideWeights\n\n"
        f"FITTED = {_record(model, indent=0)}\n"
    )


def _record(record: Any, *, indent: int) -> str:
    pad = " " * (indent + 4)
    lines = []
    for field in fields(record):
        value = getattr(record, field.name)
        nested = isinstance(value, RankCurve | SideWeights | EventPriceModel)
        lines.append(f"{pad}{field.name}={_record(value, indent=indent + 4) if nested else _number(value)},")
    return f"{type(record).__name__}(\n" + "\n".join(lines) + f"\n{' ' * indent})"


def _number(value: float) -> str:
    return repr(value) if isinstance(value, int) else repr(float(value))


def _span(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--world", default="A")
    options.add_argument("--seeds", default="1-50")
    options.add_argument("--check", default="51-60")
    options.add_argument("--cache-dir", type=Path)
    options.add_argument("--dry-run", action="store_true", help="write nothing")
    options.add_argument("--look", action="store_true", help="fit nothing: look at what is fitted")
    options.add_argument("--time", action="store_true", help="fit nothing: measure what a product costs")
    asked = options.parse_args(argv)
    checked = list(lessons(asked.world, _span(asked.check), cache=asked.cache_dir))
    if asked.time:
        take_time(checked)
        return 0
    model = FITTED
    if not asked.look:
        model = fit(list(lessons(asked.world, _span(asked.seeds), cache=asked.cache_dir)))
        print(written(model, seeds=asked.seeds, world=asked.world))
    look(checked, model)
    if not asked.look and not asked.dry_run:
        TARGET.write_text(written(model, seeds=asked.seeds, world=asked.world), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
