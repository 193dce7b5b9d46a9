"""The table of `docs/reliability.md`: written from a real run, read by the test that keeps it complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"
HEAD = (
    "| fault | said after | working again after | lost | doubled | test |",
    "|---|--:|--:|--:|--:|---|",
)
COLUMNS = ("detected", "recovered", "lost", "doubled")


class Writer:
    """Collects what each trial reported and rewrites the table when the run ends well."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        measured = dict(report.user_properties)
        if report.when == "call" and report.passed and "recovered" in measured:
            self.rows[report.nodeid.rpartition("/")[2]] = measured

    def pytest_sessionfinish(self) -> None:
        """Rows of tests that did not run this time stay as they were."""
        text = PAGE.read_text(encoding="utf-8")
        kept = {test: line for line in table_lines(text) if (test := test_of(line)) is not None}
        kept |= {test: row(test, measured) for test, measured in self.rows.items()}
        lines = "\n".join([*HEAD, *(kept[test] for test in sorted(kept))])
        before, _, rest = text.partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{lines}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def row(test: str, measured: dict[str, object]) -> str:
    cells = [_cell(name, measured.get(name)) for name in COLUMNS]
    return f"| {_in_words(test)} | {' | '.join(cells)} | `{test}` |"


def table_lines(text: str) -> list[str]:
    return text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[len(HEAD) :]


def test_of(line: str) -> str | None:
    """`file.py::test_name[case]` of a row; None for a line that is no row."""
    found = re.search(r"`(test_\w+\.py::test_[^`]+)` \|$", line)
    return found.group(1) if found else None


def _in_words(test: str) -> str:
    name, _, case = test.partition("::test_")[2].partition("[")
    words = name.replace("_", " ")
    return f"{words} ({case.rstrip(']')})" if case else words


def _cell(name: str, value: object) -> str:
    if value is None:
        return "–"
    return f"{float(str(value)):.1f} s" if name in ("detected", "recovered") else str(value)
