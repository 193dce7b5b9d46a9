"""Units of the field and the only place that converts between them.

Keepa's conventions (epoch 2011-01-01T00:00Z, minutes, negative numbers for "nothing") end here:
after this module a time is an aware UTC `datetime`, money is integer cents, and absent is `None`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NewType

Cents = NewType("Cents", int)
"""An amount of money in the marketplace's smallest currency unit."""

Tokens = NewType("Tokens", int)
"""Keepa tokens. A balance may be below zero; a cost never is."""

KeepaMinutes = NewType("KeepaMinutes", int)
"""Minutes since Keepa's epoch, as Keepa sends them."""

KEEPA_EPOCH = datetime(2011, 1, 1, tzinfo=UTC)
"""Keepa's own epoch (Keepa documentation, "Time format"; its Java client's KeepaTime)."""


def from_keepa_minutes(minutes: int) -> datetime:
    """Keepa time as aware UTC. Raises ValueError below 0 and OverflowError past year 9999."""
    if minutes < 0:
        raise ValueError(f"a Keepa time is never negative, got {minutes}")
    return KEEPA_EPOCH + timedelta(minutes=minutes)


def to_keepa_minutes(instant: datetime) -> KeepaMinutes:
    """An aware instant as whole Keepa minutes, rounded down. Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("a Keepa time needs an aware instant")
    return KeepaMinutes((instant - KEEPA_EPOCH) // timedelta(minutes=1))


def known(value: int | None) -> int | None:
    """Keepa's sentinel rule: every negative number (-1 none, -2 not determined) is unknown."""
    return None if value is None or value < 0 else value


def epoch_ms(instant: datetime) -> int:
    """An aware instant as Unix milliseconds, rounded down."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def from_epoch_ms(milliseconds: int) -> datetime:
    """Unix milliseconds as aware UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
