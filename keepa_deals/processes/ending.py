"""Ending processes: by identity only, never by name (a pid may be somebody else by now; Linux, pidfd_open(2))."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import PROGRAM_TAG_NAME, process_tag


@dataclass(frozen=True, slots=True)
class Seen:
    """One line of the process table."""

    pid: int
    parent: int
    state: str
    """R, S, D, T (stopped), Z (zombie) … (Linux, proc(5))"""


def process_table() -> dict[int, Seen]:
    """Every process that can be seen now, by pid."""
    table = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            seen = _look(folder)
            if seen is not None:
                table[seen.pid] = seen
    return table


def _look(folder: Path) -> Seen | None:
    try:
        fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return Seen(pid=int(folder.name), parent=int(fields[1]), state=fields[0])


def family(pid: int, *, table: dict[int, Seen]) -> list[int]:
    """`pid` and all its descendants."""
    members = [pid]
    for member in members:
        members.extend(seen.pid for seen in table.values() if seen.parent == member and seen.pid not in members)
    return members


def ancestors(pid: int, *, table: dict[int, Seen]) -> list[int]:
    """`pid`, its parent, and so on up."""
    line: list[int] = []
    while pid in table and pid not in line:
        line.append(pid)
        pid = table[pid].parent
    return line


def tagged(installation: str, *, program: str | None = None) -> list[ProcessIdentity]:
    """Our user's processes that carry the installation's tag (and the program's), but for us and our ancestors."""
    wanted = {process_tag(installation).encode()}
    if program is not None:
        wanted.add(f"{PROGRAM_TAG_NAME}={program}".encode())
    table = process_table()
    spared = set(ancestors(os.getpid(), table=table))
    found = [pid for pid in table if pid not in spared and wanted <= _environment(pid)]
    return [identity for pid in found if (identity := ProcessIdentity.of(pid)) is not None]


def _environment(pid: int) -> set[bytes]:
    folder = Path(f"/proc/{pid}")
    try:
        if folder.stat().st_uid != os.getuid():
            return set()
        return set((folder / "environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def send(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to exactly this process; False if it is gone or can't be known from here."""
    try:
        handle = os.pidfd_open(identity.pid)
    except (ProcessLookupError, OSError):
        return False
    try:
        # The handle pins the process: if its identity holds now, the signal can't reach anybody else.
        if not identity.is_alive():
            return False
        signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        os.close(handle)
    return True


def end_all(
    identities: Iterable[ProcessIdentity],
    *,
    patience_seconds: float,
    kill_seconds: float = 5.0,
    sleep: Callable[[float], None] = time.sleep,
) -> list[ProcessIdentity]:
    """Ask to end, wait `patience_seconds`, then kill; returns those that still live `kill_seconds` later."""
    alive = [identity for identity in identities if identity.is_alive()]
    if patience_seconds > 0:
        for identity in alive:
            send(identity, signal.SIGTERM)
            # A stopped process hears nothing until it is continued.
            send(identity, signal.SIGCONT)
        alive = _wait_for(alive, seconds=patience_seconds, sleep=sleep)
    for identity in alive:
        send(identity, signal.SIGKILL)
    return _wait_for(alive, seconds=kill_seconds, sleep=sleep)


def _wait_for(
    identities: Collection[ProcessIdentity], *, seconds: float, sleep: Callable[[float], None]
) -> list[ProcessIdentity]:
    deadline = time.monotonic() + seconds
    alive = list(identities)
    while alive := [identity for identity in alive if identity.is_alive()]:
        if time.monotonic() >= deadline:
            break
        sleep(0.05)
    return alive
