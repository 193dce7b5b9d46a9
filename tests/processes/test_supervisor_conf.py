"""The rendered supervisord.conf, read back by supervisord's own parser."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from supervisor.options import UnhosedConfigParser

from keepa_deals.errors import BadSettings
from keepa_deals.processes.programs import programs, stop_stages
from keepa_deals.processes.supervisor_conf import render
from keepa_deals.settings import Settings, settings_from

PYTHON = Path("/x y/venv-0123456789ab/bin/python")


def rendered(settings: Settings, root: Path) -> UnhosedConfigParser:
    text = render(
        programs(settings),
        root=root,
        log_dir=settings.log_dir,
        run_dir=settings.run_dir,
        socket=settings.run_dir / "supervisor.sock",
        python=PYTHON,
        installation="0123456789ab",
    )
    parser = UnhosedConfigParser()
    parser.read_string(text)
    parser.expansions = {"here": str(root)}
    return parser


@pytest.mark.parametrize("folder", ["plain", "with space", "per%cent", "qu'ote", "ünïcode", "%(here)s"])
def test_every_folder_name_comes_back_as_it_was(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    parser = rendered(settings_from({}, root=root), root)
    assert parser.saneget("program:web", "directory") == str(root)
    assert parser.saneget("program:beat", "stdout_logfile") == str(root / "var" / "log" / "celery_beat.log")
    command = parser.saneget("program:beat", "command", do_expand=False).replace("%%", "%")
    assert shlex.split(command) == [str(PYTHON), "-m", "keepa_deals.processes.launcher", "beat"]


@pytest.mark.parametrize("folder", ["line\nend", "comment ;here", "space at the end "])
def test_a_folder_that_the_format_cannot_hold_is_refused_in_one_sentence(tmp_path: Path, folder: str) -> None:
    root = tmp_path / folder
    with pytest.raises(BadSettings, match=r"can't be written into supervisord\.conf"):
        rendered(settings_from({}, root=root), root)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, {"redis", "simulator", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"}),
        ({"REDIS_URL": "redis://h"}, {"simulator", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"}),
        ({"KEEPA_API_KEY": "k" * 64}, {"redis", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"}),
    ],
)
def test_server_and_simulator_run_only_where_they_are_needed(
    tmp_path: Path, values: dict[str, str], names: set[str]
) -> None:
    parser = rendered(settings_from(values, root=tmp_path), tmp_path)
    found = {section.partition(":")[2] for section in parser.sections() if section.startswith("program:")}
    assert found == names


def test_no_secret_is_written_into_the_configuration(tmp_path: Path) -> None:
    secrets = {
        "KEEPA_API_KEY": "k" * 64,
        "ADMIN_API_KEY": "a-very-secret-key-1",
        "REDIS_URL": "redis://:pa55word@host/0",
        "DATABASE_URL": "postgresql+psycopg://me:pa55word@host/deals",
    }
    parser = rendered(settings_from(secrets, root=tmp_path), tmp_path)
    text = str({section: dict(parser.items(section, raw=True)) for section in parser.sections()})
    assert not [word for word in ("k" * 64, "a-very-secret", "pa55word") if word in text]


def test_only_a_workers_parent_is_asked_to_end_and_the_whole_group_is_killed(tmp_path: Path) -> None:
    parser = rendered(settings_from({}, root=tmp_path), tmp_path)
    for name in ("worker-upsert", "worker-backfill"):
        assert parser.saneget(f"program:{name}", "stopasgroup") == "false"
        assert parser.saneget(f"program:{name}", "killasgroup") == "true"
        assert int(parser.saneget(f"program:{name}", "stopwaitsecs")) >= 40


def test_the_watchdog_ends_first_and_the_server_last() -> None:
    names = {"redis", "simulator", "worker-upsert", "worker-backfill", "beat", "web", "watchdog"}
    stages = stop_stages(names)
    assert stages[0] == ["watchdog"]
    assert stages[1] == ["beat"]
    assert stages[-1] == ["redis"]
    assert {name for stage in stages for name in stage} == names
