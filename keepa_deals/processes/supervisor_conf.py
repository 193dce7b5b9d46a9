"""The configuration of supervisord, rendered from the settings. It holds no secret: children inherit those."""

from __future__ import annotations

import os
import pwd
import shlex
from collections.abc import Sequence
from pathlib import Path

from keepa_deals.errors import BadSettings
from keepa_deals.processes.programs import Program


def render(
    programs: Sequence[Program],
    *,
    root: Path,
    log_dir: Path,
    run_dir: Path,
    socket: Path,
    python: Path,
    installation: str,
) -> str:
    """The text of supervisord.conf. Raises BadSettings for a folder whose name the format can't hold."""
    supervisor = {
        "logfile": _value(log_dir / "supervisord.log"),
        "logfile_maxbytes": "2MB",
        "logfile_backups": "3",
        "pidfile": _value(run_dir / "supervisord.pid"),
        "childlogdir": _value(log_dir),
        "directory": _value(root),
        "identifier": f"keepa-deals-{installation}",
        "nodaemon": "true",
        "silent": "true",
        "umask": "077",
        "minfds": "256",
        **({"user": pwd.getpwuid(0).pw_name} if os.getuid() == 0 else {}),
    }
    sections = [
        _section("unix_http_server", {"file": _value(socket), "chmod": "0600"}),
        _section("supervisord", supervisor),
        _section(
            "rpcinterface:supervisor",
            {"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
        ),
        *(_program(program, root=root, log_dir=log_dir, python=python) for program in programs),
    ]
    return "\n".join(sections)


def _program(program: Program, *, root: Path, log_dir: Path, python: Path) -> str:
    command = shlex.join([str(python), "-m", "keepa_deals.processes.launcher", program.name])
    return _section(
        f"program:{program.name}",
        {
            "command": _value(command),
            "directory": _value(root),
            "priority": str(program.priority),
            "autostart": "true",
            "autorestart": "true",
            "startsecs": str(program.start_seconds),
            "startretries": str(program.start_retries),
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(program.stop_seconds),
            # TERM to the whole group would reach a worker's children too and break its warm stop.
            "stopasgroup": "false",
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": _value(log_dir / program.log),
            "stdout_logfile_maxbytes": "5MB",
            "stdout_logfile_backups": "4",
        },
    )


def _section(name: str, fields: dict[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in fields.items()), ""])


def _value(value: Path | str) -> str:
    text = str(value)
    if text != text.strip() or any(mark in text for mark in ("\n", "\r", " ;", "\t;")):
        raise BadSettings(
            f"{text!r} can't be written into supervisord.conf; "
            "use folder names without ';', line ends, or a space at the end."
        )
    return text.replace("%", "%%")
