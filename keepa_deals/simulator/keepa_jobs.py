"""The four jobs by which Keepa looks at a block: rank, prices, counts, offers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.block import Block
from keepa_deals.simulator.logs import where_true
from keepa_deals.simulator.shelf import NO_OFFER
from keepa_deals.simulator.visits import (
    COUNT,
    NO_CODE,
    OFFERS,
    PLACE_BITS,
    PRICE,
    RANK,
    Visitor,
    box_scores,
    place_codes,
)

Array = npt.NDArray[Any]


NEVER_RECORDED = -(2**29)
AMAZON_HOLDS = 3
"""A packed holder: seller 0 is Amazon, condition New, FBA."""

_OFFER_SERIES = (
    s.USED_LIKE_NEW,
    s.USED_VERY_GOOD,
    s.USED_GOOD,
    s.USED_ACCEPTABLE,
    s.NEW_FBM,
    s.BUY_BOX_USED,
    s.BUY_BOX,
    s.NEW_FBA,
    s.HOLDER_USED,
    s.HOLDER_NEW,
    s.COUNT_NEW_FBA,
    s.COUNT_NEW_FBM,
    s.OFFER_FETCHES,
)


def rank_now(block: Block, *, products: Array, rng: np.random.Generator) -> Array:
    """Sales ranks as shown at the step's start; −1 where there is none."""
    world, moods, titles = block.world, block.moods, block.titles
    begun = block.start_of(block.step)
    minutes = begun + titles.shift.take(products) - moods.last_sale.take(products)
    recovery = 1 + minutes.astype(np.float32) / np.float32(60 * world.rank_recovery_hours)
    memory = np.exp(np.log(recovery) * np.float32(-world.rank_recovery_power))
    memory += (moods.rank_memory @ np.array(world.rank_memory_weights)).take(products) + world.rank_rest
    level = (titles.rank_level * moods.rank_shift).take(products) * world.rank_after_sale
    jitter = np.exp(np.float32(world.rank_noise) * rng.standard_normal(len(products), np.float32))
    hidden = (titles.rankless | (moods.rank_gap_until > begun)).take(products)
    return np.where(hidden, s.NOTHING, np.clip(level * jitter / memory, 40, 14_000_000)).astype(np.int32)


def look_rank(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's rank job."""
    rank = rank_now(block, products=products, rng=rng)
    before = visitor.diary.recorded[s.ROW[s.SALES]].take(products)
    dips = where_true(rng.random(len(products), np.float32) < block.titles.rank_dips.take(products))
    depth = np.minimum(rng.exponential(block.world.rank_dip_depth, len(dips)), 0.005)
    believable = (before[dips] > 0) & (rank[dips] > before[dips])
    dips, depth = dips[believable], depth[believable]
    rank[dips] = before[dips] - np.maximum(before[dips] * depth, 1)
    visitor.write((s.SALES,), products=products, t=t, values=rank[None])


def look_prices(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's price job: lowest used and new item prices, and Amazon's own."""
    used = lowest_used(block).take(products)
    visitor.watch(products, used=used)
    shown = visitor.glitched(products, used=used, t=t, rng=rng)
    values = np.stack([shown, lowest_new(block).take(products), block.moods.amazon.take(products)])
    visitor.write((s.USED, s.NEW, s.AMAZON), products=products, t=t, values=values)


def lowest_used(block: Block) -> Array:
    """Lowest item price without shipping among each product's visible used offers; −1 for none."""
    shelf, last = block.shelf, block.world.used_slots
    hidden = shelf.landed[:last] & NO_OFFER  # NO_OFFER is a single bit above every price
    price = np.maximum(shelf.price[:last], hidden).min(axis=0)
    return np.where(price < NO_OFFER, price, s.NOTHING)


def lowest_new(block: Block) -> Array:
    """Lowest new price, landed, Amazon among the sellers (Keepa's definition since February 2026)."""
    landed = block.shelf.landed[block.world.used_slots :].min(axis=0)
    amazon = block.moods.amazon
    best = np.minimum(landed, np.where(amazon > 0, amazon, NO_OFFER))
    return np.where(best < NO_OFFER, best, s.NOTHING)


def look_counts(block: Block, visitor: Visitor, *, products: Array, t: Array, rng: np.random.Generator) -> None:
    """Keepa's counting job; now and then a page is misread and the count is far too low."""
    visible = (block.shelf.landed < NO_OFFER).view(np.int8)
    used = visible[: block.world.used_slots].sum(axis=0, dtype=np.int8)
    new = visible[block.world.used_slots :].sum(axis=0, dtype=np.int8) + (block.moods.amazon > 0)
    values = np.stack([used.take(products), new.take(products)]).astype(np.int32)
    misread = where_true(rng.random(len(products), np.float32) < block.world.count_glitch)
    values[0, misread] //= 3
    visitor.write((s.COUNT_USED, s.COUNT_NEW), products=products, t=t, values=values)


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
    landed, grade, fba = (column.take(products, axis=1) for column in (shelf.landed, shelf.grade, shelf.fba))
    amazon = block.moods.amazon.take(products)
    best = _best_places(landed, grade=grade, fba=fba, first_new=first_new)
    none = best >= NO_CODE
    flat = (best & ((1 << PLACE_BITS) - 1)) * block.size + products
    price, ship = shelf.price.take(flat), np.maximum(shelf.ship.take(flat), 0)
    values = np.empty((len(_OFFER_SERIES), len(products)), np.int32)
    values[:7] = np.where(none[:7], s.NOTHING, np.minimum(price[:7], s.MOST_PRICE) * s.SHIPPING_UNIT + ship[:7])
    values[7] = np.where(none[7], s.NOTHING, price[7] + ship[7])
    boxes = flat[5:7]
    holders = (shelf.seller.take(boxes).astype(np.int32) + 1) * 16 + shelf.grade.take(boxes) * 2 + shelf.fba.take(boxes)
    values[8:10] = np.where(none[5:7], s.NOTHING, holders)
    wins = where_true((amazon > 0) & (none[6] | (amazon < price[6] + ship[6])))
    values[6, wins], values[9, wins] = amazon[wins] * s.SHIPPING_UNIT, AMAZON_HOLDS
    visible = landed < NO_OFFER
    by_fba = (visible & fba)[first_new:].sum(axis=0, dtype=np.int32) + (amazon > 0)
    by_merchant = (visible & ~fba)[first_new:].sum(axis=0, dtype=np.int32)
    values[10] = np.where(by_fba > 0, by_fba, s.NOTHING)
    values[11] = np.where(by_merchant > 0, by_merchant, s.NOTHING)
    values[12] = visible.sum(axis=0, dtype=np.int32)
    visitor.diary.recorded[s.ROW[s.OFFER_FETCHES], products] = NEVER_RECORDED
    visitor.write(_OFFER_SERIES, products=products, t=t, values=values)


def _best_places(landed: Array, *, grade: Array, fba: Array, first_new: int) -> Array:
    """Codes of the places that win, by (series, product), in the order of the first eight offer series."""
    codes = place_codes(landed)
    boxes = place_codes(box_scores(landed, fba=fba, grade=grade))
    new, new_fba = codes[first_new:], fba[first_new:]
    contests = [np.where(grade[:first_new] == wanted, codes[:first_new], NO_CODE) for wanted in (2, 3, 4, 5)]
    contests += [np.where(new_fba, NO_CODE, new), boxes[:first_new], boxes[first_new:], np.where(new_fba, new, NO_CODE)]
    return np.stack([contest.min(axis=0) for contest in contests])


JOBS = ((RANK, look_rank), (PRICE, look_prices), (COUNT, look_counts), (OFFERS, look_offers))
