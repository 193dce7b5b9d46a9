"""Folders, ports, sockets and the pinned clock."""

from __future__ import annotations

import os
import socket
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.clock import ScaledClock
from keepa_deals.errors import BadSettings
from keepa_deals.processes import paths, surroundings
from keepa_deals.settings import settings_from


def test_every_folder_of_var_dir_is_private(tmp_path: Path) -> None:
    settings = settings_from({}, root=tmp_path)
    surroundings.prepare_folders(settings)
    folders = [settings.var_dir, *(path for path in settings.var_dir.iterdir() if path.is_dir())]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_a_var_dir_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    settings = settings_from({"VAR_DIR": str(tmp_path / "file" / "var")}, root=tmp_path)
    with pytest.raises(BadSettings, match=r"VAR_DIR \(.*\) can't be written: Not a directory"):
        surroundings.prepare_folders(settings)


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full to stand for a full disk")
    settings = settings_from({}, root=tmp_path)
    full = lambda dir: open("/dev/full", "wb", buffering=0)  # noqa: E731, PTH123, SIM115
    monkeypatch.setattr(surroundings.tempfile, "TemporaryFile", full)
    with pytest.raises(BadSettings, match="No space left on device"):
        surroundings.prepare_folders(settings)


def test_a_taken_port_is_a_complaint_and_a_free_one_is_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert surroundings.port_complaint("127.0.0.1", port) == "Address already in use"
    assert surroundings.port_complaint("127.0.0.1", port) is None


def test_the_demo_keeps_its_key_and_port(tmp_path: Path) -> None:
    settings = settings_from({}, root=tmp_path)
    surroundings.prepare_folders(settings)
    first = surroundings.demo_place(settings)
    assert surroundings.demo_place(settings) == first
    assert len(first.key) == 64
    assert stat.S_IMODE(paths.demo_file(settings).stat().st_mode) == 0o600
    surroundings.move_demo_port(settings)
    assert surroundings.demo_place(settings).key == first.key


def test_a_given_simulator_port_wins(tmp_path: Path) -> None:
    settings = settings_from({"SIMULATOR_PORT": "4567"}, root=tmp_path)
    surroundings.prepare_folders(settings)
    assert surroundings.demo_place(settings).port == 4567


def test_an_accelerated_clock_is_pinned_once_for_everybody(tmp_path: Path) -> None:
    given_values = {"CLOCK_SPEED": "60"}
    anchor = surroundings.pinned_anchor(settings_from(given_values, root=tmp_path))
    assert anchor is not None
    assert surroundings.pinned_anchor(settings_from(given_values, root=tmp_path)) == anchor
    (tmp_path / ".env").write_text("CLOCK_SPEED=60\n")
    assert surroundings.full_settings(tmp_path, {}).clock_anchor == anchor
    child = surroundings.child_environment(settings_from(given_values, root=tmp_path), environ={})
    assert datetime.fromisoformat(child["CLOCK_ANCHOR"]) == anchor


@given(
    old=st.floats(0.1, 3600),
    new=st.floats(0.1, 3600).filter(lambda speed: abs(speed - 1) > 0.01),
    ran=st.integers(0, 10**6),
)
def test_a_change_of_speed_never_makes_the_clock_jump(old: float, new: float, ran: int) -> None:
    started = datetime(2026, 1, 1, tzinfo=UTC)
    now = started + timedelta(seconds=ran)
    anchor = surroundings.anchor_going_on(old, started, speed=new, now=now)
    before, after = started + (now - started) * old, anchor + (now - anchor) * new
    assert abs(before - after) < timedelta(seconds=1)
    assert ScaledClock(anchor, new).speed == new


def test_children_do_not_inherit_another_pythons_paths(tmp_path: Path) -> None:
    child = surroundings.child_environment(
        settings_from({}, root=tmp_path), environ={"PYTHONPATH": "/x", "PYTHONHOME": "/y", "LANG": "C"}
    )
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(child)
    assert child["LANG"] == "C"


def test_a_socket_path_the_kernel_cannot_take_moves_to_a_short_private_folder(tmp_path: Path) -> None:
    settings = settings_from({"VAR_DIR": "d" * 100}, root=tmp_path)
    short = paths.supervisor_socket(settings)
    assert len(os.fsencode(short)) <= paths.LONGEST_SOCKET_PATH
    assert paths.redis_socket(settings).parent == short.parent
    assert paths.supervisor_socket(settings_from({"VAR_DIR": "e" * 100}, root=tmp_path)) != short
    assert not short.parent.exists()
    surroundings.prepare_folders(settings)
    assert stat.S_IMODE(short.parent.stat().st_mode) == 0o700
    paths.remove_short_folder(settings)
    assert not short.parent.exists()


def test_a_folder_for_sockets_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o755)
    with pytest.raises(BadSettings, match="not a private folder of yours"):
        paths.private_folder(open_to_all)
