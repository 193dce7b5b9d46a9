"""Records of past work end; deals, tombstones and the recent past do not."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, insert, select

from keepa_deals.records import Pass
from keepa_deals.store.call_ledger import open_call
from keepa_deals.store.change_rows import Change, insert_changes
from keepa_deals.store.door import Store
from keepa_deals.store.retention import CALLS_KEPT_FOR, CHANGES_KEPT_FOR, REFUSALS_KEPT_FOR, forget_old_records
from keepa_deals.store.tables import calls, candidates, changes, deals
from tests.builders import a_deal_row
from tests.conftest import NOON


def test_only_what_is_past_its_time_is_forgotten(store: Store) -> None:
    tombstone = a_deal_row(state="gone", gone_at=NOON - timedelta(days=900), gone_reason="sold")
    with store.write() as connection:
        connection.execute(insert(deals).values(tombstone))
        for name, age in (("old", CALLS_KEPT_FOR + timedelta(seconds=1)), ("kept", CALLS_KEPT_FOR)):
            open_call(connection, name, which=Pass.LOOKS, purpose="sweep", what=name, reserved=5, now=NOON - age)
        for asin, age in (("A", CHANGES_KEPT_FOR + timedelta(seconds=1)), ("B", CHANGES_KEPT_FOR)):
            insert_changes(connection, [Change(asin, "gone", {})], domain_id=1, now=NOON - age)
        assert forget_old_records(connection, now=NOON) == 2
        assert connection.execute(select(calls.c.id)).scalars().all() == ["kept"]
        assert connection.execute(select(changes.c.asin)).scalars().all() == ["B"]
        assert connection.execute(select(func.count()).select_from(deals)).scalar() == 1


def test_the_steps_of_an_old_refusal_are_forgotten_and_its_reason_stays(store: Store) -> None:
    row = {"domain_id": 1, "title": "T", "first_seen_at": NOON, "last_seen_at": NOON, "keepa_updated_at": NOON}
    row |= {"stage": "dropped", "reason": "no profit", "explanation": [{"name": "profit"}]}
    with store.write() as connection:
        for asin, age in (("OLD", REFUSALS_KEPT_FOR + timedelta(seconds=1)), ("YOUNG", REFUSALS_KEPT_FOR)):
            connection.execute(insert(candidates).values(asin=asin, stage_at=NOON - age, **row))
        forget_old_records(connection, now=NOON)
        kept = connection.execute(select(candidates.c.asin, candidates.c.reason, candidates.c.explanation)).all()
    assert {(one.asin, one.reason, one.explanation is None) for one in kept} == {
        ("OLD", "no profit", True), ("YOUNG", "no profit", False),
    }  # fmt: skip
