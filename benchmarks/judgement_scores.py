"""What an estimator said of a deal moment beside what came true, in one row that every figure is made from.

Pure. Minutes are Keepa minutes, money is integer cents unless a name says otherwise, shares run from 0 to 1.
An event is one copy sold; two events at one minute are two copies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TOLERANCES_HOURS = (24, 72, 168)
"""how far a claimed event may lie from a true one: strict, stated, wide (a wide one flatters late dates)"""
STATED_TOLERANCE = 72
UNCLEAR_ERRORS = 2.0
"""a true profit within so many standard errors of zero is neither gain nor loss"""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one estimator says of one deal moment. None is "says nothing"."""

    any_minutes: tuple[int, ...] | None = None
    """copies sold within the last two years, used or new, by minute; oldest first"""
    used_minutes: tuple[int, ...] | None = None
    used_from: Mapping[float, tuple[int, ...]] = field(default_factory=dict)
    """used copies by the chance from which one is counted: from few misses to few mistakes"""
    used_a_year: float | None = None
    sale_cents: int | None = None
    """landed price that a copy of this grade sells for"""
    list_cents: int | None = None
    """landed price to list it at"""
    profit_cents: int | None = None
    """expected profit of buying now and listing there"""
    scale_cents: int | None = None
    """predicted scale of that profit's error"""
    is_estimate: bool = False
    """too little is known: never called profitable"""
    chance: float | None = None
    """of selling at `list_cents` in time"""
    trust: float | None = None
    """chance of selling at `trust_cents` in time"""
    trust_cents: int | None = None


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Claimed events, true events, and how many pairs of them can be matched one to one."""

    matched: int
    claimed: int
    true: int


@dataclass(frozen=True, slots=True)
class TrueOutcome:
    """What buying the copy and listing it at one price truly brings, over many replicates."""

    sold_share: float
    profit_cents: float
    standard_error: float
    losing_share: float
    """single resales that lose money"""


@dataclass(frozen=True, slots=True)
class Row:
    """One estimator at one deal moment beside the truth."""

    seed: int
    number: int
    claim: Claim
    all_in_cents: int
    any_counts: dict[int, EventCounts] = field(default_factory=dict)
    """by tolerance in hours; empty where the estimator names no events"""
    used_counts: dict[int, EventCounts] = field(default_factory=dict)
    used_from_counts: dict[float, EventCounts] = field(default_factory=dict)
    """at the stated tolerance, by the chance from which a used copy is counted"""
    true_sales_a_year: float = 0.0
    true_used_a_year: float = 0.0
    true_sale_cents: float | None = None
    """mean landed price of used copies of the grade or its neighbours that truly sell; None if none does"""
    outcome: TrueOutcome | None = None
    """at the claim's own list price"""
    trust_share: float | None = None
    """share of replicates in which a copy at the claim's `trust_cents` sold in time"""

    @property
    def is_clear(self) -> bool:
        """Whether the true profit is further from zero than its own noise."""
        return self.outcome is not None and (
            abs(self.outcome.profit_cents) > UNCLEAR_ERRORS * self.outcome.standard_error
        )

    @property
    def truly_profits(self) -> bool:
        """Whether the true expected profit is clearly above zero."""
        return self.is_clear and self.outcome is not None and self.outcome.profit_cents > 0

    def is_shown(self, z: float) -> bool:
        """Whether the lower bound of the claimed profit is above zero; a bare estimate never is."""
        claim = self.claim
        if claim.profit_cents is None or claim.is_estimate:
            return False
        if z == 0 or claim.scale_cents is None:
            return claim.profit_cents > 0
        return claim.profit_cents - z * claim.scale_cents > 0


def matched(claimed: Sequence[int], true: Sequence[int], *, tolerance_minutes: int) -> int:
    """The most pairs of one claimed and one true event no further apart than the tolerance; both sorted.

    Taking the earliest partner that still fits is best here, since all tolerances are equal.
    """
    pairs = at = 0
    for minute in claimed:
        while at < len(true) and true[at] < minute - tolerance_minutes:
            at += 1
        if at < len(true) and true[at] <= minute + tolerance_minutes:
            pairs += 1
            at += 1
    return pairs


def count_events(claimed: Sequence[int] | None, true: Sequence[int]) -> dict[int, EventCounts]:
    """Matches at every tolerance, by its hours; nothing where no events are claimed at all."""
    if claimed is None:
        return {}
    ours, theirs = sorted(claimed), sorted(true)
    return {
        hours: EventCounts(matched(ours, theirs, tolerance_minutes=hours * 60), len(ours), len(theirs))
        for hours in TOLERANCES_HOURS
    }


def true_outcome(
    sold_days: Sequence[float], *, within_days: float, salvage_cents: float, net_cents: int, all_in_cents: int
) -> TrueOutcome:
    """The mean over replicates: a sale brings `net_cents`, an unsold copy its salvage, each less the all-in cost.

    The standard error leaves out the salvage's own scatter. It counts one sold and one unsold replicate more than
    there were, so that a hundred sales in a hundred replicates do not pass for certainty.
    """
    count = len(sold_days)
    sold = sum(1 for day in sold_days if day <= within_days)
    share = sold / count
    salvage = salvage_cents if math.isfinite(salvage_cents) else 0.0
    smoothed = (sold + 1) / (count + 2)
    sale_loses, salvage_loses = net_cents < all_in_cents, salvage < all_in_cents
    return TrueOutcome(
        sold_share=share,
        profit_cents=share * net_cents + (1 - share) * salvage - all_in_cents,
        standard_error=math.sqrt(smoothed * (1 - smoothed) / count) * abs(net_cents - salvage),
        losing_share=share * sale_loses + (1 - share) * salvage_loses,
    )
