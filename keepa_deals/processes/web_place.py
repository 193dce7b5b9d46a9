"""Where the running web listens, as it recorded itself: settings that were changed since apply to its next start."""

from __future__ import annotations

import json
import os
from dataclasses import replace

from keepa_deals.installation import write_atomically
from keepa_deals.processes import roster
from keepa_deals.processes.paths import roster_file, web_file
from keepa_deals.settings import Settings


def record_web(settings: Settings) -> None:
    """Called by the process that becomes the web."""
    place = {"pid": os.getpid(), "host": settings.web_host, "port": settings.web_port}
    write_atomically(web_file(settings), json.dumps(place) + "\n")


def as_served(settings: Settings) -> Settings:
    """`settings` with host and port of the web that lives; as they are while none does."""
    try:
        place = json.loads(web_file(settings).read_text(encoding="utf-8"))
        pid, host, port = int(place["pid"]), str(place["host"]), int(place["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return settings
    living = roster.living(roster.read_roster(roster_file(settings)))
    if not any(entry.name == "web" and entry.identity.pid == pid for entry in living):
        return settings
    return replace(settings, web_host=host, web_port=port)
