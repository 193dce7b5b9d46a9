"""Playing our copy: what would have happened if somebody had bought one copy and put it on offer again.

A *stage* is the state of some products of a world at one instant, cut loose from it: one column per purchase, with
that copy taken off the shelf and a place kept free for ours. It is lived on as often as wanted, in strides of a
day and without Keepa looking on; the world it came from is never moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator.block import Block, Moods
from keepa_deals.simulator.constants import WorldConstants
from keepa_deals.simulator.market import live_unseen
from keepa_deals.simulator.shelf import GRADE_FACTOR, HELD, NEVER, NO_OFFER, Shelf, empty_shelf
from keepa_deals.simulator.titles import Titles
from keepa_deals.simulator.visits import new_diary
from keepa_deals.simulator.world import World

Array = npt.NDArray[Any]

OURS = -2
"""The seller of the copy that we play; Amazon is −1."""
DAY = 1440
MOST_COLUMNS = 4000
"""Columns lived at once: more of them no longer fit into the processor's own memory."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """One copy bought: the product, the number of its offer there (None: it is not taken off), its grade 2 to 5."""

    product: int
    offer: int | None
    grade: int


@dataclass(frozen=True, slots=True)
class Stage:
    """Purchases at one instant (Keepa minute), one column each, ready to be lived on."""

    minute: int
    seed: int
    block: Block
    grades: Array


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one listing, an entry per replicate: days from the purchase to the sale (infinite: unsold), and
    the worth of a copy of its grade on the last day, in cents."""

    sold_days: Array
    worth_cents: Array


@dataclass(frozen=True, slots=True)
class Future:
    """What happens without our copy: all units sold, as columns of the sales log (`t`, `grade`, `price`, `ship`,
    `seller`, `cause`, …), and the mean worth of a copy of our grade over that time, in cents."""

    sales: dict[str, Array]
    worth_cents: float


def set_stage(world: World, *, purchases: Sequence[Purchase], minute: int) -> Stage:
    """The purchases' products as they are at `minute`, the instant to which the world has lived.

    A copy that was sold or taken back within the hours already lived beyond `minute` counts as bought by us.
    """
    parts = []
    for purchase in purchases:
        block, place = world.block_of(purchase.product)
        parts.append((block, place))
    first = parts[0][0]
    constants = replace(
        first.world,
        used_slots=first.world.used_slots + 1,
        fine_days=-1_000_000,
        block_products=len(parts),
    )
    block = _cut_loose(
        first,
        world=constants,
        titles=Titles(**_joined([_picked(one.titles, [place]) for one, place in parts])),
        shelf=Shelf(**_joined([_with_free_place(one, place) for one, place in parts], axis=1)),
        moods=Moods(**_joined([_picked(one.moods, [place]) for one, place in parts])),
    )
    for column, purchase in enumerate(purchases):
        if purchase.offer is not None:
            _take_one_copy(block.shelf, column=column, offer=purchase.offer)
    grades = np.array([purchase.grade for purchase in purchases], np.int8)
    return Stage(minute=minute, seed=world.seed, block=block, grades=grades)


def play(
    stage: Stage,
    *,
    columns: Sequence[int],
    list_cents: Sequence[int],
    replicates: int,
    inbound_days: int,
    days: int,
    seed: int,
) -> list[Fate]:
    """Put our copies of `columns` on offer by FBA at `list_cents`, `inbound_days` after the purchase, until `days`
    after it, and hold the price. A column may come several times. The same `seed` gives the same answer."""
    every = np.repeat(np.arange(len(columns)), replicates)
    owner = np.asarray(columns, np.int64)[every]
    asked = np.asarray(list_cents, np.int64)[every]
    sold, worth = np.full(len(every), np.inf), np.zeros(len(every))
    for number, rows in enumerate(_chunks(len(every))):
        block = _copied(stage, columns=owner[rows], seed=seed, number=number)
        grades = stage.grades[owner[rows]]
        _offer_ours(block, grades=grades, list_cents=asked[rows], inbound_days=inbound_days)
        _live_until(block, minute=stage.minute + days * DAY)
        columns_sold, found = _sales(block)
        ours = found["seller"] == OURS
        after = (found["t"][ours] - stage.minute) / DAY
        sold[rows.start + columns_sold[ours]] = np.where(after <= days, after, np.inf)
        worth[rows] = block.moods.worth * GRADE_FACTOR[grades]
    shape = (len(columns), replicates)
    pairs = zip(sold.reshape(shape), worth.reshape(shape), strict=True)
    return [Fate(sold_days=one, worth_cents=cents) for one, cents in pairs]


def futures(stage: Stage, *, replicates: int, days: int, seed: int) -> list[Future]:
    """What comes of each column of the stage within `days` if we never offer our copy, over all replicates."""
    count = stage.block.size
    owner = np.tile(np.arange(count), replicates)
    parts: list[dict[str, Array]] = []
    worth = np.zeros(count)
    for number, rows in enumerate(_chunks(len(owner))):
        block = _copied(stage, columns=owner[rows], seed=seed, number=number)
        lived = _live_until(block, minute=stage.minute + days * DAY)
        np.add.at(worth, owner[rows], lived / replicates)
        columns, found = _sales(block)
        within = found["t"] < stage.minute + days * DAY
        kept = {name: column[within] for name, column in found.items()}
        parts.append({"column": owner[rows][columns[within]], **kept})
    merged = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    worth *= GRADE_FACTOR[stage.grades]
    return [
        Future(
            sales={name: values[merged["column"] == column] for name, values in merged.items()},
            worth_cents=float(worth[column]),
        )
        for column in range(count)
    ]


def _chunks(count: int) -> list[slice]:
    return [slice(first, min(first + MOST_COLUMNS, count)) for first in range(0, count, MOST_COLUMNS)]


def _picked(part: Titles | Moods, places: Sequence[int] | Array) -> dict[str, Array]:
    return {f.name: getattr(part, f.name)[places] for f in fields(part)}


def _joined(parts: list[dict[str, Array]], *, axis: int = 0) -> dict[str, Array]:
    return {name: np.concatenate([part[name] for part in parts], axis=axis) for name in parts[0]}


def _with_free_place(block: Block, place: int) -> dict[str, Array]:
    """One product's offers, with an empty used place behind the used ones that nobody else will take."""
    at = block.world.used_slots
    empty = empty_shelf(products=1, places=1)
    empty.back[:] = NEVER - 1
    empty.policy[:] = HELD
    columns = {}
    for f in fields(Shelf):
        offers = getattr(block.shelf, f.name)[:, [place]]
        columns[f.name] = np.concatenate([offers[:at], getattr(empty, f.name), offers[at:]])
    return columns


def _take_one_copy(shelf: Shelf, *, column: int, offer: int) -> None:
    rows = np.flatnonzero((shelf.offer[:, column] == offer) & (shelf.leave[:, column] < NEVER))
    for row in rows.tolist():
        shelf.copies[row, column] -= 1
        if shelf.copies[row, column] <= 0:
            shelf.landed[row, column] = NO_OFFER
            for steps in (shelf.leave, shelf.back, shelf.reprice):
                steps[row, column] = NEVER


def _cut_loose(block: Block, *, world: WorldConstants, titles: Titles, shelf: Shelf, moods: Moods) -> Block:
    return Block(
        number=block.number,
        seed=block.seed,
        origin=block.origin,
        world=world,
        titles=titles,
        shelf=shelf,
        moods=moods,
        diary=new_diary(np.random.default_rng(0), size=0, step=0),
        step=block.step,
        lived=block.lived,
        keep_offers_from=NEVER,
    )


def _copied(stage: Stage, *, columns: Array, seed: int, number: int) -> Block:
    """The stage's columns again, with luck of their own."""
    block = stage.block
    copied = _cut_loose(
        block,
        world=block.world,
        titles=Titles(**_picked(block.titles, columns)),
        shelf=Shelf(**{f.name: np.ascontiguousarray(getattr(block.shelf, f.name)[:, columns]) for f in fields(Shelf)}),
        moods=Moods(**_picked(block.moods, columns)),
    )
    copied.seed, copied.number = stage.seed * 1_000_003 + seed, 1_000_000 + number
    return copied


def _offer_ours(block: Block, *, grades: Array, list_cents: Array, inbound_days: int) -> None:
    """Our copies wait behind the shelf and come onto it, like a seller back from a holiday, when they have arrived."""
    shelf, place = block.shelf, block.world.used_slots - 1
    shelf.price[place] = shelf.first_price[place] = list_cents
    shelf.ship[place] = 0
    shelf.landed[place] = NO_OFFER
    shelf.grade[place] = grades
    shelf.fba[place] = True
    shelf.copies[place] = 1
    shelf.seller[place] = OURS
    shelf.offer[place] = block.moods.next_offer
    shelf.back[place] = block.step + inbound_days * block.world.steps_per_day
    shelf.leave[place] = NEVER - 1
    block.moods.next_offer += 1


def _live_until(block: Block, *, minute: int) -> Array:
    """Live to `minute`; the mean worth of each column on the way."""
    worth, first = np.zeros(block.size), block.step
    while block.start_of(block.step) < minute:
        before = block.step
        live_unseen(block)
        worth += block.moods.worth * (block.step - before)
    mean: Array = worth / max(1, block.step - first)
    return mean


def _sales(block: Block) -> tuple[Array, dict[str, Array]]:
    block.sales.compact()
    return block.sales.keyed_rows(0, block.size)
