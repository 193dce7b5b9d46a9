"""A database file full of invented deals, and the questions that the API's benchmark asks of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keepa_deals.deal_fields import FIELDS, Kind
from keepa_deals.store.columns import instant_text
from keepa_deals.store.schema import migrate
from tests.builders import a_deal_row, a_step

ROWS_AT_ONCE = 5_000
STEPS_OF_AN_EXPLANATION = 16
OFFERS_OF_A_DEAL = 6
FILTERED = ("margin", "roi", "profit", "rank", "price", "percent_down", "drops", "trust", "days_to_sell", "sold_chance")
SORTED = ("profit", "roi", "margin", "percent_down", "trust", "sale_price")
WORDS = (
    "invented", "river", "bank", "history", "of", "organic", "chemistry", "modern", "garden", "algebra", "north",
    "pocket", "atlas", "letters", "nursing", "practical", "music", "birds", "physics", "winter", "cooking",
    "law", "stories", "design", "ocean", "grammar", "economics", "small", "engines",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """Bounds by field in parameter units, and a field to sort by, the largest first."""

    bounds: tuple[tuple[str, str, str], ...]
    """field, gte or lte, number as a parameter gives it"""
    sort: str

    def ours(self, **more: str) -> str:
        parts = [f"{field}_{end}={number}" for field, end, number in self.bounds]
        return "&".join(
            [*parts, f"sort=-{self.sort}", "limit=50", *(f"{name}={value}" for name, value in more.items())]
        )

    def conditions(self, now: datetime) -> list[tuple[str, str, str]]:
        """Column, sign and value of the same question in SQL's units, the state included."""
        found = [("state", "exact", "live"), ("promised_until", "gt", instant_text(now))]
        for field, end, number in self.bounds:
            cents = FIELDS[field].kind is Kind.MONEY
            found.append((FIELDS[field].column, end, str(round(float(number) * 100)) if cents else number))
        return found


HEADLINE = Question((("margin", "gte", "20"), ("rank", "lte", "500000")), "profit")


def fill(path: Path, *, rows: int, seed: int) -> None:
    """A new file at the newest schema with `rows` deals; triggers and indices are set aside while it is filled."""
    migrate(f"sqlite:///{path}")
    connection = sqlite3.connect(path, isolation_level=None)
    aside = connection.execute(
        "select type, name, sql from sqlite_master where type = 'trigger' or name like 'ix_deals_%' order by type"
    ).fetchall()
    for pragma in ("journal_mode = off", "synchronous = off", "cache_size = -200000"):
        connection.execute(f"pragma {pragma}")
    connection.execute("begin immediate")
    for kind, name, _ in aside:
        connection.execute(f"drop {kind} {name}")
    for names, batch in invented_rows(rows, seed=seed):
        places = ", ".join("?" * len(names))
        connection.executemany(f"insert into deals ({', '.join(names)}) values ({places})", batch)
    connection.execute("insert into deal_search (deal_search) values ('rebuild')")
    for _, _, sql in aside:
        connection.execute(sql)
    connection.execute("insert into about values ('origin', 'demo'), ('account', 'benchmark')")
    connection.execute("commit")
    connection.execute("pragma journal_mode = wal")
    connection.close()


def invented_rows(rows: int, *, seed: int) -> Iterator[tuple[list[str], Iterator[tuple[Any, ...]]]]:
    """Batches of rows, each with the names of its columns."""
    random, now = np.random.default_rng(seed), datetime.now(UTC)
    same = {name: value for name, value in a_deal_row().items() if not isinstance(value, datetime)}
    same |= {"isbn13": None, "judged_at": instant_text(now), "explanation": _EXPLANATION, "offers": _OFFERS}
    hours = [instant_text(now - timedelta(hours=number)) for number in range(720)]
    for start in range(0, rows, ROWS_AT_ONCE):
        numbers = range(start, min(start + ROWS_AT_ONCE, rows))
        columns: dict[str, Iterable[Any]] = {name: repeat(value) for name, value in same.items()}
        columns |= {name: values.tolist() for name, values in invented_numbers(random, len(numbers)).items()}
        columns |= _texts(numbers, random, hours, now)
        yield list(columns), zip(*columns.values(), strict=False)


def _texts(numbers: range, random: np.random.Generator, hours: list[str], now: datetime) -> dict[str, Iterable[Any]]:
    """Nine of ten deals are live for some hours more; the others are unverified or gone."""
    states = ["live" if n % 10 else ("gone" if n % 20 else "unverified") for n in numbers]
    until = [instant_text(now + timedelta(minutes=int(minutes))) for minutes in random.integers(180, 720, 200)]
    words = random.integers(0, len(WORDS), (len(numbers), 6)).tolist()
    return {
        "asin": [f"B{n:09d}" for n in numbers],
        "title": [" ".join(WORDS[word] for word in six).title() for six in words],
        "season": [("textbook", "general", "professional", "none")[n % 4] for n in numbers],
        "binding": [("Paperback", "Hardcover", "Spiral-bound")[n % 3] for n in numbers],
        "state": states,
        "first_seen_at": [hours[n % 700] for n in numbers],
        "price_changed_at": [hours[n % 90] for n in numbers],
        "verified_at": [hours[n % 5] for n in numbers],
        "keepa_updated_at": [hours[n % 5] for n in numbers],
        "promised_until": [until[n * 7 % 200] for n in numbers],
        "unverified_since": [hours[0] if state == "unverified" else None for state in states],
        "gone_at": [hours[0] if state == "gone" else None for state in states],
        "gone_reason": ["the offer was sold" if state == "gone" else None for state in states],
    }


def invented_numbers(random: np.random.Generator, count: int) -> dict[str, NDArray[Any]]:
    """Columns that are filtered and sorted, distributed roughly as a used-book feed has them."""
    price = random.lognormal(7.3, 0.6, count).astype(int)
    sale = (price * random.lognormal(0.8, 0.35, count)).astype(int)
    profit = (sale * 0.8 - price - 700).astype(int)
    return {
        "price_now_cents": price,
        "item_cents": price,
        "sale_price_cents": sale,
        "list_cents": sale,
        "all_in_cents": price + 300,
        "profit_cents": profit,
        "profit_low_cents": profit - 900,
        "is_profitable": (profit > 900).astype(int),
        "margin": np.round(100 * profit / sale, 2),
        "roi": np.round(100 * profit / (price + 300), 2),
        "percent_down": np.round(random.uniform(-20, 95, count), 1),
        "sales_rank": random.lognormal(12.6, 1.2, count).astype(int) + 1,
        "drops_30": random.poisson(6, count),
        "used_offers": random.poisson(8, count),
        "trust": np.round(random.uniform(5, 99, count), 1),
        "sold_chance": np.round(random.uniform(5, 99, count), 1),
        "days_to_sell": np.round(random.lognormal(3.6, 0.8, count), 1),
        "condition": random.integers(1, 6, count),
    }


_EXPLANATION = json.dumps([a_step(f"step_{n}", n * 100, "cents", "full_look", "an invented rule, told in the usual "
                                  "number of words") for n in range(STEPS_OF_AN_EXPLANATION)])  # fmt: skip
_OFFERS = json.dumps([{"condition": 4, "item_cents": 1600, "shipping_cents": 399, "landed_cents": 1999,
                       "is_fba": False, "seller_id": "A2EXAMPLESELLER", "last_seen": "2026-03-05T11:20:00.000Z"}
                      for _ in range(OFFERS_OF_A_DEAL)])  # fmt: skip


def questions(count: int, *, rows: int, seed: int) -> list[Question]:
    """Filters over one to three fields; every fourth is narrow enough that fewer than 50 of `rows` deals meet it."""
    random = np.random.default_rng([seed, rows])
    sample = invented_numbers(random, 20_000)
    found = []
    for number in range(count):
        how_many = 2 if number % 4 == 3 else int(random.integers(1, 4))
        fields = random.choice(FILTERED, how_many, replace=False).tolist()
        narrow = (25 / rows) ** (1 / len(fields))
        share = [narrow if number % 4 == 3 else float(random.uniform(0.15, 0.9)) for _ in fields]
        bounds = tuple(_bound(field, sample, part) for field, part in zip(fields, share, strict=True))
        found.append(Question(bounds, str(random.choice(SORTED))))
    return found


def _bound(name: str, sample: dict[str, NDArray[Any]], share: float) -> tuple[str, str, str]:
    """The bound of `name` that about `share` of the deals meet."""
    field = FIELDS[name]
    at_most = name in ("rank", "price", "days_to_sell")
    edge = float(np.quantile(sample[field.column], share if at_most else 1 - share))
    number = edge / 100 if field.kind is Kind.MONEY else edge
    text = str(max(round(number), 1)) if field.kind is Kind.COUNT else f"{number:.2f}"
    return (name, "lte" if at_most else "gte", text)
