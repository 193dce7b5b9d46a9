"""A Keepa that is away, slow, broken, or on another plan."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

from keepa_deals.probes.broker import ledger_status
from tests.faults.conftest import Trial
from tests.faults.installation import TOKENS_PER_MINUTE, Installation, poll

pytestmark = [pytest.mark.slow, pytest.mark.processes, pytest.mark.timeout(900)]

BLIND_SECONDS = 180.0
"""Three intervals of the live update."""
PAID = ("/deal", "/product")


def on_paid_paths(kind: str, **fields: Any) -> list[dict[str, Any]]:
    """A fault of what costs tokens; the free question stays answered, so that the simulator counts as alive."""
    return [{"kind": kind, "path": path, **fields} for path in PAID]


def assert_fine(installation: Installation) -> None:
    """Soon at the latest: a single look may come too late on a busy machine."""
    poll(lambda: installation.verdict().is_fine, within=60, what=lambda: f"fine, but {installation.verdict()}")


def test_a_keepa_that_is_away_for_20_seconds(trial: Trial) -> None:
    installation = trial.installation
    installation.hurry()
    trial.begin()
    installation.control(faults=[{"kind": "reset"}])
    trial.noticed("keepa_errors", "keepa_unusable", within=BLIND_SECONDS)
    poll(lambda: time.monotonic() > trial.began + 20, within=20, what="20 seconds")
    installation.control()
    trial.over()
    trial.recovered()
    poll(installation.live_update_done_since(trial.ended_at), within=BLIND_SECONDS, what="a live update")


def test_a_keepa_that_takes_30_seconds_for_each_answer_is_waited_for(trial: Trial) -> None:
    installation = trial.installation
    installation.control(faults=on_paid_paths("slow", seconds=30))
    installation.hurry()
    took = "(julianday(settled_at) - julianday(started_at)) * 86400"
    slow = f"select 1 from calls where outcome = 'answered' and {took} > 30"
    poll(lambda: installation.rows(slow), within=BLIND_SECONDS, what="an answer after 30 s")
    assert_fine(trial.installation)
    installation.control()
    trial.over()
    trial.recovered()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (on_paid_paths("garbage_json"), "keepa_unusable"),
        (on_paid_paths("status", status=500), "keepa_unusable"),
        ([{"kind": "key_invalid"}], "keepa_key_rejected"),
    ],
    ids=["garbage", "status 500", "wrong key"],
)
def test_a_keepa_without_a_usable_answer_makes_us_blind_until_it_answers(
    trial: Trial, fault: list[dict[str, Any]], named: str
) -> None:
    installation = trial.installation
    installation.hurry()
    trial.begin()
    installation.control(faults=fault)
    assert not trial.noticed(named, within=BLIND_SECONDS, or_else=installation.hurry).is_fine
    installation.control()
    trial.over()
    trial.recovered()


def test_a_plan_that_changes_while_it_runs_is_learned_from_the_next_answer(trial: Trial) -> None:
    installation = trial.installation
    refused = len([request for request in installation.requests() if request.status == 429])

    def plans_for(rate: int) -> bool:
        return ledger_status(installation.checkout.settings).refill_rate == rate

    for rate in (5, 25, 5, TOKENS_PER_MINUTE):
        installation.control(rate=rate)
        installation.hurry()
        poll(partial(plans_for, rate), within=BLIND_SECONDS, what=f"a plan of {rate} a minute")
        if rate == 5:
            assert_fine(installation)
    trial.over()
    trial.recovered()
    assert len([request for request in installation.requests() if request.status == 429]) - refused <= 3
