"""What every diagnostic shares: options, settings, one way out, and words for numbers and instants."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from keepa_deals.errors import BadSettings
from keepa_deals.health import Finding, unusable_settings, verdict_line
from keepa_deals.probes.words import in_words
from keepa_deals.processes.paths import clock_file
from keepa_deals.processes.surroundings import full_settings
from keepa_deals.settings import Settings, load_settings

FINE, FINDINGS, COULD_NOT_LOOK = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Report:
    """What a diagnostic found: the same for eyes (`lines`) and for scripts (`facts`, plain JSON)."""

    code: int
    lines: Sequence[str]
    facts: Mapping[str, Any] = field(default_factory=dict)


Look = Callable[[Settings, argparse.Namespace], Report]


def options(description: str) -> argparse.ArgumentParser:
    """A parser with what all have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    return parser


def run(
    parser: argparse.ArgumentParser, look: Look, argv: Sequence[str], *, root: Path, environ: Mapping[str, str]
) -> int:
    """Look, and say it; the exit code. Whatever goes wrong is one sentence and COULD_NOT_LOOK."""
    chosen = parser.parse_args(argv)
    try:
        settings = _settings(root, environ)
    except BadSettings as error:
        return _say(_unusable(str(error)), as_json=chosen.json)
    try:
        report = look(settings, chosen)
    except Exception as error:  # noqa: BLE001 - the script's edge: a diagnostic that fails must say so in one sentence
        report = could_not_look(in_words(error, settings=settings))
    return _say(report, as_json=chosen.json)


def could_not_look(sentence: str) -> Report:
    return Report(COULD_NOT_LOOK, [f"could not look: {sentence}"], {"could_not_look": sentence})


def _unusable(sentence: str) -> Report:
    verdict = unusable_settings(sentence, at=datetime.now(UTC))
    facts = {
        "could_not_look": sentence,
        "verdict": verdict.state.value,
        "line": verdict_line(verdict),
        "findings": [plain(found) for found in verdict.findings],
    }
    return Report(COULD_NOT_LOOK, [verdict_line(verdict)], facts)


def plain(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {
        "id": finding.id,
        "level": finding.level.value,
        "seen": finding.seen,
        "since": None if finding.since is None else finding.since.isoformat(),
        "remedy": finding.remedy,
    }


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Each finding in two lines."""
    lines = []
    for found in findings:
        since = "" if found.since is None else f" (since {at(found.since)})"
        lines += [f"  {found.level:<7} {found.id}: {found.seen}{since}", f"          {found.remedy}"]
    return lines


def at(instant: datetime | None) -> str:
    """An instant for eyes, in UTC."""
    return "never" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _settings(root: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of the running processes; nothing is pinned or written for it."""
    settings = load_settings(root, environ)
    return full_settings(root, environ) if clock_file(settings).exists() else settings


def _say(report: Report, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(msgspec.json.encode({**report.facts, "exit_code": report.code}).decode() + "\n")
    else:
        sys.stdout.write("\n".join(report.lines) + "\n")
    sys.stdout.flush()
    return report.code
