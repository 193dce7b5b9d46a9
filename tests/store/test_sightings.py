"""Whatever order pages and looks come in, a deal's evidence stays true."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from keepa_deals.deal_ranking import rank_candidate
from keepa_deals.judgement.judge import judge, worth_showing
from keepa_deals.records import CostSettings
from keepa_deals.store import ageing
from keepa_deals.store.door import Store
from keepa_deals.store.feed_rows import PageEffect, RankedRecord, save_feed_page
from keepa_deals.store.look_rows import JudgedProduct, LookSaver
from keepa_deals.store.tables import about, candidates, changes, deals
from tests.conftest import NOON
from tests.keepa_builders import a_feed_record, a_product

COSTS = CostSettings()
PROMISE_HOURS = 12
ASINS = ("0990000017", "0990000025")


def save_page(connection: Connection, *records: Any, at_minutes: int = 0, sweep: int | None = None) -> PageEffect:
    now = NOON + timedelta(minutes=at_minutes)
    ranked = [RankedRecord(record, rank_candidate(record, costs=COSTS, now=now)) for record in records]
    return save_feed_page(
        connection, ranked, domain_id=1, promise_hours=PROMISE_HOURS, costs=COSTS, sweep=sweep, now=now
    )


def save_full_look(connection: Connection, asin: str, *, at_minutes: int, used_cents: int | None) -> None:
    now = NOON + timedelta(minutes=at_minutes)
    sold_out: dict[str, Any] = {"used_cents": None, "used_offers": 0, "offers": ()} if used_cents is None else {}
    product = a_product(asin=asin, at=now, **({"used_cents": used_cents} | sold_out))
    judgement = judge(product, costs=COSTS, now=now)
    saver = LookSaver(connection, domain_id=1, promise_hours=PROMISE_HOURS, costs=COSTS, now=now)
    saver.save_full([JudgedProduct(product, judgement, worth_showing(judgement))])


def held(connection: Connection) -> dict[str, Any]:
    return {row.asin: row for row in connection.execute(select(deals))}


def test_an_asin_that_stands_twice_on_a_page_counts_once_by_its_newest_update(store: Store) -> None:
    older = a_feed_record(at=NOON - timedelta(hours=1), used_cents=3000)
    newer = a_feed_record(at=NOON, used_cents=2000)
    with store.write() as connection:
        effect = save_page(connection, newer, older)
        (row,) = connection.execute(select(candidates)).all()
    assert (effect.gained, row.used_cents) == (1, 2000)


def test_the_same_page_again_is_no_news(store: Store) -> None:
    record = a_feed_record(at=NOON)
    with store.write() as connection:
        assert save_page(connection, record).is_news
        assert not save_page(connection, record, at_minutes=1).is_news


def test_an_empty_page_is_no_news(store: Store) -> None:
    with store.write() as connection:
        effect = save_page(connection)
    assert (effect.is_news, effect.newest) == (False, None)


def test_a_candidate_that_left_the_feed_starts_again_when_it_comes_back(store: Store) -> None:
    with store.write() as connection:
        save_page(connection, a_feed_record(at=NOON), sweep=1)
        connection.execute(candidates.update().values(stage="dropped", reason="no longer in the feed"))
        effect = save_page(
            connection,
            a_feed_record(at=NOON + timedelta(minutes=5), used_since=NOON - timedelta(hours=2)),
            at_minutes=6,
            sweep=2,
        )
        (row,) = connection.execute(select(candidates)).all()
    assert (effect.gained, row.stage) == (1, "feed")


def test_a_look_at_data_past_the_promise_is_archived_in_the_end_too(store: Store) -> None:
    now, old = NOON + timedelta(hours=20), NOON
    product = a_product(asin=ASINS[0], at=old)
    judgement = judge(product, costs=COSTS, now=now)
    with store.write() as connection:
        saver = LookSaver(connection, domain_id=1, promise_hours=PROMISE_HOURS, costs=COSTS, now=now)
        saver.save_full([JudgedProduct(product, judgement, worth_showing(judgement))])
        assert held(connection)[ASINS[0]].state == "unverified"
        assert ageing.age_deals(connection, domain_id=1, now=now).archived == 0
        for name, value in (("answered_at", now.isoformat()), ("working_ms", str(14 * 86_400_000))):
            connection.execute(about.insert().values(name=name, value=value))
        aged = ageing.age_deals(connection, domain_id=1, now=now + timedelta(days=14))
    assert (aged.unverified, aged.archived) == (0, 1)


SIGHTINGS = st.lists(
    st.tuples(
        st.sampled_from(["feed", "look", "age"]),
        st.sampled_from(ASINS),
        st.integers(0, 40),
        st.sampled_from([1900, 2450, 2450, 2450, 3900, None]),
        st.integers(0, 900),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SIGHTINGS)
def test_evidence_stays_true_in_any_order(store: Store, sightings: list[tuple[str, str, int, int | None, int]]) -> None:
    with store.write() as connection:
        outer = connection.begin_nested()
        now_minutes, verified = 0, {}
        for kind, asin, later, used_cents, lag in sightings:
            now_minutes += later
            if kind == "feed":
                at = NOON + timedelta(minutes=now_minutes - lag)
                save_page(connection, a_feed_record(asin=asin, at=at, used_cents=used_cents), at_minutes=now_minutes)
            elif kind == "look":
                save_full_look(connection, asin, at_minutes=now_minutes, used_cents=used_cents)
            else:
                ageing.age_deals(connection, domain_id=1, now=NOON + timedelta(minutes=now_minutes))
            now = NOON + timedelta(minutes=now_minutes)
            for row in held(connection).values():
                assert row.verified_at <= now
                assert row.verified_at >= verified.get(row.asin, row.verified_at), "a verification went back in time"
                verified[row.asin] = row.verified_at
                assert row.promised_until == row.verified_at + timedelta(hours=PROMISE_HOURS)
                assert (row.profit_cents is None) == (row.price_now_cents is None) == (row.refusal is not None)
        told = connection.execute(select(changes.c.asin, changes.c.kind).order_by(changes.c.seq)).all()
        for asin in ASINS:
            story = [kind for told_asin, kind in told if told_asin == asin and kind in ("new", "gone", "back")]
            assert story == ["new", *["gone", "back"] * len(story)][: len(story)]
        outer.rollback()
