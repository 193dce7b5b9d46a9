"""A doorbell rings each pass every few seconds; here it is decided whether anybody goes to the door."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keepa_deals import backfiller, looks, simple_task
from keepa_deals.errors import (
    KeepaDealsError,
    KeepaRefused,
    KeepaServerFault,
    KeepaUnreachable,
    LeaseLost,
)
from keepa_deals.locks import Held, LeaseKeeper
from keepa_deals.records import Pass, PassReport, StopReason
from keepa_deals.store import pass_records
from keepa_deals.store.pass_records import PassState
from keepa_deals.timetable import EVERY
from keepa_deals.token_budget import live_interval, live_pages
from keepa_deals.work import Means, Shift

log = logging.getLogger(__name__)

STALL_LIMIT_SECONDS = 400.0
"""Longer than the longest answer of Keepa that the client waits for; then the lease is let go."""
FIRST_RETRY = timedelta(seconds=15)
LAST_RETRY = timedelta(seconds=60)
FUTURE_TOLERANCE = timedelta(seconds=60)
"""A run that ended further in the future than this ended before the clock was set back."""


@dataclass(frozen=True, slots=True)
class Door:
    """One pass: its lease, and what it does."""

    lock: str
    run: Callable[[Shift, PassState], PassReport]


DOORS = {
    Pass.LIVE_UPDATE: Door(simple_task.LOCK, simple_task.update_recent_deals),
    Pass.BACKFILL: Door(backfiller.LOCK, backfiller.backfill_deals),
    Pass.LOOKS: Door(looks.LOCK, looks.look_at_deals),
}


def ring(which: Pass, *, means: Means, leases: LeaseKeeper) -> dict[str, Any]:
    """Run the pass if it is due and nobody else does. Returns what came of it, as log fields."""
    due_at = _not_due_before(which, means)
    if due_at is not None:
        return {"pass": which, "stop": StopReason.NOT_DUE, "due_at": due_at}
    lease = leases.acquire(DOORS[which].lock, stall_limit_seconds=STALL_LIMIT_SECONDS)
    if isinstance(lease, Held):
        return {"pass": which, "stop": StopReason.HELD, "holder": lease.holder.pid}
    with lease:
        # Asked again: whoever held the lease until now may just have done the work.
        due_at = _not_due_before(which, means)
        if due_at is not None:
            return {"pass": which, "stop": StopReason.NOT_DUE, "due_at": due_at}
        return as_log_fields(_run(Shift(which, means, lease, started_at=means.clock.now())))


def _not_due_before(which: Pass, means: Means) -> str | None:
    """Until when nobody goes to the door of a pass, in words; None when it is due."""
    with means.store.read() as connection:
        state = pass_records.pass_state(connection, which)
        live = pass_records.pass_state(connection, Pass.LIVE_UPDATE)
    now = means.clock.now()
    if state is not None and state.due_at > now and not _ended_in_the_future(state, now):
        return state.due_at.isoformat()
    if which is not Pass.LIVE_UPDATE and (live is None or live.last_finished_at is None):
        return "after the first live update"
    return None


def _ended_in_the_future(state: PassState, now: datetime) -> bool:
    """Whether the clock was set back since: then what is due by the old one would be silent until it is caught up."""
    return state.last_finished_at is not None and state.last_finished_at > now + FUTURE_TOLERANCE


def as_log_fields(report: PassReport) -> dict[str, Any]:
    """A report as plain values."""
    fields = {
        "pass": report.which,
        "stop": report.stop,
        "pages_read": report.pages_read,
        "gained": report.gained,
        "confirmed": report.confirmed,
        "changed": report.changed,
        "retired": report.retired,
        "tokens_spent": report.tokens_spent,
    }
    if report.waiting_until is not None:
        fields["waiting_until"] = report.waiting_until.isoformat()
    if report.error is not None:
        fields["error"] = report.error
    return fields


def _run(shift: Shift) -> PassReport:
    means = shift.means
    with means.store.write(shift.lease) as connection:
        state = pass_records.begin_pass(connection, shift.which, now=shift.started_at)
        live = pass_records.pass_state(connection, Pass.LIVE_UPDATE)
    try:
        _prepare_ledger(shift, state, live)
        report = DOORS[shift.which].run(shift, state)
    except LeaseLost:
        raise
    except KeepaDealsError as error:
        report = _report_of(shift, error)
    except Exception as error:
        log.exception("pass failed pass=%s", shift.which)
        _finish(shift, state, shift.report(StopReason.FAILED, error=f"{type(error).__name__}: {error}"))
        raise
    _finish(shift, state, report)
    log.info("pass ended %s", " ".join(f"{name}={value}" for name, value in as_log_fields(report).items()))
    return report


def _prepare_ledger(shift: Shift, state: PassState, live: PassState | None) -> None:
    """After silence, ask Keepa something free first; then tell the token ledger what the live update will need."""
    tokens = shift.means.tokens
    if state.stop == StopReason.KEEPA_AWAY:
        shift.means.keepa.token()
        shift.lease.moved()
    if shift.which is not Pass.LIVE_UPDATE and live is not None and live.due_at > shift.started_at:
        rate = tokens.status().refill_rate
        if rate > 0:
            tokens.plan_live_update(due_at=live.due_at, pages=live_pages(rate), every=live_interval(rate))


def _report_of(shift: Shift, error: KeepaDealsError) -> PassReport:
    """A declared failure as a report: refused means wait, silence means Keepa is away, the rest has failed."""
    if isinstance(error, KeepaRefused):
        tick = timedelta(milliseconds=error.status.refill_in_ms) if error.status is not None else timedelta(minutes=1)
        return shift.report(
            StopReason.WAITING_FOR_TOKENS, waiting_until=shift.means.clock.now() + tick, error=str(error)
        )
    away = isinstance(error, KeepaUnreachable | KeepaServerFault)
    log.warning("pass stopped pass=%s error=%s: %s", shift.which, type(error).__name__, error)
    return shift.report(StopReason.KEEPA_AWAY if away else StopReason.FAILED, error=f"{type(error).__name__}: {error}")


def _finish(shift: Shift, state: PassState, report: PassReport) -> None:
    means = shift.means
    now = means.clock.now()
    due_at = _next_due(shift, state, report, now)
    with means.store.write(shift.lease) as connection:
        pass_records.finish_pass(connection, report, due_at=due_at, now=now)


def _next_due(shift: Shift, state: PassState, report: PassReport, now: datetime) -> datetime:
    """When the pass is due again. A wait for tokens asks at every doorbell, which keeps its place in line."""
    if report.stop in (StopReason.FAILED, StopReason.KEEPA_AWAY):
        patience: timedelta = FIRST_RETRY * 2 ** min(state.consecutive_failures, 4)
        return now + min(LAST_RETRY, patience)
    if report.stop is StopReason.WAITING_FOR_TOKENS:
        return min(state.due_at, now)
    if report.stop is StopReason.CHUNK_DONE:
        return now
    if shift.which is Pass.LIVE_UPDATE:
        return shift.started_at + shift.means.tokens.live_interval()
    return now + EVERY[shift.which]
