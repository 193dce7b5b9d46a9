"""A product's offers as Keepa lists them: prices only from the instants at which Keepa looked."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from keepa_deals.simulator.sellers import seller_id
from keepa_deals.simulator.stats_json import OfferFacts
from keepa_deals.simulator.world import OfferLife

COMMENTS = (
    "Highlighting on some pages.",
    "Clean copy, light shelf wear.",
    "Ships same day. May include notes or underlining.",
    "Former library copy with the usual marks.",
    "Binding tight; cover shows wear.",
    "",
)
MOST_HISTORICAL = 12


@dataclass(frozen=True, slots=True)
class OfferList:
    """The `offers` array, `liveOffersOrder`, and what they say in numbers. `found` counts live offers."""

    offers: list[dict[str, Any]]
    order: list[int] | None
    found: int
    facts: OfferFacts


def offer_list(
    lives: list[OfferLife],
    *,
    fetches: list[int],
    limit: int,
    refused: bool,
    only_live: bool,
    seed: int,
    product: int,
) -> OfferList:
    """Offers as known after the last of `fetches` (Keepa minutes, oldest first).

    Live ones come first, cheapest first and at most `limit`; then those seen at earlier fetches. When the
    fetch was `refused` nothing is live.
    """
    seen = [(life, _points(life, fetches=fetches)) for life in lives]
    seen = [(life, points) for life, points in seen if points]
    newest = fetches[-1] if fetches else 0
    live = [pair for pair in seen if not refused and pair[0].price_at(newest) is not None]
    live.sort(key=lambda pair: (pair[1][-1][1] + max(pair[0].ship, 0), pair[0].number))
    gone = [pair for pair in seen if refused or pair[0].price_at(newest) is None]
    gone.sort(key=lambda pair: -_last_seen(pair[0], fetches=fetches))
    listed = live[:limit] + ([] if only_live else gone[:MOST_HISTORICAL])
    new = [life for life, _ in live if life.grade == 1]
    facts = OfferFacts(
        retrieved=min(len(live), limit),
        fba=sum(life.fba for life in new),
        fbm=sum(not life.fba for life in new),
        lowest_fba=[seller_id(life.seller, seed=seed) for life, _ in live if life.fba][:1],
        lowest_fbm=[seller_id(life.seller, seed=seed) for life, _ in live if not life.fba][:1],
    )
    return OfferList(
        offers=[_offer(life, points, fetches=fetches, seed=seed, product=product) for life, points in listed],
        order=None if refused else list(range(min(len(live), limit))),
        found=len(live),
        facts=facts,
    )


def _points(life: OfferLife, *, fetches: list[int]) -> list[tuple[int, int]]:
    points: list[tuple[int, int]] = []
    for minute in fetches:
        price = life.price_at(minute)
        if price is not None and (not points or points[-1][1] != price):
            points.append((minute, price))
    return points


def _last_seen(life: OfferLife, *, fetches: list[int]) -> int:
    return max((minute for minute in fetches if life.price_at(minute) is not None), default=0)


def _offer(
    life: OfferLife, points: list[tuple[int, int]], *, fetches: list[int], seed: int, product: int
) -> dict[str, Any]:
    dice = random.Random(f"{seed}/{product}/{life.number}/offer")
    comment = None if life.grade == 1 else dice.choice(COMMENTS)
    return {
        "condition": life.grade,
        "conditionComment": comment,
        "isAddonItem": False,
        "isAmazon": False,
        "isFBA": life.fba,
        "isMAP": False,
        "isPreorder": False,
        "isPrime": life.fba,
        "isPrimeExcl": False,
        "isScam": False,
        "isShippable": life.ship >= 0,
        "isWarehouseDeal": False,
        "lastSeen": _last_seen(life, fetches=fetches),
        "lastStockUpdate": 0,
        "minOrderQty": 1,
        "offerCSV": [number for minute, price in points for number in (minute, price, life.ship)],
        "offerId": life.number,
        "sellerId": seller_id(life.seller, seed=seed),
        "shipsFromChina": False,
    }
