"""Which task rings for each pass, on which queue, how often, and how long a run may take. Pure.

One table for everybody who keeps to it or holds others to it: scheduler, workers, passes, health and watchdog.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from keepa_deals.records import Pass
from keepa_deals.token_budget import live_interval

UPSERT_QUEUE = "upsert"
BACKFILL_QUEUE = "backfill"
QUEUES = (UPSERT_QUEUE, BACKFILL_QUEUE)
"""One worker serves each."""

RING_EVERY_SECONDS = 15.0
"""Each doorbell rings and each canary flies once in this, of real time; what is not taken by then expires."""
PULSE_SECONDS = 3 * RING_EVERY_SECONDS
"""A canary that did not arrive for so long is late."""
MARGIN_SECONDS = 30.0
"""within which a run that was ended at its hard limit is known to have ended"""


@dataclass(frozen=True, slots=True)
class Doorbell:
    """A task that rings for a pass. Limits in seconds: at the soft one it may clean up, at the hard one it dies."""

    task: str
    which: Pass
    queue: str
    soft_limit: int
    hard_limit: int
    every: timedelta | None
    """how often the pass is due when its last run left nothing over; None: that follows from the plan"""


DOORBELLS = (
    Doorbell("keepa_deals.simple_task.update_recent_deals", Pass.LIVE_UPDATE, UPSERT_QUEUE, 240, 300, None),
    Doorbell("keepa_deals.backfiller.backfill_deals", Pass.BACKFILL, BACKFILL_QUEUE, 480, 600, timedelta(minutes=30)),
    Doorbell("keepa_deals.looks.look_at_deals", Pass.LOOKS, BACKFILL_QUEUE, 480, 600, timedelta(seconds=60)),
)

PASSES = {queue: tuple(bell.which for bell in DOORBELLS if bell.queue == queue) for queue in QUEUES}
"""The passes that each queue carries; they share its worker, so they wait for each other."""
RUN_LIMIT = {bell.which: bell.hard_limit + MARGIN_SECONDS for bell in DOORBELLS}
"""Real seconds after which a run that has not ended hangs."""


EVERY = {bell.which: bell.every for bell in DOORBELLS if bell.every is not None}


def interval(which: Pass, *, rate: int) -> timedelta:
    """How often a pass is due on a plan of `rate` tokens a minute, of the product's time."""
    return EVERY[which] if which in EVERY else live_interval(rate)


def neighbours(which: Pass) -> tuple[Pass, ...]:
    """The other passes on the same worker."""
    return tuple(other for passes in PASSES.values() if which in passes for other in passes if other is not which)
