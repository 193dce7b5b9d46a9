"""`python -m keepa_deals.processes <start|stop|kill|status|restore>`, called by the scripts at the top level."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from keepa_deals.errors import KeepaDealsError
from keepa_deals.processes import preflight
from keepa_deals.processes.speech import Progress, complain, say, unforeseen

if TYPE_CHECKING:
    from keepa_deals.settings import Settings

INTERRUPTED = 130
EXIT_MISCONFIGURED = 78


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _interrupt)
    complaint = preflight.missing_package(("dotenv", "redis") if options.command == "kill" else preflight.NEEDED_BY_ALL)
    if complaint is not None:
        complain(complaint)
        return 1
    try:
        return _run(options)
    except KeyboardInterrupt:
        complain("\nInterrupted; run this again to go on.")
        return INTERRUPTED
    except KeepaDealsError as error:
        complain(str(error))
        return 1
    except OSError as error:
        complain(f"This could not be done: {error.strerror or error} ({error.filename or 'no file'}).")
        return 1
    except Exception as error:  # noqa: BLE001 - the script's edge
        complain(unforeseen(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=os.environ.get("KEEPA_DEALS_SCRIPT"), description="Run the installation.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start", help="start everything that is not running; safe to repeat")
    commands.add_parser("stop", help="stop everything in order")
    commands.add_parser("kill", help="end everything this installation started, at once")
    commands.add_parser("status", help="what runs, and the verdict")
    restore = commands.add_parser("restore", help="put a backup in the database's place (stop first)")
    restore.add_argument("file", type=Path)
    return parser


def _run(options: argparse.Namespace) -> int:
    if options.command == "kill":
        return _kill()
    # What follows needs packages whose absence was to be said in one sentence first.
    from keepa_deals.processes import backup, control, report, surroundings  # noqa: PLC0415

    settings = surroundings.full_settings(preflight.ROOT, os.environ)
    surroundings.prepare_folders(settings)
    if options.command == "status":
        return report.say_status(settings)
    with control.changing(settings, wait_seconds=control.PATIENCE_SECONDS, say=say):
        if options.command == "start":
            return _start(settings)
        if options.command == "stop":
            say("Stopped." if control.stop(settings, say=Progress()) else "Nothing was running.")
        else:
            backup.restore(settings, options.file, say=say)
    return 0


def _start(settings: Settings) -> int:
    from keepa_deals.processes import control, report  # noqa: PLC0415 - see _run

    complaint = preflight.wrong_interpreter()
    if complaint is not None:
        complain(f"This was {complaint}")
        return EXIT_MISCONFIGURED
    report.require_database(settings)
    started = control.start(settings, environ=os.environ, say=Progress())
    say("Started." if started else "Everything was running already; nothing was changed.")
    report.say_state(settings)
    return 0


def _kill() -> int:
    """Works also while a start hangs, and with a .env that can't be read: then only the leases stay."""
    from keepa_deals.errors import BadSettings  # noqa: PLC0415 - see _run
    from keepa_deals.processes import control, leases, surroundings  # noqa: PLC0415
    from keepa_deals.processes.build import probable_var_dir  # noqa: PLC0415
    from keepa_deals.settings import settings_from  # noqa: PLC0415

    try:
        settings = surroundings.full_settings(preflight.ROOT, os.environ)
    except BadSettings as error:
        complain(f"{error} Going on with VAR_DIR alone.")
        var_dir = probable_var_dir(preflight.ROOT, os.environ)
        settings = settings_from({"VAR_DIR": str(var_dir)}, root=preflight.ROOT)
    if not settings.run_dir.exists():
        say(f"Nothing was ever started in {settings.var_dir}.")
        return 0
    left = control.kill_everything(settings, say=say, clear_leases=lambda: leases.clear_dead_leases(settings, say=say))
    return 1 if left else 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
