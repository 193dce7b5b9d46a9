"""The API's description tells the truth: every route, every parameter, every answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from keepa_deals.deal_query import PARAMETERS
from keepa_deals.store.change_rows import Change, insert_changes
from keepa_deals.store.engine import Database
from keepa_deals.store.find import Deal
from keepa_deals.web import changes
from keepa_deals.web.openapi import document
from keepa_deals.web.openapi_schemas import DEAL
from tests.builders import NOW, a_deal_row, a_spark, asin_number

OURS = {"Origin": "http://localhost", "Accept-Encoding": "identity"}
ASIN = asin_number(1)
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
def filled(hold: Callable[..., None], database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Deals in every state and some changes; streams end at once."""
    monkeypatch.setattr(changes, "STREAM_SECONDS", 0)
    monkeypatch.setattr(changes, "LOOK_EVERY", 0.0001)
    gone = {"state": "gone", "gone_at": NOW, "gone_reason": "sold", "gone_evidence": {"by": "full_look"}}
    nothing = dict.fromkeys(("condition", "profit_cents", "margin", "price_changed_at", "author", "category_id"))
    offers = [{"condition": 4, "item_cents": 100, "shipping_cents": None, "landed_cents": None, "is_fba": False,
               "seller_id": "A1", "last_seen": "2026-03-05T11:00:00Z"}]  # fmt: skip
    hold(a_deal_row(asin=ASIN, spark=a_spark(), offers=offers), a_deal_row(asin=asin_number(2), **gone))
    hold(a_deal_row(asin=asin_number(3), promised_until=NOW, **nothing))
    with database.write.begin() as connection:
        insert_changes(connection, [Change(ASIN, "cheaper", {"from_cents": 2, "to_cents": 1})], domain_id=1, now=NOW)
    yield


@pytest.fixture
def described_api(make_app: Callable[..., Flask], filled: None) -> Any:
    return schemathesis.openapi.from_wsgi("/api/openapi.json", make_app())


def test_whatever_is_asked_the_answer_is_a_declared_one(described_api: Any) -> None:
    for path, operations in document()["paths"].items():
        for method in operations:
            ask_whatever(described_api[path][method.upper()])


def ask_whatever(operation: Any) -> None:
    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(operation.as_strategy(), operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)))
    def ask(case: Case) -> None:
        case.call_and_validate(headers=OURS, checks=CHECKS)

    ask()


def test_every_route_is_declared_and_every_declared_route_exists(make_app: Callable[..., Flask]) -> None:
    there = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in make_app().url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    declared = {(path, method) for path, operations in document()["paths"].items() for method in operations}
    assert there == declared


def test_every_parameter_of_a_question_is_declared() -> None:
    declared = {parameter["name"] for parameter in document()["paths"]["/api/deals"]["get"]["parameters"]}
    assert declared == {*PARAMETERS, "count"}


def test_every_property_of_a_deal_is_declared(client: FlaskClient, filled: None) -> None:
    deals = client.get("/api/deals?state=all").get_json()["deals"]
    assert len(deals) == 3
    for deal in deals:
        assert set(deal) == set(DEAL["properties"])
    assert len(Deal.__struct_fields__) > 50


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/deals?state=all&limit=2", "Deals"),
        (f"/api/deals/{ASIN}", "DealDetails"),
        ("/api/deal-count?count=none", "Count"),
        ("/api/facets?histogram=rank,profit", "Facets"),
        ("/api/changes?cursor=0", "Changes"),
        ("/api/deals?margn_gte=1", "Error"),
    ],
)
def test_answers_have_the_declared_shape(client: FlaskClient, filled: None, path: str, name: str) -> None:
    whole = document()
    schema = {"$ref": f"#/components/schemas/{name}", "components": whole["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(client.get(path).get_json())


def test_the_description_can_be_read_by_people_without_any_script(client: FlaskClient) -> None:
    answer = client.get("/api/docs")
    assert answer.mimetype == "text/html"
    for path in document()["paths"]:
        assert path in answer.text
    assert "//cdn" not in answer.text
