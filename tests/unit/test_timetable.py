"""The one table of queues, limits and intervals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from keepa_deals import timetable
from keepa_deals.records import Pass


def test_every_pass_has_one_bell_on_a_queue_that_is_served() -> None:
    assert sorted(bell.which for bell in timetable.DOORBELLS) == sorted(Pass)
    assert {bell.queue for bell in timetable.DOORBELLS} == set(timetable.QUEUES) == set(timetable.PASSES)


def test_a_run_is_asked_to_end_before_it_is_ended_and_hangs_only_after_that() -> None:
    for bell in timetable.DOORBELLS:
        assert bell.soft_limit < bell.hard_limit < timetable.RUN_LIMIT[bell.which]


@pytest.mark.parametrize(
    ("which", "rate", "every"),
    [
        (Pass.BACKFILL, 5, timedelta(minutes=30)),
        (Pass.LOOKS, 1200, timedelta(seconds=60)),
        (Pass.LIVE_UPDATE, 5, timedelta(minutes=20)),
    ],
)
def test_only_the_live_update_follows_the_plan(which: Pass, rate: int, every: timedelta) -> None:
    assert timetable.interval(which, rate=rate) == every
    faster = timetable.interval(which, rate=50)
    assert (faster < timetable.interval(which, rate=5)) is (which is Pass.LIVE_UPDATE)


def test_passes_on_one_worker_are_neighbours() -> None:
    assert timetable.neighbours(Pass.LOOKS) == (Pass.BACKFILL,)
    assert timetable.neighbours(Pass.LIVE_UPDATE) == ()
