"""Playing our copy: the market answers as it would have, and the world it was taken from stays as it is."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest

from keepa_deals.simulator.looks import shown_offers
from keepa_deals.simulator.playing import OURS, Purchase, Stage, futures, play, set_stage
from keepa_deals.simulator.world import World
from tests.simulator.conftest import MINUTE

DAYS = 120


def purchases_of(world: World, *, most: int) -> list[Purchase]:
    """The cheapest used offer of the first products that have three of them."""
    found = []
    for product in range(world.size):
        used = [offer for offer in shown_offers(world, product=product, now=MINUTE) if offer.life.grade != 1]
        if len(used) >= 3:
            found.append(Purchase(product=product, offer=used[0].life.number, grade=used[0].life.grade))
    return found[:most]


@pytest.fixture(scope="module")
def stage(lived: World) -> Stage:
    return set_stage(lived, purchases=purchases_of(lived, most=30), minute=MINUTE)


def sold_shares(stage: Stage, *, factor: float, seed: int = 1) -> np.ndarray:
    """Share of 40 replicates sold within DAYS at `factor` × the worth of a copy, by column."""
    columns = list(range(stage.block.size))
    prices = [max(1, round(factor * worth)) for worth in stage.block.moods.worth.tolist()]
    fates = play(stage, columns=columns, list_cents=prices, replicates=40, inbound_days=21, days=DAYS, seed=seed)
    return np.array([np.isfinite(fate.sold_days).mean() for fate in fates])


def test_playing_leaves_the_world_as_it_was(world: World) -> None:
    untouched = copy.deepcopy(world)
    taken = set_stage(world, purchases=purchases_of(world, most=5), minute=MINUTE)
    play(taken, columns=[0, 1, 2], list_cents=[2_000] * 3, replicates=4, inbound_days=21, days=60, seed=1)
    later = MINUTE + 3 * 1440
    for one in (world, untouched):
        one.advance(later)
    for name, values in world.sales_between(0, later).items():
        assert np.array_equal(values, untouched.sales_between(0, later)[name])
    for product in range(world.size):
        theirs, ours = (shown_offers(one, product=product, now=later) for one in (untouched, world))
        assert [(o.life.number, o.price) for o in theirs] == [(o.life.number, o.price) for o in ours]


def test_playing_leaves_the_stage_as_it_was_and_the_same_seed_plays_the_same(stage: Stage) -> None:
    first, second, other = (sold_shares(stage, factor=0.9, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_bought_copy_is_off_the_shelf_and_comes_back_as_ours_alone(lived: World) -> None:
    bought = purchases_of(lived, most=8)
    stage = set_stage(lived, purchases=bought, minute=MINUTE)
    for column, purchase in enumerate(bought):
        block, place = lived.block_of(purchase.product)
        rows = np.flatnonzero(block.shelf.offer[:, place] == purchase.offer)
        before = int(block.shelf.copies[rows[0], place])
        after = stage.block.shelf
        still_there = (after.offer[:, column] == purchase.offer) & (after.leave[:, column] < 2**30 - 1)
        assert still_there.any() == (before > 1)
    for future in futures(stage, replicates=3, days=60, seed=1):
        assert (future.sales["seller"] != OURS).all()


def test_a_copy_is_never_sold_before_it_has_arrived(stage: Stage) -> None:
    fates = play(stage, columns=[0, 1, 2], list_cents=[1] * 3, replicates=30, inbound_days=21, days=DAYS, seed=1)
    for fate in fates:
        assert fate.sold_days.min() >= 20.0


def test_a_giveaway_is_sold_and_ten_times_the_worth_is_not(stage: Stage) -> None:
    assert sold_shares(stage, factor=0.0).min() >= 0.8
    assert sold_shares(stage, factor=10.0).max() <= 0.05


def test_the_chance_to_sell_falls_as_the_price_rises(stage: Stage) -> None:
    means = [sold_shares(stage, factor=factor).mean() for factor in (0.5, 0.8, 1.0, 1.3, 2.0)]
    assert all(dearer <= cheaper + 0.01 for cheaper, dearer in pairwise(means)), means
    assert means[0] - means[-1] > 0.3


def test_competitors_react_to_our_price(stage: Stage) -> None:
    """Others sell their used copies for less when one that never goes away stands beside them at half of its worth."""

    def others_mean(list_share: float) -> float:
        asked = Stage(minute=stage.minute, seed=stage.seed, block=copy.deepcopy(stage.block), grades=stage.grades)
        shelf, place = asked.block.shelf, asked.block.world.used_slots - 1
        worth = asked.block.moods.worth
        shelf.price[place] = shelf.landed[place] = (worth * list_share).astype(np.int32)
        shelf.grade[place], shelf.copies[place], shelf.leave[place] = 4, 30_000, 2**30 - 1
        shelf.back[place], shelf.seller[place] = 2**30, OURS
        sold = [future.sales for future in futures(asked, replicates=20, days=DAYS, seed=3)]
        prices = [
            sales["price"][(sales["grade"] != 1) & (sales["seller"] != OURS)] / value
            for sales, value in zip(sold, worth, strict=True)
        ]
        return float(np.concatenate(prices).mean())

    assert others_mean(0.5) < others_mean(5.0) - 0.02
