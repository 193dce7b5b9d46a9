"""What the feed is asked for: the seller's wishes as Keepa's deal selection.

Pure. Keepa's field names for a deal request live here and nowhere else (Keepa documentation, "Browsing Deals").
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from typing import Any

from keepa_deals.errors import BadSettings

BOOKS_BY_DOMAIN = {
    1: 283155,
    2: 266239,
    3: 186606,
    4: 301061,
    5: 465392,
    6: 916520,
    8: 411663524,
    9: 599364031,
    10: 976389031,
}
"""the root category of books by marketplace"""
OPEN_END = 2_147_483_647
"""Keepa's way to leave the upper end of a percent range open"""
USED = 2
NINETY_DAYS = 3
NEWEST_CHANGE_FIRST = 1
LARGEST_FALL_FIRST = 4
"""by percent"""
LEAST_DROP_PERCENT = 10
"""Keepa takes no smaller one"""
MOST_CATEGORIES = 500


@dataclass(frozen=True, slots=True)
class FeedQuery:
    """Used offers whose price fell, within the seller's means.

    The defaults: from $10, since under it the fees of about $7 a copy leave nothing; to $451, above which one
    wrong judgement costs a week's profit; rank 1 to 3,000,000, slower books sell less than about once in a quarter
    (and an open end would let unranked ones in); a fall of 10 % against the mean of 90 days, the least Keepa takes,
    since our own arithmetic sees more than its percent.
    """

    domain_id: int = 1
    categories: tuple[int, ...] | None = None
    """root categories, or direct sub-categories; at most 500; empty: all; None: the marketplace's books, and all
    where their category is not known"""
    lowest_price_cents: int = 1_000
    highest_price_cents: int = 45_100
    best_rank: int = 1
    worst_rank: int = 3_000_000
    drop_percent_min: int = LEAST_DROP_PERCENT

    def selection(self, page: int, *, newest_first: bool) -> dict[str, object]:
        """The body of one `/deal` request, page counted from 0.

        Newest change first serves the live update, and the sweep too: what changes meanwhile moves to the front,
        so a row may come twice but none that stays as it was is skipped. The other order, the largest fall in
        percent first, shows what there is at a first start; its rows move both ways while pages are read.
        """
        books = BOOKS_BY_DOMAIN.get(self.domain_id)
        categories = self.categories if self.categories is not None else (books,) if books is not None else ()
        selection: dict[str, object] = {
            "page": page,
            "domainId": self.domain_id,
            "priceTypes": [USED],
            "dateRange": NINETY_DAYS,
            "isFilterEnabled": True,
            "isRangeEnabled": True,
            "filterErotic": True,
            "currentRange": [self.lowest_price_cents, self.highest_price_cents],
            "deltaPercentRange": [self.drop_percent_min, OPEN_END],
            "salesRankRange": [self.best_rank, self.worst_rank],
            "sortType": NEWEST_CHANGE_FIRST if newest_first else LARGEST_FALL_FIRST,
        }
        if categories:
            selection["includeCategories"] = list(categories)
        return selection


def parse_feed_query(text: str) -> FeedQuery:
    """A FeedQuery from a JSON object with its field names; what is left out keeps its default.

    Raises BadSettings, naming the field, what was given and what would be right.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise BadSettings(f"The feed query is not JSON ({fault}); give an object such as {_EXAMPLE}.") from None
    if not isinstance(given, dict):
        raise BadSettings(f"The feed query is a JSON {type(given).__name__}; give an object such as {_EXAMPLE}.")
    known = [field.name for field in fields(FeedQuery)]
    for name in given:
        if name not in known:
            raise BadSettings(f"The feed query has no field {name!r}; it takes {', '.join(known)}.")
    numbers: dict[str, Any] = {
        name: _whole_number(name, value) for name, value in given.items() if name != "categories"
    }
    query = replace(FeedQuery(), **numbers)
    if "categories" in given:
        query = replace(query, categories=_category_ids(given["categories"]))
    return _checked(query)


_EXAMPLE = '{"lowest_price_cents": 1500, "worst_rank": 1000000}'


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadSettings(f"The feed query's {name} is {value!r}; give a whole number.")
    return value


def _category_ids(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > MOST_CATEGORIES:
        raise BadSettings(f"The feed query's categories are {value!r:.80}; give a list of at most 500 ids.")
    ids = tuple(_whole_number("categories", one) for one in value)
    for one in ids:
        _within("categories", one, 1, 2**63 - 1)
    return ids


def _checked(query: FeedQuery) -> FeedQuery:
    if query.domain_id not in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11):
        raise BadSettings(
            f"The feed query's domain_id is {query.domain_id}; "
            "Keepa has deals for 1 to 6 and 8 to 11 (1 is amazon.com)."
        )
    _within("lowest_price_cents", query.lowest_price_cents, 1, 10_000_000)
    _within("highest_price_cents", query.highest_price_cents, query.lowest_price_cents, 10_000_000)
    _within("best_rank", query.best_rank, 1, OPEN_END)
    _within("worst_rank", query.worst_rank, query.best_rank, OPEN_END)
    _within("drop_percent_min", query.drop_percent_min, LEAST_DROP_PERCENT, 100)
    return query


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadSettings(f"The feed query's {name} is {value}; give a whole number from {least} to {most}.")
