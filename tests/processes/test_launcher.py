"""The launcher: right interpreter, one of each kind, orphans ended, a damaged server file survived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import PROGRAM_TAG_NAME, TAG_NAME, installation_id
from keepa_deals.processes import paths, roster
from keepa_deals.processes.place import is_orphan
from keepa_deals.processes.preflight import interpreter_complaint
from keepa_deals.redis_client import connect
from tests.processes.conftest import Checkout, wait_until

MakeCheckout = Callable[..., Checkout]
Sleeper = Callable[..., ProcessIdentity]


def test_the_wrong_interpreter_is_one_line_naming_both_and_exit_78(make_checkout: MakeCheckout, tmp_path: Path) -> None:
    checkout = make_checkout()
    other = tmp_path / "other-venv"
    other.mkdir()
    (checkout.root / "venv").unlink()
    (checkout.root / "venv").symlink_to(other)
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    answer = checkout.run(python, "-m", "keepa_deals.processes.launcher", "beat")
    assert answer.returncode == 78
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert python in answer.stderr
    assert str(checkout.root / "venv" / "bin" / "python") in answer.stderr


def test_the_link_and_the_folder_behind_it_are_the_same_interpreter(tmp_path: Path) -> None:
    (tmp_path / "venv-abc").mkdir()
    (tmp_path / "venv").symlink_to("venv-abc")
    for prefix in (tmp_path / "venv", tmp_path / "venv-abc"):
        assert interpreter_complaint(tmp_path, prefix=prefix, executable="x", version="3") is None
    assert interpreter_complaint(tmp_path, prefix=Path("/usr"), executable="/usr/bin/python3", version="3") is not None


def test_a_bad_setting_is_one_line_and_exit_78(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    (checkout.root / ".env").write_text("LOG_LEVEL=loud\n")
    answer = checkout.run(*checkout.module("launcher", "web"))
    assert (answer.returncode, answer.stderr) == (
        78,
        "web: LOG_LEVEL is 'loud'; it must be one of DEBUG, INFO, WARNING, ERROR.\n",
    )


def start_redis(checkout: Checkout) -> subprocess.Popen[str]:
    process = checkout.popen(*checkout.module("launcher", "redis"))
    wait_until(lambda: answers(checkout) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


def answers(checkout: Checkout) -> bool:
    client = connect(paths.redis_address(checkout.settings))
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.processes
def test_a_second_one_of_a_kind_refuses_and_names_the_first_and_a_killed_one_frees_its_place(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    first = start_redis(checkout)
    second = checkout.run(*checkout.module("launcher", "redis"))
    assert second.returncode == 75
    assert f"another redis of this installation is running (pid {first.pid})" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert first.poll() is None

    end(first)
    third = start_redis(checkout)
    assert [entry.identity.pid for entry in checkout.entries("redis")] == [third.pid]
    end(third)


@pytest.mark.processes
def test_orphans_are_ended_by_record_and_by_tag_and_others_left_alone(
    make_checkout: MakeCheckout, sleeper: Sleeper
) -> None:
    checkout = make_checkout()
    tag = {TAG_NAME: installation_id(checkout.settings.var_dir)}
    checkout.settings.run_dir.mkdir()
    orphan, other_program = sleeper(), sleeper(environment={**tag, PROGRAM_TAG_NAME: "web"})
    roster.record(paths.roster_file(checkout.settings), "redis", identity=orphan, parent=None)
    tagged_child = sleeper(environment={**tag, PROGRAM_TAG_NAME: "redis"})

    process = start_redis(checkout)

    assert (orphan.is_alive(), tagged_child.is_alive(), other_program.is_alive()) == (False, False, True)
    end(process)


@pytest.mark.processes
def test_a_damaged_append_only_file_is_moved_aside_and_a_cut_one_is_loaded(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    process = start_redis(checkout)
    client = connect(paths.redis_address(checkout.settings))
    for number in range(100):
        client.set(f"key:{number}", "value")
    client.close()
    process.terminate()
    process.communicate()
    increments = next((paths.redis_dir(checkout.settings) / "appendonlydir").glob("*.incr.aof"))

    os.truncate(increments, increments.stat().st_size - 5)
    process = start_redis(checkout)
    client = connect(paths.redis_address(checkout.settings))
    assert client.dbsize() == 99
    client.close()
    end(process)

    with increments.open("r+b") as file:
        file.seek(300)
        file.write(b"garbage, not a command")
    process = start_redis(checkout)
    client = connect(paths.redis_address(checkout.settings))
    assert client.dbsize() == 0
    assert client.info("memory")["maxmemory_policy"] == "noeviction"
    client.close()
    process.terminate()
    _, complaint = process.communicate()
    assert "moved aside to" in complaint
    assert len(list(paths.redis_dir(checkout.settings).glob("unreadable-*"))) == 1


@pytest.mark.parametrize(
    ("parent_lives", "same_parent", "supervised", "orphan"),
    [
        (False, False, True, True),
        (False, False, False, True),
        (True, False, True, False),
        (True, False, False, False),
        (True, True, True, True),
        (True, True, False, False),
    ],
)
def test_an_orphan_is_one_that_nobody_looks_after(
    sleeper: Sleeper, parent_lives: bool, same_parent: bool, supervised: bool, orphan: bool
) -> None:
    parent = sleeper()
    if not parent_lives:
        os.kill(parent.pid, signal.SIGKILL)
        wait_until(lambda: not parent.is_alive())
    entry = roster.Entry("beat", ProcessIdentity.current(), datetime.now(UTC), parent)
    mine = parent if same_parent else ProcessIdentity.current()
    assert is_orphan(entry, my_parent=mine, supervised=supervised) is orphan


def test_the_roster_tells_what_was_agreed(make_checkout: MakeCheckout, sleeper: Sleeper) -> None:
    path = make_checkout().root / "processes.json"
    roster.record(path, "beat", identity=sleeper(), parent=None)
    assert {"name", "pid", "start_ticks", "boot_id", "started_at"} <= set(json.loads(path.read_text())[0])
