"""Which change of the verdict is news. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keepa_deals.health import Finding, Verdict, VerdictState, verdict_line
from keepa_deals.health_catalogue import Level

HELD_SECONDS = 120.0
"""A verdict is news when it has held for so long."""

FINE = frozenset({VerdictState.WORKING, VerdictState.WAITING})
"""Going to and fro between these two is normal life and no news."""


@dataclass(slots=True)
class Listener:
    """Hears every verdict and says which one is news. `at` is real seconds of one clock that never goes back."""

    told: VerdictState = VerdictState.WORKING
    """what was last told of"""
    changed_at: float | None = None
    _changed_to: str | None = None

    def hear(self, verdict: Verdict, *, at: float) -> VerdictState | None:
        """The state that `verdict` follows, if it is news now; else None.

        While all is well any trouble starts the two minutes, so that one which changes its name is told of too.
        """
        if is_only_starting(verdict):
            return None
        if _are_alike(verdict.state, self.told):
            self.changed_at = self._changed_to = None
            return None
        change = "trouble" if self.told in FINE else _kind(verdict.state)
        if self.changed_at is None or change != self._changed_to:
            self.changed_at, self._changed_to = at, change
        if at - self.changed_at < HELD_SECONDS:
            return None
        previous, self.told = self.told, verdict.state
        self.changed_at = self._changed_to = None
        return previous


def is_only_starting(verdict: Verdict) -> bool:
    """Just after a start nothing is proved, neither trouble nor its end."""
    named = {found.id for found in verdict.findings}
    return "starting" in named and all(found.level is not Level.ERROR for found in verdict.findings)


def message(verdict: Verdict, *, previous: VerdictState) -> dict[str, Any]:
    """The body of the webhook, as plain JSON."""
    return {
        "verdict": verdict.state.value,
        "previous": previous.value,
        "recovered": verdict.is_fine,
        "line": verdict_line(verdict),
        "waiting_until": None if verdict.waiting_until is None else verdict.waiting_until.isoformat(),
        "findings": [plain_finding(found) for found in verdict.findings],
        "at": verdict.at.isoformat(),
    }


def plain_finding(found: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {
        "id": found.id,
        "level": found.level.value,
        "seen": found.seen,
        "since": None if found.since is None else found.since.isoformat(),
        "remedy": found.remedy,
    }


def _are_alike(one: VerdictState, other: VerdictState) -> bool:
    return _kind(one) == _kind(other)


def _kind(state: VerdictState) -> str:
    return "fine" if state in FINE else state.value
