"""Backups of the SQLite database: taken while it is in use, checked before they are trusted, and put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from keepa_deals.errors import KeepaDealsError, StoreError
from keepa_deals.processes import roster
from keepa_deals.processes.paths import roster_file
from keepa_deals.settings import Settings
from keepa_deals.store.engine import sqlite_file

SPARE_BYTES = 64 * 2**20
DEMO_BYTES = 200 * 2**20
"""What the simulator keeps of its world, with room to build it."""


class BackupFailed(KeepaDealsError):
    """No trustworthy copy of the database could be made, so nothing was changed."""


def check_space(settings: Settings) -> None:
    """Raise BackupFailed if a backup, or what a first start writes, would not fit."""
    source = sqlite_file(settings.database_address())
    is_first = source is None or not source.exists()
    needed = SPARE_BYTES + (0 if source is None or is_first else _size(source))
    if settings.is_demo and not settings.simulator_dir.exists():
        needed += DEMO_BYTES
    free = shutil.disk_usage(settings.var_dir).free
    if free < needed:
        raise BackupFailed(
            f"{settings.var_dir} has {free // 2**20} MB free, but this needs {needed // 2**20} MB; "
            "free some space, or name another VAR_DIR, and run this again."
        )


def newest(settings: Settings) -> Path | None:
    """The newest finished backup; its name holds its time."""
    return max(settings.backup_dir.glob("deals-*.db"), default=None)


def back_up(settings: Settings) -> Path | None:
    """A checked copy of the database in VAR_DIR/backups, and the oldest beyond BACKUP_KEEP removed.

    None where there is nothing to copy yet, or where the database is not a SQLite file. Raises BackupFailed.
    """
    source = sqlite_file(settings.database_address())
    if source is None or not source.exists():
        return None
    target = _new_name(settings.backup_dir, "deals")
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=60)) as database,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            database.backup(copy, pages=2000)
            complaint = _complaint(copy)
    except sqlite3.Error as error:
        unfinished.unlink(missing_ok=True)
        raise BackupFailed(f"The database {source} could not be copied to {settings.backup_dir}: {error}.") from error
    if complaint is not None:
        unfinished.unlink(missing_ok=True)
        raise BackupFailed(
            f"The database {source} is damaged ({complaint}); nothing was changed. Put the newest good backup back: "
            f"./kill_everything_force.sh, then {restore_command(settings, 'FILE')}, with one of {settings.backup_dir}."
        )
    unfinished.chmod(0o600)
    unfinished.replace(target)
    for old in sorted(settings.backup_dir.glob("deals-*.db"))[: -settings.backup_keep]:
        old.unlink()
    return target


def restore(settings: Settings, file: Path, *, say: Callable[[str], None]) -> None:
    """Put the backup `file` in the database's place; what was there is kept beside the backups.

    Raises StoreError if anything of ours still runs, or `file` is not a sound database.
    """
    target = sqlite_file(settings.database_address())
    if target is None:
        raise StoreError("DATABASE_URL is not a SQLite file; restore it with the tools of its own server.")
    if roster.living(roster.read_roster(roster_file(settings))):
        raise StoreError(
            f"The service is running; stop it first with {settings.root / 'venv' / 'bin' / 'python'} "
            "-m keepa_deals.processes stop."
        )
    _check(file)
    incoming = target.with_suffix(".incoming")
    shutil.copyfile(file, incoming)
    incoming.chmod(0o600)
    if target.exists():
        aside = _new_name(settings.backup_dir, "replaced")
        _copy_whole(target, aside)
        say(f"What was there is kept as {aside}.")
    # First the log: what it holds is in the copy aside, and it must never be read into another database.
    for suffix in ("-wal", "-shm"):
        Path(f"{target}{suffix}").unlink(missing_ok=True)
    incoming.replace(target)
    say(f"Restored {file}. Start with ./deploy_update.sh, which also brings it to this version.")


def restore_command(settings: Settings, file: Path | str) -> str:
    return f"{settings.root / 'venv' / 'bin' / 'python'} -m keepa_deals.processes restore {file}"


def _check(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            complaint = _complaint(database)
            has_deals = database.execute("select 1 from sqlite_master where name = 'deals'").fetchone() is not None
    except sqlite3.Error as error:
        raise StoreError(f"{file} can't be read as a database ({error}); nothing was changed.") from error
    if complaint is not None or not has_deals:
        raise StoreError(f"{file} is not a sound backup ({complaint or 'it has no deals table'}); nothing was changed.")


def _copy_whole(source: Path, target: Path) -> None:
    """The database with what its write-ahead log holds; byte by byte if it can't be read as a database."""
    try:
        with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as copy:
            database.backup(copy)
    except sqlite3.Error:
        shutil.copyfile(source, target)


def _complaint(database: sqlite3.Connection) -> str | None:
    answer = str(database.execute("pragma integrity_check(1)").fetchone()[0])
    return None if answer == "ok" else answer


def _size(source: Path) -> int:
    log = Path(f"{source}-wal")
    return os.stat(source).st_size + (log.stat().st_size if log.exists() else 0)  # noqa: PTH116


def _new_name(folder: Path, stem: str) -> Path:
    """A name that no earlier backup has, and that sorts as they were made."""
    return folder / f"{stem}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}Z.db"
