"""Real processes at one file: what the default connection loses, and that ours loses nothing."""

from __future__ import annotations

import json
from pathlib import Path

from keepa_deals.diagnostics.locking import Figures, measure, report_on
from tests.diagnostics.conftest import Script


def test_ours_loses_nothing_and_refuses_nobody_while_another_holds_the_lock(tmp_path: Path) -> None:
    found = measure("ours", tmp_path, processes=3, additions=30, hold=1.5)
    assert (found.added, found.lost, found.locked, found.holds) == (90, 0, 0, True)
    assert found.worst_wait_seconds > 0.5


def test_the_default_connection_loses_additions(script: Script) -> None:
    told = json.loads(
        script("verify_db_locking", "--json", "--processes", "3", "--additions", "60", "--hold", "0").stdout
    )
    assert told["exit_code"] == 0
    assert told["default"]["lost"] > 0
    assert not told["default"]["holds"]
    assert told["ours"]["holds"]


def test_the_default_connection_gives_up_on_a_lock_that_is_held_for_long(tmp_path: Path) -> None:
    found = measure("default", tmp_path, processes=1, additions=1, hold=6.0)
    assert (found.added, found.locked) == (0, 1)


def test_a_connection_of_ours_that_loses_something_is_a_finding() -> None:
    fine = Figures("ours", 4, 400, 0, 0, 6.1, 7.0)
    bad = Figures("ours", 4, 400, 1, 0, 6.1, 7.0)
    default = Figures("default", 4, 390, 290, 10, 5.0, 9.0)
    assert report_on([default, fine], hold=6).code == 0
    assert report_on([default, bad], hold=6).code == 1


def test_a_server_keeps_its_own_locks(script: Script) -> None:
    told = script("verify_db_locking", DATABASE_URL="postgresql+psycopg://u:p@h/d")
    assert (told.returncode, told.stderr) == (2, "")
    assert "a database server keeps its own locks" in told.stdout
