"""The place of a program: held by a lock while its holder lives, cleared of what is left of earlier ones."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterable

from keepa_deals.errors import AlreadyRunning
from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import installation_id
from keepa_deals.processes import ending, roster
from keepa_deals.processes.paths import roster_file
from keepa_deals.processes.roster import Entry
from keepa_deals.processes.speech import complain
from keepa_deals.settings import Settings

PR_SET_PDEATHSIG = 1
PATIENCE_SECONDS = 10.0
LOCK_WAIT_SECONDS = 10.0


def end_with_parent() -> None:
    """Ask the kernel to send us TERM when our parent dies (Linux, prctl(2)); kept across exec."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def take(name: str, *, settings: Settings) -> None:
    """Take `name`'s place for the rest of our life, also across exec; ends first what is left of its predecessor.

    Raises AlreadyRunning if somebody who is looked after has it. The lock file is never deleted: a deleted one
    would let two processes hold "the same" lock.
    """
    me, parent = ProcessIdentity.current(), ProcessIdentity.of(os.getppid())
    supervised = os.environ.get("SUPERVISOR_PROCESS_NAME") == name
    known = [entry for entry in roster.living(roster.read_roster(roster_file(settings))) if entry.identity != me]
    mine = [entry for entry in known if entry.name == name]
    orphans = [entry.identity for entry in mine if is_orphan(entry, my_parent=parent, supervised=supervised)]
    kept = [entry.identity for entry in known if entry.identity not in orphans]
    orphans += leftovers(ending.tagged(installation_id(settings.var_dir), program=name), kept=kept)
    if orphans:
        complain(f"{name}: ending what is left of an earlier run: {', '.join(str(orphan.pid) for orphan in orphans)}")
        ending.end_all(orphans, patience_seconds=PATIENCE_SECONDS)
    handle = os.open(settings.run_dir / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    _lock(handle, name=name, holders=[entry.identity for entry in mine if entry.identity not in orphans])
    roster.record(roster_file(settings), name, identity=me, parent=parent)
    os.set_inheritable(handle, True)


def is_orphan(entry: Entry, *, my_parent: ProcessIdentity | None, supervised: bool) -> bool:
    """Whether a recorded, living process of our name has nobody who looks after it.

    Its parent is dead; or its parent is the supervisor that just started us, which so believes it dead.
    """
    if entry.parent is None or not entry.parent.is_alive():
        return True
    return supervised and entry.parent == my_parent


def leftovers(found: Iterable[ProcessIdentity], *, kept: Iterable[ProcessIdentity]) -> list[ProcessIdentity]:
    """Those of `found` that do not descend from any of `kept`: children that outlived their recorded parent."""
    table = ending.process_table()
    kept_pids = {identity.pid for identity in kept}
    return [one for one in found if not kept_pids.intersection(ending.ancestors(one.pid, table=table))]


def _lock(handle: int, *, name: str, holders: list[ProcessIdentity]) -> None:
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if holders or time.monotonic() >= deadline:
                pids = ", ".join(str(holder.pid) for holder in holders) or "unknown"
                raise AlreadyRunning(
                    f"another {name} of this installation is running (pid {pids}); "
                    "stop it first, or run ./kill_everything_force.sh."
                ) from None
            time.sleep(0.2)
