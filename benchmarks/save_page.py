"""How long saving a feed page takes: 150 records, 75 of them known, with a reader at work beside it.

Prints the median and the 95th percentile in milliseconds, and beside them the same number of rows written by
bare `sqlite3` in one transaction on the same disk (the floor of this machine).
Usage: python benchmarks/save_page.py [--pages 60] [--json]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sqlalchemy import insert
from werkzeug.datastructures import MultiDict

from keepa_deals.clock import SystemClock
from keepa_deals.deal_query import parse_deal_query
from keepa_deals.deal_ranking import rank_candidate
from keepa_deals.records import CostSettings
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database
from keepa_deals.store.feed_rows import RankedRecord, save_feed_page
from keepa_deals.store.find import find_deals
from keepa_deals.store.schema import migrate
from keepa_deals.store.tables import deals
from tests.builders import a_deal_row
from tests.keepa_builders import a_feed_record

ROWS = 150
KNOWN = 75
DEALS_HELD = 2_000


def main(argv: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=60)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        ours, reads = measure_ours(Path(folder), pages=asked.pages)
        floor = measure_floor(Path(folder), pages=asked.pages)
    result = {
        "save_page_p50_ms": round(statistics.median(ours), 2),
        "save_page_p95_ms": round(statistics.quantiles(ours, n=20)[-1], 2),
        "bare_sqlite_p50_ms": round(statistics.median(floor), 2),
        "ratio_to_bare_sqlite": round(statistics.median(ours) / statistics.median(floor), 1),
        "reads_beside_it": reads,
        "goal_p50_ms": 25,
    }
    print(json.dumps(result) if asked.json else "\n".join(f"{name}: {value}" for name, value in result.items()))
    return 0


def measure_ours(folder: Path, *, pages: int) -> tuple[list[float], int]:
    address = f"sqlite:///{folder / 'deals.db'}"
    migrate(address)
    store = Store(open_database(address), clock=SystemClock())
    now = datetime.now(UTC)
    with store.write() as connection:
        connection.execute(
            insert(deals),
            [a_deal_row(asin=f"{n:010d}", promised_until=now + timedelta(hours=6)) for n in range(DEALS_HELD)],
        )
    context = multiprocessing.get_context("spawn")
    stop, reads = context.Event(), context.Value("i", 0)
    reader = context.Process(target=read_on, args=(address, stop, reads))
    reader.start()
    try:
        while reads.value == 0 and reader.is_alive():
            time.sleep(0.05)
        return [save_one(store, number) for number in range(pages)], reads.value
    finally:
        stop.set()
        reader.join(timeout=30)


def save_one(store: Store, number: int) -> float:
    """Milliseconds for one page: half of it held as deals, half never seen."""
    now = datetime.now(UTC)
    known = [a_feed_record(asin=f"{(number * KNOWN + n) % DEALS_HELD:010d}", at=now) for n in range(KNOWN)]
    unknown = [a_feed_record(asin=f"B{number:03d}{n:06d}", at=now) for n in range(ROWS - KNOWN)]
    page = [RankedRecord(one, rank_candidate(one, costs=CostSettings(), now=now)) for one in known + unknown]
    start = time.perf_counter()
    with store.write() as connection:
        save_feed_page(connection, page, domain_id=1, promise_hours=12, costs=CostSettings(), sweep=None, now=now)
    return (time.perf_counter() - start) * 1000


def read_on(address: str, stop: Event, reads: object) -> None:
    """A person who reloads the dashboard all the time."""
    database = open_database(address)
    query = parse_deal_query(MultiDict())
    while not stop.is_set():
        with database.read.connect() as connection:
            find_deals(connection, query, now=datetime.now(UTC))
        reads.value += 1  # type: ignore[attr-defined]


def measure_floor(folder: Path, *, pages: int) -> list[float]:
    """The same number of rows as text into one table by bare sqlite3."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE rows (asin TEXT PRIMARY KEY, title TEXT, cents INTEGER, at TEXT)")
    taken = []
    for number in range(pages):
        rows = [(f"{number}-{n}", "An invented title of usual length", n, "2026-01-01") for n in range(ROWS)]
        start = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", rows)
        connection.execute("COMMIT")
        taken.append((time.perf_counter() - start) * 1000)
    return taken


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
