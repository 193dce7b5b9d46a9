"""Scheduler, broker, workers and database as real processes, with every fault that once silenced them.

Periods are one second here; the bell only writes down that it rang.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from private_valkey import PrivateValkey
from sqlalchemy import select

from keepa_deals.celery_commands import QUEUES, WORKER_ENVIRONMENT, beat_command, worker_command
from keepa_deals.records import Pass
from keepa_deals.redis_client import connect
from keepa_deals.store.engine import open_database
from keepa_deals.store.schema import migrate
from keepa_deals.store.tables import pulses

pytestmark = [pytest.mark.slow, pytest.mark.processes]

ROOT = Path(__file__).parents[2]
LONG_AGO = datetime.min.replace(tzinfo=UTC)
PASSWORD = "pass-of-the-broker"
STARTS_WITHIN = 90.0
"""Interpreters start slowly on a busy machine; what is being measured begins after that."""


def eventually(holds: Callable[[], object], *, within: float) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


class Chain:
    """The processes of one installation and the folder they share, which is also where they run."""

    def __init__(self, folder: Path, server: PrivateValkey) -> None:
        self.folder = folder
        self.server = server
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        migrate(f"sqlite:///{folder / 'deals.db'}")
        self._database = open_database(f"sqlite:///{folder / 'deals.db'}")

    def start_worker(self, queue: str) -> None:
        self._start(queue, worker_command(sys.executable, queue, app="chain_app"), WORKER_ENVIRONMENT)

    def start_beat(self) -> None:
        self._start("beat", beat_command(sys.executable, app="chain_app"), {})

    def start(self) -> None:
        for queue in QUEUES:
            self.start_worker(queue)
        self.start_beat()
        eventually(self.all_canaries_arrived, within=STARTS_WITHIN)

    def end(self, name: str, *, number: int, within: float) -> int:
        process = self._processes.pop(name)
        process.send_signal(number)
        try:
            return process.wait(timeout=within)
        finally:
            process.kill()
            process.wait()

    def end_all(self) -> None:
        for name in list(self._processes):
            self.end(name, number=signal.SIGKILL, within=40)
        self._database.dispose()

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def rung(self) -> list[tuple[str, int]]:
        """Which pass was rung for, and by which process, in order."""
        file = self.folder / "rung"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(line.split()[0], int(line.split()[1])) for line in lines]

    def heartbeat(self) -> dict[str, str | int | None]:
        return json.loads((self.folder / "run" / "beat.json").read_text())

    def all_canaries_arrived(self, *, since: datetime = LONG_AGO) -> bool:
        """Whether every queue has a canary that was sent after `since`."""
        with self._database.read.begin() as connection:
            arrived = {row.queue for row in connection.execute(select(pulses)) if row.sent_at > since}
        return arrived == set(QUEUES)

    def is_running(self, name: str) -> bool:
        return self._processes[name].poll() is None

    def _start(self, name: str, command: list[str], more: dict[str, str]) -> None:
        environment = {
            **os.environ,
            **more,
            "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}",
            "CHAIN_FOLDER": str(self.folder),
            "CHAIN_REDIS_URL": self.server.url,
        }
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(command, cwd=self.folder, env=environment, stdout=log, stderr=log)


@contextmanager
def a_chain(folder: Path) -> Iterator[Chain]:
    server = PrivateValkey(password=PASSWORD)
    server.start()
    made = Chain(folder, server)
    try:
        yield made
    finally:
        made.end_all()
        server.close()


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A chain of which nothing runs yet but the broker."""
    with a_chain(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def long_runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A chain that goes through one fault after the other, started among the leftovers of a crash."""
    folder = tmp_path_factory.mktemp("chain")
    (folder / "celerybeat-schedule").write_bytes(os.urandom(600))
    (folder / "celerybeat-schedule.db").mkdir()
    (folder / "celerybeat.pid").write_text(f"{os.getpid()}\n")
    with a_chain(folder) as made:
        made.start()
        yield made


@pytest.fixture
def running(long_runner: Chain) -> Chain:
    """A chain in which all is well."""
    begun = datetime.now(UTC)
    eventually(lambda: long_runner.all_canaries_arrived(since=begun), within=60)
    return long_runner


def test_bells_and_canaries_arrive_whatever_a_crash_left_behind(running: Chain) -> None:
    eventually(lambda: {which for which, _ in running.rung()} == set(Pass), within=30)
    assert "Scheduler: Sending due task live_update (keepa_deals.simple_task.update_recent_deals)" in running.log(
        "beat"
    )
    assert "keepa_deals.simple_task.update_recent_deals" in running.log("upsert")
    assert running.heartbeat()["errors"] == 0


def test_a_killed_child_is_replaced_and_the_next_bell_rings(running: Chain) -> None:
    eventually(lambda: Pass.LIVE_UPDATE in dict(running.rung()), within=30)
    first_child = dict(running.rung())[Pass.LIVE_UPDATE]
    os.kill(first_child, signal.SIGKILL)
    eventually(lambda: dict(running.rung())[Pass.LIVE_UPDATE] != first_child, within=30)


def test_after_a_crash_of_the_broker_everything_goes_on_by_itself(running: Chain) -> None:
    running.server.kill()
    eventually(lambda: running.heartbeat()["errors"] > 0, within=40)
    running.server.start()
    back = datetime.now(UTC)
    eventually(lambda: running.all_canaries_arrived(since=back), within=60)
    for name in (*QUEUES, "beat"):
        assert running.is_running(name)


def test_a_broker_that_accepts_and_never_answers_holds_up_no_tick_for_long(running: Chain) -> None:
    running.server.freeze()
    frozen = datetime.now(UTC)
    eventually(lambda: ticked_after(running, frozen + timedelta(seconds=5)), within=30)
    running.server.thaw()
    thawed = datetime.now(UTC)
    eventually(lambda: running.all_canaries_arrived(since=thawed), within=60)


def test_no_log_holds_the_password_of_the_broker_even_when_it_is_lost(running: Chain) -> None:
    running.server.kill()
    eventually(lambda: all("Error" in running.log(name) for name in (*QUEUES, "beat")), within=30)
    running.server.start()
    for name in (*QUEUES, "beat"):
        assert PASSWORD not in running.log(name)


def test_a_term_signal_ends_idle_and_busy_workers_within_their_bound(chain: Chain) -> None:
    (chain.folder / f"hold_{Pass.BACKFILL}").touch()
    chain.start()
    eventually(lambda: Pass.BACKFILL in dict(chain.rung()), within=40)
    children = [pid for _, pid in chain.rung()]
    assert chain.end("upsert", number=signal.SIGTERM, within=40) == 0
    assert chain.end("backfill", number=signal.SIGTERM, within=40) == 0
    eventually(lambda: not any(Path(f"/proc/{child}").exists() for child in children), within=30)


def test_a_message_that_waited_longer_than_a_period_rings_nothing(chain: Chain) -> None:
    redis = connect(chain.server.url)
    chain.start_beat()
    eventually(lambda: redis.llen("chain:celery:upsert") >= 4, within=STARTS_WITHIN)
    chain.end("beat", number=signal.SIGTERM, within=30)
    ended = time.monotonic()
    eventually(lambda: time.monotonic() > ended + 1, within=2)
    chain.start_worker("upsert")
    eventually(lambda: redis.llen("chain:celery:upsert") == 0, within=STARTS_WITHIN)
    assert chain.end("upsert", number=signal.SIGTERM, within=40) == 0
    assert chain.rung() == []
    assert not chain.all_canaries_arrived()


def test_a_scheduler_that_starts_without_a_broker_ticks_and_waits_for_it(chain: Chain) -> None:
    chain.server.kill()
    chain.start_beat()
    eventually(lambda: (chain.folder / "run" / "beat.json").exists(), within=STARTS_WITHIN)
    eventually(lambda: chain.heartbeat()["errors"] > 4, within=40)
    chain.server.start()
    eventually(lambda: chain.heartbeat()["sent"] > 0, within=40)


def ticked_after(chain: Chain, instant: datetime) -> bool:
    return datetime.fromisoformat(str(chain.heartbeat()["last_tick_at"])) > instant
