"""Waiting for what a program needs, so that its first work is no row of failures."""

from __future__ import annotations

import time

from keepa_deals.processes import signs
from keepa_deals.processes.programs import WORKER_QUEUES
from keepa_deals.processes.speech import say
from keepa_deals.settings import Settings

WAIT_SECONDS = 50.0
"""after which the program starts all the same: it lives with a Redis or Keepa that is away, and says so"""


def wait_for_needs(name: str, *, settings: Settings) -> None:
    """Let a worker start only when Redis answers, and in demo the simulator, which first builds its world."""
    if name not in WORKER_QUEUES:
        return
    deadline = time.monotonic() + WAIT_SECONDS
    while not (signs.redis_answers(settings) and (not settings.is_demo or signs.simulator_answers(settings))):
        if time.monotonic() > deadline:
            say(f"{name}: starting although Redis or the simulator does not answer yet")
            return
        time.sleep(0.25)
