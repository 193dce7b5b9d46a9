"""What each path answers: the fields besides the token envelope, and the price."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import parameters as ask
from keepa_deals.simulator import series as s
from keepa_deals.simulator.catalogue import CATEGORIES, ROOTS, category_path
from keepa_deals.simulator.deal_feed import Matches, feed_json, find_matches
from keepa_deals.simulator.product_json import ProductOptions, invalid_product, serve_product
from keepa_deals.simulator.sellers import Seller, draw_sellers, seller_json
from keepa_deals.simulator.world import World

DEAL_COST = 5
DEAL_CACHE_MINUTES = 2
SEARCH_PAGE = 10
MOST_SELLERS = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """Fields of the body besides the envelope, and what they cost."""

    cost: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: parameters of the URL, body of a POST, the instant, and whether offers shall fail."""

    args: Mapping[str, str]
    body: bytes
    now: int
    offers_fail: bool = False


@dataclass(slots=True)
class Keepa:
    """The paths of the service over one world. Not thread-safe: the server holds a lock around it.

    Each path is checked first (`check` parses and may raise BadParameter) and run afterwards, because Keepa
    refuses bad requests before it looks at the tokens.
    """

    world: World
    sellers: dict[str, Seller] = field(init=False)
    _feeds: dict[str, tuple[int, Matches]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.sellers = draw_sellers(seed=self.world.seed, world=self.world.world)

    def product(self, call: Call, *, dry: bool) -> Answer | None:
        """/product."""
        ask.check_domain(call.args.get("domain"))
        wanted = ask.asins(call.args)
        options = ask.product_options(call.args, now=call.now)
        if dry:
            return None
        options = replace(options, refuse_offers=call.offers_fail)
        if "code" in call.args:
            served = [pair for code in wanted for pair in self._by_code(code, options=options, now=call.now)]
        else:
            served = [pair for asin in wanted for pair in self._by_asin(asin, options=options, now=call.now)]
        if not served:
            return Answer(cost=0, fields={})
        return Answer(cost=sum(cost for cost, _ in served), fields={"products": [body for _, body in served]})

    def _by_asin(self, asin: str, *, options: ProductOptions, now: int) -> list[tuple[int, dict[str, Any]]]:
        if ask.ASIN.match(asin) is None:
            return []
        number = self.world.number_of(asin)
        if number is None:
            return [] if options.update == -1 else [(1, invalid_product(asin))]
        served = serve_product(self.world, product=number, now=now, options=options)
        return [(served.cost, served.body)]

    def _by_code(self, code: str, *, options: ProductOptions, now: int) -> list[tuple[int, dict[str, Any]]]:
        found = [n for n in range(self.world.size) if self.world.article(n).ean == code]
        served = [serve_product(self.world, product=n, now=now, options=options) for n in found]
        return [(one.cost, one.body) for one in served]

    def deal(self, call: Call, *, dry: bool) -> Answer | None:
        """/deal: one flat price, the list of matches kept for two minutes so that pages fit together."""
        raw = ask.selection(call.args.get("selection"), body=call.body)
        query, page = ask.deal_query(raw), ask.page_number(raw)
        if dry:
            return None
        key = json.dumps({name: value for name, value in raw.items() if name != "page"}, sort_keys=True)
        made, matches = self._feeds.get(key, (-DEAL_CACHE_MINUTES, None))
        cached = matches is not None and 0 <= call.now - made < DEAL_CACHE_MINUTES
        if matches is None or not cached:
            matches = find_matches(self.world, query=query, now=call.now)
            self._feeds = {k: kept for k, kept in self._feeds.items() if call.now - kept[0] < DEAL_CACHE_MINUTES}
            self._feeds[key] = (call.now, matches)
        deals = feed_json(self.world, matches=matches, page=page, query=query, now=call.now)
        return Answer(cost=DEAL_COST, fields={"dealsCached": cached, "deals": deals})

    def seller(self, call: Call, *, dry: bool) -> Answer | None:
        """/seller: one token for each seller that is found."""
        ask.check_domain(call.args.get("domain"))
        ids = [part for part in call.args.get("seller", "").split(",") if part]
        storefront = ask.flag(call.args, "storefront")
        if not ids or len(ids) > MOST_SELLERS or (storefront and len(ids) > 1):
            raise ask.BadParameter("seller must hold 1 to 100 ids, and one only with storefront.")
        if dry:
            return None
        found = {one: self.sellers[one] for one in ids if one in self.sellers and self.sellers[one].known}
        bodies = {one: seller_json(seller, now=call.now) for one, seller in found.items()}
        cost = 10 * len(found) if storefront else len(found)
        if storefront:
            for body in bodies.values():
                body["asinList"] = [self.world.article(n).asin for n in range(min(20, self.world.size))]
        return Answer(cost=cost, fields={"sellers": bodies})

    def category(self, call: Call, *, dry: bool) -> Answer | None:
        """/category by ids; 0 stands for all roots."""
        ask.check_domain(call.args.get("domain"))
        ids = _category_ids(call.args.get("category", ""))
        parents = ask.flag(call.args, "parents")
        if dry:
            return None
        wanted = list(ROOTS) if ids == [0] else [one for one in ids if one in CATEGORIES]
        fields: dict[str, Any] = {"categories": {str(one): _category_json(one) for one in wanted}}
        if parents:
            up = {one: None for leaf in wanted for one in category_path(leaf)[:-1]}
            fields["categoryParents"] = {str(one): _category_json(one) for one in up}
        return Answer(cost=1, fields=fields)

    def search(self, call: Call, *, dry: bool) -> Answer | None:
        """/search for categories or products by words."""
        ask.check_domain(call.args.get("domain"))
        kind, words = call.args.get("type"), call.args.get("term", "").lower().split()
        page = ask.whole(call.args, "page", low=0, high=9)
        only_asins = ask.flag(call.args, "asins-only")
        if kind not in ("category", "product") or not words:
            raise ask.BadParameter("type must be category or product, and term must hold a word.")
        options = ask.product_options(call.args, now=call.now)
        if dry:
            return None
        if kind == "category":
            matching = [c for c, (name, _) in CATEGORIES.items() if all(word in name.lower() for word in words)]
            return Answer(cost=1, fields={"categories": {str(c): _category_json(c) for c in matching[:50]}})
        return self._search_products(words, page=page, only_asins=only_asins, options=options, now=call.now)

    def _search_products(
        self, words: list[str], *, page: int | None, only_asins: bool, options: ProductOptions, now: int
    ) -> Answer:
        every = range(self.world.size)
        found = [n for n in every if all(word in self.world.article(n).title.lower() for word in words)]
        shown = found[:40] if page is None else found[page * SEARCH_PAGE : (page + 1) * SEARCH_PAGE]
        cost = 10 * max(1, -(-len(shown) // SEARCH_PAGE))
        if only_asins:
            return Answer(cost=cost, fields={"asinList": [self.world.article(n).asin for n in shown]})
        options = replace(options, offers=None, update=-1)
        bodies = [serve_product(self.world, product=n, now=now, options=options).body for n in shown]
        return Answer(cost=cost, fields={"products": bodies})

    def bestsellers(self, call: Call, *, dry: bool) -> Answer | None:
        """/bestsellers of a category, best present rank first."""
        ask.check_domain(call.args.get("domain"))
        ids = _category_ids(call.args.get("category", ""))
        if dry:
            return None
        rank = self._ranks(call.now)
        ranked = [n for n in np.argsort(rank, kind="stable").tolist() if 0 <= rank[n] < 2**31]
        listed = [a for n in ranked if ids[0] in ((a := self.world.article(n)).root, a.leaf)]
        if not listed:
            return Answer(cost=0, fields={"bestSellersList": None})
        body = {
            "asinList": [article.asin for article in listed[:100_000]],
            "categoryId": ids[0],
            "domainId": 1,
            "lastUpdate": call.now // 60 * 60,
        }
        return Answer(cost=50, fields={"bestSellersList": body})

    def query(self, call: Call, *, dry: bool) -> Answer | None:
        """/query, the product finder: root category, title words, ranges of current values, pages."""
        ask.check_domain(call.args.get("domain"))
        wanted = ask.selection(call.args.get("selection"), body=call.body)
        per_page, page = wanted.get("perPage", 50), wanted.get("page", 0)
        if not isinstance(per_page, int) or not isinstance(page, int) or page * per_page > 10_000:
            raise ask.BadParameter("page times perPage may be at most 10,000.")
        if dry:
            return None
        per_page = max(50, per_page)
        found = self._finder(wanted, now=call.now)
        shown = found[page * per_page : (page + 1) * per_page]
        fields = {"asinList": [self.world.article(n).asin for n in shown], "totalResults": len(found)}
        return Answer(cost=10 + -(-len(shown) // 100), fields=fields)

    def _finder(self, wanted: dict[str, Any], *, now: int) -> list[int]:
        roots = wanted.get("rootCategory")
        roots = set(roots) if isinstance(roots, list) else None if roots is None else {roots}
        words = str(wanted.get("title") or "").lower().split()
        matching = np.ones(self.world.size, bool)
        for name, kind in (("SALES", s.SALES), ("USED", s.USED), ("NEW", s.NEW), ("AMAZON", s.AMAZON)):
            low, high = wanted.get(f"current_{name}_gte"), wanted.get(f"current_{name}_lte")
            if low is None and high is None:
                continue
            values = self._last(kind, now=now)
            matching &= (values >= (low if low is not None else 0)) & (values <= (high if high is not None else 2**31))
        found = []
        for number in np.flatnonzero(matching).tolist():
            article = self.world.article(number)
            if (roots is None or article.root in roots) and all(w in article.title.lower() for w in words):
                found.append(number)
        return found

    def _ranks(self, now: int) -> h.Array:
        rank = self._last(s.SALES, now=now)
        return np.where(rank < 0, 2**31, rank)

    def _last(self, kind: int, *, now: int) -> h.Array:
        return self.world.newest_values(kind, now=now)


def _category_ids(text: str) -> list[int]:
    ids = [int(part) for part in text.split(",") if part.strip().isdigit()]
    if not ids or len(ids) > 10:
        raise ask.BadParameter("category must hold 1 to 10 ids.")
    return ids


def _category_json(number: int) -> dict[str, Any]:
    name, parent = CATEGORIES[number]
    return {
        "catId": number,
        "children": [c for c, (_, up) in CATEGORIES.items() if up == number] or None,
        "contextFreeName": name,
        "domainId": 1,
        "highestRank": 14_000_000,
        "isBrowseNode": True,
        "lowestRank": 1,
        "name": name,
        "parent": parent,
        "productCount": 1000,
    }
