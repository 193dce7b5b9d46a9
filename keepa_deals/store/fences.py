"""The fence of each lease. Redis may forget who holds a lease; the database that is written to may not."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection, insert, select, update

from keepa_deals.errors import LeaseLost
from keepa_deals.store.tables import fences


class Fenced(Protocol):
    """A lease as the store sees it."""

    @property
    def name(self) -> str: ...
    @property
    def holder(self) -> str: ...
    @property
    def fence(self) -> int: ...


def grant(connection: Connection, name: str, *, holder: str, now: datetime) -> int:
    """Give `holder` the next number of lease `name`, and return it."""
    changed = connection.execute(
        update(fences)
        .where(fences.c.name == name)
        .values(n=fences.c.n + 1, holder=holder, granted_at=now)
        .returning(fences.c.n)
    ).scalar()
    if changed is not None:
        return int(changed)
    connection.execute(insert(fences).values(name=name, n=1, holder=holder, granted_at=now))
    return 1


def demand(connection: Connection, lease: Fenced) -> None:
    """Raise LeaseLost unless `lease` is the last one granted under its name."""
    row = connection.execute(select(fences.c.n, fences.c.holder).where(fences.c.name == lease.name)).first()
    if row is None or row.n != lease.fence or row.holder != lease.holder:
        raise LeaseLost(
            f"{lease.name} number {lease.fence} was followed by number {row.n if row else 'none'}, "
            "so this step was not saved; the holder of the newer one goes on."
        )
