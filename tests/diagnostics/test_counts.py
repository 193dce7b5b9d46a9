"""Database, API and page are counted through the real application over real HTTP."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
from sqlalchemy import insert
from werkzeug.serving import make_server

from keepa_deals.clock import ManualClock
from keepa_deals.diagnostics.counts import (
    Dashboard,
    DashboardUnreachable,
    Filter,
    compare_counts,
    count_by_hand,
    filters_to_compare,
)
from keepa_deals.health import Verdict, VerdictState
from keepa_deals.settings import Settings
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import deals
from keepa_deals.store.triage import OWNER, Action, mark
from keepa_deals.web import create_app
from tests.builders import a_deal_row
from tests.conftest import NOON

WORKING = Verdict(VerdictState.WORKING, None, (), NOON)


def some_rows(how_many: int) -> Iterator[dict[str, object]]:
    """Rows in every state, with unknown values among the known ones."""
    draw = random.Random(7)
    for number in range(how_many):
        state = draw.choice(["live", "live", "live", "unverified", "gone"])
        yield a_deal_row(
            asin=f"B{number:09d}",
            state=state,
            promised_until=NOON + timedelta(hours=draw.choice([-1, 5])),
            gone_at=NOON if state == "gone" else None,
            gone_reason="sold" if state == "gone" else None,
            condition=draw.choice([1, 2, 3, 4, 5, None]),
            **{
                name: draw.choice([None, round(draw.uniform(-20, 90), 2)]) for name in ("margin", "roi", "percent_down")
            },
            **{name: draw.choice([None, draw.randint(-500, 9000)]) for name in ("profit_cents", "sale_price_cents")},
            sales_rank=draw.choice([None, draw.randint(1, 10**6)]),
            drops_30=draw.choice([None, 0, draw.randint(1, 40)]),
        )


@pytest.fixture
def held(database: Database) -> Database:
    with database.write.begin() as connection:
        connection.execute(insert(deals), list(some_rows(120)))
    return database


@pytest.fixture
def dashboard(held: Database, settings: Settings, clock: ManualClock) -> Iterator[Dashboard]:
    app = create_app(settings, database=held, clock=clock, verdict=lambda: WORKING)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with requests.Session() as session:
        yield Dashboard(session, replace(settings, web_port=server.server_port))
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("seed", range(4))
def test_database_api_and_page_count_the_same(
    held: Database, dashboard: Dashboard, clock: ManualClock, seed: int
) -> None:
    with held.read.begin() as connection:
        filters = filters_to_compare(connection, seed=seed, how_many=12, domain_id=1)
    counted = compare_counts(filters, database=held, dashboard=dashboard, clock=clock)
    assert [one.filter for one in counted][:2] == ["no filter", "margin_gte=5"]
    assert len(counted) == 14
    assert [one for one in counted if one.differs or not one.steady] == []


def test_deals_that_a_person_has_hidden_are_counted_nowhere(
    held: Database, dashboard: Dashboard, clock: ManualClock
) -> None:
    every = Filter((("state", "all"),), "1 = 1", {})
    before = compare_counts([every], database=held, dashboard=dashboard, clock=clock)[0]
    with held.write.begin() as connection:
        mark(connection, OWNER, [("B000000001", 1), ("B000000002", 1)], Action.HIDE, now=NOON)
    after = compare_counts([every], database=held, dashboard=dashboard, clock=clock)[0]
    assert (before.database, after.database) == (120, 118)
    assert not after.differs


def test_a_filter_that_means_something_else_here_and_there_is_seen(
    held: Database, dashboard: Dashboard, clock: ManualClock
) -> None:
    wrong = Filter((("margin_gte", "0"),), "state = 'live' and margin >= 0", {})
    assert compare_counts([wrong], database=held, dashboard=dashboard, clock=clock)[0].differs


def test_a_count_by_hand_knows_that_a_promise_ends(held: Database) -> None:
    live = Filter((), "state = 'live' and promised_until > :now", {})
    with held.read.begin() as connection:
        now, later = (count_by_hand(connection, live, now=NOON + timedelta(hours=h)) for h in (0, 6))
    assert now > later == 0


def test_a_dashboard_that_is_away_is_one_sentence(settings: Settings) -> None:
    with requests.Session() as session, pytest.raises(DashboardUnreachable, match="did not answer"):
        Dashboard(session, replace(settings, web_port=9)).api_count(())


def test_the_same_seed_draws_the_same_filters(held: Database) -> None:
    def draw(seed: int) -> list[Filter]:
        with held.read.begin() as connection:
            return filters_to_compare(connection, seed=seed, how_many=12, domain_id=1)

    assert draw(5) == draw(5) != draw(6)
