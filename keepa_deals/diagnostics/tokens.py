"""The token ledger against Keepa's own figure (the call is free), and who spent what in the last 24 hours."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests

from keepa_deals.diagnostics.frame import FINDINGS, FINE, Report, at, options, run
from keepa_deals.keepa_client import KeepaClient
from keepa_deals.probes.broker import ledger_status
from keepa_deals.probes.words import demand_keepa_address
from keepa_deals.records import TokenStatus
from keepa_deals.settings import Settings
from keepa_deals.store.engine import open_database
from keepa_deals.store.history import Spending, spending
from keepa_deals.token_manager import LedgerStatus
from keepa_deals.whereabouts import clock_of


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("Compare the token ledger with Keepa's own figure, and show who spent what.")
    parser.add_argument("--hours", type=float, default=24, help="how far back the spending goes (24)")
    return run(parser, look, argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace) -> Report:
    clock = clock_of(settings)
    keepa = _ask_keepa(settings)
    ledger = ledger_status(settings, clock=clock)
    database = open_database(settings.database_address())
    try:
        with database.read.begin() as connection:
            spent = spending(connection, since=clock.now() - timedelta(hours=chosen.hours))
    finally:
        database.dispose()
    return report_on(ledger, keepa, spent, hours=chosen.hours)


def report_on(ledger: LedgerStatus, keepa: TokenStatus, spent: Sequence[Spending], *, hours: float) -> Report:
    """Pure. A drift that open calls and a tick of the refill can't explain is a finding."""
    drift = keepa.balance - ledger.balance
    explained = ledger.reserved + 2 * keepa.refill_rate
    drifted = ledger.known and not -keepa.refill_rate <= drift <= explained
    lines = [
        f"Keepa says   {keepa.balance:,} of {60 * keepa.refill_rate:,} tokens, {keepa.refill_rate} a minute",
        f"the ledger   {_ledger_line(ledger)}",
        f"drift        {drift:+,} tokens, {'not ' if drifted else ''}explained by open calls and the running minute",
        f"others       {ledger.foreign_drain_per_hour:,.0f} tokens an hour spent by somebody else on this key",
        "",
        *_spending_lines(spent, hours=hours),
    ]
    facts: dict[str, Any] = {
        "keepa": {"balance": keepa.balance, "per_minute": keepa.refill_rate, "refill_in_ms": keepa.refill_in_ms},
        "ledger": {
            "known": ledger.known,
            "balance": ledger.balance,
            "available": ledger.available,
            "reserved": ledger.reserved,
            "lost": ledger.lost,
            "refused": ledger.refused,
            "foreign_per_hour": ledger.foreign_drain_per_hour,
        },
        "drift": drift if ledger.known else None,
        "spending": [asdict(one) for one in spent],
    }
    return Report(FINDINGS if drifted or not ledger.known else FINE, lines, facts)


def _ask_keepa(settings: Settings) -> TokenStatus:
    address = demand_keepa_address(settings)
    with requests.Session() as session:
        client = KeepaClient(
            session,
            base_url=address.url,
            key=address.key,
            domain_id=settings.keepa_domain,
            clock=clock_of(settings),
        )
        return client.token()


def _ledger_line(ledger: LedgerStatus) -> str:
    if not ledger.known:
        return "does not know the balance; it asks Keepa before anything is spent"
    return (
        f"{ledger.balance:,} tokens, {ledger.available:,} available, {ledger.reserved:,} reserved by "
        f"{ledger.open_reservations} open calls, last answer {at(ledger.last_answer_at)}"
    )


def _spending_lines(spent: Sequence[Spending], *, hours: float) -> list[str]:
    if not spent:
        return [f"No call to Keepa in the last {hours:g} h."]
    lines = [f"spent in the last {hours:g} h        calls   tokens  unknown  gained  confirmed  retired"]
    for one in spent:
        name = f"{one.which_pass} / {one.purpose}"
        lines.append(
            f"{name:<30} {one.calls:>7,} {one.billed_tokens:>8,} {one.unknown_at_most:>8,} "
            f"{one.gained:>7,} {one.confirmed:>10,} {one.retired:>8,}"
        )
    return [*lines, f"{'together':<30} {sum(s.calls for s in spent):>7,} {sum(s.billed_tokens for s in spent):>8,}"]
