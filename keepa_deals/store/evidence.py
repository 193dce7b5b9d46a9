"""What health reads: the newest results, as facts. Reads only; each function is one short look."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import Connection, case, func, select

from keepa_deals.errors import (
    KeepaServerFault,
    KeepaUnreachable,
    KeyRejected,
    MalformedReply,
    RequestRejected,
    SubscriptionEnded,
)
from keepa_deals.health_facts import CallFact, CallResult, DealsFact, KeepaFact, PassFact, PoisonFact, PulseFact
from keepa_deals.records import DealState, Pass, StopReason
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.find import is_state
from keepa_deals.store.tables import calls, deals, pass_reports, pass_states, poison, pulses

FAILURES_LOOKED_AT = 20
UNSETTLED_AFTER = timedelta(minutes=5)
"""A call whose answer nobody recorded for so long got none: longer than any time limit of the client."""
QUIET_LOOKED_AT = timedelta(hours=3)
QUIET_NOTED = timedelta(minutes=2)

_RESULTS = {
    CallOutcome.LOST: CallResult.UNREACHABLE,
    CallOutcome.SENT: CallResult.UNREACHABLE,
    CallOutcome.FAULT: CallResult.SERVER_FAULT,
    CallOutcome.MALFORMED: CallResult.MALFORMED,
    CallOutcome.REJECTED: CallResult.REQUEST_REJECTED,
}

_RESULT_OF_ERROR = {
    KeyRejected.__name__: CallResult.KEY_REJECTED,
    SubscriptionEnded.__name__: CallResult.SUBSCRIPTION_ENDED,
    KeepaUnreachable.__name__: CallResult.UNREACHABLE,
    KeepaServerFault.__name__: CallResult.SERVER_FAULT,
    MalformedReply.__name__: CallResult.MALFORMED,
    RequestRejected.__name__: CallResult.REQUEST_REJECTED,
}
"""Recorded errors begin with the name of their class."""


def newest_pulses(connection: Connection) -> tuple[PulseFact, ...]:
    """The last journey through each queue."""
    rows = connection.execute(select(pulses).order_by(pulses.c.queue))
    return tuple(PulseFact(row.queue, row.sent_at, row.received_at) for row in rows)


def passes(connection: Connection, *, now: datetime | None = None) -> tuple[PassFact, ...]:
    """How each pass stands that has ever run; with `now`, also where it was quiet in the last hours."""
    return tuple(
        PassFact(
            which=Pass(row.which_pass),
            due_at=row.due_at,
            last_started_at=row.last_started_at,
            last_finished_at=row.last_finished_at,
            last_worked_at=row.last_worked_at,
            last_done_at=row.last_done_at,
            stop=row.stop,
            waiting_until=row.waiting_until,
            consecutive_failures=row.consecutive_failures,
            last_error=row.last_error,
            quiet=() if now is None else quiet_times(connection, row.which_pass, since=now - QUIET_LOOKED_AT),
        )
        for row in connection.execute(select(pass_states).order_by(pass_states.c.which_pass)).all()
    )


def quiet_times(connection: Connection, which: str, *, since: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The times of over two minutes between two runs of a pass, but for those that it waited for tokens."""
    rows = connection.execute(
        select(pass_reports.c.started_at, pass_reports.c.ended_at, pass_reports.c.stop)
        .where(pass_reports.c.which_pass == which, pass_reports.c.started_at > since)
        .order_by(pass_reports.c.started_at)
    ).all()
    return tuple(
        (earlier.ended_at, later.started_at)
        for earlier, later in pairwise(rows)
        if later.started_at - earlier.ended_at > QUIET_NOTED and earlier.stop != StopReason.WAITING_FOR_TOKENS
    )


def keepa_answers(connection: Connection, *, now: datetime, clock_speed: float = 1.0) -> KeepaFact:
    """When Keepa last answered, and what went wrong since. Answers come in real time, also under a faster clock."""
    lost_before = now - UNSETTLED_AFTER * clock_speed
    answered = connection.execute(
        select(calls.c.started_at, calls.c.settled_at)
        .where(calls.c.outcome == CallOutcome.ANSWERED)
        .order_by(calls.c.started_at.desc())
        .limit(1)
    ).first()
    refused = connection.execute(
        select(func.count())
        .select_from(calls)
        .where(calls.c.started_at > now - timedelta(hours=1), calls.c.outcome == CallOutcome.REFUSED)
    ).scalar_one()
    return KeepaFact(
        answered_at=None if answered is None else answered.settled_at,
        failures=max(
            _failed_calls(connection, since=None if answered is None else answered.started_at, lost_before=lost_before),
            _failed_runs(connection, since=None if answered is None else answered.settled_at),
            key=len,
        ),
        refused_last_hour=refused,
    )


def deals_by_state(connection: Connection, *, now: datetime) -> DealsFact:
    """Deals by what may be claimed of them at `now`, whatever their stored state says."""
    live, gone = is_state(DealState.LIVE, now), is_state(DealState.GONE, now)
    row = connection.execute(
        select(
            func.count(case((live, 1))).label("live"),
            func.count(case((gone, 1))).label("gone"),
            func.count().label("total"),
        ).select_from(deals)
    ).one()
    return DealsFact(live=row.live, unverified=row.total - row.live - row.gone, gone=row.gone)


def set_aside(connection: Connection) -> PoisonFact:
    """How much was set aside, and the newest of it."""
    where = poison.c.set_aside_at.is_not(None)
    count, since = connection.execute(select(func.count(), func.min(poison.c.set_aside_at)).where(where)).one()
    newest = connection.execute(select(poison).where(where).order_by(poison.c.last_at.desc()).limit(1)).first()
    described = None if newest is None else f"{newest.kind} {newest.key} ({newest.error})"
    return PoisonFact(set_aside=count, newest=described, since=since)


def call_result(outcome: str, error: str | None) -> CallResult | None:
    """What a recorded call means for health; None for one that was answered or refused."""
    named = _RESULT_OF_ERROR.get((error or "").split(":")[0])
    if outcome == CallOutcome.REJECTED and named is not None:
        return named
    return _RESULTS.get(CallOutcome(outcome))


def _failed_calls(connection: Connection, *, since: datetime | None, lost_before: datetime) -> tuple[CallFact, ...]:
    unsettled = (calls.c.outcome == CallOutcome.SENT) & (calls.c.started_at < lost_before)
    failed = calls.c.outcome.in_([outcome for outcome in _RESULTS if outcome is not CallOutcome.SENT])
    statement = select(calls).where(failed | unsettled)
    if since is not None:
        statement = statement.where(calls.c.started_at > since)
    rows = connection.execute(statement.order_by(calls.c.started_at.desc()).limit(FAILURES_LOOKED_AT))
    found = ((row, call_result(row.outcome, row.error)) for row in rows)
    return tuple(
        CallFact(row.settled_at or row.started_at, result, row.error) for row, result in found if result is not None
    )


def _failed_runs(connection: Connection, *, since: datetime | None) -> tuple[CallFact, ...]:
    """Runs that ended because Keepa failed: reading the meter is no row of the ledger, yet it can fail too."""
    statement = select(pass_reports.c.ended_at, pass_reports.c.error).where(pass_reports.c.error.is_not(None))
    if since is not None:
        statement = statement.where(pass_reports.c.ended_at > since)
    rows = connection.execute(statement.order_by(pass_reports.c.id.desc()).limit(FAILURES_LOOKED_AT))
    found = ((row.ended_at, _RESULT_OF_ERROR.get(row.error.split(":")[0]), row.error) for row in rows)
    return tuple(CallFact(at, result, error) for at, result, error in found if result is not None)
