"""Leases against the real server, real processes and the real database that issues their fences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from private_valkey import PrivateValkey
from redis import Redis

from keepa_deals.clock import SystemClock
from keepa_deals.errors import LeaseLost, LeasesUnreachable
from keepa_deals.locks import LUA, Held, Lease, LeaseKeeper
from keepa_deals.redis_client import connect
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import migrate

TTL = 2.0
RENEW = 0.5
LONG = 60.0
NAME = "backfill_deals_lock"
KEY = f"here:lease:{NAME}"


def eventually(holds: Callable[[], object], *, within: float) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.02)


def keeper_on(redis: Redis, store: Store, *, installation: str = "here") -> LeaseKeeper:
    return LeaseKeeper(redis, installation=installation, fences=store, ttl_seconds=TTL, renew_seconds=RENEW)


def granted(answer: Lease | Held) -> Lease:
    assert isinstance(answer, Lease), answer
    return answer


def refused(answer: Lease | Held) -> Held:
    assert isinstance(answer, Held)
    return answer


def can_write(store: Store, lease: Lease) -> bool:
    try:
        with store.write(lease):
            return True
    except LeaseLost:
        return False


class Holder:
    """Another process that holds `NAME`."""

    def __init__(self, redis_url: str, database: str) -> None:
        script = Path(__file__).with_name("lease_holder.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), redis_url, database, NAME],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.fence = int(self._hear())

    def _hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, what: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        return self._hear()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def database(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path / 'deals.db'}"
    migrate(address)
    return address


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = open_database(database)
    yield Store(opened, clock=SystemClock())
    opened.dispose()


@pytest.fixture
def keeper(redis: Redis, store: Store) -> LeaseKeeper:
    return keeper_on(redis, store)


@pytest.fixture
def holder(redis: Redis, redis_server: str, database: str) -> Iterator[Holder]:
    other = Holder(redis_server, database)
    yield other
    other.kill()


@pytest.fixture
def own_server() -> Iterator[PrivateValkey]:
    server = PrivateValkey()
    server.start()
    yield server
    server.close()


def test_a_lease_outlives_its_time_to_live_while_its_pass_moves(keeper: LeaseKeeper, store: Store) -> None:
    with granted(keeper.acquire(NAME, stall_limit_seconds=1)) as lease:
        end = time.monotonic() + 2 * TTL
        while time.monotonic() < end:
            lease.moved()
            assert lease.still_ours()
            assert isinstance(keeper.acquire(NAME, stall_limit_seconds=LONG), Held)
            time.sleep(0.1)
        assert can_write(store, lease)


def test_a_lease_lapses_when_its_pass_does_not_move(keeper: LeaseKeeper, store: Store) -> None:
    still = granted(keeper.acquire(NAME, stall_limit_seconds=0.1))
    answers: list[Lease | Held] = []
    eventually(
        lambda: answers.append(keeper.acquire(NAME, stall_limit_seconds=LONG)) or isinstance(answers[-1], Lease),
        within=TTL + 2,
    )
    assert not still.still_ours()
    with granted(answers[-1]) as next_one:
        assert not can_write(store, still)
        assert can_write(store, next_one)


def test_a_pass_that_moves_again_in_time_keeps_its_lease(keeper: LeaseKeeper, redis: Redis) -> None:
    with granted(keeper.acquire(NAME, stall_limit_seconds=0.1)) as lease:
        eventually(lambda: redis.pttl(KEY) < (TTL - RENEW) * 1000 - 300, within=TTL)
        eventually(lambda: lease.moved() or redis.pttl(KEY) > (TTL - RENEW) * 1000, within=TTL)
        assert lease.still_ours()


def test_a_released_lease_is_free_at_once_even_after_a_failure(keeper: LeaseKeeper) -> None:
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    with pytest.raises(ZeroDivisionError), lease:
        _ = 1 // 0
    assert not lease.still_ours()
    granted(keeper.acquire(NAME, stall_limit_seconds=LONG)).release()


def test_fences_rise_from_grant_to_grant_even_when_redis_forgot_everything(
    keeper: LeaseKeeper, redis: Redis, store: Store
) -> None:
    first = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    redis.flushall()
    second = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    assert second.fence > first.fence
    assert not can_write(store, first)
    eventually(lambda: not first.still_ours(), within=2 * RENEW + 1)
    first.release()
    assert second.still_ours()
    assert isinstance(keeper.acquire(NAME, stall_limit_seconds=LONG), Held)
    second.release()


def test_a_holder_notices_that_its_key_was_deleted(keeper: LeaseKeeper, redis: Redis) -> None:
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    redis.delete(KEY)
    eventually(lambda: not lease.still_ours(), within=RENEW + 1)
    lease.release()


def test_the_lease_of_a_killed_process_is_taken_at_once(keeper: LeaseKeeper, holder: Holder) -> None:
    assert refused(keeper.acquire(NAME, stall_limit_seconds=LONG)).alive is True
    holder.kill()
    (left_behind,) = keeper.listing()
    assert left_behind.alive is False
    assert left_behind.ttl_left.total_seconds() > 0
    with granted(keeper.acquire(NAME, stall_limit_seconds=LONG)) as lease:
        assert lease.fence == holder.fence + 1


def test_the_lease_of_an_unburied_child_is_taken_at_once(keeper: LeaseKeeper, holder: Holder) -> None:
    holder.process.kill()
    eventually(lambda: keeper.listing()[0].alive is False, within=5)
    granted(keeper.acquire(NAME, stall_limit_seconds=LONG)).release()


def test_a_stopped_holder_is_not_dead_but_can_write_nothing_after_it_lapsed(
    keeper: LeaseKeeper, holder: Holder, store: Store
) -> None:
    holder.process.send_signal(signal.SIGSTOP)
    assert refused(keeper.acquire(NAME, stall_limit_seconds=LONG)).alive is True
    answers: list[Lease | Held] = []
    eventually(
        lambda: answers.append(keeper.acquire(NAME, stall_limit_seconds=LONG)) or isinstance(answers[-1], Lease),
        within=TTL + 2,
    )
    with granted(answers[-1]) as lease:
        holder.process.send_signal(signal.SIGCONT)
        assert holder.ask("ours") == "False"
        assert holder.ask("write") == "False"
        assert can_write(store, lease)
        assert lease.still_ours()


def test_a_lease_from_another_host_is_left_to_its_time(keeper: LeaseKeeper, redis: Redis) -> None:
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    described = json.loads(redis.hget(KEY, "holder") or b"")
    redis.hset(KEY, "holder", json.dumps({**described, "host": "elsewhere", "pid": 999_999_999}))
    assert refused(keeper.acquire(NAME, stall_limit_seconds=LONG)).alive is None
    assert not keeper.clear(NAME)
    lease.release()


def test_a_holder_that_describes_itself_in_another_way_is_left_to_its_time(keeper: LeaseKeeper, redis: Redis) -> None:
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    for described in ("", "{", "[]", '{"pid": "x"}'):
        redis.hset(KEY, "holder", described)
        assert refused(keeper.acquire(NAME, stall_limit_seconds=LONG)).alive is None
    lease.release()


@pytest.mark.parametrize("fault", [PrivateValkey.kill, PrivateValkey.freeze])
def test_without_redis_a_holder_stops_before_a_rival_may_start(
    own_server: PrivateValkey, store: Store, fault: Callable[[PrivateValkey], None]
) -> None:
    keeper = keeper_on(connect(own_server.url), store)
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    fault(own_server)
    eventually(lambda: not lease.still_ours(), within=TTL + 0.5)
    with pytest.raises(LeasesUnreachable):
        keeper.acquire(NAME, stall_limit_seconds=LONG)


def test_a_short_absence_of_redis_costs_nothing(own_server: PrivateValkey, store: Store) -> None:
    redis = connect(own_server.url)
    lease = granted(keeper_on(redis, store).acquire(NAME, stall_limit_seconds=LONG))
    own_server.freeze()
    thawing = threading.Timer(TTL / 4, own_server.thaw)
    thawing.start()
    end = time.monotonic() + 1.5 * TTL
    while time.monotonic() < end:
        assert lease.still_ours()
        time.sleep(0.05)
    thawing.join()
    lease.release()


def test_no_password_shows_when_redis_is_away(store: Store) -> None:
    keeper = keeper_on(connect("redis://:pass-of-redis@127.0.0.1:1/0"), store)
    with pytest.raises(LeasesUnreachable) as caught:
        keeper.listing()
    assert "pass-of-redis" not in f"{caught.value} {caught.value.__cause__}"


def test_a_lease_without_a_fence_is_given_back(redis: Redis, store: Store) -> None:
    class NoFences:
        def issue_fence(self, name: str, holder: str) -> int:
            raise OSError("the database is away")

    failing = LeaseKeeper(redis, installation="here", fences=NoFences(), ttl_seconds=TTL, renew_seconds=RENEW)
    with pytest.raises(OSError, match="the database is away"):
        failing.acquire(NAME, stall_limit_seconds=LONG)
    granted(keeper_on(redis, store).acquire(NAME, stall_limit_seconds=LONG)).release()


def test_a_lease_that_lapsed_before_its_fence_came_is_not_granted(redis: Redis) -> None:
    class LateFences:
        def issue_fence(self, name: str, holder: str) -> int:
            redis.delete(KEY)
            eventually(lambda: not any(thread.name == f"renew {KEY}" for thread in threading.enumerate()), within=5)
            return 1

    late = LeaseKeeper(redis, installation="here", fences=LateFences(), ttl_seconds=TTL, renew_seconds=RENEW)
    with pytest.raises(LeaseLost):
        late.acquire(NAME, stall_limit_seconds=LONG)


def test_of_many_that_ask_for_a_dead_holders_lease_one_gets_it(
    keeper: LeaseKeeper, holder: Holder, redis_server: str, store: Store
) -> None:
    holder.kill()
    keepers = [keeper_on(connect(redis_server), store) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda one: one.acquire(NAME, stall_limit_seconds=LONG), keepers))
    (lease,) = [answer for answer in answers if isinstance(answer, Lease)]
    assert can_write(store, lease)
    lease.release()


@pytest.mark.parametrize(("found_dead", "taken"), [("", 0), ("a-holder-before", 0), ("the-holder", 1)])
def test_a_lease_is_broken_only_by_the_token_of_the_holder_that_was_found_dead(
    redis: Redis, found_dead: str, taken: int
) -> None:
    acquire = redis.register_script((LUA / "lease_acquire.lua").read_text())
    keys = [KEY, "here:leases"]
    acquire(keys=keys, args=[NAME, "the-holder", "{}", 10_000, ""])
    assert acquire(keys=keys, args=[NAME, "the-next", "{}", 10_000, found_dead]) == taken
    assert redis.hget(KEY, "token") == (b"the-next" if taken else b"the-holder")


def test_installations_on_one_server_know_nothing_of_each_other(redis: Redis, store: Store) -> None:
    here, there = keeper_on(redis, store), keeper_on(redis, store, installation="there")
    with granted(here.acquire(NAME, stall_limit_seconds=LONG)):
        assert there.listing() == []
        assert not there.clear(NAME, even_if_alive=True)
        granted(there.acquire(NAME, stall_limit_seconds=LONG)).release()


def test_a_listing_tells_who_holds_what_and_how_it_fares(keeper: LeaseKeeper) -> None:
    with (
        granted(keeper.acquire("looks_lock", stall_limit_seconds=LONG)),
        granted(keeper.acquire(NAME, stall_limit_seconds=LONG)),
    ):
        backfill, looks = keeper.listing()
    assert (backfill.name, looks.name) == (NAME, "looks_lock")
    assert backfill.holder.pid == os.getpid()
    assert backfill.alive is True
    assert 0 <= backfill.age.total_seconds() < TTL
    assert 0 < backfill.ttl_left.total_seconds() <= TTL
    assert backfill.token not in repr(backfill)
    assert keeper.listing() == []


def test_a_listing_tells_how_long_a_pass_has_stood_still(keeper: LeaseKeeper) -> None:
    with granted(keeper.acquire(NAME, stall_limit_seconds=LONG)) as lease:
        eventually(lambda: keeper.listing()[0].progress_age.total_seconds() > 2 * RENEW, within=5)
        lease.moved()
        eventually(lambda: keeper.listing()[0].progress_age.total_seconds() < 2 * RENEW, within=5)


def test_only_the_lease_of_a_dead_holder_is_cleared_unless_told_otherwise(keeper: LeaseKeeper, holder: Holder) -> None:
    assert not keeper.clear("looks_lock")
    assert not keeper.clear(NAME)
    holder.kill()
    assert keeper.clear(NAME)
    assert keeper.listing() == []


def test_a_living_holder_whose_lease_was_cleared_stops(keeper: LeaseKeeper) -> None:
    lease = granted(keeper.acquire(NAME, stall_limit_seconds=LONG))
    assert keeper.clear(NAME, even_if_alive=True)
    eventually(lambda: not lease.still_ours(), within=RENEW + 1)
    lease.release()
