"""Many step series at once: one sorted heap of points, and what Keepa computes from each series of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import histories as h
from keepa_deals.simulator import series as s

Array = npt.NDArray[Any]

_SHIPS = np.isin(np.arange(s.TYPES), list(s.WITH_SHIPPING))


@dataclass(slots=True)
class Sheaf:
    """Points of `count` series, sorted by `key` (0 to count − 1) and time, all at or before `end`.

    Values are as Keepa averages them: landed where a series carries shipping, −1 for none. Every answer is an
    array by key, −1 where a series has nothing to say. `end` in Keepa minutes.
    """

    key: Array
    t: Array
    v: Array
    count: int
    end: int
    until: Array = field(init=False)
    """When each point's value stopped being in force."""
    last: Array = field(init=False)
    """Row of the newest point of each series that has any."""

    def __post_init__(self) -> None:
        ends = np.append(self.key[1:] != self.key[:-1], True)[: len(self.key)]
        self.until = np.where(ends, self.end, np.append(self.t[1:], self.end)[: len(self.t)])
        self.last = np.flatnonzero(ends)

    def newest(self) -> tuple[Array, Array]:
        """(value in force, since when); (−1, 0) where there is no point."""
        value, since = np.full(self.count, s.NOTHING, np.int64), np.zeros(self.count, np.int64)
        owner = self.key[self.last]
        value[owner], since[owner] = self.v[self.last], self.t[self.last]
        return value, since

    def last_steps(self) -> Array:
        """By how much the newest point lies below the one before; 0 where either is missing."""
        step = np.zeros(self.count, np.int64)
        at = self.last[self.last > 0]
        at = at[(self.key[at - 1] == self.key[at]) & (self.v[at] >= 0) & (self.v[at - 1] >= 0)]
        step[self.key[at]] = self.v[at - 1] - self.v[at]
        return step

    def in_force_since(self, start: int) -> Sheaf:
        """The same series with the points that still held after `start`."""
        rows = self.until > start
        rows[self.last] = True
        return Sheaf(key=self.key[rows], t=self.t[rows], v=self.v[rows], count=self.count, end=self.end)

    def means(self, *, start: int, end: int) -> Array:
        """Time-weighted means over [start, end), as `histories.window_means`."""
        return h.window_means(self.key, (self.t, self.v), count=self.count, start=start, end=end)

    def values_at(self, minute: int) -> Array:
        """The values in force at `minute`; −1 before the first point."""
        value = np.full(self.count, s.NOTHING, np.int64)
        rows = np.flatnonzero(self.t <= minute)
        value[self.key[rows]] = self.v[rows]
        return value

    def extremes(self, *, start: int, lowest: bool) -> tuple[Array, Array]:
        """(minute, value) of each series' extreme since `start`; a value in force at the start counts from there."""
        minute, value = np.full(self.count, s.NOTHING, np.int64), np.full(self.count, s.NOTHING, np.int64)
        counts = (self.until > start) & (self.v >= 0)
        counts[self.last] |= self.v[self.last] >= 0
        rows = np.flatnonzero(counts)
        if not len(rows):
            return minute, value
        key, v = self.key[rows], self.v[rows]
        firsts = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
        best = (np.minimum if lowest else np.maximum).reduceat(v, firsts)
        value[key[firsts]] = best
        hits = rows[v == value[key]][::-1]
        minute[self.key[hits]] = np.maximum(self.t[hits], start)
        return minute, value

    def out_of_stock_percents(self, *, start: int, end: int) -> Array:
        """Percent of [start, end) spent at −1, from each first point on; −1 if the window is empty."""
        first = np.full(self.count, end, np.int64)
        begins = np.append(0, self.last[:-1] + 1) if len(self.last) else self.last
        first[self.key[begins]] = np.maximum(self.t[begins], start)
        span = np.minimum(self.until, end) - np.maximum(self.t, start)
        out = np.bincount(self.key, weights=np.where(self.v < 0, np.maximum(span, 0), 0), minlength=self.count)
        whole = end - first
        return np.where(whole > 0, 100 * out.astype(np.int64) // np.maximum(whole, 1), s.NOTHING)


def landed_values(kinds: Array, values: Array) -> Array:
    """Recorded values of series `kinds`, one per point, as Keepa averages them."""
    whole = values // s.SHIPPING_UNIT + values % s.SHIPPING_UNIT
    return np.where(_SHIPS[kinds] & (values >= 0), whole, values)


def sheaf_of(series: dict[int, h.Steps], *, end: int) -> Sheaf:
    """The series of Keepa's table of one product, keyed by price type."""
    kinds = sorted(kind for kind in series if kind < s.TYPES)
    if not kinds:
        none = np.zeros(0, np.int64)
        return Sheaf(key=none, t=none, v=none, count=s.TYPES, end=end)
    key = np.repeat(kinds, [len(series[kind][0]) for kind in kinds])
    t, v = (np.concatenate([series[kind][part] for kind in kinds]).astype(np.int64) for part in (0, 1))
    return Sheaf(key=key, t=t, v=landed_values(key, v), count=s.TYPES, end=end)
