"""A process is known by more than its pid, so that nobody is mourned or waited for by mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keepa_deals.identity import ProcessIdentity


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["/bin/sleep", "60"])
    yield process
    process.kill()
    process.wait()


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    return identity


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def wait_for_state(pid: int, state: str) -> None:
    deadline = time.monotonic() + 5
    while state_of(pid) != state:
        assert time.monotonic() < deadline, f"pid {pid} is {state_of(pid)}, not {state}"


def test_this_process_knows_itself_alive() -> None:
    me = ProcessIdentity.current()
    assert me.pid == os.getpid()
    assert me.is_alive() is True


def test_two_looks_at_one_process_agree_and_two_processes_differ(child: subprocess.Popen[bytes]) -> None:
    assert identity_of(child) == identity_of(child)
    assert identity_of(child) != ProcessIdentity.current()


def test_a_pid_that_was_used_again_is_somebody_else(child: subprocess.Popen[bytes]) -> None:
    predecessor = replace(identity_of(child), start_ticks=identity_of(child).start_ticks - 1)
    assert predecessor.is_alive() is False


def test_a_process_that_ended_is_dead(child: subprocess.Popen[bytes]) -> None:
    identity = identity_of(child)
    child.kill()
    child.wait()
    assert identity.is_alive() is False
    assert ProcessIdentity.of(identity.pid) is None


def test_a_zombie_that_its_parent_has_not_buried_is_dead(child: subprocess.Popen[bytes]) -> None:
    identity = identity_of(child)
    child.kill()
    wait_for_state(child.pid, "Z")
    assert identity.is_alive() is False
    assert ProcessIdentity.of(child.pid) is None


def test_a_stopped_process_is_alive(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGSTOP)
    wait_for_state(child.pid, "T")
    assert identity_of(child).is_alive() is True


@pytest.mark.parametrize(
    ("changed", "alive"),
    [
        ({"boot_id": "an earlier boot"}, False),
        ({"host": "elsewhere"}, None),
        ({"host": "elsewhere", "boot_id": "another boot"}, None),
        ({"pid_namespace": "pid:[1]"}, None),
        ({"pid_namespace": "pid:[1]", "boot_id": "an earlier boot"}, False),
    ],
)
def test_what_can_be_known_of_a_process_elsewhere(changed: dict[str, str], alive: bool | None) -> None:
    assert replace(ProcessIdentity.current(), **changed).is_alive() is alive


def test_a_name_full_of_brackets_and_spaces_does_not_confuse(tmp_path: Path) -> None:
    program = tmp_path / ") S 1 (x"
    program.symlink_to("/bin/sleep")
    process = subprocess.Popen([program, "60"])
    try:
        assert identity_of(process).is_alive() is True
        assert identity_of(process).start_ticks >= ProcessIdentity.current().start_ticks
    finally:
        process.kill()
        process.wait()


def test_an_identity_survives_being_written_down() -> None:
    me = ProcessIdentity.current()
    assert ProcessIdentity.from_dict(me.as_dict()) == me


def test_an_identity_written_down_incompletely_is_unknown_and_not_dead() -> None:
    assert ProcessIdentity.from_dict({"pid": 1}).is_alive() is None
