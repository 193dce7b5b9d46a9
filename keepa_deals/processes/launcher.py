"""Starts one program in its place: right interpreter, one of its kind, recorded, ended with its supervisor.

`python -m keepa_deals.processes.launcher NAME`, by supervisord as a rule. Exit 78 and one line where a person
must change something; exit 75 where another of the same kind lives.
"""

from __future__ import annotations

import os
import sys

from keepa_deals.processes import preflight
from keepa_deals.processes.speech import complain

EXIT_MISCONFIGURED = 78
"""sysexits.h EX_CONFIG: starting again can't help; a person must change something"""
EXIT_OCCUPIED = 75
"""sysexits.h EX_TEMPFAIL"""


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    complaint = preflight.wrong_interpreter() or preflight.missing_package()
    if complaint is None and name.startswith(("worker-", "beat")):
        complaint = preflight.broken_celery()
    if complaint is not None:
        complain(f"{name}: {complaint}")
        return EXIT_MISCONFIGURED
    return _launch(name)


def _launch(name: str) -> int:
    # Only the right interpreter is sure to have what these import.
    from keepa_deals.errors import AlreadyRunning, KeepaDealsError  # noqa: PLC0415
    from keepa_deals.processes import commands, place, readiness, surroundings, web_place  # noqa: PLC0415

    try:
        settings = surroundings.full_settings(preflight.ROOT, os.environ)
        surroundings.prepare_folders(settings)
        place.end_with_parent()
        command = commands.command_of(name, settings=settings)
        place.take(name, settings=settings)
        if name == "web":
            web_place.record_web(settings)
            surroundings.forget_request_counts(settings)
        readiness.wait_for_needs(name, settings=settings)
        environment = commands.environment_of(name, settings=settings)
        os.chdir(settings.root)
        os.execve(command[0], command, environment)  # noqa: S606 - our own program
    except AlreadyRunning as occupied:
        complain(f"{name}: {occupied}")
        return EXIT_OCCUPIED
    except KeepaDealsError as error:
        complain(f"{name}: {error}")
        return EXIT_MISCONFIGURED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
