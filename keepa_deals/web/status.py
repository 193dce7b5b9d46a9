"""Is the web there, and does the service do its work: two questions with two answers."""

from __future__ import annotations

from flask import Blueprint, Response

from keepa_deals.health import Finding
from keepa_deals.web.desk import desk
from keepa_deals.web.errors import json_response

blueprint = Blueprint("status", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Only that this process answers."""
    return json_response({"status": "alive"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """The verdict: 200 while it works or waits for tokens, else 503."""
    verdict = desk().verdict()
    body = {
        "verdict": verdict.state.value,
        "waiting_until": verdict.waiting_until,
        "findings": [_finding(finding) for finding in verdict.findings],
        "at": verdict.at,
    }
    return json_response(body, 200 if verdict.is_fine else 503)


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "id": finding.id,
        "level": finding.level.value,
        "seen": finding.seen,
        "since": finding.since,
        "remedy": finding.remedy,
    }
