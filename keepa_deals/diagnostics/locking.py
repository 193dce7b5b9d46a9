"""Many processes at one SQLite file: what SQLAlchemy's own connection does there, and what ours does.

Each process adds one to a number again and again: reads it, then writes it one higher. Meanwhile one of them holds the
write lock for longer than the driver's usual patience. The file is a temporary one; the installation's is not touched.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from keepa_deals.diagnostics.frame import FINDINGS, FINE, Report, could_not_look, options, run
from keepa_deals.settings import Settings
from keepa_deals.store.engine import open_database, sqlite_file

STARTING_SECONDS = 2.0
"""for the processes to come up, so that they all begin together"""
HEAD_START_SECONDS = 0.5
"""for the one that holds the lock"""
KINDS = ("default", "ours")


@dataclass(frozen=True, slots=True)
class Worked:
    """What one process did."""

    added: int
    locked: int
    worst_wait_seconds: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What all processes of one kind did together."""

    kind: str
    processes: int
    added: int
    lost: int
    """additions that were committed and are not in the number"""
    locked: int
    """attempts that failed with "database is locked\""""
    worst_wait_seconds: float
    seconds: float

    @property
    def holds(self) -> bool:
        return self.lost == 0 and self.locked == 0


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("Several processes write to one SQLite file: the default connection against ours.")
    parser.add_argument("--processes", type=int, default=4, help="how many at once (4)")
    parser.add_argument("--additions", type=int, default=100, help="how many each makes (100)")
    parser.add_argument("--hold", type=float, default=6.0, help="seconds for which one holds the lock (6)")
    return run(parser, look, argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace) -> Report:
    if sqlite_file(settings.database_address()) is None:
        return could_not_look("DATABASE_URL is no SQLite file; a database server keeps its own locks.")
    with tempfile.TemporaryDirectory(prefix="keepa-deals-locking-") as folder:
        figures = [
            measure(kind, Path(folder), processes=chosen.processes, additions=chosen.additions, hold=chosen.hold)
            for kind in KINDS
        ]
    return report_on(figures, hold=chosen.hold)


def report_on(figures: Sequence[Figures], *, hold: float) -> Report:
    """Pure. Fine when our own connection lost nothing and failed nowhere."""
    ours = next(one for one in figures if one.kind == "ours")
    lines = ["connection   processes    added     lost   locked   worst wait     took"]
    lines += [
        f"{one.kind:<12} {one.processes:>9} {one.added:>8,} {one.lost:>8,} {one.locked:>8,} "
        f"{one.worst_wait_seconds:>10.2f} s {one.seconds:>6.1f} s"
        for one in figures
    ]
    said = (
        f"Ours holds: nothing is lost and nobody is refused, though the lock was held for {hold:g} s."
        if ours.holds
        else "Ours does not hold: report this with the lines above."
    )
    facts: dict[str, Any] = {one.kind: {**asdict(one), "holds": one.holds} for one in figures}
    return Report(FINE if ours.holds else FINDINGS, [*lines, "", said], facts)


def measure(kind: str, folder: Path, *, processes: int, additions: int, hold: float) -> Figures:
    """Let `processes` real processes add to one number in a new file of `folder`."""
    file = folder / f"{kind}.db"
    _prepare(kind, file)
    start_at = time.time() + STARTING_SECONDS
    with ProcessPoolExecutor(processes + 1, mp_context=get_context("spawn")) as pool:
        holder = pool.submit(hold_the_lock, kind, file, hold, start_at)
        workers = [pool.submit(add, kind, file, additions, start_at + HEAD_START_SECONDS) for _ in range(processes)]
        worked = [worker.result() for worker in workers]
        holder.result()
    added = sum(one.added for one in worked)
    return Figures(
        kind=kind,
        processes=processes,
        added=added,
        lost=added - _number(kind, file),
        locked=sum(one.locked for one in worked),
        worst_wait_seconds=max(one.worst_wait_seconds for one in worked),
        seconds=time.time() - start_at,
    )


def add(kind: str, file: Path, additions: int, start_at: float) -> Worked:
    """One process: add one, `additions` times. Runs in a process of its own."""
    engine = _engine(kind, file)
    added = locked = 0
    worst = 0.0
    time.sleep(max(0.0, start_at - time.time()))
    for _ in range(additions):
        began = time.monotonic()
        try:
            with engine.begin() as connection:
                number = connection.execute(text("select n from number")).scalar_one()
                connection.execute(text("update number set n = :n"), {"n": number + 1})
            added += 1
        except OperationalError:
            locked += 1
        worst = max(worst, time.monotonic() - began)
    engine.dispose()
    return Worked(added, locked, worst)


def hold_the_lock(kind: str, file: Path, seconds: float, start_at: float) -> None:
    """One process that writes slowly. It tries until it has the lock. Runs in a process of its own."""
    engine = _engine(kind, file)
    time.sleep(max(0.0, start_at - time.time()))
    while seconds > 0:
        try:
            with engine.begin() as connection:
                connection.execute(text("update holder set n = n + 1"))
                time.sleep(seconds)
            break
        except OperationalError:
            continue
    engine.dispose()


def _engine(kind: str, file: Path) -> Engine:
    address = f"sqlite:///{file}"
    return create_engine(address) if kind == "default" else open_database(address).write


def _prepare(kind: str, file: Path) -> None:
    file.touch()
    engine = _engine(kind, file)
    with engine.begin() as connection:
        for name in ("number", "holder"):
            connection.execute(text(f"create table {name} (n integer not null)"))
            connection.execute(text(f"insert into {name} values (0)"))  # noqa: S608 - two names of our own
    engine.dispose()


def _number(kind: str, file: Path) -> int:
    engine = _engine(kind, file)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("select n from number")).scalar_one())
    finally:
        engine.dispose()
