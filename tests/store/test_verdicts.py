"""The history of verdicts: a row when it changes and at least one an hour."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from keepa_deals.store.door import Store
from keepa_deals.store.pulses import record_verdict
from keepa_deals.store.tables import verdicts
from tests.conftest import NOON


def kept(store: Store, *told: tuple[str, int]) -> list[tuple[str, int]]:
    """What is left of verdicts told at so many minutes after noon, in order of time."""
    with store.write() as connection:
        for verdict, minutes in told:
            record_verdict(connection, verdict, waiting_until=None, findings=[], now=NOON + timedelta(minutes=minutes))
        rows = connection.execute(select(verdicts).order_by(verdicts.c.at)).all()
    return [(row.verdict, round((row.at - NOON).total_seconds() / 60)) for row in rows]


def test_a_verdict_that_goes_on_is_kept_once_an_hour(store: Store) -> None:
    assert kept(store, ("working", 0), ("working", 59), ("working", 60)) == [("working", 0), ("working", 60)]


def test_each_change_is_kept(store: Store) -> None:
    assert kept(store, ("working", 0), ("stuck", 1), ("working", 2)) == [("working", 0), ("stuck", 1), ("working", 2)]


def test_a_clock_that_was_set_back_does_not_fill_the_history(store: Store) -> None:
    told = kept(store, ("stuck", 120), ("working", 0), ("working", 1), ("working", 2))
    assert told == [("working", 0), ("stuck", 120)]
