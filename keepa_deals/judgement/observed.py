"""Histories as they were really seen: in order, within a window, without nonsense, in spans nobody bridges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from statistics import median_low

from keepa_deals.records import Series

OUTAGE_MINUTES = 7 * 1440
OUTAGE_GAPS = 5
"""A gap is an outage if it is longer than a week and than five of the series' median gaps (measured on real
histories: 95 % of rank gaps are under 5 to 9 days)."""


@dataclass(frozen=True, slots=True)
class Points:
    """A step series in order: one value a minute, minutes rising; None is "nothing" and holds like any value."""

    minutes: tuple[int, ...]
    values: tuple[int | None, ...]

    def at(self, minute: int) -> int | None:
        """The value in force at `minute`; None before the first point."""
        place = bisect_right(self.minutes, minute)
        return self.values[place - 1] if place else None

    def since(self, minute: int) -> int:
        """Since when that value was in force; `minute` itself before the first point."""
        place = bisect_right(self.minutes, minute)
        return self.minutes[place - 1] if place else minute


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive observations with nothing missing between them, and no outage."""

    minutes: tuple[int, ...]
    values: tuple[int, ...]

    @property
    def length(self) -> int:
        """Minutes from the first to the last observation."""
        return self.minutes[-1] - self.minutes[0]


NOWHERE = Points((), ())


def points(series: Series | None, *, until: int, least: int = 1) -> Points:
    """The series up to the minute `until`; values below `least` count as nothing, of two at one minute the later."""
    if series is None:
        return NOWHERE
    minutes, values = series.minutes, series.values
    if len(minutes) != len(values) or any(a >= b for a, b in pairwise(minutes)):
        steps = dict(sorted(zip(minutes, values, strict=False), key=lambda step: step[0]))
        minutes, values = tuple(steps), tuple(steps.values())
    first, end = bisect_left(minutes, 0), bisect_right(minutes, until)
    shown = tuple(value if value is not None and value >= least else None for value in values[first:end])
    return Points(minutes[first:end], shown)


def observed_spans(seen: Points, *, since: int) -> tuple[Span, ...]:
    """The points from the minute `since` on, cut wherever the value is nothing and at every outage."""
    first = bisect_left(seen.minutes, since)
    minutes, values = seen.minutes[first:], seen.values[first:]
    longest = _longest_gap(minutes)
    spans: list[Span] = []
    start = 0
    for place in range(1, len(minutes) + 1):
        if place < len(minutes) and minutes[place] - minutes[place - 1] <= longest and values[place] is not None:
            continue
        known = tuple(value for value in values[start:place] if value is not None)
        if known:
            spans.append(Span(minutes[place - len(known) : place], known))
        start = place
    return tuple(spans)


def _longest_gap(minutes: tuple[int, ...]) -> int:
    """The longest gap between two points that is no outage, in minutes."""
    if len(minutes) < 3:
        return OUTAGE_MINUTES
    return max(OUTAGE_MINUTES, OUTAGE_GAPS * median_low(b - a for a, b in pairwise(minutes)))


def without_glitches(counts: Points) -> Points:
    """Offer counts without lone misreadings: a fall by two or more that the next point takes back."""
    values = counts.values
    kept = [
        place
        for place in range(len(values))
        if not (0 < place < len(values) - 1 and _is_glitch(values[place - 1], values[place], values[place + 1]))
    ]
    if len(kept) == len(values):
        return counts
    return Points(tuple(counts.minutes[place] for place in kept), tuple(values[place] for place in kept))


def _is_glitch(before: int | None, lone: int | None, after: int | None) -> bool:
    if before is None or lone is None or after is None:
        return False
    return before - lone >= 2 and after >= before - 1
