"""The map of the rooms, and the guard of its doors: who may import whom, and which libraries stay outside."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "keepa_deals"

BANDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("words", frozenset({"units", "errors", "records", "clock"})),
    (
        "pure thinking",
        frozenset(
            {
                "keepa_shapes", "keepa_values", "keepa_product", "keepa_json", "keepa_costs", "feed_query", "isbn",
                "price_history", "fees", "deal_ranking", "judgement", "repricing", "freshness", "planner",
                "token_budget", "token_ledger", "timetable",
                "deal_fields", "deal_cursor", "search_language", "deal_query",
                "health_facts", "health_catalogue", "health_checks", "health_passes", "health_restarts", "health",
            }
        ),
    ),
    (
        "doors to the world",
        frozenset(
            {
                "settings", "installation", "identity", "redis_client", "keepa_client", "token_manager", "locks",
                "logs", "celery_commands", "store", "alerts", "whereabouts",
            }
        ),
    ),
    ("work", frozenset({"work", "collector", "simple_task", "backfiller", "looks", "doorbell", "pulse", "beat"})),
    ("front doors", frozenset({"bootstrap", "celery_app", "probes", "diagnostics", "processes", "web"})),
)  # fmt: skip
"""Each band imports from bands above its own, and within a band where that is a plain sentence."""

ALONE = frozenset({"simulator"})
"""Neither imports the service nor is imported by it: it speaks to it over HTTP only."""
SIMULATOR_MAY_IMPORT = frozenset({"units", "clock", "errors"})

OUTSIDE_LIBRARIES = frozenset({"redis", "requests", "sqlalchemy", "flask", "celery", "kombu", "os", "time", "socket"})
"""What words and pure thinking may not know of."""
MAY_READ_THE_MACHINES_TIME = frozenset({"clock"})


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rooms_of_the_corridor(deepest: int) -> list[Path]:
    """The files whose room stands on the map, down to band number `deepest`."""
    placed = set().union(*(rooms for _, rooms in BANDS[: deepest + 1]))
    return [path for path in modules() if room_of(path) in placed]


def imported_names(path: Path) -> set[str]:
    """Every module that a file imports, by full name; lazily or not."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def imported_rooms(path: Path) -> set[str]:
    own = {name.split(".")[1] for name in imported_names(path) if name.startswith("keepa_deals.")}
    return {room for room in own if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()}


def level_of(room: str) -> int:
    for level, (_, rooms) in enumerate(BANDS):
        if room in rooms:
            return level
    raise AssertionError(f"{room} is in no band: give it a place on the map in {Path(__file__).name}")


@pytest.mark.parametrize("path", rooms_of_the_corridor(4), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_its_own_band_and_those_above(path: Path) -> None:
    room = room_of(path)
    below = {other for other in imported_rooms(path) - {room} if other in ALONE or level_of(other) > level_of(room)}
    assert not below, f"{room} imports {sorted(below)}"


@pytest.mark.parametrize("path", rooms_of_the_corridor(1), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_pure_rooms_know_no_library_that_touches_the_world(path: Path) -> None:
    room = room_of(path)
    allowed = {"time"} if room in MAY_READ_THE_MACHINES_TIME else set()
    touched = {name.split(".")[0] for name in imported_names(path)} & OUTSIDE_LIBRARIES - allowed
    assert not touched, f"{room} imports {sorted(touched)}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "simulator").glob("*.py")), ids=lambda path: path.name)
def test_the_simulator_knows_nothing_of_the_service(path: Path) -> None:
    assert imported_rooms(path) <= SIMULATOR_MAY_IMPORT | ALONE


def test_every_room_on_the_map_exists() -> None:
    mapped = set().union(*(rooms for _, rooms in BANDS)) | ALONE
    existing = {room_of(path) for path in modules()} - {"__init__"}
    assert mapped == existing
