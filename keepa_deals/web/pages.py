"""The pages for people: the deals table and one deal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from keepa_deals.deal_fields import Field
from keepa_deals.deal_fields import shown as text_shown
from keepa_deals.deal_query import DealQuery, Problem, read_deal_query
from keepa_deals.search_language import LONGEST_SEARCH
from keepa_deals.store import facets, find
from keepa_deals.web import panel
from keepa_deals.web.api import MOST_COUNTED
from keepa_deals.web.columns import VIEW_PARAMETERS, read_view
from keepa_deals.web.deal_page import deal_page
from keepa_deals.web.desk import desk
from keepa_deals.web.sparkline import sparkline
from keepa_deals.web.table import CHOICES, Table

blueprint = Blueprint("pages", __name__)

PAGE_SIZES = (25, 50, 100, 250)
COUNTS = ("capped", "exact")


@dataclass(frozen=True, slots=True)
class Loosening:
    """A filter whose removal alone would show something."""

    label: str
    url: str
    count: int


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Why there is nothing to show."""

    hidden_by_filters: int
    loosenings: tuple[Loosening, ...]


@blueprint.get("/")
def deals() -> tuple[str, int] | Response:
    place, now = desk().marketplace, desk().now()
    view, view_problems = read_view(dict(request.args.lists()))
    query, query_problems = read_deal_query(request.args, minor_digits=place.minor_digits, besides=VIEW_PARAMETERS)
    table, problems = Table(query, view, place), (*query_problems, *view_problems, *_count_problems())
    if "move" in request.args and not problems:
        return redirect(table.here)
    with desk().reading() as connection:
        page = find.find_deals(connection, query, now=now)
        count = find.count_deals(connection, query, now=now, at_most=_most_counted())
        held = find.holdings(connection, now=now)
        narrowing = _narrowing(connection, table, problems)
        emptiness = _emptiness(connection, table) if count.number == 0 else None
    shown: dict[str, Any] = {
        "table": table,
        "view": view,
        "query": query,
        "page": page,
        "count": count,
        "held": held,
        "emptiness": emptiness,
        "next_url": _next(table, page),
        "panel": panel,
        "notes": table.notes([problem for problem in problems if problem.start is None]),
        "searching": next((problem for problem in problems if problem.start is not None), None),
        "typed": request.args.get("q", "")[:LONGEST_SEARCH],
        "page_sizes": sorted({*PAGE_SIZES, query.limit}),
        "sparkline": sparkline,
    }
    shown |= narrowing | {"can": _can(), "marked": _marked()}
    is_wrong = any(not problem.is_unknown for problem in problems)
    return render_template("deals.html", **shown), 400 if is_wrong else 200


@blueprint.get("/deals/<asin>")
def deal(asin: str) -> str:
    return deal_page(asin)


def _can() -> dict[str, bool]:
    """What can be done with the deals here, by the rooms that are there."""
    rooms = {"triage": "triage.mark", "changes": "changes.changes", "csv": "export.csv", "xlsx": "export.xlsx"}
    return {name: endpoint in current_app.view_functions for name, endpoint in rooms.items()}


def _marked() -> tuple[int, str] | None:
    """How many deals the form before this page marked, and the token that undoes it."""
    count, token = request.args.get("marked", ""), request.args.get("undo", "")
    is_told = count.isascii() and count.isdecimal() and len(count) < 10 and token.isprintable() and token != ""
    return (int(count), token[:100]) if is_told else None


def _count_problems() -> list[Problem]:
    text = request.args.get("count", "capped")
    wrong = f"count is {text_shown(text)}; it must be one of {', '.join(COUNTS)}."
    return [] if text in COUNTS else [Problem("count", wrong)]


def _most_counted() -> int:
    """Where counting ends, unless an exact number was asked for."""
    return sys.maxsize if request.args.get("count") == "exact" else MOST_COUNTED


def _narrowing(connection: Connection, table: Table, problems: Sequence[Problem]) -> dict[str, Any]:
    """What the filter panel shows: bare while a script keeps it closed, since then nobody sees its figures."""
    query, now = table.query, desk().now()
    is_bare = request.cookies.get("filters") == "closed" and not problems
    nothing = facets.Facets((), is_complete=False)

    def histogram(field: Field) -> tuple[facets.Bucket, ...]:
        return () if is_bare else facets.histogram(connection, query, field, now=now)

    return {
        "is_bare": is_bare,
        "is_open": bool(problems) or request.cookies.get("filters") == "open",
        "facets": nothing if is_bare else facets.facets(connection, query, now=now),
        "groups": panel.groups(table, given=request.args, problems=problems, histogram=histogram),
    }


def _next(table: Table, page: find.DealsPage) -> str | None:
    if page.next_after is None:
        return None
    return table.address(table.query.starting_after(page.next_after))


def _emptiness(connection: Connection, table: Table) -> Emptiness:
    """How many deals the filters hide, and which one of them to give up first."""
    query, now = table.query, desk().now()
    hidden = find.count_deals(connection, query.unfiltered(), now=now) if query.is_filtered else 0
    found = [_loosening(connection, table, *without) for without in _one_fewer(table)] if hidden else []
    useful = sorted((item for item in found if item.count), key=lambda item: -item.count)
    return Emptiness(hidden, tuple(useful[:4]))


def _one_fewer(table: Table) -> list[tuple[str, DealQuery]]:
    query = table.query
    fewer = [(table.bound_text(bound), query.without(bound.parameter)) for bound in query.bounds]
    fewer += [("the search", query.without("q"))] if query.search.text else []
    chosen = dict.fromkeys(name for name, _ in table.parameters() if name in CHOICES)
    return fewer + [(f"the {name}", query.without(name)) for name in chosen]


def _loosening(connection: Connection, table: Table, label: str, query: DealQuery) -> Loosening:
    return Loosening(label, table.address(query), find.count_deals(connection, query, now=desk().now()))
