"""What every pass is handed, and the one way any of them spends a token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from keepa_deals.clock import Clock
from keepa_deals.errors import (
    KeepaError,
    KeepaRefused,
    KeepaServerFault,
    KeepaUnreachable,
    MalformedReply,
)
from keepa_deals.feed_query import FeedQuery
from keepa_deals.keepa_client import KeepaClient, Reply
from keepa_deals.locks import Lease
from keepa_deals.records import CostSettings, Pass, PassReport, StopReason
from keepa_deals.store import call_ledger
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.door import Store
from keepa_deals.token_budget import Permit, Purpose, Wait
from keepa_deals.token_manager import TokenManager

T = TypeVar("T")
log = logging.getLogger(__name__)

OUTCOME_OF_FAULT: dict[type[KeepaError], CallOutcome] = {
    KeepaUnreachable: CallOutcome.LOST,
    KeepaRefused: CallOutcome.REFUSED,
    KeepaServerFault: CallOutcome.FAULT,
    MalformedReply: CallOutcome.MALFORMED,
}


@dataclass(frozen=True, slots=True)
class Means:
    """The doors and wishes that a pass works with."""

    clock: Clock
    keepa: KeepaClient
    tokens: TokenManager
    store: Store
    feed_query: FeedQuery
    costs: CostSettings
    domain_id: int
    promise_hours: float
    installation: str


@dataclass(slots=True)
class Tally:
    """What a run of a pass has done so far."""

    pages_read: int = 0
    pages_total: int | None = None
    gained: int = 0
    confirmed: int = 0
    changed: int = 0
    retired: int = 0
    tokens_spent: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """One run of one pass: its means, its lease, and its tally."""

    which: Pass
    means: Means
    lease: Lease
    started_at: datetime
    tally: Tally = field(default_factory=Tally)

    def report(
        self, stop: StopReason, *, waiting_until: datetime | None = None, error: str | None = None
    ) -> PassReport:
        """The tally as a report, ended now."""
        tally = self.tally
        return PassReport(
            which=self.which,
            started_at=self.started_at,
            ended_at=self.means.clock.now(),
            stop=stop,
            waiting_until=waiting_until,
            pages_read=tally.pages_read,
            pages_total=tally.pages_total,
            gained=tally.gained,
            confirmed=tally.confirmed,
            changed=tally.changed,
            retired=tally.retired,
            tokens_spent=tally.tokens_spent,
            error=error,
        )


@dataclass(frozen=True, slots=True)
class Bought(Generic[T]):
    """An answer that is paid for and settled; what it brought is still to be saved."""

    call_id: str
    payload: T


def spend(
    shift: Shift,
    *,
    cost: int,
    purpose: Purpose,
    what: str,
    call: Callable[[], Reply[T]],
    wait_up_to: float = 0,
) -> Bought[T] | Wait:
    """Permission, ledger row, call, settlement: the answer, or the wait.

    `cost` is the most the call can bill. Raises the KeepaError of a failed call after settling it, and
    LeaseLost before sending if the lease has passed on.
    """
    permit = shift.means.tokens.request_permission_for_call(cost, purpose, wait_up_to=wait_up_to)
    if isinstance(permit, Wait):
        return permit
    _open_row(shift, permit, what)
    try:
        reply = call()
    except KeepaError as error:
        _settle_fault(shift, permit, error)
        raise
    _settle_reply(shift, permit, reply)
    shift.lease.moved()
    return Bought(permit.id, reply.payload)


def _open_row(shift: Shift, permit: Permit, what: str) -> None:
    means = shift.means
    try:
        with means.store.write(shift.lease) as connection:
            call_ledger.open_call(
                connection,
                permit.id,
                which=shift.which,
                purpose=permit.purpose,
                what=what,
                reserved=permit.cost,
                now=means.clock.now(),
            )
    except BaseException:
        means.tokens.cancel(permit)
        raise


def _settle_reply(shift: Shift, permit: Permit, reply: Reply[T]) -> None:
    means = shift.means
    means.tokens.settle(permit, reply.status, sent_at=reply.sent_at, received_at=reply.received_at)
    shift.tally.tokens_spent += reply.status.consumed
    with means.store.write() as connection:
        call_ledger.settle_call(
            connection,
            permit.id,
            outcome=CallOutcome.ANSWERED,
            billed=reply.status.consumed,
            balance_after=reply.status.balance,
            error=None,
            now=means.clock.now(),
        )


def _settle_fault(shift: Shift, permit: Permit, error: KeepaError) -> None:
    """A fault may carry Keepa's own meter (then its bill is known) or nothing (then it counts at its most)."""
    means, status = shift.means, error.status
    now = means.clock.now()
    means.tokens.settle(permit, status, sent_at=error.sent_at or now, received_at=error.received_at or now)
    billed = None if status is None else status.consumed
    shift.tally.tokens_spent += billed or 0
    with means.store.write() as connection:
        call_ledger.settle_call(
            connection,
            permit.id,
            outcome=OUTCOME_OF_FAULT.get(type(error), CallOutcome.REJECTED),
            billed=billed,
            balance_after=None if status is None else status.balance,
            error=f"{type(error).__name__}: {error}"[:500],
            now=now,
        )
    log.warning("call failed what=%s error=%s", permit.purpose, error)
