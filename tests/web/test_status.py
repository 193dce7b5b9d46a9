"""What /healthz and /readyz say, and what is said when something is wrong inside."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from sqlalchemy import text

from keepa_deals.clock import ManualClock
from keepa_deals.deal_query import PARAMETERS
from keepa_deals.health import Finding, Level, Numbers, Verdict, VerdictState, verdict_line
from keepa_deals.settings import settings_from
from keepa_deals.store.engine import Database, open_database
from keepa_deals.web import create_app
from keepa_deals.web.desk import VerdictDesk
from tests.builders import NOW, a_deal_row


def told(state: VerdictState, *findings: Finding) -> Verdict:
    until = NOW + timedelta(minutes=5) if state is VerdictState.WAITING else None
    return Verdict(state, until, findings, NOW)


@pytest.mark.parametrize("state", VerdictState)
def test_ready_is_exactly_working_or_waiting(make_app: Callable[..., Flask], state: VerdictState) -> None:
    client = make_app(verdict=lambda: told(state)).test_client()
    response = client.get("/readyz")
    assert response.get_json()["verdict"] == state.value
    assert (response.status_code == 200) == (state in (VerdictState.WORKING, VerdictState.WAITING))
    assert client.get("/healthz").get_json() == {"status": "alive"}


def test_findings_are_told_with_their_remedy(make_app: Callable[..., Flask]) -> None:
    finding = Finding("pulse_stale", Level.ERROR, "no pulse for 9 min", NOW, "Read the log")
    body = make_app(verdict=lambda: told(VerdictState.STUCK, finding)).test_client().get("/readyz").get_json()
    assert body["waiting_until"] is None
    assert body["findings"] == [
        {
            "id": "pulse_stale",
            "level": "error",
            "seen": "no pulse for 9 min",
            "since": "2026-03-05T12:00:00Z",
            "remedy": "Read the log",
        }
    ]


def test_a_verdict_that_fails_is_broken_and_no_page_fails_with_it(make_app: Callable[..., Flask]) -> None:
    def fail() -> Verdict:
        raise RuntimeError("secret words")

    client = make_app(verdict=fail).test_client()
    response = client.get("/readyz")
    assert (response.status_code, response.get_json()["verdict"]) == (503, "broken")
    assert client.get("/").status_code == 200
    assert "secret words" not in response.get_data(as_text=True) + client.get("/").get_data(as_text=True)


def test_the_verdict_is_asked_for_once_in_two_seconds() -> None:
    asked: list[int] = []

    def count() -> Verdict:
        asked.append(1)
        return told(VerdictState.WORKING)

    desk = VerdictDesk(count, clock=ManualClock(NOW))
    assert [desk().state for _ in range(5)] == [VerdictState.WORKING] * 5
    assert len(asked) == 1


def app_on(path: Path) -> FlaskClient:
    opened = open_database(f"sqlite:///{path}")
    app = create_app(
        settings_from({}, root=path.parent),
        database=opened,
        clock=ManualClock(NOW),
        verdict=lambda: told(VerdictState.BROKEN),
    )
    return app.test_client()


def write_nothing(path: Path) -> None:
    path.unlink(missing_ok=True)


def write_garbage(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def write_empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("prepare", "words"),
    [(write_nothing, "is not there"), (write_empty, "deploy_update.sh"), (write_garbage, "comprehensive_diag.py")],
)
def test_a_database_that_can_not_be_read_is_a_clear_503(
    tmp_path: Path, prepare: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "unusable.db"
    prepare(path)
    client = app_on(path)
    for address in ("/", "/deals/B000000001", "/api/deals", "/api/deal-count", "/api/deals/B000000001"):
        response = client.get(address)
        body = response.get_data(as_text=True)
        assert response.status_code == 503
        assert words in body
        assert "Traceback" not in body
        assert str(tmp_path) not in body
    assert client.get("/api/deals").get_json()["error"]["code"] == "database_unavailable"
    assert client.get("/healthz").status_code == 200


def test_a_damaged_explanation_harms_only_its_own_deal(
    client: FlaskClient, hold: Callable[..., None], database: Database
) -> None:
    hold(a_deal_row())
    with database.write.begin() as connection:
        connection.execute(text("update deals set explanation = '{cut off'"))
    assert client.get("/").status_code == 200
    assert client.get("/api/deals").status_code == 200
    assert client.get("/deals/0140328726").status_code == 503


def test_a_fault_of_ours_shows_an_incident_that_is_in_the_log(
    make_app: Callable[..., Flask], caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.get("/api/fault")
    def fault() -> str:
        raise ZeroDivisionError("inner words")

    with caplog.at_level(logging.ERROR):
        response = app.test_client().get("/api/fault")
    error = response.get_json()["error"]
    incident = re.search(r"incident (\w{8})", error["message"])
    assert (response.status_code, error["code"]) == (500, "internal_error")
    assert incident is not None
    assert f"incident={incident[1]}" in caplog.text
    assert "inner words" not in error["message"]


anything = st.text(max_size=30) | st.sampled_from(
    ["0", "1", "-1", "12.5", "1e999", "nan", "live", "\x00", "\ud800", "9" * 400]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(PARAMETERS) | st.text(max_size=12), anything), max_size=6), st.text(max_size=20)
)
def test_garbage_never_is_a_fault_of_ours(
    client: FlaskClient, hold: Callable[..., None], pairs: list[tuple[str, str]], segment: str
) -> None:
    whole = [tuple(part.encode("utf-8", "surrogatepass").decode("latin-1") for part in pair) for pair in pairs]
    for address in ("/", "/api/deals", "/api/deal-count"):
        assert client.get(address, query_string=whole).status_code in (200, 400)
    assert client.get(f"/api/deals/{segment.encode().hex()}", query_string=whole).status_code in (400, 404)
    assert client.get("/deals/" + segment.replace("?", "").replace("#", "").replace("/", "")).status_code in (
        200,
        308,
        404,
    )


def test_the_header_says_the_verdict_in_the_same_line_as_everything_else(make_app: Callable[..., Flask]) -> None:
    verdict = Verdict(
        VerdictState.WORKING, None, (), NOW, Numbers(live=214, inside_percent=98.0, balance=37, capacity=1200)
    )
    page = make_app(verdict=lambda: verdict).test_client().get("/").get_data(as_text=True)
    assert f"<p>{escape(verdict_line(verdict))}</p>" in page
