"""What the watchdog leaves behind when its supervisord is killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from keepa_deals.errors import AlreadyRunning, BadSettings
from keepa_deals.processes import ending, surroundings
from keepa_deals.processes.revival import LOG, ending_handler, revive
from tests.processes.conftest import Checkout, wait_until

MakeCheckout = Callable[..., Checkout]

WATCHDOG = """
import os, time
from pathlib import Path
from keepa_deals.processes import place, revival, surroundings
settings = surroundings.full_settings(Path.cwd(), os.environ)
place.end_with_parent()
revival.leave_behind_on_orphaning(settings)
print(os.getpid(), flush=True)
time.sleep(60)
"""
SUPERVISOR = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WATCHDOG!r}])"


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


@contextmanager
def supervised(checkout: Checkout) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A parent like supervisord, and the pid of its child that behaves like the watchdog."""
    with checkout.popen(checkout.root / "venv" / "bin" / "python", "-c", SUPERVISOR) as parent:
        try:
            assert parent.stdout is not None
            yield parent, int(parent.stdout.readline())
        finally:
            parent.kill()


@pytest.fixture
def checkout(make_checkout: MakeCheckout) -> Checkout:
    made = make_checkout()
    surroundings.prepare_folders(made.settings)
    return made


def lives(pid: int) -> bool:
    return pid in ending.process_table()


@pytest.mark.processes
def test_the_death_of_the_parent_leaves_behind_what_starts_everything_and_a_kill_finds_it(checkout: Checkout) -> None:
    log = checkout.settings.log_dir / LOG
    with supervised(checkout) as (parent, child):
        parent.kill()
        wait_until(lambda: log.exists() and "not yet started" in log.read_text(), seconds=90)
        wait_until(lambda: not lives(child), seconds=60)
    [left] = checkout.living_processes()
    killed = checkout.run(checkout.root / "kill_everything_force.sh")
    assert killed.returncode == 0, killed.stderr
    assert not left.is_alive()


@pytest.mark.processes
def test_who_is_asked_to_end_by_a_living_parent_leaves_nothing(checkout: Checkout) -> None:
    with supervised(checkout) as (_, child):
        os.kill(child, signal.SIGTERM)
        wait_until(lambda: not lives(child), seconds=60)
    assert not (checkout.settings.log_dir / LOG).exists()
    assert checkout.living_processes() == []


def test_who_asks_an_orphan_a_second_time_means_it() -> None:
    left: list[str] = []

    def ask_again(_seconds: float) -> None:
        handler(signal.SIGTERM, None)

    handler = ending_handler(is_orphan=lambda: True, leave=lambda: left.append("a program"), sleep=ask_again)
    with pytest.raises(SystemExit):
        handler(signal.SIGTERM, None)
    assert left == []
