"""What can go wrong when a simulator is set up."""

from __future__ import annotations

from keepa_deals.errors import KeepaDealsError


class SimulatorMisconfigured(KeepaDealsError):
    """A switch or a file given to the simulator cannot be used as it is; the message says which and why."""
