"""Every failure in one shape: JSON for programs, a page for people, and nothing of the inside in either."""

from __future__ import annotations

import logging
import secrets
from typing import Any

import msgspec
from flask import Flask, Response, redirect, render_template, request, url_for
from flask.globals import request_ctx
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as AnyResponse

from keepa_deals.errors import BadParameter, StoreError

log = logging.getLogger(__name__)

CODES = {
    400: "bad_request",
    401: "key_needed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    429: "too_many_requests",
    500: "internal_error",
    503: "database_unavailable",
}
TITLES = {
    400: "That can't be understood",
    401: "A key is needed",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not possible here",
    413: "That is too large",
    429: "Too many requests",
    500: "Something went wrong",
    503: "The deals can't be read now",
}
_encoder = msgspec.json.Encoder(decimal_format="number")


def json_response(body: Any, status: int = 200) -> Response:
    """`body` as JSON; Decimals keep their decimals, instants are ISO 8601 with a Z."""
    return Response(encoded(body) + b"\n", status=status, mimetype="application/json")


def encoded(body: Any) -> bytes:
    return _encoder.encode(body)


def register(app: Flask) -> None:
    app.register_error_handler(BadParameter, bad_parameter)
    app.register_error_handler(HTTPException, refused)
    app.register_error_handler(SQLAlchemyError, unreadable)
    app.register_error_handler(StoreError, unreadable)
    app.register_error_handler(msgspec.MsgspecError, unreadable)
    app.register_error_handler(Exception, unexpected)


def for_program() -> bool:
    """Whether a program asked, going by the path alone."""
    return request.path.startswith("/api") or request.path in ("/healthz", "/readyz", "/metrics")


def bad_parameter(error: BadParameter) -> AnyResponse:
    return answer(400, str(error), code="bad_parameter", parameter=error.parameter)


def refused(error: HTTPException) -> AnyResponse:
    if isinstance(error, RequestRedirect):
        return redirect(error.new_url, error.code)
    status = error.code or 500
    if status == 401 and not for_program() and request.method == "GET":
        return redirect(url_for("access.login", next=request.full_path.rstrip("?")), 303)
    message = _sentence(error, status)
    response = answer(status, message)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def unreadable(error: Exception) -> AnyResponse:
    """The database is locked, missing, not ours to read, or damaged."""
    incident = _log(error, "the database could not be read")
    return answer(503, f"{database_sentence(error)} (incident {incident})")


def unexpected(error: Exception) -> AnyResponse:
    incident = _log(error, "a request failed")
    return answer(500, f"This request failed through a fault of ours; it is in web.log as incident {incident}.")


def answer(status: int, message: str, *, code: str | None = None, parameter: str | None = None) -> AnyResponse:
    """The one error shape."""
    if for_program():
        error = {"code": code or CODES.get(status, "error"), "message": message}
        if parameter is not None:
            error["parameter"] = parameter
        return json_response({"error": error}, status)
    if request_ctx.url_adapter is None:
        # Under a host name that nobody could have, no address can be built, and so no page.
        return Response(f"{message}\n", status=status, mimetype="text/plain")
    title = TITLES.get(status, "That did not work")
    return Response(render_template("error.html", title=title, message=message, status=status), status=status)


def database_sentence(error: Exception) -> str:
    """What is wrong with the database, as far as its own words tell, and what to do."""
    words = str(getattr(error, "orig", error)).lower()
    if "locked" in words or "busy" in words:
        return "The database is held by another program; try again in a moment."
    if "no such table" in words or "no such column" in words:
        return "The database is not at this version yet; run ./deploy_update.sh."
    if "unable to open" in words:
        return "The database is not there or may not be read; start the service with ./start_celery.sh."
    return "The database can't be read; run Diagnostics/comprehensive_diag.py."


def _sentence(error: HTTPException, status: int) -> str:
    if status == 404 and error.description == type(error).description:
        return "There is no such page; the deals are at / and the API is at /api/deals."
    if status == 405:
        return f"{request.method} is not possible here."
    return error.description or "The request was refused."


def _log(error: Exception, what: str) -> str:
    incident = secrets.token_hex(4)
    log.error("%s incident=%s path=%r", what, incident, request.path, exc_info=error)
    return incident
