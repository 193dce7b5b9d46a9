"""The chart's library comes by npm where there is one; without it a deploy goes on with a warning."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from keepa_deals.processes.chart_library import FILES, FOLDER, INSTEAD, PROJECT_FILES, ensure_chart_library
from keepa_deals.processes.speech import Progress

CHECKOUT = Path(__file__).resolve().parents[2]
UNPACKS = "mkdir -p node_modules/uplot/dist && cd node_modules/uplot && for f in %s; do echo made > $f; done"


class Heard(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def __call__(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the project's own npm files and nothing else."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in PROJECT_FILES:
        (folder / name).write_bytes((CHECKOUT / name).read_bytes())
    return folder


@pytest.fixture
def with_npm(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """An environment whose npm is this shell script."""

    def make(script: str) -> dict[str, str]:
        tools = tmp_path / "tools"
        tools.mkdir(exist_ok=True)
        for name, text in (("npm", script), ("node", "true")):
            (tools / name).write_text(f"#!/bin/sh\necho called >> '{tmp_path}/calls'\n{text}\n")
            (tools / name).chmod(0o755)
        return {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}

    return make


def test_the_locked_version_is_fetched_once(
    root: Path, tmp_path: Path, with_npm: Callable[[str], dict[str, str]]
) -> None:
    environ, heard = with_npm(UNPACKS % " ".join(FILES)), Heard()
    assert ensure_chart_library(root, say=heard, environ=environ)
    assert {path.name for path in (root / FOLDER).iterdir()} >= {Path(name).name for name in FILES}
    assert ensure_chart_library(root, say=heard, environ=environ)
    assert (tmp_path / "calls").read_text() == "called\n"
    assert heard.lines == ["fetching uplot with npm"]
    assert not (root / "node_modules").exists()


def test_another_version_takes_the_place_of_the_old_one(root: Path, with_npm: Callable[[str], dict[str, str]]) -> None:
    environ = with_npm(UNPACKS % " ".join(FILES))
    ensure_chart_library(root, say=Heard(), environ=environ)
    lock = json.loads((root / "package-lock.json").read_text())
    lock["packages"]["node_modules/uplot"]["integrity"] = "sha512-another"
    (root / "package-lock.json").write_text(json.dumps(lock))
    heard = Heard()
    assert ensure_chart_library(root, say=heard, environ=environ)
    assert heard.lines == ["fetching uplot with npm"]
    assert [path.name for path in (root / FOLDER).parent.iterdir()] == ["uplot"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'npm error code ENOTFOUND'; exit 1", "npm error code ENOTFOUND"),
        ("exit 3", "npm said nothing"),
        ("exit 0", "FileNotFoundError"),
        ("sleep 60", "had not ended after"),
    ],
    ids=["offline", "silent", "nothing unpacked", "hanging"],
)
def test_an_npm_that_fails_is_a_warning(
    root: Path, with_npm: Callable[[str], dict[str, str]], script: str, told: str
) -> None:
    heard = Heard()
    assert not ensure_chart_library(root, say=heard, environ=with_npm(script), most_seconds=2)
    assert told in heard.lines[-1]
    assert INSTEAD in heard.lines[-1]
    assert not (root / FOLDER).exists()


def test_without_node_nothing_is_tried(root: Path, tmp_path: Path) -> None:
    heard = Heard()
    assert not ensure_chart_library(root, say=heard, environ={"PATH": str(tmp_path)})
    assert len(heard.lines) == 1
    assert "no Node.js" in heard.lines[0]


def test_what_was_fetched_before_is_enough_without_node(
    root: Path, tmp_path: Path, with_npm: Callable[[str], dict[str, str]]
) -> None:
    ensure_chart_library(root, say=Heard(), environ=with_npm(UNPACKS % " ".join(FILES)))
    assert ensure_chart_library(root, say=Heard(), environ={"PATH": str(tmp_path)})


def test_a_broken_lock_file_is_a_warning(root: Path) -> None:
    (root / "package-lock.json").write_text("{")
    heard = Heard()
    assert not ensure_chart_library(root, say=heard, environ=dict(os.environ))
    assert INSTEAD in heard.lines[-1]


def test_the_lock_file_names_no_address() -> None:
    assert "resolved" not in (CHECKOUT / "package-lock.json").read_text()
    assert "ignore-scripts=true" in (CHECKOUT / ".npmrc").read_text()
