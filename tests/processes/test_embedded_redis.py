"""The embedded server starts whatever a crash left in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from keepa_deals.processes import embedded_redis
from keepa_deals.processes.paths import redis_dir, redis_socket
from keepa_deals.processes.surroundings import prepare_folders
from keepa_deals.settings import Settings, settings_from

MANIFEST = "appendonly.aof.manifest"
BASE = "appendonly.aof.1.base.rdb"
ADDED = "appendonly.aof.1.incr.aof"
SET = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_from({}, root=tmp_path)


@pytest.fixture
def files(settings: Settings) -> Path:
    """The folder of the append-only file, as a server that ran once leaves it."""
    prepare_folders(settings)
    folder = redis_dir(settings) / "appendonlydir"
    assert complaint_of(settings) is None
    assert {path.name for path in folder.iterdir()} == {MANIFEST, BASE, ADDED}
    return folder


def complaint_of(settings: Settings) -> str | None:
    binary, socket = embedded_redis.server_binary(), redis_socket(settings)
    return embedded_redis.load_complaint(binary, folder=redis_dir(settings), socket=socket)


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        write(MANIFEST, b"garbage\n"),
        write(MANIFEST, b""),
        write(MANIFEST, bytes(range(256))),
        write(BASE, b"garbage"),
        write(ADDED, bytes(range(256)) * 20),
        lambda folder: (folder / BASE).unlink(),
        lambda folder: (folder / MANIFEST).write_bytes(b"file ../x seq 1 type i\n"),
    ],
    ids=["manifest garbage", "manifest empty", "manifest bytes", "base", "added", "base missing", "manifest elsewhere"],
)
def test_what_the_server_cannot_load_is_moved_aside(
    settings: Settings, files: Path, damage: Callable[[Path], object]
) -> None:
    damage(files)
    said: list[str] = []
    embedded_redis.make_loadable(settings, binary=embedded_redis.server_binary(), say=said.append)
    assert "moved aside" in said[0]
    assert not files.exists()
    assert complaint_of(settings) is None


def test_what_was_cut_off_at_its_end_is_loaded_and_kept(settings: Settings, files: Path) -> None:
    (files / ADDED).write_bytes(SET + SET[:9])
    embedded_redis.make_loadable(settings, binary=embedded_redis.server_binary(), say=pytest.fail)
    assert (files / ADDED).read_bytes() == SET
