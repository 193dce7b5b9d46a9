"""The world's logs: whatever way the rows came in, they are read back by key and in the order of their minutes."""

from __future__ import annotations

import numpy as np
import pytest

from keepa_deals.simulator import logs
from keepa_deals.simulator.logs import Log

KEYS = 40


@pytest.fixture
def rows() -> np.ndarray:
    """Columns: key, minute, value; minutes never fall."""
    dice = np.random.default_rng(5)
    return np.stack([dice.integers(0, KEYS, 900), np.sort(dice.integers(0, 5000, 900)), np.arange(900)]).astype(
        np.int32
    )


def filled(rows: np.ndarray, *, compact_at: int) -> Log:
    log = Log(KEYS, ("value",))
    for first in range(0, rows.shape[1], 30):
        if first == compact_at:
            log.compact()
        key, t, value = rows[:, first : first + 30]
        log.append(key, t, value=value)
    log.settle()
    return log


@pytest.mark.parametrize("run_rows", [100, 500_000])
@pytest.mark.parametrize("compact_at", [0, 600, 870])
def test_every_row_is_read_back_in_order(
    rows: np.ndarray, monkeypatch: pytest.MonkeyPatch, run_rows: int, compact_at: int
) -> None:
    monkeypatch.setattr(logs, "RUN_ROWS", run_rows)
    log = filled(rows, compact_at=compact_at)
    for key in range(KEYS):
        assert log.rows(key)["value"].tolist() == rows[2, rows[0] == key].tolist()
    place, found = log.picked(np.array([7, 3]))
    assert found["value"][place == 1].tolist() == log.rows(3)["value"].tolist()
    log.compact()
    assert log.rows(3)["value"].tolist() == rows[2, rows[0] == 3].tolist()


@pytest.mark.parametrize("now", [-1, 40, 2500, 9000])
@pytest.mark.parametrize("compact_at", [0, 600, 870])
def test_the_newest_value_is_the_last_one_by_then(rows: np.ndarray, compact_at: int, now: int) -> None:
    log = filled(rows, compact_at=compact_at)
    newest = log.newest(2, 9, column="value", now=now, nothing=-1)
    for key, value in enumerate(newest.tolist(), start=2):
        known = rows[2, (rows[0] == key) & (rows[1] <= now)]
        assert value == (known[-1] if len(known) else -1)
