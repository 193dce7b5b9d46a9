"""What must stand before anything is started: folders, the demo's key and port, the pinned clock, the environment."""

from __future__ import annotations

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keepa_deals.errors import BadSettings
from keepa_deals.installation import TAG_NAME, installation_id, locked, write_atomically
from keepa_deals.processes.paths import clock_file, demo_file, metrics_dir, private_folder, redis_dir, supervisor_socket
from keepa_deals.processes.virtualenv import clean_environment
from keepa_deals.settings import Settings, load_settings


@dataclass(frozen=True, slots=True)
class DemoPlace:
    """Where the simulator listens and which key it takes: chosen once, so that both survive restarts."""

    key: str
    port: int


def prepare_folders(settings: Settings) -> None:
    """Make the folders of VAR_DIR, private ones, and prove that they can be written. Raises BadSettings."""
    folders = [settings.run_dir, settings.log_dir, settings.backup_dir]
    folders += [redis_dir(settings)] if settings.redis_url is None else []
    folders += [settings.simulator_dir] if settings.is_demo else []
    try:
        settings.var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if settings.var_dir.stat().st_uid == os.getuid():
            settings.var_dir.chmod(0o700)
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)
        # The database lies in VAR_DIR itself and needs room for its log beside it.
        for folder in (settings.var_dir, *folders):
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"\0" * 65536)
    except OSError as error:
        raise BadSettings(
            f"VAR_DIR ({settings.var_dir}) can't be written: {error.strerror} ({error.filename or settings.var_dir}); "
            "give its folder to the user who runs this, free some space, or set VAR_DIR to another folder."
        ) from error
    if supervisor_socket(settings).parent != settings.run_dir.absolute():
        private_folder(supervisor_socket(settings).parent)


def forget_request_counts(settings: Settings) -> None:
    """A web that starts counts from nothing: the files are those of processes that have ended."""
    folder = metrics_dir(settings)
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
        for file in folder.glob("*.db"):
            file.unlink(missing_ok=True)


def child_environment(settings: Settings, *, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of everything we start: the given one, the installation's tag, and the pinned clock."""
    child = clean_environment(environ)
    child[TAG_NAME] = installation_id(settings.var_dir)
    child["PYTHONUNBUFFERED"] = "1"
    # One arena per core and thread costs tens of MB in threaded servers and buys nothing here.
    child.setdefault("MALLOC_ARENA_MAX", "2")
    anchor = pinned_anchor(settings)
    if anchor is not None:
        child["CLOCK_ANCHOR"] = anchor.isoformat()
    return child


def full_settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """The settings as the running processes have them: an accelerated clock has its pinned anchor."""
    settings = load_settings(root, environ)
    anchor = pinned_anchor(settings)
    if anchor is None:
        return settings
    return load_settings(root, {**environ, "CLOCK_ANCHOR": anchor.isoformat()})


def pinned_anchor(settings: Settings) -> datetime | None:
    """The anchor of an accelerated clock: the given one, else one that is chosen once and kept; None at speed 1."""
    if settings.clock_speed == 1 or settings.clock_anchor is not None:
        return settings.clock_anchor
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = clock_file(settings)
    with locked(path.with_suffix(".lock")):
        kept = _read_clock(path)
        if kept is not None and kept[0] == settings.clock_speed:
            return kept[1]
        now = datetime.now(UTC)
        anchor = now if kept is None else anchor_going_on(kept[0], kept[1], speed=settings.clock_speed, now=now)
        write_atomically(path, json.dumps({"speed": settings.clock_speed, "anchor": anchor.isoformat()}) + "\n")
        return anchor


def anchor_going_on(old_speed: float, old_anchor: datetime, *, speed: float, now: datetime) -> datetime:
    """The anchor with which a clock of `speed` (not 1) shows at `now` what the old one shows: it never jumps.

    From anchor + (now - anchor) * speed = shown follows now - anchor = (shown - now) / (speed - 1).
    """
    ahead = (now - old_anchor) * (old_speed - 1)
    return now - timedelta(seconds=ahead.total_seconds() / (speed - 1))


def _read_clock(path: Path) -> tuple[float, datetime] | None:
    fields = _read_json(path)
    try:
        return float(fields["speed"]), datetime.fromisoformat(fields["anchor"])
    except (KeyError, ValueError, TypeError):
        return None


def demo_place(settings: Settings) -> DemoPlace:
    """The simulator's key and port; both chosen at the first call and kept, but SIMULATOR_PORT wins."""
    path = demo_file(settings)
    with locked(path.with_suffix(".lock")):
        fields = _read_json(path)
        key = str(fields.get("key") or secrets.token_hex(32))
        port = settings.simulator.port or int(fields.get("port") or free_port())
        if fields != {"key": key, "port": port}:
            write_atomically(path, json.dumps({"key": key, "port": port}) + "\n")
        return DemoPlace(key=key, port=port)


def move_demo_port(settings: Settings) -> None:
    """Choose another port for the simulator, because somebody else has taken the one that was kept."""
    key = demo_place(settings).key
    write_atomically(demo_file(settings), json.dumps({"key": key, "port": free_port()}) + "\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_complaint(host: str, port: int) -> str | None:
    """Why nothing could listen on `host`:`port` now; None if something could."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}
