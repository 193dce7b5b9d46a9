"""Saving one feed page: what it confirms, what it changes, what it adds. All in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert

from keepa_deals.freshness import Comparison, compare, may_return, promised_until, sighting_of_record
from keepa_deals.records import CostSettings, DealState, FeedEstimate, FeedRecord
from keepa_deals.store.absences import LEFT_FEED
from keepa_deals.store.change_rows import Change, Observation, insert_changes, insert_observations, price_events
from keepa_deals.store.held_deals import HELD_COLUMNS, held_deal, repriced_columns
from keepa_deals.store.poison import forgive
from keepa_deals.store.statements import rows_by_asin, update_each
from keepa_deals.store.tables import candidates, deals

OPEN_STAGES = frozenset({"feed", "light_look", "dropped", "set_aside"})
"""Stages of a candidate that a new price sends back to the start."""
KNOWN_COLUMNS = (
    candidates.c.asin,
    candidates.c.stage,
    candidates.c.reason,
    candidates.c.last_sweep,
    candidates.c.keepa_updated_at,
    candidates.c.used_cents,
    candidates.c.used_since,
)


@dataclass(frozen=True, slots=True)
class RankedRecord:
    """A feed record with its place among the work to do."""

    record: FeedRecord
    estimate: FeedEstimate


@dataclass(frozen=True, slots=True)
class PageEffect:
    """What a page brought: candidates unknown so far or changed, and deals confirmed or changed."""

    gained: int
    confirmed: int
    changed: int
    newest: datetime | None
    """the latest update by Keepa among its records"""

    @property
    def is_news(self) -> bool:
        return self.gained + self.changed > 0


@dataclass(slots=True)
class _Batch:
    """The rows one page will write, gathered so that each kind is one statement."""

    candidate_inserts: list[dict[str, Any]] = field(default_factory=list)
    candidate_restarts: list[dict[str, Any]] = field(default_factory=list)
    candidate_sightings: list[dict[str, Any]] = field(default_factory=list)
    confirmations: list[dict[str, Any]] = field(default_factory=list)
    price_changes: list[dict[str, Any]] = field(default_factory=list)
    looks_due: list[dict[str, Any]] = field(default_factory=list)
    events: list[Change] = field(default_factory=list)
    seen: list[Observation] = field(default_factory=list)


def save_feed_page(
    connection: Connection,
    page: Sequence[RankedRecord],
    *,
    domain_id: int,
    promise_hours: float,
    costs: CostSettings,
    sweep: int | None,
    now: datetime,
) -> PageEffect:
    """Save a ranked page against what is held. An ASIN that stands twice counts once, by its newest update."""
    newest_first = sorted(page, key=lambda ranked: ranked.record.updated_at)
    by_asin = {ranked.record.asin: ranked for ranked in newest_first}
    held = rows_by_asin(connection, deals, HELD_COLUMNS, by_asin, domain_id)
    known = rows_by_asin(connection, candidates, KNOWN_COLUMNS, by_asin, domain_id)
    batch = _Batch()
    for asin, ranked in by_asin.items():
        _sort_candidate(batch, ranked, known.get(asin), held.get(asin), sweep=sweep, now=now)
        if asin in held:
            _sort_deal(batch, ranked.record, held[asin], promise_hours=promise_hours, costs=costs, now=now)
    _write(connection, batch, domain_id=domain_id, now=now)
    return PageEffect(
        gained=len(batch.candidate_inserts) + len(batch.candidate_restarts),
        confirmed=len(batch.confirmations),
        changed=len(batch.price_changes) + len(batch.looks_due),
        newest=newest_first[-1].record.updated_at if newest_first else None,
    )


def _sort_candidate(
    batch: _Batch,
    ranked: RankedRecord,
    known: Row[Any] | None,
    held: Row[Any] | None,
    *,
    sweep: int | None,
    now: datetime,
) -> None:
    record = ranked.record
    sighting = {
        "b_asin": record.asin,
        "last_seen_at": now,
        "keepa_updated_at": record.updated_at,
        "used_cents": record.used_cents,
        "used_since": record.used_since,
        "last_sweep": sweep if sweep is not None else (known.last_sweep if known is not None else None),
    }
    start = {
        "stage": "feed" if ranked.estimate.reason is None else "dropped",
        "stage_at": now,
        "worth_cents": ranked.estimate.worth_cents,
        "reason": ranked.estimate.reason,
        "looked_at": None,
        "explanation": None,
    }
    if known is None:
        del sighting["b_asin"]
        batch.candidate_inserts.append(
            {"asin": record.asin, "title": record.title, "first_seen_at": now, **sighting, **start}
        )
    elif _starts_again(record, known, held):
        batch.candidate_restarts.append({**sighting, **start})
    else:
        batch.candidate_sightings.append(sighting)


def _starts_again(record: FeedRecord, known: Row[Any], held: Row[Any] | None) -> bool:
    """Whether what Keepa says now is a new reason to look at a candidate that was dropped, waits, or is gone."""
    if record.updated_at <= known.keepa_updated_at:
        return False
    if known.stage == "deal":
        return held is not None and may_return(held_deal(held), sighting_of_record(record))
    moved = (record.used_cents, record.used_since) != (known.used_cents, known.used_since)
    return known.stage in OPEN_STAGES and (moved or known.reason == LEFT_FEED)


def _sort_deal(
    batch: _Batch, record: FeedRecord, row: Row[Any], *, promise_hours: float, costs: CostSettings, now: datetime
) -> None:
    held = held_deal(row)
    if held.state is DealState.GONE:
        return
    sighting = sighting_of_record(record)
    outcome = compare(held, sighting)
    if outcome is Comparison.CONFIRMED:
        until = promised_until(sighting.seen_at, promise_hours)
        batch.confirmations.append(
            {
                "b_asin": held.asin,
                "verified_at": sighting.seen_at,
                "verified_by": sighting.source,
                "promised_until": until,
                "keepa_updated_at": sighting.seen_at,
                "sales_rank": record.sales_rank,
                "used_offers": record.used_offers,
                "state": DealState.LIVE if until > now else held.state,
                "unverified_since": None if until > now else row.unverified_since,
            }
        )
        if until > now and held.state is DealState.UNVERIFIED:
            batch.events.append(Change(held.asin, "verified_again", {"by": sighting.source}))
    elif outcome is Comparison.CHANGED:
        batch.price_changes.append({"b_asin": held.asin, **repriced_columns(row, sighting, costs=costs, now=now)})
        batch.events.extend(price_events(held, sighting))
        batch.seen.append(Observation(held.asin, "used_item", sighting.seen_at, sighting.used_cents))
    elif outcome is Comparison.SOLD_OUT and row.look_due_since is None:
        batch.looks_due.append(
            {"b_asin": held.asin, "look_due_since": now, "look_due_reason": "the feed shows no used offer any more"}
        )


def _write(connection: Connection, batch: _Batch, *, domain_id: int, now: datetime) -> None:
    if batch.candidate_inserts:
        connection.execute(insert(candidates), [{"domain_id": domain_id, **row} for row in batch.candidate_inserts])
    update_each(connection, candidates, batch.candidate_restarts, domain_id)
    forgive(connection, "product", [row["b_asin"] for row in batch.candidate_restarts])
    update_each(connection, candidates, batch.candidate_sightings, domain_id)
    update_each(connection, deals, batch.confirmations, domain_id)
    update_each(connection, deals, batch.price_changes, domain_id)
    update_each(connection, deals, batch.looks_due, domain_id)
    insert_changes(connection, batch.events, domain_id=domain_id, now=now)
    insert_observations(connection, batch.seen, domain_id=domain_id)
