"""The whole world: blocks of products that live on with the clock, and what Keepa knows of each product.

Everything is asked for with an instant in Keepa minutes. Blocks are lived one stride ahead of it, so reading
always cuts at the instant. A request never moves the market; a live look only adds to what Keepa has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.block import GONE, Block
from keepa_deals.simulator.catalogue import Article, article, asin_of
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.logs import time_order
from keepa_deals.simulator.market import live, new_block
from keepa_deals.simulator.shelf import NEVER, NO_OFFER
from keepa_deals.simulator.visits import last_visit

Array = npt.NDArray[Any]
Steps = tuple[Array, Array]
"""A step function: minutes and the values that hold from them on."""

ORIGIN_GRID = 28 * 1440
SETTLE_MOST = 4_000_000


@dataclass(frozen=True, slots=True)
class OfferLife:
    """One offer through its life; prices in cents, times in Keepa minutes."""

    number: int
    seller: int
    grade: int
    fba: bool
    ship: int
    arrived: int
    gone: int | None
    times: Array
    prices: Array
    before: int | None
    """Price before the first of `times`; None where it was not to be seen."""

    def price_at(self, minute: int) -> int | None:
        """Item price shown at `minute`, None when the offer was not there."""
        if minute < self.arrived or (self.gone is not None and minute >= self.gone):
            return None
        at = int(np.searchsorted(self.times, minute, side="right")) - 1
        if at < 0:
            return self.before
        return None if self.prices[at] == GONE else int(self.prices[at])


@dataclass(frozen=True, slots=True)
class Look:
    """What one live look wrote, kept so that a restart can write it again."""

    product: int
    minute: int
    step: int
    values: dict[int, int]


def origin_for(minute: int, *, world: WorldConstants) -> int:
    """Where a world begins that is built at `minute`: on a coarse grid, so that days do not move it."""
    return (minute - world.history_days * 1440) // ORIGIN_GRID * ORIGIN_GRID


@dataclass(slots=True)
class World:
    """All products. Not thread-safe: the caller holds one lock around it."""

    world: WorldConstants
    seed: int
    size: int
    origin: int
    blocks: list[Block]
    fresh: dict[int, list[tuple[int, int, int]]] = field(default_factory=dict)
    """Points of live looks that are not in the blocks' logs yet: (minute, series, value) by product."""
    journal: Callable[[Look], None] | None = None
    """Told of every live look."""
    _replay: list[Look] = field(default_factory=list)
    _articles: dict[int, Article] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = np.concatenate([block.titles.kind for block in self.blocks])
        self._numbers = {asin_of(n, kind=int(k), seed=self.seed): n for n, k in enumerate(kinds)}

    def advance(self, now: int) -> bool:
        """Live every stride that has begun by `now`. True if anything moved."""
        moved = False
        for block in self.blocks:
            while block.start_of(block.step) <= now:
                self._replay_looks(block)
                self._hand_over_looks(block)
                live(block)
                moved = True
            self._replay_looks(block)
        if moved:
            for block in self.blocks:
                self._settle(block, now=now)
        return moved

    def replay(self, looks: list[Look]) -> None:
        """Looks of an earlier run: each is written again before the stride that it preceded."""
        self._replay = sorted(looks, key=lambda look: look.minute)

    def _replay_looks(self, block: Block) -> None:
        rest = []
        for look in self._replay:
            if self.block_of(look.product)[0] is block and look.step <= block.step:
                self._write(look)
            else:
                rest.append(look)
        self._replay = rest

    def _settle(self, block: Block, *, now: int) -> None:
        logs = (block.history, block.asks, block.departed, block.sales)
        for log in logs:
            log.settle()
            if len(log.tail_keys) > SETTLE_MOST:
                log.compact()

    def _hand_over_looks(self, block: Block) -> None:
        """Give the block's log what live looks saw before this stride; later visits compare with it."""
        first = block.number * self.world.block_products
        for product in [p for p in self.fresh if first <= p < first + block.size]:
            for minute, kind, value in self.fresh.pop(product):
                key = s.ROW[kind] * block.size + product - first
                block.history.insert(key=key, t=minute, value=value)

    def block_of(self, product: int) -> tuple[Block, int]:
        """A product's block and its place there."""
        number, place = divmod(product, self.world.block_products)
        return self.blocks[number], place

    def asin(self, product: int) -> str:
        """The ASIN of a product."""
        block, place = self.block_of(product)
        return asin_of(product, kind=int(block.titles.kind[place]), seed=self.seed)

    def number_of(self, asin: str) -> int | None:
        """The product behind an ASIN."""
        return self._numbers.get(asin)

    def article(self, product: int) -> Article:
        """The product's page."""
        known = self._articles.get(product)
        if known is None:
            block, place = self.block_of(product)
            known = article(
                product,
                kind=int(block.titles.kind[place]),
                seed=self.seed,
                year=2011 + int((self.origin + self.world.history_days * 1440) / (365.25 * 1440)),
                world=self.world,
            )
            self._articles[product] = known
        return known

    def series_of(self, product: int, *, now: int) -> dict[int, Steps]:
        """Everything Keepa has recorded of a product by `now`, by kind of series."""
        _, row, t, v = self.points_of([product], now=now)
        cuts = np.searchsorted(row, np.arange(len(s.RECORDED) + 1)).tolist()
        return {
            kind: (t[first:last], v[first:last])
            for kind, first, last in zip(s.RECORDED, cuts, cuts[1:], strict=False)
            if last > first
        }

    def points_of(self, products: list[int], *, now: int) -> tuple[Array, Array, Array, Array]:
        """Everything recorded of several products by `now`: place in `products`, row of `series.RECORDED`, minute,
        value; sorted in this order, changes only."""
        rows = len(s.RECORDED)
        parts = [self._points_in(block, products=products) for block in self.blocks]
        place, t, v = (np.concatenate(columns) for columns in zip(*parts, self._fresh_points(products), strict=True))
        order = time_order(place, t)
        place, t, v = place[order], t[order], v[order]
        seen = t <= now
        place, t, v = place[seen], t[seen], v[seen]
        keep = np.append(True, (place[1:] != place[:-1]) | (v[1:] != v[:-1]))[: len(v)]
        keep |= place % rows == s.ROW[s.OFFER_FETCHES]
        place, t, v = place[keep], t[keep], v[keep]
        return place // rows, place % rows, t, v

    def _points_in(self, block: Block, *, products: list[int]) -> tuple[Array, Array, Array]:
        wanted = np.array(products)
        places = wanted - block.number * self.world.block_products
        mine = np.flatnonzero((places >= 0) & (places < block.size))
        row = np.arange(len(s.RECORDED))
        found, rows = block.history.picked((row * block.size + places[mine, None]).ravel())
        names = (mine[:, None] * len(row) + row).ravel()
        return names[found], rows["t"], rows["value"]

    def _fresh_points(self, products: list[int]) -> tuple[Array, Array, Array]:
        found = [
            (place * len(s.RECORDED) + s.ROW[kind], minute, value)
            for place, product in enumerate(products)
            for minute, kind, value in self.fresh.get(product, ())
        ]
        place, t, v = np.array(found, np.int64).reshape(-1, 3).T
        return place, t.astype(np.int32), v.astype(np.int32)

    def newest_values(self, kind: int, *, now: int) -> Array:
        """The value in force at `now` of one series of every product; −1 where there is none."""
        row = s.ROW[kind]
        values = np.concatenate(
            [
                block.history.newest(row * block.size, (row + 1) * block.size, column="value", now=now, nothing=-1)
                for block in self.blocks
            ]
        )
        for product in self.fresh:
            steps = self.series_of(product, now=now).get(kind)
            values[product] = s.NOTHING if steps is None else steps[1][-1]
        return values

    def table(self, kind: int, *, now: int) -> Iterator[tuple[int, Array, Steps]]:
        """One series of all products at once, block by block: first product, place of each point, points."""
        for block in self.blocks:
            first = block.number * self.world.block_products
            row = s.ROW[kind]
            keys, rows = block.history.keyed_rows(row * block.size, (row + 1) * block.size)
            places, t, v = keys - row * block.size, rows["t"], rows["value"]
            extra = [
                (p - first, minute, value)
                for p, points in self.fresh.items()
                if first <= p < first + block.size
                for minute, k, value in points
                if k == kind
            ]
            if extra:
                more = np.array(extra, np.int32)
                places, t, v = (np.concatenate(pair) for pair in zip((places, t, v), more.T, strict=True))
                order = time_order(places, t)
                places, t, v = places[order], t[order], v[order]
            seen = t <= now
            if not seen.all():
                places, t, v = places[seen], t[seen], v[seen]
            yield first, places, (t, v)

    def last_visits(self, now: int) -> Array:
        """Minute of Keepa's newest visit to each product by `now`."""
        visits = np.concatenate([last_visit(block.diary, now=now) for block in self.blocks])
        for product, points in self.fresh.items():
            visits[product] = max([int(visits[product]), *(minute for minute, _, _ in points)])
        return visits

    def last_visit(self, product: int, *, now: int) -> int:
        """Minute of Keepa's newest visit to one product by `now`."""
        block, place = self.block_of(product)
        latest = block.diary.latest[:, place]
        points = [minute for minute, _, _ in self.fresh.get(product, [])]
        seen = [int(t) for t in latest if t <= now]
        return max([int(block.diary.settled[place]), *seen, *points])

    def offers_of(self, product: int) -> list[OfferLife]:
        """All offers of the last months, present and departed, each with its price changes."""
        block, place = self.block_of(product)
        places = len(block.shelf.price)
        asks = block.asks.rows_between(place * places, (place + 1) * places)
        order = np.argsort(asks["t"], kind="stable")
        asks = {name: column[order] for name, column in asks.items()}
        return [
            *_offers_on_shelf(block, place=place, asks=asks),
            *_offers_departed(block, place=place, asks=asks),
        ]

    def amazon_at(self, product: int) -> int:
        """Amazon's own price at the present stride; −1 when it does not sell."""
        block, place = self.block_of(product)
        return int(block.moods.amazon[place])

    def record(self, look: Look) -> None:
        """Add what a live look saw to Keepa's knowledge."""
        self._write(look)
        if self.journal is not None:
            self.journal(look)

    def _write(self, look: Look) -> None:
        block, place = self.block_of(look.product)
        points = self.fresh.setdefault(look.product, [])
        for kind, value in look.values.items():
            points.append((look.minute, kind, value))
            block.diary.recorded[s.ROW[kind], place] = value

    def sales_between(self, start: int, end: int) -> dict[str, Array]:
        """The truth: every unit sold in [start, end), oldest first; −1 as seller is Amazon itself."""
        parts = []
        for block in self.blocks:
            keys, rows = block.sales.keyed_rows(0, block.size)
            chosen = (rows["t"] >= start) & (rows["t"] < end)
            part = {name: column[chosen] for name, column in rows.items()}
            parts.append({"product": keys[chosen] + block.number * self.world.block_products, **part})
        merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.argsort(merged["t"], kind="stable")
        return {name: column[order] for name, column in merged.items()}


def _offers_on_shelf(block: Block, *, place: int, asks: dict[str, Array]) -> Iterator[OfferLife]:
    shelf = block.shelf
    for row in np.flatnonzero(shelf.leave[:, place] < NEVER):
        number = int(shelf.offer[row, place])
        mine = asks["offer"] == number
        times, prices, before = asks["t"][mine], asks["after"][mine], asks["before"][mine]
        visible = shelf.landed[row, place] < NO_OFFER
        first: int | None = int(shelf.price[row, place]) if visible else None
        if len(times):
            first = None if before[0] == GONE else int(before[0])
        yield OfferLife(
            number=number,
            seller=int(shelf.seller[row, place]),
            grade=int(shelf.grade[row, place]),
            fba=bool(shelf.fba[row, place]),
            ship=int(shelf.ship[row, place]),
            arrived=int(shelf.arrived[row, place]),
            gone=None,
            times=times,
            prices=prices,
            before=first,
        )


def _offers_departed(block: Block, *, place: int, asks: dict[str, Array]) -> Iterator[OfferLife]:
    rows = block.departed.rows(place)
    for at in range(len(rows["t"])):
        mine = asks["offer"] == rows["offer"][at]
        times, prices, before = asks["t"][mine], asks["after"][mine], asks["before"][mine]
        first: int | None = int(rows["price"][at])
        if len(times):
            first = None if before[0] == GONE else int(before[0])
        yield OfferLife(
            number=int(rows["offer"][at]),
            seller=int(rows["seller"][at]),
            grade=int(rows["grade"][at]),
            fba=bool(rows["fba"][at]),
            ship=int(rows["ship"][at]),
            arrived=int(rows["arrived"][at]),
            gone=int(rows["t"][at]),
            times=times,
            prices=prices,
            before=first,
        )


def build_block(*, number: int, seed: int, size: int, origin: int, until: int, world: WorldConstants) -> Block:
    """One block lived from `origin` to `until`, its logs compacted."""
    block = new_block(number=number, size=size, seed=seed, origin=origin, world=world)
    block.keep_offers_from = until - world.offer_log_days * 1440
    while block.start_of(block.step) <= until:
        live(block)
    for log in (block.history, block.asks, block.departed, block.sales):
        log.compact()
    return block


def block_sizes(size: int, *, world: WorldConstants) -> list[int]:
    """How many products each block of a world of `size` holds."""
    full, rest = divmod(size, world.block_products)
    return [world.block_products] * full + ([rest] if rest else [])
