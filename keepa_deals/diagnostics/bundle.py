"""One file with everything an engineer needs and nothing secret."""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import platform
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, func, select, text

from keepa_deals.diagnostics.frame import FINDINGS, FINE, Report, options, run
from keepa_deals.diagnostics.redaction import Redactor, secret_values
from keepa_deals.errors import KeepaDealsError
from keepa_deals.health import HealthFacts, judge_health, verdict_line
from keepa_deals.probes import gather_facts
from keepa_deals.probes.broker import ledger_status
from keepa_deals.probes.words import NotThere, demand_keepa_address, in_words
from keepa_deals.processes.paths import alerts_file, beat_file, roster_file, watchdog_file, witness_file
from keepa_deals.settings import Secret, Settings, read_environment
from keepa_deals.store import tables
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import SCHEMA_HEAD, recorded_version
from keepa_deals.whereabouts import clock_of

HOURS = 48
LOG_TAIL_BYTES = 300_000
MOST_ROWS = 20_000

Part = Callable[[], str]


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("Write one file with everything an engineer needs and nothing secret.")
    parser.add_argument("--output", type=Path, default=None, help="where to write it (in the present folder)")
    return run(parser, partial(look, environ=environ), argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace, *, environ: Mapping[str, str]) -> Report:
    """Gather each part by itself; one that can't be had is named, and takes no other with it."""
    now = datetime.now(UTC)
    file = chosen.output or Path(f"keepa-deals-support-{now:%Y%m%d-%H%M%S}.tar.gz")
    redact = Redactor(_secrets(settings, environ))
    members, missing = _gather(_parts(settings), settings=settings, redact=redact)
    members["README.txt"] = redact(_readme(members, missing, at=now))
    _write(file, members, at=now)
    lines = [
        f"{file} ({file.stat().st_size // 1024:,} KB): {len(members)} parts, secrets hidden. "
        "Look through it, then send it.",
        *(f"  not in it: {name}, {why}" for name, why in missing.items()),
    ]
    told = {"file": str(file), "bytes": file.stat().st_size, "members": sorted(members), "missing": missing}
    return Report(FINDINGS if missing else FINE, lines, told)


def _secrets(settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What must not be in it: our own secrets, the demo's key, and what looks like one in the environment."""
    found = [secret.reveal() for secret in settings.secrets]
    found += secret_values(read_environment(settings.root, environ))
    with suppress(NotThere):
        found.append(demand_keepa_address(settings).key)
    return found


def _gather(
    parts: Mapping[str, Part], *, settings: Settings, redact: Redactor
) -> tuple[dict[str, str], dict[str, str]]:
    members: dict[str, str] = {}
    missing: dict[str, str] = {}
    for name, part in parts.items():
        try:
            member = redact(part())
        except Exception as error:  # noqa: BLE001 - a part's edge: what can't be had is itself worth knowing
            missing[name] = redact(in_words(error, settings=settings))
            continue
        if redact.leaks(member):
            missing[name] = "left out, for a secret could not be taken out of it"
        else:
            members[name] = member
    return members, missing


def _parts(settings: Settings) -> dict[str, Part]:
    since = clock_of(settings).now() - timedelta(hours=HOURS)
    told_outside = settings.deadman_url is not None or settings.webhook_url is not None
    run_files = [roster_file, beat_file, watchdog_file, witness_file, *([alerts_file] if told_outside else [])]
    return {
        "versions.json": lambda: _json(_versions(settings)),
        "settings.json": lambda: _json(_plain_settings(settings)),
        "health.json": lambda: _health(settings),
        "tokens.json": lambda: _json(asdict(ledger_status(settings))),
        "schema.txt": lambda: _reading(settings, _schema),
        "passes.json": lambda: _rows(settings, tables.pass_states),
        "pass_reports.json": lambda: _rows(settings, tables.pass_reports, since=("started_at", since)),
        "calls.json": lambda: _rows(settings, tables.calls, since=("started_at", since)),
        "verdicts.json": lambda: _rows(settings, tables.verdicts, since=("at", since)),
        "poison.json": lambda: _rows(settings, tables.poison),
        "pulses.json": lambda: _rows(settings, tables.pulses),
        "fences.json": lambda: _rows(settings, tables.fences),
        **{f"run/{file(settings).name}": partial(_tail, file(settings)) for file in run_files},
        **{f"log/{file.name}": partial(_tail, file) for file in _logs(settings.log_dir)},
    }


def _logs(folder: Path) -> list[Path]:
    """Each program's log with the one before it, and supervisord's complaints."""
    return sorted(file for pattern in ("*.log", "*.log.1", "*.err") for file in folder.glob(pattern))


def _readme(members: Mapping[str, str], missing: Mapping[str, str], *, at: datetime) -> str:
    lines = [
        f"Keepa Deals, gathered {at:%Y-%m-%d %H:%M:%S} UTC. Calls and reports of {HOURS} hours; tails of the logs."
    ]
    lines += ["", "In it:", *(f"  {name}" for name in members), "", "Not in it:"]
    return "\n".join([*lines, *(f"  {name}: {why}" for name, why in missing.items()), ""])


def _versions(settings: Settings) -> dict[str, Any]:
    packages = {found.metadata["Name"]: found.version for found in importlib.metadata.distributions()}
    return {
        "commit": _commit(settings.root),
        "schema_known": SCHEMA_HEAD,
        "python": sys.version,
        "platform": platform.platform(),
        "sqlite": sqlite3.sqlite_version,
        "packages": dict(sorted(packages.items(), key=lambda item: str(item[0]).lower())),
    }


def _commit(root: Path) -> str | None:
    try:
        told = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() or None


def _plain_settings(settings: Settings) -> dict[str, Any]:
    """Every setting; of a secret only whether it is set."""
    told: dict[str, Any] = {"origin": settings.origin}
    for field in fields(settings):
        value = getattr(settings, field.name)
        if field.name == "secrets":
            continue
        if isinstance(value, Secret):
            told[field.name] = "set, not shown"
        elif hasattr(value, "__dataclass_fields__"):
            told[field.name] = asdict(value)
        else:
            told[field.name] = str(value) if isinstance(value, Path) else value
    return told


def _health(settings: Settings) -> str:
    facts: HealthFacts = gather_facts(settings)
    verdict = judge_health(facts)
    return _json({"line": verdict_line(verdict), "verdict": asdict(verdict), "facts": asdict(facts)})


def _rows(settings: Settings, table: Table, *, since: tuple[str, datetime] | None = None) -> str:
    def read(connection: Connection) -> str:
        statement = select(table).limit(MOST_ROWS)
        if since is not None:
            name, instant = since
            statement = statement.where(table.c[name] > instant).order_by(table.c[name].desc())
        return _json([dict(row._mapping) for row in connection.execute(statement)])

    return _reading(settings, read)


def _schema(connection: Connection) -> str:
    counts = (
        f"{table.name}: {connection.execute(select(func.count()).select_from(table)).scalar_one():,} rows"
        for table in tables.metadata.sorted_tables
    )
    lines = [f"schema {recorded_version(connection)}", *counts]
    if connection.dialect.name == "sqlite":
        modes = ("journal_mode", "page_count", "page_size", "freelist_count")
        lines += [f"{mode}: {connection.execute(text(f'pragma {mode}')).scalar()}" for mode in modes]
        lines += ["", *(str(sql) + ";" for (sql,) in connection.execute(text("select sql from sqlite_master")) if sql)]
    return "\n".join(lines)


def _reading(settings: Settings, read: Callable[[Connection], str]) -> str:
    database = open_database(settings.database_address())
    try:
        with database.read.begin() as connection:
            return read(connection)
    finally:
        database.dispose()


def _tail(file: Path) -> str:
    """The end of a file, from the beginning of a line: half a secret would not be known for one."""
    try:
        with file.open("rb") as handle:
            start = max(0, file.stat().st_size - LOG_TAIL_BYTES)
            handle.seek(start)
            if start:
                handle.readline()
            return handle.read().decode(errors="replace")
    except FileNotFoundError:
        raise NotThere(f"{file.name} has not been written") from None


def _json(document: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=1).decode() + "\n"


def _write(file: Path, members: Mapping[str, str], *, at: datetime) -> None:
    try:
        file.touch(mode=0o600, exist_ok=False)
        with tarfile.open(file, "w:gz") as tar:
            for name, member in sorted(members.items()):
                content = member.encode()
                entry = tarfile.TarInfo(f"keepa-deals-support/{name}")
                entry.size, entry.mtime, entry.mode = len(content), int(at.timestamp()), 0o600
                tar.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise BundleNotWritten(f"{file} could not be written ({error.strerror}); give another --output.") from error


class BundleNotWritten(KeepaDealsError):
    """The bundle could not be written where it was asked for; give another --output."""
