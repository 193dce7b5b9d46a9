"""The examples of docs/api.md run, as they stand there, against a served application."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from keepa_deals.web import changes
from keepa_deals.web.openapi import document
from tests.builders import a_deal_row
from tests.web.browser_fixtures import served

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|python)\n(.*?)```", TEXT, re.DOTALL)
WRITTEN = "http://127.0.0.1:8000"


def test_each_call_has_an_example_in_curl_and_in_python() -> None:
    for path in document()["paths"]:
        for language in ("sh", "python"):
            pattern = re.sub(r"\\{\w+\\}", "[A-Z0-9]+", re.escape(path)) + r"""["'?]"""
            blocks = [text for kind, text in BLOCKS if kind == language]
            assert any(re.search(pattern, text) for text in blocks), f"{path} has no example in {language}"


def test_every_example_runs(
    make_app: Callable[..., Flask], hold: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "STREAM_SECONDS", 0)
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.001)
    hold(a_deal_row())
    head, *rest = (text for kind, text in BLOCKS if kind == "python")
    with served(make_app()) as here:
        for kind, text in BLOCKS:
            if kind == "sh":
                run(["/bin/sh", "-ec", text.replace(WRITTEN, here)], tmp_path)
        for text in rest:
            run([sys.executable, "-c", (head + text).replace(WRITTEN, here)], tmp_path)
    names = {re.sub("[0-9]{8}T[0-9]{4}Z", "…", path.name) for path in tmp_path.iterdir()}
    assert {"deals-….csv", "deals-….xlsx", "deals.xlsx"} <= names


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
