"""One product as /product answers it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s
from keepa_deals.simulator.catalogue import CATEGORIES, ROOTS, Article, category_path
from keepa_deals.simulator.looks import look_now
from keepa_deals.simulator.offers_json import OfferList, offer_list
from keepa_deals.simulator.sellers import seller_id
from keepa_deals.simulator.stats_json import stats_json
from keepa_deals.simulator.world import World

INVALID = 4
"""Keepa's productType of an ASIN that it cannot use."""


@dataclass(frozen=True, slots=True)
class ProductOptions:
    """What a /product call asks for. `update` in hours, None for Keepa's default; `window` in Keepa minutes."""

    stats: bool = False
    window: tuple[int, int] = (0, 0)
    history: bool = True
    days: int | None = None
    offers: int | None = None
    update: int | None = None
    only_live_offers: bool = False
    rating: bool = False
    buybox: bool = False
    refuse_offers: bool = False


@dataclass(frozen=True, slots=True)
class Served:
    """A product object and its price in tokens."""

    body: dict[str, Any]
    cost: int


def serve_product(world: World, *, product: int, now: int, options: ProductOptions) -> Served:
    """Refresh the product if the options ask for it, then describe it."""
    article = world.article(product)
    if article.invalid:
        return Served(body=invalid_product(article.asin), cost=1)
    if options.offers is not None:
        return _with_offers(world, product=product, now=now, options=options, wanted=options.offers)
    age = now - world.last_visit(product, now=now)
    cost = 1 + (2 if options.buybox else 0)
    cost += options.rating and now - _last_rating(product, now=now) < 14 * h.DAY
    cost += options.update == 0 and age < 60
    if options.update != -1 and age >= 60 * (1 if options.update is None else options.update):
        look_now(world, product=product, now=now, with_offers=False)
    return Served(body=product_json(world, product=product, now=now, options=options, offers=None), cost=cost)


def _with_offers(world: World, *, product: int, now: int, options: ProductOptions, wanted: int) -> Served:
    hours = 1 if options.update is None else options.update
    fetches = _fetches(world, product=product, now=now)
    stored = bool(fetches) and (hours == -1 or now - fetches[-1] < 60 * hours)
    refused = not stored and (options.refuse_offers or _refuses(world, product=product, now=now))
    if not stored and not refused:
        look_now(world, product=product, now=now, with_offers=True)
        fetches = _fetches(world, product=product, now=now)
    listed = offer_list(
        world.offers_of(product),
        fetches=fetches,
        limit=wanted,
        refused=refused,
        only_live=options.only_live_offers,
        seed=world.seed,
        product=product,
    )
    pages = max(1, math.ceil(min(listed.found, wanted) / 10))
    cost = 1 if refused else 5 if stored else 6 * pages
    body = product_json(world, product=product, now=now, options=options, offers=listed)
    body["offersSuccessful"] = not refused
    return Served(body=body, cost=cost)


def _refuses(world: World, *, product: int, now: int) -> bool:
    dice = random.Random(f"{world.seed}/{product}/{now // 30}/offers")
    return dice.random() < world.world.refused_offers_share


def _fetches(world: World, *, product: int, now: int) -> list[int]:
    """Minutes of Keepa's fetches of the offers, as far back as single offers are kept."""
    steps = world.series_of(product, now=now).get(s.OFFER_FETCHES)
    if steps is None:
        return []
    oldest = now - (world.world.offer_log_days - 20) * h.DAY
    return [minute for minute in steps[0].tolist() if minute >= oldest]


def invalid_product(asin: str) -> dict[str, Any]:
    """The stub that Keepa answers for an ASIN without a usable product."""
    return {
        "asin": asin,
        "csv": None,
        "domainId": 1,
        "lastUpdate": 0,
        "productType": INVALID,
        "title": None,
        "trackingSince": 0,
    }


def product_json(
    world: World, *, product: int, now: int, options: ProductOptions, offers: OfferList | None
) -> dict[str, Any]:
    """The product object, without looking at the market."""
    article = world.article(product)
    series = world.series_of(product, now=now)
    since = min((int(t[0]) for t, _ in series.values()), default=now) // 2 * 2
    _add_slow_series(series, article=article, world=world, product=product, since=since, now=now)
    body = _page(article, since=since, product=product)
    body |= _times(series, world=world, product=product, now=now)
    body |= _histories(series, world=world, article=article, now=now, options=options)
    body["availabilityAmazon"] = 0 if s.AMAZON in series and series[s.AMAZON][1][-1] > 0 else -1
    body["buyBoxEligibleOfferCounts"] = _eligible(offers)
    if offers is not None:
        body |= {"offers": offers.offers, "liveOffersOrder": offers.order}
    if options.stats:
        body["stats"] = stats_json(
            series,
            window=options.window,
            now=now,
            seed=world.seed,
            offers=None if offers is None else offers.facts,
            box_known=offers is not None or options.buybox,
        )
    return body


def _last_rating(product: int, *, now: int) -> int:
    """Keepa refreshes ratings once in 20 days, each product on its own day."""
    return now - (now + product * 7919) % (20 * h.DAY)


def _add_slow_series(
    series: dict[int, h.Steps], *, article: Article, world: World, product: int, since: int, now: int
) -> None:
    """List price, rating and number of reviews: they move too slowly to be lived step by step."""
    block, place = world.block_of(product)
    titles = block.titles
    list_price = int(titles.value[place] * titles.new_multiple[place] * 1.12) // 100 * 100 + 95
    series[s.LISTPRICE] = (np.array([since]), np.array([list_price]))
    if article.rating < 0:
        return
    t = np.arange(since, now, 26 * h.DAY) // 2 * 2
    grown = (article.reviews * (0.4 + 0.6 * (t - since) / (world.world.history_days * h.DAY))).astype(np.int64)
    series[s.REVIEWS] = _changes(t, np.maximum(grown, 1))
    wobble = np.array([random.Random(f"{article.asin}/{k}").choice((0, 0, 0, 1, -1)) for k in range(len(t))])
    wobble[-1:] = 0
    series[s.RATING] = _changes(t, np.clip(article.rating + wobble, 10, 50))


def _changes(t: h.Array, v: h.Array) -> h.Steps:
    keep = np.append(True, v[1:] != v[:-1])[: len(v)]
    return t[keep], v[keep]


def _page(article: Article, *, since: int, product: int) -> dict[str, Any]:
    """Everything that the product's page says and that does not move."""
    root = article.root
    body: dict[str, Any] = {
        "asin": article.asin,
        "author": article.author,
        "binding": article.binding,
        "brand": article.brand,
        "categories": [article.leaf],
        "categoryTree": [{"catId": c, "name": CATEGORIES[c][0]} for c in category_path(article.leaf)],
        "color": None,
        "contributors": [[article.author, "Author"]] if article.author is not None else None,
        "coupon": None,
        "description": None,
        "domainId": 1,
        "eanList": [article.ean],
        "ebayListingIds": None,
        "edition": article.edition,
        "fbaFees": None,
        "features": None,
        "format": None,
        "frequentlyBoughtTogether": None,
        "g": 9 if article.is_book else 147,
        "hasReviews": article.rating >= 0,
        "images": [{"l": article.image, "lH": 1500, "lW": 1200, "m": article.image, "mH": 500, "mW": 400}],
        "imagesCSV": article.image,
        "isAdultProduct": False,
        "isEligibleForSuperSaverShipping": False,
        "isEligibleForTradeIn": False,
        "isHeatSensitive": False,
        "isRedirectASIN": False,
        "isSNS": False,
        "itemHeight": 0,
        "itemLength": 0,
        "itemTypeKeyword": "book" if article.is_book else "general-merchandise",
        "itemWeight": 0,
        "itemWidth": 0,
        "languages": [["English", "Published"]] if article.is_book else None,
        "launchpad": False,
        "liveOffersOrder": None,
        "manufacturer": article.brand,
        "model": None,
        "monthlySold": None if article.is_book else 50 * (1 + product % 8),
        "newPriceIsMAP": False,
        "numberOfItems": 1,
        "numberOfPages": article.pages,
        "offersSuccessful": False,
        "packageHeight": article.height,
        "packageLength": article.length,
        "packageQuantity": 1,
        "packageWeight": article.weight,
        "packageWidth": article.width,
        "parentAsin": None,
        "partNumber": None,
        "productGroup": "Book" if article.is_book else None,
        "productType": 0,
        "promotions": None,
        "publicationDate": article.published if article.is_book else 0,
        "referralFeePercent": int(article.referral_percent),
        "referralFeePercentage": article.referral_percent,
        "releaseDate": article.published if article.is_book else 0,
        "rootCategory": root,
        "salesRankDisplayGroup": "book_display_on_website" if article.is_book else "home_display_on_website",
        "size": None,
        "title": article.title,
        "trackingSince": since,
        "listedSince": max(0, since - 90 * h.DAY),
        "type": "ABIS_BOOK" if article.is_book else "HOME",
        "upcList": None if article.is_book else [article.ean[1:]],
        "urlSlug": "-".join(article.title.split()[:5]),
        "variations": None,
        "websiteDisplayGroup": "book_display_on_website" if article.is_book else "home_display_on_website",
        "websiteDisplayGroupName": ROOTS[root],
    }
    if article.pick_and_pack is not None:
        body["fbaFees"] = {"lastUpdate": since, "pickAndPackFee": article.pick_and_pack}
    if article.is_book:
        body["variableClosingFee"] = 180
    return body


def _times(series: dict[int, h.Steps], *, world: World, product: int, now: int) -> dict[str, Any]:
    moves = [int(series[kind][0][-1]) for kind in (s.AMAZON, s.NEW, s.USED) if kind in series]
    last_rating = _last_rating(product, now=now)
    return {
        "lastEbayUpdate": 0,
        "lastPriceChange": max(moves, default=0),
        "lastRatingUpdate": last_rating // 2 * 2,
        "lastSoldUpdate": last_rating // 2 * 2,
        "lastStockUpdate": 0,
        "lastUpdate": world.last_visit(product, now=now),
    }


def _histories(
    series: dict[int, h.Steps], *, world: World, article: Article, now: int, options: ProductOptions
) -> dict[str, Any]:
    """`csv` and its sisters; without `history` only an empty `csv` remains."""
    rank = series.get(s.SALES)
    ranked = rank is not None and rank[1][-1] >= 0
    body: dict[str, Any] = {"csv": None, "salesRankReference": article.root if ranked else -1}
    if not options.history or article.bare_history:
        return body
    since = None if options.days is None else now - options.days * h.DAY
    csv: list[list[int] | None] = [None] * s.TYPES
    for kind, steps in series.items():
        if kind < s.TYPES:
            csv[kind] = h.csv_of(kind, steps, since=since)
    body["csv"] = csv
    body["salesRanks"] = {str(article.root): csv[s.SALES]} if csv[s.SALES] is not None else None
    body["salesRankReferenceHistory"] = [int(rank[0][0]), article.root] if rank is not None else None
    body["monthlySoldHistory"] = None
    body["buyBoxSellerIdHistory"] = None
    if options.offers is not None or options.buybox:
        body["buyBoxSellerIdHistory"] = _holder_history(series, s.HOLDER_NEW, seed=world.seed, used=False)
        body["buyBoxUsedHistory"] = _holder_history(series, s.HOLDER_USED, seed=world.seed, used=True)
    return body


def _holder_history(series: dict[int, h.Steps], kind: int, *, seed: int, used: bool) -> list[str] | None:
    if kind not in series:
        return None
    history: list[str] = []
    for minute, holder in zip(*(column.tolist() for column in series[kind]), strict=True):
        if holder < 0:
            history += [str(minute), "", "", ""] if used else [str(minute), "-1"]
            continue
        seller, condition, fba = s.unpack_holder(holder)
        history += [str(minute), seller_id(seller - 1, seed=seed)]
        history += [str(condition), str(int(fba))] if used else []
    return history


def _eligible(offers: OfferList | None) -> list[int]:
    counts = [0] * 8
    if offers is None:
        return counts
    for index in offers.order or []:
        offer = offers.offers[index]
        counts[(0 if offer["condition"] == 1 else 2) + (0 if offer["isFBA"] else 1)] += 1
    return counts
