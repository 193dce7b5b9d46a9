"""Clearing leases that nobody living holds, when the passes are known to be at rest."""

from __future__ import annotations

from collections.abc import Callable

from keepa_deals.errors import LeasesUnreachable
from keepa_deals.probes.broker import lease_keeper, redis_of
from keepa_deals.settings import Settings


def clear_dead_leases(settings: Settings, *, say: Callable[[str], None]) -> list[str]:
    """Clear our own leases whose holder is dead, and return their names; none where the server can't be reached
    (a dead holder's lease is taken over at once by the next pass, and lapses within a minute)."""
    with redis_of(settings) as redis:
        keeper = lease_keeper(redis, settings)
        try:
            return [lease.name for lease in keeper.listing() if keeper.clear(lease.name)]
        except LeasesUnreachable:
            say("Redis does not answer, so no lease was cleared; those of the dead are void at the next start.")
            return []
