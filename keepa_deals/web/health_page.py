"""The health page: the verdict, why, since when, and what to do; and the runbook it points to."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import Blueprint, abort, render_template
from sqlalchemy.exc import SQLAlchemyError

from keepa_deals.health import judge_health
from keepa_deals.records import Pass
from keepa_deals.store import evidence, history
from keepa_deals.web import health_view, runbook
from keepa_deals.web.desk import desk

blueprint = Blueprint("health", __name__)

RUNBOOK = "operations.md"


@dataclass(slots=True)
class Past:
    """What the database remembers of the last 24 hours; empty where it can't be read."""

    kept: list[history.KeptVerdict] = field(default_factory=list)
    spent: list[history.Spending] = field(default_factory=list)
    quiet: health_view.Quiet = field(default_factory=dict)
    is_readable: bool = True


@blueprint.get("/health")
def health() -> str:
    """Never fails for want of what it reports on: a part that can't be read says so."""
    here = desk()
    facts = here.facts()
    told = here.verdict() if facts is None else judge_health(facts)
    past = _past()
    tokens = None if facts is None else facts.tokens
    return render_template(
        "health.html",
        verdict=lambda: told,
        told=told,
        real_now=here.now() if facts is None else facts.real_now,
        strip=health_view.strip(past.kept, now=here.now()),
        past=past,
        turns=health_view.schedule(facts, past.quiet),
        queues=health_view.queues(facts),
        processes=health_view.processes(facts),
        tokens=tokens if tokens is not None and tokens.known else None,
        shares=health_view.shares(past.spent, per_minute=None if tokens is None else tokens.per_minute),
    )


@blueprint.get("/health/runbook")
def operations() -> str:
    """docs/operations.md; each finding's id is the id of its heading."""
    file = desk().settings.root / "docs" / RUNBOOK
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        abort(404, f"docs/{RUNBOOK} is not in this checkout.")
    return render_template("runbook.html", text=runbook.render(text))


def _past() -> Past:
    here = desk()
    since = here.now() - health_view.STRIP
    try:
        with here.reading() as connection:
            return Past(
                history.verdicts_since(connection, since=since),
                history.spending(connection, since=since),
                {which: evidence.quiet_times(connection, which, since=since) for which in Pass},
            )
    except SQLAlchemyError:
        return Past(is_readable=False)
