"""The world: the same for the same seed, the same after a restart, and no easier than what was measured."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keepa_deals.simulator import series as s
from keepa_deals.simulator.building import build_in_memory, open_world
from keepa_deals.simulator.cache import LookJournal
from keepa_deals.simulator.catalogue import asin_of, ean13, isbn10
from keepa_deals.simulator.constants import WORLD_A, WORLD_B, WorldConstants, world_named
from keepa_deals.simulator.errors import SimulatorMisconfigured
from keepa_deals.simulator.looks import look_now, shown_offers
from keepa_deals.simulator.world import World
from tests.simulator.conftest import MINUTE

DAY = 1440
TINY = replace(WORLD_A, history_days=45, fine_days=20)


def recorded(world: World, *, now: int) -> list[Any]:
    """What Keepa had recorded of every product by `now`."""
    return [
        {kind: (t.tolist(), v.tolist()) for kind, (t, v) in world.series_of(n, now=now).items()}
        for n in range(world.size)
    ]


def known(world: World, *, now: int) -> list[Any]:
    """Everything that Keepa knows of every product at `now`, in a form that compares."""
    return [
        (
            world.article(n),
            world.last_visit(n, now=now),
            {kind: (t.tolist(), v.tolist()) for kind, (t, v) in world.series_of(n, now=now).items()},
            [(o.life.number, o.price, o.life.seller) for o in shown_offers(world, product=n, now=now)],
        )
        for n in range(world.size)
    ]


def test_the_same_seed_and_instant_give_the_same_world(now_minute: int) -> None:
    first, second = (build_in_memory(seed=8, size=25, now=now_minute, world=TINY) for _ in range(2))
    assert known(first, now=now_minute) == known(second, now=now_minute)
    third = asin_of(0, kind=0, seed=9)
    assert third != asin_of(0, kind=0, seed=8)


def test_a_world_that_lived_on_equals_one_built_later(now_minute: int) -> None:
    later = now_minute + 3 * DAY
    lived = build_in_memory(seed=8, size=25, now=now_minute, world=TINY)
    before = recorded(lived, now=now_minute)
    lived.advance(later)
    assert recorded(lived, now=now_minute) == before, "the past must not change"
    built = build_in_memory(seed=8, size=25, now=later, world=TINY)
    if built.origin == lived.origin:
        assert known(lived, now=later) == known(built, now=later)
    assert recorded(lived, now=later) != before


def test_a_restart_from_the_cache_changes_nothing(tmp_path: Path, now_minute: int) -> None:
    def opened(now: int) -> tuple[World, LookJournal]:
        world, journal = open_world(seed=4, size=25, now=now, world=TINY, cache=tmp_path)
        world.journal = journal.write
        return world, journal

    steady, journal = opened(now_minute)
    for product in range(0, 25, 3):
        look_now(steady, product=product, now=now_minute + 7, with_offers=True)
    later = now_minute + 2 * DAY
    steady.advance(later)
    look_now(steady, product=1, now=later, with_offers=True)
    journal.close()
    restarted, journal = opened(later + 5)
    journal.close()
    steady.advance(later + 5)
    assert known(restarted, now=later + 5) == known(steady, now=later + 5)


def test_a_live_look_sees_the_shop_as_it_is(world: World, now_minute: int) -> None:
    for product in range(0, 60):
        look_now(world, product=product, now=now_minute, with_offers=True)
        shown = shown_offers(world, product=product, now=now_minute)
        series = world.series_of(product, now=now_minute)
        used = [offer for offer in shown if offer.life.grade != 1]
        assert series[s.USED][1][-1] == min((offer.price for offer in used), default=-1)
        assert series[s.COUNT_USED][1][-1] == len(used)
        good = [offer.landed for offer in used if offer.life.grade == 4]
        assert sum(s.unpack_price(int(series[s.USED_GOOD][1][-1]))) == min(good, default=-2)


def test_a_look_does_not_move_the_market(world: World, now_minute: int) -> None:
    untouched = copy.deepcopy(world)
    for product in range(0, 40):
        look_now(world, product=product, now=now_minute, with_offers=True)
    later = now_minute + 2 * DAY
    world.advance(later)
    untouched.advance(later)
    assert np.array_equal(world.sales_between(0, later)["t"], untouched.sales_between(0, later)["t"])
    for product in range(world.size):
        theirs, ours = (
            [(offer.life.number, offer.price) for offer in shown_offers(one, product=product, now=later)]
            for one in (untouched, world)
        )
        assert theirs == ours


def test_every_sold_copy_was_on_offer_at_its_price(lived: World, now_minute: int) -> None:
    sales = lived.sales_between(now_minute - 60 * DAY, now_minute)
    checked = 0
    for row in np.flatnonzero(sales["seller"] >= 0)[:300]:
        lives = lived.offers_of(int(sales["product"][row]))
        minute, price = int(sales["t"][row]), int(sales["price"][row])
        sold = [life for life in lives if life.price_at(minute - 1) == price and life.seller == sales["seller"][row]]
        assert sold, f"sale {row} of nothing that was offered"
        checked += 1
    assert checked > 100


def test_points_are_in_order_even_and_changes_only(lived: World, now_minute: int) -> None:
    for product in range(lived.size):
        for kind, (t, v) in lived.series_of(product, now=now_minute).items():
            assert (np.diff(t) >= 0).all()
            assert (t % 2 == 0).all()
            assert t[-1] <= now_minute
            if kind != s.OFFER_FETCHES:
                assert (v[1:] != v[:-1]).all()


def test_numbers_on_books_have_valid_check_digits(lived: World) -> None:
    assert isbn10(30640615) == "0306406152"
    assert ean13("978030640615") == "9780306406157"
    for number in range(lived.size):
        article = lived.article(number)
        if article.is_book:
            digits = [10 if letter == "X" else int(letter) for letter in article.asin]
            assert sum((10 - place) * digit for place, digit in enumerate(digits)) % 11 == 0
            assert article.ean == ean13("978" + article.asin[:9])
    assert len({lived.article(number).asin for number in range(lived.size)}) == lived.size


def test_an_unknown_world_is_refused_with_the_choices() -> None:
    assert world_named("a") is WORLD_A
    assert world_named("B") is WORLD_B
    with pytest.raises(SimulatorMisconfigured, match="choose one of A, B"):
        world_named("Z")


@pytest.fixture(scope="module")
def sold(lived: World) -> dict[str, Any]:
    return lived.sales_between(MINUTE - 365 * DAY, MINUTE)


class TestWhatJudgingMeets:
    """The world must be as hard as the histories that were measured; ranges are wide, worlds are small."""

    def drops(self, world: World, *, product: int, now: int) -> int:
        series, total = world.series_of(product, now=now), 0
        for kind in (s.COUNT_NEW, s.COUNT_USED):
            t, v = series.get(kind, (np.zeros(0), np.zeros(0)))
            total += int((np.diff(v[t > now - 365 * DAY]) < 0).sum())
        return total

    @pytest.mark.parametrize(("low", "high", "least", "most"), [(1, 4, 4, 20), (8, 20, 1.2, 5), (20, 60, 0.5, 2.5)])
    def test_offer_drops_outnumber_the_sales_of_slow_titles(
        self,
        lived: World,
        sold: dict[str, Any],
        now_minute: int,
        low: int,
        high: int,
        least: float,
        most: float,
    ) -> None:
        count = np.bincount(sold["product"], minlength=lived.size)
        products = np.flatnonzero((count >= low) & (count < high))
        ratios = [self.drops(lived, product=int(p), now=now_minute) / count[p] for p in products]
        assert least <= np.median(ratios) <= most

    def test_the_cheapest_copy_is_sold_in_two_of_five_used_sales(self, sold: dict[str, Any]) -> None:
        used = sold["grade"] != 1
        landed = sold["price"] + np.maximum(sold["ship"], 0)
        assert 0.33 <= (landed[used] <= sold["lowest"][used]).mean() <= 0.43

    def test_a_third_of_used_sales_leave_the_count_alone(self, sold: dict[str, Any]) -> None:
        assert 0.2 <= (sold["left"][sold["grade"] != 1] > 0).mean() <= 0.42

    def test_most_rank_decreases_of_slow_titles_are_jitter(
        self, lived: World, sold: dict[str, Any], now_minute: int
    ) -> None:
        count = np.bincount(sold["product"], minlength=lived.size)
        falls, jitter = [], []
        for product in np.flatnonzero((count >= 1) & (count < 12)):
            t, v = lived.series_of(int(product), now=now_minute).get(s.SALES, (np.zeros(0), np.zeros(0)))
            t, v = t[v > 0], v[v > 0]
            step = np.log(v[:-1] / v[1:])[t[1:] > now_minute - 365 * DAY]
            falls += step[step >= 0.05].tolist()
            jitter.append(int(((step > 0) & (step < 0.05)).sum()))
        assert 5 <= np.median(jitter) <= 45
        assert 0.15 <= len(falls) / (len(falls) + sum(jitter)) <= 0.6

    def test_a_sale_divides_the_rank_by_about_four(self, lived: World, sold: dict[str, Any], now_minute: int) -> None:
        count = np.bincount(sold["product"], minlength=lived.size)
        falls = []
        for product in np.flatnonzero((count >= 4) & (count < 40)):
            _, v = lived.series_of(int(product), now=now_minute).get(s.SALES, (np.zeros(0), np.zeros(0)))
            step = np.log(v[v > 0][:-1] / v[v > 0][1:])
            falls += step[step >= 0.05].tolist()
        low, middle, high = np.quantile(falls, [0.05, 0.5, 0.95])
        assert 0.05 <= low <= 0.5
        assert 0.8 <= middle <= 1.8
        assert 2.2 <= high <= 3.6

    def test_sale_rates_spread_as_widely_as_real_ones(self, lived: World, sold: dict[str, Any]) -> None:
        used = np.bincount(sold["product"][sold["grade"] != 1], minlength=lived.size)
        books = np.array([lived.article(number).is_book for number in range(lived.size)])
        low, middle, high = np.quantile(used[books], [0.05, 0.5, 0.95])
        assert low <= 3
        assert 5 <= middle <= 18
        assert 30 <= high <= 120

    def test_used_prices_move_as_often_as_real_ones(self, lived: World, now_minute: int) -> None:
        changes = []
        for product in range(lived.size):
            t, v = lived.series_of(product, now=now_minute).get(s.USED, (np.zeros(0), np.zeros(0)))
            moved = (t[1:] > now_minute - 365 * DAY) & (v[1:] > 0) & (v[:-1] > 0)
            changes.append(int(moved.sum()))
        assert 40 <= np.median(changes) <= 200


@pytest.fixture(scope="module")
def other(short_world: WorldConstants) -> World:
    second = replace(WORLD_B, history_days=short_world.history_days, fine_days=short_world.fine_days)
    return build_in_memory(seed=3, size=150, now=MINUTE, world=second)


class TestTheSecondWorld:
    """World B is no copy of A: where the two differ, they differ in what they show."""

    def test_more_sellers_have_several_copies(self, other: World) -> None:
        sales = other.sales_between(MINUTE - 365 * DAY, MINUTE)
        assert 0.42 <= (sales["left"][sales["grade"] != 1] > 0).mean() <= 0.6

    def test_keepa_looks_less_often(self, other: World, lived: World, now_minute: int) -> None:
        def points(world: World) -> float:
            return float(
                np.median([len(world.series_of(n, now=now_minute).get(s.SALES, ((),))[0]) for n in range(150)])
            )

        assert points(other) < 0.85 * points(lived)

    def test_fewer_copies_are_sold(self, other: World, lived: World) -> None:
        def a_title(world: World) -> float:
            sold = world.sales_between(MINUTE - 365 * DAY, MINUTE)["product"]
            return float(np.median(np.bincount(sold, minlength=world.size)[:150]))

        assert a_title(other) < 0.9 * a_title(lived)


def test_the_feed_is_refreshed_within_half_a_day(lived: World, now_minute: int, short_world: WorldConstants) -> None:
    visits = lived.last_visits(now_minute)
    assert visits.max() <= now_minute
    hourly = (visits > now_minute - 60).mean()
    assert (visits > now_minute - 720).mean() > 0.5
    assert hourly >= 1 / 20
    assert [lived.last_visit(n, now=now_minute) for n in range(lived.size)] == visits.tolist()
