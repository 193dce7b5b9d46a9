"""The leases of the dead can be cleared; those of the living only by force; no other key is touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from keepa_deals.installation import installation_id
from keepa_deals.locks import Lease, LeaseKeeper
from tests.diagnostics.conftest import ROOT, Script

DIE_HOLDING = """
import os, sys
from keepa_deals.locks import LeaseKeeper
from keepa_deals.redis_client import connect
class Fences:
    def issue_fence(self, name, holder): return 1
keeper = LeaseKeeper(connect(sys.argv[1]), installation=sys.argv[2], fences=Fences())
keeper.acquire(sys.argv[3], stall_limit_seconds=60)
os._exit(0)
"""


class Fences:
    def issue_fence(self, name: str, holder: str) -> int:
        return 1


@pytest.fixture
def values(var_dir: Path, redis: Redis, redis_server: str) -> dict[str, str]:
    return {"VAR_DIR": str(var_dir), "REDIS_URL": redis_server}


@pytest.fixture
def installation(var_dir: Path) -> str:
    return installation_id(var_dir)


@pytest.fixture
def held_by_the_dead(installation: str, redis_server: str, redis: Redis) -> str:
    subprocess.run(
        [sys.executable, "-c", DIE_HOLDING, redis_server, installation, "backfill_deals_lock"], cwd=ROOT, check=True
    )
    return "backfill_deals_lock"


@pytest.fixture
def held_by_us(installation: str, redis: Redis) -> Iterator[Lease]:
    lease = LeaseKeeper(redis, installation=installation, fences=Fences()).acquire("looks_lock", stall_limit_seconds=60)
    assert isinstance(lease, Lease)
    yield lease
    lease.release()


def lives(script: Script, *arguments: str) -> tuple[int, dict[str, bool], list[str]]:
    told = script("force_clear_locks", "--json", *arguments)
    said = json.loads(told.stdout)
    return told.returncode, {lease["name"]: lease["alive"] for lease in said["leases"]}, said["cleared"]


def test_the_dead_and_the_living_are_told_apart_and_nothing_is_written(
    script: Script, held_by_the_dead: str, held_by_us: Lease, redis: Redis
) -> None:
    before = set(redis.keys())
    assert lives(script) == (1, {held_by_the_dead: False, held_by_us.name: True}, [])
    assert set(redis.keys()) == before


def test_with_yes_only_the_lease_of_the_dead_is_cleared(
    script: Script, held_by_the_dead: str, held_by_us: Lease, redis: Redis
) -> None:
    redis.set("somebody:else", "1")
    assert lives(script, "--yes")[2] == [held_by_the_dead]
    assert lives(script) == (0, {held_by_us.name: True}, [])
    assert redis.get("somebody:else") == b"1"


def test_with_force_the_lease_of_the_living_is_cleared_too(script: Script, held_by_us: Lease) -> None:
    assert lives(script, "--yes", "--force")[2] == [held_by_us.name]
    assert lives(script) == (0, {}, [])


def test_force_without_yes_writes_nothing(script: Script, held_by_us: Lease) -> None:
    assert lives(script, "--force") == (0, {held_by_us.name: True}, [])


def test_it_says_in_words_who_holds_what(script: Script, held_by_the_dead: str) -> None:
    told = script("force_clear_locks").stdout
    assert f"{held_by_the_dead}: held by pid" in told
    assert told.splitlines()[-1].endswith("run again with --yes to clear them.")
