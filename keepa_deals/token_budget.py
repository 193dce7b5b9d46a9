"""When a call may be sent to Keepa: the token rule, as arithmetic. Pure.

Keepa executes a call whenever the balance is above zero, charges its real cost then, and lets the balance go
negative; tokens come in ticks of a whole minute's refill; what exceeds 60 minutes' refill is lost (Keepa
documentation). The rule that follows from this, its proof and its assumptions are in
docs/decisions/0001-the-token-rule.md. Instants are Unix milliseconds, amounts are whole tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil, inf

from keepa_deals.keepa_costs import FEED_PAGE_COST, full_look_most

TICK_MS = 60_000
"""from one refill to the next"""
TICK_MARGIN_MS = 1_000
"""a tick counts only when it is this old, so that a clock a little fast does not spend it early"""
CAPACITY_MINUTES = 60
MOST_STEPS = 2_000
"""how many events ahead an instant is looked for; far beyond an empty bucket's way to a full one"""
PLAN_GRACE_MS = 60_000
"""a live update begins within one tick of its due instant"""


class Purpose(StrEnum):
    """What a call is for. Each has at most one place in line per installation."""

    LIVE = "live"
    """the planned pages of a live update: always served first"""
    LIVE_MORE = "live_more"
    """its further pages, which ask like any call"""
    SWEEP = "sweep"
    CANDIDATE_LIGHT = "candidate_light"
    CANDIDATE_FULL = "candidate_full"
    VERIFY_LIGHT = "verify_light"
    VERIFY_FULL = "verify_full"
    SELLERS = "sellers"
    """ratings of the sellers of shown deals"""
    ON_DEMAND = "on_demand"


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one call. Send it at once; without an answer by `lapses_at` it counts as spent at `cost`."""

    id: str
    cost: int
    """the most the call can bill, in tokens"""
    purpose: Purpose
    granted_at: datetime
    lapses_at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Not now. `until` is the latest instant by which asking again will succeed; `reason` is one phrase."""

    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Charge:
    """Tokens that may be charged at any moment up to `by`, and are counted as spent after it."""

    tokens: int
    by: int


@dataclass(frozen=True, slots=True)
class LivePlan:
    """The live updates of one installation: one of `cost` tokens at `due`, and again each `every` milliseconds."""

    due: int
    every: int
    cost: int

    @property
    def expires(self) -> int:
        """An installation that has not renewed its plan for three intervals is gone."""
        return self.due + 3 * self.every

    @property
    def settled(self) -> int:
        """By when the live update that is due has surely begun, if its installation lives."""
        return self.due + min(PLAN_GRACE_MS, self.every // 4)

    def awaited(self, now: int) -> int:
        """When the next live update has begun; one that is overdue already is expected back by its last moment."""
        return self.settled if self.settled > now else self.expires


@dataclass(frozen=True, slots=True)
class Position:
    """All that the rule looks at, brought forward to the instant `at`."""

    at: int
    balance: int
    """at least what Keepa holds, had no open call been charged yet"""
    next_tick: int
    """when the next refill will count"""
    rate: int
    """tokens per tick, less the flow reduction"""
    timeout: int
    """milliseconds by which a call sent now has been charged or never will be"""
    open: tuple[Charge, ...] = ()
    """reservations of calls in the air, at their most"""
    owed: tuple[Charge, ...] = ()
    """pages that live updates now running have still to ask for"""
    ahead: tuple[Charge, ...] = ()
    """places in line before this request"""
    plans: tuple[LivePlan, ...] = ()
    held_back: int = 0
    """kept for others who spend on the same key"""
    charged: int = 0
    """deducted already, but perhaps charged after the next tick came; a full bucket lost that much of it"""

    @property
    def capacity(self) -> int:
        return CAPACITY_MINUTES * self.rate

    @property
    def available(self) -> int:
        return self.balance - _sum(self.open)

    def refilled(self, ticks: int) -> int:
        """The balance after so many more ticks; at least, and never above the capacity."""
        if ticks == 0:
            return self.balance
        return min(self.capacity, self.balance + self.charged + self.rate * ticks) - self.charged

    def ticks_by(self, instant: int) -> int:
        """How many refills will have begun to count after `at` and up to `instant`."""
        return 0 if instant < self.next_tick else (instant - self.next_tick) // TICK_MS + 1


def hindrance(position: Position, *, cost: int, live: bool) -> str | None:
    """Why a call that can bill up to `cost` may not go now; None when it may.

    A live call needs a balance above zero. Any other needs that beside everything open, owed and ahead in
    line, and must leave each coming live update what it costs. No call may go whose charge, arriving first,
    could have another call in the air refused.
    """
    free = position.available
    if not live:
        free -= _sum(position.owed) + _sum(position.ahead)
    if free <= 0:
        return "others are before it in line" if position.available > 0 and not live else "the balance is used up"
    if not live and position.owed and free < cost:
        return "a live update is under way"
    if free - cost + _smallest(position, live=live) <= 0:
        return "a call in the air could be refused"
    if not live and not _covered(position, cost=cost):
        return "the next live update needs the tokens"
    return None


def first_instant(position: Position, *, cost: int, live: bool) -> int:
    """When a call that may not go now will go at the latest, should every open call bill its most.

    Supposes that live updates begin within a tick of their due instant, land within another, and cost what
    they planned.
    """
    ahead = replace(position, owed=(), ahead=(), plans=()) if live else position
    for _ in range(MOST_STEPS):
        ahead = _step(ahead)
        settling = any(plan.due <= ahead.at < plan.settled for plan in ahead.plans)
        if not settling and hindrance(ahead, cost=cost, live=live) is None:
            break
    return ahead.at


def most_affordable(position: Position) -> int:
    """The dearest call that is sure to go some day beside the live updates; 0 when they take the whole refill.

    One that overdraws needs a full bucket and the quiet part of a window: after the live update has landed,
    less the ticks that a full bucket loses while the call is in the air.
    """
    if position.rate <= 0 or not plans_leave_tokens(position.plans, rate=position.rate):
        return 0
    spare = position.capacity - position.held_back
    if not position.plans:
        return spare - FEED_PAGE_COST
    flight = ceil(position.timeout / TICK_MS)
    in_the_air = sum(plan.cost * (2 + ceil(TICK_MS / plan.every)) for plan in position.plans)
    within_the_balance = spare - in_the_air - 4 * position.rate
    if len(position.plans) > 1:
        return within_the_balance
    plan = position.plans[0]
    quiet_ticks = plan.every // TICK_MS - 2
    lost = max(plan.cost, position.rate * (1 + flight))
    overdrawn = spare - plan.cost - lost + position.rate * quiet_ticks
    return max(within_the_balance, overdrawn) if quiet_ticks > 0 else within_the_balance


def plans_leave_tokens(plans: tuple[LivePlan, ...], *, rate: int) -> bool:
    """Whether the live updates cost less than the whole refill."""
    return _thousandths_per_tick(plans) < 1000 * rate


def plans_are_modest(plans: tuple[LivePlan, ...], *, rate: int) -> bool:
    """Whether the live updates cost at most half of the refill."""
    return 2 * _thousandths_per_tick(plans) <= 1000 * rate


def _thousandths_per_tick(plans: tuple[LivePlan, ...]) -> int:
    return sum(1000 * plan.cost * TICK_MS // plan.every for plan in plans)


def _sum(charges: tuple[Charge, ...]) -> int:
    return sum(charge.tokens for charge in charges)


def _smallest(position: Position, *, live: bool) -> float:
    """The cheapest call that is in the air, or has a right to be there first."""
    others = position.open if live else position.open + position.owed + position.ahead
    pages = (FEED_PAGE_COST,) if position.owed and not live else ()
    return min((*pages, *(charge.tokens for charge in others)), default=inf)


def _covered(position: Position, *, cost: int) -> bool:
    """Whether each coming live update finds its tokens, even if all that is open is charged at the last moment.

    Charges late in the call are the worst case: until then a full bucket loses its ticks.
    """
    taken = _sum(position.open) + _sum(position.owed) + _sum(position.ahead) + cost
    demanded = position.held_back
    for instant, live_cost in _dues(position):
        demanded += live_cost
        ticks = position.ticks_by(instant)
        in_the_air = position.ticks_by(min(instant, position.at + position.timeout))
        if position.refilled(in_the_air) - taken + position.rate * (ticks - in_the_air) < demanded:
            return False
    return True


def _dues(position: Position) -> list[tuple[int, int]]:
    """The live updates that must find their tokens, as (instant, cost) in order of time.

    For a single plan the next one vouches for all later ones, since it takes at most half of the refill.
    Several together are looked at until half of the refill has outrun them. Without any plan a live
    update may begin at any moment.
    """
    if not position.plans:
        return [(position.at, FEED_PAGE_COST)]
    if len(position.plans) == 1:
        return [(max(position.plans[0].due, position.at), position.plans[0].cost)]
    last_first = max(max(plan.due, position.at) for plan in position.plans)
    horizon = last_first + max(plan.every for plan in position.plans) + 2 * TICK_MS
    return sorted(due for plan in position.plans for due in _repeated(plan, position.at, horizon))


def _repeated(plan: LivePlan, now: int, horizon: int) -> Iterator[tuple[int, int]]:
    due = plan.due
    if due < now:
        yield now, plan.cost
        due += plan.every * ((now - due) // plan.every + 1)
    while due <= horizon:
        yield due, plan.cost
        due += plan.every


def _step(position: Position) -> Position:
    """The position at its next event: a tick, a charge that fell due, or a live update that has begun."""
    charges = position.open + position.owed + position.ahead
    awaited = [plan.awaited(position.at) for plan in position.plans]
    at = min([position.next_tick, *(charge.by for charge in charges), *awaited])
    at = max(at, position.at)
    ticked = position.next_tick <= at
    balance = position.refilled(1) if ticked else position.balance
    balance -= sum(charge.tokens for charge in charges if charge.by <= at)
    begun = sum(plan.cost for plan in position.plans if plan.awaited(position.at) <= at)
    in_the_air = (Charge(begun, at + TICK_MS),) if begun > 0 else ()
    return replace(
        position,
        at=at,
        balance=balance,
        next_tick=position.next_tick + TICK_MS if ticked else position.next_tick,
        charged=0 if ticked else position.charged,
        open=_pending(position.open, at),
        owed=_pending(position.owed, at) + in_the_air,
        ahead=_pending(position.ahead, at),
        plans=_rolled(position.plans, position.at, at),
    )


def _pending(charges: tuple[Charge, ...], at: int) -> tuple[Charge, ...]:
    return tuple(charge for charge in charges if charge.by > at)


def _rolled(plans: tuple[LivePlan, ...], before: int, at: int) -> tuple[LivePlan, ...]:
    """The plans after the live updates that have begun."""
    return tuple(
        plan
        if plan.awaited(before) > at
        else replace(plan, due=plan.due + plan.every * (1 if plan.settled > before else 4))
        for plan in plans
    )


def live_interval(rate: int) -> timedelta:
    """How often the live update is due: 100/rate minutes rounded down, between 1 and 20 (5 to 8 % of the refill)."""
    return timedelta(minutes=min(20, max(1, 100 // max(1, rate))))


def live_pages(rate: int) -> int:
    """How many pages a live update plans for; more, while a page brings mostly news, are ordinary spends."""
    return 4 if rate >= 100 else 1


def ordinary_call_limit(rate: int) -> int:
    """The most one ordinary call should be able to bill: two minutes' refill and one live window, at least one look.

    Bounds how late a smaller plan, which nobody can foresee, makes the live update.
    """
    window = rate * (live_interval(rate) // timedelta(minutes=1)) - FEED_PAGE_COST * live_pages(rate)
    return max(full_look_most(1), min(2 * rate, window))
