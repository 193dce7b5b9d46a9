"""Unchanged answers are not sent again, and large ones are sent smaller to whoever takes that."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.builders import a_deal_row, asin_number

GZIP = {"Accept-Encoding": "gzip, br"}


@pytest.fixture(autouse=True)
def many_deals(hold: Callable[..., None]) -> None:
    hold(*(a_deal_row(asin=asin_number(number)) for number in range(10)))


def test_an_unchanged_answer_is_not_sent_again(client: FlaskClient, hold: Callable[..., None]) -> None:
    first = client.get("/api/deals")
    assert first.headers["ETag"].startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": first.headers["ETag"]}
    same = client.get("/api/deals", headers=known)
    assert (same.status_code, same.data) == (304, b"")
    assert client.get("/api/deals?limit=2", headers=known).status_code == 200
    hold(a_deal_row(asin=asin_number(99)))
    assert client.get("/api/deals", headers=known).status_code == 200


@pytest.mark.parametrize("path", ["/api/deals", "/", "/static/base.css", "/api/openapi.json", "/api/docs"])
def test_a_large_answer_is_compressed_for_who_takes_it(client: FlaskClient, path: str) -> None:
    plain, small = client.get(path, buffered=True), client.get(path, headers=GZIP, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in small.headers["Vary"]
    assert gzip.decompress(small.data) == plain.data
    assert len(small.data) == int(small.headers["Content-Length"]) < len(plain.data) / 2
    assert client.get(path, headers={"Accept-Encoding": "gzip;q=0"}, buffered=True).data == plain.data


def test_small_and_streamed_answers_are_left_as_they_are(client: FlaskClient) -> None:
    for path in ("/healthz", "/api/deals.csv", "/api/deals.xlsx"):
        assert "Content-Encoding" not in client.get(path, headers=GZIP).headers


def test_a_compressed_file_is_known_by_its_tag(client: FlaskClient) -> None:
    tag = client.get("/static/base.css", headers=GZIP, buffered=True).headers["ETag"]
    again = client.get("/static/base.css", headers=GZIP | {"If-None-Match": tag}, buffered=True)
    assert again.status_code == 304
