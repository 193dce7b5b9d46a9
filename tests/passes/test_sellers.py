"""The ratings of sellers are bought with tokens that would be lost, and shown with their deals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from keepa_deals.clock import ManualClock
from keepa_deals.errors import MalformedReply
from keepa_deals.judgement.trust import wilson_lower_percent
from keepa_deals.records import Pass, Seller, TokenStatus
from keepa_deals.store.door import Store
from keepa_deals.store.tables import calls, deals, sellers
from tests.keepa_builders import a_feed_record, a_product
from tests.passes.conftest import ScriptedKeepa

Knock = Callable[[Pass], dict[str, Any]]
BOOK, SELLER = "0990000017", "A1EXAMPLE0SELL"


def a_seller(*, percent: int | None = 96, count: int | None = 420) -> Seller:
    return Seller(SELLER, "Example Books", percent, count, None, None, None)


def find_book(keepa: ScriptedKeepa, clock: ManualClock, knock: Knock) -> None:
    seen_at = clock.now() - timedelta(minutes=10)
    keepa.pages.append([a_feed_record(asin=BOOK, at=seen_at)])
    keepa.products[BOOK] = a_product(asin=BOOK, at=seen_at)
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)


def the_deal(store: Store) -> Any:
    with store.read() as connection:
        return connection.execute(select(deals)).one()


def times_asked(keepa: ScriptedKeepa) -> int:
    return sum(what.startswith("sellers") for what in keepa.asked)


def test_with_a_full_bucket_a_new_deals_seller_is_asked_about_through_the_ledger(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.sellers[SELLER] = a_seller()
    find_book(keepa, clock, knock)
    deal = the_deal(store)
    assert (deal.seller_name, deal.seller_quality) == ("Example Books", wilson_lower_percent(96, 420))
    with store.read() as connection:
        call = connection.execute(select(calls).where(calls.c.purpose == "sellers")).one()
    assert (call.outcome, call.reserved_tokens, call.billed_tokens) == ("answered", 1, 1)


@pytest.mark.parametrize("known", [None, a_seller(percent=None), a_seller(count=None)])
def test_an_unknown_rating_stays_unknown_and_is_not_asked_for_again(
    known: Seller | None, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.sellers |= {} if known is None else {SELLER: known}
    find_book(keepa, clock, knock)
    clock.advance(seconds=2 * 3600)
    knock(Pass.LOOKS)
    assert (the_deal(store).seller_quality, times_asked(keepa)) == (None, 1)


def test_a_seller_known_already_is_shown_with_the_next_deal_for_nothing(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    with store.write() as connection:
        values = {"name": "Old Acquaintance", "rating_percent": 90, "rating_count": 10, "seen_at": clock.now()}
        connection.execute(sellers.insert().values(seller_id=SELLER, domain_id=1, **values))
    find_book(keepa, clock, knock)
    assert (the_deal(store).seller_name, times_asked(keepa)) == ("Old Acquaintance", 0)


def test_with_few_tokens_a_seller_waits_a_day_and_no_longer(
    clock: ManualClock, keepa: ScriptedKeepa, knock: Knock, store: Store
) -> None:
    keepa.sellers[SELLER] = a_seller()
    keepa._balance = 60
    find_book(keepa, clock, knock)
    assert times_asked(keepa) == 0
    clock.advance(seconds=24 * 3600)
    keepa._balance = 60
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    assert times_asked(keepa) == 1


def test_an_answer_nobody_can_read_is_not_bought_again_and_again(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    status = TokenStatus(200, 5, 60_000, 0.0, 1, None)
    broken = MalformedReply("Keepa's /seller answer can't be read; ask again.", status=status)
    asked = keepa.seller
    keepa.seller = lambda ids: keepa.failures.append(broken) or asked(ids)  # type: ignore[method-assign,func-returns-value]
    find_book(keepa, clock, knock)
    clock.advance(seconds=600)
    knock(Pass.LOOKS)
    with store.read() as connection:
        (kept,) = connection.execute(select(sellers)).all()
    assert (kept.rating_percent, times_asked(keepa)) == (None, 1)
