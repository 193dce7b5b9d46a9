"""The moments at which deals are judged: what the service would see, and the truth that only the world knows.

A seed gives one simulated world at one instant, drawn from the year, and in it the products whose used price has fallen
far below its mean of 90 days: bargains and collapsed values alike, as the feed finds them. Each is looked at as a full
look does and read by the real parser. The `Playground` plays our copy in that same world.

Usage: python benchmarks/moments.py --world A --seed 51 [--last-seed 60] [--products 800] [--cache-dir DIR]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import numpy.typing as npt

from keepa_deals.keepa_json import parse_look
from keepa_deals.records import Offer, Product, Series
from keepa_deals.simulator.building import build_in_memory
from keepa_deals.simulator.cache import world_digest
from keepa_deals.simulator.constants import WorldConstants, world_named
from keepa_deals.simulator.deal_feed import OPEN_END, DealQuery, find_matches
from keepa_deals.simulator.looks import Asked, shown_offers
from keepa_deals.simulator.playing import Future, Purchase, Stage, futures, play, set_stage
from keepa_deals.simulator.product_json import ProductOptions, serve_product
from keepa_deals.simulator.sellers import seller_id
from keepa_deals.simulator.world import World
from keepa_deals.units import to_keepa_minutes

FIRST_INSTANT = datetime(2025, 11, 1, 15, 0, tzinfo=UTC)
PRODUCTS = 800
HISTORY_DAYS = 730
FALL_PERCENT = 30
"""How far below its mean of 90 days the used price of a moment lies at least."""
USED, NINETY_DAYS = 2, 3
SALVAGE = 0.5
DAY = 1440
FUTURE_REPLICATES = 40
DATA_VERSION = 1
"""Raise it when a moment comes to hold something else: cached ones are made anew then."""
FUTURE_DAYS = 270


@dataclass(frozen=True, slots=True)
class TrueSale:
    """One unit sold: Keepa minute, Keepa's condition (1 new, 2 to 5 used), what the buyer paid, in cents. The seller
    −1 is Amazon; a reseller bought it to sell it again."""

    minute: int
    is_used: bool
    grade: int
    item_cents: int
    ship_cents: int
    seller: int
    is_reseller: bool

    @property
    def landed_cents(self) -> int:
        return self.item_cents + self.ship_cents


@dataclass(frozen=True, slots=True)
class DealMoment:
    """A product that looks like a deal at one instant, as a full look shows it, with the truth before and after."""

    world: str
    seed: int
    number: int
    product: Product
    copy: Offer
    """the cheapest used offer with a known landed price: the one to buy"""
    now: datetime
    past: tuple[TrueSale, ...]
    """two years before `now`, both sides, oldest first"""
    future_landed_cents: float | None
    """mean landed price of used copies of the same grade ± 1 sold in the next 270 days if ours is bought and never
    offered, over replicates; None where none was sold"""
    future_used_sales: float
    """used copies sold in those days, mean of the replicates"""


@dataclass(frozen=True, slots=True)
class Played:
    """What became of our listing. `sold_days` by replicate, since the purchase, inf where unsold; `salvage_cents` half
    of what copies of its grade are sold for on the last day, mean of the unsold replicates (of all where each was
    sold)."""

    sold_days: npt.NDArray[np.float64]
    salvage_cents: float

    def sold_share(self, days: float) -> float:
        """The share of replicates in which it was sold within `days` of the purchase."""
        return float((self.sold_days <= days).mean())


@dataclass(frozen=True, slots=True)
class Playground:
    """The moments of one seed, ready to be played; small enough to be pickled."""

    stage: Stage
    sold_at: tuple[float, ...]
    """by moment: what copies of its grade are sold for, as a part of their worth"""

    def play(
        self,
        moments: Sequence[DealMoment],
        list_cents: Sequence[int],
        *,
        replicates: int = 100,
        inbound_days: int = 21,
        days: int = 270,
        seed: int = 0,
    ) -> list[Played]:
        """Buy the copy of each moment, offer it by FBA at its landed `list_cents` after `inbound_days`, hold that price
        until `days` after the purchase. One moment may come several times, with several prices."""
        fates = play(
            self.stage,
            columns=[moment.number for moment in moments],
            list_cents=list_cents,
            replicates=replicates,
            inbound_days=inbound_days,
            days=days,
            seed=seed,
        )
        return [
            _played(fate.sold_days, fate.worth_cents * self.sold_at[moment.number])
            for fate, moment in zip(fates, moments, strict=True)
        ]


def _sold_at(means: Sequence[float | None], coming: Sequence[Future]) -> tuple[float, ...]:
    """Mean sale price over mean worth by moment; where nothing was sold, the middle of the others."""
    known = [mean / one.worth_cents for mean, one in zip(means, coming, strict=True) if mean is not None]
    usual = statistics.median(known) if known else 1.0
    return tuple(usual if mean is None else mean / one.worth_cents for mean, one in zip(means, coming, strict=True))


def _played(sold_days: npt.NDArray[np.float64], fair: npt.NDArray[np.float64]) -> Played:
    unsold = np.isinf(sold_days)
    left = fair[unsold] if unsold.any() else fair
    return Played(sold_days=sold_days, salvage_cents=SALVAGE * float(left.mean()))


def instant_of(seed: int) -> datetime:
    """The instant at which a seed's world is looked at: some day of the year from November 2025, the same for both
    worlds. Neighbouring seeds lie far apart in the year, and any ten of them cover it."""
    day = seed * 0.6180339887 % 1 * 365
    return FIRST_INSTANT + timedelta(minutes=int(day * DAY))


def close_up(world: str) -> WorldConstants:
    """The constants of a world lived in strides of eight hours at most, since sales are dated from its history."""
    return replace(world_named(world), coarse_stride=2)


def deal_moments(world: str, seed: int, *, products: int = PRODUCTS) -> tuple[list[DealMoment], Playground]:
    """All deal moments of a seed's world, and where to play them. The same arguments give the same answer.

    Raises ValueError where the world has none: it is too small.
    """
    now = instant_of(seed)
    minute = to_keepa_minutes(now)
    lived = build_in_memory(seed=seed, size=products, now=minute, world=close_up(world))
    lived.advance(minute)
    seen = [found for product in _fallen(lived, minute=minute) if (found := _look(lived, product=product, now=now))]
    if not seen:
        raise ValueError(
            f"World {world} of seed {seed} has no deal among its {products} products; ask for more of them."
        )
    stage = set_stage(lived, purchases=[purchase for _, _, purchase in seen], minute=minute)
    coming = futures(stage, replicates=FUTURE_REPLICATES, days=FUTURE_DAYS, seed=seed)
    means = [_mean_landed(one.sales, grade=int(stage.grades[number])) for number, one in enumerate(coming)]
    past = _past_sales(lived, products=[purchase.product for _, _, purchase in seen], minute=minute)
    moments = [
        DealMoment(
            world=world,
            seed=seed,
            number=number,
            product=product,
            copy=copy,
            now=now,
            past=past[number],
            future_landed_cents=means[number],
            future_used_sales=float((coming[number].sales["grade"] != 1).sum() / FUTURE_REPLICATES),
        )
        for number, (product, copy, _) in enumerate(seen)
    ]
    return moments, Playground(stage=stage, sold_at=_sold_at(means, coming))


def cached_moments(
    world: str, seed: int, *, products: int = PRODUCTS, cache: Path | None
) -> tuple[list[DealMoment], Playground]:
    """`deal_moments`, read back from `cache` where the same world was played before; None keeps nothing."""
    if cache is None:
        return deal_moments(world, seed, products=products)
    told = world_digest(seed=seed, size=products, world=close_up(world))
    path = cache / f"{told}-{_own_digest()}.pickle"
    if path.exists():
        with path.open("rb") as file:
            kept: tuple[list[DealMoment], Playground] = pickle.load(file)
        return kept
    made = deal_moments(world, seed, products=products)
    cache.mkdir(parents=True, exist_ok=True)
    making = path.with_suffix(f".{random.getrandbits(32)}.making")
    with making.open("wb") as file:
        pickle.dump(made, file)
    making.replace(path)
    return made


def _own_digest() -> str:
    """A name for what decides the moments besides the living world: how they are looked at and played."""
    held = [[f.name for f in fields(kind)] for kind in (Product, Offer, Series, DealMoment, TrueSale, Stage)]
    told = hashlib.sha256(json.dumps([DATA_VERSION, held]).encode())
    package = Path(__file__).resolve().parent.parent / "keepa_deals"
    for name in ("simulator/playing.py", "simulator/product_json.py", "simulator/deal_feed.py", "keepa_product.py"):
        told.update((package / name).read_bytes())
    return told.hexdigest()[:12]


def _fallen(world: World, *, minute: int) -> list[int]:
    """Products of the feed with a used price from $10 to $451 and a rank, that lies far below its mean of 90 days."""
    query = DealQuery(
        price_type=USED,
        date_range=NINETY_DAYS,
        filters=True,
        ranges=True,
        current=(1_000, 45_100),
        delta_percent=(FALL_PERCENT, OPEN_END),
        rank=(1, OPEN_END),
    )
    return sorted(find_matches(world, query=query, now=minute).products)


def _look(world: World, *, product: int, now: datetime) -> tuple[Product, Offer, Purchase] | None:
    """A full look, the copy to buy, and which offer of the world that is; None where there is none to buy."""
    minute = to_keepa_minutes(now)
    options = ProductOptions(
        stats=True,
        window=(minute - 365 * DAY, minute),
        days=HISTORY_DAYS,
        offers=20,
        only_live_offers=True,
    )
    body = serve_product(world, product=product, now=minute, options=options).body
    answer: dict[str, Any] = {"products": [body], "tokensLeft": 1, "refillRate": 5, "refillIn": 1}
    looked = parse_look(json.dumps(answer).encode(), asked=[body["asin"]], now=now)
    if len(looked.products) != 1:
        return None
    parsed = looked.products[0]
    used = [
        offer
        for offer in parsed.offers or ()
        if offer.condition.is_used and offer.is_shippable and offer.landed_cents is not None
    ]
    if not used:
        return None
    copy = min(used, key=lambda offer: (offer.landed_cents, offer.condition, not offer.is_fba, offer.seller_id))
    for shown in shown_offers(world, product=product, now=minute):
        if _is_that(shown, copy, seed=world.seed):
            return parsed, copy, Purchase(product=product, offer=shown.life.number, grade=int(copy.condition))
    return None


def _is_that(shown: Asked, copy: Offer, *, seed: int) -> bool:
    return (
        shown.price == copy.item_cents
        and shown.life.grade == int(copy.condition)
        and shown.life.fba == copy.is_fba
        and seller_id(shown.life.seller, seed=seed) == copy.seller_id
    )


def _past_sales(world: World, *, products: Sequence[int], minute: int) -> list[tuple[TrueSale, ...]]:
    sales = world.sales_between(minute - HISTORY_DAYS * DAY, minute)
    past = []
    for product in products:
        rows = np.flatnonzero(sales["product"] == product)
        columns = (sales[name][rows].tolist() for name in ("t", "grade", "price", "ship", "seller", "cause"))
        past.append(
            tuple(
                TrueSale(
                    minute=t,
                    is_used=grade != 1,
                    grade=grade,
                    item_cents=price,
                    ship_cents=max(ship, 0),
                    seller=seller,
                    is_reseller=cause == 1,
                )
                for t, grade, price, ship, seller, cause in zip(*columns, strict=True)
            )
        )
    return past


def _mean_landed(future: dict[str, npt.NDArray[Any]], *, grade: int) -> float | None:
    near = (future["grade"] != 1) & (np.abs(future["grade"] - grade) <= 1)
    if not near.any():
        return None
    return float((future["price"] + np.maximum(future["ship"], 0))[near].mean())


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--world", default="A")
    options.add_argument("--seed", type=int, required=True)
    options.add_argument("--last-seed", type=int, help="make the moments of all seeds up to this one")
    options.add_argument("--products", type=int, default=PRODUCTS)
    options.add_argument("--cache-dir", type=Path)
    asked = options.parse_args(argv)
    for seed in range(asked.seed, (asked.last_seed or asked.seed) + 1):
        started = time.perf_counter()
        moments, ground = cached_moments(asked.world, seed, products=asked.products, cache=asked.cache_dir)
        made = time.perf_counter() - started
        print(
            f"{asked.world} {seed}: {len(moments)} moments at {instant_of(seed):%Y-%m-%d}, in {made:.1f} s", flush=True
        )
    if asked.last_seed is None:
        _play_once(moments, ground)
    return 0


def _play_once(moments: list[DealMoment], ground: Playground) -> None:
    known = [moment for moment in moments if moment.future_landed_cents is not None]
    started = time.perf_counter()
    played = ground.play(known, [round(moment.future_landed_cents or 0) for moment in known])
    shares = [one.sold_share(FUTURE_DAYS) for one in played]
    print(f"{len(known)} of them played 100 times in {time.perf_counter() - started:.1f} s")
    print(f"offered at the mean of the future's used sales, {np.mean(shares):.2f} are sold within {FUTURE_DAYS} days")


if __name__ == "__main__":
    from benchmarks import moments as importable  # cached moments must be of the classes that others import

    sys.exit(importable.main(sys.argv[1:]))
