"""Once a minute the watchdog asks for the verdict, keeps it, and has it told outside; healing never waits for that.

Everything here runs in threads of its own, one at a time of each kind. One that hangs is left alone and said so.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from keepa_deals.installation import write_atomically
from keepa_deals.processes.paths import alerts_file, witness_file
from keepa_deals.settings import Settings

if TYPE_CHECKING:
    from keepa_deals.alerts.teller import Teller
    from keepa_deals.health import Verdict

ASK_EVERY_SECONDS = 60.0
HANGS_AFTER_SECONDS = 90.0
"""Longer than a look at everything and the longest wait for the database's lock together."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Errand:
    """Something done in a thread, one at a time. A failure is one log line."""

    name: str
    work: Callable[[], None]
    monotonic: Callable[[], float] = time.monotonic
    _thread: threading.Thread | None = None
    _began: float = 0.0
    _complained: bool = False

    def start(self) -> bool:
        """Begin, unless the last one is still under way. Returns whether it began."""
        if self._thread is not None and self._thread.is_alive():
            if not self._complained and self.monotonic() - self._began > HANGS_AFTER_SECONDS:
                self._complained = True
                log.error("%s has not come to an end for %.0f s", self.name, self.monotonic() - self._began)
            return False
        self._began, self._complained = self.monotonic(), False
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._thread = None
            log.error("%s could not begin (%s)", self.name, error)
            return False
        return True

    def _run(self) -> None:
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 - the thread's edge: nothing here may disturb the healing
            log.error("%s failed (%s)", self.name, type(error).__name__)


@dataclass(slots=True)
class Witness:
    """Keeps the history of verdicts. `ask` gives the verdict of the moment; None stands for the real one."""

    settings: Settings
    ask: Callable[[], Verdict] | None = None
    monotonic: Callable[[], float] = time.monotonic
    asked_at: float | None = None
    last: Verdict | None = None
    teller: Teller | None = None
    looking: Errand = field(init=False)
    telling: Errand = field(init=False)

    def __post_init__(self) -> None:
        self.looking = Errand("keeping the verdict", self.look, self.monotonic)
        self.telling = Errand("telling the verdict", self.tell, self.monotonic)

    def turn(self) -> None:
        """One round of the watchdog: begin what is due. Returns at once."""
        now = self.monotonic()
        if (self.asked_at is None or now - self.asked_at >= ASK_EVERY_SECONDS) and self.looking.start():
            self.asked_at = now
        if self.teller is not None and self.teller.has_something_to_tell():
            self.telling.start()

    def look(self) -> None:
        """Ask, keep, log a change, and have it told."""
        verdict = self._verdict()
        _log_change(self.last, verdict)
        self.last = verdict
        if self.teller is None:
            self.teller = self._make_teller()
        self.teller.hear(verdict)
        self._keep(verdict)

    def tell(self) -> None:
        if self.teller is not None:
            self.teller.tell()

    def _verdict(self) -> Verdict:
        if self.ask is not None:
            return self.ask()
        from keepa_deals.probes import current_verdict  # noqa: PLC0415 - a watchdog heals without what this needs

        return current_verdict(self.settings)

    def _make_teller(self) -> Teller:
        from keepa_deals.alerts.teller import Teller  # noqa: PLC0415 - see _verdict

        return Teller(self.settings, alerts_file(self.settings), self.monotonic)

    def _keep(self, verdict: Verdict) -> None:
        from keepa_deals.alerts.news import plain_finding  # noqa: PLC0415 - see _verdict
        from keepa_deals.probes.words import in_words  # noqa: PLC0415
        from keepa_deals.store.engine import open_database  # noqa: PLC0415
        from keepa_deals.store.pulses import record_verdict  # noqa: PLC0415

        database = open_database(self.settings.database_address())
        began = time.monotonic()
        try:
            with database.write.begin() as connection:
                waited = time.monotonic() - began
                record_verdict(
                    connection,
                    verdict.state.value,
                    waiting_until=verdict.waiting_until,
                    findings=[plain_finding(found) for found in verdict.findings],
                    now=verdict.at,
                )
        except Exception as error:  # noqa: BLE001 - the edge: a database that can't be written is a log line
            log.warning("the verdict could not be kept: %s", in_words(error, settings=self.settings))
            return
        finally:
            database.dispose()
        fields = {"kept_at": datetime.now(UTC).isoformat(), "write_waited_seconds": round(waited, 3)}
        with suppress(OSError):
            write_atomically(witness_file(self.settings), json.dumps(fields) + "\n")


def _log_change(last: Verdict | None, verdict: Verdict) -> None:
    from keepa_deals.alerts.news import is_only_starting  # noqa: PLC0415 - see Witness._verdict
    from keepa_deals.health import SEVERITY, verdict_line  # noqa: PLC0415

    if last is not None and last.state is verdict.state and is_only_starting(last) == is_only_starting(verdict):
        return
    before = 0 if last is None or is_only_starting(last) else SEVERITY[last.state]
    is_worse = SEVERITY[verdict.state] > before and not is_only_starting(verdict)
    was = "" if last is None else f" (was {last.state})"
    log.log(logging.WARNING if is_worse else logging.INFO, "verdict%s %s", was, verdict_line(verdict))
