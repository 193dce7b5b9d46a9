"""The same whole installations as in tests/processes."""

from tests.processes.conftest import make_checkout, no_sockets_left, sleeper

__all__ = ["make_checkout", "no_sockets_left", "sleeper"]
