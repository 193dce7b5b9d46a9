"""The numbers of every deal in memory, column by column: what filters, sorts and counts are answered from.

A filter over many columns that no one index serves reads the whole table, which takes SQLite a tenth of a second
for 100,000 deals and NumPy less than a millisecond. The database stays the only truth: before each question the
mirror reads what `deal_touches` says was written since, in the asker's own transaction. Rows are still read from
the database; here is only what decides which ones.

A column is indexed by the row's number in the database. Unknown is NaN, which no comparison meets and which sorts
last.
"""

from __future__ import annotations

import threading
import weakref
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine

from keepa_deals.deal_fields import FIELDS, Kind
from keepa_deals.errors import StoreError
from keepa_deals.records import DealState
from keepa_deals.store.search_index import TOUCHES_KEPT

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Rows = NDArray[np.int64]

STATES = {DealState.LIVE: 0, DealState.UNVERIFIED: 1, DealState.GONE: 2}
NUMBERS = (
    *dict.fromkeys(field.column for field in FIELDS.values() if field.kind is not Kind.AGE),
    "condition",
    "category_id",
    "peak_month",
    "is_profitable",
)
INSTANTS = tuple(field.column for field in FIELDS.values() if field.kind is Kind.AGE)
CODED = ("category", "binding", "season")
"""texts of which there are few: kept as numbers of a vocabulary"""
REMEMBERED = 32
ROWS_AT_ONCE = 20_000
_READ = ("asin", "domain_id", "state", "promised_until", "title", *NUMBERS, *INSTANTS, *CODED)
_TITLE_BYTES = 24
"""as many decide the order of titles; equal ones go by ASIN like all equal values"""


class Coded:
    """A column of texts, each as its place in a vocabulary; -1 is unknown."""

    def __init__(self) -> None:
        self.codes: NDArray[np.int32] = np.full(1, -1, dtype=np.int32)
        self.vocabulary: dict[str, int] = {}

    def encode(self, texts: Sequence[str | None]) -> NDArray[np.int32]:
        vocabulary = self.vocabulary
        return np.array(
            [-1 if text is None else vocabulary.setdefault(text, len(vocabulary)) for text in texts], dtype=np.int32
        )

    def one_of(self, is_wanted: Callable[[str], bool]) -> Mask:
        """Whether each row's text is wanted; an unknown one is not."""
        wanted = np.zeros(len(self.vocabulary) + 1, dtype=bool)
        for text, code in self.vocabulary.items():
            wanted[code] = is_wanted(text)
        return wanted[self.codes]

    def counts(self, rows: Rows) -> dict[str, int]:
        """How many of `rows` have each text."""
        codes = self.codes[rows]
        found = np.bincount(codes[codes >= 0], minlength=len(self.vocabulary))
        return {text: int(found[code]) for text, code in self.vocabulary.items() if found[code]}


class Columns:
    """The arrays, all of one length; a place whose key is 0 holds no deal."""

    def __init__(self) -> None:
        self.keys: Rows = np.zeros(1, dtype=np.int64)
        self.states: NDArray[np.int8] = np.full(1, -1, dtype=np.int8)
        self.live_until: Numbers = np.full(1, -np.inf)
        self.numbers: dict[str, Numbers] = {name: np.full(1, np.nan) for name in (*NUMBERS, *INSTANTS)}
        self.numbers["promised_until"] = np.full(1, np.nan)
        self.coded = {name: Coded() for name in CODED}
        self.titles: NDArray[np.bytes_] = np.zeros(1, dtype=f"S{_TITLE_BYTES}")
        self.remembered: dict[Any, Any] = {}
        """what was worked out from the arrays as they are; forgotten with every change"""

    def remember(self, key: object, find: Callable[[], Any]) -> Any:
        """`find()`, worked out once until a row changes."""
        if key not in self.remembered:
            if len(self.remembered) >= REMEMBERED:
                self.remembered.clear()
            self.remembered[key] = find()
        return self.remembered[key]

    def in_state(self, state: DealState, now: datetime) -> Mask:
        """Live is what is within its promise now, whatever the stored state says."""
        if state is DealState.LIVE:
            live: Mask = self.live_until > milliseconds(now)
            return live
        stored: Mask = self.states == STATES[state]
        if state is DealState.UNVERIFIED:
            stored |= (self.states == STATES[DealState.LIVE]) & (self.live_until <= milliseconds(now))
        return stored

    def sort_values(self, column: str) -> Numbers:
        """Numbers in the order of the column's values; NaN is unknown."""
        if column == "title":
            ranked: Numbers = self._ranks(column)[1]
            return ranked
        if column in self.coded:
            ranks: Numbers = self._ranks(column)[1]
            return ranks[self.coded[column].codes]
        return self.numbers[column]

    def sort_value_of(self, column: str, value: float | str | datetime) -> float:
        """Where a value, present or not, stands among `sort_values`."""
        if isinstance(value, datetime):
            return milliseconds(value)
        if isinstance(value, str):
            ordered = self._ranks(column)[0]
            folded: Any = folded_title(value) if column == "title" else value.casefold()
            place = bisect_left(ordered, folded)
            return place if place < len(ordered) and ordered[place] == folded else place - 0.5
        return float(value)

    def _ranks(self, column: str) -> Any:
        rank = self._rank_titles if column == "title" else lambda: _rank_words(self.coded[column].vocabulary)
        return self.remember(("ranks", column), rank)

    def _rank_titles(self) -> tuple[NDArray[np.bytes_], Numbers]:
        ordered, places = np.unique(self.titles, return_inverse=True)
        return ordered, places.astype(np.float64)

    def write(self, rows: list[Any]) -> None:
        """Take over rows of `_READ`, each with its number before it."""
        parts = dict(zip(("number", *_READ), zip(*rows, strict=True), strict=True))
        places = np.array(parts["number"], dtype=np.int64)
        self._make_room(int(places.max()) + 1)
        states = np.array([STATES[DealState(state)] for state in parts["state"]], dtype=np.int8)
        promised = _instants(parts["promised_until"])
        self.keys[places] = encoded_keys(parts["asin"], parts["domain_id"])
        self.states[places] = states
        self.live_until[places] = np.where(states == STATES[DealState.LIVE], promised, -np.inf)
        self.numbers["promised_until"][places] = promised
        self.titles[places] = np.array([folded_title(title) for title in parts["title"]], dtype=self.titles.dtype)
        for name in NUMBERS:
            self.numbers[name][places] = np.array(parts[name], dtype=np.float64)
        for name in INSTANTS:
            self.numbers[name][places] = _instants(parts[name])
        for name, column in self.coded.items():
            column.codes[places] = column.encode(parts[name])
        self.remembered.clear()

    def erase(self, places: Sequence[int]) -> None:
        """Forget rows that are no longer there."""
        there = [place for place in places if place < len(self.keys)]
        self.keys[there] = 0
        self.states[there] = -1
        self.live_until[there] = -np.inf
        self.remembered.clear()

    def _make_room(self, size: int) -> None:
        have = len(self.keys)
        if size <= have:
            return
        more = max(size, have * 5 // 4) - have
        self.keys = _longer(self.keys, more, 0)
        self.states = _longer(self.states, more, -1)
        self.live_until = _longer(self.live_until, more, -np.inf)
        self.titles = _longer(self.titles, more, b"")
        self.numbers = {name: _longer(array, more, np.nan) for name, array in self.numbers.items()}
        for column in self.coded.values():
            column.codes = _longer(column.codes, more, -1)


class Mirror:
    """The columns of one database, and how new they are."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.columns = Columns()
        self._seen = -1
        self._schema = -1
        self._triaged = 0

    def renew(self, connection: Connection) -> None:
        """Bring the columns to what `connection` sees; another thread may already have taken them further."""
        newest, schema, triaged = connection.exec_driver_sql(_NEWEST).one()
        if triaged != self._triaged:
            self.columns.remembered.clear()
            self._triaged = triaged
        if self._seen < 0 or schema != self._schema or newest - self._seen >= TOUCHES_KEPT:
            self.columns = Columns()
            for rows in _pages(connection, _ALL, ()):
                self.columns.write(rows)
        elif newest > self._seen:
            touched = connection.exec_driver_sql(_TOUCHED, (self._seen,)).scalars().all()
            found: set[int] = set()
            for rows in _pages(connection, _SINCE, (self._seen,)):
                self.columns.write(rows)
                found.update(row[0] for row in rows)
            self.columns.erase([place for place in touched if place not in found])
        else:
            return
        self._seen, self._schema = newest, schema


@contextmanager
def columns_of(connection: Connection) -> Iterator[Columns]:
    """The columns as new as `connection` sees the deals, for one thread at a time.

    Connections of the reading door share one mirror. One that may write has its own, read anew each time: what it
    has written and not committed is nobody else's business. Raises StoreError on a database other than SQLite.
    """
    mirror = _mirror_of(connection)
    with mirror.lock:
        mirror.renew(connection)
        yield mirror.columns


_mirrors: weakref.WeakKeyDictionary[Engine, Mirror] = weakref.WeakKeyDictionary()
_mirrors_lock = threading.Lock()


def _mirror_of(connection: Connection) -> Mirror:
    mirror = _mirrors.get(connection.engine)
    if mirror is not None:
        return mirror
    if connection.dialect.name != "sqlite":
        raise StoreError("Deals are found in SQLite only so far; set DATABASE_URL to a SQLite file.")
    if not connection.exec_driver_sql("pragma query_only").scalar_one():
        return Mirror()
    with _mirrors_lock:
        return _mirrors.setdefault(connection.engine, Mirror())


def milliseconds(instant: datetime) -> float:
    """Milliseconds since 1970, rounded down as instants are stored."""
    return float((instant - _EPOCH) // _MILLISECOND)


def encoded_keys(asins: Sequence[str], domains: Sequence[int]) -> Rows:
    """ASIN and marketplace as one number that sorts the same; ASINs have up to ten capital letters and digits."""
    letters = np.array([asin.encode() for asin in asins], dtype="S10").view(np.uint8).reshape(-1, 10)
    return (_PLACES[letters] @ _POWERS) * 128 + np.array(domains, dtype=np.int64)


def folded_title(title: str) -> bytes:
    """The part of a title that decides its place among titles."""
    return title.casefold().encode()[:_TITLE_BYTES].rstrip(b"\0")


def _rank_words(vocabulary: dict[str, int]) -> tuple[list[str], Numbers]:
    """The words in order, and each code's place there; the last place, for -1, is NaN."""
    ordered = sorted({word.casefold() for word in vocabulary})
    place = {word: float(number) for number, word in enumerate(ordered)}
    return ordered, np.array([*(place[word.casefold()] for word in vocabulary), np.nan])


def _instants(texts: Sequence[str | None]) -> Numbers:
    """Stored instants as milliseconds since 1970."""
    instants = np.array(["NaT" if text is None else text[:23] for text in texts], dtype="datetime64[ms]")
    return np.where(np.isnat(instants), np.nan, instants.astype(np.int64).astype(np.float64))


def _longer(array: NDArray[Any], more: int, fill: Any) -> NDArray[Any]:
    return np.concatenate([array, np.full(more, fill, dtype=array.dtype)])


def _pages(connection: Connection, statement: str, parameters: tuple[Any, ...]) -> Iterator[list[Any]]:
    result = connection.exec_driver_sql(statement, parameters)
    while rows := result.fetchmany(ROWS_AT_ONCE):
        yield list(rows)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC) - _EPOCH
_POWERS = 37 ** np.arange(9, -1, -1, dtype=np.int64)
_PLACES = np.full(256, 36, dtype=np.int64)
_PLACES[0] = 0
_PLACES[ord("0") : ord("9") + 1] = np.arange(1, 11)
_PLACES[ord("A") : ord("Z") + 1] = np.arange(11, 37)

_NEWEST = (
    "select (select coalesce(max(seq), 0) from deal_touches), (select schema_version from pragma_schema_version), "
    "(select coalesce(max(id), 0) from triage_acts)"
)
_TOUCHED = "select distinct deal from deal_touches where seq > ?"
_ALL = f"select rowid, {', '.join(_READ)} from deals"  # noqa: S608 - our own names
_SINCE = f"{_ALL} where rowid in ({_TOUCHED})"
