"""A database file that goes away, or is another one, while it is open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from keepa_deals.bootstrap import open_store
from keepa_deals.errors import DatabaseReplaced
from keepa_deals.settings import settings_from
from keepa_deals.store import file_identity
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database
from tests.conftest import NOON


def delete(file: Path) -> None:
    file.unlink()


def replace(file: Path) -> None:
    copy = file.with_suffix(".copy")
    shutil.copy(file, copy)
    copy.replace(file)


HAPPENINGS = {"was deleted": delete, "was replaced by another file": replace}


@pytest.mark.parametrize("happened", HAPPENINGS)
def test_nothing_is_written_to_a_file_that_its_name_no_longer_leads_to(
    store: Store, tmp_path: Path, happened: str
) -> None:
    store.record_pulse("upsert", sent_at=NOON, received_at=NOON)
    with store.read() as reader:
        reader.execute(text("select 1 from pulses"))
        HAPPENINGS[happened](tmp_path / "deals.db")
        for _ in range(2):
            with pytest.raises(DatabaseReplaced, match=happened):
                store.record_pulse("backfill", sent_at=NOON, received_at=NOON)
    with store.read() as reader:
        assert reader.execute(text("select queue from pulses")).scalars().all() == ["upsert"]


@pytest.mark.parametrize("happened", HAPPENINGS)
def test_a_process_that_starts_later_refuses_the_other_file_too(
    empty_database: Path, tmp_path: Path, happened: str
) -> None:
    settings = settings_from({"VAR_DIR": str(tmp_path)}, root=tmp_path)
    settings.run_dir.mkdir()
    shutil.copy(empty_database, settings.database_file)
    file_identity.record(settings.database_file, run_dir=settings.run_dir)
    open_store(settings).database.dispose()
    HAPPENINGS[happened](settings.database_file)
    with pytest.raises(DatabaseReplaced, match=happened):
        open_store(settings)


def write(file: Path) -> None:
    file.write_text("{")


@pytest.mark.parametrize("spoil", [delete, write])
def test_where_nobody_wrote_down_the_file_any_will_do(
    empty_database: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    file_identity.record(empty_database, run_dir=tmp_path)
    [mark] = tmp_path.iterdir()
    spoil(mark)
    file_identity.demand_same(empty_database, file_identity.recorded(tmp_path))


def test_the_same_file_under_another_name_is_the_same(empty_database: Path, tmp_path: Path) -> None:
    shutil.copy(empty_database, tmp_path / "one.db")
    os.link(tmp_path / "one.db", tmp_path / "two.db")
    database = open_database(f"sqlite:///{tmp_path / 'one.db'}")
    with database.write.begin() as connection:
        connection.execute(text("select 1"))
    (tmp_path / "two.db").replace(tmp_path / "one.db")
    with database.write.begin() as connection:
        assert connection.execute(text("select 1")).scalar() == 1
    database.dispose()
