"""The canary: scheduler → broker → worker → database. Its row is the proof that the chain carries.

Both instants are real time: the chain's deadlines don't run faster in an accelerated run.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

PULSE_TASK = "keepa_deals.pulse.pulse"


class PulseStore(Protocol):
    """Where canaries arrive."""

    def record_pulse(self, queue: str, *, sent_at: datetime, received_at: datetime) -> None:
        """The canary of `queue` that was sent at `sent_at` arrived at `received_at`."""


def pulse(queue: str, sent_at: str, *, store: PulseStore, now: datetime) -> None:
    """Write down that the canary of `queue`, sent at `sent_at` (ISO 8601, aware), arrived `now`."""
    store.record_pulse(queue, sent_at=datetime.fromisoformat(sent_at), received_at=now)
