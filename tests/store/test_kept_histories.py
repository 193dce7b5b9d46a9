"""A full look keeps the deal's history for its chart, and only the newest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from keepa_deals.judgement.judge import judge
from keepa_deals.records import CostSettings, DatedSale, Series
from keepa_deals.store import find
from keepa_deals.store.door import Store
from keepa_deals.store.kept_histories import kept_history
from keepa_deals.store.look_rows import JudgedProduct, LookSaver
from keepa_deals.store.tables import price_histories
from keepa_deals.units import to_keepa_minutes
from tests.conftest import NOON
from tests.keepa_builders import a_product

COSTS = CostSettings()
ASIN = "0990000017"


def look_at(store: Store, *, after_hours: int, used: Series, sales: tuple[DatedSale, ...] = ()) -> None:
    now = NOON + timedelta(hours=after_hours)
    product = a_product(asin=ASIN, at=now, history={"used": used})
    judgement = replace(judge(product, costs=COSTS, now=now), sales=sales)
    with store.write() as connection:
        saver = LookSaver(connection, domain_id=1, promise_hours=12, costs=COSTS, now=now)
        saver.save_full([JudgedProduct(product, judgement, unworthy=None)])


def test_the_newest_look_takes_the_place_of_the_history_before(store: Store) -> None:
    noon = to_keepa_minutes(NOON)
    sale = DatedSale(noon - 100, 0.9, 2849)
    look_at(store, after_hours=0, used=Series((noon - 600,), (3000,)))
    look_at(store, after_hours=2, used=Series((noon - 600, noon + 60), (3000, 2450)), sales=(sale,))
    with store.read() as connection:
        kept = kept_history(connection, ASIN, 1)
        rows = connection.execute(select(func.count()).select_from(price_histories)).scalar()
    assert kept is not None
    assert (rows, kept.until) == (1, noon + 120)
    assert (kept.series, kept.sales) == ({"used": Series((noon - 600, noon + 60), (3000, 2450))}, (sale,))


def test_a_deal_carries_its_spark(store: Store) -> None:
    noon = to_keepa_minutes(NOON)
    look_at(store, after_hours=0, used=Series((noon - 600,), (3000,)), sales=(DatedSale(noon - 5, 0.9, 2849),))
    with store.read() as connection:
        details = find.deal(connection, ASIN, 1, now=NOON)
    assert details is not None
    assert details.deal.spark is not None
    assert details.deal.spark.prices[-2:] == (None, 3000)
    assert details.deal.spark.sales == ((29, 2849, 0.9),)


def test_a_deal_never_looked_at_in_full_has_no_history(store: Store) -> None:
    with store.read() as connection:
        assert kept_history(connection, ASIN, 1) is None
