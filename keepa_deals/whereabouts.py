"""Where Keepa is, and what time it is, for an installation with these settings: one answer for all its programs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from keepa_deals.clock import Clock, make_clock
from keepa_deals.settings import Settings


@dataclass(frozen=True, slots=True)
class KeepaAddress:
    """Where Keepa is and the key to use there. Never log the key."""

    url: str
    key: str


@dataclass(frozen=True, slots=True)
class RunningSimulator:
    """The demo's Keepa as it announced itself when it began to listen."""

    address: KeepaAddress
    pid: int | None


def keepa_address(settings: Settings) -> KeepaAddress | None:
    """The real Keepa, or in demo the simulator; None while that has not said where it is."""
    if settings.keepa_api_key is not None and settings.keepa_base_url is not None:
        return KeepaAddress(settings.keepa_base_url, settings.keepa_api_key.reveal())
    simulator = running_simulator(settings)
    return None if simulator is None else simulator.address


def running_simulator(settings: Settings) -> RunningSimulator | None:
    """What the simulator last announced in the run folder, whether it still lives or not; None for nothing readable."""
    try:
        told = json.loads(settings.simulator_file.read_text(encoding="utf-8"))
        pid = told.get("pid")
        return RunningSimulator(KeepaAddress(str(told["url"]), str(told["key"])), None if pid is None else int(pid))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def clock_of(settings: Settings) -> Clock:
    """The clock of this installation; an accelerated one whose anchor nobody pinned begins at this moment."""
    return make_clock(speed=settings.clock_speed, anchor=settings.clock_anchor or datetime.now(UTC))
