"""What every test may lean on: a scrubbed environment, a clock that stands still, a migrated database of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keepa_deals.clock import ManualClock
from keepa_deals.store.door import Store
from keepa_deals.store.engine import Database, open_database
from keepa_deals.store.schema import migrate

pytest_plugins = ["tests.redis_fixtures"]

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
KEPT_FROM_THE_ENVIRONMENT = frozenset({"PATH", "HOME", "TMPDIR", "LANG", "CI", "KEEPA_SAMPLES", "VIRTUAL_ENV"})


@pytest.fixture(autouse=True)
def scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in set(os.environ) - KEPT_FROM_THE_ENVIRONMENT:
        if not name.startswith(("PYTEST_", "COV_", "PYTHON")):
            monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at the newest schema, made once: migrating takes longer than copying."""
    path = tmp_path_factory.mktemp("schema") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "deals.db"
    shutil.copy(empty_database, path)
    opened = open_database(f"sqlite:///{path}")
    yield opened
    opened.dispose()


@pytest.fixture
def store(database: Database, clock: ManualClock) -> Store:
    return Store(database, clock=clock)
