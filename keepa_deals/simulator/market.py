"""A block of products living through time, step by step.

One step of a product: Keepa's visits first, then departures and arrivals, then repricing, then sales; each
event has its own minute in that order, and each product's steps begin at its own shift. The stream of random
numbers depends on (seed, block, step) only, so a block's life does not depend on who asks about it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.block import BY_CUSTOMER, BY_RESELLER, GONE, Block, Moods
from keepa_deals.simulator.constants import MINUTES_PER_YEAR, WorldConstants
from keepa_deals.simulator.demand import AMAZON_PLACE, REFUSED, Side, choose, customers, scouts
from keepa_deals.simulator.keepa_jobs import JOBS
from keepa_deals.simulator.logs import first_of_each, where_true
from keepa_deals.simulator.repricing import next_landed
from keepa_deals.simulator.shelf import ENDLESS, GRADE_FACTOR, HELD, NEVER, NO_OFFER, cheapest, empty_shelf, put_offers
from keepa_deals.simulator.titles import draw_titles, season_table
from keepa_deals.simulator.visits import COUNT, PRICE, RANK, Visitor, new_diary

Array = npt.NDArray[Any]


def new_block(*, number: int, size: int, seed: int, origin: int, world: WorldConstants) -> Block:
    """A block at its first step, shelves filled as after a long life."""
    rng = _stream(seed, number, 2**31 - 1)
    titles = draw_titles(rng, size=size, world=world)
    moods = Moods(
        shock=rng.normal(0, world.shock_sigma_day * np.sqrt(world.shock_memory_days / 2), size),
        regime=np.ones(size),
        worth=titles.value.copy(),
        demand=np.ones(size),
        amazon=np.where(titles.amazon_ever, 0, s.NOTHING).astype(np.int32),
        amazon_until=np.where(titles.amazon_ever, rng.integers(0, 400, size), NEVER).astype(np.int32),
        rank_memory=np.zeros((size, len(world.rank_memory_hours))),
        last_sale=np.zeros(size),
        rank_shift=np.ones(size),
        unrecorded_sales=np.zeros(size),
        rank_gap_until=np.zeros(size, np.int32),
        next_offer=np.zeros(size, np.int32),
    )
    hours = np.array(world.rank_memory_hours)
    per_hour = (titles.sales_used + titles.sales_new) / world.refusal_allowance / (world.step_minutes / 60)
    moods.rank_memory[:] = per_hour[:, None] * hours[None, :]
    moods.last_sale[:] = origin - 60 * rng.exponential(1 / per_hour)
    block = Block(
        number=number,
        seed=seed,
        origin=origin,
        world=world,
        titles=titles,
        shelf=empty_shelf(products=size, places=world.used_slots + world.new_slots),
        moods=moods,
        diary=new_diary(rng, size=size, step=0),
    )
    _Step(block, rng=rng).fill_shelves()
    return block


def live(block: Block) -> None:
    """Let one stride pass, with Keepa looking on."""
    _pass(block, seen=True)


def live_unseen(block: Block) -> None:
    """Let one stride pass that Keepa does not look at; the rank is not kept either."""
    _pass(block, seen=False)


def _pass(block: Block, *, seen: bool) -> None:
    stride = block.stride
    _Step(block, rng=_stream(block.seed, block.number, block.step)).run(seen=seen)
    block.step += stride
    block.lived += 1


def _stream(seed: int, number: int, step: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence((seed, number, step))))


SEASONS = season_table()


class _Step:
    """One step of one block."""

    def __init__(self, block: Block, *, rng: np.random.Generator) -> None:
        self.block = block
        self.rng = rng
        self.world = block.world
        self.step = block.step
        self.stride = block.stride
        self.after = block.step + block.stride
        self.minutes = self.stride * block.world.step_minutes
        self.start = (block.start_of(block.step) + block.titles.shift).astype(np.int32)
        self.keeps_asks = block.start_of(block.step) >= block.keep_offers_from

    def run(self, *, seen: bool) -> None:
        if self.step % self.world.steps_per_day == 0:
            self._new_day()
        if seen and self.stride > 1:
            self._forget_and_count_sales()
            self._visits()
        elif seen:
            self._visits()
            self._forget_and_count_sales()
        self._departures()
        self._arrivals()
        self._amazon()
        self._repricing()
        self._selling()

    def fill_shelves(self) -> None:
        """The first shelves, with offers that have been there for a while."""
        world, titles = self.world, self.block.titles
        self._new_day()
        chance = np.concatenate(
            [
                np.tile(titles.occupancy_used / world.used_slots, (world.used_slots, 1)),
                np.tile(titles.occupancy_new / world.new_slots, (world.new_slots, 1)),
            ]
        )
        flat = where_true(self.rng.random(chance.shape) < chance)
        age = self.rng.exponential(world.offer_life_days * 1440, len(flat)).astype(np.int32)
        self._put(flat, minute=self.start[self._products(flat)] - age)

    @property
    def _sides(self) -> tuple[Array, Array]:
        """Landed prices of the used and of the new places."""
        landed, first_new = self.block.shelf.landed, self.world.used_slots
        return landed[:first_new], landed[first_new:]

    @property
    def _places(self) -> int:
        return len(self.block.shelf.price)

    def _products(self, flat: Array) -> Array:
        """Products of flat places; what `%` says, several times quicker."""
        products: Array = flat - flat // self.block.size * self.block.size
        return products

    def _minutes(self, products: Array, *, phase: tuple[float, float]) -> Array:
        low, high = (int(part * self.minutes) for part in phase)
        later = low + self.rng.random(len(products), np.float32) * (high - low)
        return self.start.take(products) + later.astype(np.int32)

    def _new_day(self) -> None:
        """Worth and demand for the day: season, drift, shocks, new editions."""
        block, world, rng = self.block, self.world, self.rng
        titles, moods = block.titles, block.moods
        day = block.start_of(self.step) / 1440
        season = titles.season * SEASONS[titles.kind, int(day % 365.25)]
        moods.shock *= 1 - 1 / world.shock_memory_days
        moods.shock += world.shock_sigma_day * rng.standard_normal(block.size)
        broken = where_true(rng.random(block.size) < world.regime_per_year / 365.25)
        moods.regime[broken] *= rng.uniform(*world.regime_factor, len(broken))
        shifted = where_true(rng.random(block.size) < world.level_shift_per_year / 365.25)
        moods.rank_shift[shifted] = np.exp(rng.normal(0, 0.2, len(shifted)))
        hidden = where_true(rng.random(block.size) < world.rank_gap_share / 365.25)
        length = rng.exponential(world.rank_gap_days * 1440, len(hidden))
        moods.rank_gap_until[hidden] = self.start[hidden] + length.astype(np.int32)
        years = (day - block.origin / 1440) / 365.25
        ln_worth = season + titles.drift * years + moods.shock
        moods.worth = titles.value * moods.regime * np.exp(ln_worth)
        moods.demand = np.exp(world.season_demand * season)

    def _visits(self) -> None:
        block, rng = self.block, self.rng
        visitor = Visitor(block.diary, history=block.history, titles=block.titles, world=self.world)
        visitor.make_room(self.block.lived)
        opened = np.zeros(block.size, np.int32)
        for job, look in JOBS:
            due = visitor.due(job, before=self.after)
            shared = job in (PRICE, COUNT)
            products = np.union1d(due, where_true(opened)) if shared else due
            t = visitor.minutes(products=products, start=self.start, within=self.minutes * 3 // 10, rng=rng)
            if shared:
                t = np.where(opened[products] > 0, opened[products], t)
            visitor.note(job, products=products, t=t, count=self.block.lived)
            look(block, visitor, products=products, t=t, rng=rng)
            visitor.plan_next(job, products=products, after=self.after, rng=rng)
            if job == RANK:
                wide = rng.random(len(products), np.float32) < self.world.shared_page
                opened[products[wide]] = t[wide]

    def _forget_and_count_sales(self) -> None:
        """The rank's memory fades; sales of the step before enter it now.

        Where steps are lived singly, visits come first: the rank lags by hours. In a long stride that would be days.
        """
        moods, world = self.block.moods, self.world
        hours = np.array(world.rank_memory_hours)
        moods.rank_memory *= np.exp(-self.minutes / 60 / hours)
        sold = where_true(moods.unrecorded_sales)
        moods.rank_memory[sold] += moods.unrecorded_sales[sold, None]
        moods.last_sale[sold] = self.start[sold] - self.rng.uniform(0, 0.3, len(sold)) * self.minutes
        moods.unrecorded_sales[sold] = 0

    def _departures(self) -> None:
        shelf, rng, world = self.block.shelf, self.rng, self.world
        leaving = where_true(shelf.leave.ravel() < self.after)
        self._remove(leaving, minute=self._minutes(self._products(leaving), phase=(0.3, 0.4)))
        back = where_true(shelf.back.ravel() < self.after)
        minute = self._minutes(self._products(back), phase=(0.3, 0.4))
        price = shelf.price.ravel()[back]
        shelf.landed.ravel()[back] = price + np.maximum(shelf.ship.ravel()[back], 0)
        shelf.back.ravel()[back] = NEVER
        self._log(back, minute=minute, before=np.full(len(back), GONE), after=price)
        self._holidays(world.flicker_per_year * self.minutes / MINUTES_PER_YEAR, rng=rng)

    def _holidays(self, chance: float, *, rng: np.random.Generator) -> None:
        """Some offers vanish for days and come back; sometimes several of a product leave for good."""
        shelf, world = self.block.shelf, self.world
        flat = rng.integers(0, shelf.landed.size, rng.poisson(shelf.landed.size * chance))
        flat = flat[first_of_each(flat)]
        flat = flat[(shelf.landed.ravel()[flat] < NO_OFFER) & (shelf.policy.ravel()[flat] != HELD)]
        days = rng.exponential(5.0, len(flat)) + 0.3
        shelf.back.ravel()[flat] = self.after + (days * 1440 / world.step_minutes).astype(np.int32)
        shelf.landed.ravel()[flat] = NO_OFFER
        minute = self._minutes(self._products(flat), phase=(0.3, 0.4))
        self._log(flat, minute=minute, before=shelf.price.ravel()[flat], after=np.full(len(flat), GONE))
        groups = self.block.size * world.group_exit_per_year * self.minutes / MINUTES_PER_YEAR
        hit = rng.integers(0, self.block.size, rng.poisson(groups))
        members = hit[:, None] + self.block.size * rng.integers(0, self._places, (len(hit), 6))
        members = members.ravel()
        members = members[(shelf.leave.ravel()[members] < NEVER) & (shelf.policy.ravel()[members] != HELD)]
        shelf.leave.ravel()[members] = self.after

    def _remove(self, flat: Array, *, minute: Array) -> None:
        """Take offers off the shelf for good."""
        shelf = self.block.shelf
        visible = shelf.landed.ravel()[flat] < NO_OFFER
        price = np.where(visible, shelf.price.ravel()[flat], GONE)
        self._log(flat, minute=minute, before=price, after=np.full(len(flat), GONE))
        if self.keeps_asks:
            self.block.departed.append(
                self._products(flat),
                minute,
                **{name: getattr(shelf, name).ravel()[flat] for name in self.block.departed.columns},
            )
        shelf.landed.ravel()[flat] = NO_OFFER
        for column in (shelf.leave, shelf.back, shelf.reprice):
            column.ravel()[flat] = NEVER

    def _log(self, flat: Array, *, minute: Array, before: Array, after: Array) -> None:
        if self.keeps_asks:
            offer = self.block.shelf.offer.ravel()[flat]
            key = self._products(flat) * self._places + flat // self.block.size
            self.block.asks.append(key, minute, offer=offer, before=before, after=after)

    def _arrivals(self) -> None:
        titles, shelf, rng, world = self.block.titles, self.block.shelf, self.rng, self.world
        found = []
        for rate, first, last in (
            (titles.arrivals_used, 0, world.used_slots),
            (titles.arrivals_new, world.used_slots, self._places),
        ):
            products = where_true(rng.random(self.block.size, np.float32) < rate * self.stride)
            leave, back = (column[first:last].take(products, axis=1) for column in (shelf.leave, shelf.back))
            free = (leave >= NEVER) & (back >= NEVER)
            place = first + free.argmax(axis=0)
            found.append((place * self.block.size + products)[free.any(axis=0)])
        flat = np.concatenate(found)
        minute = self._minutes(self._products(flat), phase=(0.4, 0.5))
        self._put(flat, minute=minute)
        self._log(flat, minute=minute, before=np.full(len(flat), GONE), after=shelf.price.ravel()[flat])

    def _put(self, flat: Array, *, minute: Array) -> None:
        block, world = self.block, self.world
        products = self._products(flat)
        worth = block.moods.worth[products]
        used = flat < world.used_slots * block.size
        lowest = np.where(used, *(side.min(axis=0).take(products) for side in self._sides))
        numbers = block.moods.next_offer[products] + flat // block.size
        np.maximum.at(block.moods.next_offer, products, (numbers + 1).astype(np.int32))
        put_offers(
            block.shelf,
            flat=flat,
            worth=worth,
            new_worth=worth * block.titles.new_multiple[products],
            lowest=lowest,
            minute=minute,
            step=self.after - 1,
            numbers=numbers,
            rng=self.rng,
            world=world,
        )

    def _amazon(self) -> None:
        """Amazon comes and goes where it sells at all, and moves its own price."""
        block, world, rng = self.block, self.world, self.rng
        titles, moods = block.titles, block.moods
        turn = where_true(moods.amazon_until < self.after)
        on = moods.amazon[turn] > 0
        days = rng.exponential(np.where(on, world.amazon_off_days, world.amazon_on_days))
        moods.amazon_until[turn] = self.after + (days * 1440 / world.step_minutes).astype(np.int32)
        price = moods.worth * titles.new_multiple * titles.amazon_factor
        moods.amazon[turn] = np.where(on, s.NOTHING, price[turn])
        moved = where_true((moods.amazon > 0) & (rng.random(block.size, np.float32) < 0.02 * self.stride))
        moods.amazon[moved] = price[moved] * np.exp(rng.normal(0, 0.04, len(moved)))

    def _repricing(self) -> None:
        block, shelf, rng, world = self.block, self.block.shelf, self.rng, self.world
        reprice, landed = shelf.reprice.reshape(-1), shelf.landed.reshape(-1)
        flat = where_true(reprice < self.after)
        wait = rng.standard_exponential(len(flat), np.float32) * shelf.pace.take(flat)
        reprice[flat] = self.after + wait.astype(np.int32)
        own = landed.take(flat)
        there = own < NO_OFFER
        flat, own = flat[there], own[there]
        products, used = self._products(flat), flat < world.used_slots * block.size
        low_used, second_used = cheapest(self._sides[0])
        low_new, second_new = cheapest(self._sides[1])
        low = np.where(used, low_used.take(products), low_new.take(products))
        second = np.where(used, second_used.take(products), second_new.take(products))
        factor = GRADE_FACTOR.take(shelf.grade.take(flat))
        new_worth = block.moods.worth * block.titles.new_multiple
        target = next_landed(
            policy=shelf.policy.take(flat),
            own=own,
            fair=np.where(used, block.moods.worth.take(products) * factor, new_worth.take(products)),
            rival=np.where(own == low, second, low),
            floor=shelf.floor.take(flat),
            rng=rng,
            world=world,
        )
        self._set_prices(flat, landed=target)

    def _set_prices(self, flat: Array, *, landed: Array) -> None:
        shelf = self.block.shelf
        ship = np.maximum(shelf.ship.take(flat), 0)
        price = np.clip(landed - ship, 50, 490_000).astype(np.int32)
        before = shelf.price.take(flat)
        moved = where_true(price != before)
        flat, price, before = flat[moved], price[moved], before[moved]
        shelf.price.reshape(-1)[flat] = price
        shelf.landed.reshape(-1)[flat] = price + ship[moved]
        if self.keeps_asks:
            minute = self._minutes(self._products(flat), phase=(0.5, 0.7))
            self._log(flat, minute=minute, before=before, after=price)

    def _selling(self) -> None:
        block, rng, world = self.block, self.rng, self.world
        shelf, moods = block.shelf, block.moods
        products, place = self._customers()
        from_amazon = products[place == AMAZON_PLACE]
        self._record_amazon_sales(from_amazon)
        bought = place > REFUSED + 1
        lowest = self._sides[0].min(axis=0)
        scouted, scout_place = scouts(
            shelf, worth=moods.worth, lowest=lowest, minutes=self.minutes, rng=rng, world=world
        )
        flat = np.concatenate([place[bought] * block.size + products[bought], scout_place * block.size + scouted])
        cause = np.concatenate(
            [np.full(bought.sum(), BY_CUSTOMER, np.int32), np.full(len(scouted), BY_RESELLER, np.int32)]
        )
        first = first_of_each(flat)
        self._sell(flat[first], cause=cause[first])

    def _customers(self) -> tuple[Array, Array]:
        """Who came, by product, and the place that each bought from, as `choose` tells it."""
        block, rng, world = self.block, self.rng, self.world
        shelf, moods, titles = block.shelf, block.moods, block.titles
        used = Side(places=slice(0, world.used_slots), first=0, worth=moods.worth)
        new = Side(
            places=slice(world.used_slots, None), first=world.used_slots, worth=moods.worth * titles.new_multiple
        )
        for_used, for_new = customers(titles, demand=moods.demand, steps=self.stride, rng=rng)
        places = [
            choose(shelf, titles, side=side, products=products, amazon=amazon, rng=rng, world=world)
            for side, products, amazon in ((used, for_used, None), (new, for_new, moods.amazon))
        ]
        return np.concatenate([for_used, for_new]), np.concatenate(places)

    def _record_amazon_sales(self, products: Array) -> None:
        moods, n = self.block.moods, len(products)
        zeros, price = np.zeros(n, np.int32), moods.amazon[products]
        minute = self._minutes(products, phase=(0.7, 1.0))
        self.block.sales.append(
            products,
            minute,
            grade=zeros + 1,
            price=price,
            ship=zeros,
            seller=zeros - 1,
            cause=zeros,
            lowest=price,
            left=zeros + ENDLESS,
        )
        np.add.at(moods.unrecorded_sales, products, 1.0)

    def _sell(self, flat: Array, *, cause: Array) -> None:
        block, shelf = self.block, self.block.shelf
        products = self._products(flat)
        minute = self._minutes(products, phase=(0.7, 1.0))
        used = flat < self.world.used_slots * block.size
        used_lowest, new_lowest = (side.min(axis=0).take(products) for side in self._sides)
        copies = shelf.copies.ravel()[flat]
        left = np.where(copies == ENDLESS, ENDLESS, copies - 1)
        block.sales.append(
            products,
            minute,
            grade=shelf.grade.ravel()[flat].astype(np.int32),
            price=shelf.price.ravel()[flat],
            ship=shelf.ship.ravel()[flat].astype(np.int32),
            seller=shelf.seller.ravel()[flat].astype(np.int32),
            cause=cause,
            lowest=np.where(used, used_lowest, new_lowest),
            left=left.astype(np.int32),
        )
        np.add.at(block.moods.unrecorded_sales, products, 1.0)
        shelf.copies.ravel()[flat] = left
        last = where_true(copies == 1)
        self._remove(flat[last], minute=minute[last])
