"""The deal feed: products that Keepa refreshed in the last twelve hours and that match a query."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s
from keepa_deals.simulator.catalogue import ROOTS, category_path
from keepa_deals.simulator.sheaf import Sheaf, landed_values
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
        sheaf = Sheaf(key=keys, t=t, v=h.landed(kind, v), count=count, end=now)
        current, since = sheaf.newest()
        parts.setdefault("current", []).append(current)
        parts.setdefault("since", []).append(since)
        for index, span in reversed(tuple(enumerate(h.INTERVALS))):
            sheaf = sheaf.in_force_since(now - span)
            parts.setdefault(f"mean{index}", []).append(sheaf.means(start=now - span, end=now))
    columns = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return columns | {
        name: world.newest_values(other, now=now) for name, other in (("rank", s.SALES), ("amazon", s.AMAZON))
    }


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
        "dr": deals_json(world, products=shown, query=query, now=now) if shown else [],
        "drDateIndex": [],
    }


def deals_json(world: World, *, products: list[int], query: DealQuery, now: int) -> list[dict[str, Any]]:
    """Deal records, computed from the same series as the products' statistics."""
    place, row, t, v = world.points_of(products, now=now)
    kind = np.array(s.RECORDED)[row]
    ranked = kind == s.SALES
    drops = _rank_drops(place[ranked], t=t[ranked], v=v[ranked], count=len(products), now=now)
    told = (kind < s.TYPES) & (kind != s.OFFER_FETCHES)
    place, kind, t, v = place[told], kind[told], t[told], v[told]
    key = place * s.TYPES + kind
    order = np.argsort(key, kind="stable")
    sheaf = Sheaf(key=key[order], t=t[order], v=landed_values(kind, v)[order], count=len(products) * s.TYPES, end=now)
    numbers = _numbers(sheaf, now=now) | drops
    return [
        _deal_json(
            world, product=product, query=query, now=now, numbers={k: column[n] for k, column in numbers.items()}
        )
        for n, product in enumerate(products)
    ]


def _deal_json(world: World, *, product: int, query: DealQuery, now: int, numbers: dict[str, Any]) -> dict[str, Any]:
    article = world.article(product)
    return {
        "asin": article.asin,
        "backInStock": False,
        "categories": [] if article.rootless else category_path(article.leaf)[-1:],
        "creationDate": numbers["currentSince"][query.price_type],
        "dateIntervalIndex": 3 if query.date_range is None else query.date_range,
        "image": [ord(letter) for letter in article.image],
        "lastUpdate": world.last_visit(product, now=now),
        "lightningEnd": 0,
        "lightningStart": 0,
        "minRating": article.rating,
        "rootCat": 0 if article.rootless else article.root,
        "title": article.title,
        "warehouseCondition": 0,
        **numbers,
    }


def _numbers(sheaf: Sheaf, *, now: int) -> dict[str, list[Any]]:
    """By product: everything that a deal says by price type, averages −2 where they are missing."""
    current, since = sheaf.newest()
    last_step = sheaf.last_steps()
    avg, delta, percent = [], [], []
    for span in reversed(h.INTERVALS):
        sheaf = sheaf.in_force_since(now - span)
        mean = sheaf.means(start=now - span, end=now)
        _, share = deltas_of(current, mean)
        avg.append(np.where(mean < 0, -2, mean))
        delta.append(np.where((mean < 0) | (current < 0), -2, mean - current))
        percent.append(share)
    by_interval = {"avg": avg, "delta": delta, "deltaPercent": percent}
    plain = {"current": current, "currentSince": since, "deltaLast": last_step}
    return {
        **{
            name: np.stack(rows[::-1]).reshape(4, -1, s.TYPES).swapaxes(0, 1).tolist()
            for name, rows in by_interval.items()
        },
        **{name: column.reshape(-1, s.TYPES).tolist() for name, column in plain.items()},
    }


def _rank_drops(place: h.Array, *, t: h.Array, v: h.Array, count: int, now: int) -> dict[str, list[int]]:
    """`histories.rank_drops` of several products' ranks over Keepa's four windows."""
    known = v >= 0
    place, t, v = place[known], t[known], v[known].astype(np.float64)
    falls = (place[1:] == place[:-1]) & (v[1:] < v[:-1] * (1 - h.OLD_DROP))
    place, t = place[1:][falls], t[1:][falls]
    return {
        f"salesRankDrops{days}": np.bincount(place[t >= now - days * h.DAY], minlength=count).tolist()
        for days in (30, 90, 180, 365)
    }
