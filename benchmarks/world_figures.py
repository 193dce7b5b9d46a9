"""How hard a simulated world is: the figures by which real histories and the worlds were compared.

Usage: python benchmarks/world_figures.py --world A --seed 51 [--products 800] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt

from benchmarks.moments import close_up, instant_of
from keepa_deals.simulator import series as s
from keepa_deals.simulator.building import build_in_memory
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.world import Steps, World
from keepa_deals.units import to_keepa_minutes

Array = npt.NDArray[Any]
DAY = 1440
YEARS = 2.0
RANK_LAG = 480
"""Minutes within which the rank knows of a sale."""
NONE: Steps = (np.zeros(0, np.int64), np.zeros(0, np.int64))
FIVE = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Watched:
    """The books of a world, their recorded series and true sales of the two years before `minute`."""

    world: World
    minute: int
    books: list[int]
    series: dict[int, dict[int, Steps]]
    sales: dict[str, Array]

    def of(self, product: int, kind: int) -> Steps:
        t, v = self.series[product].get(kind, NONE)
        return t.astype(np.int64), v.astype(np.int64)

    def recent(self, product: int, kind: int) -> Steps:
        t, v = self.of(product, kind)
        since = t > self.minute - int(YEARS * 365 * DAY)
        return t[since], v[since]

    def a_year(self, *, used: bool | None = None) -> Array:
        """Sales a year by book: of one side, or of both."""
        rows = np.ones(len(self.sales["t"]), bool) if used is None else (self.sales["grade"] != 1) == used
        return np.bincount(self.sales["product"][rows], minlength=self.world.size)[self.books] / YEARS


def watched(constants: WorldConstants, *, seed: int, products: int) -> Watched:
    """A world lived to the instant of its seed."""
    minute = to_keepa_minutes(instant_of(seed))
    world = build_in_memory(seed=seed, size=products, now=minute, world=constants)
    world.advance(minute)
    books = [n for n in range(world.size) if world.article(n).is_book and not world.article(n).invalid]
    series = {n: world.series_of(n, now=minute) for n in books}
    sales = world.sales_between(minute - int(YEARS * 365 * DAY), minute)
    return Watched(world=world, minute=minute, books=books, series=series, sales=sales)


def figures(seen: Watched) -> dict[str, Any]:
    """All figures by name; lists are the 5, 25, 50, 75, 95 % quantiles over books or events."""
    return sales_figures(seen) | rank_figures(seen) | offer_figures(seen) | price_figures(seen) | visit_figures(seen)


def quantiles(values: Any) -> list[float]:
    values = np.asarray(values, float)
    return [round(float(q), 2) for q in np.quantile(values, FIVE)] if len(values) else []


def sales_figures(seen: Watched) -> dict[str, Any]:
    used, new, every = seen.a_year(used=True), seen.a_year(used=False), seen.a_year()
    sales = seen.sales
    is_used = (sales["grade"] != 1) & np.isin(sales["product"], seen.books)
    landed = sales["price"] + np.maximum(sales["ship"], 0)
    return {
        "used sales a year": quantiles(used),
        "all sales a year": quantiles(every),
        "books with more new than used sales": round(float((new > used).mean()), 2),
        "cheapest landed copy sold": round(float((landed <= sales["lowest"])[is_used].mean()), 3),
        "used sales that leave the count": round(float((sales["left"][is_used] > 0).mean()), 3),
        "used sales to resellers": round(float((sales["cause"][is_used] == 1).mean()), 3),
    }


def rank_figures(seen: Watched) -> dict[str, Any]:
    every = seen.a_year()
    falls, jitter, between, fall_sizes, missing, slow_falls, slow_jitter = [], [], 0, [], [], 0, 0
    for rate, product in zip(every.tolist(), seen.books, strict=True):
        t, v = seen.recent(product, s.SALES)
        if len(t) < 2:
            continue
        until = np.append(t[1:], seen.minute)
        missing.append(float((until - t)[v < 0].sum() / (until - t).sum()))
        known = (v[1:] > 0) & (v[:-1] > 0)
        step = np.log(np.maximum(v[:-1], 1) / np.maximum(v[1:], 1))[known]
        down = step[step > 0]
        falls.append(int((down >= 0.05).sum()) / YEARS)
        jitter.append(int((down < 0.01).sum()) / YEARS)
        between += int(((down >= 0.01) & (down < 0.1)).sum())
        fall_sizes += down[down >= 0.05].tolist()
        if rate <= 12:
            slow_falls += int((down >= 0.05).sum())
            slow_jitter += int((down < 0.05).sum())
    return {
        "rank falls of 5 % or more a year": quantiles(falls),
        "rank falls under 1 % a year": quantiles(jitter),
        "share of falls between 1 and 10 %": round(between / max(1, len(fall_sizes)), 3),
        "share of decreases under 5 %, slow books": round(slow_jitter / max(1, slow_jitter + slow_falls), 2),
        "ln size of falls": quantiles(fall_sizes),
        "falls a sale": round(float(np.sum(falls) / every.sum()), 2),
        "time without a rank": round(float(np.mean(missing)), 3),
        "sales in no fall's gap": round(_unseen_sales(seen), 3),
    }


def _unseen_sales(seen: Watched) -> float:
    unseen, every = 0, 0
    for product in seen.books:
        t, v = seen.of(product, s.SALES)
        known = (v[1:] > 0) & (v[:-1] > 0)
        ratio = np.log(np.maximum(v[:-1], 1) / np.maximum(v[1:], 1))
        hit = np.flatnonzero(known & (ratio >= 0.05))
        sold = np.sort(seen.sales["t"][seen.sales["product"] == product])
        at, shown = (np.searchsorted(t, sold + lag) - 1 for lag in (0, RANK_LAG))
        unseen += int((~np.isin(at, hit) & ~np.isin(shown, hit)).sum())
        every += len(sold)
    return unseen / max(1, every)


def offer_figures(seen: Watched) -> dict[str, Any]:
    ratios, slow, big, steps = [], [], 0, 0
    for rate, product in zip(seen.a_year().tolist(), seen.books, strict=True):
        drops = 0
        for kind in (s.COUNT_NEW, s.COUNT_USED):
            _, v = seen.recent(product, kind)
            step = np.diff(v)
            drops += int((step < 0).sum())
            big += int((step <= -2).sum())
        steps += drops
        if rate > 0:
            ratios.append(drops / (rate * YEARS))
            if rate <= 4:
                slow.append(drops / (rate * YEARS))
    return {
        "offer drops a sale": quantiles(ratios),
        "offer drops a sale, up to 4 sales a year": quantiles(slow),
        "offer drops of two or more": round(big / max(1, steps), 3),
    }


def price_figures(seen: Watched) -> dict[str, Any]:
    changes, jumps, cents, down, undone, spread, at_falls, missing = [], [], [], [], [], [], [], []
    for product in seen.books:
        t, v = seen.recent(product, s.USED)
        if len(t) < 10:
            continue
        missing.append(float((np.append(t[1:], seen.minute) - t)[v < 0].sum() / (seen.minute - t[0])))
        known = (v[1:] > 0) & (v[:-1] > 0)
        step = (v[1:] - v[:-1])[known]
        up = known & (v[1:] >= 1.1 * v[:-1])
        changes.append(len(step) / YEARS)
        jumps.append(int(up.sum()) / YEARS)
        cents.append(float((np.abs(step) <= 25).mean()))
        down.append(float((step < 0).mean()))
        where = np.flatnonzero(up)
        back = [bool(((t > t[i + 1]) & (t <= t[i + 1] + 3 * DAY) & (v <= 1.03 * v[i]) & (v > 0)).any()) for i in where]
        undone += back
        spread.append(_log_spread(t, v, end=seen.minute))
        at_falls += _jumps_at_falls(seen, product=product, jumped=t[1:][up])
    return {
        "used price changes a year": quantiles(changes),
        "used up-jumps of 10 % a year": quantiles(jumps),
        "share of steps of 25 cents or less": quantiles(cents),
        "share of steps down": quantiles(down),
        "up-jumps undone within 72 h": round(float(np.mean(undone)), 2),
        "time without a used offer": quantiles(missing),
        "sd of ln used price": quantiles(spread),
        "falls with an up-jump": round(float(np.mean(at_falls)), 2),
    }


def _log_spread(t: Array, v: Array, *, end: int) -> float:
    weights = np.append(t[1:], end) - t
    known = v > 0
    logs, weights = np.log(v[known]), weights[known]
    mean = np.average(logs, weights=weights)
    return float(np.sqrt(np.average((logs - mean) ** 2, weights=weights)))


def _jumps_at_falls(seen: Watched, *, product: int, jumped: Array) -> list[bool]:
    t, v = seen.recent(product, s.SALES)
    known = (v[1:] > 0) & (v[:-1] > 0)
    fallen = t[1:][known & (np.log(np.maximum(v[:-1], 1) / np.maximum(v[1:], 1)) >= 0.05)]
    return [bool(((jumped > at - DAY) & (jumped < at + 2 * DAY)).any()) for at in fallen.tolist()]


def visit_figures(seen: Watched) -> dict[str, Any]:
    gaps, past, fetches, together, changes = [], [], [], 0, 0
    for product in seen.books:
        t, _ = seen.recent(product, s.SALES)
        gaps += (np.diff(t) / 60).tolist()
        past += (np.diff(t[t < seen.minute - 100 * DAY]) / 60).tolist()
        fetches += (np.diff(seen.recent(product, s.OFFER_FETCHES)[0]) / 60).tolist()
        counted = seen.recent(product, s.COUNT_USED)[0]
        together += int(np.isin(counted, t).sum())
        changes += len(counted)
    return {
        "hours between rank points": quantiles(gaps),
        "the same, older than 100 days": quantiles(past),
        "hours between looks at the offers": quantiles(fetches),
        "count changes at a rank point": round(together / max(1, changes), 2),
    }


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--world", default="A")
    options.add_argument("--seed", type=int, default=51)
    options.add_argument("--products", type=int, default=800)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args(argv)
    found = figures(watched(close_up(asked.world), seed=asked.seed, products=asked.products))
    if asked.json:
        print(json.dumps(found))
        return 0
    for name, figure in found.items():
        print(f"{name:45} {figure}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
