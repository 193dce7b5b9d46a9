"""Gathers the facts that health is judged from. Each probe has its own thread, connection and share of the time.

Reads only. A probe that fails or hangs leaves its part unknown, with one sentence why, and takes no other down.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection

from keepa_deals.clock import Clock
from keepa_deals.health import Verdict, judge_health, unjudged
from keepa_deals.health_facts import HealthFacts
from keepa_deals.probes import broker, folder, storage
from keepa_deals.probes.looking import look_at_all
from keepa_deals.probes.words import in_words
from keepa_deals.processes import paths
from keepa_deals.settings import Settings
from keepa_deals.store import evidence
from keepa_deals.store.engine import Database, open_database
from keepa_deals.whereabouts import clock_of

LOOKING_SECONDS = 3.0
"""How long a look at everything may take; what has not answered by then is unknown."""


def current_verdict(settings: Settings) -> Verdict:
    """The verdict of this moment. Never raises: a look that fails is itself a finding."""
    try:
        return judge_health(gather_facts(settings))
    except Exception as error:  # noqa: BLE001 - the edge of health: whatever failed, the answer is a verdict
        return unjudged(in_words(error, settings=settings), at=datetime.now(UTC))


def gather_facts(settings: Settings, *, clock: Clock | None = None, seconds: float = LOOKING_SECONDS) -> HealthFacts:
    """Every part that could be read within `seconds`; the others are None, with the reason in `failures`."""
    clock = clock or clock_of(settings)
    now = clock.now()
    database = open_database(settings.database_address())
    try:
        found, failures = look_at_all(_probes(settings, database, now=now), settings=settings, seconds=seconds)
    finally:
        database.dispose()
    return HealthFacts(
        now=now, real_now=datetime.now(UTC), clock_speed=settings.clock_speed, failures=failures, **found
    )


def _probes(settings: Settings, database: Database, *, now: datetime) -> dict[str, Callable[[], Any]]:
    def reading(read: Callable[[Connection], Any]) -> Callable[[], Any]:
        def look() -> Any:
            with database.read.begin() as connection:
                return read(connection)

        return look

    return {
        "database": lambda: storage.look_at_database(settings, database),
        "pulses": reading(evidence.newest_pulses),
        "passes": reading(partial(evidence.passes, now=now)),
        "keepa": reading(partial(evidence.keepa_answers, now=now, clock_speed=settings.clock_speed)),
        "deals": reading(partial(evidence.deals_by_state, now=now)),
        "poison": reading(evidence.set_aside),
        "redis": lambda: broker.look_at_redis(settings),
        "leases": lambda: broker.look_at_leases(settings),
        "tokens": lambda: broker.look_at_tokens(settings),
        "processes": lambda: folder.look_at_processes(settings),
        "beat": lambda: folder.look_at_beat(paths.beat_file(settings)),
        "watchdog": lambda: folder.look_at_watchdog(settings),
        "disk": lambda: folder.look_at_disk(settings.var_dir),
    }
