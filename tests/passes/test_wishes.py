"""A wish for a look, from the table to Keepa and back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from keepa_deals.clock import ManualClock
from keepa_deals.planner import LookKind
from keepa_deals.records import Pass
from keepa_deals.store.asked_looks import Answer, ask_for_look
from keepa_deals.store.door import Store
from keepa_deals.store.tables import calls, deals
from tests.keepa_builders import a_feed_record, a_product
from tests.passes.conftest import ScriptedKeepa

Knock = Callable[[Pass], dict[str, Any]]
BOOK = "0990000017"


def the_deal(store: Store) -> Any:
    with store.read() as connection:
        return connection.execute(select(deals)).one()


@pytest.fixture
def wish(store: Store, clock: ManualClock, keepa: ScriptedKeepa, knock: Knock) -> Callable[[LookKind], None]:
    """Asks for a look at the one deal, which was judged a moment ago."""
    seen_at = clock.now() - timedelta(minutes=10)
    keepa.pages.append([a_feed_record(asin=BOOK, at=seen_at)])
    keepa.products[BOOK] = a_product(asin=BOOK, at=seen_at)
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)

    def ask(kind: LookKind) -> None:
        with store.write() as connection:
            assert ask_for_look(connection, BOOK, 1, kind=kind, now=clock.now()) is Answer.TAKEN

    return ask


def test_a_full_look_is_bought_on_request_once_the_hour_is_over(
    wish: Callable[[LookKind], None], store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    wish(LookKind.VERIFY_FULL)
    clock.advance(seconds=30 * 60)
    knock(Pass.LOOKS)
    assert keepa.asked.count(f"full {BOOK}") == 1
    clock.advance(seconds=31 * 60)
    keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now())
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    assert keepa.asked.count(f"full {BOOK}") == 2
    deal = the_deal(store)
    assert (deal.verified_by, deal.verified_at, deal.look_due_since) == ("full_look", clock.now(), None)
    with store.read() as connection:
        named = connection.execute(select(calls.c.what).where(calls.c.purpose == "verify_full")).scalar()
    assert named == f"verify full: {BOOK}"


def test_the_feed_still_confirms_a_deal_that_waits_for_a_look_on_request(
    wish: Callable[[LookKind], None], store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    wish(LookKind.VERIFY_LIGHT)
    first = the_deal(store)
    clock.advance(seconds=20 * 60)
    keepa.pages.append([a_feed_record(asin=BOOK, at=clock.now(), used_since=first.used_since)])
    knock(Pass.LIVE_UPDATE)
    deal = the_deal(store)
    assert (deal.verified_by, deal.verified_at) == ("feed", clock.now())
    assert deal.look_due_since is not None
