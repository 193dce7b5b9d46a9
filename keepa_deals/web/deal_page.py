"""One deal's page, the history behind its chart, and where any ASIN is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from keepa_deals.deal_query import parse_deal_query
from keepa_deals.errors import BadParameter
from keepa_deals.planner import LookKind
from keepa_deals.price_history import PriceHistory
from keepa_deals.store import asked_looks, find
from keepa_deals.store.asked_looks import Answer
from keepa_deals.store.find import DealDetails
from keepa_deals.store.kept_histories import kept_history
from keepa_deals.store.traces import Traces, hidden_by, traces_of
from keepa_deals.web import what_if as what_ifs
from keepa_deals.web.api import asked_deal, explanation_json
from keepa_deals.web.chart import COUNTS, LABELS, LIKELY_USED, MONEY, by_month, chart_json
from keepa_deals.web.chart_drawing import HEIGHT, LEFT, RIGHT, WIDTH, drawing_of
from keepa_deals.web.columns import VIEW_PARAMETERS, read_view
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import json_response
from keepa_deals.web.explained import explained_steps, steps_of, sureness, waterfall
from keepa_deals.web.table import Table
from keepa_deals.web.timeline import timeline_of
from keepa_deals.web.whereabouts import LONGEST_TYPED, Whereabouts, read_asin, whereabouts, why_here

blueprint = Blueprint("deal_page", __name__)

CHART_LIBRARY = Path("vendor", "uplot", "uPlot.iife.min.js")
CHART_FIELD = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT}


KINDS = {"light": LookKind.VERIFY_LIGHT, "full": LookKind.VERIFY_FULL}
REFUSALS = {
    Answer.NOT_SHOWN: "It is gone, so there is nothing to check; a new price in the feed brings it back by itself.",
    Answer.SET_ASIDE: "It was set aside after three failures, so no look is bought until its price moves.",
    Answer.TOO_MANY: f"{asked_looks.MOST_ASKED} asked-for looks are waiting already; ask again when some are done.",
}


def deal_page(asin: str) -> str:
    """The page of one deal in whatever state. Aborts with 404 for what was never one."""
    now = desk().now()
    details = asked_deal(asin, now, besides=what_ifs.PARAMETERS)
    deal, place = details.deal, desk().marketplace_of(details.deal)
    asked = {name: request.args.getlist(name)[-1] for name in what_ifs.PARAMETERS if name in request.args}
    with desk().reading() as connection:
        traces = traces_of(connection, deal.asin, deal.domain_id)
        turn = asked_looks.turn_of(connection, deal.asin, deal.domain_id, now=now)
    return render_template(
        "deal.html",
        details=details,
        deal=deal,
        place=place,
        bars=waterfall(deal, details.explanation),
        sureness=sureness(deal, place, refusal=details.refusal),
        what_if=what_ifs.what_if(steps_of(details.explanation), asked, place),
        steps=explained_steps(details.explanation, place),
        chart=_chart(details),
        turn=turn,
        timeline=timeline_of(details, traces, place),
        why_here=why_here(details, traces, place),
    )


@blueprint.post("/deals/<asin>/look")
def ask_for_look(asin: str) -> AnyResponse:
    """Put the deal first in the line of looks, then show its page, which says when its turn comes."""
    now, text = desk().now(), request.form.get("look", "")
    if text not in KINDS:
        raise BadParameter(f"look is {text[:60]!r}; it must be light or full.", parameter="look")
    deal = asked_deal(asin, now).deal
    with desk().database.write.begin() as connection:
        answer = asked_looks.ask_for_look(connection, deal.asin, deal.domain_id, kind=KINDS[text], now=now)
    if answer in REFUSALS:
        abort(409, REFUSALS[answer])
    is_elsewhere = deal.domain_id != desk().settings.keepa_domain
    address = url_for("pages.deal", asin=deal.asin, domain=deal.domain_id if is_elsewhere else None)
    return redirect(f"{address}#look", 303)


@blueprint.get("/why")
def why() -> tuple[str, int]:
    """Where an ASIN is, for people; with the table's own parameters, as that table sees it."""
    typed = request.args.get("asin", "").strip()[:200]
    asin = read_asin(typed)
    shown: dict[str, Any] = {"typed": typed[:LONGEST_TYPED], "asin": asin, "answer": None, "deal": None, "title": None}
    shown["steps"] = []
    table = _table()
    if asin is not None:
        answer, details, traces = _where(asin, table)
        shown |= {"answer": answer, "deal": None if details is None else details.deal}
        shown["title"] = traces.candidate.title if details is None and traces.candidate is not None else None
        shown["steps"] = explained_steps(_refused_by(traces), table.place)
    shown |= {"table": table, "is_wrong": bool(typed) and asin is None}
    return render_template("why.html", **shown), 400 if shown["is_wrong"] else 200


@blueprint.get("/api/why")
def why_json() -> Response:
    """The same for programs: `where`, a headline, its grounds, since when, the filters that hide it, the steps of a
    refusal.
    """
    typed = request.args.get("asin", "").strip()[:200]
    asin = read_asin(typed)
    if asin is None:
        raise BadParameter(
            f"asin is {typed[:60]!r}; it must be an ASIN (ten letters and digits), an ISBN or a product's address.",
            parameter="asin",
        )
    table = _table()
    answer, _, traces = _where(asin, table)
    body = {
        "asin": asin,
        "where": answer.where.value,
        "headline": answer.headline,
        "grounds": answer.grounds,
        "since": answer.since,
        "hidden_by": [{"parameter": one.parameter, "words": one.words} for one in answer.hidden_by],
        "explanation": explanation_json(_refused_by(traces), table.place),
        "as_of": desk().now(),
    }
    return json_response(body)


def _table() -> Table:
    """The table whose parameters stand beside `asin`. Raises BadParameter."""
    place = desk().marketplace
    besides = {"asin", *VIEW_PARAMETERS}
    query = parse_deal_query(request.args, minor_digits=place.minor_digits, besides=besides)
    view, _ = read_view({name: values for name, values in request.args.lists() if name in VIEW_PARAMETERS})
    return Table(query.starting_after(None), view, place)


def _where(asin: str, table: Table) -> tuple[Whereabouts, DealDetails | None, Traces]:
    now, domain_id = desk().now(), desk().marketplace.domain_id
    with desk().reading() as connection:
        details = find.deal(connection, asin, domain_id, now=now)
        traces = traces_of(connection, asin, domain_id)
        hiding = _hiding(connection, asin, table) if details is not None else ()
    return whereabouts(details, traces, table=table, hidden_by=hiding, now=now), details, traces


def _refused_by(traces: Traces) -> Any:
    return None if traces.candidate is None else traces.candidate.explanation


def _hiding(connection: Connection, asin: str, table: Table) -> tuple[str, ...]:
    return hidden_by(connection, table.query, asin, desk().marketplace.domain_id, now=desk().now())


@blueprint.get("/api/deals/<asin>/history")
def history(asin: str) -> Response:
    """The charted history: up to two years of prices, rank and offers, with the sales inferred from them."""
    details = asked_deal(asin, desk().now())
    deal, kept = details.deal, _history(details)
    place = desk().marketplace_of(deal)
    nothing = PriceHistory(until=0, series={}, sales=())
    body = {"asin": deal.asin, "domain": deal.domain_id, "currency": place.currency, "is_kept": kept is not None}
    return json_response(body | chart_json(kept or nothing, deal, place))


def _history(details: DealDetails) -> PriceHistory | None:
    with desk().reading() as connection:
        return kept_history(connection, details.deal.asin, details.deal.domain_id)


def _chart(details: DealDetails) -> dict[str, Any] | None:
    """What the chart's part of the page shows; None before the first full look."""
    kept = _history(details)
    if kept is None:
        return None
    deal = details.deal
    return {
        "drawing": drawing_of(kept, deal, desk().marketplace_of(deal)),
        "field": CHART_FIELD,
        "months": by_month(kept),
        "labels": {name: LABELS[name] for name in (*MONEY, *COUNTS) if name in kept.series},
        "sales": sum(sale.used_probability > LIKELY_USED for sale in kept.sales),
        "is_interactive": (Path(current_app.static_folder or "") / CHART_LIBRARY).is_file(),
    }
