"""A task that will not end, against a real worker: the hard limit ends it and the next one runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from private_valkey import PrivateValkey

from keepa_deals.celery_app import create_celery
from keepa_deals.celery_commands import WORKER_ENVIRONMENT, worker_command
from keepa_deals.redis_client import broker_url
from keepa_deals.settings import settings_from
from keepa_deals.timetable import UPSERT_QUEUE

pytestmark = [pytest.mark.slow, pytest.mark.processes]

HERE = Path(__file__).parent
LIVE_UPDATE = "keepa_deals.simple_task.update_recent_deals"

Send = Callable[[], None]


@pytest.fixture
def send(tmp_path: Path) -> Iterator[Send]:
    """Sends a live update to a worker whose limits are 1 s and 3 s; the worker ends after the test."""
    server = PrivateValkey()
    server.start()
    environment = {
        **os.environ,
        **WORKER_ENVIRONMENT,
        "PYTHONPATH": f"{HERE.parents[1]}:{HERE}",
        "CHAIN_FOLDER": str(tmp_path),
        "CHAIN_REDIS_URL": server.url,
    }
    command = worker_command(sys.executable, UPSERT_QUEUE, app="stubborn_app")
    app = create_celery(settings_from({}, root=tmp_path), installation="chain", broker_url=broker_url(server.url))
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        yield lambda: app.send_task(LIVE_UPDATE, queue=UPSERT_QUEUE) and None
    finally:
        worker.terminate()
        worker.wait(timeout=40)
        app.close()
        server.close()


def rung(folder: Path) -> list[int]:
    file = folder / "rung"
    return [int(line.split()[1]) for line in file.read_text().splitlines()] if file.exists() else []


def eventually(holds: Callable[[], object], *, within: float) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


@pytest.mark.parametrize("stubbornness", ["deaf", "in_c"])
def test_a_task_that_ignores_its_soft_limit_is_ended_and_the_next_one_runs(
    send: Send, tmp_path: Path, stubbornness: str
) -> None:
    (tmp_path / stubbornness).touch()
    send()
    eventually(lambda: len(rung(tmp_path)) == 1, within=30)
    (tmp_path / stubbornness).unlink()
    send()
    eventually(lambda: len(rung(tmp_path)) == 2, within=30)
    first, second = rung(tmp_path)
    assert first != second
    assert "Hard time limit (3s) exceeded" in (tmp_path / "log").read_text()
