"""One small world for all tests, lived once, and a simulator that serves it over real HTTP on a clock that waits."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from keepa_deals.clock import ManualClock
from keepa_deals.simulator.building import build_in_memory
from keepa_deals.simulator.constants import WORLD_A, WorldConstants
from keepa_deals.simulator.faults import Control, ControlFile
from keepa_deals.simulator.meter import full_meter
from keepa_deals.simulator.server import Desk, create_simulator
from keepa_deals.simulator.truth import RequestLog
from keepa_deals.simulator.web_server import listen
from keepa_deals.simulator.world import World
from keepa_deals.units import epoch_ms, to_keepa_minutes

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = to_keepa_minutes(NOW)
SHORT = replace(WORLD_A, history_days=430, fine_days=96)
"""World A with a shorter past: quicker to live, the same in everything else."""


@dataclass(frozen=True)
class Serving:
    """A running simulator and the things a test moves or reads."""

    url: str
    desk: Desk
    clock: ManualClock
    control: Path
    requests_log: Path

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(f"{self.url}/{path}", params={"key": "good", **params}, timeout=20)

    def balance(self) -> int:
        return int(self.get("token").json()["tokensLeft"])

    def faults(self, *faults: dict[str, Any], **rest: Any) -> None:
        self.control.write_text(json.dumps({"faults": list(faults), **rest}), encoding="utf-8")


@pytest.fixture(scope="session")
def short_world() -> WorldConstants:
    return SHORT


@pytest.fixture(scope="session")
def lived() -> World:
    return build_in_memory(seed=3, size=300, now=MINUTE, world=SHORT)


@pytest.fixture
def world(lived: World) -> World:
    """A copy that a test may look at and let live on."""
    return copy.deepcopy(lived)


@pytest.fixture
def serve(world: World, tmp_path: Path) -> Iterator[Callable[..., Serving]]:
    servers = []

    def start(*, rate: int = 20) -> Serving:
        clock = ManualClock(NOW)
        control, log = tmp_path / "control.json", tmp_path / "requests.jsonl"
        desk = Desk(
            world=world,
            clock=clock,
            key="good",
            expired_key="expired",
            control=ControlFile(control, first=Control()),
            meter=full_meter(rate=rate, phase_ms=17_000, now_ms=epoch_ms(NOW)),
            log=RequestLog(log),
        )
        server = listen(create_simulator(desk), host="127.0.0.1", port=0)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        servers.append((server, desk, thread))
        url = f"http://127.0.0.1:{server.server_address[1]}"
        return Serving(url=url, desk=desk, clock=clock, control=control, requests_log=log)

    yield start
    for server, desk, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join(5)
        desk.log.close()


@pytest.fixture
def serving(serve: Callable[..., Serving]) -> Serving:
    return serve()


def a_book(world: World, *, at_least_offers: int = 1) -> str:
    """The ASIN of a usable book with offers on record."""
    for number in range(world.size):
        article = world.article(number)
        visible = [life for life in world.offers_of(number) if life.price_at(MINUTE) is not None]
        if article.is_book and not article.invalid and not article.bare_history and len(visible) >= at_least_offers:
            return article.asin
    raise AssertionError("the world has no such book")


@pytest.fixture
def find_book() -> Callable[..., str]:
    return a_book


@pytest.fixture
def now_minute() -> int:
    return MINUTE
