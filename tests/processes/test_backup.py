"""Backups: whole while in use, checked, limited in number, and put back without losing what was there."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from keepa_deals.errors import StoreError
from keepa_deals.identity import ProcessIdentity
from keepa_deals.processes import backup, paths, roster, surroundings
from keepa_deals.processes.deploy import refuse_unusable_database
from keepa_deals.settings import Settings, settings_from

TITLES = "insert into deals values (?)"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_from({"BACKUP_KEEP": "3"}, root=tmp_path)
    surroundings.prepare_folders(settings)
    return settings


def fill(settings: Settings, *titles: str) -> None:
    with closing(sqlite3.connect(settings.database_file)) as database:
        database.execute("pragma journal_mode = wal")
        database.execute("create table if not exists deals (title text)")
        database.executemany(TITLES, [(title,) for title in titles])
        database.commit()


def titles(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("select title from deals order by rowid")]


def test_a_backup_holds_what_is_still_in_the_write_ahead_log_and_nothing_uncommitted(settings: Settings) -> None:
    fill(settings, "a")
    with closing(sqlite3.connect(settings.database_file)) as writer:
        writer.execute("insert into deals values ('b')")
        writer.commit()
        writer.execute("insert into deals values ('uncommitted')")
        copy = backup.back_up(settings)
    assert copy is not None
    assert titles(copy) == ["a", "b"]
    assert copy.stat().st_mode & 0o077 == 0


def test_only_the_newest_are_kept(settings: Settings) -> None:
    fill(settings, "a")
    copies = [backup.back_up(settings) for _ in range(5)]
    assert len(set(copies)) == 5
    assert sorted(settings.backup_dir.iterdir()) == sorted(copy for copy in copies[-3:] if copy is not None)


def test_a_first_deploy_has_nothing_to_back_up(settings: Settings) -> None:
    assert backup.back_up(settings) is None


def test_a_damaged_database_is_said_so_and_leaves_no_backup(settings: Settings) -> None:
    fill(settings, *("title" * 50 for _ in range(500)))
    with settings.database_file.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 2)
    with pytest.raises(backup.BackupFailed, match="processes restore FILE"):
        backup.back_up(settings)
    assert list(settings.backup_dir.iterdir()) == []


def test_a_restore_brings_the_backup_back_and_keeps_what_was_there(settings: Settings) -> None:
    fill(settings, "a")
    copy = backup.back_up(settings)
    assert copy is not None
    fill(settings, "b")
    backup.restore(settings, copy, say=lambda _: None)
    assert titles(settings.database_file) == ["a"]
    assert [titles(path) for path in settings.backup_dir.glob("replaced-*")] == [["a", "b"]]


def test_nothing_is_restored_under_a_running_service(
    settings: Settings, sleeper: Callable[..., ProcessIdentity]
) -> None:
    fill(settings, "a")
    copy = backup.back_up(settings)
    assert copy is not None
    roster.record(paths.roster_file(settings), "web", identity=sleeper(), parent=None)
    with pytest.raises(StoreError, match="is running"):
        backup.restore(settings, copy, say=lambda _: None)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to be read as one" * 100])
def test_what_is_not_a_backup_of_ours_is_refused_and_changes_nothing(settings: Settings, content: bytes) -> None:
    fill(settings, "a")
    file = settings.backup_dir / "given.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="nothing was changed"):
        backup.restore(settings, file, say=lambda _: None)
    assert titles(settings.database_file) == ["a"]


def test_a_writer_killed_in_the_middle_leaves_a_database_that_can_be_backed_up(settings: Settings) -> None:
    fill(settings, "a")
    script = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1], isolation_level=None); d.execute('begin immediate');"
        "d.execute(\"insert into deals values ('half')\"); print('in', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(settings.database_file)], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"in\n"
        writer.kill()
    copy = backup.back_up(settings)
    assert copy is not None
    assert titles(copy) == ["a"]


@pytest.mark.parametrize("left", ["missing", "empty"])
def test_a_lost_database_is_not_replaced_by_a_new_one_while_a_backup_holds_it(settings: Settings, left: str) -> None:
    fill(settings, "a")
    copy = backup.back_up(settings)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{settings.database_file}{suffix}").unlink(missing_ok=True)
    if left == "empty":
        settings.database_file.touch()
    with pytest.raises(StoreError, match="restore") as caught:
        refuse_unusable_database(settings)
    assert str(copy) in str(caught.value)


def test_without_a_backup_a_missing_database_is_a_first_start(settings: Settings) -> None:
    refuse_unusable_database(settings)
