"""Looks at what the running programs left in VAR_DIR: who lives, what they last said, and how much room there is."""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from keepa_deals.health_facts import AlertFact, BeatFact, ClockStep, DiskFact, ProcessFact, WatchdogFact
from keepa_deals.probes.words import NotThere, recorded_instant
from keepa_deals.processes import paths
from keepa_deals.processes.programs import programs
from keepa_deals.processes.roster import read_roster
from keepa_deals.settings import Settings


def look_at_processes(settings: Settings) -> tuple[ProcessFact, ...]:
    """Everything recorded and, where anything is recorded, every program that should be and is not."""
    entries = read_roster(paths.roster_file(settings))
    recorded = tuple(
        ProcessFact(entry.name, entry.identity.pid, entry.identity.is_alive(), entry.started_at) for entry in entries
    )
    if not any(process.alive is not False for process in recorded):
        return recorded
    names = {process.name for process in recorded}
    missing = (program.name for program in programs(settings) if program.name not in names)
    return (*recorded, *(ProcessFact(name, 0, alive=False, started_at=None) for name in missing))


def look_at_beat(path: Path) -> BeatFact:
    """What the scheduler last wrote of itself. Raises NotThere."""
    known = _json(path)
    return BeatFact(
        last_tick_at=recorded_instant(known.get("last_tick_at")),
        last_sent_at=recorded_instant(known.get("last_sent_at")),
        errors=int(known.get("errors") or 0),
        last_error=None if known.get("last_error") is None else str(known["last_error"]),
    )


def look_at_watchdog(settings: Settings) -> WatchdogFact:
    """What the watchdog last wrote, with what its witness and its messages to the outside did. Raises NotThere."""
    path = paths.watchdog_file(settings)
    known = _json(path)
    at = recorded_instant(known.get("at"))
    if at is None:
        raise NotThere(f"{path.name} does not say when it was written")
    witness = _json_or_nothing(paths.witness_file(settings))
    waited, step = witness.get("write_waited_seconds"), known.get("clock_step")
    return WatchdogFact(
        at,
        {str(program): int(count) for program, count in (known.get("restarts_15m") or {}).items()},
        kept_at=recorded_instant(witness.get("kept_at")),
        write_waited_seconds=None if waited is None else float(waited),
        failing_alerts=_failing_alerts(settings),
        clock_step=None if step is None else ClockStep(datetime.fromisoformat(step["at"]), float(step["seconds"])),
    )


def look_at_disk(folder: Path) -> DiskFact:
    """Room, and whether this user may write. Raises OSError for a folder that is not there."""
    return DiskFact(free_bytes=shutil.disk_usage(folder).free, writable=os.access(folder, os.W_OK | os.X_OK))


def _failing_alerts(settings: Settings) -> tuple[AlertFact, ...]:
    """The ways to the outside that are configured and failed when last used."""
    used = {"dead-man ping": settings.deadman_url, "webhook": settings.webhook_url}
    ways = _json_or_nothing(paths.alerts_file(settings)).get("ways") or {}
    return tuple(
        AlertFact(name, int(way["failures"]), str(way["error"]), recorded_instant(way.get("since")))
        for name, way in ways.items()
        if used.get(name) is not None and int(way["failures"]) > 0
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotThere(f"{path.name} has not been written") from None
    except ValueError:
        raise NotThere(f"{path.name} is not JSON") from None
    if not isinstance(known, dict):
        raise NotThere(f"{path.name} holds no JSON object")
    return known


def _json_or_nothing(path: Path) -> dict[str, Any]:
    try:
        return _json(path)
    except NotThere:
        return {}
