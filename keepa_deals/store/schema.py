"""Bringing a database to this program's schema, and refusing one that is not ours to open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import URL, Connection, create_engine, insert, inspect, select, text
from sqlalchemy.exc import DatabaseError

from keepa_deals.errors import OriginMismatch, StoreError, StoreTooNew
from keepa_deals.store.columns import instant_text
from keepa_deals.store.engine import Database, sqlite_engine, sqlite_file
from keepa_deals.store.tables import about, metadata

SCHEMA_HEAD = "0005"
"""The newest migration; a test holds it against the scripts."""


def migrate(address: str) -> None:
    """Create the database or bring it to `SCHEMA_HEAD`, in one transaction.

    Raises StoreTooNew for one written by a newer version, StoreError if it can't be opened.
    """
    from alembic import command  # noqa: PLC0415 - half a second of import that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with _opened_for_change(address) as connection:
        refuse_newer(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        refuse_missing_columns(connection)


@contextmanager
def _opened_for_change(address: str) -> Iterator[Connection]:
    path = sqlite_file(address)
    file = None if path is None else URL.create("sqlite", database=str(path))
    engine = create_engine(address) if file is None else sqlite_engine(file, read_only=False)
    try:
        with engine.begin() as connection:
            yield connection
    except DatabaseError as error:
        raise StoreError(
            f"The database {path or 'server'} could not be opened for writing ({error.orig}); "
            "check that the folder exists, is yours, is writable and has space, and that the file is this program's."
        ) from error
    finally:
        engine.dispose()


def recorded_version(connection: Connection) -> str | None:
    """The migration a database stands at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("select version_num from alembic_version")).scalar()


def refuse_newer(connection: Connection) -> None:
    """Raise StoreTooNew if a newer version of this program wrote the database."""
    version = recorded_version(connection)
    if version is not None and version > SCHEMA_HEAD:
        raise StoreTooNew(
            f"The database is at schema {version}, this program knows up to {SCHEMA_HEAD}; "
            "install the newer version again, or restore a backup from before it."
        )


def refuse_missing_columns(connection: Connection) -> None:
    """Raise StoreError for a database that says it is at our schema and is not."""
    for table in metadata.sorted_tables:
        found = {column["name"] for column in inspect(connection).get_columns(table.name)}
        missing = sorted(set(table.columns.keys()) - found)
        if missing:
            raise StoreError(
                f"The database says it is at schema {SCHEMA_HEAD}, but {table.name} has no {', '.join(missing)}: an "
                "unfinished version of this program wrote it. Put a backup from before it back, or begin anew."
            )


def check_database(database: Database, *, origin: str) -> None:
    """Refuse a database that is empty, older, newer, or of another origin than the settings ask for."""
    try:
        with database.read.connect() as connection:
            refuse_newer(connection)
            version = recorded_version(connection)
            found = recorded_origin(connection) if version == SCHEMA_HEAD else {}
    except DatabaseError as error:
        raise StoreError(f"The database could not be opened ({error.orig}); run ./deploy_update.sh.") from error
    if version != SCHEMA_HEAD:
        raise StoreError(f"The database is at schema {version or 'none'}, not {SCHEMA_HEAD}; run ./deploy_update.sh.")
    refuse_other_origin(found, origin=origin)


def recorded_origin(connection: Connection) -> dict[str, str]:
    """What the database says it is for: origin, account, created_at; empty before `claim_origin`."""
    names = ("origin", "account", "created_at")
    return {row.name: row.value for row in connection.execute(select(about).where(about.c.name.in_(names)))}


def refuse_other_origin(found: dict[str, str], *, origin: str) -> None:
    """Raise OriginMismatch for demo data under a real key or the reverse.

    Another real key may go on with the same deals: only the token ledger is per key.
    """
    if not found:
        return
    if found["origin"] != origin:
        held, wanted = found["origin"], "no Keepa key is set" if origin == "demo" else "a Keepa key is set"
        raise OriginMismatch(
            f"The database holds {held} data but {wanted}; "
            "point VAR_DIR or DATABASE_URL at another place, or put KEEPA_API_KEY back as it was."
        )


def claim_origin(connection: Connection, *, origin: str, account: str, now: datetime) -> None:
    """Write down what this database is for. Raises OriginMismatch if it is for something else already."""
    found = recorded_origin(connection)
    refuse_other_origin(found, origin=origin)
    if not found:
        values = {"origin": origin, "account": account, "created_at": instant_text(now)}
        connection.execute(insert(about), [{"name": name, "value": value} for name, value in values.items()])
