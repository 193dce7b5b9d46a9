"""Which file the database is. A deleted file lives on, unseen, in whoever has it open: what is written there is lost.

So each write transaction asks whether the name still leads to the file that was opened, and each start of the
installation writes down which one that was, for processes that open it later and for health.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from keepa_deals.errors import DatabaseReplaced
from keepa_deals.installation import write_atomically


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What tells one file from another of the same name (stat(2))."""

    device: int
    inode: int


def identity_of(file: Path) -> FileIdentity | None:
    """The file that this name leads to now; None if it leads nowhere."""
    try:
        found = file.stat()
    except OSError:
        return None
    return FileIdentity(found.st_dev, found.st_ino)


def demand_same(file: Path, known: FileIdentity | None) -> None:
    """Raise DatabaseReplaced unless `file` is still the one that was `known`; nobody knowing any is no complaint."""
    now = identity_of(file)
    if known is None or now == known:
        return
    happened = "was deleted" if now is None else "was replaced by another file"
    raise DatabaseReplaced(
        f"The database file {file} {happened} while the service was running, so nothing more is written; "
        "stop the service and put the newest backup back."
    )


def record(file: Path, *, run_dir: Path) -> None:
    """Write down that the installation that starts now works with this file."""
    found = identity_of(file)
    if found is not None:
        write_atomically(_mark(run_dir), json.dumps({"device": found.device, "inode": found.inode}) + "\n")


def recorded(run_dir: Path) -> FileIdentity | None:
    """The file that the installation was started with; None where nobody wrote that down."""
    try:
        fields = json.loads(_mark(run_dir).read_text(encoding="utf-8"))
        return FileIdentity(int(fields["device"]), int(fields["inode"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mark(run_dir: Path) -> Path:
    return run_dir / "database.json"
