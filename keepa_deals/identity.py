"""Who a process is, so that somebody else can say whether it still lives.

A pid alone says nothing: it is used again. Host, boot, PID namespace, pid and start time together name
one process for good (Linux, proc(5)).
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEAD_STATES = frozenset("ZXx")
"""States of a process that will never run again: zombie, or being removed."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process, named so that no later process can be taken for it."""

    host: str
    """host name, with a digest of the machine id where there is one"""
    boot_id: str
    """changes at each boot of the kernel"""
    pid_namespace: str
    """the namespace in which `pid` counts, such as `pid:[4026531836]`"""
    pid: int
    start_ticks: int
    """clock ticks after boot at which the process started"""

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The calling process. Never cached: a forked child is somebody else."""
        me = cls.of(os.getpid())
        if me is None:
            raise ProcessLookupError("this process can't be found in /proc; is /proc mounted?")
        return me

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The process that has `pid` in our namespace now; None if there is none, or a zombie."""
        seen = _look(pid)
        if seen is None or seen.state in DEAD_STATES:
            return None
        return cls(_host(), _boot_id(), _pid_namespace(), pid, seen.start_ticks)

    def is_alive(self) -> bool | None:
        """Whether this process lives. A stopped one does; None where it can't be known from here.

        Another host or PID namespace can't be known; another boot of this host can: all its processes are gone.
        """
        if self.host != _host():
            return None
        if self.boot_id != _boot_id():
            return False
        if self.pid_namespace != _pid_namespace():
            return None
        seen = _look(self.pid)
        if seen is None:
            return None if _is_hidden(self.pid) else False
        return seen.start_ticks == self.start_ticks and seen.state not in DEAD_STATES

    def as_dict(self) -> dict[str, str | int]:
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ProcessIdentity:
        """The reverse of `as_dict`. A missing field makes a process that can't be known, never a dead one."""
        return cls(
            host=str(fields.get("host", "")),
            boot_id=str(fields.get("boot_id", "")),
            pid_namespace=str(fields.get("pid_namespace", "")),
            pid=int(fields.get("pid", 0)),
            start_ticks=int(fields.get("start_ticks", 0)),
        )

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


@dataclass(frozen=True, slots=True)
class _Seen:
    state: str
    start_ticks: int


def _look(pid: int) -> _Seen | None:
    """State and start time from /proc/<pid>/stat, fields 3 and 22."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command name, field 2, may itself hold spaces and brackets.
    fields = text.rpartition(")")[2].split()
    return _Seen(state=fields[0], start_ticks=int(fields[19]))


def _is_hidden(pid: int) -> bool:
    """Whether `pid` exists although /proc does not show it (mounted with hidepid)."""
    if pid <= 0:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _host() -> str:
    name = socket.gethostname()
    try:
        machine_id = Path("/etc/machine-id").read_bytes().strip()
    except OSError:
        return name
    # The machine id itself is confidential (machine-id(5)); it only has to tell two hosts of one name apart.
    return f"{name}/{hashlib.sha256(b'keepa-deals:' + machine_id).hexdigest()[:8]}"


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@cache
def _pid_namespace() -> str:
    return str(Path("/proc/self/ns/pid").readlink())
