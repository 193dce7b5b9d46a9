"""First half of deploy_update.sh, and the start of run_tests.sh: the virtual environment.

Runs under whatever Python there is and imports nothing but the standard library; then hands over to the
second half under the new environment, still holding the lock.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from keepa_deals.errors import KeepaDealsError
from keepa_deals.processes import virtualenv
from keepa_deals.processes.chart_library import ensure_chart_library
from keepa_deals.processes.preflight import ROOT
from keepa_deals.processes.speech import Progress, complain

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    os.umask(0o077)
    try:
        complaint = virtualenv.old_python()
        if complaint is not None:
            raise virtualenv.InstallFailed(complaint)
        with virtualenv.building(ROOT) as lock:
            return _prepare_tests(lock=lock) if options.tests else _deploy(options, lock=lock)
    except KeyboardInterrupt:
        complain("\nInterrupted. What ran before still runs; run this again to go on.")
        return INTERRUPTED
    except KeepaDealsError as error:
        complain(f"\n{error}")
    except OSError as error:
        complain(f"\nThis could not be done: {error.strerror} ({error.filename or ROOT}). What ran before still runs.")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./deploy_update.sh",
        description="Install or update this checkout in place, start everything, and wait until deals arrive.",
        epilog="Safe to interrupt and to run again. Settings are read from .env; see .env.example.",
    )
    parser.add_argument("--wait-seconds", type=int, default=180, metavar="N", help="how long to wait for deals (180)")
    parser.add_argument("--tests", action="store_true", help=argparse.SUPPRESS)
    return parser


def _deploy(options: argparse.Namespace, *, lock: int) -> int:
    say = Progress()
    say("checking VAR_DIR")
    check_var_dir(probable_var_dir(ROOT, os.environ))
    folder = virtualenv.ensure_environment(ROOT, say=say, lock=lock)
    ensure_chart_library(ROOT, say=say, environ=os.environ)
    os.set_inheritable(lock, True)
    python = str(folder / "bin" / "python")
    sys.stdout.flush()
    second_half = ["-m", "keepa_deals.processes.deploy", "--began", repr(say.began), "--wait-seconds"]
    environment = virtualenv.clean_environment(os.environ)
    os.chdir(ROOT)
    os.execve(python, [python, *second_half, str(options.wait_seconds)], environment)  # noqa: S606


def _prepare_tests(*, lock: int) -> int:
    """Environment and tools; the last line on stdout is the environment's folder, progress goes to stderr."""
    answer = os.dup(1)
    os.dup2(2, 1)
    say = Progress()
    folder = virtualenv.ensure_environment(ROOT, say=say, lock=lock)
    virtualenv.ensure_tools(ROOT, folder, say=say, lock=lock)
    ensure_chart_library(ROOT, say=say, environ=os.environ)
    if virtualenv.link_target(ROOT) is None:
        virtualenv.switch(ROOT, folder)
    os.write(answer, os.fsencode(folder) + b"\n")
    return 0


def probable_var_dir(root: Path, environ: dict[str, str] | os._Environ[str]) -> Path:
    """VAR_DIR as far as it can be read before anything is installed; the settings decide later."""
    text = environ.get("VAR_DIR", "")
    env_file = root / ".env"
    if not text and env_file.exists():
        for line in env_file.read_text(encoding="utf-8", errors="replace").splitlines():
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and name.strip() == "VAR_DIR":
                text = value.strip().strip("\"'")
    return root / Path(text or "var").expanduser()


def check_var_dir(folder: Path) -> None:
    """Make `folder`, private, and prove that it can be written. Raises InstallFailed."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()
    except OSError as error:
        raise virtualenv.InstallFailed(
            f"VAR_DIR ({folder}) can't be written: {error.strerror}; give it to the user who runs this, free some "
            "space, or set VAR_DIR to another folder. Nothing was changed; what ran before still runs."
        ) from error


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
