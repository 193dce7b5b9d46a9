"""The web: pages, API and status, built by `create_app` from what it is handed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from jinja2 import StrictUndefined
from werkzeug.wrappers import Response

from keepa_deals.clock import Clock
from keepa_deals.health import HealthFacts, Verdict, verdict_line
from keepa_deals.settings import Settings
from keepa_deals.store.engine import Database
from keepa_deals.web import (
    access,
    answers,
    api,
    api_docs,
    changes,
    deal_page,
    errors,
    export,
    filters,
    health_page,
    limits,
    look,
    metrics,
    pages,
    status,
    triage,
)
from keepa_deals.web.desk import EXTENSION, Desk, FactsDesk, VerdictDesk, desk

CHECKOUT = Path(__file__).resolve().parents[2]
LARGEST_BODY = 64 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
SHOWN_BY = (
    "money",
    "short_money",
    "percent",
    "short_percent",
    "count",
    "short_count",
    "condition",
    "exact_time",
    "clock_time",
    "age",
    "since",
    "short_since",
    "month",
    "at",
    "verdict_text",
    "iso",
    "as_text",
)


def create_app(
    settings: Settings,
    *,
    database: Database,
    clock: Clock,
    verdict: Callable[[], Verdict],
    facts: Callable[[], HealthFacts] | None = None,
) -> Flask:
    """The WSGI application. It reads `database` through its read-only door and asks `verdict` every two seconds.

    `facts` is what the verdict is made from, for the health page and the metrics.
    """
    app = Flask("keepa_deals", template_folder=str(CHECKOUT / "templates"), static_folder=str(CHECKOUT / "static"))
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY)
    app.extensions[EXTENSION] = Desk(settings, database, clock, VerdictDesk(verdict, clock=clock), FactsDesk(facts))
    metrics.register(app, settings)
    limits.guard(app, limits.Limits())
    access.guard(app, settings)
    errors.register(app)
    for room in (status, api, api_docs, export, changes, triage, pages, deal_page, look, health_page):
        app.register_blueprint(room.blueprint)
    app.after_request(answers.finish)
    app.after_request(harden)
    app.context_processor(surroundings)
    app.jinja_env.filters.update({name: getattr(filters, name) for name in SHOWN_BY})
    app.jinja_env.filters["verdict_line"] = verdict_line
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    return app


def harden(response: Response) -> Response:
    """Nothing inline, nothing from elsewhere, nothing kept by a cache for others."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def surroundings() -> dict[str, Any]:
    """What every page's frame shows."""
    here = desk()
    return {
        "verdict": here.verdict,
        "now": here.now(),
        "is_demo": here.settings.is_demo,
        "marketplace": here.marketplace,
        "marketplace_of": here.marketplace_of,
        "needs_key": access.needs_key(here.settings),
    }
