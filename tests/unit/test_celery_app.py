"""What the queues, the bells and the broker are told."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery

from keepa_deals.celery_app import celery_from_environment, create_celery, register_tasks
from keepa_deals.celery_commands import beat_command, worker_command
from keepa_deals.errors import LeasesUnreachable
from keepa_deals.installation import installation_id
from keepa_deals.pulse import PULSE_TASK
from keepa_deals.records import Pass
from keepa_deals.redis_client import broker_url
from keepa_deals.settings import settings_from
from keepa_deals.timetable import DOORBELLS, QUEUES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def app(tmp_path: Path) -> Celery:
    return an_app(tmp_path, "redis://127.0.0.1:1")


def an_app(folder: Path, address: str) -> Celery:
    settings = settings_from({"VAR_DIR": str(folder)}, root=folder)
    return create_celery(settings, installation="abc", broker_url=address)


def test_every_pass_has_a_bell_and_every_queue_a_canary(app: Celery) -> None:
    entries = app.conf.beat_schedule.values()
    assert {bell.which for bell in DOORBELLS} == set(Pass)
    assert {entry["task"] for entry in entries} == {PULSE_TASK} | {bell.task for bell in DOORBELLS}
    canaries = [entry for entry in entries if entry["task"] == PULSE_TASK]
    assert {(entry["kwargs"]["queue"], entry["options"]["queue"]) for entry in canaries} == {
        (queue, queue) for queue in QUEUES
    }


def test_no_message_outlives_its_period(app: Celery) -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] == entry["schedule"]


def test_every_message_goes_to_a_queue_that_has_a_worker(app: Celery) -> None:
    assert set(app.amqp.queues) == set(QUEUES)
    assert {entry["options"]["queue"] for entry in app.conf.beat_schedule.values()} == set(QUEUES)


def test_a_task_that_is_sent_by_hand_takes_the_way_of_its_bell(app: Celery) -> None:
    for bell in DOORBELLS:
        assert app.amqp.router.route({}, bell.task)["queue"].name == bell.queue


def test_the_names_that_scripts_rely_on_are_registered(app: Celery) -> None:
    register_tasks(app, ring=lambda which, services: None, services=lambda: None, pulse_store=lambda: None)
    assert {
        "keepa_deals.simple_task.update_recent_deals",
        "keepa_deals.backfiller.backfill_deals",
    } <= set(app.tasks)


def test_every_task_ends_at_a_limit_and_gets_a_chance_to_clean_up_before(app: Celery) -> None:
    register_tasks(app, ring=lambda which, services: None, services=lambda: None, pulse_store=lambda: None)
    for name in [PULSE_TASK, *(bell.task for bell in DOORBELLS)]:
        assert 0 < app.tasks[name].soft_time_limit < app.tasks[name].time_limit


def test_a_bell_rings_for_its_pass_with_services_that_are_built_once(app: Celery) -> None:
    rung: list[tuple[Pass, Any]] = []
    built: list[SimpleNamespace] = []

    def build() -> SimpleNamespace:
        built.append(SimpleNamespace())
        return built[-1]

    register_tasks(
        app, ring=lambda which, services: rung.append((which, services)), services=build, pulse_store=lambda: None
    )
    assert built == []
    for bell in DOORBELLS:
        app.tasks[bell.task]()
    assert rung == [(bell.which, built[0]) for bell in DOORBELLS]


def test_a_declared_failure_is_told_in_its_sentence_and_any_other_is_left_to_celery(
    app: Celery, caplog: pytest.LogCaptureFixture
) -> None:
    failures: list[Exception] = [LeasesUnreachable("Redis is away; start it."), ValueError("a surprise")]

    def ring(which: Pass, services: Any) -> None:
        raise failures.pop(0)

    register_tasks(app, ring=ring, services=lambda: None, pulse_store=lambda: None)
    assert app.tasks[DOORBELLS[0].task]() is None
    assert "LeasesUnreachable: Redis is away; start it." in caplog.text
    with pytest.raises(ValueError, match="a surprise"):
        app.tasks[DOORBELLS[0].task]()


def test_what_the_broker_keeps_for_us_bears_our_name(app: Celery) -> None:
    assert app.conf.broker_transport_options["global_keyprefix"] == "abc:celery:"


def test_nothing_waits_for_the_broker_without_an_end(app: Celery) -> None:
    assert 1 < app.conf.broker_transport_options["socket_timeout"] <= 5
    assert app.conf.task_publish_retry is False
    assert app.conf.broker_connection_max_retries is None


@pytest.mark.parametrize(
    ("address", "verifies"),
    [
        ("rediss://host:1", ssl.CERT_REQUIRED),
        ("rediss://host:1?ssl_cert_reqs=none", ssl.CERT_NONE),
    ],
)
def test_an_encrypted_broker_must_prove_who_it_is_unless_told_otherwise(
    tmp_path: Path, address: str, verifies: ssl.VerifyMode
) -> None:
    assert an_app(tmp_path, address).connection().ssl["ssl_cert_reqs"] == verifies


@pytest.mark.parametrize(
    ("address", "in_kombus_words"),
    [
        ("unix:///run/a.sock", "redis+socket:///run/a.sock"),
        ("unix:///run/a.sock?db=2", "redis+socket:///run/a.sock?virtual_host=2"),
        ("unix://:word@/run/a.sock", "redis+socket://:word@/run/a.sock"),
        ("redis://:word@host:1/2", "redis://:word@host:1/2"),
        ("rediss://host", "rediss://host"),
    ],
)
def test_a_redis_address_in_kombus_words(address: str, in_kombus_words: str) -> None:
    assert broker_url(address) == in_kombus_words


def test_commands_name_the_interpreter_the_queue_and_no_pidfile() -> None:
    for command in (*(worker_command("/venv/python", queue) for queue in QUEUES), beat_command("/venv/python")):
        assert command[:3] == ["/venv/python", "-m", "celery"]
        assert "--pidfile=" in command


def test_there_is_no_worker_for_a_queue_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="no queue 'mail'"):
        worker_command("/venv/python", "mail")


def test_the_front_door_joins_the_installation_of_its_environment(tmp_path: Path) -> None:
    app = celery_from_environment(tmp_path, {"REDIS_URL": "redis://:word@127.0.0.1:1/3"})
    assert app.connection().as_uri() == "redis://:**@127.0.0.1:1/3"
    assert app.conf.broker_transport_options["global_keyprefix"] == f"{installation_id(tmp_path / 'var')}:celery:"
    assert app.conf.beat_heartbeat_file == str(tmp_path / "var" / "run" / "beat.json")
    assert {bell.task for bell in DOORBELLS} <= set(app.tasks)


def test_a_bad_setting_stops_the_front_door_with_one_sentence(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PROMISE_HOURS": "soon"}
    command = beat_command(sys.executable)
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode != 0
    assert ended.stderr.strip().splitlines() == [
        "PROMISE_HOURS is 'soon'; it must be a number from 1 to 168, with a point before the decimals."
    ]
