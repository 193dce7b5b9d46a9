"""Column types that keep the house rules: instants are aware UTC, stored as text that sorts; JSON is compact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

INSTANT_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
INSTANT_WIDTH = 24


def instant_text(instant: datetime) -> str:
    """An aware instant as `2026-11-22T13:06:37.123Z`: fixed width, UTC, sorts as it passes."""
    if instant.tzinfo is None:
        raise ValueError("an instant is stored only when it is aware")
    return instant.astimezone(UTC).strftime(INSTANT_FORMAT)[:-3] + "Z"


def instant_from_text(text: str) -> datetime:
    """The reverse of `instant_text`."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant to the millisecond, as sortable text."""

    impl = String(INSTANT_WIDTH)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else instant_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant_from_text(value)


class Json(TypeDecorator[Any]):
    """A small JSON document as compact text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)
