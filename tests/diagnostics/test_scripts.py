"""The scripts as real processes against a real database with nothing running."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.diagnostics.conftest import Script

NAMES = ("comprehensive_diag", "diagnose_dwindling_deals", "force_clear_locks", "check_tokens")
WRITING_NAMES = ("support_bundle", "verify_db_locking")
"""What writes: a file where it is told to, or into a folder that is gone afterwards."""
KEY = "a1b2c3d4" * 8
ADMIN = "admin-secret-0123456789"
PASSWORD = "redis-password-42"


def test_a_stopped_installation_is_told_in_the_first_line_with_exit_1(script: Script) -> None:
    told = script("comprehensive_diag")
    assert (told.returncode, told.stderr) == (1, "")
    assert told.stdout.startswith(
        "stopped: no process of this installation is recorded. Start it with ./start_celery.sh"
    )


def test_the_same_verdict_as_json(script: Script) -> None:
    told = json.loads(script("comprehensive_diag", "--json").stdout)
    assert (told["verdict"], told["exit_code"]) == ("stopped", 1)
    assert [found["id"] for found in told["findings"]] == ["stopped"]
    assert told["rows"] == {"live": 0, "unverified": 0, "gone": 0, "candidates": {}}


def test_looking_writes_nothing_into_the_folder(script: Script, var_dir: Path) -> None:
    script("comprehensive_diag")
    script("force_clear_locks")
    assert {path.name for path in var_dir.iterdir()} <= {"deals.db", "deals.db-wal", "deals.db-shm"}


def test_no_deals_in_a_stopped_installation_is_our_own_fault(script: Script) -> None:
    told = script("diagnose_dwindling_deals")
    assert told.returncode == 1
    assert told.stdout.splitlines()[-1] == "There are no deals, and the cause is us: the service is stopped."


@pytest.mark.parametrize("name", ["force_clear_locks", "check_tokens"])
def test_what_needs_a_running_service_says_that_it_could_not_look(script: Script, name: str) -> None:
    told = script(name, "--json")
    assert told.returncode == json.loads(told.stdout)["exit_code"] == 2
    assert json.loads(told.stdout)["could_not_look"]


@pytest.mark.parametrize("name", [*NAMES, *WRITING_NAMES])
def test_a_python_without_the_dependencies_is_one_sentence_and_exit_2(script: Script, name: str) -> None:
    told = script(name, python=(sys.executable, "-S"))
    assert (told.returncode, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 1
    assert "venv/bin/python instead" in told.stderr


@pytest.mark.parametrize("name", ["comprehensive_diag", "check_tokens"])
def test_a_bad_setting_is_one_sentence_and_exit_2(script: Script, name: str) -> None:
    told = script(name, WEB_PORT="many")
    assert (told.returncode, told.stderr) == (2, "")
    assert told.stdout.startswith("broken: WEB_PORT is 'many'; it must be a whole number from 1 to 65535. ")


@pytest.mark.parametrize(
    ("name", "form"), [*((name, ()) for name in (*NAMES, "support_bundle")), ("comprehensive_diag", ("--json",))]
)
def test_no_secret_is_ever_shown(script: Script, var_dir: Path, name: str, form: tuple[str, ...]) -> None:
    (var_dir / "log").mkdir()
    (var_dir / "log" / "celery_worker.log").write_text(f"ERROR could not ask https://api.keepa.com/token?key={KEY}\n")
    (var_dir / "installation").write_text(json.dumps({"id": "0" * 12, "var_dir": str(var_dir)}))
    told = script(
        name, *form,
        KEEPA_API_KEY=KEY, KEEPA_BASE_URL="http://127.0.0.1:9", ADMIN_API_KEY=ADMIN, REDIS_URL=f"redis://:{PASSWORD}@127.0.0.1:9/0",
    )  # fmt: skip
    said = told.stdout + told.stderr
    assert said
    assert not [secret for secret in (KEY, ADMIN, PASSWORD) if secret in said]


def test_warnings_of_the_logs_are_shown_when_something_is_wrong(script: Script, var_dir: Path) -> None:
    (var_dir / "log").mkdir()
    (var_dir / "log" / "celery_beat.log").write_text("INFO all is well\nERROR the broker went away\n")
    told = script("diagnose_dwindling_deals").stdout
    assert "celery_beat.log: ERROR the broker went away" in told
    assert "all is well" not in told
