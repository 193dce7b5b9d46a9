"""What each program is started with."""

from __future__ import annotations

from pathlib import Path

from keepa_deals.processes import commands, surroundings
from keepa_deals.processes.programs import programs
from keepa_deals.settings import settings_from
from keepa_deals.simulator import __main__ as simulator


def test_no_command_line_shows_a_key(tmp_path: Path) -> None:
    settings = settings_from({}, root=tmp_path)
    surroundings.prepare_folders(settings)
    key = surroundings.demo_place(settings).key
    for program in programs(settings):
        assert key not in " ".join(commands.command_of(program.name, settings=settings))
    assert commands.environment_of("simulator", settings=settings)[simulator.KEY_NAME] == key
