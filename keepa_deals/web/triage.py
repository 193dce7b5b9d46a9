"""Marking deals: one, some, or all that a question finds; and taking it back. For forms and for programs."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
from flask import Blueprint, abort, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from keepa_deals.deal_fields import Kind, NotRight, read_value
from keepa_deals.deal_query import parse_deal_query
from keepa_deals.errors import BadParameter
from keepa_deals.store import find, triage
from keepa_deals.store.triage import LONGEST_REASON, OWNER, Action, Key, Marked, Undone
from keepa_deals.web.access import local_path
from keepa_deals.web.columns import VIEW_PARAMETERS
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import json_response
from keepa_deals.web.marketplaces import MARKETPLACES

S = TypeVar("S", bound=msgspec.Struct)

blueprint = Blueprint("triage", __name__)

MOST_NAMED = 1_000
"""deals by their ASINs at once; more are marked by the question that finds them"""
HIGHEST_PRICE_CENTS = 10_000_000


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is to be marked, as a program sends it."""

    action: str
    asins: tuple[str, ...] = ()
    all: bool = False
    """instead of `asins`: every deal that `question` finds"""
    question: str = ""
    """the parameters of /api/deals, as in an address"""
    domain: int | None = None
    reason: str | None = None
    price: float | str | None = None
    """what one copy cost, in currency units; the deal's own price where it is left out"""


class UndoWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which act to take back."""

    undo: str


@blueprint.post("/api/triage")
def mark_by_program() -> Response:
    return _marked_json(_mark(_sent(Wish)))


@blueprint.post("/api/triage/undo")
def undo_by_program() -> Response:
    return _undone_json(_undo(_sent(UndoWish).undo))


@blueprint.post("/triage/<action>")
def mark(action: str) -> Response:
    """The same from a form, which is then led back to its page."""
    form, next_page = request.form, _next_page()
    domain = form.get("domain", "").strip()
    marked = _mark(
        Wish(
            action=action,
            asins=tuple(text.strip() for text in form.getlist("asin") if text.strip()),
            all=form.get("all", "") == "1",
            question=form.get("question", ""),
            domain=int(domain) if domain.isascii() and domain.isdecimal() and len(domain) < 5 else None,
            reason=form.get("reason", "").strip() or None,
            price=form.get("price", "").strip() or None,
        )
    )
    return _marked_json(marked) if _wants_json() else _back(next_page, marked=str(marked.number), undo=marked.token)


@blueprint.post("/triage/undo")
def undo() -> Response:
    next_page = _next_page()
    undone = _undo(request.form.get("token", ""))
    return _undone_json(undone) if _wants_json() else _back(next_page)


def _mark(wish: Wish) -> Marked:
    """Raises BadParameter for what can't be done."""
    action, cents = _action(wish.action), _cents(wish)
    if wish.reason is not None and len(wish.reason) > LONGEST_REASON:
        raise BadParameter(f"reason has more than {LONGEST_REASON} characters.", parameter="reason")
    keys = _keys(wish)
    with desk().database.write.begin() as connection:
        return triage.mark(connection, OWNER, keys, action, now=desk().now(), reason=wish.reason, bought_cents=cents)


def _undo(token: str) -> Undone:
    with desk().database.write.begin() as connection:
        undone = triage.undo(connection, OWNER, token, now=desk().now())
    if undone is None:
        abort(404, "There is no such act to undo; after 30 days none can be undone.")
    return undone


def _action(text: str) -> Action:
    if text not in set(Action):
        raise BadParameter(f"action is {text[:60]!r}; it must be one of {', '.join(Action)}.", parameter="action")
    return Action(text)


def _keys(wish: Wish) -> list[Key]:
    """The deals that `wish` means, named or found."""
    place = desk().marketplace
    if wish.all:
        args = MultiDict(parse_qsl(wish.question, keep_blank_values=True))
        query = parse_deal_query(args, minor_digits=place.minor_digits, besides=(*VIEW_PARAMETERS, "cursor"))
        with desk().reading() as connection:
            return find.matching_keys(connection, query, now=desk().now())
    if not 0 < len(wish.asins) <= MOST_NAMED:
        told = f"asins names {len(wish.asins)} deals; name 1 to {MOST_NAMED}, or set all and give their question."
        raise BadParameter(told, parameter="asins")
    domain = place.domain_id if wish.domain is None else wish.domain
    if domain not in MARKETPLACES:
        raise BadParameter(f"domain is {domain}; it must be a marketplace's number, such as 1.", parameter="domain")
    return [(asin, domain) for asin in dict.fromkeys(asin.upper() for asin in wish.asins)]


def _cents(wish: Wish) -> int | None:
    if wish.price is None:
        return None
    try:
        cents = read_value(str(wish.price), Kind.MONEY, minor_digits=desk().marketplace.minor_digits)
        if not 0 <= cents <= HIGHEST_PRICE_CENTS:
            raise NotRight("it must be an amount from 0 to 100,000")
    except NotRight as wrong:
        raise BadParameter(f"price is {str(wish.price)[:60]!r}; {wrong}.", parameter="price") from None
    return int(cents)


def _sent(shape: type[S]) -> S:
    """The request's JSON. Raises BadParameter."""
    try:
        return msgspec.json.decode(request.get_data(), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError) as wrong:
        told = f"The body must be a JSON object with {', '.join(shape.__struct_fields__)}: {wrong}."
        raise BadParameter(told[:400], parameter="body") from None


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _marked_json(marked: Marked) -> Response:
    return json_response({"marked": marked.number, "undo": marked.token})


def _undone_json(undone: Undone) -> Response:
    return json_response({"undone": undone.number, "left_alone": undone.left_alone, "undo": undone.token})


def _next_page() -> SplitResult:
    """The page the form came from; read before anything is changed, so that no address can fail after it."""
    return urlsplit(local_path(request.form.get("next", "")))


def _back(parts: SplitResult, **told: str) -> Response:
    """To the page of these `parts`, with what there is to tell it."""
    kept = [(name, text) for name, text in parse_qsl(parts.query, keep_blank_values=True)]
    pairs = [(name, text) for name, text in kept if name not in ("marked", "undo")] + list(told.items())
    return redirect(urlunsplit(("", "", parts.path, urlencode(pairs), "")), 303)
