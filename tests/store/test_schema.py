"""The schema comes by migration, refuses what it can't know, and remembers what the data is."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, inspect, select, text

from keepa_deals.errors import OriginMismatch, StoreError, StoreTooNew
from keepa_deals.processes.signs import read_database
from keepa_deals.settings import settings_from
from keepa_deals.store import migrations
from keepa_deals.store.engine import Database, open_database
from keepa_deals.store.schema import SCHEMA_HEAD, check_database, claim_origin, migrate, recorded_version
from keepa_deals.store.tables import deals, metadata
from tests.builders import a_deal_row

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def claim(database: Database, origin: str) -> None:
    with database.write.begin() as connection:
        claim_origin(connection, origin=origin, account="abc", now=NOON)


def test_the_migrations_lead_to_the_tables_of_today(database: Database) -> None:
    with database.read.connect() as connection:
        assert recorded_version(connection) == SCHEMA_HEAD
        context = MigrationContext.configure(connection, opts={"include_name": is_no_part_of_the_search_index})
        assert compare_metadata(context, metadata) == []


def is_no_part_of_the_search_index(name: str | None, kind: str, _parents: object) -> bool:
    """FTS5 makes tables of its own beside the one it is asked for."""
    return not (kind == "table" and name is not None and name.startswith("deal_search"))


def test_migrating_again_keeps_every_row(empty_database: Path, tmp_path: Path) -> None:
    path = tmp_path / "filled.db"
    shutil.copy(empty_database, path)
    opened = open_database(f"sqlite:///{path}")
    with opened.write.begin() as connection:
        connection.execute(insert(deals).values(a_deal_row()))
    opened.dispose()
    migrate(f"sqlite:///{path}")
    with opened.read.connect() as connection:
        assert connection.execute(text("select count(*) from deals")).scalar() == 1
    opened.dispose()


def test_a_database_of_the_first_schema_keeps_its_rows_and_says_nothing_it_does_not_know(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'deals.db'}"
    upgrade_to("0001", address)
    names = inspected_columns(address)
    row = {name: value for name, value in a_deal_row().items() if name in names}
    opened = open_database(address)
    with opened.write.begin() as connection:
        connection.execute(deals.insert().values(row))
        claim_origin(connection, origin="demo", account="abc", now=NOON)
    migrate(address)
    check_database(opened, origin="demo")
    with opened.read.connect() as connection:
        kept = connection.execute(select(deals)).one()
    opened.dispose()
    assert (kept.asin, kept.profit_cents, kept.is_profitable) == (row["asin"], row["profit_cents"], False)
    assert {kept._mapping[name] for name in set(deals.columns.keys()) - names - {"is_profitable"}} == {None}


def upgrade_to(revision: str, address: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(address)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def inspected_columns(address: str) -> set[str]:
    engine = create_engine(address)
    names = {column["name"] for column in inspect(engine).get_columns("deals")}
    engine.dispose()
    return names


def test_a_database_of_a_newer_version_is_left_as_it_is(database: Database, tmp_path: Path) -> None:
    with database.write.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="9999"):
        migrate(f"sqlite:///{tmp_path / 'deals.db'}")
    with pytest.raises(StoreTooNew, match="newer version"):
        check_database(database, origin="demo")


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "50% #1? ü b%41"
    folder.mkdir()
    settings = settings_from({"VAR_DIR": str(folder)}, root=tmp_path)
    migrate(settings.database_address())
    assert [file.name for file in folder.glob("*.db")] == ["deals.db"]
    opened = open_database(settings.database_address())
    claim(opened, "demo")
    check_database(opened, origin="demo")
    opened.dispose()
    assert read_database(settings) is not None


def test_a_file_that_is_no_database_is_a_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "deals.db"
    path.write_bytes(b"this is not a database, but long enough to look like one" * 40)
    with pytest.raises(StoreError, match=r"deals\.db"):
        migrate(f"sqlite:///{path}")


def test_a_missing_database_is_not_created_by_opening_it(tmp_path: Path) -> None:
    opened = open_database(f"sqlite:///{tmp_path / 'nowhere.db'}")
    with pytest.raises(StoreError, match=r"deploy_update\.sh"):
        check_database(opened, origin="demo")
    assert not (tmp_path / "nowhere.db").exists()
    opened.dispose()


@pytest.mark.parametrize(("held", "wanted"), [("demo", "real"), ("real", "demo")])
def test_demo_and_real_data_never_mix(database: Database, held: str, wanted: str) -> None:
    claim(database, held)
    check_database(database, origin=held)
    with pytest.raises(OriginMismatch, match=f"holds {held} data"):
        check_database(database, origin=wanted)
    with pytest.raises(OriginMismatch):
        claim(database, wanted)


@pytest.mark.parametrize(
    "broken",
    [
        {"state": "sold"},
        {"state": "gone", "gone_at": None},
        {"state": "live", "gone_at": NOON, "gone_reason": "x"},
        {"state": "gone", "gone_at": NOON, "gone_reason": None},
    ],
)
def test_a_state_without_its_evidence_is_refused_by_the_database(database: Database, broken: dict[str, object]) -> None:
    with pytest.raises(Exception, match="CHECK constraint"), database.write.begin() as connection:
        connection.execute(insert(deals).values(a_deal_row(**broken)))


def test_a_database_that_only_says_it_is_at_our_schema_is_refused(database: Database, tmp_path: Path) -> None:
    with database.write.begin() as connection:
        connection.execute(text("alter table pass_states drop column last_done_at"))
    with pytest.raises(StoreError, match="pass_states has no last_done_at"):
        migrate(f"sqlite:///{tmp_path / 'deals.db'}")
