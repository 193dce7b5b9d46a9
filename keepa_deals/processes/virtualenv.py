"""The virtual environment: built beside the one in use, complete or not at all, then `venv` is switched to it.

Imports nothing but the standard library: it runs before anything is installed.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from keepa_deals.errors import AlreadyRunning, KeepaDealsError
from keepa_deals.processes.speech import Progress

OLDEST_PYTHON = (3, 11)
COMPLETE = ".complete"
PACKAGE_LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==", re.MULTILINE)


class InstallFailed(KeepaDealsError):
    """The virtual environment could not be built; what was installed before is as it was."""


@contextmanager
def building(root: Path) -> Iterator[int]:
    """Be the only one who builds in `root`; gives the lock's descriptor, so that it can be kept across an exec.

    Whatever builds inherits it too: killed, we leave children behind that go on writing, and then the lock is theirs.
    The folder itself is what is locked, so no lock file is ever left behind. Raises AlreadyRunning.
    """
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                "Another deploy_update.sh or run_tests.sh is installing in this checkout; wait until it has ended."
            ) from None
        yield handle
    finally:
        os.close(handle)


def old_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> str | None:
    """One sentence if this Python is too old; None if it will do."""
    if version >= OLDEST_PYTHON:
        return None
    found, wanted = ".".join(map(str, version)), ".".join(map(str, OLDEST_PYTHON))
    return (
        f"Python {found} ({sys.executable}) is too old: this needs {wanted} or newer; install one and run this again."
    )


def environment_name(requirements: bytes, *, python: str) -> str:
    """The folder for these requirements under this Python: the same content gives the same name."""
    digest = hashlib.sha256(requirements + b"\0" + python.encode()).hexdigest()
    return f"venv-{digest[:12]}"


def ensure_environment(root: Path, *, say: Progress, lock: int) -> Path:
    """A complete environment for `root`/requirements.txt; built if there is none yet. Raises InstallFailed.

    `lock`: the descriptor that `building` gave.
    """
    refuse_foreign_venv(root)
    requirements = root / "requirements.txt"
    python = f"{sys.implementation.cache_tag} {sys.version} {sys.base_prefix}"
    folder = root / environment_name(requirements.read_bytes(), python=python)
    if (folder / COMPLETE).exists() and is_whole(folder) and _works(folder):
        say(f"using {folder.name}, which has everything already")
        return folder
    if folder.exists():
        say(f"removing {folder.name}, which is not whole")
        shutil.rmtree(folder)
    say(f"making {folder.name} with Python {sys.version.split(maxsplit=1)[0]} ({sys.executable})")
    _create(folder, lock=lock)
    install(folder, requirements, say=say, lock=lock)
    (folder / COMPLETE).touch()
    return folder


def ensure_tools(root: Path, folder: Path, *, say: Progress, lock: int) -> None:
    """What the tests need, in the same environment. Raises InstallFailed."""
    requirements = root / "requirements-dev.txt"
    mark = folder / f".tools-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    if mark.exists():
        return
    install(folder, requirements, say=say, lock=lock)
    mark.touch()


def refuse_foreign_venv(root: Path) -> None:
    """Raise InstallFailed if `venv` is there and not a link of ours: somebody's folder is not replaced."""
    link = root / "venv"
    if link.exists() and not link.is_symlink():
        raise InstallFailed(
            f"{link} is a folder that this program did not make (it makes a link); move it away and run this again."
        )


def link_target(root: Path) -> Path | None:
    """The environment that `venv` points to now."""
    link = root / "venv"
    return link.resolve() if link.is_symlink() and link.exists() else None


def switch(root: Path, folder: Path) -> None:
    """Point `venv` to `folder` in one step: at each instant it is the old one or the new one."""
    temporary = root / f".venv-switch-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name if folder.parent == root else folder)
    temporary.replace(root / "venv")


def remove_older(root: Path, *, keep: set[Path]) -> list[str]:
    """Delete the environments that are neither in use nor the way back; returns their names."""
    removed = []
    for folder in sorted(root.glob("venv-????????????")):
        if folder.is_dir() and not folder.is_symlink() and folder.resolve() not in keep:
            shutil.rmtree(folder)
            removed.append(folder.name)
    return removed


def is_whole(folder: Path) -> bool:
    """Every file that pip recorded is there at its recorded size: a full disk or a slip of the hand can cut some."""
    for record in folder.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        site = record.parents[1]
        with record.open(encoding="utf-8", newline="") as lines:
            sizes = {row[0]: int(row[2]) for row in csv.reader(lines) if len(row) == 3 and row[2].isdigit()}
        if any(_size(site / name) != size for name, size in sizes.items()):
            return False
    return True


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _works(folder: Path) -> bool:
    """Its interpreter still starts: a system upgrade can take the one away that it was made with."""
    try:
        return subprocess.run([folder / "bin" / "python", "-c", ""], check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _create(folder: Path, *, lock: int) -> None:
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    if not has_ensurepip and importlib.util.find_spec("pip") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise InstallFailed(
            f"{sys.executable} can't make virtual environments with pip; "
            f"install its venv package (on Debian and Ubuntu: python{version}-venv) and run this again."
        )
    command = [sys.executable, "-m", "venv", *([] if has_ensurepip else ["--without-pip"]), str(folder)]
    made = subprocess.run(
        command, check=False, capture_output=True, text=True, env=clean_environment(os.environ), pass_fds=(lock,)
    )
    if made.returncode != 0:
        raise InstallFailed(f"{folder.name} could not be made: {_last_words(made.stdout + made.stderr)}.")


def install(folder: Path, requirements: Path, *, say: Progress, lock: int) -> None:
    """Install exactly what `requirements` pins by hash, showing how far it is. Raises InstallFailed."""
    wanted = len(PACKAGE_LINE.findall(requirements.read_text(encoding="utf-8")))
    log = folder / f"{requirements.stem}.log"
    command = [*_pip(folder), "install", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "-r", str(requirements)]
    say(f"installing {requirements.name} (up to {wanted} packages)")
    with log.open("w", encoding="utf-8") as record:
        status = _run_showing_progress(command, record=record.write, wanted=wanted, say=say, lock=lock)
    if status != 0:
        raise InstallFailed(
            f"installing {requirements.name} failed: {_last_words(log.read_text(encoding='utf-8'))}; "
            f"all of it is in {log}. Check the network and the free space, then run this again."
        )


def _pip(folder: Path) -> list[str]:
    python = str(folder / "bin" / "python")
    if next(folder.glob("lib/python*/site-packages/pip"), None) is not None:
        return [python, "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", python]


def _run_showing_progress(command: list[str], *, record: object, wanted: int, say: Progress, lock: int) -> int:
    assert callable(record)
    found, said_at = 0, time.monotonic()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean_environment(os.environ),
        pass_fds=(lock,),
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                record(line)
                found += line.startswith(("Collecting ", "Requirement already satisfied: "))
                installing = line.startswith("Installing collected packages")
                if installing or time.monotonic() - said_at > 3:
                    said_at = time.monotonic()
                    say("  unpacking them" if installing else f"  {found} of {wanted} packages found")
        except BaseException:
            process.terminate()
            raise
    return process.returncode


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what would lead our Python to somebody else's modules."""
    dropped = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in environ.items() if name not in dropped}


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("ERROR", "error", "OSError"))]
    return (errors or lines or ["it said nothing"])[-1][:300]
