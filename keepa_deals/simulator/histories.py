"""Step series and what Keepa computes from them: weighted means, extremes, shares, deltas."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.simulator import series as s

Array = npt.NDArray[Any]
Steps = tuple[Array, Array]

DAY = 1440
INTERVALS = (2 * DAY, 7 * DAY, 31 * DAY, 90 * DAY)
"""Keepa's date ranges of a deal: its "day" really covers 48 hours (Keepa documentation)."""

OLD_DROP = 0.0005


def landed(kind: int, values: Array) -> Array:
    """Values as Keepa averages them: series with shipping count price plus shipping; negatives stay."""
    if kind not in s.WITH_SHIPPING:
        return values
    whole = values // s.SHIPPING_UNIT + values % s.SHIPPING_UNIT
    return np.where(values < 0, values, whole)


def window_means(keys: Array, steps: Steps, *, count: int, start: int, end: int) -> Array:
    """Time-weighted means of many series over [start, end), out-of-stock spans skipped, floored.

    Rows are sorted by key, then time; −1 where nothing is known. A series with a single point is that value.
    """
    t, v = steps
    if len(t) == 0:
        return np.full(count, s.NOTHING)
    last = np.append(keys[1:] != keys[:-1], True)
    until = np.append(t[1:], end)
    until[last] = end
    weight = np.minimum(until, end) - np.maximum(t, start)
    weight = np.where((v >= 0) & (weight > 0), weight, 0)
    total = np.bincount(keys, weights=weight, minlength=count)
    weighed = np.bincount(keys, weights=weight * v.astype(np.float64), minlength=count)
    single = np.bincount(keys, minlength=count) == 1
    mean = np.where(total > 0, (weighed + 0.5) // np.maximum(total, 1), s.NOTHING)
    value = np.full(count, s.NOTHING)
    value[keys[last]] = v[last]
    return np.where(single, np.maximum(value, s.NOTHING), mean).astype(np.int64)


def rank_drops(steps: Steps, *, start: int) -> int:
    """Falls of the sales rank since `start` as Keepa counts them: nearly every one, −1 points left out."""
    t, v = steps
    known = v >= 0
    t, v = t[known], v[known].astype(np.float64)
    falls = (v[1:] < v[:-1] * (1 - OLD_DROP)) & (t[1:] >= start)
    return int(falls.sum())


def csv_of(kind: int, steps: Steps, *, since: int | None = None) -> list[int] | None:
    """Keepa's flat list: (time, value) pairs or (time, price, shipping) triples; None when empty.

    `since` keeps the points after it and the one before, which is still in force.
    """
    t, v = steps
    if since is not None:
        first = max(0, int(np.searchsorted(t, since, side="right")) - 1)
        t, v = t[first:], v[first:]
    if not len(t):
        return None
    if kind not in s.WITH_SHIPPING:
        return np.stack([t, v], axis=1).astype(np.int64).ravel().tolist()
    none = v < 0
    price, ship = np.where(none, -1, v // s.SHIPPING_UNIT), np.where(none, -1, v % s.SHIPPING_UNIT)
    return np.stack([t, price, ship], axis=1).astype(np.int64).ravel().tolist()
