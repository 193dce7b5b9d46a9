"""The files hold what the table shows: all pages of it, the same columns, complete, and nothing that a sheet runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import openpyxl
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from keepa_deals.store import find
from keepa_deals.web.columns import COLUMNS
from keepa_deals.web.export import guarded
from tests.builders import a_deal_row, asin_number

HOSTILE = ('=HYPERLINK("http://evil.example","Free")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", " =1", "\uff1d1")


def rows_of(client: FlaskClient, question: str = "") -> list[list[str]]:
    answer = client.get(f"/api/deals.csv?{question}")
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.text)))


def test_a_file_holds_every_page_in_the_tables_order(
    client: FlaskClient, hold: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find, "DEALS_AT_ONCE", 3)
    hold(*(a_deal_row(asin=asin_number(n), profit_cents=n * 100) for n in range(1, 9)))
    answer = client.get("/api/deals.csv?profit_gte=2&limit=2&columns=profit,roi")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0][-2:] == ["profit", "roi"]
    assert [row[-2] for row in rows[1:-1]] == ["8.00", "7.00", "6.00", "5.00", "4.00", "3.00", "2.00"]
    assert rows[-1] == ["# end of 7 deals as of 2026-03-05T12:00:00.000Z"]
    assert answer.headers["X-Row-Count"] == "7"
    assert answer.headers["X-As-Of"] == "2026-03-05T12:00:00.000Z"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="deals-20260305T1200Z.csv"'


def test_a_file_without_deals_says_so(client: FlaskClient) -> None:
    assert rows_of(client)[1:] == [["# end of 0 deals as of 2026-03-05T12:00:00.000Z"]]


def test_every_column_can_be_written_and_unknown_is_empty(client: FlaskClient, hold: Callable[..., None]) -> None:
    hold(a_deal_row(margin=None))
    names, row = rows_of(client, f"columns={','.join(COLUMNS)}")[:2]
    told = dict(zip(names, row, strict=True))
    assert (told["margin"], told["rank"], told["verified_at"]) == ("", "123456", "2026-03-05T11:40:00.000Z")
    assert (told["asin"], told["url"]) == ("0140328726", "https://www.amazon.com/dp/0140328726")


@pytest.mark.parametrize("title", HOSTILE)
def test_no_text_becomes_a_formula(client: FlaskClient, hold: Callable[..., None], title: str) -> None:
    hold(a_deal_row(title=title, author='=1+1","x', profit_cents=-320))
    row = dict(zip(*rows_of(client, "columns=profit")[:2], strict=True))
    assert row["title"] == f"'{title}"
    assert row["author"] == '\'=1+1","x'
    assert row["profit"] == "-3.20"
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/api/deals.xlsx").data)).active
    assert all(cell.data_type != "f" for cells in sheet.iter_rows() for cell in cells)


@given(st.text())
def test_a_guarded_text_never_begins_as_a_formula_does(text: str) -> None:
    safe = guarded(text)
    assert safe in (text, f"'{text}")
    assert not safe.lstrip().startswith(("=", "+", "-", "@"))


def test_a_sheet_has_the_same_rows_with_numbers_dates_and_an_end(
    client: FlaskClient, hold: Callable[..., None]
) -> None:
    hold(a_deal_row(asin="0000000001", title="A & <b>\x00\x1b", margin=None, profit_cents=1230))
    hold(a_deal_row(asin="0000000002", profit_cents=-5))
    answer = client.get("/api/deals.xlsx?columns=profit,margin,verified_age")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    first = dict(zip(rows[0], rows[1], strict=True))
    assert (first["asin"], first["title"], first["profit"], first["margin"]) == ("0000000001", "A & <b>", 12.3, None)
    assert first["verified_at"].isoformat(timespec="seconds") == "2026-03-05T11:40:00"
    assert (rows[2][0], rows[3][0]) == ("0000000002", "# end of 2 deals as of 2026-03-05T12:00:00.000Z")
    assert answer.headers["X-Row-Count"] == "2"


@pytest.mark.parametrize("question", ["cursor=abc", "columns=nothing", "set=x", "margn_gte=1", "sort=x"])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_what_is_not_understood_is_refused(client: FlaskClient, ending: str, question: str) -> None:
    answer = client.get(f"/api/deals.{ending}?{question}")
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "bad_parameter"
