"""The truth for benchmarks to score against, and the log of every request. No path of the service serves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from keepa_deals.simulator.world import World


class RequestLog:
    """One JSON line for each request, written before the answer leaves."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("a", encoding="utf-8")

    def write(self, line: dict[str, Any]) -> None:
        """Append one request."""
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()


def write_sales(world: World, *, folder: Path, until: int) -> None:
    """Write every unit sold so far to `sales.npz`: minute, product, grade (1 new, 2–5 used), item price and
    shipping in cents, seller (−1 Amazon), cause (0 customer, 1 reseller), lowest landed price on that side,
    copies left in the offer (30,000 is endless), and the ASIN of each product."""
    sales = world.sales_between(0, until)
    every = np.array([world.asin(number) for number in range(world.size)])
    making = folder / "sales.making.npz"
    columns: dict[str, Any] = {"asins": every, "until": np.array(until), **sales}
    np.savez(making, **columns)
    making.replace(folder / "sales.npz")
