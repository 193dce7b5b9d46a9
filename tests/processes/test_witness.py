"""The watchdog keeps the history of verdicts, and is never held up by it."""

from __future__ import annotations

import json
import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from keepa_deals.errors import StoreError
from keepa_deals.health import Finding, Level, Verdict, VerdictState
from keepa_deals.processes import paths
from keepa_deals.processes.witness import HANGS_AFTER_SECONDS, Errand, Witness
from keepa_deals.settings import Settings, settings_from
from keepa_deals.store.engine import Database
from keepa_deals.store.tables import verdicts
from tests.processes.conftest import wait_until

AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, database: Database) -> Settings:
    made = settings_from({"VAR_DIR": str(tmp_path)}, root=tmp_path)
    made.run_dir.mkdir()
    return made


class Sequence:
    """Gives one verdict after the other, a minute apart."""

    def __init__(self, *states: VerdictState) -> None:
        self.left = list(states)
        self.asked = 0

    def __call__(self) -> Verdict:
        self.asked += 1
        found = (Finding("worker_dead", Level.ERROR, "seen", AT, "do"),) if self.left[0] is VerdictState.STUCK else ()
        return Verdict(self.left.pop(0), None, found, AT + timedelta(minutes=self.asked))


def kept(database: Database) -> list[tuple[str, int]]:
    with database.read.connect() as connection:
        rows = connection.execute(select(verdicts).order_by(verdicts.c.at)).all()
    return [(row.verdict, len(row.findings)) for row in rows]


def test_a_verdict_is_kept_when_it_changes(settings: Settings, database: Database) -> None:
    working, stuck = VerdictState.WORKING, VerdictState.STUCK
    witness = Witness(settings, Sequence(working, working, stuck, stuck, working))
    for _ in range(5):
        witness.look()
    assert kept(database) == [("working", 0), ("stuck", 1), ("working", 0)]
    told = json.loads(paths.witness_file(settings).read_text())
    assert 0 <= told["write_waited_seconds"] < 5


def test_a_change_is_a_log_line_that_warns_when_it_gets_worse(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    witness = Witness(
        settings, Sequence(VerdictState.WORKING, VerdictState.STUCK, VerdictState.STUCK, VerdictState.WORKING)
    )
    with caplog.at_level(logging.INFO, logger="keepa_deals.processes.witness"):
        for _ in range(4):
            witness.look()
    assert [(record.levelname, record.getMessage().split(":")[0]) for record in caplog.records] == [
        ("INFO", "verdict working"),
        ("WARNING", "verdict (was working) stuck"),
        ("INFO", "verdict (was stuck) working"),
    ]


def test_a_start_is_no_warning_and_a_start_that_fails_is(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    starting = Finding("starting", Level.INFO, "started 9 s ago", AT, "wait")
    dead = Finding("worker_dead", Level.ERROR, "it has ended", AT, "read")
    verdicts_to_come = [Verdict(VerdictState.STUCK, None, found, AT) for found in ((starting,), (starting,), (dead,))]
    witness = Witness(settings, lambda: verdicts_to_come.pop(0))
    with caplog.at_level(logging.INFO, logger="keepa_deals.processes.witness"):
        for _ in range(3):
            witness.look()
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]


def test_a_database_that_is_not_there_is_one_line_and_the_outside_is_told_all_the_same(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.dispose()
    settings.database_file.unlink()
    witness = Witness(settings, Sequence(VerdictState.BROKEN))
    witness.look()
    assert "the verdict could not be kept: the database said: unable to open database file" in caplog.text
    assert witness.teller is not None
    assert not settings.database_file.exists()


def test_the_verdict_is_asked_for_once_a_minute(settings: Settings) -> None:
    seconds = [100.0]
    sequence = Sequence(*[VerdictState.WORKING] * 9)
    witness = Witness(settings, sequence, lambda: seconds[0])
    for _ in range(13):
        witness.turn()
        wait_until(lambda: not (witness.looking._thread and witness.looking._thread.is_alive()))
        seconds[0] += 10
    assert sequence.asked == 3


def test_a_look_that_hangs_holds_nobody_up_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    let_go, seconds = threading.Event(), [0.0]
    errand = Errand("the errand", lambda: let_go.wait(20) and None, lambda: seconds[0])
    assert errand.start()
    seconds[0] += HANGS_AFTER_SECONDS + 1
    assert not errand.start()
    assert not errand.start()
    assert caplog.text.count("the errand has not come to an end for 91 s") == 1
    let_go.set()
    wait_until(errand.start)


def test_a_look_that_fails_is_a_line_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise StoreError("password hush")

    errand = Errand("the errand", fail)
    errand.start()
    wait_until(lambda: "the errand failed (StoreError)" in caplog.text)
    assert "hush" not in caplog.text
