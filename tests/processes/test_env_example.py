"""`.env.example` names every setting, and shows the value that holds without it."""

from __future__ import annotations

import re
from pathlib import Path

from keepa_deals.settings import load_settings, settings_from
from tests.processes.conftest import ROOT

SETTING_READ = re.compile(r'read(?:\.secret)?\(\s*"([A-Z_]+)"')
LINE = re.compile(r"^#([A-Z_]+)=(.*)$", re.MULTILINE)


def test_every_setting_is_named_once_and_no_other() -> None:
    read = SETTING_READ.findall((ROOT / "keepa_deals" / "settings.py").read_text())
    named = [name for name, _ in LINE.findall((ROOT / ".env.example").read_text())]
    assert sorted(named) == sorted(read)


def test_every_setting_is_explained_above_it() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    settings = [number for number, line in enumerate(lines) if LINE.match(line)]
    first_of_group = [number for number in settings if number - 1 not in settings]
    assert all(re.match(r"# \S", lines[number - 1]) for number in first_of_group)


def test_the_values_shown_are_those_that_hold_without_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(LINE.sub(r"\1=\2", (ROOT / ".env.example").read_text()))
    assert load_settings(tmp_path, {}) == settings_from({}, root=tmp_path)


def test_the_file_as_it_is_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert load_settings(tmp_path, {}) == settings_from({}, root=tmp_path)
