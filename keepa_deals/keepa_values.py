"""Single values of Keepa's JSON: numbers, prices, instants, texts and step series, read with care.

Pure. Keepa sends -1 for "none" and -2 for "not determined", minutes since 2011, and now and then a fraction or
nonsense; whatever can't be true becomes None here. Nothing in this module raises.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from keepa_deals.records import Series
from keepa_deals.units import KEEPA_EPOCH, epoch_ms, from_epoch_ms, from_keepa_minutes, to_keepa_minutes

Number = int | float
Numbers = list[Number | None]

HIGHEST_PRICE_CENTS = 10_000_000
"""$100,000: what is dearer is a typing error or a joke, and unknown to us"""
CLOCK_SKEW = timedelta(days=1)
"""an instant up to this far ahead of ours is a clock that differs, and counts as now; beyond it is nonsense"""
HIGHEST_REFERRAL_PERCENT = 50
"""a referral fee of more than half the sale is a mistake, and unknown to us"""
LARGEST_NUMBER = 2**53
"""beyond it a JSON number is no longer exact everywhere"""

_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.ASCII | re.IGNORECASE)
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9%+_.,-]{0,119}")
_DATE = re.compile(r"(\d{4})(?:(0[1-9]|1[0-2])(?:(0[1-9]|[12]\d|3[01]))?)?")


def number(value: object) -> Number | None:
    """A JSON number as it is; None for everything else."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def integer(value: Number | None) -> int | None:
    """A whole number, fractions rounded down; None for none, for infinities and past 2^53 either way."""
    if value is None or not math.isfinite(value) or abs(value) > LARGEST_NUMBER:
        return None
    return math.floor(value)


def count(value: Number | None) -> int | None:
    """A number of things, 0 or more."""
    whole = integer(value)
    return whole if whole is not None and whole >= 0 else None


def natural(value: Number | None) -> int | None:
    """A rank, id, weight or length: above 0, for Keepa writes 0 and -1 where it does not know."""
    whole = integer(value)
    return whole if whole is not None and whole > 0 else None


def price(value: Number | None) -> int | None:
    """A price in cents, above 0 and at most $100,000: nobody sells for nothing."""
    cents = natural(value)
    return cents if cents is not None and cents <= HIGHEST_PRICE_CENTS else None


def surcharge(value: Number | None) -> int | None:
    """Shipping or a fee in cents: 0 is free, a negative number unknown."""
    cents = count(value)
    return cents if cents is not None and cents <= HIGHEST_PRICE_CENTS else None


def landed(item: Number | None, shipping: Number | None) -> int | None:
    """Item price plus shipping in cents; None unless both are known."""
    item_cents, shipping_cents = price(item), surcharge(shipping)
    return item_cents + shipping_cents if item_cents is not None and shipping_cents is not None else None


def percent(value: Number | None) -> float | None:
    """A referral fee in percent, above 0 and at most 50."""
    return float(value) if value is not None and 0 < value <= HIGHEST_REFERRAL_PERCENT else None


def instant(value: Number | None, *, now: datetime) -> datetime | None:
    """Keepa minutes as aware UTC, never after `now`; None for 0 (unknown) and for times past the clock skew."""
    minutes = natural(value)
    if minutes is None or minutes > to_keepa_minutes(now + CLOCK_SKEW):
        return None
    return min(from_keepa_minutes(minutes), now)


def server_time(milliseconds: Number | None) -> datetime | None:
    """Unix milliseconds as aware UTC; None before Keepa's epoch and a century after it."""
    ms = natural(milliseconds)
    if ms is None or not 0 <= ms - epoch_ms(KEEPA_EPOCH) < 100 * 366 * 86_400_000:
        return None
    return from_epoch_ms(ms)


def at(values: Sequence[Number | None] | None, index: int) -> Number | None:
    """The value at `index` of an array that may be missing or too short."""
    return values[index] if values is not None and index < len(values) else None


def ids(values: Numbers | None) -> tuple[int, ...]:
    """The ids that can be ids, in order."""
    return tuple(found for value in values or () if (found := natural(value)) is not None)


def text(value: object, longest: int) -> str | None:
    """Text as Keepa sent it, cut at `longest` characters, None if nothing is left. Control characters and the
    marks that turn the direction of the text around them are left out; escaping is the page's business."""
    if not isinstance(value, str):
        return None
    return _UNSEEN.sub(" ", value[: longest * 2]).strip()[:longest].strip() or None


def title(value: object, longest: int) -> str | None:
    """A title as people read it: Keepa sends some as HTML, with `&amp;` for `&`. Tags stay as the text they are."""
    if not isinstance(value, str):
        return None
    return text(_ENTITY.sub(lambda entity: html.unescape(entity[0]), value[: longest * 2]), longest)


def image(name: object) -> str | None:
    """The file name of a picture if it can be one: it becomes part of an address."""
    return name if isinstance(name, str) and _IMAGE.fullmatch(name) else None


def image_of_codes(codes: Numbers | str | None) -> str | None:
    """A file name sent as character codes (deal object)."""
    if codes is None or isinstance(codes, str):
        return image(codes)
    letters = [chr(code) for code in ids(codes[:200]) if code < 128]
    return image("".join(letters))


def date(value: Number | None) -> str | None:
    """A date that Keepa writes as the number YYYY, YYYYMM or YYYYMMDD, as YYYY[-MM[-DD]]."""
    digits = natural(value)
    match = _DATE.fullmatch(str(digits)) if digits is not None else None
    return "-".join(part for part in match.groups() if part) if match else None


def isbn13(eans: Sequence[str | None] | None) -> str | None:
    """The first article number that is a book's."""
    for ean in eans or ():
        if ean is not None and re.fullmatch(r"97[89][0-9]{10}", ean):
            return ean
    return None


def step_series(values: Numbers | None, *, now: datetime, read: Callable[[Number | None], int | None]) -> Series | None:
    """Pairs of time and value as a step series: sorted, one value a minute, nothing later than `now`."""
    points = {}
    for minute, value in zip((values or ())[0::2], (values or ())[1::2], strict=False):
        points[natural(minute)] = read(value)
    return _series(points, now=now)


def landed_series(values: Numbers | None, *, now: datetime) -> Series | None:
    """Triples of time, item price and shipping as a step series of landed prices."""
    points = {}
    for minute, item, shipping in triples(values):
        points[natural(minute)] = landed(item, shipping)
    return _series(points, now=now)


def triples(values: Numbers | None) -> list[tuple[Number | None, Number | None, Number | None]]:
    """Whole triples of time, item price and shipping; what is left over at the end is dropped."""
    some = values or []
    return list(zip(some[0::3], some[1::3], some[2::3], strict=False))


def _series(points: dict[int | None, int | None], *, now: datetime) -> Series | None:
    latest = to_keepa_minutes(now)
    minutes = sorted(minute for minute in points if minute is not None and minute <= latest)
    if not minutes:
        return None
    return Series(minutes=tuple(minutes), values=tuple(points[minute] for minute in minutes))
