"""Seen, looked at, deal, live, unverified, gone: where deals are lost, day by day, and why."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from keepa_deals.diagnostics.frame import FINDINGS, FINE, Report, options, run
from keepa_deals.health import Verdict, VerdictState, verdict_line
from keepa_deals.health_facts import DealsFact
from keepa_deals.probes import current_verdict
from keepa_deals.settings import Settings
from keepa_deals.store import evidence, history
from keepa_deals.store.engine import open_database
from keepa_deals.store.history import Loss
from keepa_deals.whereabouts import clock_of

OUR_FAULTS = (VerdictState.STUCK, VerdictState.BLIND, VerdictState.BROKEN, VerdictState.STOPPED)
SAMPLES = 5
REASONS_A_DAY = 8
ASIN = re.compile(r"[A-Z0-9]{10}")
VARYING = re.compile(rf"\b{ASIN.pattern}\b|\d+(?:,\d{{3}})*(?:\.\d+)?")
"""what may differ between two reasons that are one"""
LOG_LINES = 15
LOG_TAIL_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the funnel (UTC). Candidates count on the day of their last step."""

    day: date
    seen: int = 0
    looked: int = 0
    new: int = 0
    back: int = 0
    verified_again: int = 0
    unverified: int = 0
    gone: int = 0

    @property
    def net(self) -> int:
        """By how much the number of deals that are not gone changed."""
        return self.new + self.back - self.gone


def main(argv: Sequence[str], *, root: Path, environ: Mapping[str, str]) -> int:
    parser = options("Is the number of deals falling, and is it the market, the budget, the filters or us?")
    parser.add_argument("--days", type=int, default=7, help="how many days to look back (7)")
    return run(parser, look, argv, root=root, environ=environ)


def look(settings: Settings, chosen: argparse.Namespace) -> Report:
    now = clock_of(settings).now()
    since = now - timedelta(days=max(1, chosen.days))
    database = open_database(settings.database_address())
    try:
        with database.read.begin() as connection:
            days = _funnel(
                history.seen_by_day(connection, since=since),
                history.looked_by_day(connection, since=since),
                history.changes_by_day(connection, since=since),
            )
            lost = merged(history.losses(connection, since=since))
            holding = evidence.deals_by_state(connection, now=now)
    finally:
        database.dispose()
    verdict = current_verdict(settings)
    log = [] if verdict.is_fine else log_lines(settings)
    return report_on(days, lost, holding, verdict, log=log)


def report_on(
    days: Sequence[Day],
    lost: Sequence[Loss],
    holding: DealsFact,
    verdict: Verdict,
    *,
    log: Sequence[str],
) -> Report:
    """Pure. The last line is the answer."""
    answer, falling = conclusion(days, lost, holding, verdict)
    lines = [
        verdict_line(verdict),
        f"now: {holding.live:,} live, {holding.unverified:,} unverified, {holding.gone:,} gone",
        "",
        *_day_lines(days, lost),
        *(["", "from the logs:", *(f"  {line}" for line in log)] if log else []),
        "",
        answer,
    ]
    facts: dict[str, Any] = {
        "verdict": verdict.state.value,
        "now": {"live": holding.live, "unverified": holding.unverified, "gone": holding.gone},
        "days": [{**asdict(day), "net": day.net} for day in days],
        "losses": [asdict(loss) for loss in lost],
        "log": list(log),
        "falling": falling,
        "answer": answer,
    }
    return Report(FINDINGS if falling or not verdict.is_fine else FINE, lines, facts)


def conclusion(days: Sequence[Day], lost: Sequence[Loss], holding: DealsFact, verdict: Verdict) -> tuple[str, bool]:
    """The one sentence, and whether the number falls. Pure."""
    net = sum(day.net for day in days)
    losing_sight = holding.unverified > holding.live
    falling = net < 0 or losing_sight
    if not days and holding.live + holding.unverified == 0:
        return _nothing_yet(verdict), not verdict.is_fine
    span = f"over {len(days)} days" if len(days) != 1 else "today"
    if not falling:
        return f"The number of deals is not falling ({net:+,} {span}).", False
    falls = f"The number of deals is falling ({net:+,} {span})" if net < 0 else "Deals go past their promise"
    return f"{falls}, and the cause is {_cause(days, lost, losing_sight=losing_sight, verdict=verdict)}.", True


def merged(lost: Iterable[Loss]) -> list[Loss]:
    """Losses whose reasons differ only in numbers and ASINs become one, which names the range. Pure."""
    alike: dict[tuple[date, str, str], list[Loss]] = {}
    for loss in lost:
        alike.setdefault((loss.day, loss.what, VARYING.sub("…", loss.reason)), []).append(loss)
    found = [_as_one(losses) for losses in alike.values()]
    return sorted(found, key=lambda loss: (loss.day, loss.count), reverse=True)


def _as_one(losses: Sequence[Loss]) -> Loss:
    first = losses[0]
    columns = zip(*(VARYING.findall(loss.reason) for loss in losses), strict=True)
    ranges = iter([_range(column) for column in columns])
    return Loss(
        first.day,
        first.what,
        VARYING.sub(lambda _: next(ranges), first.reason),
        sum(loss.count for loss in losses),
        tuple(sample for loss in losses for sample in loss.samples)[:SAMPLES],
    )


def _range(words: Iterable[str]) -> str:
    """What stands for all of `words`: the one they share, the lowest and highest of numbers, else …"""
    different = set(words)
    if len(different) == 1:
        return different.pop()
    if any(ASIN.fullmatch(word) for word in different):
        return "…"
    in_order = sorted(different, key=lambda word: float(word.replace(",", "")))
    return f"{in_order[0]} to {in_order[-1]}"


def log_lines(settings: Settings) -> list[str]:
    """The newest warnings and errors of every log, without secrets."""
    found = []
    for file in sorted(settings.log_dir.glob("*.log")):
        with file.open("rb") as handle:
            handle.seek(max(0, file.stat().st_size - LOG_TAIL_BYTES))
            text = handle.read().decode(errors="replace")
        found += [f"{file.name}: {line}" for line in text.splitlines() if re.search(r"WARN|ERROR|CRIT|Traceback", line)]
    newest = [" ".join(line.split())[:300] for line in found[-LOG_LINES:]]
    for secret in settings.secrets:
        newest = [line.replace(secret.reveal(), "***") for line in newest]
    return newest


def _cause(days: Sequence[Day], lost: Sequence[Loss], *, losing_sight: bool, verdict: Verdict) -> str:
    if verdict.state in OUR_FAULTS:
        return f"us: the service is {verdict.state}, so nothing new comes in and nothing is verified"
    if verdict.state in (VerdictState.STARVED, VerdictState.WAITING) or losing_sight:
        return "the budget: the tokens do not reach to keep so many deals verified"
    gone = [loss for loss in lost if loss.what == "deal"]
    if sum(day.new for day in days) == 0 and sum(day.seen for day in days) > 0:
        dropped = max((loss for loss in lost if loss.what == "candidate"), key=lambda loss: loss.count, default=None)
        because = "" if dropped is None else f" (most often: {dropped.reason})"
        return f"the filters: products are seen but none becomes a deal{because}"
    most = max(gone, key=lambda loss: loss.count, default=None)
    return "the market: deals are bought or repriced" + ("" if most is None else f" (most often: {most.reason})")


def _nothing_yet(verdict: Verdict) -> str:
    if verdict.is_fine:
        return "There are no deals yet: the service works and has not found any so far."
    return f"There are no deals, and the cause is us: the service is {verdict.state}."


def _funnel(
    seen: Mapping[date, int], looked: Mapping[date, int], changed: Mapping[date, Mapping[str, int]]
) -> list[Day]:
    kinds = ("new", "back", "verified_again", "unverified", "gone")
    return [
        Day(
            day,
            seen=seen.get(day, 0),
            looked=looked.get(day, 0),
            **{kind: changed.get(day, {}).get(kind, 0) for kind in kinds},
        )
        for day in sorted({*seen, *looked, *changed})
    ]


def _day_lines(days: Sequence[Day], lost: Sequence[Loss]) -> list[str]:
    if not days:
        return ["Nothing was seen and nothing changed in this time."]
    lines = ["day            seen  looked     new    back  verified again  unverified    gone     net"]
    for day in days:
        lines.append(
            f"{day.day}  {day.seen:>7,} {day.looked:>7,} {day.new:>7,} {day.back:>7,} {day.verified_again:>15,} "
            f"{day.unverified:>11,} {day.gone:>7,} {day.net:>+7,}"
        )
        of_day = [loss for loss in lost if loss.day == day.day]
        lines += [
            f"    {loss.count:>6,} {loss.what}s lost: {loss.reason}; such as {', '.join(loss.samples)}"
            for loss in of_day[:REASONS_A_DAY]
        ]
    return lines
