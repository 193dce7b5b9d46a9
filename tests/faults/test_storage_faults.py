"""A disk that is full, a folder that can't be written, a database that is locked, gone, or another one.

The installation lives on a small file system of its own where this test run may mount one, which root may; what
needs it is skipped elsewhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keepa_deals.settings import Settings
from keepa_deals.store.columns import instant_text
from tests.faults.conftest import NOTICED_SECONDS, Trial
from tests.faults.installation import START_SECONDS, Installation, poll

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]


@contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 400 MB on `folder`; False where mounting is not permitted."""
    mounted = (
        os.geteuid() == 0
        and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
        == 0
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def read_only(settings: Settings) -> Iterator[None]:
    """VAR_DIR as after a fault of its disk; where nothing can be mounted, as after a careless chmod."""
    if os.geteuid() == 0:
        with mounted_read_only(settings.var_dir):
            yield
        return
    folders = (settings.var_dir, settings.run_dir, settings.log_dir)
    for folder in folders:
        folder.chmod(0o500)
    yield
    for folder in folders:
        folder.chmod(0o700)


@contextmanager
def mounted_read_only(folder: Path) -> Iterator[None]:
    """`folder` over itself, read-only. Made so elsewhere first: what somebody has open for writing can't be."""
    aside = folder.with_name(f"{folder.name}-aside")
    aside.mkdir()
    steps = [("--bind", folder, aside), ("-o", "remount,bind,ro", aside), ("--bind", aside, folder)]
    for step in steps:
        subprocess.run(["mount", *map(str, step)], check=True)
    try:
        assert not os.access(folder, os.W_OK)
        yield
    finally:
        for mounted in (folder, aside):
            subprocess.run(["umount", "-l", str(mounted)], check=True)
        aside.rmdir()


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    """An installation on a small disk of its own where one can be had."""
    folder = Path(tempfile.mkdtemp(prefix="kd-storage-"))
    folder.chmod(0o755)
    try:
        with small_disk(folder) as is_small:
            made = Installation.prepare(folder)
            made.on_small_disk = is_small
            try:
                made.start()
                poll(lambda: made.verdict().is_fine, within=START_SECONDS, what=lambda: f"fine, but {made.verdict()}")
                yield made
            finally:
                made.end()
    finally:
        shutil.rmtree(folder)


def test_a_database_that_somebody_locks_for_5_seconds_is_waited_for(trial: Trial) -> None:
    installation = trial.installation
    installation.hurry()
    trial.begin()
    with installation.database(mode="rw") as connection:
        connection.execute("begin immediate")
        poll(lambda: time.monotonic() > trial.began + 5, within=10, what="5 seconds")
        connection.execute("rollback")
    trial.over()
    trial.recovered()
    assert "database is locked" not in installation.logs()


def test_a_writer_killed_inside_its_transaction_leaves_nothing_of_it(trial: Trial) -> None:
    installation = trial.installation
    writing = (
        "import sqlite3, sys\n"
        f"connection = sqlite3.connect({str(installation.checkout.settings.database_file)!r}, isolation_level=None)\n"
        "connection.execute('begin immediate')\n"
        "connection.execute('delete from deals')\n"
        "print('inside', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", writing],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "inside\n"
        writer.kill()
        trial.over()
    trial.recovered()


def test_a_full_disk_is_said_and_nothing_saved_is_lost(trial: Trial) -> None:
    installation = trial.installation
    if not installation.on_small_disk:
        pytest.skip("a small file system can be mounted by root only")
    filler = installation.checkout.settings.var_dir / "filler"
    installation.hurry()
    trial.begin()
    fill(filler)
    trial.noticed("disk_full", "no answer", within=NOTICED_SECONDS)
    poll(lambda: time.monotonic() > trial.began + 30, within=40, what="30 seconds of a full disk")
    filler.unlink()
    trial.over()
    trial.recovered()


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as handle:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    handle.write(b"\0" * size)
            except OSError:
                continue


def test_a_folder_that_can_no_longer_be_written_is_said(trial: Trial) -> None:
    installation = trial.installation
    if os.geteuid() == 0 and not installation.on_small_disk:
        pytest.skip("root may write into every folder, and nothing can be mounted here")
    with read_only(installation.checkout.settings):
        trial.noticed("folder_read_only", within=NOTICED_SECONDS)
    trial.over()
    trial.recovered()


def delete(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    """Put a copy in its place, as a careless restore does."""
    copy = file.with_suffix(".copy")
    shutil.copyfile(file, copy)
    copy.replace(file)


@pytest.mark.parametrize("happening", [delete, replace])
def test_a_database_file_that_is_not_the_same_any_more_is_written_no_more_and_restored_by_the_stated_command(
    trial: Trial, happening: Callable[[Path], None]
) -> None:
    installation = trial.installation
    file = installation.checkout.settings.database_file
    backup_at = datetime.now(UTC)
    backup = back_up(installation)
    trial.before = installation.holdings_of(backup)
    happening(file)
    trial.began = time.monotonic()
    assert not trial.noticed("database_replaced", within=30).is_fine
    if file.exists():
        noticed_at = instant_text(datetime.now(UTC))
        until = time.monotonic() + 30
        poll(lambda: time.monotonic() > until, within=60, what="30 seconds")
        assert installation.rows(f"select * from pulses where received_at > '{noticed_at}'") == []
    killed = installation.run("./kill_everything_force.sh")
    assert killed.returncode == 0, killed.stderr
    restored = installation.run("venv/bin/python", "-m", "keepa_deals.processes", "restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    trial.over()
    installation.start()
    installation.blind.append((backup_at, trial.ended_at))
    trial.recovered()


def back_up(installation: Installation) -> Path:
    """A backup by the product's own means."""
    program = (
        "import os; from pathlib import Path; from keepa_deals.settings import load_settings\n"
        "from keepa_deals.processes.backup import back_up\n"
        "print(back_up(load_settings(Path.cwd(), os.environ)))"
    )
    answer = installation.run("venv/bin/python", "-c", program)
    assert answer.returncode == 0, answer.stderr
    return Path(answer.stdout.strip())
