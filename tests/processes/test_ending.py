"""Ending processes by identity and tag, and sparing everybody else."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import PROGRAM_TAG_NAME, TAG_NAME, installation_id
from keepa_deals.processes import ending, roster, surroundings
from keepa_deals.processes.control import find_ours, kill_everything
from keepa_deals.settings import settings_from

Sleeper = Callable[..., ProcessIdentity]


def test_a_pid_that_is_somebody_else_by_now_gets_no_signal(sleeper: Sleeper) -> None:
    stranger = sleeper()
    recycled = replace(stranger, start_ticks=stranger.start_ticks - 1)
    assert not ending.send(recycled, signal.SIGKILL)
    assert ending.end_all([recycled], patience_seconds=0) == []
    assert stranger.is_alive()


def test_a_stopped_process_is_ended_too(sleeper: Sleeper) -> None:
    stopped = sleeper()
    os.kill(stopped.pid, signal.SIGSTOP)
    assert ending.end_all([stopped], patience_seconds=5) == []
    assert not stopped.is_alive()


def test_only_processes_with_the_whole_tag_are_found(sleeper: Sleeper) -> None:
    ours = sleeper(environment={TAG_NAME: "aaaaaaaaaaaa", PROGRAM_TAG_NAME: "beat"})
    sleeper(environment={TAG_NAME: "aaaaaaaaaaab"})
    sleeper(name="celery -A celery_config beat")
    assert ending.tagged("aaaaaaaaaaaa") == [ours]
    assert ending.tagged("aaaaaaaaaaaa", program="beat") == [ours]
    assert ending.tagged("aaaaaaaaaaaa", program="web") == []


def test_kill_ends_recorded_and_tagged_processes_and_spares_a_foreign_celery(tmp_path: Path, sleeper: Sleeper) -> None:
    settings = settings_from({}, root=tmp_path)
    surroundings.prepare_folders(settings)
    recorded = sleeper(name="worker")
    roster.record(settings.run_dir / "processes.json", "worker-upsert", identity=recorded, parent=None)
    only_tagged = sleeper(environment={TAG_NAME: installation_id(settings.var_dir)})
    foreign = sleeper(name="celery -A celery_config worker -Q upsert")
    neighbour = sleeper(name="celery", environment={TAG_NAME: "0" * 12})
    said: list[str] = []

    left = kill_everything(settings, say=said.append, clear_leases=lambda: ["backfill_deals_lock"])

    assert left == []
    assert (recorded.is_alive(), only_tagged.is_alive()) == (False, False)
    assert (foreign.is_alive(), neighbour.is_alive()) == (True, True)
    assert said == [
        "cleared the lease backfill_deals_lock",
        "Ended 2 processes of this installation, none left.",
    ]


def test_we_and_our_ancestors_are_never_found_even_when_recorded(tmp_path: Path) -> None:
    settings = settings_from({}, root=tmp_path)
    surroundings.prepare_folders(settings)
    me = ProcessIdentity.current()
    roster.record(settings.run_dir / "processes.json", "web", identity=me, parent=None)
    assert me not in find_ours(settings).all


def test_the_roster_keeps_the_living_and_forgets_the_dead(tmp_path: Path, sleeper: Sleeper) -> None:
    path = tmp_path / "processes.json"
    old, new = sleeper(), sleeper()
    roster.record(path, "beat", identity=old, parent=new)
    ending.end_all([old], patience_seconds=0)
    roster.record(path, "web", identity=new, parent=None)
    assert [(entry.name, entry.identity) for entry in roster.read_roster(path)] == [("web", new)]


def test_a_damaged_roster_is_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    path.write_text('[{"name": "beat", "pid"')
    assert roster.read_roster(path) == []
