"""The change feed: what happened to a deal, in order, and the prices that were seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert
from sqlalchemy.dialects import postgresql, sqlite

from keepa_deals.freshness import HeldDeal, Sighting
from keepa_deals.store.tables import changes, observations


@dataclass(frozen=True, slots=True)
class Change:
    """One event of one deal. `kind` is one of the table's."""

    asin: str
    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Observation:
    """A value seen at an instant; None is "nothing on offer"."""

    asin: str
    series: str
    at: datetime
    value: int | None


def price_events(held: HeldDeal, sighting: Sighting) -> list[Change]:
    """The event of a used price that moved; none where only the offer behind the price is another."""
    before, after = held.used_cents, sighting.used_cents
    if before is None or after is None or before == after:
        return []
    kind = "cheaper" if after < before else "dearer"
    return [Change(held.asin, kind, {"from_cents": before, "to_cents": after, "by": sighting.source})]


def insert_changes(connection: Connection, events: Iterable[Change], *, domain_id: int, now: datetime) -> None:
    rows = [
        {"at": now, "asin": event.asin, "domain_id": domain_id, "kind": event.kind, "detail": event.detail}
        for event in events
    ]
    if rows:
        connection.execute(insert(changes), rows)


def insert_observations(connection: Connection, seen: Iterable[Observation], *, domain_id: int) -> None:
    """Keep what was seen; the same series at the same instant is kept once."""
    rows = [
        {"asin": one.asin, "domain_id": domain_id, "series": one.series, "at": one.at, "value": one.value}
        for one in seen
    ]
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(observations).on_conflict_do_nothing(), rows)
