"""A client that asks too often is told when to come again; this machine and other clients are not concerned."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from keepa_deals.web import limits
from keepa_deals.web.limits import A_SECOND, BURST, Limits, client_of


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    seconds = Seconds()
    bucket = Limits(monotonic=seconds)
    assert [bucket.seconds_to_wait("a") for _ in range(BURST)] == [0.0] * BURST
    assert bucket.seconds_to_wait("a") == pytest.approx(1 / A_SECOND)
    assert bucket.seconds_to_wait("b") == 0
    seconds.now += 1.5 / A_SECOND
    assert bucket.seconds_to_wait("a") == 0
    assert bucket.seconds_to_wait("a") > 0
    seconds.now += 10_000
    assert [bucket.seconds_to_wait("a") for _ in range(BURST)] == [0.0] * BURST
    assert bucket.seconds_to_wait("a") > 0


def test_memory_is_bounded_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CLIENTS", 3)
    bucket = Limits(monotonic=Seconds())
    for number in range(10):
        bucket.seconds_to_wait(str(number))
    assert len(bucket._buckets) == 3


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("127.0.0.1", None),
        ("::1", None),
        ("::ffff:127.0.0.1", None),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "20010db800010002::"),
        ("2001:db8:1:2:ffff::9", "20010db800010002::"),
        ("", None),
        (None, None),
        ("a socket", "a socket"),
    ],
)
def test_who_asks_goes_by_address_or_network(address: str | None, client: str | None) -> None:
    assert client_of(address) == client


def test_the_api_refuses_and_the_pages_do_not(make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BURST", 2)
    monkeypatch.setattr(limits, "A_SECOND", 0.01)
    client = make_app().test_client()
    far = {"REMOTE_ADDR": "192.0.2.7"}
    statuses = [client.get("/api/deal-count", environ_base=far).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = client.get("/api/deal-count", environ_base=far)
    assert refused.get_json()["error"]["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 100
    assert client.get("/login", environ_base=far).status_code == 200
    assert client.get("/api/deal-count").status_code == 200
