"""The API's description (OpenAPI 3.1), made from the same fields, conditions and states that the API reads. Pure."""

from __future__ import annotations

from typing import Any

from keepa_deals.deal_fields import FIELDS, GRADES, SORTS, Field, Kind
from keepa_deals.deal_query import DEFAULT_LIMIT, LARGEST_LIMIT, TRIAGES
from keepa_deals.records import DealState
from keepa_deals.search_language import LONGEST_SEARCH
from keepa_deals.store.changes_feed import KINDS
from keepa_deals.web.columns import COLUMNS, SETS
from keepa_deals.web.openapi_schemas import COUNT, SCHEMAS, TEXT, Schema, list_of, named, one_of

VERSION = "1.0.0"
"""of the API: a new first number for what breaks clients, a second one for what is added"""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
REFUSALS = {
    "400": "A parameter is unknown or wrong; the error names it.",
    "401": "A key is needed.",
    "403": "A change must come from this service's own pages or show the key.",
    "404": "There is no such thing.",
    "413": "The body is too large.",
    "429": "Too many requests; Retry-After says when to come again.",
    "503": "The database can't be read now, or all streams are taken.",
}
_UNITS = {
    Kind.MONEY: ("number", "in currency units"),
    Kind.PERCENT: ("number", "in percent"),
    Kind.COUNT: ("integer", "a whole number; 500k and 1.5m are understood too"),
    Kind.AGE: ("number", "in hours"),
}


def document() -> dict[str, Any]:
    """The whole description, ready to be sent as JSON."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keepa Deals",
            "version": VERSION,
            "description": "Deals that were verified within their promise. Amounts are currency units, shares are "
            "percent, instants are ISO 8601 in UTC, null is unknown. Empty or 0 means Any in every filter.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"key": []}, {"bearer": []}],
        "paths": _paths(),
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Admin-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _paths() -> dict[str, Any]:
    question = _question()
    page = [*question, _limit(), _parameter("cursor", "next_cursor of the page before.", TEXT)]
    counting = _parameter("count", "How to count.", one_of(("capped", "exact", "none")))
    view = [
        _parameter("set", "A set of columns.", one_of(SETS)),
        _parameter("columns", f"Columns in their order, with commas between: {', '.join(COLUMNS)}.", TEXT),
    ]
    deal = [
        _parameter("asin", "Ten letters and digits.", TEXT | {"pattern": "^[A-Za-z0-9]{10}$"}, where="path"),
        _parameter("domain", "Another marketplace than the configured one, by Keepa's number.", COUNT),
    ]
    wanted = [*question, _limit(), _cursor(), _parameter("kind", f"Of {', '.join(KINDS)}; commas between.", TEXT)]
    histogram = _parameter("histogram", f"Fields to draw, with commas between: {', '.join(FIELDS)}.", TEXT)
    return {
        "/api/deals": _get("Deals, a page at a time", [*page, counting], _json("Deals")),
        "/api/deals/{asin}": _get("One deal with its grounds", deal, _json("DealDetails"), "404"),
        "/api/deals/{asin}/history": _get("One deal's charted history", deal, _json("History"), "404"),
        "/api/deal-count": _get("How many deals a question finds", [*page, counting], _json("Count")),
        "/api/facets": _get("What a question could be narrowed to", [*page, histogram], _json("Facets")),
        "/api/deals.csv": _get("All deals of a question as CSV", [*question, _limit(), *view], {"text/csv": TEXT}),
        "/api/deals.xlsx": _get("All deals of a question as a spreadsheet", [*question, _limit(), *view], {XLSX: {}}),
        "/api/why": _get(
            "Where an ASIN is, and why it is not shown",
            [_parameter("asin", "An ASIN, an ISBN or a product's address.", TEXT, is_needed=True), *question],
            _json("Why"),
        ),
        "/api/changes": _get("What changed since a cursor", wanted, _json("Changes")),
        "/api/changes/stream": _get("What changes, as server-sent events", wanted, {"text/event-stream": TEXT}),
        "/api/visit": _post("The user is here: since when is what new to them", None, "Visit"),
        "/api/triage": _post("Mark deals", "Wish", "Marked"),
        "/api/triage/undo": _post("Take an act back", "UndoWish", "Undone", "404"),
        "/api/openapi.json": _get("This description", [], {"application/json": {"type": "object"}}),
        "/api/docs": _get("The same to be read", [], {"text/html": TEXT}),
    }


def _question() -> list[Schema]:
    """The filters, order and search of a `DealQuery`."""
    bounds = [_bound(field, end) for field in FIELDS.values() if field.kind in _UNITS for end in ("gte", "lte")]
    yes_or_no = list_of(one_of(("yes", "no")))
    return [
        _parameter(
            "q", "A search, such as profit>20 rank<200k title:hydraulics.", TEXT | {"maxLength": LONGEST_SEARCH}
        ),
        *bounds,
        _parameter("condition", "Any of these grades.", list_of(one_of(GRADES))),
        _parameter("category", "Names or ids of categories, any of them.", list_of(TEXT)),
        _parameter("binding", "Any of these bindings.", list_of(TEXT)),
        _parameter("season", "A subject, a time of the year or a month.", list_of(TEXT)),
        _parameter("amazon", "Whether Amazon itself sells it.", yes_or_no),
        _parameter("profitable", "Whether even the lower bound is a profit.", yes_or_no),
        _parameter("state", "live when left out.", list_of(one_of((*DealState, "all")))),
        _parameter("triage", "What you made of it; without it, all that is not hidden.", one_of(TRIAGES)),
        _parameter(
            "sort",
            "The order; - before it for the largest first.",
            one_of([way + name for name in SORTS for way in ("", "-")]),
        ),
    ]


def _bound(field: Field, end: str) -> Schema:
    kind, unit = _UNITS[field.kind]
    words = "at least" if end == "gte" else "at most"
    return _parameter(f"{field.name}_{end}", f"{field.label}, {words}, {unit}; 0 is Any.", {"type": kind})


def _limit() -> Schema:
    return _parameter("limit", f"{DEFAULT_LIMIT} when left out.", COUNT | {"minimum": 1, "maximum": LARGEST_LIMIT})


def _cursor() -> Schema:
    return _parameter("cursor", "next_cursor of the answer before, or now, or visit; else the newest changes.", TEXT)


def _parameter(name: str, described: str, schema: Schema, *, where: str = "query", is_needed: bool = False) -> Schema:
    return {
        "name": name,
        "in": where,
        "description": described,
        "required": is_needed or where == "path",
        "schema": schema,
    }


def _json(name: str) -> dict[str, Schema]:
    return {"application/json": named(name)}


def _get(summary: str, parameters: list[Schema], answers: dict[str, Schema], *refusals: str) -> dict[str, Any]:
    return {
        "get": {
            "summary": summary,
            "parameters": parameters,
            "responses": _responses(answers, "400", "401", "429", "503", *refusals),
        }
    }


def _post(summary: str, body: str | None, answer: str, *refusals: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "responses": _responses(_json(answer), "400", "401", "403", "413", "429", "503", *refusals),
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": named(body)}}}
    return {"post": operation}


def _responses(answers: dict[str, Schema], *refusals: str) -> dict[str, Any]:
    content = {kind: {"schema": schema} for kind, schema in answers.items()}
    error = {"application/json": {"schema": named("Error")}}
    refused = {status: {"description": REFUSALS[status], "content": error} for status in sorted(refusals)}
    return {"200": {"description": "As asked.", "content": content}, **refused}
