"""`python -m keepa_deals.processes <start|stop|kill|status|restore>`, called by the scripts at the top level."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from keepa_deals.errors import KeepaDealsError
from keepa_deals.processes import preflight
from keepa_deals.processes.speech import Progress, complain, say

INTERRUPTED = 130


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _interrupt)
    complaint = preflight.missing_package()
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
        complain(f"This could not be done: {error.strerror} ({error.filename}).")
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
    from keepa_deals.processes import backup, control, leases, report, surroundings  # noqa: PLC0415 - see preflight

    settings = surroundings.full_settings(preflight.ROOT, os.environ)
    surroundings.prepare_folders(settings)
    progress = Progress()
    with control.changing(settings):
        match options.command:
            case "start":
                complaint = preflight.wrong_interpreter()
                if complaint is not None:
                    complain(f"This was {complaint}")
                    return 78
                report.require_database(settings)
                started = control.start(settings, environ=os.environ, say=progress)
                say("Started." if started else "Everything was running already; nothing was changed.")
                report.say_state(settings)
                return 0
            case "stop":
                say("Stopped." if control.stop(settings, say=progress) else "Nothing was running.")
                return 0
            case "kill":
                left = control.kill_everything(
                    settings, say=say, clear_leases=lambda: leases.clear_dead_leases(settings, say=say)
                )
                return 1 if left else 0
            case "status":
                return report.say_status(settings)
            case _:
                backup.restore(settings, options.file, say=say)
                return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
