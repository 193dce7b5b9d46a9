"""What health and the diagnostics read back from a real database."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, insert

from keepa_deals.health_facts import CallResult, DealsFact
from keepa_deals.records import Pass, PassReport, StopReason
from keepa_deals.store import call_ledger, evidence, history, pass_records, poison
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.door import Store
from keepa_deals.store.tables import candidates, changes, deals
from tests.builders import a_deal_row
from tests.conftest import NOON

MINUTE = timedelta(minutes=1)


def a_call(
    connection: Connection, name: str, outcome: CallOutcome, *, minutes_ago: int, error: str | None = None
) -> None:
    at = NOON - minutes_ago * MINUTE
    call_ledger.open_call(connection, name, which=Pass.LOOKS, purpose="verify_full", what="x", reserved=12, now=at)
    if outcome is not CallOutcome.SENT:
        billed = 6 if outcome is CallOutcome.ANSWERED else None
        call_ledger.settle_call(
            connection, name, outcome=outcome, billed=billed, balance_after=None, error=error, now=at
        )


def test_only_failures_after_the_last_answer_count(store: Store) -> None:
    with store.write() as connection:
        a_call(connection, "old", CallOutcome.LOST, minutes_ago=9)
        a_call(connection, "good", CallOutcome.ANSWERED, minutes_ago=8)
        a_call(connection, "bad", CallOutcome.MALFORMED, minutes_ago=7)
        a_call(connection, "refused", CallOutcome.REFUSED, minutes_ago=6)
        a_call(connection, "under way", CallOutcome.SENT, minutes_ago=1)
        keepa = evidence.keepa_answers(connection, now=NOON)
    assert keepa.answered_at == NOON - 8 * MINUTE
    assert [(call.at, call.result) for call in keepa.failures] == [(NOON - 7 * MINUTE, CallResult.MALFORMED)]
    assert keepa.refused_last_hour == 1


def test_a_call_that_nobody_settled_was_lost(store: Store) -> None:
    with store.write() as connection:
        a_call(connection, "killed", CallOutcome.SENT, minutes_ago=6)
        keepa = evidence.keepa_answers(connection, now=NOON)
    assert [call.result for call in keepa.failures] == [CallResult.UNREACHABLE]


@pytest.mark.parametrize(
    ("error", "result"),
    [
        ("KeyRejected: it does not know the key", CallResult.KEY_REJECTED),
        ("SubscriptionEnded: renew it", CallResult.SUBSCRIPTION_ENDED),
        ("RequestRejected: no such thing", CallResult.REQUEST_REJECTED),
        (None, CallResult.REQUEST_REJECTED),
    ],
)
def test_a_rejected_call_says_why(store: Store, error: str | None, result: CallResult) -> None:
    with store.write() as connection:
        a_call(connection, "x", CallOutcome.REJECTED, minutes_ago=1, error=error)
        keepa = evidence.keepa_answers(connection, now=NOON)
    assert [call.result for call in keepa.failures] == [result]


def test_a_meter_that_can_not_be_read_counts_though_no_call_was_made(store: Store) -> None:
    with store.write() as connection:
        end_run(connection, StopReason.KEEPA_AWAY, error="KeyRejected: it does not know the key")
        end_run(connection, StopReason.FAILED, error="StoreError: not Keepa's fault")
        keepa = evidence.keepa_answers(connection, now=NOON)
    assert [call.result for call in keepa.failures] == [CallResult.KEY_REJECTED]


def end_run(connection: Connection, stop: StopReason, *, minutes_ago: int = 0, error: str | None = None) -> None:
    at = NOON - minutes_ago * MINUTE
    pass_records.begin_pass(connection, Pass.LIVE_UPDATE, now=at)
    report = PassReport(Pass.LIVE_UPDATE, at, at, stop, error=error)
    pass_records.finish_pass(connection, report, due_at=NOON, now=at)


def test_a_pass_is_done_when_it_came_to_its_own_end(store: Store) -> None:
    with store.write() as connection:
        end_run(connection, StopReason.NOTHING_NEW, minutes_ago=30)
        end_run(connection, StopReason.WAITING_FOR_TOKENS, minutes_ago=20)
        end_run(connection, StopReason.FAILED, minutes_ago=10, error="x")
        (known,) = evidence.passes(connection)
    assert known.last_done_at == NOON - 30 * MINUTE
    assert known.last_finished_at == NOON - 10 * MINUTE
    assert (known.consecutive_failures, known.last_error, known.is_running) == (1, "x", False)


def test_a_pass_was_quiet_between_two_runs_unless_it_waited_for_tokens(store: Store) -> None:
    with store.write() as connection:
        for minutes_ago, stop in (
            (200, StopReason.NOTHING_NEW),
            (170, StopReason.NOTHING_NEW),
            (120, StopReason.WAITING_FOR_TOKENS),
            (60, StopReason.NOTHING_NEW),
            (59, StopReason.NOTHING_NEW),
            (20, StopReason.FAILED),
        ):
            end_run(connection, stop, minutes_ago=minutes_ago, error="x" if stop is StopReason.FAILED else None)
        (known,) = evidence.passes(connection, now=NOON)
    assert [(NOON - begin, NOON - end) for begin, end in known.quiet] == [
        (170 * MINUTE, 120 * MINUTE),
        (59 * MINUTE, 20 * MINUTE),
    ]


def test_a_deal_past_its_promise_counts_as_unverified_whatever_its_row_says(store: Store) -> None:
    rows = [
        a_deal_row(asin="B000000001", promised_until=NOON + MINUTE),
        a_deal_row(asin="B000000002", promised_until=NOON),
        a_deal_row(asin="B000000003", state="unverified", promised_until=NOON + MINUTE),
        a_deal_row(asin="B000000004", state="gone", gone_at=NOON, gone_reason="sold"),
    ]
    with store.write() as connection:
        connection.execute(insert(deals), rows)
        assert evidence.deals_by_state(connection, now=NOON) == DealsFact(live=1, unverified=2, gone=1)


def test_what_was_set_aside_is_named(store: Store) -> None:
    with store.write() as connection:
        assert evidence.set_aside(connection).set_aside == 0
        for _ in range(3):
            poison.note_failure(connection, "page", "7", error="no JSON", now=NOON)
        known = evidence.set_aside(connection)
    assert (known.set_aside, known.newest, known.since) == (1, "page 7 (no JSON)", NOON)


def test_spending_is_told_by_pass_and_purpose_with_what_is_unknown(store: Store) -> None:
    with store.write() as connection:
        a_call(connection, "a", CallOutcome.ANSWERED, minutes_ago=5)
        a_call(connection, "b", CallOutcome.LOST, minutes_ago=4)
        a_call(connection, "d", CallOutcome.ANSWERED, minutes_ago=90)
        (spent,) = history.spending(connection, since=NOON - 60 * MINUTE)
    assert (spent.which_pass, spent.purpose, spent.calls, spent.billed_tokens) == ("looks", "verify_full", 2, 6)
    assert (spent.unknown_calls, spent.unknown_at_most) == (1, 12)


def a_candidate(asin: str, stage: str, *, reason: str | None = None, looked_after: timedelta = timedelta()) -> dict:
    first = NOON - timedelta(days=1)
    return {
        "asin": asin, "domain_id": 1, "title": "x", "first_seen_at": first, "last_seen_at": first,
        "keepa_updated_at": first, "stage": stage, "stage_at": first + looked_after, "reason": reason, "failures": 0,
    }  # fmt: skip


def test_the_funnel_is_counted_by_day_with_reasons_and_samples(store: Store) -> None:
    rows = [
        a_candidate("B000000001", "feed"),
        a_candidate("B000000002", "dropped", reason="no sign of a sale in 90 days"),
        a_candidate("B000000003", "dropped", reason="no profit", looked_after=MINUTE),
        a_candidate("B000000004", "deal", looked_after=timedelta(days=1)),
    ]
    with store.write() as connection:
        connection.execute(insert(candidates), rows)
        connection.execute(
            insert(changes), [{"at": NOON, "asin": "B000000004", "domain_id": 1, "kind": "new", "detail": {}}]
        )
        since = NOON - timedelta(days=7)
        yesterday, today = date(2026, 5, 3), date(2026, 5, 4)
        assert history.seen_by_day(connection, since=since) == {yesterday: 4}
        assert history.looked_by_day(connection, since=since) == {yesterday: 1, today: 1}
        assert history.changes_by_day(connection, since=since) == {today: {"new": 1}}
        lost = history.losses(connection, since=since)
    assert {(loss.day, loss.reason, loss.samples) for loss in lost} == {
        (yesterday, "no sign of a sale in 90 days", ("B000000002",)),
        (yesterday, "no profit", ("B000000003",)),
    }
