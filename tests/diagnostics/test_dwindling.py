"""Is the number falling, and whose doing is it? Pure, by tables."""

from __future__ import annotations

from datetime import date

import pytest

from keepa_deals.diagnostics.dwindling import Day, conclusion, merged, report_on
from keepa_deals.health import Verdict, VerdictState
from keepa_deals.health_catalogue import finding
from keepa_deals.health_facts import DealsFact
from keepa_deals.store.history import Loss
from tests.conftest import NOON

MONDAY, TUESDAY = date(2026, 5, 4), date(2026, 5, 5)
HELD = DealsFact(live=40, unverified=2, gone=9)


def verdict(state: VerdictState = VerdictState.WORKING) -> Verdict:
    found = (finding("stopped", "nothing lives"),) if state is VerdictState.STOPPED else ()
    return Verdict(state, NOON if state is VerdictState.WAITING else None, found, NOON)


GROWING = [Day(MONDAY, seen=90, looked=9, new=5, gone=2)]
FALLING = [Day(MONDAY, seen=90, looked=9, new=5, gone=2), Day(TUESDAY, seen=80, looked=8, new=1, gone=9)]
DROUGHT = [Day(MONDAY, seen=90, looked=9, new=0, gone=3)]
SOLD = Loss(MONDAY, "deal", "no used offer any more", 9, ("B000000001",))
JUNK = Loss(MONDAY, "candidate", "no sign of a sale in 90 days", 80, ("B000000002",))


@pytest.mark.parametrize(
    ("days", "holding", "state", "answer", "falling"),
    [
        (GROWING, HELD, VerdictState.WORKING, "is not falling (+3 today)", False),
        (FALLING, HELD, VerdictState.WORKING, "is falling (-5 over 2 days), and the cause is the market", True),
        (FALLING, HELD, VerdictState.STUCK, "the cause is us: the service is stuck", True),
        (FALLING, HELD, VerdictState.STARVED, "the cause is the budget", True),
        (DROUGHT, HELD, VerdictState.WORKING, "the cause is the filters: products are seen but none", True),
        (DROUGHT, HELD, VerdictState.BLIND, "the cause is us: the service is blind", True),
        (
            GROWING,
            DealsFact(3, 50, 0),
            VerdictState.WORKING,
            "go past their promise, and the cause is the budget",
            True,
        ),
        (GROWING, DealsFact(3, 50, 0), VerdictState.STOPPED, "the cause is us: the service is stopped", True),
        ([], DealsFact(0, 0, 0), VerdictState.WORKING, "There are no deals yet", False),
        ([], DealsFact(0, 0, 0), VerdictState.STOPPED, "the cause is us: the service is stopped", True),
    ],
)
def test_the_answer_names_the_cause(
    days: list[Day], holding: DealsFact, state: VerdictState, answer: str, falling: bool
) -> None:
    said, is_falling = conclusion(days, [SOLD, JUNK], holding, verdict(state))
    assert answer in said
    assert is_falling is falling


def test_the_cause_comes_with_the_commonest_reason() -> None:
    assert "(most often: no used offer any more)" in conclusion(FALLING, [SOLD, JUNK], HELD, verdict())[0]
    assert "(most often: no sign of a sale in 90 days)" in conclusion(DROUGHT, [SOLD, JUNK], HELD, verdict())[0]


def test_reasons_that_differ_only_in_numbers_are_one() -> None:
    lost = [
        Loss(MONDAY, "candidate", "a used price of 120 cents is a slip", 2, ("B000000001",)),
        Loss(MONDAY, "candidate", "a used price of 95 cents is a slip", 3, ("B000000002",)),
        Loss(TUESDAY, "candidate", "a used price of 95 cents is a slip", 1, ("B000000003",)),
    ]
    assert merged(lost) == [
        lost[2],
        Loss(MONDAY, "candidate", "a used price of 95 to 120 cents is a slip", 5, ("B000000001", "B000000002")),
    ]


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("about 1,203.50 short", "about 3.12 short", "about 3.12 to 1,203.50 short"),
        ("B000000001 is one of a pack of 2", "0306406152 is one of a pack of 2", "… is one of a pack of 2"),
        ("no sale in 90 days", "no sale in 90 days", "no sale in 90 days"),
    ],
)
def test_of_amounts_the_range_stays_and_of_products_none(first: str, second: str, both: str) -> None:
    lost = [Loss(MONDAY, "deal", reason, 1, ()) for reason in (first, second)]
    assert [loss.reason for loss in merged(lost)] == [both]


def test_each_day_shows_its_losses_with_samples_and_the_last_line_is_the_answer() -> None:
    report = report_on(FALLING, [SOLD, JUNK], HELD, verdict(), log=[])
    text = "\n".join(report.lines)
    assert "80 candidates lost: no sign of a sale in 90 days; such as B000000002" in text
    assert report.lines[-1].startswith("The number of deals is falling (-5 over 2 days)")
    assert (report.code, report.facts["falling"]) == (1, True)
