"""The calls we wrote down against the requests the simulator wrote down. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ANSWERED = "answered"
UNKNOWN = frozenset({"sent", "lost", "fault", "malformed"})
"""outcomes of a call whose bill never came"""
SLACK = timedelta(milliseconds=250)
"""between the two clocks, which round to milliseconds and run in different processes"""


Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the simulator logged it. `cost` in tokens, 0 for one that was refused or spoiled."""

    received_at: datetime
    sent_at: datetime
    status: int
    cost: int
    balance: int


@dataclass(frozen=True, slots=True)
class Call:
    """One row of `calls`."""

    started_at: datetime
    settled_at: datetime | None
    outcome: str
    billed: int | None
    balance_after: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """What is lost and what is there twice; both empty when all is well."""

    lost: tuple[object, ...] = ()
    doubled: tuple[object, ...] = ()


def compare(
    requests: Iterable[Request], calls: Iterable[Call], *, looked_at: datetime, blind: Sequence[Span] = ()
) -> Account:
    """Each charged request must be one call with the same bill, or one whose bill nobody knows.

    Lost: charged requests without a call. Doubled: answered calls that no request explains; those settled after
    `looked_at`, when the requests were read, prove nothing, and neither does what touches a `blind` span.
    """
    left = sorted(calls, key=lambda call: call.started_at)
    charged = sorted((request for request in requests if request.cost > 0), key=lambda request: request.received_at)
    unmatched = [request for request in charged if not _take(left, request, _is_bill_of)]
    lost = [request for request in unmatched if not _take(left, request, _may_be_of)]
    return Account(
        tuple(request for request in lost if not _touches(blind, request.received_at, request.sent_at)),
        tuple(call for call in left if _claims_an_answer(call, before=looked_at, blind=blind)),
    )


def _claims_an_answer(call: Call, *, before: datetime, blind: Sequence[Span]) -> bool:
    if call.outcome != ANSWERED or not call.billed or call.settled_at is None or call.settled_at >= before:
        return False
    return not _touches(blind, call.started_at, call.settled_at)


def _touches(spans: Sequence[Span], first: datetime, last: datetime) -> bool:
    return any(first <= until and last >= since for since, until in spans)


def _take(left: list[Call], request: Request, fits: Callable[[Call, Request], bool]) -> bool:
    found = next((call for call in left if fits(call, request)), None)
    if found is None:
        return False
    left.remove(found)
    return True


def _is_bill_of(call: Call, request: Request) -> bool:
    return (
        call.outcome == ANSWERED
        and call.billed == request.cost
        and call.balance_after == request.balance
        and call.started_at <= request.received_at + SLACK
        and call.settled_at is not None
        and call.settled_at >= request.sent_at - SLACK
    )


def _may_be_of(call: Call, request: Request) -> bool:
    return call.outcome in UNKNOWN and call.started_at <= request.received_at + SLACK
