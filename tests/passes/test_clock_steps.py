"""The machine's clock is set by two hours, either way, while the passes are at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from keepa_deals.clock import ManualClock
from keepa_deals.records import Pass
from keepa_deals.store.door import Store
from keepa_deals.store.tables import candidates
from tests.keepa_builders import a_feed_record
from tests.passes.conftest import ScriptedKeepa

Knock = Callable[[Pass], dict[str, Any]]
TWO_HOURS = 7200.0


@pytest.mark.parametrize("step", [TWO_HOURS, -TWO_HOURS], ids=["ahead", "back"])
def test_a_clock_that_is_set_delays_no_pass_beyond_its_own_interval(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store, step: float
) -> None:
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"
    assert knock(Pass.BACKFILL)["stop"] != "not_due"
    clock.advance(seconds=step)
    keepa._at = clock.now()  # Keepa's own clock was not set
    keepa.pages.append([a_feed_record(at=clock.now())])
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"
    assert knock(Pass.BACKFILL)["stop"] != "not_due"
    with store.read() as connection:
        assert len(connection.execute(select(candidates)).all()) == 1
    assert knock(Pass.LIVE_UPDATE)["stop"] == "not_due"
    clock.advance(seconds=20 * 60)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"


def test_a_clock_that_is_corrected_by_half_a_minute_rings_nobody_early(clock: ManualClock, knock: Knock) -> None:
    knock(Pass.LIVE_UPDATE)
    clock.advance(seconds=-30)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "not_due"
