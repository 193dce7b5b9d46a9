"""The token meter against Keepa's rules: whole minutes, an hour's capacity, debts allowed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.simulator.meter import Meter, brought_to, charged, full_meter, may_run, on_plan, refill_in_ms

MINUTE = 60_000


def a_meter(*, balance: int, rate: int = 5) -> Meter:
    return Meter(rate=rate, balance=balance, phase_ms=10_000, tick=100)


@pytest.mark.parametrize(
    ("balance", "later_ms", "expected"),
    [
        (0, 0, 0),
        (0, 59_999, 0),
        (0, 60_000, 5),
        (0, 60_001, 5),
        (-12, 2 * MINUTE, -2),
        (298, MINUTE, 300),
        (300, 500 * MINUTE, 300),
        (7, -MINUTE, 7),
    ],
)
def test_a_balance_grows_by_whole_ticks_up_to_an_hour(balance: int, later_ms: int, expected: int) -> None:
    at_tick = 10_000 + 100 * MINUTE
    assert brought_to(a_meter(balance=balance), now_ms=at_tick + later_ms).balance == expected


@pytest.mark.parametrize(("balance", "allowed"), [(1, True), (0, False), (-1, False), (300, True)])
def test_a_call_runs_only_above_zero(balance: int, allowed: bool) -> None:
    assert may_run(a_meter(balance=balance)) is allowed


def test_a_call_may_take_the_balance_below_zero() -> None:
    assert charged(a_meter(balance=1), cost=12).balance == -11


def test_the_next_tick_is_told_in_milliseconds() -> None:
    meter = a_meter(balance=0)
    assert refill_in_ms(meter, now_ms=10_000 + 100 * MINUTE) == MINUTE
    assert refill_in_ms(meter, now_ms=10_000 + 100 * MINUTE + 1) == MINUTE - 1
    assert refill_in_ms(meter, now_ms=10_000 + 101 * MINUTE - 1) == 1


def test_a_smaller_plan_loses_what_it_cannot_hold() -> None:
    assert on_plan(a_meter(balance=1200, rate=20), rate=5).balance == 300
    assert on_plan(a_meter(balance=-4, rate=20), rate=5).balance == -4


@given(
    rate=st.integers(1, 1200),
    phase=st.integers(0, 59_999),
    moves=st.lists(st.tuples(st.integers(0, 5 * MINUTE), st.integers(0, 400)), max_size=40),
)
def test_tokens_are_neither_made_nor_lost(rate: int, phase: int, moves: list[tuple[int, int]]) -> None:
    """Against a plain count: add the rate at each tick, cut at capacity, take away what was charged."""
    now = 1_795_000_000_000
    meter = full_meter(rate=rate, phase_ms=phase, now_ms=now)
    expected = rate * 60
    for wait, cost in moves:
        ticks = (now + wait - phase) // MINUTE - (now - phase) // MINUTE
        for _ in range(ticks):
            expected = min(rate * 60, expected + rate)
        now += wait
        meter = brought_to(meter, now_ms=now)
        assert meter.balance == expected <= meter.capacity
        if may_run(meter):
            meter, expected = charged(meter, cost=cost), expected - cost
