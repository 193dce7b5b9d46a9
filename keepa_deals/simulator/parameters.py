"""Keepa's request parameters, checked: text from the URL to typed options, or the refusal Keepa gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from keepa_deals.simulator import series as s
from keepa_deals.simulator.deal_feed import OPEN_END, DealQuery
from keepa_deals.simulator.product_json import ProductOptions
from keepa_deals.units import from_epoch_ms, to_keepa_minutes

ASIN = re.compile(r"(?:\d{9}[\dX]|B[0-9A-Z]{9})\Z")
MOST_ASINS = 100
DOMAINS = frozenset({1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12})


class BadParameter(Exception):
    """A request that Keepa refuses before it looks at the tokens. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def whole(args: Mapping[str, str], name: str, *, low: int, high: int) -> int | None:
    """An optional whole number; out of range is 405, anything else that is no number 400."""
    text = args.get(name)
    if text is None or text == "":
        return None
    try:
        number = int(text)
    except ValueError:
        raise BadParameter(f"{name} must be a whole number.") from None
    if not low <= number <= high:
        raise BadParameter(f"{name} must be {low} to {high}.", status=405)
    return number


def flag(args: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """An optional 0/1 switch (true/false is accepted too)."""
    text = args.get(name, "").lower()
    if text in ("", "0", "1", "true", "false"):
        return default if text == "" else text in ("1", "true")
    raise BadParameter(f"{name} must be 0 or 1.")


def check_domain(value: Any) -> None:
    """The marketplace must be one that Keepa has; the simulator's world is 1 (US)."""
    try:
        known = int(value) in DOMAINS
    except (TypeError, ValueError):
        known = False
    if not known:
        raise BadParameter("domain is missing or unknown.")


def asins(args: Mapping[str, str]) -> list[str]:
    """The well-formed ASINs asked for, in order, without repeats. Malformed ones are left out."""
    if "asin" in args and "code" in args:
        raise BadParameter("asin and code may not be combined.")
    text = args.get("asin", args.get("code", ""))
    wanted = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not wanted:
        raise BadParameter("asin is missing.")
    if len(wanted) > MOST_ASINS:
        raise BadParameter(f"at most {MOST_ASINS} ASINs.", status=405)
    return wanted


def product_options(args: Mapping[str, str], *, now: int) -> ProductOptions:
    """The options of a /product call."""
    window = _window(args.get("stats"), now=now)
    offers = whole(args, "offers", low=-(2**31), high=2**31)
    if offers is not None and not 20 <= offers <= 100:
        raise BadParameter("offers must be 20 to 100.")
    return ProductOptions(
        stats=window is not None,
        window=window if window is not None else (0, now),
        history=flag(args, "history", default=True),
        days=whole(args, "days", low=1, high=100_000),
        offers=offers,
        update=whole(args, "update", low=-1, high=100_000),
        only_live_offers=flag(args, "only-live-offers"),
        rating=flag(args, "rating"),
        buybox=flag(args, "buybox"),
    )


def _window(text: str | None, *, now: int) -> tuple[int, int] | None:
    """`stats`: a number of days, or two instants (Unix ms or ISO date) separated by a comma."""
    if text is None or text == "":
        return None
    parts = text.split(",")
    if len(parts) == 1 and parts[0].isdigit() and 0 < int(parts[0]) < 100_000:
        return (max(0, now - int(parts[0]) * 1440), now)
    if len(parts) == 2:
        start, end = (_instant(part) for part in parts)
        if start < end:
            return (start, min(end, now))
    raise BadParameter("stats is invalid.", status=405)


def _instant(text: str) -> int:
    try:
        if text.strip().isdigit():
            return to_keepa_minutes(from_epoch_ms(int(text)))
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise BadParameter("stats is invalid.", status=405) from None
    return to_keepa_minutes(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def selection(text: str | None, *, body: bytes) -> dict[str, Any]:
    """The query object of /deal and /query: the `selection` parameter, or the body of a POST."""
    source: str | bytes | None = body if body else text
    if not source:
        raise BadParameter("selection is missing.")
    try:
        query = json.loads(source)
    except ValueError:
        raise BadParameter("selection is not JSON.") from None
    if not isinstance(query, dict):
        raise BadParameter("selection must be an object.")
    return query


def deal_query(query: dict[str, Any]) -> DealQuery:
    """A deal query as Keepa reads it: wrongly typed dateRange and sortType count as absent (observed)."""
    check_domain(query.get("domainId"))
    kinds = query.get("priceTypes", 0)
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if len(kinds) != 1 or kinds[0] not in s.DEAL_TYPES or isinstance(kinds[0], bool):
        raise BadParameter("priceTypes must hold exactly one known price type.")
    date_range = _whole_or(query.get("dateRange"), default=-1)
    sort = _whole_or(query.get("sortType"), default=0)
    words = query.get("titleSearch") or ""
    return DealQuery(
        price_type=kinds[0],
        date_range=date_range if 0 <= date_range <= 3 else None,
        filters=query.get("isFilterEnabled") is True,
        ranges=query.get("isRangeEnabled") is True,
        current=_range(query, "currentRange"),
        delta=_range(query, "deltaRange"),
        delta_percent=_range(query, "deltaPercentRange"),
        rank=_range(query, "salesRankRange"),
        include=_ids(query, "includeCategories"),
        exclude=_ids(query, "excludeCategories"),
        min_rating=_whole_or(query.get("minRating"), default=-1),
        title_words=tuple(str(words).lower().split()[:50]),
        must_have_amazon=query.get("mustHaveAmazonOffer") is True,
        must_not_have_amazon=query.get("mustNotHaveAmazonOffer") is True,
        out_of_stock=query.get("isOutOfStock") is True,
        sort=sort if 1 <= abs(sort) <= 4 else 1,
    )


def page_number(query: dict[str, Any]) -> int:
    """The page of a deal query, from 0."""
    page = query.get("page", 0)
    if not _is_whole(page) or page < 0:
        raise BadParameter("page must be 0 or more.")
    return int(page)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _whole_or(value: Any, *, default: int) -> int:
    return int(value) if _is_whole(value) else default


def _range(query: dict[str, Any], name: str) -> tuple[int, int] | None:
    limits = query.get(name)
    if limits is None:
        return None
    if not isinstance(limits, list) or len(limits) != 2 or not all(_is_whole(limit) for limit in limits):
        raise BadParameter(f"{name} must be two whole numbers.")
    low, high = limits
    return (low, OPEN_END if high < 0 else high)


def _ids(query: dict[str, Any], name: str) -> frozenset[int]:
    ids = query.get(name) or []
    if not isinstance(ids, list) or len(ids) > 500 or not all(_is_whole(one) for one in ids):
        raise BadParameter(f"{name} must be a list of at most 500 category ids.")
    return frozenset(ids)
