"""Which change of the verdict is told, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from keepa_deals.alerts.news import Listener, message
from keepa_deals.health import Finding, Level, Verdict, VerdictState

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WORKING, WAITING, STUCK, BLIND = "working", "waiting_for_tokens", "stuck", "blind"


def a_verdict(state: str, *findings: Finding) -> Verdict:
    return Verdict(VerdictState(state), None, findings, AT)


def told(states: list[str], *, listener: Listener | None = None) -> list[tuple[int, str, str]]:
    """Hear one verdict a minute; the minutes in which one was news, with what it was and what it followed."""
    listener = listener or Listener()
    found = []
    for minute, state in enumerate(states):
        previous = listener.hear(a_verdict(state), at=60.0 * minute)
        if previous is not None:
            found.append((minute, state, previous.value))
    return found


@pytest.mark.parametrize(
    ("states", "news"),
    [
        ([WORKING] * 5, []),
        ([WORKING, WAITING, WAITING, WAITING, WORKING], []),
        ([WORKING, STUCK, STUCK, WORKING, STUCK, STUCK], []),
        ([WORKING, STUCK, STUCK, STUCK, STUCK], [(3, STUCK, WORKING)]),
        ([WORKING, STUCK, BLIND, STUCK, BLIND], [(3, STUCK, WORKING)]),
        ([STUCK] * 3 + [WORKING] * 4, [(2, STUCK, WORKING), (5, WORKING, STUCK)]),
        ([STUCK] * 3 + [WORKING, STUCK, WORKING, STUCK], [(2, STUCK, WORKING)]),
        ([STUCK] * 3 + [BLIND] * 3, [(2, STUCK, WORKING), (5, BLIND, STUCK)]),
        ([STUCK] * 3 + [WORKING, WAITING, WORKING], [(2, STUCK, WORKING), (5, WORKING, STUCK)]),
    ],
)
def test_a_verdict_is_news_once_it_has_held_for_two_minutes(
    states: list[str], news: list[tuple[int, str, str]]
) -> None:
    assert told(states) == news


def test_a_start_is_neither_trouble_nor_its_end() -> None:
    starting = a_verdict(STUCK, Finding("starting", Level.INFO, "just begun", None, "wait"))
    listener = Listener()
    assert [listener.hear(starting, at=60.0 * minute) for minute in range(9)] == [None] * 9
    dead = a_verdict(STUCK, *starting.findings, Finding("worker_dead", Level.ERROR, "gone", None, "read"))
    assert [listener.hear(dead, at=60.0 * minute) for minute in range(9, 12)] == [None, None, VerdictState.WORKING]


def test_the_message_says_whether_it_is_the_recovery() -> None:
    fault = message(
        a_verdict(STUCK, Finding("worker_dead", Level.ERROR, "seen", AT, "do")), previous=VerdictState.WORKING
    )
    assert (fault["verdict"], fault["previous"], fault["recovered"]) == ("stuck", "working", False)
    assert fault["findings"] == [
        {"id": "worker_dead", "level": "error", "seen": "seen", "since": "2026-05-04T12:00:00+00:00", "remedy": "do"}
    ]
    assert message(a_verdict(WORKING), previous=VerdictState.STUCK)["recovered"] is True
