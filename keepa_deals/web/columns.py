"""The table's columns: what each is called, what it means, and which of them a view shows in which order. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keepa_deals.deal_fields import SORTS, Field, shown
from keepa_deals.deal_query import Problem

DEFAULT_SET = "scan"
VIEW_PARAMETERS = ("set", "columns", "move", "count", "marked", "undo")
MOST_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Column:
    """One column. Its key is the name of the field it sorts by, where there is such a field."""

    key: str
    label: str
    """as short as a heading must be"""
    meaning: str
    formula: str
    source: str
    smallest_first: bool = False
    """whether the first click on its heading sorts upwards"""
    name: str = ""
    """in full, where the label is an abbreviation"""
    sorted_by: str = ""
    """the field, where the key is not its name"""

    @property
    def field(self) -> Field | None:
        return SORTS.get(self.sorted_by or self.key)

    @property
    def is_number(self) -> bool:
        return self.key not in _IN_WORDS

    @property
    def full_name(self) -> str:
        return self.name or self.label


_IN_WORDS = ("title", "condition", "season", "spark", "ages", "promise", "action")

JUDGEMENT = "our judgement of the last full look"
LOOK = "Keepa's answer to the last look"
OFFER = "the offers Keepa listed at the last full look, or the price the feed gave since"

COLUMNS: dict[str, Column] = {
    column.key: column
    for column in (
        Column(
            "profit",
            "Profit",
            "What this copy is expected to leave, the risk of not selling it included.",
            "chance to sell × (list at − Amazon's fees) + (1 − chance) × salvage − all in. ✓ stands where even the "
            "lower bound is a profit, ~ where it may turn out a loss, ▾ where a loss is expected.",
            JUDGEMENT,
            name="Expected profit",
        ),
        Column(
            "roi",
            "ROI",
            "The expected profit as a share of the money laid out.",
            "profit ÷ all in",
            JUDGEMENT,
            name="Return on investment",
        ),
        Column("margin", "Margin", "The expected profit as a share of the list price.", "profit ÷ list at", JUDGEMENT),
        Column(
            "price",
            "Price now",
            "What the cheapest used copy costs, shipping included.",
            "item price + shipping of the cheapest live used offer",
            OFFER,
            smallest_first=True,
        ),
        Column(
            "all_in",
            "All in",
            "What a copy costs until it is for sale again.",
            "price now + purchase tax + prep + the way to Amazon's warehouse",
            "the price, and the costs in the settings",
            smallest_first=True,
        ),
        Column(
            "sale_price",
            "Sells for",
            "What a copy of this grade is expected to sell for. The small figures hold it in four cases of five; "
            "≈ marks an estimate on too few sales to call it profitable.",
            "centre of the inferred used sales, for the season and today's rivals",
            JUDGEMENT,
        ),
        Column(
            "list_price",
            "List at",
            "The price to ask, at which the expected profit is largest.",
            "the highest point of chance to sell × net proceeds over all prices",
            JUDGEMENT,
            name="Recommended list price",
        ),
        Column(
            "profit_if_sold",
            "If sold",
            "The profit once a copy is sold at the recommended price.",
            "list at − Amazon's fees − all in",
            JUDGEMENT,
            name="Profit if sold",
        ),
        Column(
            "profit_low",
            "Low bound",
            "A cautious figure: the profit less what such judgements are usually off by.",
            "profit − caution × predicted error",
            JUDGEMENT,
            name="Profit, lower bound",
        ),
        Column(
            "spark",
            "90 days",
            "The lowest used price of the last 90 days. Dots are sales we infer, the dashed line is what it sells for.",
            "one step for each three days, at the price that stood at its end",
            "Keepa's history at the last full look",
            name="Used price, 90 days",
        ),
        Column(
            "percent_down",
            "Below avg",
            "How far the price now is below what it usually is.",
            "1 − price now ÷ one-year average (else the mean of 90 days)",
            JUDGEMENT,
            name="Below average",
        ),
        Column(
            "one_year_average",
            "1-year avg",
            "What used copies sold for on average over a year.",
            "mean of the inferred used sales of 365 days, each weighted by its probability",
            JUDGEMENT,
            name="One-year average",
        ),
        Column("condition", "Condition", "The grade of the cheapest used copy.", "as its seller states it", OFFER),
        Column(
            "rank",
            "Rank",
            "How well the title sells at Amazon; lower is better.",
            "Amazon's sales rank in the product's root category",
            LOOK,
            smallest_first=True,
            name="Sales rank",
        ),
        Column(
            "drops",
            "Drops",
            "How often the sales rank fell in 30 days: a rough count of sales of any condition.",
            "Keepa's salesRankDrops30",
            LOOK,
            name="Rank drops, 30 days",
        ),
        Column(
            "offers",
            "Offers",
            "How many used copies compete. ▼ fewer than usual, ▲ more than usual.",
            "used offers, against their mean of 90 days; an eighth either way counts as the same",
            LOOK,
            smallest_first=True,
            name="Used offers",
        ),
        Column(
            "amazon",
            "Amazon",
            "Whether Amazon itself sells it new, and for how much: then few pay more for a used copy.",
            "Amazon's own offer",
            LOOK,
            smallest_first=True,
            name="Amazon on the listing",
        ),
        Column(
            "season",
            "Season",
            "When in the year it sells best, where a season is known.",
            "the title's own peak if its sales show one, else that of its subject",
            JUDGEMENT,
        ),
        Column(
            "trust",
            "Trust",
            "The chance that it sells in time for nearly what we say.",
            "calibrated probability of a sale at 90 % or more of “sells for” within the selling time",
            JUDGEMENT,
        ),
        Column(
            "sold_chance",
            "Chance",
            "The chance that a copy sells in time at the recommended price.",
            "share of such listings sold within the selling time, by price and demand",
            JUDGEMENT,
            name="Chance to sell",
        ),
        Column(
            "days_to_sell",
            "Days",
            "Half of such copies are sold after so many days on sale.",
            "median of the time from listing to sale at the recommended price",
            JUDGEMENT,
            smallest_first=True,
            name="Days to sell",
        ),
        Column(
            "used_sales",
            "Sales / y",
            "How many used copies are sold in a year, by all sellers together.",
            "inferred used sales, each by its probability, made up for times nobody observed",
            JUDGEMENT,
            name="Used sales a year",
        ),
        Column(
            "trend",
            "Trend / y",
            "Where its price is going.",
            "yearly change of the price its used copies sold for",
            JUDGEMENT,
            name="Trend a year",
        ),
        Column(
            "seller_quality",
            "Seller",
            "How far the seller of the cheapest copy can be relied on.",
            "lower bound (Wilson) of the share of positive ratings, so that few ratings count little",
            "Keepa's seller record",
            name="Seller quality",
        ),
        Column(
            "verified_age",
            "Verified",
            "When we last saw this price with our own eyes. Past the promise a deal is unverified.",
            "now − last sighting of the same price",
            "our own calls",
            smallest_first=True,
        ),
        Column(
            "price_age",
            "Changed",
            "When the price last changed.",
            "now − the moment since which this price holds",
            "Keepa's history and our own calls",
            smallest_first=True,
            name="Price changed",
        ),
        Column(
            "seen_age",
            "First seen",
            "When this service first saw the deal.",
            "now − first sighting",
            "our own calls",
            smallest_first=True,
        ),
        Column(
            "ages",
            "Ages",
            "Three different ages: when we last saw this price ourselves, when it last changed, when we first saw "
            "the deal. Past its promise a deal is unverified.",
            "now − last sighting; now − the moment since which the price holds; now − first sighting",
            "our own calls, and Keepa's history",
            smallest_first=True,
            name="Verified, changed, first seen",
            sorted_by="verified_age",
        ),
        Column(
            "promise",
            "Promise",
            "How long we still stand for the price without looking again, and what the last sighting was.",
            "promised until − now",
            "the freshness rule in the settings",
            smallest_first=True,
        ),
        Column("action", "Buy", "To the product's page at Amazon, in a new tab.", "–", "the marketplace"),
    )
}
TITLE = Column("title", "Title", "Title, author and ASIN. The title leads to all that is known of the deal.", "–", LOOK)
SETS: dict[str, tuple[str, tuple[str, ...]]] = {
    "scan": (
        "Scan",
        (
            "profit", "roi", "price", "sale_price", "spark", "trust", "days_to_sell", "condition", "rank", "offers",
            "season", "ages", "action",
        ),
    ),
    "buy": (
        "Buy",
        (
            "profit", "profit_low", "price", "all_in", "list_price", "profit_if_sold", "sold_chance", "days_to_sell",
            "roi", "margin", "condition", "seller_quality", "offers", "amazon", "verified_age", "price_age", "action",
        ),
    ),
    "engineer": (
        "Engineer",
        (
            "profit", "profit_low", "trust", "sold_chance", "used_sales", "price", "sale_price", "one_year_average",
            "percent_down", "trend", "spark", "rank", "drops", "promise", "verified_age", "price_age", "seen_age",
            "action",
        ),
    ),
}  # fmt: skip
"""Three ways to look at the same deals: by name, what they are called and their columns in order."""


@dataclass(frozen=True, slots=True)
class View:
    """Which columns are shown, after the title, in which order. `set_name` is None for a choice of one's own."""

    keys: tuple[str, ...]
    set_name: str | None

    @property
    def columns(self) -> tuple[Column, ...]:
        return tuple(COLUMNS[key] for key in self.keys)

    def parameters(self) -> list[tuple[str, str]]:
        """The shortest parameters from which this same view is read again."""
        if self.set_name is None:
            return [("columns", ",".join(self.keys))]
        return [] if self.set_name == DEFAULT_SET else [("set", self.set_name)]

    def in_order(self) -> list[tuple[Column, bool]]:
        """Every column with whether it is shown: those shown first, in their order."""
        rest = [column for key, column in COLUMNS.items() if key not in self.keys]
        return [(column, True) for column in self.columns] + [(column, False) for column in rest]


def view_of_set(name: str) -> View:
    return View(SETS[name][1], name)


def read_view(parameters: Mapping[str, Iterable[str]]) -> tuple[View, tuple[Problem, ...]]:
    """The view that `set`, `columns` and `move` ask for, each given with all its values, and what was wrong.

    `columns` are keys, with commas between them or each on its own; they win over `set`. `move` is `+key` or `-key`:
    one place towards the end or the begin.
    """
    problems: list[Problem] = []
    view = _set(_texts(parameters, "set"), problems)
    keys = [key for text in _texts(parameters, "columns") for key in text.split(",") if key]
    known = tuple(dict.fromkeys(key for key in keys if key in COLUMNS))
    problems += [_unknown(key) for key in dict.fromkeys(keys) if key not in COLUMNS and key != TITLE.key]
    if known:
        view = _named(known[:MOST_COLUMNS])
    for text in _texts(parameters, "move"):
        view = _named(_moved(view.keys, text, problems))
    return view, tuple(problems)


def _texts(parameters: Mapping[str, Iterable[str]], name: str) -> list[str]:
    return [text.strip() for text in parameters.get(name, ()) if text.strip()]


def _set(texts: list[str], problems: list[Problem]) -> View:
    if not texts:
        return view_of_set(DEFAULT_SET)
    if len(texts) > 1 or texts[0] not in SETS:
        problems.append(Problem("set", f"set is {shown(', '.join(texts))}; it must be one of {', '.join(SETS)}."))
        return view_of_set(DEFAULT_SET)
    return view_of_set(texts[0])


def _named(keys: tuple[str, ...]) -> View:
    """A view of `keys`; under the name of the set that happens to be the same."""
    same = next((name for name, (_, in_set) in SETS.items() if in_set == keys), None)
    return View(keys, same)


def _moved(keys: tuple[str, ...], text: str, problems: list[Problem]) -> tuple[str, ...]:
    key, step = text[1:], 1 if text[0] == "+" else -1
    if key not in keys or text[0] not in "+-":
        problems.append(Problem("move", f"move is {shown(text)}; it must be + or - and one of the columns shown."))
        return keys
    place = keys.index(key)
    to = min(max(place + step, 0), len(keys) - 1)
    rest = [other for other in keys if other != key]
    return (*rest[:to], key, *rest[to:])


def _unknown(key: str) -> Problem:
    near = difflib.get_close_matches(key, COLUMNS, n=1) if len(key) <= 40 else []
    known = f"did you mean {near[0]}?" if near else f"there are {', '.join(COLUMNS)}."
    return Problem("columns", f"There is no column {shown(key)}; {known}", is_unknown=True)
