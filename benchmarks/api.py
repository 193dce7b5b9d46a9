"""Our API beside Datasette on one database file: requests a second, latencies, counts, and the rendered table.

    python benchmarks/api.py [--rows 10000,100000,1000000] [--seconds 2] [--json] [--plot docs/api-speed.svg]

For each number of deals: `margin >= 20, rank <= 500k, by profit, 50 rows` and twenty filters drawn from a seed, a
quarter of them so narrow that fewer than 50 deals meet them. Both servers give the same rows and columns, first
both with an exact count, then both without one; they take turns filter by filter, so that a busy machine slows both.
Before anything is timed their counts are held against each other. `plain sqlite3` is the same SQL without any server.
Files of deals are kept in --folder and used again while they are fresh.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import api_servers as servers
from benchmarks.api_deals import HEADLINE, Question, fill, questions
from benchmarks.api_plot import plot
from benchmarks.api_writer import write_each_second
from keepa_deals.store.schema import migrate

FRESH_FOR = 2 * 3600
"""seconds after which the promises in a kept file have run too far down"""
CONNECTIONS = 4
SEED = 20261122


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", default="10000,100000,1000000")
    options.add_argument("--filters", type=int, default=20)
    options.add_argument("--seconds", type=float, default=2.0, help="of each timing")
    options.add_argument("--workers", type=int, default=2, help="of our web; the service runs 2")
    options.add_argument("--seed", type=int, default=SEED)
    options.add_argument("--folder", type=Path, default=Path("/tmp/keepa-deals-api-benchmark"))
    options.add_argument("--json", action="store_true")
    options.add_argument("--plot", type=Path)
    asked = options.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are ended too
    sizes = [int(text) for text in asked.rows.split(",")]
    result: dict[str, Any] = {"seed": asked.seed, "filters": asked.filters, "connections": CONNECTIONS, "rows": {}}
    for rows in sizes:
        result["rows"][str(rows)] = measured(asked, rows)
        print(f"{rows} deals done", file=sys.stderr)
    result["goals"] = goals(result["rows"])
    if asked.plot:
        asked.plot.write_text(plot(result["rows"]), encoding="utf-8")
    print(json.dumps(result) if asked.json else told(result))
    return 0


def measured(asked: argparse.Namespace, rows: int) -> dict[str, Any]:
    """Everything about one number of deals."""
    folder = asked.folder / str(rows)
    folder.mkdir(parents=True, exist_ok=True)
    database = kept_file(folder, rows, seed=asked.seed)
    drawn = [HEADLINE, *questions(asked.filters, rows=rows, seed=asked.seed)]
    with (
        servers.ours(database, folder, workers=asked.workers) as our_port,
        servers.datasette(database, folder) as their_port,
    ):
        side = SideBySide(our_port, their_port, database, asked.seconds)
        matches = [side.agreed_count(question) for question in drawn]
        exact, none = ([side.compare(one, is_counted=counted) for one in drawn] for counted in (True, False))
        found = {
            "matches": matches,
            "narrow_filters": sum(count < 50 for count in matches),
            **summary(exact, "exact"),
            **summary(none, "none"),
            "ours_rps": exact[0]["ours_rps"],
            "datasette_rps": exact[0]["datasette_rps"],
            "ours_p99_ms": exact[0]["ours_p99_ms"],
            "datasette_p99_ms": exact[0]["datasette_p99_ms"],
            **side.capped_counts(drawn),
            "pages_per_second": side.rate([servers.our_page(one) for one in drawn]),
            **side.with_writer(drawn),
        }
    return found | floor(database, drawn)


def kept_file(folder: Path, rows: int, *, seed: int) -> Path:
    """The file of this many deals: the one made before if its promises still hold, else a new one."""
    path = folder / "deals.db"
    if not path.exists() or time.time() - path.stat().st_ctime > FRESH_FOR:
        for old in folder.glob("deals.db*"):
            old.unlink()
        fill(path, rows=rows, seed=seed)
    migrate(f"sqlite:///{path}")
    return path


class SideBySide:
    """Both servers, asked the same."""

    def __init__(self, our_port: int, their_port: int, database: Path, seconds: float) -> None:
        self.our_port, self.their_port = our_port, their_port
        self.database, self.seconds = database, seconds

    def agreed_count(self, question: Question) -> int:
        """How many deals meet it, by both. Raises SystemExit if they differ."""
        ours = json.loads(servers.Client(self.our_port).get(servers.our_deals(question, count="exact")))
        address = servers.datasette_rows(question, self.database, now=datetime.now(UTC), is_counted=True)
        theirs = json.loads(servers.Client(self.their_port).get(address))
        if ours["count"] != theirs["filtered_table_rows_count"] or len(ours["deals"]) != len(theirs["rows"]):
            raise SystemExit(f"{question} gives {ours['count']} here and {theirs['filtered_table_rows_count']} there")
        return int(ours["count"])

    def compare(self, question: Question, *, is_counted: bool) -> dict[str, float]:
        our_address = servers.our_deals(question, count="exact" if is_counted else "none")
        address = servers.datasette_rows(question, self.database, now=datetime.now(UTC), is_counted=is_counted)
        mine = servers.timed(self.our_port, [our_address], seconds=self.seconds, connections=CONNECTIONS)
        theirs = servers.timed(self.their_port, [address], seconds=self.seconds, connections=CONNECTIONS)
        return {
            "ours_rps": round(mine.per_second, 1),
            "datasette_rps": round(theirs.per_second, 1),
            "ours_p99_ms": round(mine.p99_ms, 1),
            "datasette_p99_ms": round(theirs.p99_ms, 1),
            "ours_ms": round(mine.median_ms, 2),
            "datasette_ms": round(theirs.median_ms, 2),
            "ratio": round(mine.per_second / theirs.per_second, 2),
        }

    def capped_counts(self, drawn: list[Question]) -> dict[str, float]:
        """One client alone: what a person waits for."""
        taken = [
            servers.timed(self.our_port, [servers.our_count(one)], seconds=self.seconds / 4, connections=1).median_ms
            for one in drawn
        ]
        return {"capped_count_ms": round(median(taken), 2), "capped_count_worst_ms": round(max(taken), 2)}

    def rate(self, addresses: list[str]) -> float:
        found = servers.timed(self.our_port, addresses, seconds=self.seconds * 2, connections=CONNECTIONS)
        return round(found.per_second, 1)

    def with_writer(self, drawn: list[Question]) -> dict[str, float]:
        """The slowest of a hundred answers, quiet and while a feed page is saved each second, in turns."""
        addresses = [servers.our_deals(one, count="exact") for one in drawn]
        quiet, busy, saved = [], [], []
        for _ in range(3):
            quiet.append(self._p99(addresses))
            with saving(self.database) as times:
                busy.append(self._p99(addresses))
            saved += times
        return {
            "quiet_p99_ms": round(median(quiet), 1),
            "writer_p99_ms": round(median(busy), 1),
            "pages_saved": len(saved),
            "page_saved_ms": round(median(saved), 1) if saved else 0.0,
        }

    def _p99(self, addresses: list[str]) -> float:
        seconds = max(self.seconds * 2, 3)
        return servers.timed(self.our_port, addresses, seconds=seconds, connections=CONNECTIONS).p99_ms


class saving:
    """While it lasts, another process saves a feed page each second; afterwards the list holds its times in ms."""

    def __init__(self, database: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop, self._ready, self._times = context.Event(), context.Event(), context.Queue()
        self._found: list[float] = []
        self._process = context.Process(
            target=write_each_second, args=(str(database), self._stop, self._ready, self._times)
        )

    def __enter__(self) -> list[float]:
        self._process.start()
        self._ready.wait(120)
        return self._found

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._found += self._times.get(timeout=120)
        self._process.join(60)


def summary(compared: list[dict[str, float]], how: str) -> dict[str, float]:
    """The median and the worst over the filters."""
    ratios = [one["ratio"] for one in compared]
    return {
        f"{how}_median_ratio": round(median(ratios), 2),
        f"{how}_worst_ratio": min(ratios),
        **{
            f"{how}_{name}": round(median(one[name] for one in compared), 2)
            for name in ("ours_rps", "datasette_rps", "ours_ms", "datasette_ms", "ours_p99_ms", "datasette_p99_ms")
        },
    }


def floor(database: Path, drawn: list[Question]) -> dict[str, float]:
    """Plain sqlite3 on the same file with the same SQL: page and count, in milliseconds."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    pages, counts = [], []
    for question in drawn:
        page, count, values = servers.sql_of(question, now=datetime.now(UTC))
        pages.append(_quickest(connection, page, values))
        counts.append(_quickest(connection, count, values))
    connection.close()
    both = [page + count for page, count in zip(pages, counts, strict=True)]
    return {
        "sqlite_floor_ms": round(median(pages), 2),
        "sqlite_floor_with_count_ms": round(median(both), 2),
        "sqlite_floor_worst_ms": round(max(both), 2),
    }


def _quickest(connection: sqlite3.Connection, statement: str, values: list[str]) -> float:
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        connection.execute(statement, values).fetchall()
        taken.append((time.perf_counter() - start) * 1000)
    return min(taken)


def goals(rows: dict[str, dict[str, Any]]) -> dict[str, bool]:
    """Whether each goal is met; goals about sizes that were not measured are left out."""
    found = {}
    if at := rows.get("100000"):
        found["10x Datasette with exact counts, median filter"] = at["exact_median_ratio"] >= 10
        found["3x Datasette with exact counts, worst filter"] = at["exact_worst_ratio"] >= 3
        found["3x Datasette without counts, median filter"] = at["none_median_ratio"] >= 3
        found["2x Datasette without counts, worst filter"] = at["none_worst_ratio"] >= 2
        found["p99 beside a writer at most twice the quiet p99"] = at["writer_p99_ms"] <= 2 * at["quiet_p99_ms"]
    if "10000" in rows and "1000000" in rows:
        at = rows["1000000"]["capped_count_ms"]
        found["capped count at 1M at most twice that at 10k"] = at <= 2 * rows["10000"]["capped_count_ms"]
    return found


def told(result: dict[str, Any]) -> str:
    lines = []
    for rows, found in result["rows"].items():
        lines += [f"{int(rows):,} deals"] + [f"  {name}: {value}" for name, value in found.items()]
    return "\n".join(lines + [f"{'met' if met else 'MISSED'}: {goal}" for goal, met in result["goals"].items()])


if __name__ == "__main__":
    raise SystemExit(main())
