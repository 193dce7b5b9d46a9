"""Opening the database: one engine that writes, one that only reads.

SQLite's own traps are closed here once: the driver would begin no transaction before a SELECT (lost updates)
and a deferred transaction that turns into a write fails at once instead of waiting. So every write
transaction takes the lock up front, and readers never hold one that a writer needs.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from keepa_deals.errors import StoreError
from keepa_deals.store.file_identity import demand_same, identity_of

BUSY_TIMEOUT_MS = 60_000
WAL_PAGES = 1_000


@dataclass(frozen=True, slots=True)
class Database:
    """The two doors to one database."""

    write: Engine
    read: Engine

    def dispose(self) -> None:
        """Close every connection; the object may be used again."""
        self.write.dispose()
        self.read.dispose()


def sqlite_file(address: str) -> Path | None:
    """The file behind a SQLite address; None for another database."""
    url = make_url(address)
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:":
        raise StoreError("A SQLite database must be a file, because several processes share it.")
    return Path(url.database)


def open_database(address: str) -> Database:
    """Both engines for `address`. Connects nothing yet and never creates a file (`schema.migrate` does)."""
    path = sqlite_file(address)
    if path is None:
        return Database(
            write=create_engine(address, pool_pre_ping=True),
            read=create_engine(address, pool_pre_ping=True, execution_options={"postgresql_readonly": True}),
        )
    existing = URL.create("sqlite", database=path.absolute().as_uri(), query={"mode": "rw", "uri": "true"})
    write = sqlite_engine(existing, read_only=False)
    _refuse_another_file(write, path)
    return Database(write=write, read=sqlite_engine(existing, read_only=True))


def sqlite_engine(url: URL, *, read_only: bool) -> Engine:
    """An engine on SQLite with WAL, foreign keys, a long busy timeout and explicit transactions."""
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def prepare(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        assert isinstance(connection, sqlite3.Connection)
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _refuse_another_file(engine: Engine, path: Path) -> None:
    """Let no transaction of `engine` begin on a file that `path` no longer leads to."""

    @event.listens_for(engine, "connect")
    def remember(_connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
        entry.info["file"] = identity_of(path)

    @event.listens_for(engine, "begin", insert=True)
    def compare(connection: Connection) -> None:
        demand_same(path, connection.info["file"])
