"""The same whole installations as in tests/processes."""

from tests.processes.conftest import make_checkout, sleeper

__all__ = ["make_checkout", "sleeper"]
