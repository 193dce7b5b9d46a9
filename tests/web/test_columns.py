"""Which columns a view shows, and how it is asked for."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.deal_fields import FIELDS
from keepa_deals.deal_query import Problem
from keepa_deals.web.columns import COLUMNS, SETS, View, read_view, view_of_set


def read(**parameters: str | list[str]) -> tuple[View, tuple[Problem, ...]]:
    return read_view({name: [texts] if isinstance(texts, str) else texts for name, texts in parameters.items()})


@pytest.mark.parametrize(
    ("parameters", "keys"),
    [
        ({}, SETS["scan"][1]),
        ({"set": ""}, SETS["scan"][1]),
        ({"set": "buy"}, SETS["buy"][1]),
        ({"columns": "roi,profit"}, ("roi", "profit")),
        ({"columns": ["roi", "profit", "roi"]}, ("roi", "profit")),
        ({"columns": ",,"}, SETS["scan"][1]),
        ({"columns": "title,roi"}, ("roi",)),
        ({"set": "buy", "columns": "roi"}, ("roi",)),
        ({"columns": "roi,profit,rank", "move": "-rank"}, ("roi", "rank", "profit")),
        ({"columns": "roi,profit,rank", "move": "+roi"}, ("profit", "roi", "rank")),
        ({"columns": "roi,profit", "move": "-roi"}, ("roi", "profit")),
        ({"columns": "roi,profit", "move": "+profit"}, ("roi", "profit")),
    ],
)
def test_columns_come_in_the_order_asked_for(parameters: dict, keys: tuple[str, ...]) -> None:
    view, problems = read(**parameters)
    assert (view.keys, problems) == (keys, ())


@pytest.mark.parametrize(
    ("parameters", "parameter", "words"),
    [
        ({"set": "sell"}, "set", "set is 'sell'; it must be one of scan, buy, engineer."),
        ({"set": ["buy", "scan"]}, "set", "set is 'buy, scan'"),
        ({"columns": "profits"}, "columns", "There is no column 'profits'; did you mean profit?"),
        ({"columns": "<script>"}, "columns", "There is no column '<script>'; there are profit, roi"),
        ({"columns": "roi", "move": "+profit"}, "move", "one of the columns shown"),
        ({"columns": "roi", "move": "roi"}, "move", "move is 'roi'; it must be + or -"),
    ],
)
def test_what_is_no_view_is_named_and_the_table_stays(parameters: dict, parameter: str, words: str) -> None:
    view, problems = read(**parameters)
    assert view.keys
    assert [problem.parameter for problem in problems] == [parameter]
    assert words in problems[0].message


@given(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, unique=True))
def test_a_view_is_read_back_from_its_own_parameters(keys: list[str]) -> None:
    view, _ = read(columns=",".join(keys))
    again, problems = read(**dict(view.parameters()))
    assert (again, problems) == (view, ())


def test_the_columns_of_a_set_go_by_its_name() -> None:
    assert read(columns=",".join(SETS["buy"][1]))[0] == view_of_set("buy")
    assert view_of_set("scan").parameters() == []


def test_every_column_of_a_number_sorts_by_the_field_of_its_name() -> None:
    unsorted = {key for key, column in COLUMNS.items() if column.field is None}
    assert unsorted == {"spark", "action"}
    assert {key for key, column in COLUMNS.items() if key in FIELDS and column.field != FIELDS[key]} == set()


@pytest.mark.parametrize("column", COLUMNS.values(), ids=lambda column: column.key)
def test_every_column_says_what_it_means_and_where_it_comes_from(column: object) -> None:
    assert column.meaning.endswith(".")
    assert column.formula
    assert column.source and not column.source.endswith(".")


def test_an_address_shows_the_column_keys_as_they_are() -> None:
    assert parse_qsl("columns=roi,profit") == read(columns="roi,profit")[0].parameters()
