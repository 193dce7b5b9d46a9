"""The four jobs by which Keepa looks at a block: rank, prices, counts, offers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.block import Block
from keepa_deals.simulator.shelf import NO_OFFER
from keepa_deals.simulator.visits import (
    COUNT,
    OFFERS,
    PRICE,
    RANK,
    Visitor,
    box_place,
    cheapest_place,
    lowest_item,
    packed_at,
)

Array = npt.NDArray[Any]


NEVER_RECORDED = -(2**29)
AMAZON_HOLDS = 3
"""A packed holder: seller 0 is Amazon, condition New, FBA."""


def rank_now(block: Block, *, products: Array, rng: np.random.Generator) -> Array:
    """Sales ranks as shown at the step's start; −1 where there is none."""
    world, moods, titles = block.world, block.moods, block.titles
    hours = (block.start_of(block.step) + titles.shift[products] - moods.last_sale[products]) / 60
    latest = (1 + hours / world.rank_recovery_hours) ** -world.rank_recovery_power
    memory = latest + moods.rank_memory[products] @ np.array(world.rank_memory_weights) + world.rank_rest
    jitter = np.exp(world.rank_noise * rng.standard_normal(len(products)))
    rank = world.rank_after_sale * titles.rank_level[products] * moods.rank_shift[products] * jitter / memory
    hidden = titles.rankless[products] | (moods.rank_gap_until[products] > block.start_of(block.step))
    return np.where(hidden, s.NOTHING, np.clip(rank, 40, 14_000_000)).astype(np.int32)


def look_rank(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's rank job."""
    rank = rank_now(block, products=products, rng=rng)
    before = visitor.diary.recorded[s.ROW[s.SALES], products]
    dips = (before > 0) & (rank > before) & (rng.random(len(products)) < block.titles.rank_dips[products])
    depth = np.minimum(rng.exponential(block.world.rank_dip_depth, len(products)), 0.005)
    values = np.where(dips, before - np.maximum(before * depth, 1), rank)
    visitor.write(s.SALES, products=products, t=t, values=values)


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
    shelf, first_new = block.shelf, block.world.used_slots
    landed, grade, fba = shelf.landed[:, products], shelf.grade[:, products], shelf.fba[:, products]
    used, used_grade = landed[:first_new], grade[:first_new]
    for kind, wanted in ((19, 2), (20, 3), (21, 4), (22, 5)):
        place, price = cheapest_place(used, allowed=used_grade == wanted)
        packed = packed_at(shelf, products=products, place=place, landed=price)
        visitor.write(kind, products=products, t=t, values=packed)
    new, new_fba = landed[first_new:], fba[first_new:]
    place, price = cheapest_place(new, allowed=~new_fba)
    packed = packed_at(shelf, products=products, place=place + first_new, landed=price)
    visitor.write(s.NEW_FBM, products=products, t=t, values=packed)
    _, price = cheapest_place(new, allowed=new_fba)
    visitor.write(s.NEW_FBA, products=products, t=t, values=np.where(price < NO_OFFER, price, s.NOTHING))
    visible = landed < NO_OFFER
    by_fba = (visible[first_new:] & new_fba).sum(axis=0) + (block.moods.amazon[products] > 0)
    by_merchant = (visible[first_new:] & ~new_fba).sum(axis=0)
    visitor.write(s.COUNT_NEW_FBA, products=products, t=t, values=np.where(by_fba > 0, by_fba, s.NOTHING))
    visitor.write(s.COUNT_NEW_FBM, products=products, t=t, values=np.where(by_merchant > 0, by_merchant, s.NOTHING))
    _look_boxes(block, visitor, products=products, t=t, offers=(landed, grade, fba))
    visitor.diary.recorded[s.ROW[s.OFFER_FETCHES], products] = NEVER_RECORDED
    visitor.write(s.OFFER_FETCHES, products=products, t=t, values=visible.sum(axis=0))


def _look_boxes(
    block: Block, visitor: Visitor, *, products: Array, t: Array, offers: tuple[Array, Array, Array]
) -> None:
    shelf, first_new = block.shelf, block.world.used_slots
    for kind, holder, places in (
        (s.BUY_BOX_USED, s.HOLDER_USED, slice(0, first_new)),
        (s.BUY_BOX, s.HOLDER_NEW, slice(first_new, None)),
    ):
        landed, grade, fba = (column[places] for column in offers)
        best, price = box_place(landed, fba=fba, grade=grade)
        columns = np.arange(len(products))
        condition = grade[best, columns] * 2 + fba[best, columns]
        place = best + (places.start or 0)
        packed = packed_at(shelf, products=products, place=place, landed=price)
        who = (shelf.seller[place, products].astype(np.int64) + 1) * 16 + condition
        who = np.where(price < NO_OFFER, who, s.NOTHING)
        if kind == s.BUY_BOX:
            amazon = block.moods.amazon[products].astype(np.int64)
            wins = (amazon > 0) & (amazon < price)
            packed, who = np.where(wins, amazon * s.SHIPPING_UNIT, packed), np.where(wins, AMAZON_HOLDS, who)
        visitor.write(kind, products=products, t=t, values=packed)
        visitor.write(holder, products=products, t=t, values=who)


JOBS = ((RANK, look_rank), (PRICE, look_prices), (COUNT, look_counts), (OFFERS, look_offers))
