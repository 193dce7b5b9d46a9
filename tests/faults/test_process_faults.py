"""Processes that are killed or stopped."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing

import pytest

from keepa_deals.installation import installation_id
from keepa_deals.processes import paths
from keepa_deals.redis_client import connect
from tests.faults.conftest import Trial
from tests.faults.installation import Installation, held_down, poll

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]

NO_ANSWER = "no answer"
SAYS = {
    "redis": ("process_dead", "redis_unreachable"),
    "simulator": ("process_dead",),
    "worker-upsert": ("worker_dead",),
    "worker-backfill": ("worker_dead",),
    "beat": ("scheduler_dead",),
    "web": ("web_dead", NO_ANSWER),
    "watchdog": ("process_dead", "watchdog_silent"),
}


@pytest.mark.parametrize("program", SAYS)
def test_a_killed_program_is_replaced_whatever_files_a_crash_left_behind(trial: Trial, program: str) -> None:
    installation = trial.installation
    leave_what_a_crash_leaves(installation)
    victim = installation.process(program)
    installation.send([victim], signal.SIGKILL)
    trial.over()
    trial.noticed(
        *SAYS[program],
        within=30,
        or_else=lambda: installation.replaced(program, victim),
    )
    trial.recovered()
    assert installation.process(program) != victim


def leave_what_a_crash_leaves(installation: Installation) -> None:
    """A scheduler's damaged file and the pidfile of somebody who lives, wherever one might be looked for."""
    for folder in (installation.checkout.root, installation.checkout.settings.var_dir):
        (folder / "celerybeat-schedule").write_bytes(os.urandom(600))
        (folder / "celerybeat.pid").write_text(f"{os.getpid()}\n")


def test_a_stopped_beat_is_ended_and_replaced(trial: Trial) -> None:
    installation = trial.installation
    victim = installation.process("beat")
    installation.send([victim], signal.SIGSTOP)
    trial.noticed("beat_silent", "scheduler_dead", within=90, or_else=lambda: installation.replaced("beat", victim))
    trial.over()
    trial.recovered()
    assert installation.process("beat") != victim


def test_workers_whose_children_all_stand_still_are_replaced(trial: Trial) -> None:
    installation = trial.installation
    workers = {name: installation.process(name) for name in ("worker-upsert", "worker-backfill")}
    children = [one for name in workers for one in installation.members(name) if one not in workers.values()]
    assert len(children) >= 2
    installation.send(children, signal.SIGSTOP)
    trial.noticed(
        *("pulse_stale", "worker_dead"),
        within=135,
        or_else=lambda: all(installation.replaced(name, identity) for name, identity in workers.items()),
    )
    trial.over()
    trial.recovered()
    assert not any(child.is_alive() for child in children)


def test_a_redis_that_stands_still_for_15_seconds(trial: Trial) -> None:
    installation = trial.installation
    redis = installation.process("redis")
    installation.send([redis], signal.SIGSTOP)
    stopped = time.monotonic()
    trial.noticed("redis_unreachable", within=30)
    poll(lambda: time.monotonic() > stopped + 15, within=20, what="15 seconds")
    installation.send([redis], signal.SIGCONT)
    trial.over()
    trial.recovered()


def test_a_redis_that_is_down_for_20_seconds_ends_nobody_else(trial: Trial) -> None:
    installation = trial.installation
    others = {name: installation.process(name) for name in installation.program_names() if name != "redis"}
    installation.hurry()
    with held_down(installation, "redis"):
        trial.begin()
        assert not trial.noticed("redis_unreachable", within=30).is_fine
        trial.stays_noticed(seconds=20)
    trial.over()
    trial.recovered()
    poll(installation.live_update_done_since(trial.ended_at), within=180, what="a live update after it")
    assert {name: installation.process(name) for name in others} == others


def test_a_redis_killed_while_a_message_waits_for_a_busy_worker(trial: Trial) -> None:
    installation = trial.installation
    installation.control(faults=[{"kind": "slow", "path": "/deal", "seconds": 20}])
    installation.hurry()
    poll(installation.live_update_runs, within=60, what="the live update at work")
    with closing(connect(paths.redis_address(installation.checkout.settings))) as redis:
        queue = f"{installation_id(installation.checkout.settings.var_dir)}:celery:upsert"
        poll(lambda: redis.llen(queue), within=60, what="a message behind the running task")
    victim = installation.process("redis")
    trial.begin()
    installation.send([victim], signal.SIGKILL)
    installation.control()
    trial.over()
    trial.noticed(
        *("redis_unreachable", "process_dead"), within=30, or_else=lambda: installation.replaced("redis", victim)
    )
    trial.recovered()
    poll(installation.live_update_done_since(trial.ended_at), within=180, what="a live update after the crash")


def test_a_redis_that_is_emptied_while_the_live_update_runs(trial: Trial) -> None:
    installation = trial.installation
    installation.control(faults=[{"kind": "slow", "path": "/deal", "seconds": 10}])
    installation.hurry()
    poll(installation.live_update_runs, within=60, what="the live update at work")
    [(fence,)] = installation.rows("select n from fences where name = 'update_recent_deals_lock'")
    trial.begin()
    with closing(connect(paths.redis_address(installation.checkout.settings))) as redis:
        redis.flushall()
    installation.control()
    trial.over()
    trial.noticed("tokens_unknown", within=30)
    trial.recovered()
    installation.hurry()
    poll(installation.live_update_done_since(trial.ended_at), within=180, what="a live update after the emptying")
    [(after,)] = installation.rows("select n from fences where name = 'update_recent_deals_lock'")
    assert after > fence


def test_the_lease_of_a_child_killed_in_the_middle_of_its_pass_is_taken_over(trial: Trial) -> None:
    installation = trial.installation
    installation.control(faults=[{"kind": "slow", "path": "/deal", "seconds": 20}])
    installation.hurry()
    poll(installation.live_update_runs, within=60, what="the live update at work")
    parent = installation.process("worker-upsert")
    trial.begin()
    installation.send([one for one in installation.members("worker-upsert") if one != parent], signal.SIGKILL)
    installation.control()
    trial.over()
    trial.noticed("lease_of_the_dead", within=30)
    trial.recovered()
    poll(
        installation.live_update_done_since(trial.ended_at),
        within=60,
        what="the pass again, well before the lease's end",
    )
    assert installation.process("worker-upsert") == parent


def test_a_redis_that_takes_nothing_more_is_said_until_it_has_room(trial: Trial) -> None:
    installation = trial.installation
    with closing(connect(paths.redis_address(installation.checkout.settings))) as redis:
        redis.config_set("maxmemory", 1)
        trial.begin()
        assert not trial.noticed("beat_sends_nothing", "pulse_stale", within=135).is_fine
        redis.config_set("maxmemory", "256mb")
    trial.over()
    trial.recovered()
