"""What deals can be filtered and sorted by: one row of `FIELDS` each, with how its values are read and written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from keepa_deals.records import Condition

LARGEST_NUMBER = 999_999_999


class Kind(StrEnum):
    """What a field's number is, which decides how it is read, kept and shown."""

    MONEY = "money"
    """given in currency units, kept in cents"""
    PERCENT = "percent"
    COUNT = "count"
    AGE = "age"
    """given in hours before now, kept as the instant it began"""
    INSTANT = "instant"
    """sorted by only"""
    TEXT = "text"
    """sorted by only, without regard to case"""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that deals can be filtered and sorted by."""

    name: str
    column: str
    kind: Kind
    label: str


FIELDS = {
    field.name: field
    for field in (
        Field("profit", "profit_cents", Kind.MONEY, "Profit"),
        Field("margin", "margin", Kind.PERCENT, "Margin"),
        Field("roi", "roi", Kind.PERCENT, "ROI"),
        Field("price", "price_now_cents", Kind.MONEY, "Price now"),
        Field("sale_price", "sale_price_cents", Kind.MONEY, "Sells for"),
        Field("all_in", "all_in_cents", Kind.MONEY, "All in"),
        Field("percent_down", "percent_down", Kind.PERCENT, "Below average"),
        Field("rank", "sales_rank", Kind.COUNT, "Sales rank"),
        Field("drops", "drops_30", Kind.COUNT, "Rank drops, 30 days"),
        Field("offers", "used_offers", Kind.COUNT, "Used offers"),
        Field("trust", "trust", Kind.PERCENT, "Trust"),
        Field("list_price", "list_cents", Kind.MONEY, "List at"),
        Field("sold_chance", "sold_chance", Kind.PERCENT, "Chance to sell"),
        Field("days_to_sell", "days_to_sell", Kind.COUNT, "Days to sell"),
        Field("used_sales", "used_sales_a_year", Kind.COUNT, "Used sales a year"),
        Field("profit_if_sold", "profit_if_sold_cents", Kind.MONEY, "Profit if sold"),
        Field("profit_low", "profit_low_cents", Kind.MONEY, "Profit, lower bound"),
        Field("one_year_average", "one_year_average_cents", Kind.MONEY, "One-year average"),
        Field("trend", "trend", Kind.PERCENT, "Trend a year"),
        Field("seller_quality", "seller_quality", Kind.PERCENT, "Seller quality"),
        Field("amazon_price", "amazon_cents", Kind.MONEY, "Amazon's price"),
        Field("price_age", "price_changed_at", Kind.AGE, "Hours since the price changed"),
        Field("verified_age", "verified_at", Kind.AGE, "Hours since verified"),
        Field("seen_age", "first_seen_at", Kind.AGE, "Hours since first seen"),
    )
}

SORTS = FIELDS | {
    field.name: field
    for field in (
        Field("title", "title", Kind.TEXT, "Title"),
        Field("condition", "condition", Kind.COUNT, "Condition"),
        Field("season", "season", Kind.TEXT, "Season"),
        Field("category", "category", Kind.TEXT, "Category"),
        Field("binding", "binding", Kind.TEXT, "Binding"),
        Field("amazon", "amazon_cents", Kind.MONEY, "Amazon on the listing"),
        Field("promise", "promised_until", Kind.INSTANT, "Promised until"),
    )
}
"""What deals can be sorted by: every field, and what has no number."""

GRADES: dict[str, Condition] = {grade.name.lower(): grade for grade in Condition if grade is not Condition.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range, in the unit the field is kept in (an age: hours). It excludes unknown values."""

    field: Field
    at_least: bool
    value: int | float

    @property
    def parameter(self) -> str:
        return f"{self.field.name}_{'gte' if self.at_least else 'lte'}"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order. Unknown values come last in either direction; equal ones go by ASIN and marketplace."""

    field: Field
    descending: bool

    @property
    def name(self) -> str:
        return f"{'-' if self.descending else ''}{self.field.name}"

    @property
    def column_descends(self) -> bool:
        """The smallest age belongs to the latest instant."""
        return self.descending != (self.field.kind is Kind.AGE)


DEFAULT_SORT = Sort(FIELDS["profit"], descending=True)


class NotRight(Exception):
    """What a value should be."""


def written(bound: Bound, *, minor_digits: int = 2) -> str:
    """A bound's value the way a parameter gives it."""
    number = Decimal(str(bound.value))
    if bound.field.kind is Kind.MONEY:
        number = number.scaleb(-minor_digits)
    return f"{number.normalize():f}"


def shown(text: str) -> str:
    """Foreign text in a message: quoted, its control characters made visible, cut at 60 characters."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def read_value(text: str, kind: Kind, *, minor_digits: int) -> int | float:
    """A bound's value in the unit its field is kept in. Raises NotRight."""
    return _READERS[kind](text, minor_digits)


_NUMBER = re.compile(r"([+-]?[0-9]{1,9}(?:\.([0-9]*))?)([kKmM]?)")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?[kKmM]?")
_ZEROS = {"": 0, "k": 3, "m": 6}


def _decimal(text: str, *, decimals: int, lowest: int, example: str, of: str) -> Decimal:
    """A number whose thousands may be set off by commas, or that ends in k or m for thousands or millions."""
    if "," in text and not _GROUPED.fullmatch(text):
        raise NotRight("a comma only sets off thousands, as in 500,000; decimals come after a point, as in 12.50")
    found = _NUMBER.fullmatch(text.replace(",", ""))
    if found is not None:
        zeros = _ZEROS[found[3].lower()]
        number = Decimal(found[1]).scaleb(zeros)
        fits = found[2] is None or len(found[2]) <= decimals + zeros > 0
        if fits and lowest <= number < LARGEST_NUMBER + 1:
            return number
    least = "" if lowest < 0 else " that is not negative"
    most = f" with a point before at most {decimals} decimals" if decimals else " without decimals"
    raise NotRight(f"it must be {of}{least}, such as {example},{most} and at most 9 digits before them")


def _money(text: str, minor_digits: int) -> int:
    example = "12.50" if minor_digits else "1250"
    number = _decimal(
        text, decimals=minor_digits, lowest=-LARGEST_NUMBER, example=example, of="an amount without a currency sign"
    )
    return int(number.scaleb(minor_digits))


def _percent(text: str, _minor_digits: int) -> float:
    return float(
        _decimal(
            text, decimals=2, lowest=-LARGEST_NUMBER, example="15 or 12.5", of="a number of percent without the sign"
        )
    )


def _hours(text: str, _minor_digits: int) -> float:
    number = _decimal(text, decimals=2, lowest=0, example="6", of="a number of hours")
    if number > 1_000_000:
        raise NotRight("it must be a number of hours up to 1000000")
    return float(number)


def _count(text: str, _minor_digits: int) -> int:
    return int(_decimal(text, decimals=0, lowest=0, example="500,000 or 500k", of="a whole number"))


def whole_number(text: str, *, low: int, high: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise NotRight(f"it must be a whole number from {low} to {high}, written in digits alone")
    return int(text)


_READERS: dict[Kind, Callable[[str, int], int | float]] = {
    Kind.MONEY: _money,
    Kind.PERCENT: _percent,
    Kind.COUNT: _count,
    Kind.AGE: _hours,
}
