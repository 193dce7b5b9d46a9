"""What a monitoring system scrapes, in Prometheus' text form.

The service's own numbers are read from facts and tables at the scrape, so that every worker gives the same answer. The
web's requests are counted by each worker in files of its own, which are added up at the scrape.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import Counter as Tally
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from keepa_deals.health import HealthFacts, Verdict, VerdictState, judge_health
from keepa_deals.processes.paths import metrics_dir
from keepa_deals.settings import Settings
from keepa_deals.store import history
from keepa_deals.web.desk import desk

EXTENSION = "keepa_deals_metrics"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
FILE_BYTES = 256 * 1024
"""Room for every series there can be: endpoints, methods and statuses are few."""
SETTLED_AFTER = timedelta(hours=1)
"""A call's row changes no more after this."""

blueprint = Blueprint("metrics", __name__)
log = logging.getLogger(__name__)


class Requests:
    """Counts requests and times them. It never costs anybody an answer."""

    def __init__(self, settings: Settings) -> None:
        self._folder = metrics_dir(settings) if getattr(values.ValueClass, "_multiprocess", False) else None
        self._registry = CollectorRegistry()
        self._counts = Counter(
            "keepa_deals_http_requests", "Requests answered by the web.", ("endpoint", "method", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "keepa_deals_http_request_duration_seconds", "How long the web took to answer.", ("endpoint",),
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10), registry=self._registry,
        )  # fmt: skip
        self._counting = self._folder is None or _make_room(self._folder)

    def note(self, response: AnyResponse) -> AnyResponse:
        """For Flask's `after_request`."""
        began = g.pop("began", None)
        if self._counting:
            try:
                endpoint = request.endpoint or "none"
                method = request.method if request.method in METHODS else "other"
                self._counts.labels(endpoint, method, str(response.status_code)).inc()
                if began is not None:
                    self._seconds.labels(endpoint).observe(time.monotonic() - began)
            except (OSError, ValueError) as error:
                self._counting = False
                log.warning("requests are no longer counted (%s)", type(error).__name__)
        return response

    def text(self) -> bytes:
        """The counts of all workers; nothing where their files can't be read."""
        if self._folder is None:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        try:
            MultiProcessCollector(together, path=str(self._folder))  # type: ignore[no-untyped-call]
            return generate_latest(together)
        except (OSError, ValueError) as error:
            log.warning("the counts of requests can't be read (%s)", type(error).__name__)
            return b""


class MonthTotals:
    """What the calls of the running month (UTC) were and cost. It only grows, and begins anew each month.

    Rows are forgotten after a while, so a sum over all of them would shrink. What can't change any more is added up
    once and remembered.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: Tally[tuple[str, str]] = Tally()
        self._until: datetime | None = None

    def read(self, connection: Connection, *, now: datetime) -> Mapping[tuple[str, str], int]:
        """Tokens billed as ("billed", purpose) and calls as ("calls", outcome)."""
        month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        with self._lock:
            if self._until is None or not month <= self._until <= now:
                self._added, self._until = Tally(), month
            settled = max(self._until, now - SETTLED_AFTER)
            self._added += history.call_totals(connection, since=self._until, until=settled)
            self._until = settled
            return self._added + history.call_totals(connection, since=settled, until=None)


@dataclass(frozen=True, slots=True)
class Meters:
    """What one worker remembers between scrapes."""

    requests: Requests
    totals: MonthTotals


class Service(Collector):
    """The service's numbers as metrics; what is not known is left out."""

    def __init__(self, verdict: Verdict, facts: HealthFacts | None, totals: Mapping[tuple[str, str], int]) -> None:
        self._verdict, self._facts, self._totals = verdict, facts, totals

    def collect(self) -> Iterator[Metric]:
        yield _labelled(
            "verdict", "1 for the verdict that holds, 0 for the others.", "state",
            {state.value: state is self._verdict.state for state in VerdictState},
        )  # fmt: skip
        yield from self._counters()
        if self._facts is not None:
            for read in (_deals, _tokens, _passes, _chain, _machine):
                yield from read(self._facts)

    def _counters(self) -> Iterator[Metric]:
        for what, name, help_text, label in (
            ("billed", "billed_tokens", "Tokens billed by Keepa since the first of the month.", "purpose"),
            ("calls", "keepa_calls", "Calls to Keepa since the first of the month.", "outcome"),
        ):
            family = CounterMetricFamily(f"keepa_deals_{name}", help_text, labels=[label])
            for (kind, value), total in sorted(self._totals.items()):
                if kind == what:
                    family.add_metric([value], total)
            yield family


@blueprint.get("/metrics")
def metrics() -> Response:
    here = desk()
    facts = here.facts()
    verdict = here.verdict() if facts is None else judge_health(facts)
    registry = CollectorRegistry()
    registry.register(Service(verdict, facts, _totals()))
    return Response(generate_latest(registry) + _meters().requests.text(), content_type=TEXT)


def register(app: Flask, settings: Settings) -> None:
    """Make `app` time and count what it answers, and tell it at /metrics. First of all that comes before a request."""
    meters = app.extensions[EXTENSION] = Meters(Requests(settings), MonthTotals())

    @app.before_request
    def begin() -> None:
        g.began = time.monotonic()

    app.after_request(meters.requests.note)
    app.register_blueprint(blueprint)


def _meters() -> Meters:
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Meters)
    return found


def _totals() -> Mapping[tuple[str, str], int]:
    here = desk()
    try:
        with here.reading() as connection:
            return _meters().totals.read(connection, now=here.now())
    except SQLAlchemyError:
        return {}


def _make_room(folder: Path) -> bool:
    """Allocate this worker's files: a hole in a file that a full disk can't fill would end the process."""
    try:
        for kind in ("counter", "histogram"):
            file = os.open(folder / f"{kind}_{os.getpid()}.db", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(file, 0, FILE_BYTES)
            finally:
                os.close(file)
    except OSError as error:
        log.warning("requests are not counted, for %s can't be written (%s)", folder.name, error.strerror)
        return False
    return True


def _deals(facts: HealthFacts) -> Iterator[Metric]:
    deals = facts.deals
    if deals is None:
        return
    held = {"live": deals.live, "unverified": deals.unverified, "gone": deals.gone}
    yield _labelled("deals", "Deals by state.", "state", held)
    if deals.inside_percent is not None:
        kept = deals.inside_percent / 100
        yield _one("promise_kept_ratio", "Share of the deals not gone that are inside their promise.", kept)


def _tokens(facts: HealthFacts) -> Iterator[Metric]:
    tokens = facts.tokens
    if tokens is None or not tokens.known:
        return
    yield _one("balance_tokens", "The balance at Keepa.", tokens.balance)
    yield _one("available_tokens", "The balance less every open reservation.", tokens.available)
    yield _one("refill_tokens_per_minute", "The refill rate of the plan.", tokens.per_minute)
    yield _one("foreign_tokens_per_hour", "Tokens that others spend on the key.", tokens.foreign_per_hour)


def _passes(facts: HealthFacts) -> Iterator[Metric]:
    for name, help_text, attribute in (
        ("pass_last_done_timestamp_seconds", "When a run of the pass last came to its own end.", "last_done_at"),
        ("pass_last_worked_timestamp_seconds", "When the pass last saved something.", "last_worked_at"),
        ("pass_due_timestamp_seconds", "When the pass is due.", "due_at"),
    ):
        instants = {known.which.value: getattr(known, attribute) for known in facts.passes or ()}
        told = {which: instant.timestamp() for which, instant in instants.items() if instant is not None}
        yield _labelled(name, help_text, "pass", told)


def _chain(facts: HealthFacts) -> Iterator[Metric]:
    ages = {pulse.queue: (facts.real_now - pulse.received_at).total_seconds() for pulse in facts.pulses or ()}
    yield _labelled("pulse_age_seconds", "Since when the last pulse of the queue has arrived.", "queue", ages)
    if facts.redis is not None:
        yield _labelled("queue_messages", "Messages that wait.", "queue", facts.redis.queue_lengths)
        oldest = facts.redis.oldest_seconds
        yield _labelled("queue_oldest_message_age_seconds", "Age of the oldest message.", "queue", oldest)
    if facts.watchdog is not None:
        restarts = facts.watchdog.restarts_15m
        yield _labelled("program_restarts", "Restarts within the last 15 minutes.", "program", restarts)


def _machine(facts: HealthFacts) -> Iterator[Metric]:
    if facts.database is not None:
        yield _one("database_latency_seconds", "How long a read took.", facts.database.latency_seconds)
        yield _one("database_wal_bytes", "Size of the write-ahead log.", facts.database.wal_bytes)
    waited = None if facts.watchdog is None else facts.watchdog.write_waited_seconds
    yield _one("database_write_wait_seconds", "How long the last kept verdict waited for the lock.", waited)
    if facts.disk is not None:
        yield _one("disk_free_bytes", "Free room where VAR_DIR is.", facts.disk.free_bytes)


def _one(name: str, help_text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(f"keepa_deals_{name}", help_text)
    if value is not None:
        family.add_metric([], value)
    return family


def _labelled(name: str, help_text: str, label: str, told: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"keepa_deals_{name}", help_text, labels=[label])
    for value, number in sorted(told.items()):
        family.add_metric([value], number)
    return family
