"""How the pages look to one browser: light, dark, or as its system does."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request
from werkzeug.wrappers import Response

from keepa_deals.web.access import local_path

THEMES = ("light", "dark", "system")
COOKIE = "theme"
KEPT_SECONDS = 365 * 24 * 3600

blueprint = Blueprint("look", __name__)


@blueprint.post("/theme")
def choose_theme() -> Response:
    """Remembers the colours in a cookie, which the frame of every page reads, and goes back."""
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        abort(400, f"theme must be one of {', '.join(THEMES)}.")
    answer = redirect(local_path(request.form.get("next", "")), 303)
    answer.set_cookie(COOKIE, chosen, max_age=KEPT_SECONDS, samesite="Lax", httponly=True, path="/")
    return answer
