"""How values are shown. Unknown is a dash that says so; nothing is computed here but its display."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from keepa_deals.health import Verdict, VerdictState
from keepa_deals.records import Condition
from keepa_deals.store.columns import instant_text
from keepa_deals.web.marketplaces import MARKETPLACES

UNKNOWN = Markup('<span class="unknown" title="unknown">–<span class="out-of-sight">unknown</span></span>')

_CONDITIONS = {
    Condition.NEW: "New",
    Condition.LIKE_NEW: "Like new",
    Condition.VERY_GOOD: "Very good",
    Condition.GOOD: "Good",
    Condition.ACCEPTABLE: "Acceptable",
    Condition.REFURBISHED: "Refurbished",
    Condition.COLLECTIBLE_LIKE_NEW: "Collectible, like new",
    Condition.COLLECTIBLE_VERY_GOOD: "Collectible, very good",
    Condition.COLLECTIBLE_GOOD: "Collectible, good",
    Condition.COLLECTIBLE_ACCEPTABLE: "Collectible, acceptable",
}

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_AGES = (
    (timedelta(days=730), timedelta(days=365), "y"),
    (timedelta(days=60), timedelta(days=30), "mo"),
    (timedelta(days=2), timedelta(days=1), "d"),
    (timedelta(hours=1), timedelta(hours=1), "h"),
    (timedelta(minutes=1), timedelta(minutes=1), "min"),
)


def money(cents: int | None, domain_id: int) -> str:
    """`$12.34` in the marketplace's currency."""
    return UNKNOWN if cents is None else MARKETPLACES.get(domain_id, MARKETPLACES[1]).money(cents)


def short_money(cents: int | None, domain_id: int) -> str:
    """`$12.34`, but `$123` from 100 up, never rounded up; the exact amount where someone points."""
    place = MARKETPLACES.get(domain_id, MARKETPLACES[1])
    if cents is None:
        return UNKNOWN
    if place.minor_digits == 0 or abs(cents) < 100 * 10**place.minor_digits:
        return place.money(cents)
    return _behind(place.money(cents), place.whole_money(cents))


def short_percent(value: float | None) -> str:
    """`12 %`, rounded down; the exact share where someone points."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{math.floor(round(value, 6)):,} %".replace("-", "−")
    return _behind(percent(value), text)


def percent(value: float | None) -> str:
    """`12.3 %`, rounded down, so that 4.96 never reads as a 5.0 that `_gte=5` leaves out."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{math.floor(round(value * 10, 6)) / 10:,.1f} %".replace("-", "−")


def count(value: int | None) -> str:
    return UNKNOWN if value is None else f"{value:,}"


def short_count(value: int | None) -> str:
    """`950`, `120K`, `4.5M`; the exact number, with its separators, where someone points."""
    if value is None:
        return UNKNOWN
    if value < 1_000:
        return str(value)
    size, unit = (1_000, "K") if value < 1_000_000 else (1_000_000, "M")
    short = f"{value / size:.1f}".removesuffix(".0") if value < 100 * size else f"{value // size:,}"
    return _behind(f"{value:,}", short + unit)


def condition(grade: Condition | None) -> str:
    return UNKNOWN if grade is None else _CONDITIONS[grade]


def iso(instant: datetime) -> str:
    """`2026-11-22T13:06:37.123Z`."""
    return instant_text(instant)


def as_text(document: Any) -> str:
    """A small JSON document as people read it."""
    if isinstance(document, dict):
        return "; ".join(f"{str(name).replace('_', ' ')}: {as_text(value)}" for name, value in document.items())
    return ", ".join(as_text(item) for item in document) if isinstance(document, list) else str(document)


def exact_time(instant: datetime) -> str:
    """`2026-11-22 13:06:37 UTC`."""
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def clock_time(instant: datetime, now: datetime) -> str:
    """`14:05 UTC` within a day of now, else with its date."""
    return f"{instant:%H:%M} UTC" if abs(instant - now) < timedelta(hours=20) else f"{instant:%Y-%m-%d %H:%M} UTC"


def age(instant: datetime, now: datetime) -> str:
    """`5 min`, `3 h`, `2 d`; `now` for less than a minute and for what a clock set back puts ahead."""
    past = now - instant
    for least, unit, name in _AGES:
        if past >= least:
            return f"{past // unit} {name}"
    return "now"


def since(instant: datetime | None, now: datetime) -> str:
    """An age as a `<time>` with the exact moment behind it."""
    if instant is None:
        return UNKNOWN
    text = age(instant, now)
    return _time(instant, text if text == "now" else f"{text} ago", " data-age")


def short_since(instant: datetime | None, now: datetime) -> str:
    """`since` where a heading already says that it is an age."""
    if instant is None:
        return UNKNOWN
    return _time(instant, age(instant, now), ' data-age="short"')


def month(number: int | None) -> str:
    """`Jan` for 1."""
    return UNKNOWN if number is None else _MONTHS[number - 1]


def at(instant: datetime | None, now: datetime) -> str:
    """A moment as a `<time>`, with the exact one behind it."""
    if instant is None:
        return UNKNOWN
    return _time(instant, clock_time(instant, now))


def verdict_text(verdict: Verdict, now: datetime) -> str:
    """The verdict in a few words: `Waiting for tokens until 14:05 UTC`."""
    if verdict.state is VerdictState.WAITING and verdict.waiting_until is not None:
        return f"Waiting for tokens until {clock_time(verdict.waiting_until, now)}"
    return verdict.state.value.replace("_", " ").capitalize()


def _behind(exact: str, short: str) -> Markup:
    """A short figure with the exact one behind it. Both are our own writing: figures, signs, currencies."""
    return Markup(f'<span title="{exact}">{short}</span>')  # noqa: S704


def _time(instant: datetime, text: str, marks: str = "") -> Markup:
    """`text`, our own writing, with the exact moment behind it."""
    return Markup(f'<time{marks} datetime="{iso(instant)}" title="{exact_time(instant)}">{text}</time>')  # noqa: S704
