"""The four jobs by which Keepa looks at a block: rank, prices, counts, offers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.block import Block
from keepa_deals.simulator.shelf import NO_OFFER
from keepa_deals.simulator.visits import COUNT, OFFERS, PRICE, RANK, Visitor, box_place, lowest_item, lowest_packed

Array = npt.NDArray[Any]


def rank_now(block: Block, *, products: Array, rng: np.random.Generator) -> Array:
    """Sales ranks as shown at the step's start; −1 where there is none."""
    world, moods, titles = block.world, block.moods, block.titles
    memory = moods.rank_memory[products] @ np.array(world.rank_memory_weights) + world.rank_rest
    jitter = np.exp(titles.rank_jitter[products] * rng.standard_normal(len(products)))
    rank = world.rank_after_sale * titles.rank_level[products] * moods.rank_shift[products] * jitter / memory
    hidden = titles.rankless[products] | (moods.rank_gap_until[products] > block.start_of(block.step))
    return np.where(hidden, s.NOTHING, np.clip(rank, 40, 14_000_000)).astype(np.int32)


def look_rank(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's rank job."""
    visitor.write(s.SALES, products=products, t=t, values=rank_now(block, products=products, rng=rng))


def look_prices(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's price job: lowest used and new item prices, and Amazon's own."""
    world, shelf = block.world, block.shelf
    used = lowest_item(shelf, products=products, places=slice(0, world.used_slots))
    visitor.watch(products, used=used)
    shown = visitor.glitched(products, used=used, t=t, rng=rng)
    visitor.write(s.USED, products=products, t=t, values=shown)
    visitor.write(s.NEW, products=products, t=t, values=lowest_new(block, products=products))
    visitor.write(s.AMAZON, products=products, t=t, values=block.moods.amazon[products])


def lowest_new(block: Block, *, products: Array) -> Array:
    """Lowest new price, landed, Amazon among the sellers (Keepa's definition since February 2026)."""
    landed = block.shelf.landed[block.world.used_slots :, products].min(axis=0)
    amazon = block.moods.amazon[products]
    best = np.minimum(landed, np.where(amazon > 0, amazon, NO_OFFER))
    return np.where(best < NO_OFFER, best, s.NOTHING)


def look_counts(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's counting job; now and then a page is misread and the count is far too low."""
    visible = block.shelf.landed[:, products] < NO_OFFER
    used = visible[: block.world.used_slots].sum(axis=0)
    new = visible[block.world.used_slots :].sum(axis=0) + (block.moods.amazon[products] > 0)
    misread = rng.random(len(products)) < block.world.count_glitch
    used = np.where(misread, used // 3, used)
    visitor.write(s.COUNT_USED, products=products, t=t, values=used)
    visitor.write(s.COUNT_NEW, products=products, t=t, values=new)


def look_offers(
    block: Block,
    visitor: Visitor,
    *,
    products: Array,
    t: Array,
    rng: np.random.Generator,  # noqa: ARG001
) -> None:
    """Keepa's offers job: grades, channels, buy boxes, counts by channel, and the log of the fetch itself."""
    world, shelf = block.world, block.shelf
    used, new = slice(0, world.used_slots), slice(world.used_slots, len(shelf.price))
    grade = shelf.grade[used, products]
    for kind, wanted in ((19, 2), (20, 3), (21, 4), (22, 5)):
        values = lowest_packed(shelf, products=products, places=used, allowed=grade == wanted)
        visitor.write(kind, products=products, t=t, values=values)
    fba = shelf.fba[new, products]
    merchant = lowest_packed(shelf, products=products, places=new, allowed=~fba)
    visitor.write(s.NEW_FBM, products=products, t=t, values=merchant)
    ours = lowest_packed(shelf, products=products, places=new, allowed=fba)
    visitor.write(s.NEW_FBA, products=products, t=t, values=np.where(ours < 0, ours, ours // s.SHIPPING_UNIT))
    visible = shelf.landed[:, products] < NO_OFFER
    amazon = block.moods.amazon[products] > 0
    by_fba = (visible[new] & fba).sum(axis=0) + amazon
    by_merchant = (visible[new] & ~fba).sum(axis=0)
    visitor.write(s.COUNT_NEW_FBA, products=products, t=t, values=np.where(by_fba > 0, by_fba, s.NOTHING))
    visitor.write(s.COUNT_NEW_FBM, products=products, t=t, values=np.where(by_merchant > 0, by_merchant, s.NOTHING))
    _look_boxes(block, visitor, products=products, t=t)
    visitor.diary.recorded[s.ROW[s.OFFER_FETCHES], products] = -(2**29)
    visitor.write(s.OFFER_FETCHES, products=products, t=t, values=visible.sum(axis=0))


def _look_boxes(block: Block, visitor: Visitor, *, products: Array, t: Array) -> None:
    shelf, used_slots = block.shelf, block.world.used_slots
    for kind, holder, places in (
        (s.BUY_BOX_USED, s.HOLDER_USED, slice(0, used_slots)),
        (s.BUY_BOX, s.HOLDER_NEW, slice(used_slots, len(shelf.price))),
    ):
        best, anybody = box_place(shelf, products=products, places=places)
        price = shelf.price[best, products].astype(np.int64)
        ship = np.maximum(shelf.ship[best, products], 0)
        packed = np.where(anybody, price * s.SHIPPING_UNIT + ship, s.NOTHING)
        who = shelf.seller[best, products].astype(np.int64) + 1
        who = who * 16 + shelf.grade[best, products] * 2 + shelf.fba[best, products]
        who = np.where(anybody, who, s.NOTHING)
        if kind == s.BUY_BOX:
            amazon = block.moods.amazon[products].astype(np.int64)
            wins = (amazon > 0) & ((amazon < price + ship) | ~anybody)
            packed = np.where(wins, amazon * s.SHIPPING_UNIT, packed)
            who = np.where(wins, 0 * 16 + 1 * 2 + 1, who)
        visitor.write(kind, products=products, t=t, values=packed)
        visitor.write(holder, products=products, t=t, values=who)


JOBS = ((RANK, look_rank), (PRICE, look_prices), (COUNT, look_counts), (OFFERS, look_offers))
