"""Two requests to addresses outside. What comes back is None, or why it failed in words without the address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

TIMEOUT_SECONDS = 5.0
TIMESTAMP_HEADER = "X-Keepa-Deals-Timestamp"
SIGNATURE_HEADER = "X-Keepa-Deals-Signature"


def ping(url: str, *, session: requests.Session) -> str | None:
    """Ask the dead-man check's address once."""
    return _failure(session, "GET", url)


def post(url: str, message: Mapping[str, Any], *, secret: str, session: requests.Session, now: datetime) -> str | None:
    """Send one message, signed for `now`."""
    body = json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode()
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        TIMESTAMP_HEADER: timestamp,
        SIGNATURE_HEADER: signature(secret, timestamp=timestamp, body=body),
    }
    return _failure(session, "POST", url, data=body, headers=headers)


def signature(secret: str, *, timestamp: str, body: bytes) -> str:
    """`sha256=` and the HMAC-SHA256 of timestamp, a point and body, in hex: the receiver computes the same."""
    signed = hmac.digest(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"sha256={signed.hex()}"


def _failure(session: requests.Session, method: str, url: str, **options: Any) -> str | None:
    import requests  # noqa: PLC0415 - only who has configured an address pays its memory

    try:
        # The answer's body is left unread: nothing in it matters, and it could be without end.
        with session.request(
            method, url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True, **options
        ) as answer:
            return None if 200 <= answer.status_code < 300 else f"it answered {answer.status_code}"
    except (requests.RequestException, ValueError) as error:
        # Their texts hold the address, which is a secret.
        return f"no answer ({type(error).__name__})"
