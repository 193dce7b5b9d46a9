"""The scripts at the top level, run as people run them, on whole installations in temporary folders."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import TAG_NAME, installation_id
from keepa_deals.processes import paths
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import claim_origin
from tests.conftest import NOON
from tests.processes.conftest import ROOT, Checkout, wait_until

MakeCheckout = Callable[..., Checkout]
SCRIPTS = ("start_celery.sh", "kill_everything_force.sh", "deploy_update.sh", "run_tests.sh")
PROGRAMS = {"redis", "simulator", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"}
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_says_what_the_script_does_and_changes_nothing(script: str, tmp_path: Path) -> None:
    before = sorted(path.name for path in ROOT.iterdir())
    answer = subprocess.run(
        [ROOT / script, "--help"], env={**BARE, "HOME": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert f"usage: ./{script}" in answer.stdout
    assert sorted(path.name for path in ROOT.iterdir()) == before


@pytest.mark.parametrize("script", [*SCRIPTS, ".ci/run"])
def test_the_scripts_never_look_for_processes_by_name_nor_need_root(script: str) -> None:
    text = (ROOT / script).read_text()
    assert text.startswith("#!/usr/bin/env bash\nset -euo pipefail\n")
    assert os.access(ROOT / script, os.X_OK)
    assert not [word for word in ("pkill", "killall", "sudo", "redis-cli", "pgrep") if word in text]


@pytest.mark.parametrize("script", ["start_celery.sh", "kill_everything_force.sh"])
def test_without_an_environment_the_remedy_is_one_sentence(make_checkout: MakeCheckout, script: str) -> None:
    checkout = make_checkout()
    (checkout.root / "venv").unlink()
    answer = checkout.run(checkout.root / script)
    assert answer.returncode == 1
    assert "./deploy_update.sh" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_python_that_is_too_old_is_named(make_checkout: MakeCheckout, tmp_path: Path) -> None:
    checkout = make_checkout()
    bin_dir = tmp_path / "bin"
    bin_dir.mkdir()
    for tool in ("bash", "dirname", "env"):
        (bin_dir / tool).symlink_to(Path("/usr/bin") / tool)
    old = bin_dir / "python3"
    old.write_text('#!/bin/bash\n[[ "$2" == *sys.exit* ]] && exit 1\necho 3.9.2\n')
    old.chmod(0o755)
    answer = subprocess.run(
        [checkout.root / "deploy_update.sh"], env={"PATH": str(bin_dir)}, capture_output=True, text=True
    )
    assert answer.returncode == 1
    assert f"No Python 3.11 or newer is on PATH; found: {old} (3.9.2)." in answer.stderr


def web_answers(checkout: Checkout) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", checkout.settings.web_port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Connection": "close"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@pytest.mark.processes
@pytest.mark.slow
def test_two_installations_live_side_by_side_and_each_is_killed_alone(
    make_checkout: MakeCheckout, sleeper: Callable[..., ProcessIdentity]
) -> None:
    one, two = make_checkout("one"), make_checkout(("a much longer name " * 5).strip())
    foreign = sleeper(name="celery -A celery_config worker")
    for checkout in (one, two):
        checkout.make_database()
    starts = [checkout.popen(checkout.root / "start_celery.sh") for checkout in (one, two)]
    for start in starts:
        said, complaint = start.communicate(timeout=100)
        assert start.returncode == 0, said + complaint
    for checkout in (one, two):
        assert {name for name in PROGRAMS if len(checkout.entries(name)) == 1} == PROGRAMS
        assert web_answers(checkout)
    before = {identity.pid for identity in one.living_processes()}

    again = one.run(one.root / "start_celery.sh")
    assert "Everything was running already" in again.stdout
    assert before <= {identity.pid for identity in one.living_processes()}

    [supervisor] = one.entries("supervisord")
    [worker] = one.entries("worker-upsert")
    os.kill(worker.identity.pid, signal.SIGSTOP)
    os.kill(supervisor.identity.pid, signal.SIGKILL)
    killed = one.run(one.root / "kill_everything_force.sh")
    assert killed.returncode == 0, killed.stderr
    assert one.living_processes() == []
    assert foreign.is_alive()
    assert web_answers(two)
    assert {name for name in PROGRAMS if len(two.entries(name)) == 1} == PROGRAMS

    short = paths.redis_socket(two.settings).parent
    assert short.parent == Path("/tmp")
    killed = two.run(two.root / "kill_everything_force.sh")
    assert killed.returncode == 0, killed.stderr
    assert "none left" in killed.stdout
    assert two.living_processes() == []
    assert foreign.is_alive()
    assert not short.exists()


def test_kill_needs_nothing_to_be_right_but_the_folder(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    checkout.make_database()
    checkout.settings.run_dir.mkdir()
    (checkout.root / ".env").write_text("this is not a setting\n")
    answer = checkout.run(checkout.root / "kill_everything_force.sh")
    assert answer.returncode == 0
    assert ".env line 1 can't be understood" in answer.stderr


def refusal(checkout: Checkout) -> str:
    """What deploy's second half says, which must have changed nothing."""
    answer = checkout.run(*checkout.module("deploy", "--wait-seconds", "1"))
    assert answer.returncode == 1, answer.stdout
    assert "starting" not in answer.stdout
    assert "Traceback" not in answer.stderr
    assert (checkout.root / "venv").is_symlink()
    return answer.stderr.strip()


@pytest.mark.parametrize("in_its_place", [None, "folder", "dangling"])
def test_kill_works_when_venv_was_taken_away_under_it(
    make_checkout: MakeCheckout, sleeper: Callable[..., ProcessIdentity], in_its_place: str | None
) -> None:
    checkout = make_checkout()
    venv = checkout.root / "venv"
    venv.rename(checkout.root / "venv-0123456789ab")
    if in_its_place == "folder":
        venv.mkdir()
    elif in_its_place == "dangling":
        venv.symlink_to("nowhere")
    checkout.settings.run_dir.mkdir(parents=True)
    ours = sleeper(environment={TAG_NAME: installation_id(checkout.settings.var_dir)})
    answer = checkout.run(checkout.root / "kill_everything_force.sh")
    assert answer.returncode == 0, answer.stderr
    assert not ours.is_alive()


def test_deploy_refuses_a_setting_that_is_wrong(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    (checkout.root / ".env").write_text("PROMISE_HOURS=soon\n")
    assert refusal(checkout).startswith("PROMISE_HOURS is 'soon'; it must be a number")


def test_deploy_refuses_a_port_in_use_and_names_it(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", checkout.settings.web_port))
        taken.listen()
        said = refusal(checkout)
    assert f"can't listen on 127.0.0.1 port {checkout.settings.web_port}" in said
    assert "WEB_PORT" in said


def test_deploy_refuses_a_database_of_a_newer_version(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    checkout.make_database()
    with closing(sqlite3.connect(checkout.settings.database_file)) as database:
        database.execute("update alembic_version set version_num = '9999'")
        database.commit()
    assert "9999" in refusal(checkout)


def test_deploy_refuses_a_database_of_the_other_origin(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    checkout.make_database()
    database = open_database(checkout.settings.database_address())
    with database.write.begin() as connection:
        claim_origin(connection, origin="real", account="x", now=NOON)
    database.dispose()
    assert "holds real data" in refusal(checkout)


def test_deploy_refuses_a_var_dir_it_cannot_write(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    (checkout.root / "blocked").write_text("")
    checkout.values["VAR_DIR"] = str(checkout.root / "blocked" / "var")
    answer = checkout.run(checkout.root / "deploy_update.sh")
    assert answer.returncode == 1
    assert "VAR_DIR" in answer.stderr
    assert "what ran before still runs" in answer.stderr


@pytest.mark.slow
def test_a_failed_install_changes_nothing_and_is_one_paragraph(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    (checkout.root / "requirements.txt").write_text("celery==5.7.0\n")
    before = (checkout.root / "venv").readlink()
    answer = checkout.run(checkout.root / "deploy_update.sh", seconds=100)
    assert answer.returncode == 1
    assert "installing requirements.txt failed: ERROR: " in answer.stderr
    assert (checkout.root / "venv").readlink() == before
    assert not checkout.settings.database_file.exists()


def test_somebody_elses_venv_folder_is_not_replaced(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    (checkout.root / "venv").unlink()
    (checkout.root / "venv").mkdir()
    answer = checkout.run(checkout.root / "deploy_update.sh")
    assert answer.returncode == 1
    assert "is a folder that this program did not make" in answer.stderr
    assert (checkout.root / "venv").is_dir()


def test_two_deploys_exclude_each_other(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    holding = (
        "import sys; from pathlib import Path; from keepa_deals.processes.virtualenv import building\n"
        "with building(Path('.')): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [checkout.root / "venv" / "bin" / "python", "-c", holding],
        cwd=checkout.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        second = checkout.run(checkout.root / "deploy_update.sh")
        assert second.returncode == 1
        assert "wait until it has ended" in second.stderr
        first.communicate()


@pytest.mark.processes
@pytest.mark.slow
def test_what_ran_before_runs_again_when_a_deploy_fails_or_is_interrupted(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    checkout.make_database()
    started = checkout.run(checkout.root / "start_celery.sh", seconds=100)
    assert started.returncode == 0, started.stderr
    [before] = checkout.entries("beat")
    schema = checkout.root / "keepa_deals" / "store" / "schema.py"
    whole = schema.read_text()
    schema.write_text(
        whole + "\n\ndef migrate(address: str) -> None:\n    raise StoreError('The migration failed half way.')\n"
    )
    answer = checkout.run(*checkout.module("deploy", "--wait-seconds", "1"), seconds=100)
    assert answer.returncode == 1
    assert answer.stderr.strip().endswith("The migration failed half way.")
    assert "going back: starting what ran before" in answer.stdout
    wait_until(lambda: web_answers(checkout))
    [after] = checkout.entries("beat")
    assert before.identity != after.identity
    assert len(list(checkout.settings.backup_dir.glob("deals-*.db"))) == 1
    roster = json.loads(paths.roster_file(checkout.settings).read_text())
    assert {fields["name"] for fields in roster} >= PROGRAMS

    schema.write_text(whole)
    interrupted = checkout.popen(*checkout.module("deploy", "--wait-seconds", "1"))
    assert interrupted.stdout is not None
    while "stopping worker" not in interrupted.stdout.readline():
        assert interrupted.poll() is None
    interrupted.terminate()
    _, complaint = interrupted.communicate(timeout=100)
    assert interrupted.returncode == 130
    assert complaint.strip() == "Interrupted. Nothing saved is lost; run ./deploy_update.sh again to finish."
    assert {name for name in PROGRAMS if len(checkout.entries(name)) == 1} == PROGRAMS
