"""Keepa's looks at the market: four separate jobs with irregular gaps, which store changes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s
from keepa_deals.simulator.constants import MINUTES_PER_YEAR, WorldConstants
from keepa_deals.simulator.logs import Log, where_true
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

    def minutes(self, *, products: Array, start: Array, within: int, rng: np.random.Generator) -> Array:
        """Even minutes `within` the products' start, where nothing has moved yet."""
        t = start.take(products) + (rng.random(len(products), np.float32) * within).astype(np.int32)
        t &= -2
        return t

    def note(self, job: int, *, products: Array, t: Array, count: int) -> None:
        """Note visits at minutes `t`, which belong to step number `count`."""
        self.diary.latest[count % 3 * len(VISIT_JOBS) + job][products] = t

    def make_room(self, count: int) -> None:
        """Before step number `count` writes its visits: what it overwrites is history."""
        first = count % 3 * len(VISIT_JOBS)
        gone = self.diary.latest[first : first + len(VISIT_JOBS)].max(axis=0)
        np.maximum(self.diary.settled, gone, out=self.diary.settled)

    def plan_next(self, job: int, *, products: Array, after: int, rng: np.random.Generator) -> None:
        """Draw the next visit: log-normal gaps, shorter for what looks like a deal, sometimes an outage."""
        name, world = VISIT_JOBS[job], self.world
        n = len(products)
        usual = world.visit_gap_hours[name] * 60 / world.step_minutes
        watched = self.diary.watched.take(products)
        noise = rng.standard_normal(n, np.float32) * np.where(watched, np.float32(0.6), np.float32(1))
        gap = np.exp(np.float32(world.visit_gap_sigma) * noise) * self.titles.pace.take(products)
        gap *= np.where(watched, np.float32(usual * world.watched_factor[name]), np.float32(usual))
        outage = where_true(~watched & (rng.random(n, np.float32) < world.outage_chance))
        gap[outage] += world.steps_per_day * rng.uniform(*world.outage_days, len(outage))
        steps = np.maximum(np.rint(gap), 1).astype(np.int32)
        due = self.diary.due[job]
        due[products] = np.maximum(due.take(products) + steps, after)

    def write(self, kinds: tuple[int, ...], *, products: Array, t: Array, values: Array) -> None:
        """Record `values`, int32 by (series, product), of the series `kinds` where they differ from the record."""
        cells = self.diary.recorded.reshape(-1)
        keys = np.array([[s.ROW[kind] * self.size] for kind in kinds]) + products
        changed = where_true(cells.take(keys) != values)
        if len(changed):
            keys, values = keys.take(changed), values.take(changed)
            cells[keys] = values
            columns = changed - changed // len(products) * len(products)
            self.history.append(keys, t.take(columns), value=values)

    def watch(self, products: Array, *, used: Array) -> None:
        """Keepa looks more often at what has become cheap; `used` is the lowest used price, −1 for none."""
        diary = self.diary
        usual = diary.usual_price.take(products)
        price = np.where(used > 0, used.astype(np.float64), np.nan)
        fresh = np.where(np.isnan(usual), price, usual + 0.025 * (np.minimum(price, usual * 3) - usual))
        diary.usual_price[products] = np.where(np.isnan(price), usual, fresh)
        with np.errstate(invalid="ignore"):
            diary.watched[products] = price < 0.93 * usual

    def glitched(self, products: Array, *, used: Array, t: Array, rng: np.random.Generator) -> Array:
        """Used prices as recorded: now and then Keepa keeps a nonsense price for days."""
        diary, world = self.diary, self.world
        chance = world.price_glitch_per_year * world.visit_gap_hours["price"] * 60 / MINUTES_PER_YEAR
        struck = products[rng.random(len(products), np.float32) < chance]
        if len(struck):
            days = rng.uniform(*world.price_glitch_days, len(struck))
            diary.glitch_until[struck] = t.max() + (days * 1440).astype(np.int32)
            diary.glitch_factor[struck] = rng.uniform(*world.price_glitch_factor, len(struck))
        wrong = where_true((diary.glitch_until.take(products) > t) & (used > 0))
        shown = used.copy()
        shown[wrong] = np.minimum(used[wrong] * diary.glitch_factor[products[wrong]], s.MOST_PRICE)
        return shown


def last_visit(diary: Diary, *, now: int) -> Array:
    """Minute of the newest visit of any job to each product at `now`; 0 before the first."""
    newest: Array = np.where(diary.latest <= now, diary.latest, 0).max(axis=0)
    return np.maximum(diary.settled, newest)


PLACE_BITS = 5
NO_CODE = 2**30
"""Codes of places from here on say that there is no such offer."""


def place_codes(amount: Array) -> Array:
    """Amounts by (place, product) with the place in the lowest bits.

    The smallest code of a column names the smallest amount and its place at once.
    """
    places = np.arange(len(amount), dtype=np.int32)[:, None]
    return (np.minimum(amount, NO_CODE >> PLACE_BITS) << PLACE_BITS) + places


def box_scores(landed: Array, *, fba: Array, grade: Array) -> Array:
    """Who deserves the buy box, smallest first, in sixteenths of a cent: cheap, FBA and well graded offers win."""
    score = landed * np.where(fba, np.float32(16 * 0.93), np.float32(16)) * (1 + np.float32(0.02) * grade)
    return np.minimum(score, np.float32(NO_CODE)).astype(np.int32)
