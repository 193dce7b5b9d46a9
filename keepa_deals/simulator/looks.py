"""A live look at one product: what Keepa would write down if it opened the product's pages now."""

from __future__ import annotations

import random
from dataclasses import dataclass

from keepa_deals.simulator import series as s
from keepa_deals.simulator.keepa_jobs import AMAZON_HOLDS
from keepa_deals.simulator.world import Look, OfferLife, World


@dataclass(frozen=True, slots=True)
class Asked:
    """An offer as shown at one instant; prices in cents, shipping −1 where none is named."""

    life: OfferLife
    price: int

    @property
    def landed(self) -> int:
        return self.price + max(self.life.ship, 0)

    @property
    def packed(self) -> int:
        return min(self.price, s.MOST_PRICE) * s.SHIPPING_UNIT + max(self.life.ship, 0)


def shown_offers(world: World, *, product: int, now: int) -> list[Asked]:
    """All offers visible at `now`, cheapest landed price first."""
    lives = world.offers_of(product)
    asked = [Asked(life=life, price=price) for life in lives if (price := life.price_at(now)) is not None]
    return sorted(asked, key=lambda offer: (offer.landed, offer.life.number))


def look_now(world: World, *, product: int, now: int, with_offers: bool) -> Look:
    """Look at the product, add what is seen to Keepa's knowledge, and say what it was."""
    shown = shown_offers(world, product=product, now=now)
    amazon = world.amazon_at(product)
    used = [offer for offer in shown if offer.life.grade != 1]
    new = [offer for offer in shown if offer.life.grade == 1]
    minute = now // 2 * 2
    values = _page(used=used, new=new, amazon=amazon)
    values[s.SALES] = _rank(world, product=product, now=now)
    if with_offers:
        values |= _offers(used=used, new=new, amazon=amazon)
    block, _ = world.block_of(product)
    look = Look(product=product, minute=minute, step=block.step, values=values)
    world.record(look)
    return look


def _page(*, used: list[Asked], new: list[Asked], amazon: int) -> dict[int, int]:
    asks_new = [offer.landed for offer in new] + ([amazon] if amazon > 0 else [])
    return {
        s.USED: min((offer.price for offer in used), default=s.NOTHING),
        s.NEW: min(asks_new, default=s.NOTHING),
        s.AMAZON: amazon,
        s.COUNT_USED: len(used),
        s.COUNT_NEW: len(new) + (amazon > 0),
    }


def _offers(*, used: list[Asked], new: list[Asked], amazon: int) -> dict[int, int]:
    by_fba = [offer for offer in new if offer.life.fba]
    by_merchant = [offer for offer in new if not offer.life.fba]
    counted = {s.COUNT_NEW_FBA: len(by_fba) + (amazon > 0), s.COUNT_NEW_FBM: len(by_merchant)}
    values = {kind: count if count else s.NOTHING for kind, count in counted.items()}
    values[s.NEW_FBA] = by_fba[0].price if by_fba else s.NOTHING
    values[s.NEW_FBM] = by_merchant[0].packed if by_merchant else s.NOTHING
    for kind, grade in ((19, 2), (20, 3), (21, 4), (22, 5)):
        values[kind] = next((offer.packed for offer in used if offer.life.grade == grade), s.NOTHING)
    box = box_winner(used)
    values[s.BUY_BOX_USED] = box.packed if box is not None else s.NOTHING
    values[s.HOLDER_USED] = holder_of(box)
    box = box_winner(new)
    values[s.BUY_BOX] = box.packed if box is not None else s.NOTHING
    values[s.HOLDER_NEW] = holder_of(box)
    if amazon > 0 and (box is None or amazon < box.landed):
        values[s.BUY_BOX], values[s.HOLDER_NEW] = amazon * s.SHIPPING_UNIT, AMAZON_HOLDS
    values[s.OFFER_FETCHES] = len(used) + len(new)
    return values


def box_winner(offers: list[Asked]) -> Asked | None:
    """Who holds the buy box among offers of one side: cheap, FBA and well graded offers win."""

    def score(offer: Asked) -> float:
        return offer.landed * (0.93 if offer.life.fba else 1.0) * (1 + 0.02 * offer.life.grade)

    return min(offers, key=score, default=None)


def holder_of(offer: Asked | None) -> int:
    """The packed holder of a buy box, −1 for nobody."""
    if offer is None:
        return s.NOTHING
    return (offer.life.seller + 1) * 16 + offer.life.grade * 2 + offer.life.fba


def _rank(world: World, *, product: int, now: int) -> int:
    """The rank at `now`: the latest on record, drifted up by the time that has passed."""
    t, v = world.series_of(product, now=now).get(s.SALES, ((0,), (s.NOTHING,)))
    if v[-1] < 0:
        return s.NOTHING
    hours = max(0.0, (now - int(t[-1])) / 60)
    dice = random.Random(f"{world.seed}/{product}/{now}/rank")
    return int(int(v[-1]) * (1 + 0.01 * min(hours, 48) / 6) * dice.uniform(0.9985, 1.0015))
