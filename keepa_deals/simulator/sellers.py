"""The sellers behind the offers, as /seller describes them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from keepa_deals.simulator.constants import WorldConstants

AMAZON_ID = "ATVPDKIKX0DER"
"""Amazon's own seller id in the United States."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_WORDS = ("Harbor", "Second", "Blue", "Campus", "Paper", "River", "Maple", "Atlas", "Corner", "Prairie")
_KINDS = ("Books", "Media", "Textbooks", "Book Nook", "Trading", "Resale", "Pages", "Outlet")


@dataclass(frozen=True, slots=True)
class Seller:
    """One seller. `rating` in percent, `ratings` their number, `known` whether /seller finds it."""

    number: int
    id: str
    name: str
    rating: int
    ratings: int
    known: bool


def seller_id(number: int, *, seed: int) -> str:
    """The id of seller `number`; Amazon for −1."""
    if number < 0:
        return AMAZON_ID
    dice = random.Random(f"{seed}/{number}/seller")
    tail, base = "", number
    for _ in range(2):
        base, digit = divmod(base, len(_LETTERS))
        tail = _LETTERS[digit] + tail
    return "A" + "".join(dice.choices(_LETTERS, k=11)) + tail


def draw_sellers(*, seed: int, world: WorldConstants) -> dict[str, Seller]:
    """All sellers of a world by id."""
    sellers = {}
    for number in range(world.sellers):
        dice = random.Random(f"{seed}/{number}/seller/facts")
        poor = dice.random() < 0.05
        rating = dice.randint(45, 79) if poor else min(100, max(80, round(dice.gauss(94, 3))))
        seller = Seller(
            number=number,
            id=seller_id(number, seed=seed),
            name=f"{dice.choice(_WORDS)} {dice.choice(_KINDS)} {number}",
            rating=rating,
            ratings=int(5 * (200_000 / 5) ** dice.random()),
            known=dice.random() >= world.unknown_seller_share,
        )
        sellers[seller.id] = seller
    return sellers


def seller_json(seller: Seller, *, now: int) -> dict[str, Any]:
    """A seller as Keepa answers it, at Keepa minute `now`."""
    dice = random.Random(f"{seller.id}/json")
    tracked = now - dice.randint(400, 3000) * 1440
    month = max(0, seller.ratings // dice.randint(30, 90))
    counts = [month, month * 3, month * 11, seller.ratings]
    positive = [round(seller.rating)] * 4
    negative = [max(0, (100 - seller.rating) * 7 // 10)] * 4
    return {
        "address": None,
        "avgBuyBoxCompetitors": round(dice.uniform(1, 9), 1),
        "businessName": None,
        "buyBoxNewOwnershipRate": dice.randint(0, 40),
        "buyBoxUsedOwnershipRate": dice.randint(0, 60),
        "competitors": None,
        "csv": [[tracked, seller.rating], [tracked, max(1, seller.ratings // 3), now - 1440, seller.ratings]],
        "currentRating": seller.rating,
        "currentRatingCount": seller.ratings,
        "domainId": 1,
        "hasFBA": dice.random() < 0.4,
        "isScammer": False,
        "lastRatingUpdate": now - dice.randint(0, 4000),
        "lastUpdate": now - dice.randint(0, 2000),
        "negativeRating": negative,
        "neutralRating": [100 - p - n for p, n in zip(positive, negative, strict=True)],
        "positiveRating": positive,
        "ratingCount": counts,
        "ratingsLast30Days": month,
        "recentFeedback": None,
        "sellerBrandStatistics": None,
        "sellerCategoryStatistics": None,
        "sellerId": seller.id,
        "sellerName": seller.name,
        "shipsFromChina": False,
        "totalStorefrontAsins": [now - 2000, dice.randint(2, 20_000)],
        "trackedSince": tracked,
    }
