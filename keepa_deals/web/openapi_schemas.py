"""The shapes of the API's answers and bodies, as JSON Schema. Pure. Every `null` is "unknown"."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keepa_deals.deal_fields import GRADES
from keepa_deals.health import VerdictState
from keepa_deals.records import DealState
from keepa_deals.store.changes_feed import KINDS
from keepa_deals.store.triage import LONGEST_REASON, Action
from keepa_deals.web.api import AMOUNTS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer"}
YES_OR_NO: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ANYTHING: Schema = {}


def maybe(schema: Schema) -> Schema:
    """`schema`, or null for unknown."""
    return {**schema, "type": [schema["type"], "null"]}


def one_of(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(values)}


def list_of(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def record(described: str, **properties: Schema) -> Schema:
    """An object that has at least these properties."""
    return {"type": "object", "description": described, "required": list(properties), "properties": properties}


def named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


NUMBER = maybe({"type": "number"})
WHOLE = maybe(COUNT)
WORDS = maybe(TEXT)
MAYBE_INSTANT = maybe(INSTANT)
MONTH: Schema = {"type": ["integer", "null"], "minimum": 1, "maximum": 12}
CIRCUMSTANCES: dict[str, Schema] = {
    "as_of": INSTANT,
    "verdict": one_of(VerdictState),
    "demo": {"type": "boolean", "description": "Whether these are the built-in simulator's deals."},
}
COUNTED: dict[str, Schema] = {"count": WHOLE, "count_is_capped": YES_OR_NO}

DEAL = record(
    "One deal. Amounts are currency units, shares are percent.",
    **dict.fromkeys(("asin", "url", "currency", "title", "verified_by"), TEXT),
    **dict.fromkeys(
        ("author", "brand", "binding", "isbn13", "published", "category", "seller_id", "seller_name", "season"), WORDS
    ),
    **dict.fromkeys(AMOUNTS, NUMBER),
    **dict.fromkeys(
        (
            "margin", "roi", "percent_down", "trust", "sold_chance", "days_to_sell", "used_sales", "trend",
            "seller_quality",
        ),
        NUMBER,
    ),
    **dict.fromkeys(("category_id", "rank", "drops", "drops_90", "drops_365", "offers", "new_offers"), WHOLE),
    **dict.fromkeys(("peak_month", "trough_month"), MONTH),
    **dict.fromkeys(("first_seen_at", "verified_at", "promised_until"), INSTANT),
    **dict.fromkeys(("price_changed_at", "unverified_since", "gone_at"), MAYBE_INSTANT),
    domain=COUNT,
    condition={"enum": [*GRADES, None]},
    is_fba=maybe(YES_OR_NO),
    sale_price_is_estimate=YES_OR_NO,
    is_profitable=YES_OR_NO,
    triage={"enum": ["hidden", "bought", "watched", None]},
    state=one_of(DealState),
    gone_reason=WORDS,
    ages=record("Hours.", seen_age=NUMBER, price_age=NUMBER, verified_age=NUMBER),
)  # fmt: skip
OFFER = record(
    "A used offer as the last full look saw it.",
    condition=TEXT,
    item=NUMBER,
    shipping=NUMBER,
    landed=NUMBER,
    is_fba=YES_OR_NO,
    seller_id=TEXT,
    last_seen=INSTANT,
)
DETAILS: Schema = {
    "allOf": [
        named("Deal"),
        record(
            "The grounds for its numbers and its state.",
            explanation=ANYTHING,
            refusal=WORDS,
            gone_evidence=ANYTHING,
            judged_at=INSTANT,
            keepa_updated_at=MAYBE_INSTANT,
            look_due_since=MAYBE_INSTANT,
            look_due_reason=WORDS,
            offers_seen=list_of(OFFER),
        ),
    ]
}
CHANGE = record(
    "One event of one deal.",
    cursor=TEXT,
    at=INSTANT,
    kind=one_of(KINDS),
    asin=TEXT,
    domain=COUNT,
    title=TEXT,
    currency=TEXT,
    detail={"type": "object"},
)
CHOICE = record("One value of a facet.", value=TEXT, count=COUNT, is_chosen=YES_OR_NO)
BUCKET = record("One part of a histogram.", **{"from": {"type": "number"}, "to": {"type": "number"}, "count": COUNT})

SCHEMAS: dict[str, Schema] = {
    "Deal": DEAL,
    "Change": CHANGE,
    "Deals": record("One page of deals.", deals=list_of(named("Deal")), next_cursor=WORDS, **COUNTED, **CIRCUMSTANCES),
    "DealDetails": record("One deal with its grounds.", deal=DETAILS, **CIRCUMSTANCES),
    "Count": record("How many deals there are.", **COUNTED, **CIRCUMSTANCES),
    "Facets": record(
        "What the question could be narrowed to.",
        facets={"type": "object", "additionalProperties": list_of(CHOICE)},
        is_complete=YES_OR_NO,
        histograms={"type": "object", "additionalProperties": list_of(BUCKET)},
        **CIRCUMSTANCES,
    ),
    "Changes": record(
        "Changes in the order they happened.",
        changes=list_of(named("Change")),
        counts={"type": "object", "additionalProperties": COUNT},
        next_cursor=TEXT,
        is_more=YES_OR_NO,
        **CIRCUMSTANCES,
    ),
    "Why": record(
        "Where an ASIN is, and why.", asin=TEXT, where=TEXT, headline=TEXT, explanation=ANYTHING, as_of=INSTANT
    ),
    "History": record("The charted history.", asin=TEXT, domain=COUNT, currency=TEXT, is_kept=YES_OR_NO),
    "Visit": record("Since when things are new to the user.", cursor=TEXT, since=INSTANT, **CIRCUMSTANCES),
    "Wish": {
        "type": "object",
        "required": ["action"],
        "additionalProperties": False,
        "properties": {
            "action": one_of(Action),
            "asins": list_of(TEXT) | {"maxItems": 1000},
            "all": {"type": "boolean", "description": "Instead of asins: every deal that question finds."},
            "question": {"type": "string", "description": "The parameters of /api/deals, as in an address."},
            "domain": WHOLE,
            "reason": {"type": ["string", "null"], "maxLength": LONGEST_REASON},
            "price": {"type": ["string", "number", "null"], "description": "What one copy cost, in currency units."},
        },
    },
    "Marked": record("How many deals were marked, and the token that undoes it.", marked=COUNT, undo=TEXT),
    "UndoWish": {
        "type": "object",
        "required": ["undo"],
        "additionalProperties": False,
        "properties": {"undo": TEXT},
    },
    "Undone": record(
        "How many deals are as before; the rest were marked again since.", undone=COUNT, left_alone=COUNT, undo=TEXT
    ),
    "Error": record(
        "Every refusal has this shape.",
        error={
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": TEXT, "message": TEXT, "parameter": TEXT},
        },
    ),
}
