"""The database itself says who may write for a lease."""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import pytest

from keepa_deals.clock import SystemClock
from keepa_deals.errors import LeaseLost
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database


@dataclass(frozen=True)
class Grant:
    name: str
    holder: str
    fence: int


def grant(store: Store, holder: str) -> Grant:
    return Grant("some_lock", holder, store.issue_fence("some_lock", holder))


def test_each_grant_gets_the_next_number(store: Store) -> None:
    assert [grant(store, holder).fence for holder in "abc"] == [1, 2, 3]


def test_only_the_last_holder_may_write(store: Store) -> None:
    first = grant(store, "first")
    with store.write(first):
        pass
    second = grant(store, "second")
    with pytest.raises(LeaseLost, match="some_lock number 1"), store.write(first):
        pytest.fail("a write was let through")
    with store.write(second):
        pass


def test_the_right_number_with_another_holder_is_refused(store: Store) -> None:
    last = grant(store, "a")
    with pytest.raises(LeaseLost), store.write(Grant(last.name, "b", last.fence)):
        pytest.fail("a write was let through")


def test_a_lease_never_granted_here_is_refused(store: Store) -> None:
    with pytest.raises(LeaseLost, match="number none"), store.write(Grant("unknown_lock", "a", 7)):
        pytest.fail("a write was let through")


def _take_numbers(path: str, count: int, results: multiprocessing.SimpleQueue) -> None:  # type: ignore[type-arg]
    store = Store(open_database(f"sqlite:///{path}"), clock=SystemClock())
    results.put([store.issue_fence("busy_lock", "x") for _ in range(count)])


def test_four_processes_never_share_a_number_and_never_see_a_locked_database(store: Store, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    workers = [context.Process(target=_take_numbers, args=(str(tmp_path / "deals.db"), 50, results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    numbers = sorted(number for _ in workers for number in results.get())
    for worker in workers:
        worker.join(timeout=60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0, 0]
    assert numbers == list(range(1, 201))
