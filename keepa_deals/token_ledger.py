"""The token ledger: what Keepa last said, what is in the air, and who waits. Pure: no clock, no Redis.

This is the reference of the Redis scripts in lua/tokens_*.lua, which keep the same state under the same names
and give the same answers. Instants are Unix milliseconds of one time base. Two calls *overlap* unless one was
settled (or had lapsed) before the other was granted; that order is the ledger's own, not a clock's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keepa_deals.token_budget import (
    CAPACITY_MINUTES,
    TICK_MARGIN_MS,
    TICK_MS,
    Charge,
    LivePlan,
    Position,
    first_instant,
    hindrance,
    most_affordable,
    plans_are_modest,
)

CALL_TIMEOUT_MS = 250_000
"""a call is answered, or given up by its client (a look after at most 240 s), within this"""
OWED_MS = 120_000
"""pages owed by a live update are kept for it this long after its last sign of life"""
STALE_MS = 30 * 60_000
"""Keepa's figure is asked for anew (free) when it is older"""
CLOCK_SET_BACK_MS = 60_000
"""a clock further back than this was set back; less is the difference of two hosts"""
GRID_MS = 10 * 60_000
"""a tick phase is learned anew after this, before two clocks can drift a second apart"""
PLACE_AFTER_INSTANT_MS = 90_000
PLACE_AFTER_ASKING_MS = 120_000
LATE_MS = 10 * 60_000
"""an answer this long after its call lapsed is no longer understood"""
MEAN_OVER = 200
"""the learned bills look back over about so many calls"""
HOUR_MS = 3_600_000


@dataclass(slots=True)
class Reservation:
    installation: str
    purpose: str
    most: int
    granted: int
    lapses: int
    number: int
    """order among all grants and places in line"""
    before: int
    """all that had been deducted when it was granted"""


@dataclass(slots=True)
class Place:
    """A place in line, kept until `lapses` unless asked for again."""

    cost: int
    number: int
    until: int
    lapses: int


@dataclass(slots=True)
class Learned:
    calls: int = 0
    billed: int = 0
    most: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The token envelope of one answer; `rate` is less the flow reduction, rounded down, and above zero."""

    balance: int
    rate: int
    refill_in: int
    bill: int


@dataclass(frozen=True, slots=True)
class Granted:
    at: int
    lapses: int


@dataclass(frozen=True, slots=True)
class Denied:
    at: int
    until: int
    reason: str


@dataclass(frozen=True, slots=True)
class Unaffordable:
    at: int
    limit: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """The balance must be read first; the call that reads it has been noted under the id that was given."""

    at: int


@dataclass(slots=True)
class Ledger:
    """One account's ledger. Every method first brings it forward to `now`."""

    now: int = 0
    number: int = 0
    known: bool = False
    balance: int = 0
    """a lower bound of what Keepa holds, had no open call been charged yet"""
    next_tick: int = 0
    """when the next tick counts, at the latest instant that it may come, and a margin"""
    tick_from: int = 0
    """the earliest instant that this tick may come"""
    charged: int = 0
    """deducted since then: a full bucket may have lost that much of the tick"""
    rate: int = 0
    heard: int = 0
    """receipt of the newest answer"""
    grid: int = 0
    """receipt of the answer that `next_tick` comes from"""
    doubted: int = 0
    """an answer to a call granted up to this number says nothing about the balance"""
    deducted: int = 0
    """all that was ever deducted; what two calls overlap with is a difference of two such sums"""
    open: dict[str, Reservation] = field(default_factory=dict)
    lapsed: dict[str, Reservation] = field(default_factory=dict)
    plans: dict[str, LivePlan] = field(default_factory=dict)
    owed: dict[str, Charge] = field(default_factory=dict)
    line: dict[str, Place] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)
    drained: dict[str, int] = field(default_factory=dict)
    """tokens that others spent on the key, by hour"""
    since: int = 0
    spent: int = 0
    lost: int = 0
    """counted as spent without knowing the bill"""
    refused: int = 0

    def request(
        self, now: int, *, id: str, installation: str, purpose: str, cost: int, timeout: int = CALL_TIMEOUT_MS
    ) -> Granted | Denied | Unaffordable | Unknown:
        """Grant a call of at most `cost` tokens, or say when, or that it never can be."""
        self.advance(now)
        if not self.known or self.now - self.heard > STALE_MS:
            self._reserve(id, installation, "balance", 0, timeout)
            return Unknown(self.now)
        live, key = purpose == "live", f"{installation}|{purpose}"
        position = self.position(key, timeout)
        limit = position.capacity if live else most_affordable(position)
        if cost > limit:
            self.line.pop(key, None)
            return Unaffordable(self.now, limit)
        reason = hindrance(position, cost=cost, live=live)
        if reason is None:
            self.line.pop(key, None)
            lapses = self._reserve(id, installation, purpose, cost, timeout)
            if live and installation in self.owed:
                self._owe(installation, self.owed[installation].tokens - cost)
            return Granted(self.now, lapses)
        until = first_instant(position, cost=cost, live=live) + TICK_MARGIN_MS
        if not live:
            self._book(key, cost, until)
        return Denied(self.now, until, reason)

    def settle(self, now: int, *, id: str, sent: int, received: int, answer: Answer) -> None:
        """Take what Keepa said. An answer to a call that this ledger no longer knows can only lower it."""
        self.advance(now)
        received = min(received, self.now)
        if received < sent:
            sent = received - CALL_TIMEOUT_MS
        overlapping = self._close(id, answer)
        steady = self.rate == answer.rate
        if received >= self.heard:
            self.rate, self.heard = answer.rate, received
            self.balance = min(self.balance, CAPACITY_MINUTES * self.rate)
        if overlapping is not None:
            self._raise(answer, bills=overlapping, sent=sent, received=received)
        if self.known:
            self._lower(answer, sent=sent, received=received, steady=steady)

    def release(self, now: int, *, id: str) -> None:
        """Give back a call that was never sent, or that Keepa answered without charging."""
        self.advance(now)
        self.open.pop(id, None)

    def plan(self, now: int, *, installation: str, due: int, every: int, cost: int) -> bool:
        """Note the coming live update. False, and nothing is noted, when they would take over half of the refill."""
        self.advance(now)
        plans = {**self.plans, installation: LivePlan(due, every, cost)}
        if self.known and not plans_are_modest(tuple(plans.values()), rate=self.rate):
            return False
        self.plans = plans
        return True

    def begin(self, now: int, *, installation: str, cost: int) -> None:
        """A live update starts: its pages are owed to it, and the next one is an interval later."""
        self.advance(now)
        self._owe(installation, cost)
        plan = self.plans.get(installation)
        if plan is not None:
            late = max(0, self.now - plan.due)
            self.plans[installation] = LivePlan(plan.due + plan.every * (late // plan.every + 1), plan.every, plan.cost)

    def end(self, now: int, *, installation: str) -> None:
        """A live update is over: nothing more is owed to it."""
        self.advance(now)
        self.owed.pop(installation, None)

    def leave(self, now: int, *, installation: str, purpose: str) -> None:
        """Give up a place in line."""
        self.advance(now)
        self.line.pop(f"{installation}|{purpose}", None)

    def doubt(self) -> None:
        """The memory may be an old one (the server was started anew): nothing goes until Keepa's figure is read."""
        self.known = False
        self.number += 1
        self.doubted = self.number

    def advance(self, now: int) -> None:
        """Count the ticks past, take lapsed calls as spent, drop what was not renewed."""
        if now < self.now - CLOCK_SET_BACK_MS:
            self._shift(now - self.now)
        now = max(now, self.now)
        for id, held in sorted(self.open.items(), key=lambda item: (item[1].lapses, item[0])):
            if held.lapses <= now:
                self._lapse(id, held)
        self._count_ticks(now)
        self.now = now
        self.lapsed = {id: held for id, held in self.lapsed.items() if held.lapses + LATE_MS > now}
        self.owed = {name: owed for name, owed in self.owed.items() if owed.by > now}
        self.plans = {name: plan for name, plan in self.plans.items() if plan.expires > now}
        self.line = {key: place for key, place in self.line.items() if place.lapses > now}
        self.drained = {hour: lost for hour, lost in self.drained.items() if int(hour) > now // HOUR_MS - 24}

    def position(self, key: str = "", timeout: int = CALL_TIMEOUT_MS) -> Position:
        """What the rule looks at for the place `key` in line."""
        own = self.line.get(key)
        ahead = [place for place in self.line.values() if own is None or place.number < own.number]
        return Position(
            at=self.now,
            balance=self.balance,
            next_tick=self.next_tick,
            rate=self.rate,
            timeout=timeout,
            open=tuple(Charge(held.most, held.lapses) for held in self.open.values() if held.most > 0),
            owed=tuple(self.owed.values()),
            ahead=tuple(Charge(place.cost, max(place.until, self.now) + timeout) for place in ahead),
            plans=tuple(self.plans.values()),
            charged=self.charged,
            held_back=min(max(self.drained.values(), default=0), CAPACITY_MINUTES * self.rate // 4),
        )

    def _reserve(self, id: str, installation: str, purpose: str, most: int, timeout: int) -> int:
        self.number += 1
        lapses = self.now + timeout
        self.open[id] = Reservation(installation, purpose, most, self.now, lapses, self.number, self.deducted)
        return lapses

    def _owe(self, installation: str, tokens: int) -> None:
        if tokens > 0:
            self.owed[installation] = Charge(tokens, self.now + OWED_MS)
        else:
            self.owed.pop(installation, None)

    def _book(self, key: str, cost: int, until: int) -> None:
        if key not in self.line:
            self.number += 1
        number = self.line[key].number if key in self.line else self.number
        lapses = max(until + PLACE_AFTER_INSTANT_MS, self.now + PLACE_AFTER_ASKING_MS)
        self.line[key] = Place(cost, number, until, lapses)

    def _close(self, id: str, answer: Answer) -> int | None:
        """Deduct the bill; all that was deducted for overlapping calls, None when that is not known."""
        held, lapsed = self.open.pop(id, None), self.lapsed.pop(id, None)
        self.spent += answer.bill
        own = answer.bill
        if lapsed is not None:
            self.lost -= lapsed.most
            own = max(answer.bill, lapsed.most)
        self._deduct(own if lapsed is None else own - lapsed.most, at=self.now)
        if held is not None:
            self._learn(held, answer)
        known = held or lapsed
        return None if known is None or known.number <= self.doubted else self.deducted - known.before - own

    def _deduct(self, tokens: int, *, at: int) -> None:
        self.balance -= tokens
        self.deducted += tokens
        if at >= self.tick_from:
            self.charged += tokens

    def _learn(self, held: Reservation, answer: Answer) -> None:
        if held.most == 0:
            return
        if answer.bill == 0 and answer.balance <= 0:
            self.refused += 1
            return
        mean = self.learned.setdefault(held.purpose, Learned())
        if mean.calls >= MEAN_OVER:
            mean.calls, mean.billed, mean.most = mean.calls // 2, mean.billed // 2, mean.most // 2
        mean.calls, mean.billed, mean.most = mean.calls + 1, mean.billed + answer.bill, mean.most + held.most

    def _raise(self, answer: Answer, *, bills: int, sent: int, received: int) -> None:
        """Raise to Keepa's figure less the bills of overlapping calls, which it may not hold yet.

        A tick that may have come between sending and receipt is taken as already in the figure. What is held
        and what was heard are two lower bounds, each with the tick that it counts next. When that is surely
        the same tick, the higher balance and the earlier count hold together; else only one of the two can be
        kept, and the new one only if it will never be the lower.
        """
        earliest = sent + answer.refill_in
        if earliest <= received:
            earliest += TICK_MS
        first = earliest + received - sent + TICK_MARGIN_MS
        ticks = 0 if self.now < first else (self.now - first) // TICK_MS + 1
        full = min(CAPACITY_MINUTES * self.rate, answer.balance + self.rate * ticks)
        balance = full - bills
        next_tick, tick_from = first + TICK_MS * ticks, earliest + TICK_MS * ticks
        if not self.known:
            self.known, self.since, self.balance, self.charged = True, self.now, balance, 0
            self._set_grid(next_tick, tick_from, received)
        elif max(next_tick - self.tick_from, self.next_tick - tick_from) < TICK_MS + TICK_MARGIN_MS:
            self.balance = max(self.balance, balance)
            self.charged = max(self.charged, bills if self.now >= tick_from else 0)
            narrow = received - sent <= TICK_MARGIN_MS
            drift = TICK_MARGIN_MS if narrow and self.now - self.grid > GRID_MS else 0
            if next_tick <= self.next_tick + drift:
                self._set_grid(next_tick, tick_from, received)
        elif balance >= self.balance + self.rate * max(0, -((self.next_tick - next_tick) // TICK_MS)):
            self.balance, self.charged = balance, bills if self.now >= tick_from else 0
            self._set_grid(next_tick, tick_from, received)

    def _set_grid(self, next_tick: int, tick_from: int, received: int) -> None:
        self.next_tick, self.tick_from, self.grid = next_tick, tick_from, received

    def _lower(self, answer: Answer, *, sent: int, received: int, steady: bool) -> None:
        """Lower to the most that Keepa's figure allows.

        On a steady plan the difference was spent by others on the same key.
        """
        first = sent + answer.refill_in
        if received - sent >= TICK_MS - answer.refill_in:
            first -= TICK_MS
        ticks = 0 if self.now < first else (self.now - first) // TICK_MS + 1
        in_the_air = sum(held.most for held in self.open.values() if held.granted <= received)
        most = answer.balance + self.rate * ticks + in_the_air
        if self.balance <= most:
            return
        if steady:
            hour = str(self.now // HOUR_MS)
            self.drained[hour] = self.drained.get(hour, 0) + self.balance - most
        self.balance = most
        latest = received + answer.refill_in + TICK_MARGIN_MS
        passed = TICK_MS * max(ticks, 0 if self.now < latest else (self.now - latest) // TICK_MS + 1)
        self._set_grid(latest + passed, first + passed, received)

    def _count_ticks(self, until: int) -> None:
        if self.known and self.next_tick <= until:
            ticks = (until - self.next_tick) // TICK_MS + 1
            full = min(CAPACITY_MINUTES * self.rate, self.balance + self.charged + self.rate * ticks)
            self.balance = full - self.charged
            self.next_tick += TICK_MS * ticks
            self.tick_from += TICK_MS * ticks
            if until < self.tick_from:
                self.charged = 0

    def _lapse(self, id: str, held: Reservation) -> None:
        self._count_ticks(held.lapses)
        self._deduct(held.most, at=held.lapses)
        self.lost += held.most
        self.lapsed[id] = self.open.pop(id)

    def _shift(self, by: int) -> None:
        """The clock was set back: carry on as if no time had passed since the last look."""
        self.now, self.next_tick, self.tick_from = self.now + by, self.next_tick + by, self.tick_from + by
        self.heard, self.grid, self.since = self.heard + by, self.grid + by, self.since + by
        for held in (*self.open.values(), *self.lapsed.values()):
            held.granted, held.lapses = held.granted + by, held.lapses + by
        for place in self.line.values():
            place.until, place.lapses = place.until + by, place.lapses + by
        self.owed = {name: Charge(owed.tokens, owed.by + by) for name, owed in self.owed.items()}
        self.plans = {name: LivePlan(p.due + by, p.every, p.cost) for name, p in self.plans.items()}
