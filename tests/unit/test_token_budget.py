"""The token rule by tables and in random worlds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from token_lab import MINUTE, Lab, Mishaps

from keepa_deals.token_budget import (
    Charge,
    LivePlan,
    Position,
    first_instant,
    hindrance,
    live_interval,
    live_pages,
    most_affordable,
    ordinary_call_limit,
    plans_are_modest,
    plans_leave_tokens,
)

DUE_IN_10 = (LivePlan(due=10 * MINUTE, every=20 * MINUTE, cost=5),)


def at_5_a_minute(balance: int, **details: Any) -> Position:
    """Next tick counts in 30 s, live update of one page due in 10 minutes: ten ticks until then."""
    start = Position(at=0, balance=balance, next_tick=30_000, rate=5, timeout=120_000, plans=DUE_IN_10)
    return replace(start, **details)


@pytest.mark.parametrize(("rate", "minutes"), [(1, 20), (5, 20), (7, 14), (13, 7), (20, 5), (25, 4), (60, 1), (300, 1)])
def test_the_live_update_comes_each_100_tokens_of_refill(rate: int, minutes: int) -> None:
    assert live_interval(rate) == timedelta(minutes=minutes)


@pytest.mark.parametrize("rate", [5, 7, 13, 20, 25, 60, 100, 300, 1200])
def test_the_proposed_live_updates_take_at_most_a_tenth_of_the_refill(rate: int) -> None:
    per_minute = 5 * live_pages(rate) / (live_interval(rate) / timedelta(minutes=1))
    assert per_minute <= rate / 5
    assert rate < 100 or live_pages(rate) == 4


@pytest.mark.parametrize(("rate", "limit"), [(1, 12), (5, 12), (7, 14), (20, 40), (60, 55), (300, 280), (1200, 1180)])
def test_an_ordinary_call_stays_under_two_minutes_refill_and_one_window(rate: int, limit: int) -> None:
    assert ordinary_call_limit(rate) == limit


@pytest.mark.parametrize(
    ("balance", "cost", "live", "why"),
    [
        (0, 5, True, "the balance is used up"),
        (1, 5, True, None),
        (0, 1, False, "the balance is used up"),
        (1, 46, False, None),  # 1 - 46 + 10 ticks of 5 = 5, the live update's cost
        (1, 47, False, "the next live update needs the tokens"),
        (-3, 1, False, "the balance is used up"),
    ],
)
def test_a_call_goes_when_its_tokens_return_before_the_live_update(
    balance: int, cost: int, live: bool, why: str | None
) -> None:
    assert hindrance(at_5_a_minute(balance), cost=cost, live=live) == why


def test_ticks_lost_at_a_full_bucket_while_a_call_is_in_the_air_do_not_count() -> None:
    full = at_5_a_minute(300)
    assert hindrance(full, cost=300 + 50 - 5 - 10, live=False) is None
    assert hindrance(full, cost=300 + 50 - 5 - 9, live=False) == "the next live update needs the tokens"


def test_what_is_ahead_in_line_counts_as_taken() -> None:
    waiting = at_5_a_minute(4, ahead=(Charge(12, 600_000),))
    assert hindrance(waiting, cost=1, live=False) == "others are before it in line"
    assert hindrance(waiting, cost=5, live=True) is None


def test_a_call_that_overdraws_waits_for_a_smaller_one_in_the_air() -> None:
    in_the_air = at_5_a_minute(6, open=(Charge(2, 90_000),))
    assert hindrance(in_the_air, cost=5, live=False) is None
    assert hindrance(in_the_air, cost=6, live=False) == "a call in the air could be refused"
    assert first_instant(in_the_air, cost=6, live=False) == 30_000


def test_without_a_plan_a_page_is_kept_for_a_live_update_at_any_moment() -> None:
    bare = at_5_a_minute(10, plans=())
    assert hindrance(bare, cost=5, live=False) is None
    assert hindrance(bare, cost=6, live=False) == "the next live update needs the tokens"


@pytest.mark.parametrize(
    ("balance", "cost", "live", "instant"),
    [
        (0, 5, True, 30_000),
        (-9, 5, True, 30_000 + MINUTE),
        (0, 12, False, 30_000),
        # 1 - 60 + 50 < 5, so not before the next live update, which begins and lands within a tick each
        (1, 60, False, 12 * MINUTE),
    ],
)
def test_the_wait_ends_at_a_known_tick(balance: int, cost: int, live: bool, instant: int) -> None:
    assert first_instant(at_5_a_minute(balance), cost=cost, live=live) == instant


@given(
    rate=st.sampled_from([5, 20, 60, 300]),
    plans=st.lists(
        st.tuples(st.integers(-30, 20), st.integers(1, 20), st.integers(1, 10), st.integers(0, 59_999)), max_size=3
    ),
    balance=st.integers(-100, 300),
)
@settings(max_examples=150, deadline=None)
def test_the_dearest_affordable_call_has_a_finite_wait_beside_any_live_plans(
    rate: int, plans: list[tuple[int, int, int, int]], balance: int
) -> None:
    planned = tuple(LivePlan(due * MINUTE + ms, every * MINUTE, 5 * pages) for due, every, pages, ms in plans)
    planned = tuple(plan for plan in planned if plan.expires > 0)
    position = Position(at=0, balance=balance, next_tick=30_000, rate=rate, timeout=120_000, plans=planned)
    assume(plans_are_modest(planned, rate=rate))
    instant = first_instant(position, cost=most_affordable(position), live=False)
    assert instant <= 200 * MINUTE


@pytest.mark.parametrize("cost", [1, 12, 47, 100, 200, 300, 345, 370])
@pytest.mark.parametrize("balance", [-300, 0, 3, 299, 300])
def test_whatever_is_affordable_has_a_finite_wait(cost: int, balance: int) -> None:
    position = at_5_a_minute(balance, open=(Charge(12, 60_000),), ahead=(Charge(60, 90_000),))
    assert cost <= most_affordable(position) == 300 - 5 - 15 + 5 * 18
    instant = first_instant(position, cost=cost, live=False)
    assert instant <= (300 + 72 + 300 + 20 + cost) * MINUTE / 4


def test_nothing_ordinary_is_affordable_when_live_updates_take_the_whole_refill() -> None:
    all_of_it = (LivePlan(due=MINUTE, every=MINUTE, cost=5),)
    assert not plans_leave_tokens(all_of_it, rate=5)
    assert plans_leave_tokens(all_of_it, rate=6)
    assert not plans_are_modest(all_of_it, rate=9)
    assert plans_are_modest(all_of_it, rate=10)
    assert most_affordable(at_5_a_minute(300, plans=all_of_it)) == 0
    assert most_affordable(at_5_a_minute(300, rate=0)) == 0


worlds = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "rate": st.sampled_from([5, 7, 13, 20, 25, 60]),
        "balance": st.integers(-60, 300),
        "workers": st.integers(1, 6),
        "lives": st.integers(1, 2),
        "ordinary": st.lists(
            st.sampled_from(
                [
                    ("candidate_full", 12, True),
                    ("verify_light", 2, False),
                    ("sweep", 5, False),
                    ("verify_light", 1, False),
                ]
            ),
            min_size=1,
            max_size=4,
        ).map(tuple),
        "mishaps": st.builds(
            Mishaps,
            net=st.sampled_from([(1, 50), (20, 400), (10, 4_000)]),
            send_delay=st.sampled_from([(0, 0), (0, 50), (0, 15_000)]),
            full=st.sampled_from([(2_000, 20_000), (100, 300)]),
            late=st.sampled_from([0.0, 0.2, 0.6]),
            lost=st.sampled_from([0.0, 0.0, 0.05, 0.3]),
            charge_at_end=st.sampled_from([None, True, False]),
            bills=st.sampled_from([None, None, 1.0]),
        ),
    }
)


@given(world=worlds)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_on_a_steady_plan_nothing_is_refused_no_live_update_is_late_and_every_wait_is_kept(
    world: dict[str, Any],
) -> None:
    every = max(2, 2 * 100 // world["rate"]) * MINUTE if world["lives"] == 2 else None
    lab = Lab(hours=1.5, every=every and min(every, 30 * MINUTE), **world).run()
    assert lab.meter.refused == lab.ledger.refused == 0
    assert max(lab.lateness[1:], default=0) <= MINUTE
    assert lab.broken_promises == []
    assert lab.ledger.drained == {}
    assert (
        lab.ledger.spent
        <= lab.meter.spent
        <= lab.ledger.spent + lab.ledger.lost + sum(held.most for held in lab.ledger.open.values())
    )


@pytest.mark.parametrize("rate", [5, 20, 25, 60, 1200])
def test_no_token_expires_while_something_is_wanted(rate: int) -> None:
    most = ordinary_call_limit(rate)
    wish = (("candidate_full", most // 12 * 12, True),) * 2
    lab = Lab(3, rate=rate, hours=2, workers=1, ordinary=wish).run()
    assert lab.meter.expired <= rate
    assert lab.meter.refused == 0
