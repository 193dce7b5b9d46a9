"""What is fixed about each product: what it is worth, how it sells, how it is watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator.constants import WorldConstants

Array = npt.NDArray[Any]

TEXTBOOK, PROFESSIONAL, YEAR_ROUND, OTHER = 0, 1, 2, 3

TEXTBOOK_MONTHS = (1.35, 1.10, 0.90, 0.80, 0.78, 0.88, 1.05, 1.55, 1.40, 0.85, 0.80, 0.95)
PROFESSIONAL_MONTHS = (1.05, 1.0, 1.12, 1.1, 0.98, 0.95, 0.97, 1.1, 1.08, 1.05, 0.92, 0.85)
YEAR_ROUND_MONTHS = (0.98, 0.97, 0.97, 0.97, 0.98, 0.98, 0.99, 1.0, 1.01, 1.03, 1.07, 1.08)

VISIT_JOBS = ("rank", "price", "count", "offers")


@dataclass(slots=True)
class Titles:
    """One row per product of a block; prices in cents, rates per step."""

    kind: Array
    value: Array
    new_multiple: Array
    season: Array
    drift: Array
    sales_used: Array
    sales_new: Array
    elasticity: Array
    arrivals_used: Array
    arrivals_new: Array
    occupancy_used: Array
    occupancy_new: Array
    amazon_ever: Array
    amazon_factor: Array
    rank_level: Array
    rank_dips: Array
    rankless: Array
    shift: Array
    pace: Array


def draw_titles(rng: np.random.Generator, *, size: int, world: WorldConstants) -> Titles:
    """The fixed facts of `size` products."""
    steps_per_year = 365.25 * 1440 / world.step_minutes
    kind = _kinds(rng, size=size, world=world)
    other = kind == OTHER
    sales = world.sales_median_year * np.exp(world.sales_sigma * rng.standard_normal(size))
    sales = np.clip(sales, 0.5, 500.0)
    mean = np.where(other, 0.2, world.used_share_mean)
    used_share = rng.beta(mean * world.used_share_weight, (1 - mean) * world.used_share_weight)
    life_steps = world.offer_life_days * 1440 / world.step_minutes
    low, high = world.offers_used
    crowd = np.clip((sales / world.sales_median_year) ** 0.25, 0.5, 1.5)
    occupancy_used = rng.uniform(low, high, size) * crowd * np.where(other, 0.35, 1.0)
    low, high = world.offers_new
    occupancy_new = rng.uniform(low, high, size) * np.where(other, 1.3, 1.0)
    sales_used = sales * used_share / steps_per_year
    sales_new = sales * (1 - used_share) / steps_per_year
    per_copy = 0.62 / world.refusal_allowance
    return Titles(
        kind=kind,
        value=np.clip(world.value_median * np.exp(world.value_sigma * rng.standard_normal(size)), 1100, 45000),
        new_multiple=rng.uniform(*world.new_multiple, size) * np.where(other, 0.6, 1.0),
        season=rng.uniform(*world.season_amplitude, size) * np.where(other, 0.5, 1.0),
        drift=rng.normal(-0.03, world.drift_sigma_year, size),
        sales_used=sales_used * world.refusal_allowance,
        sales_new=sales_new * world.refusal_allowance,
        elasticity=world.elasticity_median * np.exp(world.elasticity_sigma * rng.standard_normal(size)),
        arrivals_used=occupancy_used / life_steps + per_copy * sales_used,
        arrivals_new=occupancy_new / life_steps + 0.2 * sales_new,
        occupancy_used=occupancy_used,
        occupancy_new=occupancy_new,
        amazon_ever=rng.random(size) < world.amazon_share,
        amazon_factor=rng.uniform(0.9, 1.15, size),
        rank_level=np.exp(world.rank_level_sigma * rng.standard_normal(size)),
        rank_dips=rng.uniform(*world.rank_dips, size),
        rankless=rng.random(size) < world.rankless_share,
        shift=rng.integers(0, world.step_minutes, size).astype(np.int32),
        pace=np.exp(world.visit_pace_sigma * rng.standard_normal(size)).astype(np.float32),
    )


def _kinds(rng: np.random.Generator, *, size: int, world: WorldConstants) -> Array:
    draw = rng.random(size) / world.book_share
    book = np.where(
        draw < world.textbook_share,
        TEXTBOOK,
        np.where(draw < world.textbook_share + world.professional_share, PROFESSIONAL, YEAR_ROUND),
    )
    return np.where(draw < 1, book, OTHER).astype(np.int8)


def season_table() -> Array:
    """ln of the price multiplier by (kind, day of the year 0..365), for amplitude 1."""
    months = np.log(np.array([TEXTBOOK_MONTHS, PROFESSIONAL_MONTHS, YEAR_ROUND_MONTHS, YEAR_ROUND_MONTHS]))
    middles = np.arange(-1, 13) * 30.44 + 15.2
    wrapped = np.concatenate([months[:, -1:], months, months[:, :1]], axis=1)
    return np.stack([np.interp(np.arange(366), middles, row) for row in wrapped])
