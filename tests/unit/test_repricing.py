"""A new buying price changes what is left, never what the copy will sell for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from keepa_deals.judgement.explanation import FBA_FEE, ITEM_PRICE, SHIPPING, recompute_profit
from keepa_deals.judgement.judge import judge
from keepa_deals.records import CostSettings, Judgement, Source, Step
from keepa_deals.repricing import Repriced, reprice
from tests.conftest import NOON
from tests.keepa_builders import a_product, an_offer

COSTS = CostSettings()
LATER = NOON + timedelta(hours=2)


def a_judgement(*, item_cents: int = 2450, costs: CostSettings = COSTS, **changes: Any) -> Judgement:
    offer = an_offer(at=NOON, item_cents=item_cents)
    return judge(a_product(at=NOON, offers=(offer,), **changes), costs=costs, now=NOON)


def repriced(judgement: Judgement, landed_cents: int | None, *, costs: CostSettings = COSTS) -> Repriced:
    return reprice(
        judgement.steps,
        landed_cents=landed_cents,
        is_estimate=judgement.sale_price_is_estimate,
        as_of=LATER,
        source=Source.FEED,
        costs=costs,
    )


costs_of_any_kind = st.builds(
    CostSettings,
    prep_cents=st.integers(0, 900),
    inbound_shipping_cents=st.integers(0, 900),
    purchase_tax_percent=st.sampled_from([0.0, 5.0, 8.875]),
    salvage_percent=st.sampled_from([0.0, 33.3, 50.0]),
    caution=st.sampled_from([0.0, 1.0, 1.3]),
)


@given(st.integers(100, 20_000), costs_of_any_kind)
@settings(max_examples=60, deadline=None)
def test_the_same_price_again_changes_no_number(item_cents: int, costs: CostSettings) -> None:
    before = a_judgement(item_cents=item_cents, costs=costs)
    again = repriced(before, item_cents + 399, costs=costs)
    for name in Repriced.__slots__:
        if name != "steps":
            assert getattr(again, name) == getattr(before, name), name


@given(st.integers(100, 20_000), st.none() | st.integers(1, 20_000))
@settings(max_examples=60, deadline=None)
def test_the_profit_can_be_recomputed_from_the_new_steps(item_cents: int, landed: int | None) -> None:
    after = repriced(a_judgement(item_cents=item_cents), landed)
    assert recompute_profit(after.steps) == after.profit_cents
    assert (after.profit_cents is None) == (landed is None) == (after.percent_down is None)


def test_a_price_seen_in_the_feed_never_touches_the_sale_price_nor_the_listing() -> None:
    before = a_judgement()
    after = repriced(before, 1_999)
    bought = {"item price", "shipping", "all-in", "profit if sold", "profit", "profit, lower bound"}
    same = [step for step in before.steps if step.name not in bought]
    assert [step for step in after.steps if step.name not in bought] == same
    assert {"sale price", "list price", "chance to sell"} <= {step.name for step in same}


@given(costs_of_any_kind)
@settings(max_examples=30, deadline=None)
def test_a_new_price_brings_every_cost_of_today(costs: CostSettings) -> None:
    judged_now = a_judgement(costs=costs)
    after = repriced(a_judgement(), judged_now.price_now_cents, costs=costs)
    named = {"purchase tax percent", "prep", "inbound shipping", "salvage", "caution", "all-in"}
    assert steps_named(named, after.steps) == steps_named(named, judged_now.steps)
    assert recompute_profit(after.steps) == after.profit_cents
    if costs.salvage_percent == COSTS.salvage_percent:  # else another list price would be the best
        for name in Repriced.__slots__:
            if name != "steps":
                assert getattr(after, name) == getattr(judged_now, name), name


def steps_named(named: set[str], steps: tuple[Step, ...]) -> dict[str, tuple[Any, str]]:
    found = {step.name: (step.value, step.rule) for step in steps if step.name in named}
    assert set(found) == named
    return found


def test_a_higher_target_lowers_the_most_to_pay_at_the_next_new_price() -> None:
    most = [
        repriced(a_judgement(), 1_999, costs=CostSettings(target_roi_percent=target)).maximum_buy_cents
        for target in (30.0, 60.0)
    ]
    assert most[0] is not None
    assert most[1] is not None
    assert most[1] < most[0]


def test_an_unknown_price_leaves_its_shipping_unknown_too() -> None:
    given = {step.name: step.value for step in repriced(a_judgement(), None).steps}
    assert (given[ITEM_PRICE], given[SHIPPING]) == (None, None)
    known = {step.name: step.value for step in repriced(a_judgement(), 1_999).steps}
    assert (known[ITEM_PRICE], known[SHIPPING]) == (1_999, 0)


def test_a_cheaper_copy_leaves_as_much_more() -> None:
    before = a_judgement()
    after = repriced(before, 2_849 - 500)
    assert before.profit_cents is not None
    assert before.profit_low_cents is not None
    assert after.profit_cents == before.profit_cents + 500
    assert after.profit_low_cents == before.profit_low_cents + 500


def test_a_dearer_copy_is_no_longer_called_profitable() -> None:
    before = replace(a_judgement(), sale_price_is_estimate=False)
    assert repriced(before, 2_849).is_profitable
    assert not repriced(before, 9_000).is_profitable


def test_a_new_price_that_pays_only_unsold_is_not_called_profitable() -> None:
    before = a_judgement()
    steps = [replace(step, value=before.list_cents) if step.name == FBA_FEE else step for step in before.steps]
    costs = replace(COSTS, prep_cents=0, inbound_shipping_cents=0, salvage_percent=200.0, caution=0.0)
    after = reprice(steps, landed_cents=1, is_estimate=False, as_of=LATER, source=Source.FEED, costs=costs)
    assert after.profit_low_cents is not None
    assert after.profit_if_sold_cents is not None
    assert after.profit_low_cents > 0 > after.profit_if_sold_cents
    assert not after.is_profitable


def test_the_new_price_says_where_it_is_from() -> None:
    (step,) = (step for step in repriced(a_judgement(), 1_999).steps if step.name == ITEM_PRICE)
    assert (step.value, step.source, step.as_of) == (1_999, "feed", LATER)


def test_the_steps_of_an_older_judgement_leave_the_profit_unknown_rather_than_wrong() -> None:
    old = [step for step in a_judgement().steps if step.name not in ("list price", "chance to sell")]
    after = reprice(old, landed_cents=1_999, is_estimate=True, as_of=LATER, source=Source.FEED, costs=COSTS)
    assert (after.all_in_cents, after.profit_cents, after.is_profitable) == (2_449, None, False)
