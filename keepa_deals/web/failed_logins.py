"""How often one address may show a wrong key at the login page before it has to wait.

Kept in the memory of each web worker, so with two of them an address has twice as many tries; a restart forgets. It
slows guessing down and locks nobody out for long. Behind a proxy all share the proxy's address.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

TRIES = 10
WINDOW_SECONDS = 300.0
MOST_ADDRESSES = 10_000
"""The oldest is forgotten first: memory is bounded whoever asks."""


class FailedLogins:
    """When each address last failed. `monotonic` is real seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures: dict[str, list[float]] = {}

    def seconds_to_wait(self, address: str) -> float:
        """How long `address` must wait until it may try again; 0 when it may now."""
        with self._lock:
            recent = self._recent(address)
            return 0.0 if len(recent) < TRIES else recent[-TRIES] + WINDOW_SECONDS - self._monotonic()

    def note(self, address: str) -> None:
        """`address` showed a wrong key."""
        with self._lock:
            recent = self._recent(address)
            self._failures.pop(address, None)
            while len(self._failures) >= MOST_ADDRESSES:
                del self._failures[next(iter(self._failures))]
            self._failures[address] = [*recent[-TRIES:], self._monotonic()]

    def forget(self, address: str) -> None:
        """`address` showed the right key."""
        with self._lock:
            self._failures.pop(address, None)

    def _recent(self, address: str) -> list[float]:
        since = self._monotonic() - WINDOW_SECONDS
        return [at for at in self._failures.get(address, []) if at > since]
