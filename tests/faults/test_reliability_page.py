"""The page of measured faults against the suite that measures them."""

from __future__ import annotations

import ast
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import NOON
from tests.faults import reliability
from tests.faults.bills import Account, Call, Request, compare

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def names_of_tests(file: Path) -> set[str]:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def page() -> str:
    return reliability.PAGE.read_text(encoding="utf-8")


def test_every_fault_of_the_suite_has_its_row_and_every_row_its_fault() -> None:
    suite = {f"{file.name}::{name}" for file in HERE.glob("test_*_faults.py") for name in names_of_tests(file)}
    rows = {(reliability.test_of(line) or line).partition("[")[0] for line in reliability.table_lines(page())}
    assert rows == suite


def test_no_row_tells_of_a_loss() -> None:
    lines = reliability.table_lines(page())
    assert lines
    for line in lines:
        assert [cell.strip() for cell in line.split("|")][4:6] == ["0", "0"], line


def test_every_test_that_the_page_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page())
    assert len(named) > 15
    for file, name in named:
        assert name in names_of_tests(ROOT / file), f"{file}::{name}"


def test_a_new_measurement_replaces_its_row_and_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "page.md"
    copy.write_text(f"before\n{reliability.BEGIN}\n{reliability.END}\nafter\n")
    monkeypatch.setattr(reliability, "PAGE", copy)
    writer = reliability.Writer()
    writer.rows = {"test_x_faults.py::test_a_fault[one]": {"detected": 1.26, "recovered": 15, "lost": 0, "doubled": 0}}
    writer.pytest_sessionfinish()
    writer.rows = {"test_x_faults.py::test_another": {"recovered": 2, "lost": 0, "doubled": 0}}
    writer.pytest_sessionfinish()
    assert copy.read_text().splitlines() == [
        "before",
        reliability.BEGIN,
        *reliability.HEAD,
        "| a fault (one) | 1.3 s | 15.0 s | 0 | 0 | `test_x_faults.py::test_a_fault[one]` |",
        "| another | – | 2.0 s | 0 | 0 | `test_x_faults.py::test_another` |",
        reliability.END,
        "after",
    ]


def at(second: float) -> datetime:
    return NOON + timedelta(seconds=second)


ONE = Request(at(1), at(2), status=200, cost=5, balance=95)
ITS_CALL = Call(at(0.9), at(2.1), "answered", 5, 95)


@pytest.mark.parametrize(
    ("requests", "calls", "account"),
    [
        ([ONE], [ITS_CALL], Account()),
        ([ONE], [], Account(lost=(ONE,))),
        ([ONE], [Call(at(0.9), None, "sent", None, None)], Account()),
        ([ONE], [Call(at(0.9), at(3), "answered", 6, 95)], Account((ONE,), (Call(at(0.9), at(3), "answered", 6, 95),))),
        ([ONE], [Call(at(5), None, "lost", None, None)], Account(lost=(ONE,))),
        ([ONE], [ITS_CALL, ITS_CALL], Account(doubled=(ITS_CALL,))),
        ([], [Call(at(99), at(101), "answered", 5, 90)], Account()),
        ([Request(at(1), at(2), status=429, cost=0, balance=-1)], [], Account()),
    ],
    ids=[
        "told and done",
        "nobody wrote it down",
        "killed before the answer came",
        "another bill",
        "a call that began later",
        "one answer saved twice",
        "answered after the look",
        "a refusal costs nothing",
    ],
)
def test_bills_are_compared_one_by_one(requests: list[Request], calls: list[Call], account: Account) -> None:
    assert compare(requests, calls, looked_at=at(100)) == account


def test_what_was_answered_between_a_backup_and_its_return_proves_nothing() -> None:
    blind = [(at(1.5), at(50))]
    assert compare([ONE], [], looked_at=at(100), blind=blind) == Account()
    assert compare([], [ITS_CALL], looked_at=at(100), blind=blind) == Account()
