"""The ways in which a plainer rule fails, each beside the rule that does not.

Where a fault can be put back by a few lines, it is: a test that the broken rule passes would prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from token_lab import MINUTE, START, Lab, Mishaps

from keepa_deals.token_budget import ordinary_call_limit
from keepa_deals.token_ledger import Answer, Denied, Granted, Ledger, Reservation

FULL = ("candidate_full", 12, True)
LIGHT = ("verify_light", 2, False)


def known_ledger(*, balance: int, rate: int = 5, refill_in: int = 30_000) -> Ledger:
    ledger = Ledger()
    ledger.request(START, id="token", installation="here", purpose="sweep", cost=1)
    settle(ledger, START, "token", balance=balance, rate=rate, refill_in=refill_in, bill=0)
    return ledger


def settle(ledger: Ledger, now: int, id: str, *, sent: int | None = None, **answer: Any) -> None:
    told = Answer(**{"rate": 5, "refill_in": 30_000, **answer})
    ledger.settle(now, id=id, sent=now if sent is None else sent, received=now, answer=told)


def ask(ledger: Ledger, now: int, id: str, cost: int, purpose: str = "candidate_full") -> Any:
    return ledger.request(now, id=id, installation="here", purpose=purpose, cost=cost)


def worst(*, hours: float = 2.5, **world: Any) -> tuple[int, int]:
    """Refusals and the greatest lateness (ms) over two seeds; the first live update may meet an empty bucket."""
    start = {"balance": 40, **world}
    labs = [Lab(seed, hours=hours, **start) for seed in range(2)]
    for lab in labs:
        lab.run()
    return sum(lab.meter.refused for lab in labs), max(max(lab.lateness[1:], default=0) for lab in labs)


class ReservesTheMean(Ledger):
    __slots__ = ()

    def request(self, now: int, *, cost: int, **asked: Any) -> Any:
        return super().request(now, cost=7 if cost == 12 else cost, **asked)


def test_01_the_most_a_call_can_bill_is_reserved_not_its_mean() -> None:
    world = {"ordinary": (FULL,), "workers": 4, "mishaps": Mishaps(bills=1, charge_at_end=False)}
    assert worst(**world) == (0, 0)
    refused, late = worst(**world, new_ledger=ReservesTheMean)
    assert refused + late > 0


def test_02_of_two_answers_of_one_instant_the_lower_balance_counts() -> None:
    ledger = known_ledger(balance=60)
    for id in ("a", "b"):
        assert isinstance(ask(ledger, START, id, 12), Granted)
    settle(ledger, START + 10, "b", sent=START, balance=36, bill=12)
    settle(ledger, START + 10, "a", sent=START, balance=48, bill=12)
    assert ledger.balance == 36


@dataclass(slots=True)
class BelievesTheLastAnswer(Ledger):
    def settle(self, now: int, *, id: str, sent: int, received: int, answer: Answer) -> None:
        Ledger.settle(self, now, id=id, sent=sent, received=received, answer=answer)
        self.balance, self.drained = answer.balance, {}


def test_03_answers_taken_out_of_order_neither_refuse_nor_delay() -> None:
    world = {"rate": 20, "workers": 6, "mishaps": Mishaps(late=0.2), "hours": 1.5}
    assert worst(**world) == (0, 0)
    assert worst(**world, new_ledger=BelievesTheLastAnswer)[0] > 0


def test_04_the_instant_of_refill_in_need_not_be_that_of_the_balance() -> None:
    world = {"rate": 20, "workers": 6, "hours": 1.5}
    assert worst(**world, mishaps=Mishaps(stamp_anywhere=True)) == (0, 0)


def test_04_a_tick_that_the_balance_may_hold_already_is_not_counted_again() -> None:
    ledger = known_ledger(balance=1, refill_in=5_000)
    ask(ledger, START, "a", 12, purpose="live")
    settle(ledger, START + 10_000, "a", sent=START, balance=-6, refill_in=5_000, bill=12)
    ledger.advance(START + 16_100)
    assert ledger.balance == -6


@dataclass(slots=True)
class GivesLapsedTokensBack(Ledger):
    def _lapse(self, id: str, held: Reservation) -> None:
        self._count_ticks(held.lapses)
        self.lapsed[id] = self.open.pop(id)


def test_05_a_lost_answer_counts_as_spent() -> None:
    world = {"ordinary": (FULL,), "workers": 3, "mishaps": Mishaps(lost=0.4)}
    assert worst(**world) == (0, 0)
    assert worst(**world, new_ledger=GivesLapsedTokensBack)[0] > 0


def test_05_a_call_sent_after_the_hard_timeout_of_a_lost_one_corrects_it() -> None:
    ledger = known_ledger(balance=200)
    ask(ledger, START, "lost", 12)
    later = START + 250_000
    ledger.advance(later)
    assert (ledger.balance, ledger.lost) == (200 + 20 - 12, 12)
    ask(ledger, later, "next", 2)
    settle(ledger, later + 100, "next", sent=later, balance=212, bill=2)
    assert ledger.balance == 212


def test_06_bills_above_the_documented_most_do_not_delay_the_live_update_by_more_than_a_tick() -> None:
    refused, late = worst(mishaps=Mishaps(bills=1.5))
    assert late <= MINUTE
    assert refused <= 12


@pytest.mark.parametrize("seed", range(3))
def test_07_a_smaller_plan_costs_a_bounded_delay(seed: int) -> None:
    lab = Lab(seed, rate=25, hours=6, ordinary=(("candidate_full", ordinary_call_limit(25) // 12 * 12, True), LIGHT))
    lab.at(START + 2 * 60 * MINUTE, lambda: setattr(lab.meter, "rate", 5))
    lab.at(START + 4 * 60 * MINUTE, lambda: setattr(lab.meter, "rate", 25))
    lab.run()
    assert max(lab.lateness[1:]) <= 2 * ordinary_call_limit(25) // 5 * MINUTE
    assert lab.meter.refused <= 2


@dataclass(slots=True)
class SeesNoDrain(Ledger):
    def settle(self, now: int, *, id: str, sent: int, received: int, answer: Answer) -> None:
        Ledger.settle(self, now, id=id, sent=sent, received=received, answer=answer)
        self.drained = {}


def test_08_two_hosts_need_one_ledger() -> None:
    world = {"rate": 20, "workers": 4, "lives": 2, "hours": 1.5}
    assert worst(**world) == (0, 0)
    refused, late = worst(**world, one_ledger=False, new_ledger=SeesNoDrain)
    assert refused + late > 0


def test_09_what_others_spend_on_the_key_is_seen_and_held_back() -> None:
    lab = Lab(1, hours=8, workers=3)
    for minute in range(5, 8 * 60, 10):
        lab.at(START + minute * MINUTE, lambda: setattr(lab.meter, "balance", lab.meter.balance - 10))
    lab.run()
    taken = 10 * 6 * 8
    assert 0.5 * taken <= sum(lab.ledger.drained.values()) <= 1.1 * taken
    assert lab.ledger.position().held_back >= 50
    assert lab.meter.refused <= 6 * 8 / 2


@dataclass(slots=True)
class HasNoLine(Ledger):
    def _book(self, key: str, cost: int, until: int) -> None:
        pass


def test_10_a_large_call_is_not_starved_by_small_ones() -> None:
    world: dict[str, Any] = {
        "hours": 3.5,
        "every": 10 * MINUTE,
        "pages": 2,
        "workers": 3,
        "balance": 200,
        "ordinary": (("sweep", 300, False), LIGHT, LIGHT),
        "own_wish": True,
    }
    lab = Lab(5, **world).run()
    assert lab.served["sweep"] >= 2
    assert lab.longest_wait["sweep"] <= 90 * MINUTE
    assert Lab(5, **world, new_ledger=HasNoLine).run().served.get("sweep", 0) == 0


def test_11_live_updates_may_not_plan_more_than_half_of_the_refill() -> None:
    ledger = known_ledger(balance=100)
    assert not ledger.plan(START, installation="here", due=START, every=MINUTE, cost=5)
    assert not ledger.plan(START, installation="here", due=START, every=10 * MINUTE, cost=50)
    assert ledger.plan(START, installation="here", due=START, every=10 * MINUTE, cost=25)
    assert not ledger.plan(START, installation="there", due=START, every=20 * MINUTE, cost=5)
    assert list(ledger.plans) == ["here"]


@pytest.mark.parametrize("seed", range(3))
def test_12_after_two_hours_without_keepa_the_live_update_goes_at_once(seed: int) -> None:
    back = 180 * MINUTE
    lab = Lab(seed, hours=6, away=(60 * MINUTE, back))
    started: list[int] = []
    lab.at(START + back, lambda: started.append(len(lab.lateness)))
    lab.run()
    first_after = lab.lateness[started[0]]
    assert first_after <= 125 * MINUTE
    assert max(lab.lateness[started[0] + 1 :]) == 0
    assert lab.meter.refused == 0


def test_13_a_tick_counts_only_when_it_is_surely_past() -> None:
    ledger = known_ledger(balance=10, refill_in=30_000)
    ledger.advance(START + 30_999)
    assert ledger.balance == 10
    ledger.advance(START + 31_000)
    assert ledger.balance == 15


def test_14_batches_that_grow_with_the_rate_leave_no_need_for_parallel_calls() -> None:
    def expired(most: int) -> float:
        lab = Lab(2, rate=300, hours=2, workers=1, ordinary=(("candidate_full", most, True),)).run()
        assert lab.meter.refused == 0
        return lab.meter.expired / (300 * 120)

    assert expired(12) > 0.5
    assert expired(ordinary_call_limit(300)) < 0.01


@dataclass(slots=True)
class TrustsTheOrderOfArrival(Ledger):
    """Asks only that the balance be positive, as if calls reached Keepa in the order of their permits."""

    def position(self, key: str = "", timeout: int = 120_000) -> Any:
        seen = Ledger.position(self, key, timeout)
        reserved = sum(charge.tokens for charge in seen.open)
        return replace(seen, balance=seen.balance - reserved, open=())


def test_15_calls_may_reach_keepa_in_another_order_than_they_were_granted() -> None:
    world = {"workers": 6, "mishaps": Mishaps(send_delay=(0, 5_000))}
    assert worst(**world) == (0, 0)
    assert worst(**world, new_ledger=TrustsTheOrderOfArrival)[0] > 0


def test_16_pages_still_owed_are_not_lent_to_a_dear_call() -> None:
    ledger = known_ledger(balance=11)
    ledger.plan(START, installation="here", due=START, every=20 * MINUTE, cost=10)
    ledger.begin(START, installation="here", cost=10)
    assert isinstance(ask(ledger, START, "page 1", 5, purpose="live"), Granted)
    assert isinstance(ask(ledger, START, "look", 12), Denied)
    assert isinstance(ask(ledger, START, "page 2", 5, purpose="live"), Granted)


def test_17_a_bill_taken_between_a_tick_and_its_count_makes_no_room_in_a_full_bucket() -> None:
    ledger = known_ledger(balance=300, refill_in=30_000)
    ask(ledger, START + 30_200, "a", 5, purpose="live")
    settle(ledger, START + 30_600, "a", sent=START + 30_200, balance=295, refill_in=59_500, bill=5)
    ledger.advance(START + 31_000)
    assert ledger.balance == 295
