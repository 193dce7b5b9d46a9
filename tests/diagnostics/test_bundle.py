"""The support bundle: everything an engineer needs, and no secret wherever one was planted."""

from __future__ import annotations

import base64
import json
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from keepa_deals.diagnostics import bundle
from keepa_deals.records import Pass, PassReport, StopReason
from keepa_deals.settings import settings_from
from keepa_deals.store import call_ledger, pass_records, poison, pulses
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.engine import Database
from tests.diagnostics.conftest import ROOT, Script

SECRETS = {
    "KEEPA_API_KEY": "a1b2c3d4" * 8,
    "ADMIN_API_KEY": "admin/secret+0123=456789",
    "REDIS_URL": "redis://red-user:red-pa%2Fss-word@127.0.0.1:9/0",
    "DEADMAN_URL": "https://check.example/ping/deadman-token-1",
    "VERDICT_WEBHOOK_URL": "https://hook.example/services/webhook-token-2?sig=webhook-sig-3",
    "VERDICT_WEBHOOK_SECRET": "signing&secret<4>0123",
}
FOREIGN = {"OTHER_SERVICE_TOKEN": "foreign-token-5", "MAIL_DSN": "smtp://mail:foreign-pass-6@mail.example"}
PLANTED = [
    *SECRETS.values(), *FOREIGN.values(),
    "red-user", "red-pa/ss-word", "red-pa%2Fss-word", "deadman-token-1", "webhook-token-2", "webhook-sig-3",
    "foreign-pass-6",
]  # fmt: skip


def spellings(secret: str) -> set[str]:
    """How a test that shares no code with the program would look for it."""
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        quote(secret, safe="").lower(),
        json.dumps(secret)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode().rstrip("=")[:-1],
        base64.b64encode(b"u:" + raw).decode().rstrip("=")[4:-1],
    }


def everything(how: str = "") -> str:
    """Every secret in every spelling; in base64 also as the second half of a user and a password."""
    told = [spelling for secret in PLANTED for spelling in (secret, quote(secret, safe=""), secret.encode().hex())]
    told += [base64.b64encode(before + secret.encode()).decode() for secret in PLANTED for before in (b"", b"u:")]
    return f"{how} " + " | ".join([*told, *(json.dumps(secret) for secret in PLANTED)])


LOGS = ("celery_worker.log", "celery_worker.log.1", "web.log", "redis.log", "supervisord.log", "supervisord.err")


@pytest.fixture
def planted(var_dir: Path, database: Database) -> None:
    """An installation with every secret in every place that a bundle looks at."""
    now = datetime.now(UTC)
    (var_dir / "installation").write_text(json.dumps({"id": "0" * 12, "var_dir": str(var_dir)}))
    (var_dir / "log").mkdir()
    (var_dir / "run").mkdir()
    for name in LOGS:
        (var_dir / "log" / name).write_text(f"INFO all is well\nERROR {everything('asked')}\n")
    for name in ("beat.json", "watchdog.json", "alerts.json"):
        (var_dir / "run" / name).write_text(json.dumps({"last_error": everything("heard")}))
    (var_dir / "run" / "demo.json").write_text(json.dumps({"key": "demo", "port": 1}))
    with database.write.begin() as connection:
        pass_records.begin_pass(connection, Pass.LIVE_UPDATE, now=now)
        report = PassReport(Pass.LIVE_UPDATE, now, now, StopReason.FAILED, error=everything("StoreError:"))
        pass_records.finish_pass(connection, report, due_at=now, now=now)
        for name, at in (("new", now), ("old", now - timedelta(hours=49))):
            call_ledger.open_call(
                connection, name, which=Pass.LOOKS, purpose="x", what=everything(name), reserved=1, now=at
            )
            call_ledger.settle_call(
                connection, name, outcome=CallOutcome.LOST, billed=None, balance_after=None, error=everything(), now=at
            )
        poison.note_failure(connection, "page", "7", error=everything(), now=now)
        pulses.record_verdict(connection, "broken", waiting_until=None, findings=[{"seen": everything()}], now=now)


def unpacked(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        return {
            member.name.removeprefix("keepa-deals-support/"): tar.extractfile(member).read().decode()  # type: ignore[union-attr]
            for member in tar.getmembers()
        }


@pytest.fixture
def members(planted: None, script: Script, tmp_path: Path) -> dict[str, str]:
    told = script("support_bundle", "--json", "--output", str(tmp_path / "bundle.tar.gz"), **SECRETS, **FOREIGN)
    assert told.stderr == ""
    assert not [secret for secret in PLANTED if secret in told.stdout]
    return unpacked(tmp_path / "bundle.tar.gz")


def test_no_planted_secret_is_in_it_in_any_spelling(members: dict[str, str]) -> None:
    whole = "\n".join(f"{name}\n{member}" for name, member in members.items()).lower()
    assert "***" in whole
    found = {spelling for secret in PLANTED for spelling in spellings(secret) if spelling.lower() in whole}
    assert found == set()


def test_it_holds_what_an_engineer_needs(members: dict[str, str]) -> None:
    assert {
        "README.txt", "versions.json", "settings.json", "health.json", "schema.txt", "passes.json", "pass_reports.json",
        "calls.json", "verdicts.json", "poison.json", "pulses.json", "fences.json", "run/beat.json",
        *(f"log/{name}" for name in LOGS),
    } <= set(members)  # fmt: skip
    assert json.loads(members["settings.json"])["keepa_api_key"] == "set, not shown"
    assert json.loads(members["settings.json"])["promise_hours"] == 12.0
    assert json.loads(members["versions.json"])["packages"]["celery"]
    assert [call["id"] for call in json.loads(members["calls.json"])] == ["new"]
    assert "INFO all is well" in members["log/web.log"]
    assert "CREATE TABLE deals" in members["schema.txt"]
    assert json.loads(members["health.json"])["line"].startswith(("stopped", "broken"))
    assert "run/demo.json" not in members


def test_secrets_in_the_env_file_are_hidden_too(planted: None, var_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    given = {**SECRETS, "VAR_DIR": str(var_dir)}
    (tmp_path / "root" / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in given.items()))
    output = tmp_path / "from-env.tar.gz"
    code = bundle.main(["--output", str(output)], root=tmp_path / "root", environ=FOREIGN)
    assert code == 1
    whole = "\n".join(unpacked(output).values()).lower()
    assert {one for secret in PLANTED for one in spellings(secret) if one.lower() in whole} == set()


def test_what_can_not_be_had_is_named_and_the_rest_is_there(script: Script, tmp_path: Path) -> None:
    told = json.loads(script("support_bundle", "--json", "--output", str(tmp_path / "b.tar.gz")).stdout)
    assert told["exit_code"] == 1
    assert "nothing was ever started" in told["missing"]["tokens.json"] or "Keepa" in told["missing"]["tokens.json"]
    assert "calls.json" in told["members"]
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(script: Script, tmp_path: Path) -> None:
    (tmp_path / "mine.tar.gz").write_text("mine")
    told = script("support_bundle", "--output", str(tmp_path / "mine.tar.gz"))
    assert told.returncode == 2
    assert "give another --output" in told.stdout
    assert (tmp_path / "mine.tar.gz").read_text() == "mine"


def test_without_a_place_it_is_written_where_one_stands(script: Script, tmp_path: Path) -> None:
    script("support_bundle")
    assert len(list(tmp_path.glob("keepa-deals-support-*.tar.gz"))) == 1


def test_a_long_log_begins_with_a_whole_line(planted: None, var_dir: Path, script: Script, tmp_path: Path) -> None:
    log = var_dir / "log" / "web.log"
    log.write_text("x" * 100 + "\n" + ("y" * 99 + "\n") * 4000)
    script("support_bundle", "--output", str(tmp_path / "b.tar.gz"))
    lines = unpacked(tmp_path / "b.tar.gz")["log/web.log"].splitlines()
    assert {len(line) for line in lines} == {99}


def test_settings_hold_nothing_else_that_is_secret() -> None:
    """Every secret setting is of the type that the bundle never shows."""
    settings = settings_from({**SECRETS, "DATABASE_URL": "sqlite:////x/y.db"}, root=ROOT)
    told = json.dumps(bundle._plain_settings(settings), default=str)
    assert not [secret for secret in SECRETS.values() if secret in told]
