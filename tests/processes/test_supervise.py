"""supervisord on a disk that takes nothing more."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepa_deals.processes.supervise import Droppable


def test_what_a_full_disk_does_not_take_is_dropped_without_a_failure() -> None:
    with Path("/dev/full").open("w", buffering=1) as full:
        with pytest.raises(OSError, match="No space"):
            full.write("lost\n")
        stream = Droppable(full)
        assert stream.write("dropped\n") == 8
        stream.flush()
        assert stream.fileno() == full.fileno()
        with pytest.raises(OSError, match="No space"):
            full.close()
