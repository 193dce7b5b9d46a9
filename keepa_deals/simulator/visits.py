"""Keepa's looks at the market: four separate jobs with irregular gaps, which store changes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.constants import MINUTES_PER_YEAR, WorldConstants
from keepa_deals.simulator.logs import Log, where_true
from keepa_deals.simulator.shelf import NO_OFFER, Shelf
from keepa_deals.simulator.titles import VISIT_JOBS, Titles

Array = npt.NDArray[Any]

NOT_YET = -(2**30)
RANK, PRICE, COUNT, OFFERS = range(4)


@dataclass(slots=True)
class Diary:
    """What Keepa knows: next visits by (job, product), last recorded values by (series row, product)."""

    due: Array
    latest: Array
    """Minutes of the newest visits by (three steps × jobs, product): a step is lived ahead of the clock."""
    settled: Array
    """Newest visit before those, by product."""
    recorded: Array
    usual_price: Array
    watched: Array
    glitch_until: Array
    glitch_factor: Array


def new_diary(rng: np.random.Generator, *, size: int, step: int) -> Diary:
    """A diary at the first step: every job is due within the first days."""
    return Diary(
        due=(step + rng.integers(0, 12, (len(VISIT_JOBS), size))).astype(np.int32),
        latest=np.zeros((3 * len(VISIT_JOBS), size), np.int32),
        settled=np.zeros(size, np.int32),
        recorded=np.full((len(s.RECORDED), size), NOT_YET, np.int32),
        usual_price=np.full(size, np.nan),
        watched=np.zeros(size, bool),
        glitch_until=np.zeros(size, np.int32),
        glitch_factor=np.ones(size),
    )


class Visitor:
    """Makes the visits that are due. Everything it writes goes to `history`, keyed by series row × product."""

    def __init__(self, diary: Diary, *, history: Log, titles: Titles, world: WorldConstants) -> None:
        self.diary = diary
        self.history = history
        self.titles = titles
        self.world = world
        self.size = len(titles.value)

    def due(self, job: int, *, before: int) -> Array:
        """Products whose visit of this job falls before the step `before`."""
        return where_true(self.diary.due[job] < before)

    def minutes(
        self, job: int, *, products: Array, start: Array, within: int, count: int, rng: np.random.Generator
    ) -> Array:
        """Even minutes `within` the products' start, where nothing has moved yet. `count` numbers the steps."""
        t = start[products] + rng.integers(0, within, len(products))
        t = (t // 2 * 2).astype(np.int32)
        self.diary.latest[count % 3 * len(VISIT_JOBS) + job, products] = t
        return t

    def make_room(self, count: int) -> None:
        """Before step number `count` writes its visits: what it overwrites is history."""
        first = count % 3 * len(VISIT_JOBS)
        gone = self.diary.latest[first : first + len(VISIT_JOBS)].max(axis=0)
        np.maximum(self.diary.settled, gone, out=self.diary.settled)

    def plan_next(self, job: int, *, products: Array, after: int, rng: np.random.Generator) -> None:
        """Draw the next visit: log-normal gaps, shorter for what looks like a deal, sometimes an outage."""
        name, world = VISIT_JOBS[job], self.world
        n = len(products)
        watched = self.diary.watched[products]
        gap = world.visit_gap_hours[name] * self.titles.pace[products]
        noise = rng.standard_normal(n, dtype=np.float32) * np.where(watched, np.float32(0.6), np.float32(1))
        gap *= np.exp(np.float32(world.visit_gap_sigma) * noise)
        gap *= np.where(watched, world.watched_factor[name], 1.0)
        outage = ~watched & (rng.random(n, dtype=np.float32) < world.outage_chance)
        gap[outage] += 24 * rng.uniform(*world.outage_days, int(outage.sum()))
        steps = np.maximum(1, np.rint(gap * 60 / world.step_minutes)).astype(np.int32)
        self.diary.due[job, products] = np.maximum(after, self.diary.due[job, products] + steps)

    def write(self, kind: int, *, products: Array, t: Array, values: Array) -> None:
        """Record `values` of one series where they differ from what is on record."""
        row = s.ROW[kind]
        values = values.astype(np.int32)
        changed = where_true(self.diary.recorded[row, products] != values)
        if len(changed):
            products, values = products[changed], values[changed]
            self.diary.recorded[row, products] = values
            self.history.append(row * self.size + products, t[changed], value=values)

    def watch(self, products: Array, *, used: Array) -> None:
        """Keepa looks more often at what has become cheap; `used` is the lowest used price, −1 for none."""
        diary = self.diary
        usual = diary.usual_price[products]
        price = np.where(used > 0, used.astype(np.float64), np.nan)
        fresh = np.where(np.isnan(usual), price, usual + 0.025 * (np.minimum(price, usual * 3) - usual))
        diary.usual_price[products] = np.where(np.isnan(price), usual, fresh)
        with np.errstate(invalid="ignore"):
            diary.watched[products] = price < 0.93 * usual

    def glitched(self, products: Array, *, used: Array, t: Array, rng: np.random.Generator) -> Array:
        """Used prices as recorded: now and then Keepa keeps a nonsense price for days."""
        diary, world = self.diary, self.world
        hours = world.visit_gap_hours["price"]
        struck = products[rng.random(len(products)) < world.price_glitch_per_year * hours * 60 / MINUTES_PER_YEAR]
        if len(struck):
            days = rng.uniform(*world.price_glitch_days, len(struck))
            diary.glitch_until[struck] = t.max() + (days * 1440).astype(np.int32)
            diary.glitch_factor[struck] = rng.uniform(*world.price_glitch_factor, len(struck))
        wrong = (diary.glitch_until[products] > t) & (used > 0)
        return np.where(wrong, np.minimum(used * diary.glitch_factor[products], s.MOST_PRICE), used)


def last_visit(diary: Diary, *, now: int) -> Array:
    """Minute of the newest visit of any job to each product at `now`; 0 before the first."""
    newest: Array = np.where(diary.latest <= now, diary.latest, 0).max(axis=0)
    return np.maximum(diary.settled, newest)


def lowest_item(shelf: Shelf, *, products: Array, places: slice) -> Array:
    """Lowest item price without shipping among visible offers; −1 for none."""
    visible = shelf.landed[places, products] < NO_OFFER
    price = np.where(visible, shelf.price[places, products], NO_OFFER).min(axis=0)
    return np.where(price < NO_OFFER, price, s.NOTHING)


def packed_at(shelf: Shelf, *, products: Array, place: Array, landed: Array) -> Array:
    """Packed prices of the offers at `place`; −1 where `landed` says there is none."""
    price = shelf.price[place, products].astype(np.int64)
    ship = np.maximum(shelf.ship[place, products], 0)
    packed = np.minimum(price, s.MOST_PRICE) * s.SHIPPING_UNIT + ship
    return np.where(landed >= NO_OFFER, s.NOTHING, packed)


def cheapest_place(landed: Array, *, allowed: Array) -> tuple[Array, Array]:
    """(place, landed price) of the cheapest among `allowed` in each column; NO_OFFER where there is none."""
    masked = np.where(allowed, landed, NO_OFFER)
    best = masked.argmin(axis=0)
    return best, masked[best, np.arange(landed.shape[1])]


def box_place(landed: Array, *, fba: Array, grade: Array) -> tuple[Array, Array]:
    """(place, landed price) of the buy box in each column: cheap, FBA and well graded offers win."""
    score = landed * np.where(fba, np.float32(0.93), np.float32(1)) * (1 + np.float32(0.02) * grade)
    best = np.where(landed < NO_OFFER, score, np.inf).argmin(axis=0)
    return best, landed[best, np.arange(landed.shape[1])]
