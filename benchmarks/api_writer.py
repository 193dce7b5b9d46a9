"""The writer beside which the API is timed: one feed page a second, half of it deals that are held."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from benchmarks.save_page import KNOWN, ROWS
from keepa_deals.clock import SystemClock
from keepa_deals.deal_ranking import rank_candidate
from keepa_deals.records import CostSettings
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database
from keepa_deals.store.feed_rows import RankedRecord, save_feed_page
from keepa_deals.store.tables import deals
from tests.keepa_builders import a_feed_record


def write_each_second(database: str, stop: Any, ready: Any, times: Any) -> None:
    """Save pages until `stop` is set, then hand over how many milliseconds each took."""
    store = Store(open_database(f"sqlite:///{database}"), clock=SystemClock())
    with store.read() as connection:
        known = list(
            connection.execute(select(deals.c.asin).where(deals.c.state == "live").limit(20 * KNOWN)).scalars()
        )
    taken: list[float] = []
    ready.set()
    while not stop.is_set():
        taken.append(_save(store, known, len(taken)))
        stop.wait(max(0.0, 1 - taken[-1] / 1000))
    times.put(taken)


def _save(store: Store, known: list[str], number: int) -> float:
    now = datetime.now(UTC)
    first = number * KNOWN % max(len(known) - KNOWN, 1)
    new = [f"C{int(time.time()) % 10**6:06d}{place:03d}" for place in range(ROWS - KNOWN)]
    records = [a_feed_record(asin=asin, at=now) for asin in [*known[first : first + KNOWN], *new]]
    page = [RankedRecord(one, rank_candidate(one, costs=CostSettings(), now=now)) for one in records]
    start = time.perf_counter()
    with store.write() as connection:
        save_feed_page(connection, page, domain_id=1, promise_hours=12, costs=CostSettings(), sweep=None, now=now)
    return (time.perf_counter() - start) * 1000
