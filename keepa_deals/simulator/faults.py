"""What can be made to go wrong, and the control file that switches it while the simulator runs."""

from __future__ import annotations

import json
import logging
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keepa_deals.simulator.errors import SimulatorMisconfigured

KINDS = frozenset(
    {
        "status",
        "slow",
        "truncated_gzip",
        "garbage_json",
        "html",
        "offers_failed",
        "clock_skew",
        "key_invalid",
        "key_expired",
        "reset",
        "lost_answer",
    }
)
_NUMBERS = {"probability": (0, 1), "seconds": (-86_400, 86_400), "status": (400, 599), "until_ms": (0, 2**53)}
_KNOWN = frozenset({"kind", "path", *_NUMBERS})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. `path` None is every path; `until_ms` None is for ever (simulated Unix ms)."""

    kind: str
    path: str | None = None
    probability: float = 1.0
    until_ms: int | None = None
    status: int = 500
    seconds: float = 0.0

    def hits(self, *, path: str, now_ms: int, dice: random.Random) -> bool:
        """Whether this request meets the fault."""
        if self.path is not None and self.path.strip("/") != path.strip("/"):
            return False
        if self.until_ms is not None and now_ms >= self.until_ms:
            return False
        return self.probability >= 1 or dice.random() < self.probability


@dataclass(frozen=True, slots=True)
class Control:
    """What the control file says. `rate` None leaves the plan as it is."""

    rate: int | None = None
    faults: tuple[Fault, ...] = ()


def parse_control(text: str) -> Control:
    """The control file's JSON as a Control. Raises SimulatorMisconfigured with one clear sentence."""
    try:
        body = json.loads(text)
    except ValueError as broken:
        raise SimulatorMisconfigured(f"The control file is not JSON: {broken}.") from broken
    if not isinstance(body, dict) or not set(body) <= {"rate", "faults"}:
        raise SimulatorMisconfigured('The control file must be an object with "rate" and "faults" only.')
    rate = body.get("rate")
    if rate is not None and (not isinstance(rate, int) or isinstance(rate, bool) or not 1 <= rate <= 100_000):
        raise SimulatorMisconfigured(f'"rate" in the control file must be 1 to 100000, got {rate!r}.')
    return Control(rate=rate, faults=parse_faults(body.get("faults", [])))


def parse_faults(entries: Any) -> tuple[Fault, ...]:
    """A list of fault objects as Faults. Raises SimulatorMisconfigured."""
    if not isinstance(entries, list):
        raise SimulatorMisconfigured(f"Faults must be a list of objects, got {type(entries).__name__}.")
    return tuple(_fault(entry) for entry in entries)


def _fault(entry: Any) -> Fault:
    if not isinstance(entry, dict) or entry.get("kind") not in KINDS:
        raise SimulatorMisconfigured(f"A fault needs a kind out of {', '.join(sorted(KINDS))}, got {entry!r}.")
    unknown = set(entry) - _KNOWN
    if unknown:
        raise SimulatorMisconfigured(
            f"A fault has no field {sorted(unknown)[0]!r}; it has {', '.join(sorted(_KNOWN))}."
        )
    if entry.get("path") is not None and not isinstance(entry["path"], str):
        raise SimulatorMisconfigured(f"A fault's path must be text such as /product, got {entry['path']!r}.")
    for name, (low, high) in _NUMBERS.items():
        value = entry.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise SimulatorMisconfigured(f"A fault's {name} must be a number from {low} to {high}, got {value!r}.")
    return Fault(**{name: value for name, value in entry.items() if value is not None})


class ControlFile:
    """Reads the control file again whenever it has changed; a bad file leaves the last good state in force."""

    def __init__(self, path: Path | None, *, first: Control) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._control = first

    def read(self) -> Control:
        """The control in force now."""
        if self._path is None:
            return self._control
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return self._control
        stamp = (status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            self._stamp = stamp
            self._take()
        return self._control

    def _take(self) -> None:
        assert self._path is not None
        try:
            self._control = parse_control(self._path.read_text(encoding="utf-8"))
        except (SimulatorMisconfigured, OSError, UnicodeDecodeError) as problem:
            logger.error("control file left as it was: %s", problem)
