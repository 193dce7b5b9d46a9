"""The API's description, for programs and to be read."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template

from keepa_deals.web.errors import json_response
from keepa_deals.web.openapi import REFUSALS, document

blueprint = Blueprint("api_docs", __name__)

described: Any = cache(document)


@blueprint.get("/api/openapi.json")
def openapi() -> Response:
    return json_response(described())


@blueprint.get("/api/docs")
def docs() -> str:
    whole = described()
    shared = {parameter["name"]: parameter for parameter in whole["paths"]["/api/deals"]["get"]["parameters"]}
    return render_template("api_docs.html", api=whole, shared=shared, refusals=REFUSALS)
