"""A laboratory for the token rule: Keepa's meter, workers, latency and mishaps in virtual time.

Instants are milliseconds of one true time. The meter knows the truth (tick phase, charges); the ledger under
test is told only what a client would see.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keepa_deals.token_ledger import Answer, Denied, Granted, Ledger, Unknown

MINUTE = 60_000
START = 1_790_000_000_000


@dataclass
class Meter:
    """Keepa's side of the account."""

    rate: int
    phase: int = 0
    balance: int = 0
    now: int = START
    spent: int = 0
    foreign: int = 0
    refused: int = 0
    expired: int = 0

    def advance(self, now: int) -> None:
        ticks = (now - START - self.phase) // MINUTE - (self.now - START - self.phase) // MINUTE
        for _ in range(ticks):
            grown = self.balance + self.rate
            self.balance = min(60 * self.rate, grown)
            self.expired += grown - self.balance
        self.now = now

    @property
    def refill_in(self) -> int:
        return MINUTE - (self.now - START - self.phase) % MINUTE


@dataclass
class Call:
    id: str
    asker: str
    most: int
    bill: int
    rate: int
    sent: int
    done: Callable[[int], None]
    refused: bool = False


@dataclass
class Mishaps:
    """What may go wrong; the defaults are a good day."""

    net: tuple[int, int] = (20, 400)
    send_delay: tuple[int, int] = (0, 50)
    full: tuple[int, int] = (2_000, 20_000)
    quick: tuple[int, int] = (50, 900)
    late: float = 0.0
    """share of answers that are taken up to 40 s after receipt"""
    lost: float = 0.0
    charge_at_end: bool | None = None
    """None: either, call by call"""
    bills: float | None = None
    """each bill as a multiple of the most; None: by chance, never above it"""
    stamp_anywhere: bool = True


@dataclass
class Lab:
    """Runs workers and a live update against one ledger until `hours` have passed."""

    seed: int
    rate: int = 5
    hours: float = 6
    balance: int | None = None
    every: int | None = None
    pages: int = 1
    ordinary: tuple[tuple[str, int, bool], ...] = (
        ("candidate_full", 12, True),
        ("candidate_full", 12, True),
        ("verify_light", 2, False),
        ("sweep", 5, False),
    )
    """(purpose, most, is a full look)"""
    workers: int = 2
    mishaps: Mishaps = field(default_factory=Mishaps)
    lives: int = 1
    new_ledger: Callable[[], Ledger] = Ledger
    one_ledger: bool = True
    own_wish: bool = False
    """worker n wants ordinary[n] and nothing else"""
    away: tuple[int, int] | None = None
    """from and until when, in milliseconds after the start, Keepa does not answer"""

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        full = 60 * self.rate
        self.meter = Meter(self.rate, self.random.randrange(MINUTE), full if self.balance is None else self.balance)
        self.ledgers: dict[str, Ledger] = {}
        self.now = START
        self.end = START + int(self.hours * 60 * MINUTE)
        self.events: list[tuple[int, int, Callable[[], None]]] = []
        self.count = 0
        self.lateness: list[int] = []
        self.served: dict[str, int] = {}
        self.broken_promises: list[tuple[str, int, str]] = []
        self.longest_wait: dict[str, int] = {}
        self.every_ms = self.every or min(20, max(1, 100 // self.rate)) * MINUTE

    @property
    def ledger(self) -> Ledger:
        return self.ledger_of("")

    def ledger_of(self, asker: str) -> Ledger:
        return self.ledgers.setdefault("" if self.one_ledger else asker, self.new_ledger())

    @property
    def is_away(self) -> bool:
        return self.away is not None and self.away[0] <= self.now - START < self.away[1]

    def at(self, instant: int, what: Callable[[], None]) -> None:
        self.count += 1
        heapq.heappush(self.events, (max(instant, self.now), self.count, what))

    def between(self, span: tuple[int, int]) -> int:
        return self.random.randint(*span)

    def run(self) -> Lab:
        for number in range(self.lives):
            LiveUpdate(self, f"home{number}", START + self.between((0, self.every_ms))).plan()
        for number in range(self.workers):
            Worker(self, f"home{number % self.lives}", number).begin()
        self.go_on(self.end)
        return self

    def go_on(self, until: int) -> None:
        while self.events and self.events[0][0] <= until:
            self.now, _, what = heapq.heappop(self.events)
            self.meter.advance(self.now)
            what()

    def ask(self, installation: str, purpose: str, most: int) -> tuple[str, Any]:
        self.count += 1
        id, ledger = f"call{self.count}", self.ledger_of(installation)
        answer = ledger.request(self.now, id=id, installation=installation, purpose=purpose, cost=most)
        if isinstance(answer, Unknown) and not self.is_away:
            reading = Answer(self.meter.balance, self.meter.rate, self.meter.refill_in, 0)
            ledger.settle(self.now, id=id, sent=self.now - 30, received=self.now, answer=reading)
            return self.ask(installation, purpose, most)
        return id, answer

    def send(self, id: str, asker: str, purpose: str, most: int, *, full: bool, done: Callable[[int], None]) -> None:
        sent = self.now + self.between(self.mishaps.send_delay)
        call = Call(id, asker, most, self.bill(most, full=full), self.meter.rate, sent, done)
        self.at(sent + self.between(self.mishaps.net), lambda: self.arrive(call, full=full))

    def bill(self, most: int, *, full: bool) -> int:
        if self.mishaps.bills is not None:
            return round(most * self.mishaps.bills)
        if full:
            return sum(self.random.choice([6, 6, 6, 12, 1]) for _ in range(most // 12))
        return most if most % 5 == 0 else self.random.randint(1, most)

    def arrive(self, call: Call, *, full: bool) -> None:
        if self.is_away:
            self.at(call.sent + 60_000, lambda: call.done(0))
            return
        if self.meter.balance <= 0:
            self.meter.refused += 1
            call.refused, call.bill = True, 0
            self.leave(call, self.now, self.meter.balance, self.meter.refill_in)
            return
        begun = (self.now, self.meter.refill_in)
        takes = self.between(self.mishaps.full if full else self.mishaps.quick)
        at_end = self.mishaps.charge_at_end
        if at_end is None:
            at_end = self.random.random() < 0.5
        if at_end:
            self.at(self.now + takes, lambda: self.charge_and_leave(call, begun))
        else:
            self.charge(call)
            balance, refill_in = self.meter.balance, self.meter.refill_in
            self.at(self.now + takes, lambda: self.leave(call, self.now, balance, self.stamp(begun, refill_in)))

    def charge(self, call: Call) -> None:
        self.meter.balance -= call.bill
        self.meter.spent += call.bill

    def charge_and_leave(self, call: Call, begun: tuple[int, int]) -> None:
        self.charge(call)
        self.leave(call, self.now, self.meter.balance, self.stamp(begun, self.meter.refill_in))

    def stamp(self, begun: tuple[int, int], of_balance: int) -> int:
        """refillIn as of any instant of the call, not always that of the balance."""
        if not self.mishaps.stamp_anywhere:
            return of_balance
        return self.random.choice([begun[1], of_balance, self.meter.refill_in])

    def leave(self, call: Call, left: int, balance: int, refill_in: int) -> None:
        if self.random.random() < self.mishaps.lost:
            self.at(call.sent + 60_000, lambda: call.done(0))
            return
        answer = Answer(balance, self.meter.rate, refill_in, call.bill)
        received = left + self.between(self.mishaps.net)
        taken = received
        if self.random.random() < self.mishaps.late:
            taken += self.between((1_000, 40_000))

        def take() -> None:
            ledger = self.ledger_of(call.asker)
            ledger.settle(self.now, id=call.id, sent=call.sent, received=received, answer=answer)
            call.done(call.bill)

        self.at(taken, take)


class LiveUpdate:
    def __init__(self, lab: Lab, installation: str, due: int) -> None:
        self.lab, self.installation, self.due = lab, installation, due
        self.left = 0

    def plan(self) -> None:
        self.lab.ledger_of(self.installation).plan(
            self.lab.now, installation=self.installation, due=self.due, every=self.lab.every_ms, cost=5 * self.lab.pages
        )
        self.lab.at(self.due, self.begin)

    def begin(self) -> None:
        if self.lab.now >= self.lab.end:
            return
        self.left = self.lab.pages
        self.page()

    def page(self) -> None:
        lab = self.lab
        id, answer = lab.ask(self.installation, "live", 5)
        if isinstance(answer, Denied):
            assert answer.until > lab.now
            lab.at(answer.until, self.page)
            return
        if isinstance(answer, Unknown):
            lab.at(lab.now + 15_000, self.page)
            return
        assert isinstance(answer, Granted), answer
        if self.left == lab.pages:
            lab.lateness.append(lab.now - self.due)
            lab.ledger_of(self.installation).begin(lab.now, installation=self.installation, cost=5 * (lab.pages - 1))
        self.left -= 1
        lab.send(id, self.installation, "live", 5, full=False, done=self.landed)

    def landed(self, bill: int) -> None:
        if self.left > 0:
            self.page()
            return
        self.lab.ledger_of(self.installation).end(self.lab.now, installation=self.installation)
        self.due += self.lab.every_ms * ((self.lab.now - self.due) // self.lab.every_ms + 1)
        self.plan()


class Worker:
    """Wants one random ordinary call after the other and keeps its place while it waits."""

    def __init__(self, lab: Lab, installation: str, number: int) -> None:
        self.lab, self.asker = lab, f"{installation}.{number}"
        self.wishes = lab.ordinary[number : number + 1] if lab.own_wish else lab.ordinary
        self.promised: int | None = None
        self.wanted_since = 0

    def begin(self) -> None:
        lab = self.lab
        self.purpose, self.most, self.full = lab.random.choice(self.wishes)
        self.promised, self.wanted_since = None, lab.now
        self.ask()

    def ask(self) -> None:
        lab = self.lab
        id, answer = lab.ask(self.asker, self.purpose, self.most)
        waited = lab.now - self.wanted_since
        lab.longest_wait[self.purpose] = max(lab.longest_wait.get(self.purpose, 0), waited)
        if isinstance(answer, Granted):
            lab.served[self.purpose] = lab.served.get(self.purpose, 0) + 1
            lab.send(id, self.asker, self.purpose, self.most, full=self.full, done=lambda bill: self.begin())
            return
        if isinstance(answer, Unknown):
            lab.at(lab.now + 15_000, self.ask)
            return
        assert isinstance(answer, Denied), answer
        if self.promised is not None and lab.now >= self.promised:
            lab.broken_promises.append((self.purpose, lab.now - self.promised, answer.reason))
        assert answer.until > lab.now
        if self.promised is None or lab.now >= self.promised:
            self.promised = answer.until
        lab.at(min(self.promised, lab.now + lab.random.randint(500, 90_000)), self.ask)
