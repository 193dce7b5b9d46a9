"""Where a page of deals ended, as a text that the next request hands back."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from keepa_deals.deal_fields import Kind, NotRight, Sort, shown

_NUMBERS = frozenset({Kind.MONEY, Kind.PERCENT, Kind.COUNT})
HELP = "that is not one of our cursors; take next_cursor from the page before, or begin again without it"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page, after which the next one begins."""

    value: int | float | str | datetime | None
    """of the sorted field, as kept"""
    asin: str
    domain_id: int


def cursor_text(cursor: Cursor, *, sort: Sort) -> str:
    """`cursor` as an opaque text that only fits the order it was made in."""
    value = cursor.value.isoformat() if isinstance(cursor.value, datetime) else cursor.value
    body = msgspec.json.encode([sort.name, value, cursor.asin, cursor.domain_id])
    return base64.urlsafe_b64encode(_seal(body) + body).decode().rstrip("=")


def read_cursor(text: str, *, sort: Sort) -> Cursor:
    """The reverse of `cursor_text`; whatever was not written there for this order is wrong."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        name, value, asin, domain_id = msgspec.json.decode(
            sealed[6:], type=tuple[str, int | float | str | None, str, int]
        )
    except (binascii.Error, ValueError):
        raise NotRight(HELP) from None
    if sealed[:6] != _seal(sealed[6:]) or not 0 < domain_id < 100:
        raise NotRight(HELP)
    if name != sort.name:
        raise NotRight(f"it belongs to sort={shown(name)}, not to sort={sort.name}; begin again without it")
    return Cursor(_cursor_value(value, sort.field.kind), asin, domain_id)


def _cursor_value(value: int | float | str | None, kind: Kind) -> int | float | str | datetime | None:
    if value is None or (kind is Kind.TEXT and isinstance(value, str)):
        return value
    if kind in (Kind.AGE, Kind.INSTANT) and isinstance(value, str):
        with contextlib.suppress(ValueError, OverflowError):
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is not None:
                return instant.astimezone(UTC)
    elif kind in _NUMBERS and not isinstance(value, str) and abs(value) < 2**53:
        return value
    raise NotRight(HELP)


def _seal(body: bytes) -> bytes:
    """Enough to tell a damaged cursor from a whole one. A cursor grants nothing, so it need not be secret."""
    return hashlib.blake2s(body, digest_size=6, person=b"cursor").digest()
