"""Whole installations in temporary folders: the checkout's files, this test run's environment as their `venv`."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keepa_deals.identity import ProcessIdentity
from keepa_deals.processes import ending, paths
from keepa_deals.processes.control import find_ours
from keepa_deals.processes.roster import Entry, living, read_roster
from keepa_deals.settings import Settings, settings_from
from keepa_deals.store.schema import migrate

ROOT = Path(__file__).resolve().parents[2]
COPIED = (
    *("keepa_deals", "templates", "static", "celery_config.py", "wsgi_handler.py"),
    *("requirements.txt", "requirements-dev.txt", "start_celery.sh", "kill_everything_force.sh", "deploy_update.sh"),
)


def wait_until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Poll until `condition` holds; fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Checkout:
    """One copy of the program with an installation of its own."""

    root: Path
    values: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return settings_from(self.values, root=self.root)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.root), **self.values}

    def popen(self, *command: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *command: str | Path, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.root,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=seconds,
            check=False,
        )

    def module(self, name: str, *arguments: str) -> tuple[Path | str, ...]:
        return (self.root / "venv" / "bin" / "python", "-m", f"keepa_deals.processes.{name}", *arguments)

    def make_database(self) -> None:
        self.settings.var_dir.mkdir(mode=0o700, exist_ok=True)
        migrate(self.settings.database_address())

    def entries(self, name: str) -> list[Entry]:
        return [entry for entry in living(read_roster(self.settings.run_dir / "processes.json")) if entry.name == name]

    def living_processes(self) -> list[ProcessIdentity]:
        return find_ours(self.settings).all if self.settings.run_dir.exists() else []


@pytest.fixture
def make_checkout(tmp_path: Path) -> Iterator[Callable[..., Checkout]]:
    made: list[Checkout] = []

    def make(name: str = "checkout", **values: str) -> Checkout:
        root = tmp_path / name
        root.mkdir()
        for item in COPIED:
            source = ROOT / item
            if source.is_dir():
                shutil.copytree(source, root / item, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, root / item)
        (root / "venv").symlink_to(sys.prefix)
        checkout = Checkout(root, {"WEB_PORT": str(free_port()), "SIMULATOR_PRODUCTS": "300", **values})
        made.append(checkout)
        return checkout

    yield make
    for checkout in made:
        ending.end_all(checkout.living_processes(), patience_seconds=0)
        paths.remove_short_folder(checkout.settings)


@pytest.fixture(autouse=True)
def no_sockets_left(tmp_path: Path) -> Iterator[None]:
    yield
    paths.remove_short_folder(settings_from({}, root=tmp_path))


@pytest.fixture
def sleeper() -> Iterator[Callable[..., ProcessIdentity]]:
    """Starts harmless processes, under any name and environment, and ends them after the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*, name: str = "sleep", environment: dict[str, str] | None = None) -> ProcessIdentity:
        process = subprocess.Popen([name, "120"], executable="/bin/sleep", env={**os.environ, **(environment or {})})
        started.append(process)
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        return identity

    yield start
    for process in started:
        process.kill()
        process.wait()
