"""One deal's page, and the history behind its chart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, render_template

from keepa_deals.price_history import PriceHistory
from keepa_deals.store.find import DealDetails
from keepa_deals.store.kept_histories import kept_history
from keepa_deals.web.api import asked_deal
from keepa_deals.web.chart import COUNTS, LABELS, LIKELY_USED, MONEY, by_month, chart_json
from keepa_deals.web.chart_drawing import HEIGHT, LEFT, RIGHT, WIDTH, drawing_of
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import json_response
from keepa_deals.web.explained import explained_steps, waterfall

blueprint = Blueprint("deal_page", __name__)

CHART_LIBRARY = Path("vendor", "uplot", "uPlot.iife.min.js")
CHART_FIELD = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT}


def deal_page(asin: str) -> str:
    """The page of one deal in whatever state. Aborts with 404 for what was never one."""
    now = desk().now()
    details = asked_deal(asin, now)
    place = desk().marketplace_of(details.deal)
    return render_template(
        "deal.html",
        details=details,
        deal=details.deal,
        place=place,
        bars=waterfall(details.deal),
        steps=explained_steps(details.explanation, place),
        chart=_chart(details),
    )


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
