"""The roster: which processes this installation started, by identity. `VAR_DIR/run/processes.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import locked, write_atomically

SUPERVISOR = "supervisord"


@dataclass(frozen=True, slots=True)
class Entry:
    """One process that was started here."""

    name: str
    identity: ProcessIdentity
    started_at: datetime
    parent: ProcessIdentity | None = None

    def as_dict(self) -> dict[str, Any]:
        parent = None if self.parent is None else self.parent.as_dict()
        return {
            "name": self.name,
            **self.identity.as_dict(),
            "started_at": self.started_at.isoformat(),
            "parent": parent,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Entry:
        parent = fields.get("parent")
        return cls(
            name=str(fields["name"]),
            identity=ProcessIdentity.from_dict(fields),
            started_at=datetime.fromisoformat(fields["started_at"]),
            parent=None if parent is None else ProcessIdentity.from_dict(parent),
        )


def read_roster(path: Path) -> list[Entry]:
    """Everything recorded, dead or alive; nothing for a missing or unreadable file (the tag still finds them)."""
    try:
        return [Entry.from_dict(fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []


def living(entries: Iterable[Entry]) -> list[Entry]:
    """Those that are known to live on this machine."""
    return [entry for entry in entries if entry.identity.is_alive()]


def record(path: Path, name: str, *, identity: ProcessIdentity, parent: ProcessIdentity | None) -> Entry:
    """Add a process to the roster; the dead leave it."""
    entry = Entry(name=name, identity=identity, started_at=datetime.now(UTC), parent=parent)
    with locked(path.with_suffix(".lock")):
        others = [other for other in living(read_roster(path)) if other.identity != identity]
        write_atomically(path, json.dumps([other.as_dict() for other in [*others, entry]], indent=1) + "\n")
    return entry


def forget_the_dead(path: Path) -> None:
    with locked(path.with_suffix(".lock")):
        write_atomically(path, json.dumps([entry.as_dict() for entry in living(read_roster(path))], indent=1) + "\n")
