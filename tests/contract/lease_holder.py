"""A process that holds a lease and does what it is told: `ours`, `write`. Arguments: Redis, database, lease name."""

from __future__ import annotations

import sys

from keepa_deals.clock import SystemClock
from keepa_deals.errors import LeaseLost
from keepa_deals.locks import Lease, LeaseKeeper
from keepa_deals.redis_client import connect
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database


def wrote(store: Store, lease: Lease) -> bool:
    try:
        with store.write(lease):
            return True
    except LeaseLost:
        return False


def main(redis_url: str, database: str, name: str) -> None:
    store = Store(open_database(database), clock=SystemClock())
    keeper = LeaseKeeper(connect(redis_url), installation="here", fences=store, ttl_seconds=2, renew_seconds=0.5)
    lease = keeper.acquire(name, stall_limit_seconds=60)
    assert isinstance(lease, Lease)
    print(lease.fence, flush=True)
    for line in sys.stdin:
        answers = {"ours": lease.still_ours, "write": lambda: wrote(store, lease)}
        print(answers[line.strip()](), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
