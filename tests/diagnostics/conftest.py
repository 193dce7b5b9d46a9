"""A VAR_DIR with a migrated database and nothing running, and the scripts as a person starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from keepa_deals.settings import Settings, settings_from
from keepa_deals.store.engine import Database

ROOT = Path(__file__).parents[2]
Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def var_dir(database: Database, tmp_path: Path) -> Path:
    """The folder of an installation that was deployed and never started."""
    return tmp_path


@pytest.fixture
def values(var_dir: Path) -> dict[str, str]:
    """The settings of that installation; a test adds its own."""
    return {"VAR_DIR": str(var_dir)}


@pytest.fixture
def settings(values: dict[str, str]) -> Settings:
    return settings_from(values, root=ROOT)


@pytest.fixture
def script(values: dict[str, str], tmp_path: Path) -> Script:
    """Runs Diagnostics/<name>.py from some other folder, under these settings and no others."""

    def run(name: str, *arguments: str, python: tuple[str, ...] = (sys.executable,), **more: str):
        return subprocess.run(
            [*python, str(ROOT / "Diagnostics" / f"{name}.py"), *arguments],
            env={"PATH": os.environ["PATH"], **values, **more},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
