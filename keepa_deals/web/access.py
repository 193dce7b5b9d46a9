"""Who may ask: the names this web answers to, the key when others can reach it, and where changes come from."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import socket
from datetime import timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from keepa_deals.settings import Settings, is_loopback
from keepa_deals.web.desk import desk
from keepa_deals.web.failed_logins import FailedLogins

OPEN_ENDPOINTS = ("status.healthz", "static", "access.login", "access.enter")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
WILDCARDS = ("0.0.0.0", "::")  # noqa: S104 - recognised, not bound
SESSION_MARK = "may_enter"
FAILED_LOGINS = "keepa_deals_failed_logins"
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.-]+)(:\d*)?", re.ASCII | re.IGNORECASE)
"""a name or an address with or without a port, and nothing that a reader of addresses could take for more"""

blueprint = Blueprint("access", __name__)


def guard(app: Flask, settings: Settings) -> None:
    """Make `app` ask these questions before every request."""
    app.config.update(
        SESSION_COOKIE_NAME=f"keepa_deals_{settings.web_port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
    )
    app.secret_key = session_key(settings)
    app.extensions[FAILED_LOGINS] = FailedLogins()
    app.before_request(refuse_unknown_host)
    app.before_request(refuse_foreign_change)
    app.before_request(refuse_without_key)
    app.register_blueprint(blueprint)


def session_key(settings: Settings) -> bytes | None:
    """Signs the browser's session. It follows from the admin key: another key ends every session at once."""
    if settings.admin_api_key is None:
        return None
    return hmac.digest(settings.admin_api_key.reveal().encode(), b"keepa-deals session", hashlib.sha256)


def refuse_unknown_host() -> None:
    """A name we don't know is somebody else's page pointing at this machine."""
    if not knows_host(request.headers.get("Host", ""), desk().settings):
        abort(
            400,
            "This is not a name that this service answers to; use its own, or add this one to WEB_HOSTNAMES.",
        )


def knows_host(host: str, settings: Settings) -> bool:
    """Whether `host` (a Host header, its port ignored) is a name of this service.

    Where it listens on every address, any address is one of its own: only a name can be pointed at us by others.
    """
    if HOST.fullmatch(host) is None:
        return False
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        is_address = _is_address(name)
    except ValueError:
        return False
    own = {settings.web_host.lower(), "localhost", "127.0.0.1", "::1", socket.gethostname().lower()}
    own.update(settings.web_hostnames)
    return name in own or (settings.web_host in WILDCARDS and is_address)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def refuse_foreign_change() -> None:
    """A change must come from our own pages, or from a program that shows the key in a header."""
    if request.method in SAFE_METHODS or request.routing_exception is not None:
        return
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    same_site = site in (None, "same-origin")
    same_origin = origin is None or _is_own(origin)
    is_told = site is not None or origin is not None
    if not (same_site and same_origin and (is_told or shows_key())):
        abort(403, "A change must come from this service's own pages.")


def _is_own(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.headers.get("Host")
    except ValueError:
        return False


def refuse_without_key() -> None:
    if not needs_key(desk().settings) or request.endpoint in OPEN_ENDPOINTS:
        return
    if not (session.get(SESSION_MARK) is True or shows_key()):
        abort(401, "ADMIN_API_KEY is needed: send it as X-Admin-Key or Authorization: Bearer, or log in.")


def needs_key(settings: Settings) -> bool:
    return not is_loopback(settings.web_host)


def shows_key() -> bool:
    """Whether the request's headers hold the admin key."""
    bearer = request.headers.get("Authorization", "")
    given = request.headers.get("X-Admin-Key") or (bearer[7:].strip() if bearer[:7].lower() == "bearer " else "")
    return is_key(given)


def is_key(given: str) -> bool:
    key = desk().settings.admin_api_key
    return key is not None and hmac.compare_digest(given.encode("utf-8", "replace"), key.reveal().encode())


@blueprint.get("/login")
def login() -> str:
    return render_template("login.html", next_page=local_path(request.args.get("next", "")))


@blueprint.post("/login")
def enter() -> Response | tuple[str, int] | tuple[str, int, dict[str, str]]:
    next_page = local_path(request.form.get("next", ""))
    failures, address = current_app.extensions[FAILED_LOGINS], request.remote_addr or ""
    wait = math.ceil(failures.seconds_to_wait(address))
    if wait > 0:
        page = render_template("login.html", next_page=next_page, wait_minutes=math.ceil(wait / 60))
        return page, 429, {"Retry-After": str(wait)}
    if not is_key(request.form.get("key", "")):
        failures.note(address)
        return render_template("login.html", next_page=next_page, refused=True), 401
    failures.forget(address)
    session.clear()
    session.permanent = True
    session[SESSION_MARK] = True
    return redirect(next_page, 303)


@blueprint.post("/logout")
def leave() -> Response:
    session.clear()
    return redirect(url_for("access.login"), 303)


def local_path(target: str) -> str:
    """`target` if it is a path of ours, else the first page: a login never sends anybody elsewhere."""
    try:
        parts = urlsplit(target.replace("\\", "/"))
    except ValueError:
        return "/"
    starts_right = target.startswith("/") and not target.startswith("//")
    is_ours = starts_right and not parts.netloc and not parts.scheme and "\\" not in target
    return target if is_ours and target.isprintable() else "/"
