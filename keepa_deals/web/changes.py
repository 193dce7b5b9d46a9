"""What changed: as JSON behind a cursor, as an Atom feed, and as events while they happen."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, stream_with_context

from keepa_deals.deal_fields import NotRight, whole_number
from keepa_deals.deal_query import LARGEST_LIMIT, DealQuery
from keepa_deals.errors import BadParameter
from keepa_deals.store import changes_feed
from keepa_deals.store.changes_feed import KINDS, TOLD, ChangesPage, SeenChange
from keepa_deals.store.triage import OWNER
from keepa_deals.web.api import asked_query, circumstances
from keepa_deals.web.columns import VIEW_PARAMETERS
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import encoded, json_response
from keepa_deals.web.marketplaces import MARKETPLACES, Marketplace

blueprint = Blueprint("changes", __name__)

OWN_PARAMETERS = ("cursor", "kind", *VIEW_PARAMETERS)
NOW, VISIT = "now", "visit"
MOST_STREAMS = 2
"""of the eight threads of a web process; whoever finds none asks again"""
STREAM_SECONDS = 20
"""The browser comes back by itself; the web ends every request after 30 s."""
LOOK_EVERY = 2.0
ASK_AGAIN_AFTER = 30
IN_WORDS = {
    "new": "New",
    "back": "Back",
    "cheaper": "Cheaper",
    "dearer": "Dearer",
    "gone": "Gone",
    "unverified": "Past its promise",
    "verified_again": "Verified again",
    "judged": "Judged anew",
}

_streams = threading.BoundedSemaphore(MOST_STREAMS)


@blueprint.get("/api/changes")
def changes() -> Response:
    now = desk().now()
    page = _asked_page(now)
    body = {
        "changes": [change_json(change) for change in page.changes],
        "counts": counts(page),
        "next_cursor": str(page.next_seq),
        "is_more": page.is_more,
    }
    return json_response(body | circumstances(now))


@blueprint.get("/api/changes/stream")
def stream() -> Response:
    """Server-sent events; each has the body of `/api/changes` for what came since the one before."""
    query, kinds = _asked_question(), _asked_kinds()
    seq = _asked_start(request.headers.get("Last-Event-ID") or request.args.get("cursor") or NOW)
    if not _streams.acquire(blocking=False):
        told = "All streams are taken; ask /api/changes from time to time instead."
        response = json_response({"error": {"code": "too_many_streams", "message": told}}, 503)
        response.headers["Retry-After"] = str(ASK_AGAIN_AFTER)
        return response
    events = stream_with_context(_events(query, kinds, seq))
    response = Response(events, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    response.call_on_close(_streams.release)
    return response


@blueprint.get("/changes.atom")
def atom() -> Response:
    page = _asked_page(desk().now())
    text = render_template(
        "changes.atom",
        changes=[
            (change, _printable(change.title), _printable(told_title(change))) for change in reversed(page.changes)
        ],
        updated=page.changes[-1].at if page.changes else desk().now(),
        in_words=IN_WORDS,
    )
    return Response(text, mimetype="application/atom+xml")


@blueprint.get("/changes")
def page() -> str:
    """The same for people: since the last visit, unless a cursor says otherwise."""
    now = desk().now()
    with desk().reading() as connection:
        visit = changes_feed.visit(connection, OWNER)
    shown = _asked_page(now, default=VISIT if visit is not None else None)
    is_older = not shown.changes and "cursor" not in request.args
    shown = _asked_page(now) if is_older else shown
    return render_template(
        "changes.html",
        changes=[(change, told_title(change)) for change in reversed(shown.changes)],
        counts=counts(shown),
        is_older=is_older,
        since=None if visit is None or "cursor" in request.args else visit.since_at,
        next_url=f"/changes?{_question_text(cursor=str(shown.next_seq))}" if shown.is_more else None,
        atom_url=f"/changes.atom?{_question_text()}",
        in_words=IN_WORDS,
    )


@blueprint.post("/api/visit")
def note_visit() -> Response:
    """The user is here. Answers since which cursor things are new to them."""
    now = desk().now()
    with desk().database.write.begin() as connection:
        visit = changes_feed.note_visit(connection, OWNER, now=now)
    return json_response({"cursor": str(visit.since_seq), "since": visit.since_at} | circumstances(now))


def change_json(change: SeenChange) -> dict[str, Any]:
    """One change; its amounts in currency units, without `_cents` in their names."""
    place = _place(change)
    detail = {
        name.removesuffix("_cents"): place.amount(value)
        if name.endswith("_cents") and (value is None or isinstance(value, int))
        else value
        for name, value in change.detail.items()
    }
    return {
        "cursor": str(change.seq),
        "at": change.at,
        "kind": change.kind,
        "asin": change.asin,
        "domain": change.domain_id,
        "title": change.title,
        "currency": place.currency,
        "detail": detail,
    }


def told_title(change: SeenChange) -> str:
    """One line for a person."""
    place, detail = _place(change), change.detail
    before, after = detail.get("from_cents"), detail.get("to_cents")
    if before is not None and after is not None:
        return f"{IN_WORDS[change.kind]}: {place.money(before)} → {place.money(after)}"
    if change.kind == "new" and detail.get("profit_cents") is not None:
        return f"New: {place.money(detail['profit_cents'])} expected profit"
    if change.kind == "gone" and detail.get("reason"):
        return f"Gone: {detail['reason']}"
    return IN_WORDS[change.kind]


def counts(page: ChangesPage) -> dict[str, int]:
    """How many deals had each kind of change on this page, in the order of the kinds."""
    seen = {(change.kind, change.asin, change.domain_id) for change in page.changes}
    by_kind = {kind: sum(1 for one in seen if one[0] == kind) for kind in KINDS}
    return {kind: number for kind, number in by_kind.items() if number}


def _asked_page(now: datetime, *, default: str | None = None) -> ChangesPage:
    query, kinds = _asked_question(), _asked_kinds()
    cursor = request.args.get("cursor", "").strip() or default
    with desk().reading() as connection:
        if cursor is None:
            return changes_feed.latest(connection, query.limit, query, now=now, kinds=kinds)
        seq = _asked_start(cursor)
        return changes_feed.since(connection, seq, query.limit, query, now=now, kinds=kinds)


def _asked_question() -> DealQuery:
    return asked_query(besides=OWN_PARAMETERS)


def _asked_start(text: str) -> int:
    """The number of the change after which to begin. Raises BadParameter."""
    if text in (NOW, VISIT):
        with desk().reading() as connection:
            visit = changes_feed.visit(connection, OWNER) if text == VISIT else None
            return changes_feed.newest(connection) if visit is None else visit.since_seq
    try:
        return whole_number(text, low=0, high=999_999_999)
    except NotRight:
        told = f"cursor is {text[:60]!r}; take next_cursor from the answer before, or give now or visit."
        raise BadParameter(told, parameter="cursor") from None


def _asked_kinds() -> tuple[str, ...]:
    names = [name.strip() for text in request.args.getlist("kind") for name in text.split(",") if name.strip()]
    for name in names:
        if name not in KINDS:
            told = f"kind is {name[:60]!r}; it must be one of {', '.join(KINDS)}."
            raise BadParameter(told, parameter="kind")
    return tuple(dict.fromkeys(names)) or TOLD


def _events(query: DealQuery, kinds: tuple[str, ...], seq: int) -> Iterator[bytes]:
    """What happens from `seq` on, looked for every two seconds; then the browser asks anew."""
    pause = threading.Event()
    yield b"retry: 2000\n\n"
    for _ in range(max(1, round(STREAM_SECONDS / LOOK_EVERY))):
        with desk().reading() as connection:
            found = changes_feed.since(connection, seq, LARGEST_LIMIT, query, now=desk().now(), kinds=kinds)
        seq = found.next_seq
        if found.changes:
            body = {"changes": [change_json(change) for change in found.changes], "counts": counts(found)}
            yield b"id: %d\nevent: changes\ndata: %s\n\n" % (seq, encoded(body))
        else:
            yield b": nothing new\n\n"
        pause.wait(LOOK_EVERY)


def _printable(text: str) -> str:
    """`text` without what XML has no way to write."""
    return "".join(letter for letter in text if letter.isprintable())


def _question_text(**others: str) -> str:
    kept = [(name, text) for name, text in request.args.items(multi=True) if name not in ("cursor", *others)]
    return urlencode([*kept, *others.items()])


def _place(change: SeenChange) -> Marketplace:
    return MARKETPLACES.get(change.domain_id, desk().marketplace)
