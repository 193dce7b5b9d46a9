"""Append-only columns sorted by key and time: a large base and a small tail that grows while the world lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def where_true(mask: Array) -> Array:
    """Indexes of the true entries, in reading order; a little quicker than numpy's own."""
    found: Array = mask.ravel().nonzero()[0]
    return found


def first_of_each(values: Array) -> Array:
    """Indexes of the first of each value, in the order of the values; quicker than numpy's own for a few."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first: Array = order[np.append(True, ordered[1:] != ordered[:-1])[: len(order)]]
    return first


def stable_order(keys: Array) -> Array:
    """The stable sorting permutation of non-negative int32 keys, by two passes of a 16-bit radix sort."""
    low = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    high = (keys >> 16).astype(np.uint16)
    if high.size == 0 or high.max() == 0:
        return low
    return low[np.argsort(high[low], kind="stable")]


def time_order(keys: Array, t: Array) -> Array:
    """The stable sorting permutation by key, then minute; quick where the rows are a few sorted runs."""
    return np.argsort((keys.astype(np.int64) << 32) + t, kind="stable")


RUN_ROWS = 500_000


@dataclass(slots=True)
class Log:
    """Rows of (key, minute, columns...). Rows of one key are appended in the order of their minutes."""

    key_count: int
    columns: tuple[str, ...]
    offsets: Array = field(init=False)
    base: dict[str, Array] = field(init=False)
    tail_keys: Array = field(init=False)
    tail: dict[str, Array] = field(init=False)
    pending: list[dict[str, Array]] = field(init=False, default_factory=list)
    pending_rows: int = field(init=False, default=0)
    runs: list[dict[str, Array]] = field(init=False, default_factory=list)
    """Pending rows of longer ago, sorted by key a run at a time: small sorts need little memory."""
    by_time: bool = field(init=False, default=False)
    """Something out of order was added: the next settling has to look at the times too."""

    def __post_init__(self) -> None:
        self.offsets = np.zeros(self.key_count + 1, np.int64)
        self.base = {name: np.empty(0, np.int32) for name in self.names}
        self.tail_keys = np.empty(0, np.int32)
        self.tail = {name: np.empty(0, np.int32) for name in self.names}

    @property
    def names(self) -> tuple[str, ...]:
        return ("t", *self.columns)

    def append(self, keys: Array, t: Array, **columns: Array) -> None:
        """Add rows; they are readable after the next `settle`."""
        if len(keys):
            rows = {"key": keys, "t": t, **columns}
            self.pending.append({name: column.astype(np.int32, copy=False) for name, column in rows.items()})
            self.pending_rows += len(keys)
            if self.pending_rows >= RUN_ROWS and not self.by_time:
                self._end_run()

    def insert(self, *, key: int, t: int, **columns: int) -> None:
        """Add one row that may be older than rows already there."""
        self.by_time = True
        self.append(
            np.array([key], np.int32),
            np.array([t], np.int32),
            **{name: np.array([value], np.int32) for name, value in columns.items()},
        )

    def settle(self) -> None:
        """Sort what was appended into the tail."""
        new = [*self.runs, *self.pending]
        if not new:
            return
        keys = np.concatenate([self.tail_keys, *(part["key"] for part in new)])
        rows = {name: np.concatenate([self.tail[name], *(part[name] for part in new)]) for name in self.names}
        self.pending, self.runs, self.pending_rows = [], [], 0
        order = time_order(keys, rows["t"]) if self.by_time else stable_order(keys)
        self.by_time = False
        self.tail_keys = keys[order]
        self.tail = {name: column[order] for name, column in rows.items()}

    def compact(self, *, not_before: int | None = None) -> None:
        """Merge the tail into the base; drop rows older than `not_before`."""
        if not_before is None and not self.by_time and not len(self.base["t"]) and not len(self.tail_keys):
            self._build_base()
            return
        self.settle()
        counts = np.bincount(self.tail_keys, minlength=self.key_count)
        tail_before = np.concatenate([[0], np.cumsum(counts)])
        lengths = np.diff(self.offsets)
        base_keys = np.repeat(np.arange(self.key_count), lengths)
        base_at = np.arange(len(base_keys)) + tail_before[base_keys]
        tail_at = np.arange(len(self.tail_keys)) + self.offsets[1:][self.tail_keys]
        merged_keys = np.empty(len(base_keys) + len(self.tail_keys), np.int32)
        merged_keys[base_at], merged_keys[tail_at] = base_keys, self.tail_keys
        merged = {}
        for name in self.names:
            column = np.empty(len(merged_keys), np.int32)
            column[base_at], column[tail_at] = self.base[name], self.tail[name]
            merged[name] = column
        if not_before is not None:
            keep = merged["t"] >= not_before
            merged_keys, merged = merged_keys[keep], {name: col[keep] for name, col in merged.items()}
        self.base = merged
        self._cut_at(merged_keys)
        self._drop_tail()

    def _end_run(self) -> None:
        """Sort what is pending into a run of its own."""
        gathered = {name: np.concatenate([part[name] for part in self.pending]) for name in ("key", *self.names)}
        self.pending, self.pending_rows = [], 0
        order = stable_order(gathered["key"])
        self.runs.append({name: column[order] for name, column in gathered.items()})

    def _build_base(self) -> None:
        """Make the first base of all runs: each key's rows of one run follow those of the run before."""
        if self.pending:
            self._end_run()
        runs, self.runs = self.runs, []
        if not runs:
            return
        counts = [np.bincount(run["key"], minlength=self.key_count) for run in runs]
        self.offsets = np.concatenate([[0], np.cumsum(np.sum(counts, axis=0, dtype=np.int64))]).astype(np.int64)
        self.base = {name: np.empty(self.offsets[-1], np.int32) for name in self.names}
        next_free = self.offsets[:-1].copy()
        for run, count in zip(runs, counts, strict=True):
            at = np.repeat(next_free - (np.cumsum(count) - count), count) + np.arange(len(run["key"]))
            for name in self.names:
                self.base[name][at] = run[name]
            next_free += count

    def _cut_at(self, keys: Array) -> None:
        self.offsets = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=self.key_count))])

    def _drop_tail(self) -> None:
        self.tail_keys = np.empty(0, np.int32)
        self.tail = {name: np.empty(0, np.int32) for name in self.names}

    def rows(self, key: int) -> dict[str, Array]:
        """All settled rows of one key, oldest first."""
        return self.picked(np.array([key]))[1]

    def rows_between(self, first: int, last: int) -> dict[str, Array]:
        """All settled rows of keys in [first, last), sorted by key and, inside a key, by time."""
        return self.keyed_rows(first, last)[1]

    def keyed_rows(self, first: int, last: int) -> tuple[Array, dict[str, Array]]:
        """Keys and rows of [first, last), sorted by key and, inside a key, by time."""
        a, b = int(self.offsets[first]), int(self.offsets[last])
        keys = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(self.offsets[first : last + 1]))
        c, d = np.searchsorted(self.tail_keys, [first, last])
        if c == d:
            return keys, {name: self.base[name][a:b] for name in self.names}
        keys = np.concatenate([keys, self.tail_keys[c:d]])
        rows = {name: np.concatenate([self.base[name][a:b], self.tail[name][c:d]]) for name in self.names}
        order = time_order(keys, rows["t"])
        return keys[order], {name: column[order] for name, column in rows.items()}

    def picked(self, keys: Array) -> tuple[Array, dict[str, Array]]:
        """Rows of the keys asked for, each with the place of its key in `keys`; sorted by place, then time."""
        place, at = _spans(self.offsets[keys], self.offsets[keys + 1])
        rows = {name: self.base[name][at] for name in self.names}
        if not len(self.tail_keys):
            return place, rows
        more, at = _spans(*(np.searchsorted(self.tail_keys, keys, side=side) for side in ("left", "right")))
        if not len(at):
            return place, rows
        place = np.concatenate([place, more])
        rows = {name: np.concatenate([rows[name], self.tail[name][at]]) for name in self.names}
        order = time_order(place, rows["t"])
        return place[order], {name: column[order] for name, column in rows.items()}

    def newest(self, first: int, last: int, *, column: str, now: int, nothing: int) -> Array:
        """The newest value of `column` by `now` of each key in [first, last); `nothing` where there is none."""
        at, starts = self.offsets[first + 1 : last + 1] - 1, self.offsets[first:last]
        known = where_true(at >= starts)
        while len(late := known[self.base["t"][at[known]] > now]):
            at[late] -= 1
            known = where_true(at >= starts)
        found = np.full(last - first, nothing, np.int64)
        since = np.full(last - first, -1, np.int64)
        found[known], since[known] = self.base[column][at[known]], self.base["t"][at[known]]
        c, d = np.searchsorted(self.tail_keys, [first, last])
        rows = c + where_true(self.tail["t"][c:d] <= now)
        rows = rows[self.tail["t"][rows] >= since[self.tail_keys[rows] - first]]
        found[self.tail_keys[rows] - first] = self.tail[column][rows]
        return found


def _spans(starts: Array, ends: Array) -> tuple[Array, Array]:
    """All indexes of the half-open spans, and the number of the span that each belongs to."""
    lengths = ends - starts
    number = np.repeat(np.arange(len(starts)), lengths)
    return number, np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(len(number))
