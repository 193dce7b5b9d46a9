"""The `stats` object of a product, computed from its recorded series alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s
from keepa_deals.simulator.sellers import seller_id
from keepa_deals.simulator.sheaf import Sheaf, sheaf_of

Series = dict[int, h.Steps]

_IS_PRICE = np.isin(np.arange(s.TYPES), list(s.PRICES))
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
    sheaf = sheaf_of(series, end=now)
    current, _ = sheaf.newest()
    body: dict[str, Any] = {
        "current": current.tolist(),
        "avg": _means(sheaf, start=start, end=end),
        "atIntervalStart": sheaf.values_at(start).tolist(),
        "isLowest": _is_lowest(sheaf, start=0, current=current),
        "isLowest90": _is_lowest(sheaf, start=now - 90 * h.DAY, current=current),
        "min": _extremes(sheaf, start=0, lowest=True),
        "max": _extremes(sheaf, start=0, lowest=False),
        "minInInterval": _extremes(sheaf, start=start, lowest=True),
        "maxInInterval": _extremes(sheaf, start=start, lowest=False),
        "outOfStockPercentageInInterval": _out_of_stock(sheaf, start=start, end=end),
        "outOfStockCountAmazon30": _outages(series, start=now - 30 * h.DAY),
        "outOfStockCountAmazon90": _outages(series, start=now - 90 * h.DAY),
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
    recent = sheaf.in_force_since(now - max(WINDOWS.values()) * h.DAY)
    for name, days in WINDOWS.items():
        since = now - days * h.DAY
        body[f"avg{name}"] = _means(recent, start=since, end=now)
        body[f"outOfStockPercentage{name}"] = _out_of_stock(sheaf, start=since, end=now)
        body[f"salesRankDrops{name}"] = h.rank_drops(rank, start=since) if rank is not None else s.NOTHING
    body |= _boxes(series, seed=seed, now=now) if box_known else _boxes_unasked()
    return body


def _count(series: Series, kind: int) -> int:
    return max(0, int(series[kind][1][-1])) if kind in series else 0


def _means(sheaf: Sheaf, *, start: int, end: int) -> list[int]:
    row: list[int] = sheaf.means(start=start, end=end).tolist()
    row[s.OFFER_FETCHES] = s.NOTHING
    return row


def _extremes(sheaf: Sheaf, *, start: int, lowest: bool) -> list[list[int] | None]:
    minute, value = sheaf.extremes(start=start, lowest=lowest)
    pairs = zip(minute.tolist(), value.tolist(), strict=True)
    row = [[t, v] if v >= 0 else None for t, v in pairs]
    row[s.OFFER_FETCHES] = None
    return row


def _is_lowest(sheaf: Sheaf, *, start: int, current: h.Array) -> list[bool]:
    _, low = sheaf.extremes(start=start, lowest=True)
    lowest: list[bool] = (_IS_PRICE & (low >= 0) & (current == low)).tolist()
    return lowest


def _out_of_stock(sheaf: Sheaf, *, start: int, end: int) -> list[int]:
    row: list[int] = np.where(_IS_PRICE, sheaf.out_of_stock_percents(start=start, end=end), s.NOTHING).tolist()
    return row


def _outages(series: Series, *, start: int) -> int:
    if s.AMAZON not in series:
        return s.NOTHING
    t, v = series[s.AMAZON]
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
