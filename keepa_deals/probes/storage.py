"""Looks at the database: whether it answers, is the one that was started with, and is ours."""

from __future__ import annotations

import time
from pathlib import Path

from keepa_deals.errors import DatabaseReplaced, OriginMismatch, StoreError
from keepa_deals.health_facts import DatabaseFact
from keepa_deals.settings import Settings
from keepa_deals.store import file_identity
from keepa_deals.store.engine import Database, sqlite_file
from keepa_deals.store.schema import check_database, recorded_version


def look_at_database(settings: Settings, database: Database) -> DatabaseFact:
    """Its answer, and why it would be wrong to use it. Raises what the driver raises when it does not answer."""
    file = sqlite_file(settings.database_address())
    file_wrong = None if file is None else _other_file(settings, file)
    if file is not None and file_wrong is not None and not file.exists():
        return DatabaseFact(0.0, file_wrong=file_wrong)
    began = time.monotonic()
    with database.read.connect() as connection:
        recorded_version(connection)  # SQLite opens its file only for a question about what is in it
    latency = time.monotonic() - began
    schema_wrong = origin_wrong = None
    try:
        check_database(database, origin=settings.origin)
    except OriginMismatch as error:
        origin_wrong = str(error)
    except StoreError as error:
        schema_wrong = str(error)
    return DatabaseFact(
        latency, _size(file), schema_wrong=schema_wrong, origin_wrong=origin_wrong, file_wrong=file_wrong
    )


def _other_file(settings: Settings, file: Path) -> str | None:
    """Why `file` is not the one that the running installation was started with; None if it is."""
    try:
        file_identity.demand_same(file, file_identity.recorded(settings.run_dir))
    except DatabaseReplaced as error:
        return str(error)
    return None


def _size(database_file: Path | None) -> int | None:
    """Bytes of the write-ahead log; None for a database that keeps none here."""
    if database_file is None:
        return None
    wal = database_file.with_name(f"{database_file.name}-wal")
    return wal.stat().st_size if wal.exists() else 0
