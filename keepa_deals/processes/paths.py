"""Where the installation keeps what its processes share."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from keepa_deals.errors import BadSettings
from keepa_deals.settings import Settings

LONGEST_SOCKET_PATH = 90
"""bytes; the kernel takes 107 (unix(7)), and supervisord first binds a name that is longer by its pid"""

SHORT_BASE = Path("/tmp")  # noqa: S108 - a fixed name: TMPDIR differs between a login, cron and a service


def redis_socket(settings: Settings) -> Path:
    """The socket of the embedded server."""
    return socket_path(settings.run_dir / "redis.sock")


def redis_address(settings: Settings) -> str:
    """REDIS_URL, else the embedded server's. May hold a password: never log it."""
    if settings.redis_url is not None:
        return settings.redis_url.reveal()
    return f"unix://{redis_socket(settings)}"


def supervisor_socket(settings: Settings) -> Path:
    return socket_path(settings.run_dir / "supervisor.sock")


def supervisor_conf(settings: Settings) -> Path:
    return settings.run_dir / "supervisord.conf"


def redis_dir(settings: Settings) -> Path:
    return settings.var_dir / "redis"


def roster_file(settings: Settings) -> Path:
    return settings.run_dir / "processes.json"


def beat_file(settings: Settings) -> Path:
    return settings.run_dir / "beat.json"


def watchdog_file(settings: Settings) -> Path:
    return settings.run_dir / "watchdog.json"


def witness_file(settings: Settings) -> Path:
    """When the last verdict was kept, and how long its write waited for the database."""
    return settings.run_dir / "witness.json"


def alerts_file(settings: Settings) -> Path:
    """What was told outside, what waits to be, and how the ways out stand."""
    return settings.run_dir / "alerts.json"


def web_file(settings: Settings) -> Path:
    """Where the running web listens."""
    return settings.run_dir / "web.json"


def metrics_dir(settings: Settings) -> Path:
    """Where the web's workers count their requests, a file each; emptied when the web starts."""
    return settings.run_dir / "metrics"


def demo_file(settings: Settings) -> Path:
    """The simulator's key and port, chosen once."""
    return settings.run_dir / "demo.json"


def clock_file(settings: Settings) -> Path:
    """The pinned anchor of an accelerated clock."""
    return settings.run_dir / "clock.json"


def socket_path(wanted: Path) -> Path:
    """`wanted`, or a name for it in a short private folder where the kernel could not take `wanted`.

    `surroundings.prepare_folders` makes that folder.
    """
    wanted = wanted.absolute()
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET_PATH:
        return wanted
    digest = hashlib.sha256(os.fsencode(wanted.parent)).hexdigest()[:12]
    return SHORT_BASE / f"keepa-deals-{os.getuid()}-{digest}" / wanted.name


def private_folder(folder: Path) -> Path:
    """`folder`, made if missing, ours and nobody else's. Raises BadSettings if somebody else has it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BadSettings(
            f"{folder} is needed for sockets but is not a private folder of yours; remove it, or use a shorter VAR_DIR."
        )
    return folder


def remove_short_folder(settings: Settings) -> None:
    """Take the sockets of an ended installation away where they are not in VAR_DIR itself."""
    folder = supervisor_socket(settings).parent
    if folder.parent != SHORT_BASE:
        return
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_socket():
                path.unlink()
        folder.rmdir()
