"""Every product of a simulated world is judged, and each profit follows from the steps to the cent."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from keepa_deals.judgement.explanation import recompute_profit
from keepa_deals.judgement.judge import judge, worth_showing
from keepa_deals.keepa_json import parse_look
from keepa_deals.records import CostSettings, Judgement, Product, Source
from keepa_deals.repricing import reprice
from keepa_deals.simulator.product_json import ProductOptions, serve_product
from keepa_deals.simulator.world import World
from tests.simulator.conftest import MINUTE, NOW

COSTS = CostSettings()
OPTIONS = ProductOptions(stats=True, window=(MINUTE - 365 * 1_440, MINUTE), days=730, offers=20, only_live_offers=True)


def looked_at(world: World, number: int) -> Product:
    body = serve_product(world, product=number, now=MINUTE, options=OPTIONS).body
    answer = {"products": [body], "tokensLeft": 1, "refillRate": 5, "refillIn": 1}
    (product,) = parse_look(json.dumps(answer).encode(), asked=[body["asin"]], now=NOW).products
    return product


@pytest.fixture(scope="module")
def judged(lived: World) -> list[Judgement]:
    return [judge(looked_at(lived, number), costs=COSTS, now=NOW) for number in range(lived.size)]


def test_the_profit_of_every_product_follows_from_its_steps_to_the_cent(judged: list[Judgement]) -> None:
    profits = [judgement.profit_cents for judgement in judged]
    assert [recompute_profit(judgement.steps) for judgement in judged] == profits
    assert sum(profit is not None for profit in profits) >= 200
    assert any(worth_showing(judgement) is None for judgement in judged)


def test_after_a_new_price_from_the_feed_it_still_does_and_the_sale_side_stands(judged: list[Judgement]) -> None:
    known = [judgement for judgement in judged if judgement.profit_cents is not None]
    for judgement in known:
        repriced = reprice(
            judgement.steps,
            landed_cents=(judgement.price_now_cents or 0) + 137,
            is_estimate=judgement.sale_price_is_estimate,
            as_of=NOW + timedelta(hours=1),
            source=Source.FEED,
            costs=COSTS,
        )
        assert recompute_profit(repriced.steps) == repriced.profit_cents
        assert repriced.profit_cents == (judgement.profit_cents or 0) - 137
        values = {step.name: step.value for step in repriced.steps}
        assert (values["sale price"], values["list price"]) == (judgement.sale_price_cents, judgement.list_cents)


def test_only_what_clears_its_lower_bound_by_real_sales_is_called_profitable(judged: list[Judgement]) -> None:
    for judgement in judged:
        clears = (judgement.profit_low_cents or 0) > 0 and (judgement.profit_if_sold_cents or 0) > 0
        assert judgement.is_profitable == (clears and not judgement.sale_price_is_estimate)
