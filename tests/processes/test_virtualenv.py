"""Building the virtual environment, above all what a killed build leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from keepa_deals.errors import AlreadyRunning
from keepa_deals.processes.virtualenv import building, is_whole

PATIENCE_SECONDS = 30
BUILD = """
import sys, time
from pathlib import Path
from keepa_deals.processes.speech import Progress
from keepa_deals.processes.virtualenv import building, install
root = Path(sys.argv[1])
with building(root) as lock:
    install(root / "venv-new", root / "requirements.txt", say=Progress(time.monotonic()), lock=lock)
"""


def test_a_killed_build_keeps_its_place_until_what_it_started_has_ended(tmp_path: Path) -> None:
    go_on = a_pip_that_waits(tmp_path)
    with subprocess.Popen([sys.executable, "-c", BUILD, str(tmp_path)], stdout=subprocess.DEVNULL) as build:
        # Opening the pipe succeeds once the installer waits at its other end.
        writer = os.open(go_on, os.O_WRONLY)
        build.kill()
    with pytest.raises(AlreadyRunning, match="wait until it has ended"), building(tmp_path):
        pass
    os.close(writer)
    assert is_free_in_time(tmp_path)


def a_pip_that_waits(root: Path) -> Path:
    """An environment in `root` whose pip waits until the pipe that is returned was opened and closed."""
    go_on = root / "go-on"
    os.mkfifo(go_on)
    (root / "requirements.txt").write_text("flask==3\n")
    (root / "venv-new/lib/python3/site-packages/pip").mkdir(parents=True)
    python = root / "venv-new/bin/python"
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\ncat '{go_on}'\n")
    python.chmod(0o700)
    return go_on


def is_free_in_time(root: Path) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            with building(root):
                return True
        except AlreadyRunning:
            os.sched_yield()
    return False


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (lambda module: None, True),
        (lambda module: module.unlink(), False),
        (lambda module: module.write_text(""), False),
        (lambda module: (module.unlink(), module.mkdir()), False),
    ],
    ids=["nothing", "deleted", "cut off", "another thing"],
)
def test_an_environment_is_whole_while_its_files_are_what_was_installed(
    tmp_path: Path, damage: Callable[[Path], object], left: bool
) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    (site / "one-1.dist-info").mkdir(parents=True)
    (site / "one-1.dist-info/RECORD").write_text('one.py,sha256=x,8\n"a, b.py",,\none-1.dist-info/RECORD,,\n')
    (site / "one.py").write_text("x = 1234")
    damage(site / "one.py")
    assert is_whole(tmp_path) is left
