"""Who holds which lease; with --yes, an end to those of the dead. Only keys of this installation are touched."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keepa_deals.diagnostics.frame import FINDINGS, FINE, Report, at, options, run
from keepa_deals.health_passes import span
from keepa_deals.locks import LeaseKeeper, LeaseRecord
from keepa_deals.probes.broker import lease_keeper, redis_of
from keepa_deals.settings import Settings

LIFE = {True: "alive", False: "dead", None: "on another machine or container, so nobody here knows"}


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("Show the leases of this installation; clear those that nobody living holds.")
    parser.add_argument("--yes", action="store_true", help="really clear (without it nothing is written)")
    parser.add_argument("--force", action="store_true", help="with --yes: also those whose holder lives or is unknown")
    return run(parser, look, argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace) -> Report:
    with redis_of(settings) as redis:
        keeper = lease_keeper(redis, settings)
        records = keeper.listing()
        cleared = _clear(keeper, records, force=chosen.force) if chosen.yes else []
    return report_on(records, cleared, asked=chosen.yes, force=chosen.force)


def report_on(records: Sequence[LeaseRecord], cleared: Sequence[str], *, asked: bool, force: bool) -> Report:
    """Pure. Findings are leases of the dead that are still there."""
    left = [record for record in records if record.alive is False and record.name not in cleared]
    lines = [_line(record) + (" -> cleared" if record.name in cleared else "") for record in records]
    lines += [_summary(records, cleared, left, asked=asked, force=force)]
    facts = {"leases": [_plain(record) for record in records], "cleared": list(cleared)}
    return Report(FINDINGS if left else FINE, lines, facts)


def _clear(keeper: LeaseKeeper, records: Sequence[LeaseRecord], *, force: bool) -> list[str]:
    return [
        record.name
        for record in records
        if (force or record.alive is False) and keeper.clear(record.name, even_if_alive=force)
    ]


def _summary(
    records: Sequence[LeaseRecord], cleared: Sequence[str], left: Sequence[LeaseRecord], *, asked: bool, force: bool
) -> str:
    if not records:
        return "No lease is held."
    if cleared:
        return f"Cleared {len(cleared)} of {len(records)} leases."
    if left:
        return f"{len(left)} of {len(records)} leases are held by the dead; run again with --yes to clear them."
    if asked and not force:
        return "Nothing to clear: every lease is held by somebody who lives or can't be known from here."
    return "No lease is held by the dead."


def _line(record: LeaseRecord) -> str:
    return (
        f"{record.name}: held by {record.holder} ({LIFE[record.alive]}) since {at(record.since)}, "
        f"lapses in {span(record.ttl_left)}, last moved {span(record.progress_age)} ago"
    )


def _plain(record: LeaseRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "holder": record.holder.as_dict(),
        "alive": record.alive,
        "since": record.since.isoformat(),
        "age_seconds": record.age.total_seconds(),
        "ttl_left_seconds": record.ttl_left.total_seconds(),
        "progress_age_seconds": record.progress_age.total_seconds(),
    }
