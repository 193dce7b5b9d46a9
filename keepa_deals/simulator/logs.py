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


def stable_order(keys: Array) -> Array:
    """The stable sorting permutation of non-negative int32 keys, by two passes of a 16-bit radix sort."""
    low = np.argsort((keys & 0xFFFF).astype(np.uint16), kind="stable")
    high = (keys >> 16).astype(np.uint16)
    if high.size == 0 or high.max() == 0:
        return low
    return low[np.argsort(high[low], kind="stable")]


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
            self.pending.append({"key": keys, "t": t, **columns})

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
        if not self.pending:
            return
        gathered = {name: np.concatenate([p[name] for p in self.pending]) for name in ("key", *self.names)}
        self.pending = []
        keys = np.concatenate([self.tail_keys, gathered["key"].astype(np.int32)])
        rows = {name: np.concatenate([self.tail[name], gathered[name].astype(np.int32)]) for name in self.names}
        order = np.lexsort((rows["t"], keys)) if self.by_time else stable_order(keys)
        self.by_time = False
        self.tail_keys = keys[order]
        self.tail = {name: column[order] for name, column in rows.items()}

    def compact(self, *, not_before: int | None = None) -> None:
        """Merge the tail into the base; drop rows older than `not_before`."""
        self.settle()
        if not len(self.base["t"]) and not_before is None:
            self._tail_becomes_base()
            return
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

    def _tail_becomes_base(self) -> None:
        self.base = self.tail
        self._cut_at(self.tail_keys)
        self._drop_tail()

    def _cut_at(self, keys: Array) -> None:
        self.offsets = np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=self.key_count))])

    def _drop_tail(self) -> None:
        self.tail_keys = np.empty(0, np.int32)
        self.tail = {name: np.empty(0, np.int32) for name in self.names}

    def rows(self, key: int) -> dict[str, Array]:
        """All settled rows of one key, oldest first."""
        return self.rows_between(key, key + 1)

    def rows_between(self, first: int, last: int) -> dict[str, Array]:
        """All settled rows of keys in [first, last): base rows first, then tail rows."""
        a, b = int(self.offsets[first]), int(self.offsets[last])
        c, d = np.searchsorted(self.tail_keys, [first, last])
        if c == d:
            return {name: self.base[name][a:b] for name in self.names}
        rows = {name: np.concatenate([self.base[name][a:b], self.tail[name][c:d]]) for name in self.names}
        if last - first == 1 and (rows["t"][1:] < rows["t"][:-1]).any():
            order = np.argsort(rows["t"], kind="stable")
            rows = {name: column[order] for name, column in rows.items()}
        return rows

    def keyed_rows(self, first: int, last: int) -> tuple[Array, dict[str, Array]]:
        """Keys and rows of [first, last), sorted by key and, inside a key, by time."""
        a, b = int(self.offsets[first]), int(self.offsets[last])
        keys = np.repeat(np.arange(first, last, dtype=np.int32), np.diff(self.offsets[first : last + 1]))
        c, d = np.searchsorted(self.tail_keys, [first, last])
        if c == d:
            return keys, {name: self.base[name][a:b] for name in self.names}
        keys = np.concatenate([keys, self.tail_keys[c:d]])
        rows = {name: np.concatenate([self.base[name][a:b], self.tail[name][c:d]]) for name in self.names}
        order = stable_order(keys)
        t, sorted_keys = rows["t"][order], keys[order]
        if ((sorted_keys[1:] == sorted_keys[:-1]) & (t[1:] < t[:-1])).any():
            order = np.lexsort((rows["t"], keys))
        return keys[order], {name: column[order] for name, column in rows.items()}
