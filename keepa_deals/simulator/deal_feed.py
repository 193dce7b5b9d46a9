"""The deal feed: products that Keepa refreshed in the last twelve hours and that match a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s
from keepa_deals.simulator.catalogue import ROOTS, category_path
from keepa_deals.simulator.stats_json import current_values, landed_series
from keepa_deals.simulator.world import World

PAGE = 150
MOST = 10_000
FEED_MINUTES = 12 * 60
OPEN_END = 2_147_483_647
UNKNOWN_ROOT = 9_223_372_036_854_775_807
NEWEST, BY_DELTA, BY_RANK, BY_PERCENT = 1, 2, 3, 4


@dataclass(frozen=True, slots=True)
class DealQuery:
    """A validated deal query; ranges are (low, high) with an open end as the largest 32-bit number."""

    price_type: int
    date_range: int | None = None
    """0 day, 1 week, 2 month, 3 three months; None takes any of them."""
    filters: bool = False
    ranges: bool = False
    current: tuple[int, int] | None = None
    delta: tuple[int, int] | None = None
    delta_percent: tuple[int, int] | None = None
    rank: tuple[int, int] | None = None
    include: frozenset[int] = frozenset()
    exclude: frozenset[int] = frozenset()
    min_rating: int = -1
    title_words: tuple[str, ...] = ()
    must_have_amazon: bool = False
    must_not_have_amazon: bool = False
    out_of_stock: bool = False
    sort: int = NEWEST
    root_counts: bool = field(default=True)


@dataclass(frozen=True, slots=True)
class Matches:
    """Products in the order asked for, and the counts by root category over all matches."""

    products: list[int]
    roots: dict[int, int]


def find_matches(world: World, *, query: DealQuery, now: int) -> Matches:
    """All products of the feed that match, best first, capped at 10,000."""
    candidates = np.flatnonzero(world.last_visits(now) > now - FEED_MINUTES)
    columns = _columns(world, kind=query.price_type, now=now)
    rank = columns["rank"]
    delta, percent = _drops(columns, query=query)
    chosen = np.zeros(world.size, bool)
    chosen[candidates] = True
    if not (query.filters and query.out_of_stock):
        chosen &= columns["current"] >= 0
    chosen &= _in_ranges(query, current=columns["current"], rank=rank, delta=delta, percent=percent)
    amazon = columns["amazon"]
    if query.filters and query.must_have_amazon:
        chosen &= amazon >= 0
    if query.filters and query.must_not_have_amazon:
        chosen &= amazon < 0
    found = [int(p) for p in np.flatnonzero(chosen) if _page_matches(world, product=int(p), query=query)]
    roots: dict[int, int] = {}
    for product in found:
        root = _root(world, product=product)
        roots[root] = roots.get(root, 0) + 1
    found = [p for p in found if _category_matches(world, product=p, query=query)]
    keys = {NEWEST: -columns["since"], BY_DELTA: -delta, BY_RANK: _rank_key(rank), BY_PERCENT: -percent}
    key = keys[abs(query.sort)] * (1 if query.sort > 0 else -1)
    found.sort(key=lambda p: (key[p], p))
    return Matches(products=found[:MOST], roots=roots)


def _rank_key(rank: h.Array) -> h.Array:
    return np.where(rank < 0, OPEN_END, rank)


def _columns(world: World, *, kind: int, now: int) -> dict[str, h.Array]:
    """Per product: current value of the price type, since when, its means, the rank, Amazon's price."""
    parts: dict[str, list[h.Array]] = {}
    for first, keys, (t, v) in world.table(kind, now=now):
        count = world.blocks[first // world.world.block_products].size
        steps = (t, h.landed(kind, v))
        current, since = h.last_values(keys, steps, count=count)
        parts.setdefault("current", []).append(current)
        parts.setdefault("since", []).append(since)
        for index, span in enumerate(h.INTERVALS):
            mean = h.window_means(keys, steps, count=count, start=now - span, end=now)
            parts.setdefault(f"mean{index}", []).append(mean)
    for name, other in (("rank", s.SALES), ("amazon", s.AMAZON)):
        for first, keys, steps in world.table(other, now=now):
            count = world.blocks[first // world.world.block_products].size
            parts.setdefault(name, []).append(h.last_values(keys, steps, count=count)[0])
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}


def _drops(columns: dict[str, h.Array], *, query: DealQuery) -> tuple[h.Array, h.Array]:
    """Absolute and percent drop against the mean of the interval asked for, or the best of all four."""
    intervals = range(4) if query.date_range is None else (query.date_range,)
    deltas, percents = [], []
    for index in intervals:
        delta, percent = deltas_of(columns["current"], columns[f"mean{index}"])
        deltas.append(delta)
        percents.append(percent)
    return np.max(deltas, axis=0), np.max(percents, axis=0)


def deltas_of(current: h.Array, mean: h.Array) -> tuple[h.Array, h.Array]:
    """Mean minus current, and the same in percent of the mean; 0 where either is missing."""
    known = (current >= 0) & (mean > 0)
    delta = np.where(known, mean - current, 0)
    percent = np.where(known, 100 * delta / np.maximum(mean, 1), 0)
    return delta, np.trunc(percent).astype(np.int64)


def _in_ranges(query: DealQuery, *, current: h.Array, rank: h.Array, delta: h.Array, percent: h.Array) -> h.Array:
    matching = np.ones(len(current), bool)
    if not query.ranges:
        return matching
    for limits, values in (
        (query.current, current),
        (query.delta, delta),
        (query.delta_percent, percent),
        (query.rank, rank),
    ):
        if limits is not None:
            low, high = limits
            matching &= (values >= low) & (values <= high)
    return matching & ((rank >= 0) | (query.rank is None))


def _page_matches(world: World, *, product: int, query: DealQuery) -> bool:
    article = world.article(product)
    if query.filters and query.min_rating > 0 and article.rating < query.min_rating:
        return False
    title = article.title.lower()
    return all(word in title for word in query.title_words)


def _category_matches(world: World, *, product: int, query: DealQuery) -> bool:
    if not query.include and not query.exclude:
        return True
    article = world.article(product)
    ids = {article.root, article.leaf}
    return (not query.include or bool(ids & query.include)) and not ids & query.exclude


def _root(world: World, *, product: int) -> int:
    article = world.article(product)
    return UNKNOWN_ROOT if article.rootless else article.root


def feed_json(world: World, *, matches: Matches, page: int, query: DealQuery, now: int) -> dict[str, Any]:
    """The `deals` object of one page; pages past the end are empty."""
    shown = matches.products[page * PAGE : (page + 1) * PAGE]
    return {
        "categoryCount": list(matches.roots.values()),
        "categoryIds": list(matches.roots),
        "categoryNames": [ROOTS.get(root, "?") for root in matches.roots],
        "dr": [deal_json(world, product=product, query=query, now=now) for product in shown],
        "drDateIndex": [],
    }


def deal_json(world: World, *, product: int, query: DealQuery, now: int) -> dict[str, Any]:
    """One deal record, computed from the same series as the product's statistics."""
    article = world.article(product)
    series = world.series_of(product, now=now)
    plain = landed_series(series)
    plain.pop(s.OFFER_FETCHES, None)
    current = current_values(series)
    current[s.OFFER_FETCHES] = s.NOTHING
    since, last_step = [0] * s.TYPES, [0] * s.TYPES
    for kind, (t, v) in plain.items():
        since[kind] = int(t[-1])
        last_step[kind] = int(v[-2] - v[-1]) if len(v) > 1 and v[-2] >= 0 and v[-1] >= 0 else 0
    avg, delta, percent = _intervals(plain, current=current, now=now)
    rank = series.get(s.SALES)
    drops = {
        f"salesRankDrops{days}": h.rank_drops(rank, start=now - days * h.DAY) if rank is not None else 0
        for days in (30, 90, 180, 365)
    }
    return {
        "asin": article.asin,
        "avg": avg,
        "backInStock": False,
        "categories": [] if article.rootless else category_path(article.leaf)[-1:],
        "creationDate": since[query.price_type],
        "current": current,
        "currentSince": since,
        "dateIntervalIndex": 3 if query.date_range is None else query.date_range,
        "delta": delta,
        "deltaLast": last_step,
        "deltaPercent": percent,
        "image": [ord(letter) for letter in article.image],
        "lastUpdate": world.last_visit(product, now=now),
        "lightningEnd": 0,
        "lightningStart": 0,
        "minRating": article.rating,
        "rootCat": 0 if article.rootless else article.root,
        "title": article.title,
        "warehouseCondition": 0,
        **drops,
    }


def _intervals(
    plain: dict[int, h.Steps], *, current: list[int], now: int
) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """avg, delta and deltaPercent by [interval][price type]; −2 where an average is missing."""
    avg = [[-2] * s.TYPES for _ in h.INTERVALS]
    delta = [[-2] * s.TYPES for _ in h.INTERVALS]
    percent = [[0] * s.TYPES for _ in h.INTERVALS]
    for row, span in enumerate(h.INTERVALS):
        for kind, steps in plain.items():
            mean = h.weighted_mean(steps, start=now - span, end=now)
            if mean < 0:
                continue
            avg[row][kind] = mean
            if current[kind] >= 0:
                delta[row][kind] = mean - current[kind]
                percent[row][kind] = int(100 * (mean - current[kind]) / mean) if mean else 0
    return avg, delta, percent
