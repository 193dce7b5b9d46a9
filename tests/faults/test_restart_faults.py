"""Everything at once: supervisor and tree killed, an ordinary stop, a program that can't stay up."""

from __future__ import annotations

import random
import signal
import subprocess
import time

import pytest

from keepa_deals.processes import roster
from tests.faults.conftest import Trial
from tests.faults.installation import Installation, poll

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]

NO_ANSWER = "no answer"
DIES_AFTER_THREE_SECONDS = """

import os, threading, time

_born = int(open("/proc/self/stat").read().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
_left = 3 - (time.clock_gettime(time.CLOCK_BOOTTIME) - _born)
threading.Timer(max(0.0, _left), os._exit, [1]).start()
"""
"""for the end of a module: counted from the start of the process, however long a busy machine takes to get there"""


def one_set(installation: Installation) -> bool:
    """Every living process of ours descends from the one supervisor, and each program lives once."""
    counts = [len(installation.checkout.entries(name)) for name in (*installation.program_names(), roster.SUPERVISOR)]
    return set(counts) == {1} and set(installation.everything()) == set(installation.members(roster.SUPERVISOR))


def test_after_the_death_of_the_supervisor_everything_starts_again_by_itself(trial: Trial) -> None:
    installation = trial.installation
    supervisor = installation.process(roster.SUPERVISOR)
    trial.over()
    installation.send([supervisor], signal.SIGKILL)
    trial.noticed("process_dead", "stopped", NO_ANSWER, within=60)
    trial.recovered()
    assert installation.process(roster.SUPERVISOR) != supervisor
    poll(lambda: one_set(installation), within=60, what="one set of processes, with the one that started it gone")


def test_after_the_death_of_the_supervisor_a_start_makes_one_set(trial: Trial) -> None:
    installation = trial.installation
    trial.over()
    installation.send([installation.process(roster.SUPERVISOR)], signal.SIGKILL)
    trial.noticed("process_dead", "stopped", NO_ANSWER, within=60)
    installation.start()
    trial.recovered()
    assert one_set(installation)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_the_death_of_everything_at_a_random_moment_a_start_goes_on(trial: Trial, seed: int) -> None:
    installation = trial.installation
    moment = random.Random(seed).uniform(0, 16)
    installation.hurry()
    hurried = time.monotonic()
    poll(lambda: time.monotonic() > hurried + moment, within=30, what=f"{moment:.1f} seconds")
    trial.begin()
    everything = installation.everything()
    assert len(everything) >= len(installation.program_names())
    installation.send(everything, signal.SIGKILL)
    trial.over()
    trial.noticed(NO_ANSWER, within=10)
    installation.start()
    trial.recovered()
    assert one_set(installation)


def test_a_stop_leaves_nothing_of_ours_and_spares_a_namesake(trial: Trial) -> None:
    installation = trial.installation
    with subprocess.Popen(["celery -A celery_config worker", "600"], executable="/bin/sleep") as decoy:
        try:
            stopped = installation.run("venv/bin/python", "-m", "keepa_deals.processes", "stop")
            assert stopped.returncode == 0, stopped.stderr
            assert installation.everything() == []
            trial.noticed(NO_ANSWER, within=10)
            assert decoy.poll() is None
        finally:
            decoy.kill()
    trial.over()
    installation.start()
    trial.recovered()


def test_a_program_that_always_dies_after_three_seconds_is_never_called_fine(trial: Trial) -> None:
    installation = trial.installation
    beat = installation.checkout.root / "keepa_deals" / "beat.py"
    whole = beat.read_text()
    beat.write_text(whole + DIES_AFTER_THREE_SECONDS)
    trial.begin()
    installation.send([installation.process("beat")], signal.SIGKILL)
    trial.noticed("scheduler_dead", "just_restarted", within=30)
    trial.stays_noticed(seconds=80)
    poll(lambda: "restarting_often" in installation.verdict().findings, within=240, what="restarting_often")
    beat.write_text(whole)
    trial.over()
    trial.recovered(within=600)
    poll(lambda: "restarted_often" in installation.verdict().findings, within=30, what="the memory of the crashes")
