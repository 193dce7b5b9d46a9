"""A refusal is kept with its reason: on the deal that has no profit, and on the candidate that was refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select

from keepa_deals.deal_ranking import rank_candidate
from keepa_deals.judgement.judge import judge, worth_showing
from keepa_deals.records import CostSettings, Product
from keepa_deals.store.door import Store
from keepa_deals.store.feed_rows import RankedRecord, save_feed_page
from keepa_deals.store.held_deals import PRICE_UNKNOWN
from keepa_deals.store.look_rows import JudgedProduct, LookSaver
from keepa_deals.store.tables import candidates, deals
from tests.conftest import NOON
from tests.keepa_builders import a_feed_record, a_product

COSTS = CostSettings()
ASIN = "0990000017"
LATER = NOON + timedelta(minutes=30)


def save_page(connection: Connection, **changes: Any) -> None:
    record = a_feed_record(asin=ASIN, **changes)
    ranked = RankedRecord(record, rank_candidate(record, costs=COSTS, now=record.updated_at))
    save_feed_page(connection, [ranked], domain_id=1, promise_hours=12, costs=COSTS, sweep=None, now=record.updated_at)


def save_full_look(connection: Connection, product: Product) -> JudgedProduct:
    judgement = judge(product, costs=COSTS, now=product.updated_at)
    one = JudgedProduct(product, judgement, worth_showing(judgement))
    LookSaver(connection, domain_id=1, promise_hours=12, costs=COSTS, now=product.updated_at).save_full([one])
    return one


def candidate(connection: Connection) -> Any:
    return connection.execute(select(candidates).where(candidates.c.asin == ASIN)).one()


def deal(connection: Connection) -> Any:
    return connection.execute(select(deals).where(deals.c.asin == ASIN)).one()


SOLD_OUT: dict[str, Any] = {"used_cents": None, "used_offers": 0, "offers": ()}


def test_a_refused_candidate_keeps_the_steps_until_its_price_moves(store: Store) -> None:
    with store.write() as connection:
        save_page(connection, at=NOON)
        refused = save_full_look(connection, a_product(asin=ASIN, at=NOON, **SOLD_OUT))
        kept = candidate(connection)
        save_page(connection, at=LATER, used_cents=1900, used_since=LATER)
        again = candidate(connection)
    assert (kept.stage, kept.reason) == ("dropped", refused.unworthy)
    assert [step["name"] for step in kept.explanation] == [step.name for step in refused.judgement.steps]
    assert (again.stage, again.explanation) == ("feed", None)


def test_a_retired_deal_keeps_the_steps_that_retired_it(store: Store) -> None:
    with store.write() as connection:
        save_page(connection, at=NOON)
        save_full_look(connection, a_product(asin=ASIN, at=NOON))
        assert candidate(connection).explanation is None
        refused = save_full_look(connection, a_product(asin=ASIN, at=LATER, **SOLD_OUT))
        assert deal(connection).state == "gone"
        assert len(candidate(connection).explanation) == len(refused.judgement.steps)


def test_a_deal_without_a_profit_says_what_is_missing(store: Store) -> None:
    product = a_product(asin=ASIN, at=NOON)
    unknown = replace(judge(product, costs=COSTS, now=NOON), profit_cents=None, refusal="the FBA fee is unknown")
    with store.write() as connection:
        saver = LookSaver(connection, domain_id=1, promise_hours=12, costs=COSTS, now=NOON)
        saver.save_full([JudgedProduct(product, unknown, None)])
        assert deal(connection).refusal == "the FBA fee is unknown"


@pytest.mark.parametrize(
    ("fba_fee_is_known", "landed_is_known", "told"),
    [(True, True, None), (True, False, PRICE_UNKNOWN), (False, True, "no fee"), (False, False, "no fee")],
)
def test_a_new_price_leaves_what_was_missing_and_adds_what_it_does_not_tell(
    store: Store, fba_fee_is_known: bool, landed_is_known: bool, told: str | None
) -> None:
    product = a_product(asin=ASIN, at=NOON)
    with store.write() as connection:
        judged = save_full_look(connection, product)
        if not fba_fee_is_known:
            steps = [replace(step, value=None) if step.name == "fba fee" else step for step in judged.judgement.steps]
            connection.execute(deals.update().values(explanation=steps, refusal="no fee", profit_cents=None))
        grade = judged.judgement.condition
        assert grade is not None
        save_page(
            connection,
            at=LATER,
            used_cents=1900,
            used_since=LATER,
            landed_cents_by_grade={grade: 2299} if landed_is_known else {},
        )
        row = deal(connection)
    assert row.used_cents == 1900
    assert row.refusal == told
    assert (row.profit_cents is None) == (told is not None)
