"""A deal's past as its chart shows it: step series, sales, seasons and lines, and the same month by month. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from keepa_deals.price_history import CHARTED_DAYS, MINUTES_A_DAY, PriceHistory
from keepa_deals.records import DatedSale, Series
from keepa_deals.store.find import Deal
from keepa_deals.units import from_keepa_minutes
from keepa_deals.web.marketplaces import Marketplace

MONEY = ("used", "new", "amazon")
COUNTS = ("rank", "used_offers", "new_offers")
LABELS = {
    "used": "Used",
    "new": "New",
    "amazon": "Amazon",
    "rank": "Sales rank",
    "used_offers": "Used offers",
    "new_offers": "New offers",
}
LIKELY_USED = 0.5
"""a sale more probable than this to be of a used copy"""
WORTH_A_DOT = 0.25
NOTHING = Series((), ())


@dataclass(frozen=True, slots=True)
class Span:
    """A month of the season, from instant to instant; `kind` is peak or trough."""

    since: datetime
    until: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Month:
    """One month of the table: the used price's range, the other series as they stood at its end."""

    begin: datetime
    used_low: int | None
    used_high: int | None
    at_end: dict[str, int | None]
    sales: int
    """more likely than not of a used copy"""


def since_of(history: PriceHistory) -> int:
    """The first minute charted: two years ago, or when the series begin."""
    first = min((series.minutes[0] for series in history.series.values() if series.minutes), default=history.until)
    return max(first, history.until - CHARTED_DAYS * MINUTES_A_DAY)


def priced_sales(history: PriceHistory) -> Iterator[tuple[DatedSale, int]]:
    """The sales worth a dot, each with its height in cents: what it went for, else the used price of then."""
    used = history.series.get("used", NOTHING)
    for sale in history.sales:
        cents = sale.landed_cents if sale.landed_cents is not None else value_at(used, sale.minute)
        if cents is not None and sale.used_probability >= WORTH_A_DOT:
            yield sale, cents


def season_spans(deal: Deal, *, since: datetime, until: datetime) -> list[Span]:
    """The months in which it sells dearest and cheapest, within the charted time."""
    kinds = {deal.peak_month: "peak", deal.trough_month: "trough"}
    spans = [(begin, kinds.get(begin.month)) for begin in months_between(since, until)]
    return [
        Span(max(begin, since), min(following_month(begin), until), kind) for begin, kind in spans if kind is not None
    ]


def chart_json(history: PriceHistory, deal: Deal, place: Marketplace) -> dict[str, Any]:
    """What the script draws. Times are Unix seconds, amounts currency units; a null value is "nothing on offer"."""
    since, until = (from_keepa_minutes(minute) for minute in (since_of(history), history.until))
    return {
        "from": seconds(since),
        "until": seconds(until),
        "sign": place.sign,
        "digits": place.minor_digits,
        "series": {
            name: _series_json(series, history.until, place if name in MONEY else None)
            for name, series in history.series.items()
        },
        "sales": [
            {
                "at": seconds(from_keepa_minutes(sale.minute)),
                "price": place.amount(cents),
                "used": sale.used_probability,
            }
            for sale, cents in priced_sales(history)
        ],
        "seasons": [
            {"from": seconds(span.since), "until": seconds(span.until), "kind": span.kind}
            for span in season_spans(deal, since=since, until=until)
        ],
        "lines": {"buy": place.amount(deal.price_now_cents), "list": place.amount(deal.list_cents)},
    }


def _series_json(series: Series, until: int, place: Marketplace | None) -> dict[str, Any]:
    """Times and values; the last value once more at the end, to which it holds."""
    goes_on = bool(series.minutes) and series.minutes[-1] < until
    minutes = (*series.minutes, until) if goes_on else series.minutes
    values = (*series.values, series.values[-1]) if goes_on else series.values
    return {
        "times": [seconds(from_keepa_minutes(minute)) for minute in minutes],
        "values": [value if place is None else place.amount(value) for value in values],
    }


def by_month(history: PriceHistory) -> list[Month]:
    """The charted months, the latest first."""
    since, until = (from_keepa_minutes(minute) for minute in (since_of(history), history.until))
    return [_month(history, begin, until) for begin in months_between(since, until)][::-1]


def _month(history: PriceHistory, begin: datetime, until: datetime) -> Month:
    first = _minute(begin)
    last = min(_minute(following_month(begin)) - 1, _minute(until))
    used = history.series.get("used", NOTHING)
    known = [value for value in values_within(used, first, last) if value is not None]
    return Month(
        begin=begin,
        used_low=min(known, default=None),
        used_high=max(known, default=None),
        at_end={name: value_at(history.series.get(name, NOTHING), last) for name in (*MONEY, *COUNTS)},
        sales=sum(first <= sale.minute <= last and sale.used_probability > LIKELY_USED for sale in history.sales),
    )


def value_at(series: Series, minute: int) -> int | None:
    """What held at `minute`; None before the first point and where there was nothing."""
    place = bisect_right(series.minutes, minute) - 1
    return None if place < 0 else series.values[place]


def values_within(series: Series, first: int, last: int) -> list[int | None]:
    """Every value that held at some time from minute `first` to minute `last`."""
    inside = series.values[bisect_left(series.minutes, first) : bisect_right(series.minutes, last)]
    return [value_at(series, first), *inside]


def months_between(since: datetime, until: datetime) -> Iterator[datetime]:
    """The first instant of every month touched, in order."""
    begin = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while begin < until:
        yield begin
        begin = following_month(begin)


def following_month(begin: datetime) -> datetime:
    return (begin + timedelta(days=32)).replace(day=1)


def seconds(instant: datetime) -> int:
    return int(instant.astimezone(UTC).timestamp())


def _minute(instant: datetime) -> int:
    return int((instant - from_keepa_minutes(0)) // timedelta(minutes=1))
