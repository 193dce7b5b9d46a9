"""The bookkeeping against a meter that knows the truth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from token_lab import MINUTE, START, Meter

from keepa_deals.token_ledger import CALL_TIMEOUT_MS, Answer, Denied, Granted, Ledger, Unaffordable, Unknown


def known(balance: int = 100, *, rate: int = 5, refill_in: int = 30_000) -> Ledger:
    ledger = Ledger()
    assert isinstance(ask(ledger, START, "token", 1), Unknown)
    tell(ledger, START, "token", balance=balance, rate=rate, refill_in=refill_in)
    return ledger


def ask(ledger: Ledger, now: int, id: str, cost: int, purpose: str = "candidate_full", by: str = "here") -> Any:
    return ledger.request(now, id=id, installation=by, purpose=purpose, cost=cost)


def tell(
    ledger: Ledger, now: int, id: str, *, sent: int | None = None, received: int | None = None, **said: int
) -> None:
    answer = Answer(**{"rate": 5, "refill_in": 30_000, "bill": 0, **said})
    ledger.settle(now, id=id, sent=sent or now, received=received or now, answer=answer)


def test_an_empty_ledger_grants_nothing_before_the_balance_was_read() -> None:
    ledger = Ledger()
    assert isinstance(ask(ledger, START, "a", 1), Unknown)
    assert isinstance(ask(ledger, START, "b", 5, purpose="live"), Unknown)


def test_only_a_call_granted_after_the_doubt_ends_it() -> None:
    ledger = known(100)
    ask(ledger, START, "before", 5)
    ledger.doubt()
    tell(ledger, START + 100, "before", sent=START, balance=95, bill=5)
    assert not ledger.known
    assert isinstance(ask(ledger, START + 200, "token", 1), Unknown)
    tell(ledger, START + 250, "token", sent=START + 200, balance=95)
    assert (ledger.known, ledger.balance) == (True, 95)


def test_a_figure_older_than_half_an_hour_is_read_anew() -> None:
    ledger = known(100)
    assert isinstance(ask(ledger, START + 30 * MINUTE, "a", 1), Granted)
    assert isinstance(ask(ledger, START + 30 * MINUTE + 1, "b", 1), Unknown)


@pytest.mark.parametrize("left", [88, 0, -7])
def test_an_answer_that_overlaps_nothing_is_the_balance(left: int) -> None:
    ledger = known(100)
    ask(ledger, START, "a", 12)
    tell(ledger, START + 2_000, "a", sent=START, balance=left, bill=12, refill_in=28_000)
    assert ledger.balance == left


def test_an_answer_late_by_minutes_does_not_bring_spent_tokens_back() -> None:
    ledger = known(100)
    ask(ledger, START, "late", 12)
    ask(ledger, START + 100, "quick", 12)
    tell(ledger, START + 500, "quick", sent=START + 100, balance=76, bill=12, refill_in=29_500)
    tell(ledger, START + 20_000, "late", sent=START, received=START + 300, balance=88, bill=12, refill_in=29_700)
    assert ledger.balance == 76


def test_an_answer_to_a_forgotten_call_can_only_lower() -> None:
    ledger = known(100)
    tell(ledger, START + 100, "stranger", balance=250, bill=12)
    assert ledger.balance == 88
    tell(ledger, START + 200, "another", balance=40, bill=5)
    assert ledger.balance == 40


def test_a_refusal_is_counted_and_tells_the_balance() -> None:
    ledger = known(10)
    ask(ledger, START, "a", 5)
    tell(ledger, START + 100, "a", sent=START, balance=-31, bill=0)
    assert (ledger.refused, ledger.balance, ledger.spent) == (1, -31, 0)


def test_a_released_call_costs_nothing() -> None:
    ledger = known(100)
    ask(ledger, START, "a", 12)
    ledger.release(START + 10, id="a")
    ledger.advance(START + CALL_TIMEOUT_MS)
    assert (ledger.balance, ledger.lost) == (120, 0)


def test_a_bigger_plan_is_adopted_from_any_answer() -> None:
    ledger = known(100)
    ask(ledger, START, "a", 5)
    tell(ledger, START + 10, "a", sent=START, balance=95, bill=5, rate=25, refill_in=29_990)
    ledger.advance(START + 31_010)
    assert (ledger.rate, ledger.balance, ledger.position().capacity) == (25, 120, 1500)


def test_an_older_answer_does_not_bring_the_old_plan_back() -> None:
    ledger = known(100, rate=25)
    ask(ledger, START, "old", 5)
    ask(ledger, START, "new", 5)
    tell(ledger, START + 2_000, "new", sent=START, balance=90, bill=5, rate=5)
    tell(ledger, START + 2_100, "old", sent=START, received=START + 900, balance=95, bill=5, rate=25)
    assert ledger.rate == 5


def test_a_call_beyond_the_plan_is_an_error_at_once_and_keeps_no_place() -> None:
    ledger = known(0)
    ledger.plan(START, installation="here", due=START + MINUTE, every=20 * MINUTE, cost=5)
    limit = 300 - 5 - 5 * 6 + 5 * (20 - 2)
    assert isinstance(ask(ledger, START, "a", limit), Denied)
    assert ask(ledger, START, "b", limit + 1) == Unaffordable(START, limit)
    assert ledger.line == {}


def test_a_place_in_line_is_kept_by_asking_and_lost_by_silence() -> None:
    ledger = known(0)
    first = ask(ledger, START, "a", 12, by="one")
    ask(ledger, START + 10, "b", 2, by="two")
    ask(ledger, START + 20, "c", 12, by="one")
    assert [key for key, place in sorted(ledger.line.items(), key=lambda item: item[1].number)] == [
        "one|candidate_full",
        "two|candidate_full",
    ]
    ledger.advance(first.until + 90_000 + 60_000)
    assert ledger.line == {}


def test_a_live_update_whose_runner_died_holds_its_pages_for_two_minutes() -> None:
    ledger = known(20)
    ledger.plan(START, installation="here", due=START, every=20 * MINUTE, cost=20)
    ledger.begin(START, installation="here", cost=20)
    assert isinstance(ask(ledger, START, "a", 2), Denied)
    assert isinstance(ask(ledger, START + 120_000, "b", 2), Granted)


def test_a_plan_that_is_not_renewed_is_dropped_after_three_intervals() -> None:
    ledger = known(100)
    ledger.plan(START, installation="gone", due=START, every=5 * MINUTE, cost=5)
    ledger.advance(START + 15 * MINUTE - 1)
    assert "gone" in ledger.plans
    ledger.advance(START + 15 * MINUTE)
    assert ledger.plans == {}


def test_beginning_late_skips_the_live_updates_that_were_missed() -> None:
    ledger = known(100)
    ledger.plan(START, installation="here", due=START, every=10 * MINUTE, cost=5)
    ledger.begin(START + 25 * MINUTE, installation="here", cost=5)
    assert ledger.plans["here"].due == START + 30 * MINUTE


def test_a_clock_set_back_by_two_hours_neither_freezes_nor_feeds_the_ledger() -> None:
    ledger = known(0)
    ask(ledger, START, "a", 12)
    back = START - 120 * MINUTE
    ledger.advance(back)
    assert ledger.balance == 0
    ledger.advance(back + 31_000)
    assert ledger.balance == 5


def test_clocks_of_two_hosts_may_differ_by_seconds() -> None:
    ledger = known(0)
    ledger.advance(START + 31_000)
    ledger.advance(START + 26_000)
    ledger.advance(START + 31_500)
    assert ledger.balance == 5


def test_learned_bills_rank_and_never_reserve() -> None:
    ledger = known(300)
    for number in range(4):
        ask(ledger, START, f"{number}", 12)
        tell(ledger, START, f"{number}", balance=294 - 6 * number, bill=6)
    assert (ledger.learned["candidate_full"].billed, ledger.learned["candidate_full"].most) == (24, 48)
    ask(ledger, START, "next", 12)
    assert ledger.open["next"].most == 12


class KeepaAndLedger(RuleBasedStateMachine):
    """Any interleaving of grants, charges, answers, losses and time: the ledger never claims more than there is."""

    @initialize(phase=st.integers(0, MINUTE - 1), balance=st.integers(-40, 300), rate=st.sampled_from([5, 20, 60]))
    def start(self, phase: int, balance: int, rate: int) -> None:
        self.meter = Meter(rate, phase, min(balance, 60 * rate))
        self.ledger = Ledger()
        self.now = START
        self.count = 0
        self.granted: dict[str, dict[str, int]] = {}
        self.charged: dict[str, dict[str, int]] = {}
        self.lost: dict[str, dict[str, int]] = {}

    def calls(self, which: dict[str, dict[str, int]], pick: int) -> str:
        return sorted(which)[pick % len(which)]

    @rule(seconds=st.sampled_from([0.05, 0.9, 3, 17, 40, 61]))
    def time_passes(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
        self.meter.advance(self.now)
        for id, call in list(self.granted.items()):
            if self.now >= call["granted"] + CALL_TIMEOUT_MS - 5_000:
                del self.granted[id]

    @rule(purpose=st.sampled_from(["live", "sweep", "verify_light", "candidate_full"]), data=st.data())
    def a_call_is_asked_for(self, purpose: str, data: st.DataObject) -> None:
        self.count += 1
        id, most = f"call{self.count:03}", {"live": 5, "sweep": 5, "verify_light": 2, "candidate_full": 24}[purpose]
        answer = ask(self.ledger, self.now, id, most, purpose=purpose)
        if isinstance(answer, Unknown):
            tell(
                self.ledger,
                self.now,
                id,
                balance=self.meter.balance,
                rate=self.meter.rate,
                refill_in=self.meter.refill_in,
            )
        if isinstance(answer, Granted):
            bill = data.draw(st.integers(1, most))
            self.granted[id] = {"granted": self.now, "bill": bill, "stamp": self.meter.refill_in, "most": most}

    @precondition(lambda self: self.granted)
    @rule(pick=st.integers(0, 9))
    def keepa_executes_a_call(self, pick: int) -> None:
        id = self.calls(self.granted, pick)
        call = self.granted.pop(id)
        assert self.meter.balance > 0, "Keepa would refuse a call that was granted"
        self.meter.balance -= call["bill"]
        self.meter.spent += call["bill"]
        self.charged[id] = {**call, "balance": self.meter.balance, "after": self.meter.refill_in}

    @precondition(lambda self: self.charged)
    @rule(pick=st.integers(0, 9), stamp=st.sampled_from(["stamp", "after"]), late=st.sampled_from([0, 0, 900, 20_000]))
    def its_answer_is_taken(self, pick: int, stamp: str, late: int) -> None:
        id = self.calls(self.charged, pick)
        call = self.charged.pop(id)
        received = self.now
        self.time_passes(late / 1000)
        tell(
            self.ledger,
            self.now,
            id,
            sent=call["granted"],
            received=received,
            balance=call["balance"],
            rate=self.meter.rate,
            refill_in=call[stamp],
            bill=call["bill"],
        )

    @precondition(lambda self: self.charged)
    @rule(pick=st.integers(0, 9))
    def its_answer_is_lost(self, pick: int) -> None:
        id = self.calls(self.charged, pick)
        self.lost[id] = self.charged.pop(id)

    @precondition(lambda self: self.granted)
    @rule(pick=st.integers(0, 9))
    def it_was_never_sent(self, pick: int) -> None:
        id = self.calls(self.granted, pick)
        del self.granted[id]
        self.ledger.release(self.now, id=id)

    @invariant()
    def the_ledger_claims_no_more_than_there_is(self) -> None:
        self.ledger.advance(self.now)
        if not self.ledger.known:
            return
        reserved = sum(held.most for held in self.ledger.open.values())
        still_to_come = sum(call["bill"] for call in self.granted.values())
        assert self.ledger.balance - reserved <= self.meter.balance - still_to_come

    @invariant()
    def what_keepa_counted_is_what_the_ledger_says(self) -> None:
        unsettled = sum(call["bill"] for call in (self.charged | self.lost).values())
        assert self.ledger.spent == self.meter.spent - unsettled
        assert self.ledger.drained == {}

    def teardown(self) -> None:
        if not hasattr(self, "ledger"):
            return
        while self.charged:
            self.its_answer_is_taken(0, "after", 0)
        self.granted.clear()
        self.now += CALL_TIMEOUT_MS + 3 * MINUTE
        self.meter.advance(self.now - self.meter.refill_in % 1_000)
        self.ledger.advance(self.now)
        assert self.ledger.open == {}
        assert self.ledger.spent <= self.meter.spent <= self.ledger.spent + self.ledger.lost


TestKeepaAndLedger = KeepaAndLedger.TestCase
TestKeepaAndLedger.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
