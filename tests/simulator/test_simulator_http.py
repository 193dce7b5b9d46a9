"""The simulator over real HTTP: Keepa's order of refusals, prices, envelopes, pages, and every fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from keepa_deals.simulator.errors import SimulatorMisconfigured
from keepa_deals.simulator.faults import parse_control, parse_faults
from tests.simulator.conftest import Serving, a_book

ENVELOPE = {
    "processingTimeInMs",
    "refillIn",
    "refillRate",
    "timestamp",
    "tokenFlowReduction",
    "tokensConsumed",
    "tokensLeft",
}
BOOKS = {
    "page": 0,
    "domainId": "1",
    "priceTypes": [2],
    "currentRange": [2000, 45100],
    "deltaPercentRange": [10, 2147483647],
    "salesRankRange": [10000, 10000000],
    "minRating": 10,
    "dateRange": 3,
    "sortType": 4,
    "isFilterEnabled": True,
    "isRangeEnabled": True,
    "includeCategories": [283155],
}


def deals(serving: Serving, **changes: Any) -> dict[str, Any]:
    answer = serving.get("deal", selection=json.dumps({**BOOKS, **changes}))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_token_is_free_sorted_and_answers_with_and_without_a_slash(serving: Serving) -> None:
    for path in ("token", "token/"):
        answer = serving.get(path)
        assert answer.status_code == 200
        assert set(answer.json()) == ENVELOPE
        assert list(answer.json()) == sorted(answer.json())
        assert answer.json()["tokensLeft"] == 1200
        assert answer.json()["refillRate"] == 20
        assert 0 < answer.json()["refillIn"] <= 60_000


def test_compression_is_used_when_offered_and_only_then(serving: Serving) -> None:
    url = f"{serving.url}/token?key=good"
    assert requests.get(url, timeout=5, headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    plain = requests.get(url, timeout=5, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert int(plain.headers["Content-Length"]) == len(plain.content)


def test_a_connection_is_kept_open(serving: Serving) -> None:
    with requests.Session() as session:
        for _ in range(3):
            session.get(f"{serving.url}/token", params={"key": "good"}, timeout=5)
        pools = session.get_adapter(serving.url).poolmanager.pools  # type: ignore[attr-defined]
        (pool,) = (pools[key] for key in pools.keys())  # noqa: SIM118 - not a mapping to iterate
        assert pool.num_connections == 1
        assert pool.num_requests == 3


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("token", {"key": "wrong"}, 400),
        ("token", {"key": "expired"}, 402),
        ("nonsense", {}, 404),
        ("product", {"domain": 1}, 400),
        ("product", {"domain": 99, "asin": "0306406152"}, 400),
        ("product", {"domain": 1, "asin": "0306406152", "code": "1"}, 400),
        ("product", {"domain": 1, "asin": "0306406152", "offers": 0}, 400),
        ("product", {"domain": 1, "asin": "0306406152", "stats": "never"}, 405),
        ("product", {"domain": 1, "asin": ",".join(f"{n:010d}" for n in range(101))}, 405),
        ("deal", {"selection": "{not json"}, 400),
        ("deal", {"selection": '{"domainId": 1, "priceTypes": [2, 3]}'}, 400),
        ("seller", {"domain": 1}, 400),
        ("search", {"domain": 1, "type": "poem", "term": "x"}, 400),
    ],
)
def test_a_refused_request_has_zero_token_fields_and_costs_nothing(
    serving: Serving, path: str, params: dict[str, Any], status: int
) -> None:
    answer = serving.get(path, **params)
    assert answer.status_code == status
    body = answer.json()
    assert body["error"]["type"]
    assert [body[name] for name in ("tokensLeft", "refillRate", "refillIn", "tokensConsumed")] == [0, 0, 0, 0]
    assert serving.balance() == 1200


def test_an_empty_bucket_refuses_with_the_bare_envelope_until_it_ticks(serve: Callable[..., Serving]) -> None:
    serving = serve(rate=5)
    while serving.balance() > 0:
        deals(serving, page=60)
    refused = serving.get("deal", selection=json.dumps(BOOKS))
    assert refused.status_code == 429
    assert set(refused.json()) == ENVELOPE
    assert refused.json()["tokensLeft"] == 0
    assert serving.get("deal", selection="{").status_code == 400, "parameters are looked at before tokens"
    serving.clock.advance(seconds=60)
    assert deals(serving)["tokensLeft"] == 0


def test_a_dear_call_may_leave_a_debt(serve: Callable[..., Serving]) -> None:
    serving = serve(rate=1)
    for _ in range(11):
        deals(serving, page=60)
    asins = ",".join(serving.desk.world.asin(n) for n in range(30))
    answer = serving.get("product", domain=1, asin=asins, offers=20).json()
    assert answer["tokensLeft"] == 5 - answer["tokensConsumed"] < 0
    assert serving.get("product", domain=1, asin=asins).status_code == 429
    assert serving.get("token").json()["tokensLeft"] < 0


def test_a_deal_may_be_asked_by_post(serving: Serving) -> None:
    posted = requests.post(f"{serving.url}/deal?key=good", json=BOOKS, timeout=10).json()
    assert [deal["asin"] for deal in posted["deals"]["dr"]] == [deal["asin"] for deal in deals(serving)["deals"]["dr"]]
    assert requests.post(f"{serving.url}/product?key=good", timeout=5).status_code == 405


def test_pages_of_one_query_fit_together_and_end_empty(serving: Serving) -> None:
    everything = {"deltaPercentRange": None, "currentRange": None, "minRating": -1, "includeCategories": []}
    first = deals(serving, **everything)
    assert first["dealsCached"] is False
    assert len(first["deals"]["dr"]) == 150
    second = deals(serving, **everything, page=1)
    assert second["dealsCached"] is True
    pages = [{deal["asin"] for deal in page["deals"]["dr"]} for page in (first, second)]
    assert not pages[0] & pages[1]
    assert deals(serving, **everything, page=60)["deals"]["dr"] == []
    assert sum(first["deals"]["categoryCount"]) >= 150
    assert second["tokensConsumed"] == 5
    serving.clock.advance(seconds=121)
    assert deals(serving, **everything)["dealsCached"] is False


@pytest.mark.parametrize("sort", [1, 2, 3, 4, -2, -3, -4])
def test_deals_come_in_the_order_asked_for(serving: Serving, sort: int) -> None:
    found = deals(serving, sortType=sort, deltaPercentRange=None)["deals"]["dr"]
    keys = {
        1: [-deal["creationDate"] for deal in found],
        2: [-deal["delta"][3][2] for deal in found],
        3: [deal["current"][3] for deal in found],
        4: [-deal["deltaPercent"][3][2] for deal in found],
    }[abs(sort)]
    assert len(found) > 5
    assert keys == sorted(keys, reverse=sort < 0)


def test_deals_keep_to_the_ranges(serving: Serving, now_minute: int) -> None:
    for deal in deals(serving)["deals"]["dr"]:
        assert 2000 <= deal["current"][2] <= 45100
        assert deal["deltaPercent"][3][2] >= 10
        assert 10_000 <= deal["current"][3] <= 10_000_000
        assert deal["minRating"] >= 10
        assert deal["rootCat"] in (283155, 0)
        assert now_minute - 720 < deal["lastUpdate"] <= now_minute


def test_deal_and_product_tell_one_story(serving: Serving) -> None:
    """The feed's averages, currents and deltas are those of the product's own statistics."""
    feed = deals(serving, deltaPercentRange=None)["deals"]["dr"][:40]
    asins = ",".join(deal["asin"] for deal in feed)
    products = serving.get("product", domain=1, asin=asins, stats=365, update=-1).json()["products"]
    compared = 0
    for deal, product in zip(feed, products, strict=True):
        assert deal["asin"] == product["asin"]
        if product["productType"] == 4:
            continue
        stats = product["stats"]
        for kind in (0, 1, 2, 3, 7, 18, 19, 20, 21, 22, 32):
            assert deal["current"][kind] == stats["current"][kind]
            if stats["avg90"][kind] < 0:
                assert deal["avg"][3][kind] == -2
                continue
            assert deal["avg"][3][kind] == stats["avg90"][kind]
            if stats["current"][kind] >= 0 and stats["avg90"][kind] > 0:
                drop = 100 * (stats["avg90"][kind] - stats["current"][kind]) / stats["avg90"][kind]
                assert abs(deal["deltaPercent"][3][kind] - drop) < 1
                compared += 1
        assert deal["salesRankDrops90"] == stats["salesRankDrops90"]
    assert compared > 60


def test_statistics_follow_from_the_histories(serving: Serving) -> None:
    asins = ",".join(serving.desk.world.asin(n) for n in range(40))
    body = serving.get("product", domain=1, asin=asins, stats=90, update=-1).json()
    now = (body["timestamp"] // 60_000) - 21_564_000
    for product in body["products"]:
        if product["productType"] == 4 or product["csv"] is None:
            continue
        assert len(product["csv"]) == 36
        for kind in (1, 2, 3):
            pairs = product["csv"][kind]
            if pairs is None:
                continue
            times, values = pairs[0::2], pairs[1::2]
            assert product["stats"]["current"][kind] == values[-1]
            weights = [
                max(0, min(end, now) - max(start, now - 90 * 1440))
                for start, end in zip(times, [*times[1:], now], strict=True)
            ]
            known = [(w, v) for w, v in zip(weights, values, strict=True) if v >= 0 and w > 0]
            if len(values) > 1 and known:
                mean = sum(w * v for w, v in known) // sum(w for w, _ in known)
                assert product["stats"]["avg90"][kind] == mean == product["stats"]["avg"][kind]
            for low in [product["stats"]["min"][kind]]:
                assert low is None or low[1] == min(v for v in values if v >= 0)


def test_offers_agree_with_the_grades_and_the_bill(serving: Serving) -> None:
    for number in range(40):
        body = serving.get("product", domain=1, asin=serving.desk.world.asin(number), offers=20, stats=90).json()
        product = body["products"][0]
        if product["productType"] == 4 or not product["offersSuccessful"]:
            assert body["tokensConsumed"] == 1
            continue
        live = [product["offers"][index] for index in product["liveOffersOrder"]]
        assert body["tokensConsumed"] == 6 * max(1, -(-len(live) // 10))
        assert product["stats"]["retrievedOfferCount"] == len(live)
        for kind, condition in ((19, 2), (20, 3), (21, 4), (22, 5)):
            asks = [o["offerCSV"][-2] + max(o["offerCSV"][-1], 0) for o in live if o["condition"] == condition]
            assert product["stats"]["current"][kind] == min(asks, default=-1)
        gone = [offer for offer in product["offers"] if offer not in live]
        assert all(offer["lastSeen"] < product["stats"]["lastOffersUpdate"] for offer in gone)


def test_prices_of_product_calls(serving: Serving) -> None:
    asin = a_book(serving.desk.world)
    bills = [
        serving.get("product", domain=1, **params).json()["tokensConsumed"]
        for params in (
            {"asin": asin, "update": -1},
            {"asin": asin, "update": -1, "buybox": 1},
            {"asin": asin, "update": 0},
            {"asin": asin, "update": 0},
            {"asin": "ABCDEFGHIJ"},
            {"asin": "0000000000", "update": -1},
        )
    ]
    assert bills[0] == 1
    assert bills[1] == 3
    assert bills[3] == 2, "data younger than an hour was forced anew"
    assert bills[4:] == [0, 0]
    assert "products" not in serving.get("product", domain=1, asin="XXXXXXXXXX").json()
    full = serving.get("product", domain=1, asin=asin, offers=20).json()
    again = serving.get("product", domain=1, asin=asin, offers=20).json()
    if full["products"][0]["offersSuccessful"]:
        assert again["tokensConsumed"] == 5


def test_history_can_be_left_out_or_cut(serving: Serving, now_minute: int) -> None:
    asin = a_book(serving.desk.world)
    bare = serving.get("product", domain=1, asin=asin, history=0, update=-1).json()["products"][0]
    assert bare["csv"] is None
    assert "salesRanks" not in bare
    cut = serving.get("product", domain=1, asin=asin, days=30, update=-1).json()["products"][0]
    whole = serving.get("product", domain=1, asin=asin, update=-1).json()["products"][0]
    start = now_minute - 30 * 1440
    assert min(whole["csv"][1][0::2]) < start
    pairs = [series[0::2] for series in cut["csv"][:4] if series]
    assert all(sum(time <= start for time in times) <= 1 for times in pairs), "at most what held at the start"
    assert any(time > start for times in pairs for time in times)


def test_sellers_are_priced_by_those_found(serving: Serving) -> None:
    known = [seller.id for seller in serving.desk.keepa.sellers.values() if seller.known][:2]
    unknown = next(seller.id for seller in serving.desk.keepa.sellers.values() if not seller.known)
    body = serving.get("seller", domain=1, seller=",".join([*known, unknown])).json()
    assert set(body["sellers"]) == set(known)
    assert body["tokensConsumed"] == 2
    assert all(0 <= seller["currentRating"] <= 100 for seller in body["sellers"].values())


def test_every_request_is_in_the_log_without_the_key(serving: Serving) -> None:
    deals(serving)
    serving.get("product", domain=1, asin="nope")
    lines = [json.loads(line) for line in serving.requests_log.read_text().splitlines()]
    assert [(line["path"], line["cost"], line["status"]) for line in lines] == [("/deal", 5, 200), ("/product", 0, 200)]
    assert lines[0]["balance"] == 1195
    assert "good" not in serving.requests_log.read_text()


class TestFaults:
    @pytest.mark.parametrize(
        ("fault", "check"),
        [
            ({"kind": "status", "status": 503}, lambda a: a.status_code == 503),
            ({"kind": "html"}, lambda a: a.text.startswith("<!DOCTYPE")),
            ({"kind": "garbage_json"}, lambda a: a.status_code == 200 and a.text.startswith("{")),
            ({"kind": "key_invalid"}, lambda a: a.status_code == 400),
            ({"kind": "key_expired"}, lambda a: a.status_code == 402),
            ({"kind": "slow", "seconds": 0.01}, lambda a: a.status_code == 200),
        ],
    )
    def test_a_fault_answers_wrongly_and_ends(
        self, serving: Serving, fault: dict[str, Any], check: Callable[[requests.Response], bool]
    ) -> None:
        serving.faults({**fault, "path": "/category"})
        assert check(serving.get("category", domain=1, category=0))
        assert serving.balance() == (1199 if fault["kind"] == "slow" else 1200)
        serving.faults()
        assert serving.get("category", domain=1, category=0).status_code == 200

    def test_garbage_is_not_json(self, serving: Serving) -> None:
        serving.faults({"kind": "garbage_json"})
        with pytest.raises(requests.JSONDecodeError):
            serving.get("token").json()

    def test_compressed_data_breaks_off(self, serving: Serving) -> None:
        serving.faults({"kind": "truncated_gzip"})
        answer = None
        try:
            answer = serving.get("product", domain=1, asin="0306406152")
        except requests.RequestException:
            return
        with pytest.raises(requests.JSONDecodeError):
            answer.json()

    def test_a_reset_charges_nothing_and_a_lost_answer_does(self, serving: Serving) -> None:
        for kind, balance in (("reset", 1200), ("lost_answer", 1199)):
            serving.faults({"kind": kind, "path": "/category"})
            with pytest.raises(requests.ConnectionError):
                serving.get("category", domain=1, category=0)
            assert serving.balance() == balance

    def test_a_failed_fetch_of_offers_costs_one_token(self, serving: Serving) -> None:
        serving.faults({"kind": "offers_failed"})
        body = serving.get("product", domain=1, asin=a_book(serving.desk.world), offers=20, update=0).json()
        assert body["tokensConsumed"] == 1
        assert body["products"][0]["offersSuccessful"] is False
        assert body["products"][0]["liveOffersOrder"] is None

    def test_the_server_clock_can_be_wrong(self, serving: Serving) -> None:
        right = serving.get("token").json()["timestamp"]
        serving.faults({"kind": "clock_skew", "seconds": 15})
        assert serving.get("token").json()["timestamp"] == right + 15_000

    def test_the_plan_can_change_in_flight(self, serving: Serving) -> None:
        serving.faults(rate=5)
        body = serving.get("token").json()
        assert (body["refillRate"], body["tokensLeft"]) == (5, 300)

    def test_a_fault_ends_at_its_instant(self, serving: Serving) -> None:
        now = serving.get("token").json()["timestamp"]
        serving.faults({"kind": "status", "status": 500, "until_ms": now + 1000})
        assert serving.get("token").status_code == 500
        serving.clock.advance(seconds=1)
        assert serving.get("token").status_code == 200

    def test_a_bad_control_file_leaves_the_last_one_in_force(self, serving: Serving) -> None:
        serving.faults({"kind": "status", "status": 500})
        assert serving.get("token").status_code == 500
        serving.control.write_text("{ oops", encoding="utf-8")
        assert serving.get("token").status_code == 500

    @pytest.mark.parametrize(
        "text",
        [
            "[",
            "[]",
            '{"rate": 0}',
            '{"rate": "5"}',
            '{"faults": {}}',
            '{"faults": [{"kind": "earthquake"}]}',
            '{"faults": [{"kind": "slow", "minutes": 3}]}',
            '{"faults": [{"kind": "status", "probability": 2}]}',
            '{"faults": [{"kind": "status", "path": 3}]}',
            '{"more": 1}',
        ],
    )
    def test_a_wrong_control_is_refused_in_one_sentence(self, text: str) -> None:
        with pytest.raises(SimulatorMisconfigured, match=r"^[^\n]+\.$"):
            parse_control(text)

    def test_faults_of_the_command_line_are_read_alike(self) -> None:
        assert parse_faults([{"kind": "slow", "seconds": 2}])[0].seconds == 2
