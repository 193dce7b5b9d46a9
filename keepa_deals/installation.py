"""The installation: one VAR_DIR, one random id that prefixes everything it shares with others.

Imports nothing but the standard library, so that it also works before anything is installed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TAG_NAME = "KEEPA_DEALS_INSTALLATION"
PROGRAM_TAG_NAME = "KEEPA_DEALS_PROGRAM"
ID_PATTERN = re.compile(r"[0-9a-f]{12}")


def installation_id(var_dir: Path) -> str:
    """The 12 hex digits of the installation in `var_dir`, made at the first call and kept.

    A copied folder gets an id of its own (the copy still names the folder it came from, which still exists);
    a moved one keeps its id. Raises OSError where `var_dir` can't be written.
    """
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    home = var_dir.resolve()
    with locked(home / "installation.lock"):
        known = _read(home)
        if known is not None and known[1] == home:
            return known[0]
        was_moved = known is not None and not _lives_there(known[0], known[1])
        fresh = known[0] if known is not None and was_moved else secrets.token_hex(6)
        write_atomically(home / "installation", json.dumps({"id": fresh, "var_dir": str(home)}) + "\n")
        return fresh


def process_tag(installation: str) -> str:
    """The line in the environment of every process of the installation, and of no other."""
    return f"{TAG_NAME}={installation}"


def _read(home: Path) -> tuple[str, Path] | None:
    try:
        fields = json.loads((home / "installation").read_text(encoding="utf-8"))
        identifier, folder = str(fields["id"]), Path(fields["var_dir"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return (identifier, folder) if ID_PATTERN.fullmatch(identifier) else None


def _lives_there(identifier: str, folder: Path) -> bool:
    known = _read(folder)
    return known is not None and known[0] == identifier


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` (made if missing, never deleted), waiting for whoever has it."""
    with path.open("a", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_atomically(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replace `path` by `text`: a reader sees the old file or the new one, never half of one."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
