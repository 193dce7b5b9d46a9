"""Clients written by others: the public `keepa` package runs its calls, and real answers have the same shape."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keepa
import keepa.keepa_sync
import pytest
import requests

from tests.simulator.conftest import Serving, a_book

REAL = "https://api.keepa.com"
NUMBERS = (int, float)

FROM_DOCUMENTATION = {
    "buyBoxUsedHistory",
    "contributors",
    "imagesCSV",
    "lastStockUpdate",
    "newPriceIsMAP",
    "offers",
    "variableClosingFee",
}
"""Product fields of Keepa's documentation that the two real answers, products without offers, do not have."""
STATS_FROM_DOCUMENTATION = {
    "buyBoxUsedCondition",
    "buyBoxUsedIsFBA",
    "buyBoxUsedPrice",
    "buyBoxUsedSellerId",
    "buyBoxUsedShipping",
    "buyBoxUsedStats",
    "stockAmazon",
    "stockBuyBox",
}


@pytest.fixture
def client(serve: Callable[..., Serving], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A client that believes in api.keepa.com, and whose time is the simulator's."""

    def make(*, rate: int = 20, key: str = "good") -> tuple[keepa.Keepa, Serving]:
        serving = serve(rate=rate)

        def get(url: str, *args: Any, **kwargs: Any) -> requests.Response:
            assert url.startswith(REAL)
            return requests.get(serving.url + url.removeprefix(REAL), *args, **kwargs)

        virtual = SimpleNamespace(
            time=lambda: serving.clock.now().timestamp(), sleep=lambda s: serving.clock.advance(seconds=s)
        )
        shim = SimpleNamespace(get=get, exceptions=requests.exceptions)
        monkeypatch.setattr(keepa.keepa_sync, "requests", shim)
        monkeypatch.setattr(keepa.keepa_sync, "time", virtual)
        api = keepa.Keepa.__new__(keepa.Keepa)
        keepa.Keepa.__init__(api, "x" * 64)
        api.accesskey = key
        return api, serving

    return make


def test_the_public_client_runs_its_calls(client: Callable[..., Any]) -> None:
    api, serving = client()
    api.update_status()
    assert api.tokens_left == 1200
    query = {"page": 0, "domainId": 1, "priceTypes": [2], "sortType": 4, "isRangeEnabled": True}
    pages = [api.deals({**query, "page": page}) for page in (0, 1)]
    assert len(pages[0]["dr"]) == 150
    asins = [deal["asin"] for deal in pages[0]["dr"][:10]]
    products = api.query(asins, stats=365, progress_bar=False)
    assert sorted(product["asin"] for product in products) == sorted(asins)
    full = api.query(asins[:5], offers=20, stats=90, rating=True, progress_bar=False)
    seller_ids = [offer["sellerId"] for product in full for offer in product.get("offers", [])][:5]
    assert api.seller_query(seller_ids)
    assert api.category_lookup(283155)["283155"]["name"] == "Books"
    assert api.search_for_categories("textbooks")
    assert api.best_sellers_query("283155")
    assert api.product_finder({"title": "chemistry"})
    spent = [json.loads(line)["cost"] for line in serving.requests_log.read_text().splitlines()]
    assert api.tokens_left == 1200 - sum(spent)


def test_the_public_client_waits_out_an_empty_bucket(client: Callable[..., Any]) -> None:
    api, serving = client(rate=1)
    query = {"domainId": 1, "priceTypes": [2]}
    for _ in range(12):
        api.deals({**query, "page": 60})
    assert serving.balance() == 0
    before = serving.clock.now()
    assert api.deals({**query, "page": 60})["dr"] == []
    assert (serving.clock.now() - before).total_seconds() > 1
    assert api.tokens_left == -4
    with pytest.raises(RuntimeError, match="NOT_ENOUGH_TOKEN"):
        api.deals(query, wait=False)


@pytest.mark.parametrize(("key", "message"), [("wrong", "REQUEST_REJECTED"), ("expired", "PAYMENT_REQUIRED")])
def test_the_public_client_understands_bad_keys(client: Callable[..., Any], key: str, message: str) -> None:
    api, _ = client(key=key)
    with pytest.raises(RuntimeError, match=message):
        api.deals({"domainId": 1, "priceTypes": [2]})


def samples() -> list[dict[str, Any]]:
    folder = os.environ.get("KEEPA_SAMPLES")
    if folder is None:
        pytest.skip("KEEPA_SAMPLES is not set, so the real answers cannot be compared with.")
    files = sorted(Path(folder).glob("product-*.json"))
    assert len(files) == 2, f"KEEPA_SAMPLES is {folder}, which should hold the two real answers."
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def kinds(values: list[Any]) -> set[str]:
    names = {type(value).__name__ for value in values}
    return {"number" if name in ("int", "float") else name for name in names} - {"NoneType"}


def assert_same_shape(ours: list[dict[str, Any]], real: list[dict[str, Any]], *, documented: set[str]) -> None:
    in_all_real = set.intersection(*(set(one) for one in real))
    for one in ours:
        assert in_all_real <= set(one), f"missing: {sorted(in_all_real - set(one))}"
    known = set().union(*(set(one) for one in real))
    for name in sorted(set().union(*(set(one) for one in ours))):
        if name not in known:
            assert name in documented, f"{name} is neither in a real answer nor documented"
            continue
        theirs = kinds([one[name] for one in real if name in one])
        mine = kinds([one[name] for one in ours if name in one])
        assert not theirs or mine <= theirs, f"{name}: {mine} instead of {theirs}"


def test_products_have_the_keys_and_types_of_real_ones(serving: Serving) -> None:
    bodies = samples()
    real = [body["products"][0] for body in bodies]
    world = serving.desk.world
    asins = ",".join(world.asin(number) for number in range(60) if not world.article(number).invalid)
    light = serving.get("product", domain=1, asin=asins, stats=180, update=-1, rating=1, buybox=1).json()
    full = serving.get("product", domain=1, asin=a_book(world, at_least_offers=3), stats=180, offers=20).json()
    assert_same_shape(
        [{name: light[name] for name in light}], [{k: body[k] for k in body} for body in bodies], documented=set()
    )
    whole = [product for product in light["products"] if product["csv"] is not None]
    assert_same_shape(whole, real, documented=FROM_DOCUMENTATION)
    assert_same_shape(
        [product["stats"] for product in whole],
        [product["stats"] for product in real],
        documented=STATS_FROM_DOCUMENTATION,
    )
    assert_same_shape(full["products"], real, documented=FROM_DOCUMENTATION)


def test_arrays_by_price_type_have_the_real_length(serving: Serving) -> None:
    real = samples()[0]["products"][0]
    body = serving.get("product", domain=1, asin=a_book(serving.desk.world), stats=180, update=-1).json()
    stats, csv = body["products"][0]["stats"], body["products"][0]["csv"]
    assert len(csv) == len(real["csv"])
    for name, value in real["stats"].items():
        if isinstance(value, list) and len(value) == 36:
            assert len(stats[name]) == 36, name
    for index, series in enumerate(csv):
        if series is not None:
            triples = index in {7, 32, *range(18, 30)}
            assert len(series) % (3 if triples else 2) == 0
            assert all(type(number) is int for number in series)
