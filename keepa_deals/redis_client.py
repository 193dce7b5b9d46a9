"""The Redis client of leases and token ledger, and the broker's name for the same server."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

SOCKET_TIMEOUT_SECONDS = 3
"""A call that takes longer has failed. With redis-py's own 10 retries it would be half a minute (measured)."""


def connect(url: str) -> Redis:
    """A client for `url` (redis://, rediss:// or unix://) that fails within seconds and never tries again by itself.

    Connects at the first command. Answers are bytes.
    """
    return Redis.from_url(
        url,
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=10,
        protocol=2,
    )


def broker_url(address: str) -> str:
    """`address` in kombu's words: a unix:// address becomes redis+socket://, the others stay as they are.

    May hold a password: never log it.
    """
    parts = urlsplit(address)
    if parts.scheme != "unix":
        return address
    options = [("virtual_host" if name == "db" else name, value) for name, value in parse_qsl(parts.query)]
    query = f"?{urlencode(options)}" if options else ""
    return f"redis+socket://{parts.netloc}{parts.path}{query}"
