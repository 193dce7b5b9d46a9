"""Tells the outside: a ping after each good verdict, a message for each piece of news, tried again a few times.

What was told and what waits is kept in a file, so that a restart neither repeats nor forgets.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keepa_deals.alerts import delivery, news
from keepa_deals.health import Verdict, VerdictState
from keepa_deals.installation import write_atomically
from keepa_deals.settings import Settings

if TYPE_CHECKING:
    import requests

PING, WEBHOOK = "dead-man ping", "webhook"
RETRY_SECONDS = (10.0, 30.0, 120.0, 300.0, 900.0)
"""After the last of these a message is given up."""
MOST_WAITING = 20

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Way:
    """How one way out stands: consecutive failures, since when, and the last reason."""

    failures: int = 0
    since: str | None = None
    error: str | None = None

    def note(self, failure: str | None, *, now: datetime) -> None:
        if failure is None:
            self.failures, self.since, self.error = 0, None, None
            return
        self.failures += 1
        self.since = self.since or now.isoformat()
        self.error = failure


@dataclass(slots=True)
class Waiting:
    """A message on its way."""

    message: dict[str, Any]
    attempts: int = 0
    next_at: float = 0.0


@dataclass(slots=True)
class Teller:
    """`hear` is quick and may be called from anywhere; `tell` talks to the network and may take its time."""

    settings: Settings
    file: Path
    monotonic: Callable[[], float]
    session: requests.Session | None = None
    listener: news.Listener = field(default_factory=news.Listener)
    ways: dict[str, Way] = field(default_factory=lambda: {PING: Way(), WEBHOOK: Way()})
    waiting: list[Waiting] = field(default_factory=list)
    ping_is_due: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            known = json.loads(self.file.read_text(encoding="utf-8"))
            self.listener.told = VerdictState(known["told"])
            self.waiting = [Waiting(dict(one["message"]), int(one["attempts"])) for one in known["waiting"]]
            self.ways.update({name: Way(**way) for name, way in known["ways"].items() if name in self.ways})

    @property
    def is_needed(self) -> bool:
        """Whether there is anybody to tell."""
        return self.settings.deadman_url is not None or self.settings.webhook_url is not None

    def hear(self, verdict: Verdict) -> None:
        if not self.is_needed:
            return
        with self._lock:
            self.ping_is_due = verdict.is_fine and self.settings.deadman_url is not None
            previous = self.listener.hear(verdict, at=self.monotonic())
            if previous is not None and self.settings.webhook_url is not None:
                self.waiting.append(Waiting(news.message(verdict, previous=previous)))
                del self.waiting[:-MOST_WAITING]
            self._keep()

    def has_something_to_tell(self) -> bool:
        with self._lock:
            return self.ping_is_due or bool(self.waiting and self.waiting[0].next_at <= self.monotonic())

    def tell(self) -> None:
        """One ping if due, and the oldest message if its time has come."""
        if self.session is None:
            import requests  # noqa: PLC0415 - only who has configured an address pays its memory

            self.session = requests.Session()
        if self.ping_is_due and self.settings.deadman_url is not None:
            self.ping_is_due = False
            self._note(PING, delivery.ping(self.settings.deadman_url.reveal(), session=self.session))
        if self.waiting and self.waiting[0].next_at <= self.monotonic():
            self._deliver(self.waiting[0], self.session)

    def _deliver(self, first: Waiting, session: requests.Session) -> None:
        url, secret = self.settings.webhook_url, self.settings.webhook_secret
        if url is None or secret is None:
            self.waiting.clear()
            return
        now = datetime.now(UTC)
        failure = delivery.post(url.reveal(), first.message, secret=secret.reveal(), session=session, now=now)
        with self._lock:
            if failure is None or first.attempts >= len(RETRY_SECONDS):
                self.waiting.remove(first)
            else:
                first.next_at = self.monotonic() + RETRY_SECONDS[first.attempts]
                first.attempts += 1
        self._note(WEBHOOK, failure)

    def _note(self, name: str, failure: str | None) -> None:
        with self._lock:
            way = self.ways[name]
            if failure is not None and failure != way.error:
                log.warning("alerts: the %s failed: %s", name, failure)
            elif failure is None and way.failures:
                log.info("alerts: the %s works again", name)
            way.note(failure, now=datetime.now(UTC))
            self._keep()

    def _keep(self) -> None:
        known = {
            "told": self.listener.told.value,
            "waiting": [{"message": one.message, "attempts": one.attempts} for one in self.waiting],
            "ways": {name: asdict(way) for name, way in self.ways.items()},
        }
        try:
            write_atomically(self.file, json.dumps(known) + "\n")
        except OSError as error:
            log.error("alerts: what was told could not be kept (%s)", error.strerror)
