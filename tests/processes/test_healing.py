"""When the watchdog ends a program: from the age of its signs of life, and ever more slowly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.processes.healing import Ages, Heal, History, Sign, choose_heals, rearm_delay


def sign(age: float, *, program: str = "beat", what: str = "tick", limit: float = 35) -> Sign:
    return Sign(program, what, age_seconds=age, limit_seconds=limit)


@pytest.mark.parametrize(
    ("signs", "healed"),
    [
        ([], []),
        ([sign(35)], []),
        ([sign(35.1)], ["beat"]),
        ([sign(3), sign(50, what="send", limit=45)], ["beat"]),
        ([sign(50), sign(100, program="web", what="answer")], ["beat", "web"]),
        ([sign(50), sign(60)], ["beat"]),
    ],
)
def test_only_what_is_past_its_limit_is_healed_and_once(signs: list[Sign], healed: list[str]) -> None:
    assert [heal.program for heal in choose_heals(signs, history=History(), now=0)] == healed


def test_the_reason_names_the_most_overdue_sign() -> None:
    signs = [sign(50), sign(120, what="send", limit=45)]
    assert choose_heals(signs, history=History(), now=0) == [Heal("beat", "no send for 120 s (limit 45 s)")]


def test_three_heals_come_at_once_and_then_one_every_five_minutes_for_ever() -> None:
    history, healed_at = History(), []
    for now in range(0, 3600, 10):
        if choose_heals([sign(99)], history=history, now=now):
            history.note("beat", now=now)
            healed_at.append(now)
    assert healed_at[:5] == [0, 10, 20, 320, 620]
    assert len(healed_at) >= 12
    assert healed_at[-1] >= 3300


def test_one_program_that_keeps_failing_does_not_slow_the_healing_of_another() -> None:
    history = History()
    for now in (0, 1, 2):
        history.note("beat", now=now)
    signs = [sign(99), sign(99, program="web")]
    assert [heal.program for heal in choose_heals(signs, history=history, now=10)] == ["web"]


def test_a_sign_is_as_old_as_its_last_change() -> None:
    ages = Ages()
    assert ages.age("beat", "tick", "12:00", now=100) == 0
    assert ages.age("beat", "tick", "12:00", now=130) == 30
    assert ages.age("beat", "tick", "11:00", now=140) == 0, "a clock that was set back is a change too"
    assert ages.age("beat", "tick", "11:00", now=150) == 10


def test_after_a_sleep_of_the_machine_every_sign_is_new_again() -> None:
    ages = Ages()
    ages.age("beat", "tick", "12:00", now=0)
    ages.renew_all()
    assert ages.age("beat", "tick", "12:00", now=5000) == 0


def test_renewing_one_program_leaves_the_others_as_old_as_they_are() -> None:
    ages = Ages()
    ages.age("beat", "tick", 1, now=0)
    ages.age("web", "answer", 1, now=0)
    ages.renew("beat")
    assert (ages.age("beat", "tick", 1, now=50), ages.age("web", "answer", 1, now=50)) == (0, 50)


@given(st.lists(st.floats(0, 60), max_size=200))
def test_never_more_than_three_heals_in_any_five_minutes(gaps: list[float]) -> None:
    history, now, healed = History(), 0.0, []
    for gap in gaps:
        now += gap
        if history.may_heal("beat", now=now):
            history.note("beat", now=now)
            healed.append(now)
    assert all(later - earlier >= 299 for earlier, later in zip(healed, healed[3:], strict=False))


@given(st.integers(0, 10_000))
def test_what_supervisord_gave_up_is_always_started_again_within_five_minutes(times: int) -> None:
    assert 10 <= rearm_delay(times) <= 300
