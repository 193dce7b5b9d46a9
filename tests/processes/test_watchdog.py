"""One round of the watchdog with real processes and a clock that is moved by hand."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keepa_deals.identity import ProcessIdentity
from keepa_deals.processes import paths, roster, surroundings
from keepa_deals.processes.watchdog import Watchdog
from keepa_deals.settings import Settings, settings_from
from tests.processes.conftest import free_port, wait_until

Sleeper = Callable[..., ProcessIdentity]


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_from({"WEB_PORT": str(free_port()), "KEEPA_API_KEY": "k" * 64}, root=tmp_path)
    surroundings.prepare_folders(settings)
    return settings


def beat_tells(settings: Settings, second: int) -> None:
    at = datetime(2026, 1, 1, 0, second // 60, second % 60, tzinfo=UTC).isoformat()
    paths.beat_file(settings).write_text(json.dumps({"last_tick_at": at, "last_sent_at": at}))


def rounds(
    watchdog: Watchdog, clock: HandClock, count: int, *, each: Callable[[int], None] = lambda _: None
) -> list[str]:
    """Look `count` times, ten seconds apart; returns the programs that were ended."""
    ended = []
    for number in range(count):
        each(number)
        ended += [heal.program for heal in watchdog.look()]
        clock.seconds += 10
    return ended


def record(settings: Settings, name: str, identity: ProcessIdentity) -> None:
    roster.record(paths.roster_file(settings), name, identity=identity, parent=None)


def test_a_silent_beat_is_ended_and_a_ticking_one_is_not(settings: Settings, sleeper: Sleeper) -> None:
    clock, beat = HandClock(), sleeper()
    record(settings, "beat", beat)
    watchdog = Watchdog(settings, monotonic=clock)
    assert rounds(watchdog, clock, 20, each=lambda number: beat_tells(settings, number * 10)) == []
    assert rounds(watchdog, clock, 4) == ["beat"]
    wait_until(lambda: not beat.is_alive())
    report = json.loads(paths.watchdog_file(settings).read_text())
    assert [(heal["program"], heal["why"]) for heal in report["heals"]] == [("beat", "no tick for 40 s (limit 35 s)")]
    assert report["restarts_15m"] == {"beat": 1}


def test_a_beat_that_ticks_and_sends_nothing_is_ended_again_and_again(
    tmp_path: Path, sleeper: Sleeper, redis_server: str
) -> None:
    values = {"WEB_PORT": str(free_port()), "KEEPA_API_KEY": "k" * 64, "REDIS_URL": redis_server}
    settings = settings_from(values, root=tmp_path)
    surroundings.prepare_folders(settings)
    clock = HandClock()
    watchdog = Watchdog(settings, monotonic=clock)

    def tick(number: int) -> None:
        at = datetime(2026, 1, 1, number // 60, number % 60, tzinfo=UTC).isoformat()
        paths.beat_file(settings).write_text(json.dumps({"last_tick_at": at, "last_sent_at": "2026-01-01T00:00:00Z"}))
        if not any(entry.name == "beat" for entry in roster.living(roster.read_roster(paths.roster_file(settings)))):
            record(settings, "beat", sleeper())

    assert set(rounds(watchdog, clock, 40, each=tick)) == {"beat"}
    report = json.loads(paths.watchdog_file(settings).read_text())
    assert report["restarts_15m"]["beat"] >= 3
    assert "no send for" in report["heals"][0]["why"]


def test_a_program_that_keeps_dying_and_coming_back_is_counted(settings: Settings, sleeper: Sleeper) -> None:
    clock = HandClock()
    watchdog = Watchdog(settings, monotonic=clock)

    def come_back(number: int) -> None:
        if number % 2:
            os.kill(watchdog.last_known["beat"].pid, signal.SIGKILL)
            wait_until(lambda: not watchdog.last_known["beat"].is_alive())
        else:
            record(settings, "beat", sleeper())

    assert rounds(watchdog, clock, 9, each=come_back) == []
    assert json.loads(paths.watchdog_file(settings).read_text())["restarts_15m"]["beat"] == 4
    rounds(watchdog, clock, 90, each=lambda number: beat_tells(settings, number * 10))
    assert json.loads(paths.watchdog_file(settings).read_text())["restarts_15m"]["beat"] == 0


def test_a_stopped_process_is_ended_within_half_a_minute(settings: Settings, sleeper: Sleeper) -> None:
    clock, beat = HandClock(), sleeper()
    record(settings, "beat", beat)
    watchdog = Watchdog(settings, monotonic=clock)
    rounds(watchdog, clock, 6, each=lambda number: beat_tells(settings, number))
    os.kill(beat.pid, signal.SIGSTOP)
    assert rounds(watchdog, clock, 3, each=lambda number: beat_tells(settings, 30 + number)) == ["beat"]
    wait_until(lambda: not beat.is_alive())


def test_a_program_that_just_started_is_given_time(settings: Settings, sleeper: Sleeper) -> None:
    clock, beat = HandClock(), sleeper()
    record(settings, "beat", beat)
    watchdog = Watchdog(settings, monotonic=clock)
    assert rounds(watchdog, clock, 4) == []
    assert beat.is_alive()


def test_after_the_machine_slept_nobody_is_ended_for_having_slept_too(settings: Settings, sleeper: Sleeper) -> None:
    clock, beat = HandClock(), sleeper()
    record(settings, "beat", beat)
    watchdog = Watchdog(settings, monotonic=clock)
    rounds(watchdog, clock, 8, each=lambda number: beat_tells(settings, number))
    clock.seconds += 36_000
    assert rounds(watchdog, clock, 3) == []
    assert beat.is_alive()


def test_workers_are_not_ended_for_the_silence_of_a_server_that_is_away(settings: Settings, sleeper: Sleeper) -> None:
    clock, worker = HandClock(), sleeper()
    record(settings, "worker-upsert", worker)
    watchdog = Watchdog(settings, monotonic=clock)
    assert rounds(watchdog, clock, 30) == []
    assert worker.is_alive()


def test_a_server_that_hangs_is_ended(settings: Settings, sleeper: Sleeper) -> None:
    clock, redis = HandClock(), sleeper()
    record(settings, "redis", redis)
    watchdog = Watchdog(settings, monotonic=clock)
    assert rounds(watchdog, clock, 8) == ["redis"]
    wait_until(lambda: not redis.is_alive())


def test_a_web_server_that_does_not_answer_is_ended(settings: Settings, sleeper: Sleeper) -> None:
    clock, web = HandClock(), sleeper()
    record(settings, "web", web)
    assert rounds(Watchdog(settings, monotonic=clock), clock, 8) == ["web"]
    wait_until(lambda: not web.is_alive())


def test_an_unreadable_heartbeat_does_not_stop_the_watchdog(settings: Settings) -> None:
    paths.beat_file(settings).write_text('{"last_ti')
    clock = HandClock()
    assert rounds(Watchdog(settings, monotonic=clock), clock, 2) == []
    assert json.loads(paths.watchdog_file(settings).read_text())["heals"] == []


def test_a_clock_that_somebody_set_is_reported_and_a_small_correction_is_not(settings: Settings) -> None:
    clock, offset = HandClock(), [500.0]
    watchdog = Watchdog(settings, monotonic=clock, wall_offset=lambda: offset[0])
    rounds(watchdog, clock, 2)
    offset[0] += 0.4
    rounds(watchdog, clock, 1)
    assert json.loads(paths.watchdog_file(settings).read_text())["clock_step"] is None
    offset[0] -= 7200
    rounds(watchdog, clock, 3)
    assert json.loads(paths.watchdog_file(settings).read_text())["clock_step"]["seconds"] == -7200.0
