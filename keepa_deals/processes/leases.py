"""Clearing leases that nobody living holds, when the passes are known to be at rest."""

from __future__ import annotations

from collections.abc import Callable

from keepa_deals.errors import KeepaDealsError, LeasesUnreachable
from keepa_deals.installation import installation_id
from keepa_deals.locks import LeaseKeeper
from keepa_deals.processes.paths import redis_address
from keepa_deals.redis_client import connect
from keepa_deals.settings import Settings


class NeverIssued:
    """Stands where a grant would need the database: nothing is granted here."""

    def issue_fence(self, name: str, holder: str) -> int:
        raise KeepaDealsError(f"No lease is granted here, not even {name}.")


def clear_dead_leases(settings: Settings, *, say: Callable[[str], None]) -> list[str]:
    """Clear our own leases whose holder is dead, and return their names; none where the server can't be reached
    (a dead holder's lease is taken over at once by the next pass, and lapses within a minute)."""
    redis = connect(redis_address(settings))
    keeper = LeaseKeeper(redis, installation=installation_id(settings.var_dir), fences=NeverIssued())
    try:
        return [lease.name for lease in keeper.listing() if keeper.clear(lease.name)]
    except LeasesUnreachable:
        say("The Redis server does not answer, so no lease was cleared; those of the dead are void at the next start.")
        return []
    finally:
        redis.close()
