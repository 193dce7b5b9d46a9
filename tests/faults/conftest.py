"""One installation a file, one trial a fault, and the table that they fill."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from tests.faults import reliability
from tests.faults.installation import POLL_SECONDS, START_SECONDS, Holdings, Installation, Verdict, poll

WHOLE_SECONDS = 240.0
NOTICED_SECONDS = 90.0
"""Three times the thirty seconds in which a watcher of the database or the disk looks again."""
LOOK_AGAIN_SECONDS = 8.0
"""A web worker may repeat its verdict for two seconds, and looking takes up to three."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-reliability", action="store_true", help="write the measured table into docs/reliability.md"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--write-reliability", default=False) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(reliability.Writer(), "reliability writer")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that works. Everything of it is ended after the last test of the file."""
    made = Installation.prepare(tmp_path_factory.mktemp("installation"))
    try:
        made.start()
        poll(lambda: made.verdict().is_fine, within=START_SECONDS, what=lambda: f"fine, but {made.verdict()}")
        yield made
    finally:
        made.end()


@dataclass
class Trial:
    """One fault: when it began, when the verdict said so, when it ended, when all was well again."""

    installation: Installation
    report: Callable[[str, object], None]
    before: Holdings
    began: float = 0.0
    ended: float = 0.0
    ended_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def begin(self) -> None:
        """The fault is put in now."""
        self.before = self.installation.holdings()
        self.began = time.monotonic()

    def noticed(self, *findings: str, within: float, or_else: Callable[[], object] = lambda: False) -> Verdict:
        """Wait until the verdict names one of `findings`, or has no answer where that is one of them.

        `or_else`: what also counts, such as a heal so quick that nobody could have asked in time.
        """
        last: list[Verdict] = []

        def is_named() -> bool:
            last[:] = [self.installation.verdict()]
            return bool(set(findings) & {*last[0].findings, last[0].state}) or bool(or_else())

        poll(is_named, within=within, what=lambda: f"one of {findings} noticed, but {last[0]}")
        self.report("detected", time.monotonic() - self.began)
        return last[0]

    def stays_noticed(self, *, seconds: float) -> None:
        """For so long from now nobody says that all is well, once both web workers had time to look again."""
        told = time.monotonic()
        poll(lambda: time.monotonic() > told + LOOK_AGAIN_SECONDS, within=60, what="both web workers to look again")
        while time.monotonic() < told + seconds:
            verdict = self.installation.verdict()
            assert not verdict.is_fine, verdict
            time.sleep(POLL_SECONDS)

    def over(self) -> None:
        """The fault has ended; from here on it must mend by itself."""
        self.ended_at = datetime.now(UTC)
        self.ended = time.monotonic()

    def recovered(self, *, within: float = WHOLE_SECONDS) -> None:
        """Wait until everything works again, then hold what is saved against what was, and against the simulator."""
        installation = self.installation
        poll(
            lambda: installation.is_whole(since=self.ended_at),
            within=within,
            what=lambda: f"whole again, but {installation.verdict()}\n{installation.log_tails()}",
        )
        self.report("recovered", time.monotonic() - self.ended)
        self.nothing_lost()

    def nothing_lost(self) -> None:
        account = self.installation.account(self.before)
        self.report("lost", len(account.lost))
        self.report("doubled", len(account.doubled))
        assert account.lost == ()
        assert account.doubled == ()


@pytest.fixture
def trial(installation: Installation, record_property: Callable[[str, object], None]) -> Trial:
    """A trial on the file's installation, in which all is well."""
    poll(
        lambda: installation.is_whole(since=datetime.min.replace(tzinfo=UTC)),
        within=WHOLE_SECONDS,
        what=lambda: f"whole before the trial, but {installation.verdict()}\n{installation.log_tails()}",
    )
    made = Trial(installation, record_property, before=installation.holdings())
    made.begin()
    return made
