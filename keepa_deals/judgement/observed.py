"""Histories as they were really seen: in order, within a window, without nonsense, in spans nobody bridges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from operator import sub
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
    if len(minutes) != len(values) or sorted(set(minutes)) != list(minutes):
        steps = dict(sorted(zip(minutes, values, strict=False), key=lambda step: step[0]))
        minutes, values = tuple(steps), tuple(steps.values())
    if minutes and (minutes[0] < 0 or minutes[-1] > until):
        first, end = bisect_left(minutes, 0), bisect_right(minutes, until)
        minutes, values = minutes[first:end], values[first:end]
    if (least > 0 and 0 in values) or min(filter(None, values), default=least) < least:
        values = tuple(value if value is not None and value >= least else None for value in values)
    return Points(minutes, values)


def observed_spans(seen: Points, *, since: int) -> tuple[Span, ...]:
    """The points from the minute `since` on, cut wherever the value is nothing and at every outage."""
    first = bisect_left(seen.minutes, since)
    minutes, values = seen.minutes[first:], seen.values[first:]
    gaps = list(map(sub, minutes[1:], minutes))
    longest = max(OUTAGE_MINUTES, OUTAGE_GAPS * median_low(gaps)) if gaps else OUTAGE_MINUTES
    cuts = [place for place, gap in enumerate(gaps, start=1) if gap > longest]
    if None in values:
        nothing = [place for place, value in enumerate(values) if value is None]
        cuts = sorted({*cuts, *nothing, *(place + 1 for place in nothing)})
    spans = []
    for start, end in pairwise((0, *cuts, len(values))):
        known = tuple(value for value in values[start:end] if value is not None)
        if known:
            spans.append(Span(minutes[start:end], known))
    return tuple(spans)


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
