"""What failed again and again: after the third time it is set aside with its error, so that the pass goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from keepa_deals.store.tables import poison

FAILURES_ALLOWED = 3


def note_failure(connection: Connection, kind: str, key: str, *, error: str, now: datetime) -> bool:
    """Count one more failure; True from the third on, when the thing is set aside."""
    where = (poison.c.kind == kind) & (poison.c.key == key)
    row = connection.execute(select(poison).where(where)).first()
    failures = 1 if row is None else row.failures + 1
    set_aside_at = now if failures >= FAILURES_ALLOWED else None
    if row is None:
        connection.execute(
            insert(poison).values(kind=kind, key=key, failures=1, error=error[:500], first_at=now, last_at=now)
        )
    else:
        connection.execute(
            update(poison)
            .where(where)
            .values(failures=failures, error=error[:500], last_at=now, set_aside_at=row.set_aside_at or set_aside_at)
        )
    return failures >= FAILURES_ALLOWED


def set_aside_since(connection: Connection, kind: str, keys: Sequence[str], *, since: datetime) -> bool:
    """Whether any of `keys` was passed over at or after an instant."""
    statement = select(poison.c.key).where(
        poison.c.kind == kind, poison.c.key.in_(keys), poison.c.set_aside_at.is_not(None), poison.c.last_at >= since
    )
    return connection.execute(statement.limit(1)).first() is not None


def forgive(connection: Connection, kind: str, keys: Sequence[str]) -> None:
    """They worked after all, or deserve another trial."""
    if keys:
        connection.execute(delete(poison).where(poison.c.kind == kind, poison.c.key.in_(keys)))
