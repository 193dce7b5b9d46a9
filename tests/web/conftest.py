"""The real application over a real, migrated database file; only clock and verdict are handed in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from keepa_deals.clock import ManualClock
from keepa_deals.health import Verdict, VerdictState
from keepa_deals.settings import settings_from
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import deals
from keepa_deals.web import create_app
from tests.builders import NOW

WORKING = Verdict(VerdictState.WORKING, None, (), NOW)


@pytest.fixture
def hold(database: Database) -> Callable[..., None]:
    """Puts rows of `a_deal_row` into the database."""

    def put(*rows: dict[str, Any]) -> None:
        with database.write.begin() as connection:
            for row in rows:
                connection.execute(insert(deals), row)

    return put


@pytest.fixture
def make_app(database: Database, tmp_path: Path) -> Callable[..., Flask]:
    """Builds the application with other settings or another verdict."""

    def make(*, verdict: Callable[[], Verdict] = lambda: WORKING, **values: str) -> Flask:
        settings = settings_from(values, root=tmp_path)
        return create_app(settings, database=database, clock=ManualClock(NOW), verdict=verdict)

    return make


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app().test_client()
