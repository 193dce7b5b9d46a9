"""Which look to buy next: the best expected value per token. Pure.

Value is counted in cent-hours: profit times the hours in which a seller would see it true on the page.
The terms are those of a study of this trade in virtual time (docs/decisions/0007-best-value-per-token.md);
its constants are assumptions until real bills and real deaths replace them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from keepa_deals.keepa_costs import LARGEST_BATCH, full_look_most, light_look_most
from keepa_deals.token_budget import ordinary_call_limit

FULL_LOOK_MEAN_TOKENS = 7.1
"""Mean bill of a full look with 20 offers: 6 for one page of offers, 12 for two (Keepa documentation)."""
LIGHT_LOOK_TOKENS = 1.0

HOURS_SHOWN = 24.0
"""How long a newly judged deal is expected to stay true."""
HIT_RATE = {"feed": 0.15, "light_look": 0.5}
"""Chance that a candidate of this stage is worth showing once judged."""
PASSES_LIGHT_LOOK = 0.3
"""Share of candidates that a light look sends on to a full one."""

CHANGES_PER_HOUR = 1 / 33
DEATHS_PER_HOUR = 1 / 60
FREE_CONFIRMATIONS_PER_HOUR = 0.05
VERIFY_WEIGHT = 0.7
"""Verification slightly undervalued on purpose: overvalued, it starves discovery."""
LOOK_AGAIN_AFTER = timedelta(hours=1)
"""Keepa does not refresh a product that it saw less than an hour ago, so an earlier look learns nothing."""
BRIMMING_MINUTES = 50
"""a balance of more than so many minutes' refill is about to reach its most, where tokens are lost"""
SELLER_UNKNOWN_FOR = timedelta(hours=24)
MANY_SELLERS = 10
MANY_SELLERS_UNKNOWN_FOR = timedelta(hours=1)
SELLERS_APART = timedelta(hours=1)
SELLER_KNOWN_FOR = timedelta(days=30)
NOMINAL_PROFIT_CENTS = 100
"""What a deal with unknown profit counts for."""


class LookKind(StrEnum):
    """The four looks that can be bought."""

    CANDIDATE_LIGHT = "candidate_light"
    CANDIDATE_FULL = "candidate_full"
    VERIFY_LIGHT = "verify_light"
    VERIFY_FULL = "verify_full"

    @property
    def is_full(self) -> bool:
        return self in (LookKind.CANDIDATE_FULL, LookKind.VERIFY_FULL)


ASKED_FOR = {
    LookKind.VERIFY_LIGHT: "somebody asked for a light look",
    LookKind.VERIFY_FULL: "somebody asked for a full look",
}
"""Why a deal is due for a look that a person wished for."""


def asked_look(reason: str | None) -> LookKind | None:
    """The look that somebody asked for, by the reason why it is due; None for any other reason."""
    return next((kind for kind, text in ASKED_FOR.items() if text == reason), None)


@dataclass(frozen=True, slots=True)
class WaitingCandidate:
    """A candidate that a look could turn into a deal. `worth_cents` is its expected profit so far."""

    asin: str
    stage: str
    worth_cents: int
    updated_at: datetime
    looked_at: datetime | None
    """when the last look of the coming kind was bought; None before the first"""


@dataclass(frozen=True, slots=True)
class WaitingDeal:
    """A deal on show that a look could confirm."""

    asin: str
    profit_cents: int | None
    verified_at: datetime
    promised_until: datetime
    looked_at: datetime | None
    look_due: bool
    asked: LookKind | None = None
    """the look that a person wished for: it comes before all others, but not before the hour is over"""


@dataclass(frozen=True, slots=True)
class PlannedLook:
    """One call to buy: these ASINs, by this kind of look; `value` is cent-hours a token of the best one."""

    kind: LookKind
    asins: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class WaitingSellers:
    """Sellers of shown deals whose rating is not known, or was asked for long ago; the best deals' first."""

    unknown: tuple[str, ...]
    unknown_since: datetime | None
    """since when a deal of an unknown one is shown"""
    stale: tuple[str, ...]
    last_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlannedSellers:
    """One call to buy: the ratings of these sellers."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    value: float
    kind: LookKind
    asin: str


def plan_look(
    candidates: Sequence[WaitingCandidate],
    deals: Sequence[WaitingDeal],
    *,
    tokens_per_minute: int,
    balance: int,
    now: datetime,
) -> PlannedLook | None:
    """The best look to buy now, filled up with the next best of its kind; None if none is worth a token.

    Above half a bucket the next best candidate is worth its tokens whatever its worth: unspent ones expire.
    """
    is_rich = balance > 30 * tokens_per_minute
    choices = [_of_candidate(one, now, is_rich=is_rich) for one in candidates if not _is_too_early(one.looked_at, now)]
    choices += [_of_deal(one, now) for one in deals if not _is_too_early(one.looked_at, now)]
    worthwhile = sorted((one for one in choices if one.value > 0), key=lambda one: (-one.value, one.asin))
    if not worthwhile:
        return None
    best = worthwhile[0]
    same_kind = [one.asin for one in worthwhile if one.kind is best.kind]
    return PlannedLook(best.kind, tuple(same_kind[: batch_size(best.kind, tokens_per_minute)]), best.value)


def plan_sellers(
    waiting: WaitingSellers, *, is_idle: bool, tokens_per_minute: int, balance: int, now: datetime
) -> PlannedSellers | None:
    """The sellers to ask about now, or None. `is_idle`: no look is worth a token.

    A rating makes no deal truer, so it is bought with tokens that would soon be lost. But no seller stays unknown for
    more than a day, nor ten for more than an hour, or a busy service would never know any.
    """
    soon_lost = is_idle and balance > BRIMMING_MINUTES * tokens_per_minute
    patience = SELLER_UNKNOWN_FOR if len(waiting.unknown) < MANY_SELLERS else MANY_SELLERS_UNKNOWN_FOR
    is_due = waiting.unknown_since is not None and now - waiting.unknown_since >= patience
    if waiting.last_asked_at is not None and timedelta(0) <= now - waiting.last_asked_at < SELLERS_APART:
        return None
    wanted = waiting.unknown + waiting.stale if soon_lost else waiting.unknown if is_due else ()
    most = min(LARGEST_BATCH, ordinary_call_limit(tokens_per_minute))
    return PlannedSellers(wanted[:most]) if wanted else None


def batch_size(kind: LookKind, tokens_per_minute: int) -> int:
    """ASINs in one call: as many as an ordinary call may bill for at its dearest, at least one, at most Keepa's 100."""
    dearest = full_look_most(1) if kind.is_full else light_look_most(1)
    return min(LARGEST_BATCH, max(1, ordinary_call_limit(tokens_per_minute) // dearest))


def _is_too_early(looked_at: datetime | None, now: datetime) -> bool:
    return looked_at is not None and timedelta(0) <= now - looked_at < LOOK_AGAIN_AFTER


def _of_candidate(one: WaitingCandidate, now: datetime, *, is_rich: bool) -> _Choice:
    age_hours = max(0.0, (now - one.updated_at) / timedelta(hours=1))
    alive = math.exp(-DEATHS_PER_HOUR * age_hours)
    least = 1 / (1 - one.worth_cents) if is_rich and one.worth_cents <= 0 else 0.0
    worth = max(least, one.worth_cents * HIT_RATE[one.stage] * HOURS_SHOWN * alive)
    if one.stage == "feed":
        tokens = LIGHT_LOOK_TOKENS + PASSES_LIGHT_LOOK * FULL_LOOK_MEAN_TOKENS
        return _Choice(worth / tokens, LookKind.CANDIDATE_LIGHT, one.asin)
    return _Choice(worth / FULL_LOOK_MEAN_TOKENS, LookKind.CANDIDATE_FULL, one.asin)


def _of_deal(one: WaitingDeal, now: datetime) -> _Choice:
    if one.asked is not None:
        return _Choice(math.inf, one.asked, one.asin)
    profit = max(0, NOMINAL_PROFIT_CENTS if one.profit_cents is None else one.profit_cents)
    age = now - one.verified_at
    if one.look_due:
        hours = profit * value_of_certainty(1.0, promise=one.promised_until - one.verified_at)
        return _Choice(VERIFY_WEIGHT * hours / FULL_LOOK_MEAN_TOKENS, LookKind.VERIFY_FULL, one.asin)
    gained = hours_gained_by_verifying(age, promise=one.promised_until - one.verified_at)
    useful = age >= LOOK_AGAIN_AFTER
    return _Choice(VERIFY_WEIGHT * profit * gained if useful else 0.0, LookKind.VERIFY_LIGHT, one.asin)


def hours_gained_by_verifying(age: timedelta, *, promise: timedelta) -> float:
    """Right hours on show that a confirmation now adds: the value if it is still there, less the value without."""
    hours = max(0.0, age / timedelta(hours=1))
    right = math.exp(-(CHANGES_PER_HOUR + DEATHS_PER_HOUR) * hours)
    there = math.exp(-DEATHS_PER_HOUR * hours)
    gained = there * value_of_certainty(1.0, promise=promise) - value_of_certainty(right, promise=promise)
    return max(0.0, gained)


def value_of_certainty(right: float, *, promise: timedelta) -> float:
    """Expected right hours on show, above the bar at which a deal stops being shown, from chance `right` on.

    V(p) = [p (1 - e^-(k+r)h) / (k+r) - b (1 - e^-rh) / r] / (1 - b), with b the chance of being right at the
    end of the promise, k the rate of changes and deaths, r that of free confirmations, h = ln(p/b) / k.
    Zero for p at or below b. Grows with p.
    """
    k, r = CHANGES_PER_HOUR + DEATHS_PER_HOUR, FREE_CONFIRMATIONS_PER_HOUR
    bar = math.exp(-k * max(1.0, promise / timedelta(hours=1)))
    if right <= bar:
        return 0.0
    h = math.log(right / bar) / k
    shown_right = right * (1 - math.exp(-(k + r) * h)) / (k + r)
    owed = bar * (1 - math.exp(-r * h)) / r
    return (shown_right - owed) / (1 - bar)
