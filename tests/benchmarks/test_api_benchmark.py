"""The yardstick of the API: reproducible questions, the same rows for both sides, goals read from the figures."""

from __future__ import annotations

import sqlite3
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.urls import uri_to_iri

from benchmarks import api_servers as servers
from benchmarks.api import goals
from benchmarks.api_deals import HEADLINE, Question, fill, questions
from benchmarks.api_plot import LINES, plot
from keepa_deals.deal_query import DealQuery, parse_deal_query
from keepa_deals.store.engine import open_database
from keepa_deals.store.find import count_deals, find_deals

ROWS = 400


def asked(question: Question) -> DealQuery:
    return parse_deal_query(MultiDict(part.split("=") for part in uri_to_iri(question.ours()).split("&")))


def test_our_side_and_plain_sql_answer_each_question_alike(tmp_path: Path) -> None:
    path = tmp_path / "deals.db"
    fill(path, rows=ROWS, seed=3)
    database, plain, now = open_database(f"sqlite:///{path}"), sqlite3.connect(path), datetime.now(UTC)
    for question in [HEADLINE, *questions(12, rows=ROWS, seed=3)]:
        page, count, values = servers.sql_of(question, now=now)
        with database.read.connect() as connection:
            ours = find_deals(connection, asked(question), now=now).deals
            assert count_deals(connection, asked(question), now=now) == plain.execute(count, values).fetchone()[0]
        place = servers.COLUMNS.index("asin")
        assert {deal.asin for deal in ours} == {row[place] for row in plain.execute(page, values)} or len(ours) == 50
    plain.close()
    database.dispose()


def test_the_questions_are_the_same_for_a_seed_and_some_are_narrow() -> None:
    drawn = questions(20, rows=100_000, seed=1)
    assert drawn == questions(20, rows=100_000, seed=1)
    assert drawn != questions(20, rows=100_000, seed=2)
    assert len(set(drawn)) == 20


@pytest.mark.parametrize(("ratio", "met"), [(10.0, True), (9.99, False)])
def test_a_goal_is_met_at_its_figure(ratio: float, met: bool) -> None:
    figures = {
        "exact_median_ratio": ratio,
        "exact_worst_ratio": 3,
        "none_median_ratio": 3,
        "none_worst_ratio": 2,
        "quiet_p99_ms": 10,
        "writer_p99_ms": 20,
    }
    found = goals({"100000": figures})
    assert found.pop("10x Datasette with exact counts, median filter") is met
    assert all(found.values())
    assert len(found) == 4


def test_the_plot_is_a_drawing_with_a_line_for_each_way_of_asking() -> None:
    figures = {name: 3.5 for name, *_ in LINES}
    drawing = ElementTree.fromstring(plot({"10000": figures, "100000": figures}))
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == len(LINES)
