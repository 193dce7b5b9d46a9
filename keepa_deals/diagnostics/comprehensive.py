"""Everything at a glance: the verdict and why, what runs, what is held, and three counts that must agree."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy.exc import SQLAlchemyError

from keepa_deals.diagnostics.counts import (
    Counted,
    Dashboard,
    DashboardUnreachable,
    compare_counts,
    filters_to_compare,
)
from keepa_deals.diagnostics.frame import (
    FINDINGS,
    FINE,
    Report,
    at,
    finding_lines,
    number,
    options,
    plain,
    run,
)
from keepa_deals.health import Finding, HealthFacts, Level, Verdict, VerdictState, judge_health, verdict_line
from keepa_deals.health_catalogue import finding
from keepa_deals.probes import gather_facts
from keepa_deals.probes.words import in_words
from keepa_deals.processes.web_place import as_served
from keepa_deals.settings import Settings
from keepa_deals.store.engine import open_database
from keepa_deals.store.history import candidates_by_stage
from keepa_deals.whereabouts import clock_of

RANDOM_FILTERS = 12
LOOKING_SECONDS = 8.0
LIFE = {True: "alive", False: "ended", None: "on another machine"}


@dataclass(frozen=True, slots=True)
class Extras:
    """What the diagnostic looked at beyond the facts of health."""

    candidates: Mapping[str, int] | None = None
    counts: Sequence[Counted] = ()
    seed: int = 0
    findings: tuple[Finding, ...] = ()


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("The verdict and why; exit 0 when it is working or waiting, 1 with findings, 2 if it can't look.")
    parser.add_argument("--seed", type=int, default=None, help="draw the same random filters again")
    return run(parser, look, argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace) -> Report:
    facts = gather_facts(settings, seconds=LOOKING_SECONDS)
    verdict = judge_health(facts)
    seed = time.time_ns() % 1_000_000 if chosen.seed is None else chosen.seed
    extras = _look_further(settings, seed=seed, is_stopped=verdict.state is VerdictState.STOPPED)
    return report_on(facts, verdict, extras)


def report_on(facts: HealthFacts, verdict: Verdict, extras: Extras) -> Report:
    """Pure."""
    findings = (*extras.findings, *verdict.findings)
    lines = [verdict_line(verdict), "", f"findings ({len(findings)}):", *finding_lines(findings)]
    for title, section in _sections(facts, extras):
        lines += ["", f"{title}:", *(f"  {line}" for line in section)]
    has_error = any(found.level is Level.ERROR for found in findings)
    return Report(FINE if verdict.is_fine and not has_error else FINDINGS, lines, _plain(facts, verdict, extras))


def _look_further(settings: Settings, *, seed: int, is_stopped: bool) -> Extras:
    database = open_database(settings.database_address())
    try:
        with database.read.begin() as connection:
            stages = candidates_by_stage(connection)
            filters = filters_to_compare(
                connection, seed=seed, how_many=RANDOM_FILTERS, domain_id=settings.keepa_domain
            )
        if is_stopped:
            return Extras(stages, seed=seed)
        with requests.Session() as session:
            counts = compare_counts(
                filters,
                database=database,
                dashboard=Dashboard(session, as_served(settings)),
                clock=clock_of(settings),
            )
        return Extras(stages, counts, seed, tuple(map(_disagreement, filter(_differs, counts))))
    except DashboardUnreachable as error:
        return Extras(stages, seed=seed, findings=(finding("dashboard_unreachable", str(error)),))
    except SQLAlchemyError as error:
        # The verdict already holds its own finding on the database; here it only means that nothing was counted.
        return Extras(seed=seed, findings=(finding("not_counted", in_words(error, settings=settings)),))
    finally:
        database.dispose()


def _differs(counted: Counted) -> bool:
    return counted.differs


def _disagreement(counted: Counted) -> Finding:
    return finding(
        "counts_differ",
        f"{counted.filter}: the database holds {counted.database}, the API says {number(counted.api)}, "
        f"the page {number(counted.page)}",
    )


def _sections(facts: HealthFacts, extras: Extras) -> list[tuple[str, list[str]]]:
    return [
        ("processes", [f"{p.name:<16} pid {p.pid:<8} {LIFE[p.alive]}" for p in facts.processes or ()] or ["none"]),
        ("rows", _rows(facts, extras)),
        ("passes", _passes(facts)),
        ("tokens", [_tokens(facts)]),
        ("leases", _leases(facts)),
        (f"same count in database, API and page (--seed {extras.seed})", _counts(extras)),
    ]


def _rows(facts: HealthFacts, extras: Extras) -> list[str]:
    deals = facts.deals
    if deals is None:
        return ["unknown"]
    lines = [f"deals: {deals.live:,} live, {deals.unverified:,} unverified, {deals.gone:,} gone"]
    stages = ", ".join(f"{count:,} {stage}" for stage, count in (extras.candidates or {}).items())
    return [*lines, f"candidates: {stages or 'none'}"]


def _passes(facts: HealthFacts) -> list[str]:
    if facts.passes is None:
        return ["unknown"]
    return [
        f"{known.which:<12} last done {at(known.last_done_at)}, next {at(known.due_at)}, "
        + f"stopped: {known.stop or 'never'}"
        + ("" if known.waiting_until is None else f" until {at(known.waiting_until)}")
        + (" (running)" if known.is_running else "")
        for known in facts.passes
    ] or ["none has run"]


def _leases(facts: HealthFacts) -> list[str]:
    if facts.leases is None:
        return ["unknown"]
    return [f"{lease.name} held by {lease.holder}, {LIFE[lease.alive]}" for lease in facts.leases] or ["none is held"]


def _tokens(facts: HealthFacts) -> str:
    tokens = facts.tokens
    if tokens is None or not tokens.known:
        return "unknown"
    return (
        f"balance {number(tokens.balance)} of {number(tokens.capacity)}, available {number(tokens.available)}, "
        f"{number(tokens.per_minute)} a minute, last answer {at(tokens.answered_at)}"
    )


def _counts(extras: Extras) -> list[str]:
    if not extras.counts:
        return ["not compared"]
    return [
        f"{'DIFFERS' if c.differs else 'same' if c.steady else 'moving'}  {c.database:>6,}  {c.filter}"
        for c in extras.counts
    ]


def _plain(facts: HealthFacts, verdict: Verdict, extras: Extras) -> dict[str, Any]:
    return {
        "at": verdict.at,
        "verdict": verdict.state.value,
        "waiting_until": verdict.waiting_until,
        "line": verdict_line(verdict),
        "findings": [plain(found) for found in (*extras.findings, *verdict.findings)],
        "processes": _plain_parts(facts.processes),
        "rows": None if facts.deals is None else {**asdict(facts.deals), "candidates": extras.candidates},
        "passes": _plain_parts(facts.passes),
        "tokens": None if facts.tokens is None else {**asdict(facts.tokens), "capacity": facts.tokens.capacity},
        "leases": _plain_parts(facts.leases),
        "pulses": _plain_parts(facts.pulses),
        "beat": None if facts.beat is None else asdict(facts.beat),
        "watchdog": None if facts.watchdog is None else asdict(facts.watchdog),
        "counts": [{**asdict(counted), "differs": counted.differs} for counted in extras.counts],
        "seed": extras.seed,
        "not_looked_at": dict(facts.failures),
    }


def _plain_parts(parts: Sequence[Any] | None) -> list[dict[str, Any]] | None:
    return None if parts is None else [asdict(part) for part in parts]
