"""Where the running web listens, whatever the settings say by now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keepa_deals.identity import ProcessIdentity
from keepa_deals.processes import paths, report, roster
from keepa_deals.processes.web_place import as_served, record_web
from keepa_deals.settings import Settings, settings_from

Sleeper = Callable[..., ProcessIdentity]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_from({"WEB_PORT": "8002"}, root=tmp_path)
    settings.run_dir.mkdir(parents=True)
    return settings


def serve(settings: Settings, *, port: int, web: ProcessIdentity) -> None:
    """As if `web` had been started with another WEB_PORT."""
    roster.record(paths.roster_file(settings), "web", identity=web, parent=None)
    place = {"pid": web.pid, "host": "127.0.0.1", "port": port}
    paths.web_file(settings).write_text(json.dumps(place))


def test_a_living_web_tells_its_own_port(settings: Settings, sleeper: Sleeper) -> None:
    serve(settings, port=8001, web=sleeper())
    assert as_served(settings).web_port == 8001


def test_what_a_dead_web_recorded_counts_for_nothing(settings: Settings, sleeper: Sleeper) -> None:
    roster.record(paths.roster_file(settings), "web", identity=sleeper(), parent=None)
    place = {"pid": 1, "host": "127.0.0.1", "port": 8001}
    paths.web_file(settings).write_text(json.dumps(place))
    assert as_served(settings) == settings


@pytest.mark.parametrize("rubbish", ["", "[]", '{"pid": 1}', '{"pid": "x", "host": "h", "port": 1}'])
def test_a_damaged_record_counts_for_nothing(settings: Settings, rubbish: str) -> None:
    paths.web_file(settings).write_text(rubbish)
    assert as_served(settings) == settings


def test_the_process_that_becomes_the_web_records_itself(settings: Settings) -> None:
    record_web(settings)
    roster.record(paths.roster_file(settings), "web", identity=ProcessIdentity.current(), parent=None)
    changed = settings_from({"WEB_PORT": "8003"}, root=settings.root)
    assert as_served(changed).web_port == 8002


def test_the_state_names_the_address_that_serves_and_the_one_to_come(
    settings: Settings, sleeper: Sleeper, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(settings, port=8001, web=sleeper())
    report.say_state(settings)
    said = capsys.readouterr().out
    assert "Dashboard: http://127.0.0.1:8001/" in said
    assert "moves to http://127.0.0.1:8002/" in said
