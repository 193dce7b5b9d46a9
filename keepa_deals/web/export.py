"""All deals of a question as a file: the table's columns, every page of it, written while it is read."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from flask import Blueprint, Response, request, stream_with_context
from sqlalchemy import Connection

from keepa_deals.deal_query import DealQuery
from keepa_deals.errors import BadParameter
from keepa_deals.store import find
from keepa_deals.store.columns import instant_text
from keepa_deals.web.api import asked_query, deal_json
from keepa_deals.web.columns import VIEW_PARAMETERS, View, read_view
from keepa_deals.web.desk import desk
from keepa_deals.web.xlsx import MOST_ROWS, Value, workbook

blueprint = Blueprint("export", __name__)

ALWAYS = ("asin", "isbn13", "title", "author", "state", "triage", "currency")
ELSEWHERE: dict[str, tuple[str, ...]] = {
    "amazon": ("amazon_price",),
    "verified_age": ("verified_at",),
    "price_age": ("price_changed_at",),
    "seen_age": ("first_seen_at",),
    "ages": ("verified_at", "price_changed_at", "first_seen_at"),
    "promise": ("promised_until",),
    "action": ("url",),
    "spark": (),
}
"""the names in /api/deals of columns that are called otherwise there"""
FORMULA_BEGINS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Rows = Iterator[list[list[Value]]]


@blueprint.get("/api/deals.csv", endpoint="csv")
def csv_file() -> Response:
    return _file("csv", "text/csv; charset=utf-8", _csv)


@blueprint.get("/api/deals.xlsx", endpoint="xlsx")
def xlsx_file() -> Response:
    return _file("xlsx", XLSX, _xlsx)


def guarded(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula."""
    begins_so = text.lstrip().startswith(FORMULA_BEGINS) or text.startswith(("\t", "\r", "\n"))
    return f"'{text}" if begins_so else text


def headings_of(view: View) -> tuple[str, ...]:
    """The file's columns, called as in /api/deals."""
    named = [name for key in view.keys for name in ELSEWHERE.get(key, (key,))]
    return tuple(dict.fromkeys((*ALWAYS, *named)))


def _file(ending: str, kind: str, write: Callable[[tuple[str, ...], Rows, str], Iterator[bytes]]) -> Response:
    query, view, now = _asked_query(), _asked_view(), desk().now()
    headings = headings_of(view)
    connection = desk().database.read.connect()
    try:
        number, pages = _found(connection, query, now)
        if ending == "xlsx" and number >= MOST_ROWS:
            told = f"A sheet holds {MOST_ROWS - 1} deals and this question finds {number}; narrow it or take CSV."
            raise BadParameter(told, parameter="q")
    except BaseException:
        connection.close()
        raise
    end = f"# end of {number} deals as of {instant_text(now)}"
    rows = ([_row(deal, headings, now) for deal in page] for page in pages)
    response = Response(stream_with_context(write(headings, rows, end)), content_type=kind)
    response.call_on_close(connection.close)
    response.headers["Content-Disposition"] = f'attachment; filename="deals-{now:%Y%m%dT%H%MZ}.{ending}"'
    response.headers["X-Row-Count"] = str(number)
    response.headers["X-As-Of"] = instant_text(now)
    return response


def _found(connection: Connection, query: DealQuery, now: datetime) -> tuple[int, Iterator[tuple[find.Deal, ...]]]:
    """All deals of `query`; the first of them are read at once, so that a fault is still an answer of its own."""
    found = find.find_all(connection, query, now=now)
    first = next(found.pages, ())
    return found.number, chain([first], found.pages)


def _asked_query() -> DealQuery:
    """The question. Its `limit` is a page's size, and a file has no pages; a cursor would leave deals out."""
    return asked_query(besides=tuple(name for name in VIEW_PARAMETERS if name != "cursor"))


def _asked_view() -> View:
    view, problems = read_view(dict(request.args.lists()))
    if problems:
        raise BadParameter(problems[0].message, parameter=problems[0].parameter)
    return view


def _row(deal: find.Deal, headings: tuple[str, ...], now: datetime) -> list[Value]:
    told = deal_json(deal, now)
    return [told[name] for name in headings]


def _csv(headings: tuple[str, ...], rows: Rows, end: str) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    for page in rows:
        writer.writerows([_in_words(value) for value in row] for row in page)
        yield _taken(text)
    writer.writerow([end])
    yield _taken(text)


def _xlsx(headings: tuple[str, ...], rows: Rows, end: str) -> Iterator[bytes]:
    return workbook(headings, chain(rows, [[[end]]]))


def _in_words(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return instant_text(value)
    return guarded(value) if isinstance(value, str) else str(value)


def _taken(text: io.StringIO) -> bytes:
    taken = text.getvalue()
    text.seek(0)
    text.truncate()
    return taken.encode("utf-8", "replace")
