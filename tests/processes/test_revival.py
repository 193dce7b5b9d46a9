"""What the watchdog leaves behind when its supervisord is killed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from keepa_deals.errors import AlreadyRunning, BadSettings
from keepa_deals.processes.revival import revive


class Starts:
    """A start with a prepared outcome each time; None succeeds."""

    def __init__(self, *outcomes: Exception | None) -> None:
        self.outcomes = list(outcomes)

    def __call__(self) -> None:
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome


def pauses_of(start: Callable[[], None]) -> tuple[list[float], list[str]]:
    slept: list[float] = []
    told: list[str] = []
    revive(start, tell=told.append, sleep=slept.append)
    return slept, told


def test_it_tries_ever_more_slowly_until_everything_is_started() -> None:
    failures = [BadSettings("VAR_DIR can't be written."), *(OSError(28, "No space left on device") for _ in range(6))]
    slept, told = pauses_of(Starts(*failures, None))
    assert slept == [15, 30, 60, 120, 240, 300, 300]
    assert "VAR_DIR can't be written" in told[0]
    assert told[-1] == "revival: everything was started again"


def test_it_leaves_to_others_what_they_are_at() -> None:
    starts = Starts(BadSettings("no"), AlreadyRunning("Another start is at work."), None)
    slept, _ = pauses_of(starts)
    assert (slept, starts.outcomes) == ([15], [None])


@pytest.mark.parametrize("unforeseen", [KeyError("x"), RuntimeError("y")])
def test_a_fault_of_ours_is_not_hidden(unforeseen: Exception) -> None:
    with pytest.raises(type(unforeseen)):
        pauses_of(Starts(unforeseen))
