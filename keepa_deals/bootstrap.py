"""The one place where the real clock, HTTP session, Redis and database are joined."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import requests
from redis import Redis

from keepa_deals.clock import Clock
from keepa_deals.errors import BadSettings
from keepa_deals.feed_query import FeedQuery, parse_feed_query
from keepa_deals.installation import installation_id
from keepa_deals.keepa_client import KeepaClient, open_session
from keepa_deals.locks import LeaseKeeper
from keepa_deals.processes.paths import redis_address
from keepa_deals.redis_client import connect
from keepa_deals.settings import Settings
from keepa_deals.store import file_identity
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database, sqlite_file
from keepa_deals.store.schema import check_database
from keepa_deals.token_manager import TokenManager
from keepa_deals.whereabouts import KeepaAddress, clock_of, keepa_address
from keepa_deals.work import Means

ANSWER_WITHIN = timedelta(seconds=380)
"""Of real time: the client gives up before (its longest wait is connect + 3 reads of a full look, 365 s). The token
ledger counts in the product's time."""


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a task needs, joined."""

    settings: Settings
    installation: str
    redis: Redis
    leases: LeaseKeeper
    means: Means


def build_services(
    settings: Settings,
    *,
    clock: Clock | None = None,
    session: requests.Session | None = None,
    redis: Redis | None = None,
) -> Services:
    """The services of one process. Raises BadSettings, StoreError or OriginMismatch with the remedy."""
    clock = clock if clock is not None else clock_of(settings)
    redis = redis if redis is not None else connect(redis_address(settings))
    installation = installation_id(settings.var_dir)
    store = open_store(settings, clock=clock)
    address = demand_keepa_address(settings)
    keepa = KeepaClient(
        session if session is not None else open_session(),
        base_url=address.url,
        key=address.key,
        domain_id=settings.keepa_domain,
        clock=clock,
    )
    tokens = TokenManager(
        redis,
        account=settings.account(address.key),
        installation=installation,
        clock=clock,
        read_balance=keepa.token,
        call_timeout=ANSWER_WITHIN * settings.clock_speed,
    )
    means = Means(
        clock=clock,
        keepa=keepa,
        tokens=tokens,
        store=store,
        feed_query=feed_query(settings),
        costs=settings.costs,
        domain_id=settings.keepa_domain,
        promise_hours=settings.promise_hours,
        installation=installation,
    )
    leases = LeaseKeeper(redis, installation=installation, fences=store)
    return Services(settings=settings, installation=installation, redis=redis, leases=leases, means=means)


def open_store(settings: Settings, *, clock: Clock | None = None) -> Store:
    """The database of this installation. Raises StoreError or OriginMismatch for one that is not ours to use."""
    file = sqlite_file(settings.database_address())
    if file is not None:
        file_identity.demand_same(file, file_identity.recorded(settings.run_dir))
    database = open_database(settings.database_address())
    check_database(database, origin=settings.origin)
    return Store(database, clock=clock if clock is not None else clock_of(settings))


def demand_keepa_address(settings: Settings) -> KeepaAddress:
    """The real Keepa, or in demo the simulator that the run folder tells of. Raises BadSettings."""
    address = keepa_address(settings)
    if address is None:
        raise BadSettings(
            f"No KEEPA_API_KEY is set and the simulator has not said where it is (in {settings.simulator_file.name}); "
            "start the service with ./start_celery.sh."
        )
    return address


def feed_query(settings: Settings) -> FeedQuery:
    """What the feed is asked for: FEED_QUERY_FILE, or the default."""
    if settings.feed_query_file is None:
        return FeedQuery(domain_id=settings.keepa_domain)
    try:
        text = settings.feed_query_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(
            f"FEED_QUERY_FILE is {settings.feed_query_file}, which could not be read ({type(error).__name__})."
        ) from error
    query = parse_feed_query(text)
    if query.domain_id != settings.keepa_domain:
        raise BadSettings(
            f"FEED_QUERY_FILE asks marketplace {query.domain_id} and KEEPA_DOMAIN is {settings.keepa_domain}; "
            "make them the same."
        )
    return query
