"""The library that draws the chart, brought by npm into a folder of `static/` that git ignores.

Imports nothing but the standard library: it runs before anything is installed. Without it a deal's page shows the
drawing made by the server and its table, so nothing here ever stops a deploy.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from keepa_deals.processes.speech import Progress

PACKAGE = "uplot"
FILES = ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")
FOLDER = Path("static", "vendor", PACKAGE)
MARK = ".integrity"
"""holds the lock file's hash of what lies beside it"""
PROJECT_FILES = ("package.json", "package-lock.json", ".npmrc")
NPM = ("ci", "--omit=dev", "--no-progress", "--loglevel=error", "--fetch-retries=0", "--fetch-timeout=15000")
MOST_SECONDS = 60.0
INSTEAD = "deals show the drawing made by the server instead of the interactive chart"


def ensure_chart_library(
    root: Path, *, say: Progress, environ: Mapping[str, str], most_seconds: float = MOST_SECONDS
) -> bool:
    """Have the locked version in `root`/static/vendor; False, after a warning, where it can't be had."""
    try:
        wanted = locked_integrity(root)
        if is_there(root, wanted):
            return True
        npm = shutil.which("npm", path=environ.get("PATH"))
        if npm is None or shutil.which("node", path=environ.get("PATH")) is None:
            say(f"warning: there is no Node.js with npm on PATH, so {INSTEAD}")
            return False
        say(f"fetching {PACKAGE} with npm")
        complaint = _fetch(root, npm, wanted, environ=environ, most_seconds=most_seconds)
    except (OSError, ValueError, LookupError) as error:
        complaint = f"{error.__class__.__name__}: {error}"
    if complaint is None:
        return True
    say(f"warning: {PACKAGE} could not be fetched ({complaint}), so {INSTEAD}; the next deploy tries again")
    return False


def locked_integrity(root: Path) -> str:
    """The hash of the package that package-lock.json pins. Raises OSError, ValueError or LookupError."""
    lock = json.loads((root / "package-lock.json").read_text(encoding="utf-8"))
    return str(lock["packages"][f"node_modules/{PACKAGE}"]["integrity"])


def is_there(root: Path, integrity: str) -> bool:
    """Whether the folder holds every file of just this version."""
    mark = root / FOLDER / MARK
    names = [Path(name).name for name in FILES]
    has_all = all((root / FOLDER / name).is_file() for name in names)
    return has_all and mark.is_file() and mark.read_text(encoding="utf-8") == integrity


def _fetch(root: Path, npm: str, integrity: str, *, environ: Mapping[str, str], most_seconds: float) -> str | None:
    """None once the files are in place, else what npm said. npm compares the hash with the lock file's."""
    with tempfile.TemporaryDirectory(prefix="keepa-deals-npm-") as name:
        place = Path(name)
        for file in PROJECT_FILES:
            shutil.copy(root / file, place / file)
        complaint = _run([npm, *NPM], place, environ=environ, most_seconds=most_seconds)
        if complaint is None:
            _put(place / "node_modules" / PACKAGE, root / FOLDER, integrity)
    return complaint


def _run(command: list[str], place: Path, *, environ: Mapping[str, str], most_seconds: float) -> str | None:
    """None if `command` succeeded in `place`, else its last words. Too slow, it and its children are ended."""
    with (place / "npm.log").open("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            command, cwd=place, env=dict(environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
        try:
            status = process.wait(timeout=most_seconds)
        except subprocess.TimeoutExpired:
            return f"npm had not ended after {most_seconds:.0f} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        log.seek(0)
        lines = [line.strip() for line in log if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return None if status == 0 else (errors or lines or ["npm said nothing"])[0][:200]


def _put(package: Path, folder: Path, integrity: str) -> None:
    """Copy the files beside the old ones, then take their place at once."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name in FILES:
            shutil.copyfile(package / name, fresh / Path(name).name)
        (fresh / MARK).write_text(integrity, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
