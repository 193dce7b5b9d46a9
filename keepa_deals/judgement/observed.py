"""Histories as they were really seen: in order, within a window, without nonsense, in gaps that bridge nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt

from keepa_deals.records import Series

Array = npt.NDArray[np.float64]

OUTAGE_MINUTES = 7 * 1440
OUTAGE_GAPS = 5
"""A gap is an outage if it is longer than a week and than five of the series' median gaps (measured on real
histories: 95 % of rank gaps are under 5 to 9 days)."""


@dataclass(frozen=True)
class Points:
    """A step series in order: one value a minute, minutes rising; None is "nothing" and holds like any value."""

    minutes: tuple[int, ...]
    values: tuple[int | None, ...]

    @cached_property
    def held(self) -> tuple[npt.NDArray[Any], Array]:
        """The minutes, and the value in force after so many of them: first nothing, which is not a number."""
        values = np.empty(len(self.values) + 1)
        values[0], values[1:] = np.nan, self.values
        return np.fromiter(self.minutes, np.int64, len(self.minutes)), values

    @property
    def arrays(self) -> tuple[npt.NDArray[Any], Array]:
        """Minutes and values as numpy knows them; nothing is not a number."""
        minutes, values = self.held
        return minutes, values[1:]

    def at_each(self, when: npt.NDArray[Any]) -> Array:
        """The values in force at these minutes; not a number for nothing."""
        minutes, values = self.held
        there: Array = values[minutes.searchsorted(when, side="right")]
        return there

    def since_each(self, when: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Since when those values were in force; the minutes themselves before the first point."""
        if not self.minutes:
            return when
        minutes, _ = self.arrays
        place = minutes.searchsorted(when, side="right")
        return np.where(place > 0, minutes[place - 1], when)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Gaps between neighbouring points, both known and without an outage between them, oldest first."""

    after: npt.NDArray[Any]
    """Keepa minutes"""
    before: npt.NDArray[Any]
    was: Array
    """the value before the gap"""
    left: Array
    """the value after it"""

    @property
    def length(self) -> Array:
        """Minutes."""
        lengths: Array = (self.before - self.after).astype(np.float64)
        return lengths

    def only(self, chosen: npt.NDArray[Any] | slice) -> Gaps:
        """The gaps at these places."""
        return Gaps(self.after[chosen], self.before[chosen], self.was[chosen], self.left[chosen])


NOWHERE = Points((), ())


def points(series: Series | None, *, until: int, least: int = 1) -> Points:
    """The series up to the minute `until`; values below `least` count as nothing, of two at one minute the later."""
    if series is None:
        return NOWHERE
    seen = Points(series.minutes, series.values)
    if len(seen.minutes) != len(seen.values) or not _is_rising(seen):
        steps = dict(sorted(zip(seen.minutes, seen.values, strict=False), key=lambda step: step[0]))
        seen = Points(tuple(steps), tuple(steps.values()))
    if seen.minutes and (seen.minutes[0] < 0 or seen.minutes[-1] > until):
        first, end = bisect_left(seen.minutes, 0), bisect_right(seen.minutes, until)
        seen = Points(seen.minutes[first:end], seen.values[first:end])
    # Counting is a quarter of the time of `any` on arrays this small.
    if np.count_nonzero(seen.held[1] < least):
        kept = tuple(value if value is not None and value >= least else None for value in seen.values)
        seen = Points(seen.minutes, kept)
    return seen


def _is_rising(seen: Points) -> bool:
    minutes, _ = seen.held
    return not np.count_nonzero(minutes[1:] <= minutes[:-1])


def observed_gaps(seen: Points, *, since: int) -> Gaps:
    """The gaps from the minute `since` on, leaving out where a value is nothing, and every outage."""
    minutes, values = seen.arrays
    first = bisect_left(seen.minutes, since)
    minutes, values = minutes[first:], values[first:]
    lengths, known = minutes[1:] - minutes[:-1], np.isfinite(values)
    whole = np.flatnonzero(known[1:] & known[:-1] & (lengths <= _longest_gap(lengths)))
    return Gaps(minutes[whole], minutes[whole + 1], values[whole], values[whole + 1])


def _longest_gap(lengths: npt.NDArray[Any]) -> float:
    """The longest gap, in minutes, that is no outage, among all gaps of a series."""
    if not len(lengths):
        return OUTAGE_MINUTES
    middle = (len(lengths) - 1) // 2
    return float(max(OUTAGE_MINUTES, OUTAGE_GAPS * int(np.partition(lengths, middle)[middle])))


def without_glitches(counts: Points) -> Points:
    """Offer counts without lone misreadings: a fall by two or more that the next point takes back."""
    _, values = counts.arrays
    before, lone, after = values[:-2], values[1:-1], values[2:]
    glitches = np.flatnonzero((before - lone >= 2) & (after >= before - 1)) + 1
    if not len(glitches):
        return counts
    kept = np.ones(len(values), np.bool_)
    kept[glitches] = False
    chosen = kept.tolist()
    return Points(tuple(compress(counts.minutes, chosen)), tuple(compress(counts.values, chosen)))
