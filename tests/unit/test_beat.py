"""The scheduler rings whatever happens to clocks, disks and brokers, and says so."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from keepa_deals.beat import HeartbeatScheduler
from keepa_deals.pulse import PULSE_TASK

PERIOD = 15.0


class Ticker:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


class RecordingScheduler(HeartbeatScheduler):
    """Writes down what would have been sent, or fails as a broker does."""

    def __init__(self, app: Any, **options: Any) -> None:
        self.sent: list[str] = []
        self.refuse_with: Exception | None = None
        super().__init__(app, **options)

    @property
    def producer(self) -> None:
        return None

    def send_task(self, name: str, *args: Any, **kwargs: Any) -> None:
        if self.refuse_with is not None:
            raise self.refuse_with
        self.sent.append(name)


@pytest.fixture
def heartbeat_file(tmp_path: Path) -> Path:
    return tmp_path / "run" / "beat.json"


@pytest.fixture
def ticker() -> Ticker:
    return Ticker()


@pytest.fixture
def app(heartbeat_file: Path) -> Celery:
    app = Celery("test", broker="memory://", set_as_current=False)
    entry = {"schedule": PERIOD}
    app.conf.update(
        beat_heartbeat_file=str(heartbeat_file),
        beat_max_loop_interval=5,
        beat_schedule={name: {"task": name, **entry} for name in ("a", "b", "c")}
        | {"canary": {"task": PULSE_TASK, **entry}},
    )
    return app


@pytest.fixture
def scheduler(app: Celery, ticker: Ticker) -> RecordingScheduler:
    return RecordingScheduler(app, monotonic=ticker)


def tick_until_quiet(scheduler: RecordingScheduler) -> list[str]:
    """Everything that one round sends."""
    scheduler.sent.clear()
    while scheduler.tick() == 0:
        pass
    return list(scheduler.sent)


def test_everything_and_nothing_else_is_due_at_start(scheduler: RecordingScheduler) -> None:
    assert sorted(tick_until_quiet(scheduler)) == sorted(["a", "b", "c", PULSE_TASK])


def test_everything_is_due_again_after_its_period_and_not_before(scheduler: RecordingScheduler, ticker: Ticker) -> None:
    tick_until_quiet(scheduler)
    ticker.seconds += PERIOD - 0.1
    assert tick_until_quiet(scheduler) == []
    ticker.seconds += 0.1
    assert len(tick_until_quiet(scheduler)) == 4


@pytest.mark.parametrize("jump", [timedelta(days=-1), timedelta(hours=-2), timedelta(hours=2), timedelta(days=1)])
def test_a_clock_that_jumps_neither_silences_nor_hurries_it(
    scheduler: RecordingScheduler, app: Celery, ticker: Ticker, jump: timedelta
) -> None:
    tick_until_quiet(scheduler)
    app.now = lambda: datetime.now(UTC) + jump
    assert tick_until_quiet(scheduler) == []
    ticker.seconds += PERIOD
    assert len(tick_until_quiet(scheduler)) == 4


def test_after_a_long_sleep_of_the_machine_each_entry_is_sent_once(
    scheduler: RecordingScheduler, ticker: Ticker
) -> None:
    tick_until_quiet(scheduler)
    ticker.seconds += 100 * PERIOD
    assert len(tick_until_quiet(scheduler)) == 4


def test_it_rests_until_the_next_entry_but_never_longer_than_its_loop_interval(
    scheduler: RecordingScheduler, ticker: Ticker
) -> None:
    tick_until_quiet(scheduler)
    assert scheduler.tick() == 5
    ticker.seconds += PERIOD - 2
    assert scheduler.tick() == pytest.approx(2)


def test_a_canary_flies_before_the_others_whose_order_is_drawn_by_lot(
    scheduler: RecordingScheduler, ticker: Ticker
) -> None:
    first_of_the_others = set()
    for _ in range(60):
        canary, other, *_ = tick_until_quiet(scheduler)
        assert canary == PULSE_TASK
        first_of_the_others.add(other)
        ticker.seconds += PERIOD
    assert first_of_the_others == {"a", "b", "c"}


def test_every_send_is_one_line_in_the_log(scheduler: RecordingScheduler, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tick_until_quiet(scheduler)
    lines = [record.getMessage() for record in caplog.records if "Sending due task" in record.getMessage()]
    assert sorted(lines) == sorted(
        [f"Scheduler: Sending due task {name} ({name})" for name in ("a", "b", "c")]
        + [f"Scheduler: Sending due task canary ({PULSE_TASK})"]
    )


def test_a_broker_that_refuses_is_counted_logged_in_one_line_and_rung_again(
    scheduler: RecordingScheduler,
    ticker: Ticker,
    heartbeat_file: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheduler.refuse_with = ConnectionRefusedError("nobody there")
    tick_until_quiet(scheduler)
    heartbeat = json.loads(heartbeat_file.read_text())
    assert (heartbeat["sent"], heartbeat["errors"], heartbeat["last_sent_at"]) == (0, 4, None)
    assert "nobody there" in heartbeat["last_error"]
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(failures) == 4
    assert not any(record.exc_info for record in failures)
    scheduler.refuse_with = None
    ticker.seconds += PERIOD
    assert len(tick_until_quiet(scheduler)) == 4


def test_a_heartbeat_tells_of_each_tick_and_each_send(scheduler: RecordingScheduler, heartbeat_file: Path) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    tick_until_quiet(scheduler)
    heartbeat = json.loads(heartbeat_file.read_text())
    assert (heartbeat["sent"], heartbeat["errors"], heartbeat["last_error"]) == (4, 0, None)
    sent, started, ended = (
        datetime.fromisoformat(heartbeat[name]) for name in ("last_sent_at", "tick_started_at", "last_tick_at")
    )
    assert before <= started <= sent <= ended


def test_a_tick_that_hangs_shows_as_begun_and_not_ended(scheduler: RecordingScheduler, heartbeat_file: Path) -> None:
    seen: list[dict[str, Any]] = []
    scheduler.send_task = lambda *_, **__: seen.append(json.loads(heartbeat_file.read_text()))
    scheduler.tick()
    assert seen[0]["tick_started_at"] is not None
    assert seen[0]["last_tick_at"] is None


def make_a_file_of_the_folder(folder: Path) -> None:
    folder.write_text("")


def make_a_folder_of_the_file(folder: Path) -> None:
    (folder / "beat.json").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [make_a_file_of_the_folder, make_a_folder_of_the_file])
def test_a_heartbeat_that_can_not_be_written_stops_nothing_and_is_told_once(
    scheduler: RecordingScheduler,
    heartbeat_file: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
) -> None:
    spoil(heartbeat_file.parent)
    assert len(tick_until_quiet(scheduler)) == 4
    complaints = [record for record in caplog.records if "not_written" in record.getMessage()]
    assert len(complaints) == 1
