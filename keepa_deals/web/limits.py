"""How often one client may ask the API: a bucket of requests that fills again as time passes.

Kept in the memory of each web process, so with two of them a client has twice as many; nothing else needs to be up
for it. A client is an address, or a network of them in IPv6. This machine itself is not limited: what comes from
there is the owner's, or comes through a proxy that has to do this itself.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from flask import Flask, request
from werkzeug.exceptions import TooManyRequests

BURST = 120
A_SECOND = 10.0
MOST_CLIENTS = 10_000
"""The oldest is forgotten first: memory is bounded whoever asks."""
NETWORK_BITS = 64


class Limits:
    """What is left in each client's bucket. `monotonic` is real seconds."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def seconds_to_wait(self, client: str) -> float:
        """0 where the client may ask, and then one request is taken; else how long until it may."""
        now = self._monotonic()
        with self._lock:
            left, at = self._buckets.pop(client, (float(BURST), now))
            left = min(BURST, left + (now - at) * A_SECOND)
            wait = 0.0 if left >= 1 else (1 - left) / A_SECOND
            self._buckets[client] = (left if wait else left - 1, now)
            while len(self._buckets) > MOST_CLIENTS:
                del self._buckets[next(iter(self._buckets))]
        return wait


def guard(app: Flask, limits: Limits) -> None:
    """Make `app` ask `limits` before every request to the API."""

    def refuse_too_many() -> None:
        client = client_of(request.remote_addr)
        if client is None or not request.path.startswith("/api"):
            return
        wait = limits.seconds_to_wait(client)
        if wait > 0:
            told = "Too many requests from this address; Retry-After says in how many seconds to come again."
            raise TooManyRequests(told, retry_after=math.ceil(wait))

    app.before_request(refuse_too_many)


def client_of(address: str | None) -> str | None:
    """Who asks, going by the address; None for this machine."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return address or None
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or found
    if found.is_loopback:
        return None
    is_wide = isinstance(found, IPv6Address)
    return f"{int(found) >> NETWORK_BITS:x}::" if is_wide else str(found)
