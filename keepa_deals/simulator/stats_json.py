"""The `stats` object of a product, computed from its recorded series alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s
from keepa_deals.simulator.sellers import seller_id

Series = dict[int, h.Steps]

WINDOWS = {"30": 30, "90": 90, "180": 180, "365": 365}
UNASKED_BOX = (
    "AvailabilityMessage",
    "Condition",
    "IsAmazon",
    "IsBackorder",
    "IsFBA",
    "IsFreeShippingEligible",
    "IsMAP",
    "IsPreorder",
    "IsPrimeEligible",
    "IsPrimeExclusive",
    "IsShippable",
    "IsUnqualified",
    "IsUsed",
    "IsWarehouseDeal",
    "SellerId",
    "ShippingCountry",
)


@dataclass(frozen=True, slots=True)
class OfferFacts:
    """What an answer with offers adds to the statistics."""

    retrieved: int
    fba: int
    fbm: int
    lowest_fba: list[str]
    lowest_fbm: list[str]


def landed_series(series: Series) -> Series:
    """The series of Keepa's table with landed prices where they carry shipping."""
    return {kind: (t, h.landed(kind, v)) for kind, (t, v) in series.items() if kind < s.TYPES}


def current_values(series: Series) -> list[int]:
    """The last known value of each price type, landed; −1 for none."""
    row = [s.NOTHING] * s.TYPES
    for kind, (_, v) in landed_series(series).items():
        row[kind] = int(v[-1])
    return row


def means(series: Series, *, start: int, end: int, nothing: int = s.NOTHING) -> list[int]:
    """Time-weighted means of all price types over a window."""
    row = [nothing] * s.TYPES
    for kind, steps in landed_series(series).items():
        mean = h.weighted_mean(steps, start=start, end=end)
        row[kind] = nothing if mean < 0 else mean
    row[s.OFFER_FETCHES] = nothing
    return row


def stats_json(
    series: Series,
    *,
    window: tuple[int, int],
    now: int,
    seed: int,
    offers: OfferFacts | None,
    box_known: bool,
) -> dict[str, Any]:
    """Keepa's statistics object. `window` is the span asked for; `box_known` says that buy boxes were asked for."""
    start, end = window
    plain = landed_series(series)
    body: dict[str, Any] = {
        "current": current_values(series),
        "avg": means(series, start=start, end=end),
        "atIntervalStart": _at(plain, minute=start),
        "isLowest": _is_lowest(plain, start=0),
        "isLowest90": _is_lowest(plain, start=now - 90 * h.DAY),
        "min": _extremes(plain, start=0, lowest=True),
        "max": _extremes(plain, start=0, lowest=False),
        "minInInterval": _extremes(plain, start=start, lowest=True),
        "maxInInterval": _extremes(plain, start=start, lowest=False),
        "outOfStockPercentageInInterval": _out_of_stock(plain, start=start, end=end),
        "outOfStockCountAmazon30": _outages(plain, start=now - 30 * h.DAY),
        "outOfStockCountAmazon90": _outages(plain, start=now - 90 * h.DAY),
        "deltaPercent90_monthlySold": -2,
        "lightningDealInfo": None,
        "tradeInPrice": -2,
        "totalOfferCount": _count(series, s.COUNT_NEW) + _count(series, s.COUNT_USED),
        "lastOffersUpdate": int(series[s.OFFER_FETCHES][0][-1]) if s.OFFER_FETCHES in series else 0,
        "retrievedOfferCount": -2 if offers is None else offers.retrieved,
        "offerCountFBA": -2 if offers is None else offers.fba,
        "offerCountFBM": -2 if offers is None else offers.fbm,
        "sellerIdsLowestFBA": (offers.lowest_fba or None) if offers is not None else None,
        "sellerIdsLowestFBM": (offers.lowest_fbm or None) if offers is not None else None,
    }
    rank = series.get(s.SALES)
    for name, days in WINDOWS.items():
        since = now - days * h.DAY
        body[f"avg{name}"] = means(series, start=since, end=now)
        body[f"outOfStockPercentage{name}"] = _out_of_stock(plain, start=since, end=now)
        body[f"salesRankDrops{name}"] = h.rank_drops(rank, start=since) if rank is not None else s.NOTHING
    body |= _boxes(series, seed=seed, now=now) if box_known else _boxes_unasked()
    return body


def _count(series: Series, kind: int) -> int:
    return max(0, int(series[kind][1][-1])) if kind in series else 0


def _at(plain: Series, *, minute: int) -> list[int]:
    row = [s.NOTHING] * s.TYPES
    for kind, steps in plain.items():
        row[kind] = h.value_at(steps, minute=minute)
    return row


def _extremes(plain: Series, *, start: int, lowest: bool) -> list[list[int] | None]:
    row: list[list[int] | None] = [None] * s.TYPES
    for kind, steps in plain.items():
        if kind != s.OFFER_FETCHES:
            row[kind] = h.extreme(steps, start=start, lowest=lowest)
    return row


def _is_lowest(plain: Series, *, start: int) -> list[bool]:
    row = [False] * s.TYPES
    for kind, steps in plain.items():
        low = h.extreme(steps, start=start, lowest=True)
        row[kind] = low is not None and kind in s.PRICES and int(steps[1][-1]) == low[1]
    return row


def _out_of_stock(plain: Series, *, start: int, end: int) -> list[int]:
    row = [s.NOTHING] * s.TYPES
    for kind, steps in plain.items():
        if kind in s.PRICES:
            row[kind] = h.out_of_stock_percent(steps, start=start, end=end)
    return row


def _outages(plain: Series, *, start: int) -> int:
    if s.AMAZON not in plain:
        return s.NOTHING
    t, v = plain[s.AMAZON]
    return int(((v < 0) & (t >= start)).sum())


def _boxes_unasked() -> dict[str, Any]:
    body: dict[str, Any] = {f"buyBox{name}": None for name in UNASKED_BOX}
    return body | {"buyBoxPrice": -2, "buyBoxShipping": -2, "lastBuyBoxUpdate": None}


def _boxes(series: Series, *, seed: int, now: int) -> dict[str, Any]:
    """Both buy boxes as recorded at the last refresh of the offers."""
    body = _boxes_unasked()
    body["buyBoxStats"] = _holder_shares(series, s.HOLDER_NEW, now=now, seed=seed)
    body["buyBoxUsedStats"] = _holder_shares(series, s.HOLDER_USED, now=now, seed=seed)
    body |= {"stockAmazon": -2, "stockBuyBox": -2}
    if s.OFFER_FETCHES in series:
        body["lastBuyBoxUpdate"] = int(series[s.OFFER_FETCHES][0][-1])
    body |= _new_box(series, seed=seed) | _used_box(series, seed=seed)
    return body


def _new_box(series: Series, *, seed: int) -> dict[str, Any]:
    packed, holder = _last(series, s.BUY_BOX), _last(series, s.HOLDER_NEW)
    if packed < 0 or holder < 0:
        return {"buyBoxPrice": -1, "buyBoxShipping": -1}
    seller, condition, fba = s.unpack_holder(holder)
    price, shipping = s.unpack_price(packed)
    return {
        "buyBoxPrice": price,
        "buyBoxShipping": shipping,
        "buyBoxSellerId": seller_id(seller - 1, seed=seed),
        "buyBoxCondition": condition,
        "buyBoxIsFBA": fba,
        "buyBoxIsAmazon": seller == 0,
        "buyBoxIsUsed": False,
        "buyBoxIsMAP": False,
        "buyBoxIsUnqualified": False,
        "buyBoxIsShippable": True,
        "buyBoxIsPreorder": False,
        "buyBoxIsBackorder": False,
        "buyBoxIsPrimeEligible": fba,
        "buyBoxIsFreeShippingEligible": fba,
        "buyBoxIsWarehouseDeal": False,
        "buyBoxAvailabilityMessage": "IN_STOCK",
    }


def _used_box(series: Series, *, seed: int) -> dict[str, Any]:
    packed, holder = _last(series, s.BUY_BOX_USED), _last(series, s.HOLDER_USED)
    if packed < 0 or holder < 0:
        return {
            "buyBoxUsedPrice": -1,
            "buyBoxUsedShipping": -1,
            "buyBoxUsedSellerId": None,
            "buyBoxUsedIsFBA": None,
            "buyBoxUsedCondition": None,
        }
    seller, condition, fba = s.unpack_holder(holder)
    price, shipping = s.unpack_price(packed)
    return {
        "buyBoxUsedPrice": price,
        "buyBoxUsedShipping": shipping,
        "buyBoxUsedSellerId": seller_id(seller - 1, seed=seed),
        "buyBoxUsedIsFBA": fba,
        "buyBoxUsedCondition": condition,
    }


def _last(series: Series, kind: int) -> int:
    return int(series[kind][1][-1]) if kind in series else s.NOTHING


def _holder_shares(series: Series, kind: int, *, now: int, seed: int) -> dict[str, Any] | None:
    """How long each seller held a buy box in the last 90 days."""
    if kind not in series:
        return None
    t, v = series[kind]
    span = np.append(t[1:], now) - np.maximum(t, now - 90 * h.DAY)
    held: dict[int, int] = {}
    for holder, minutes in zip(v.tolist(), span.tolist(), strict=True):
        if holder >= 0 and minutes > 0:
            held[holder] = held.get(holder, 0) + minutes
    total = sum(held.values())
    shares = {}
    for holder, minutes in held.items():
        seller, _, fba = s.unpack_holder(holder)
        shares[seller_id(seller - 1, seed=seed)] = {
            "avgNewOfferCount": -1,
            "avgPrice": -1,
            "avgUsedOfferCount": -1,
            "isFBA": fba,
            "lastSeen": int(t[v == holder][-1]),
            "percentageWon": round(100 * minutes / total, 2),
        }
    return shares or None
