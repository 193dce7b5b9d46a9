"""What the passes promise, seen in the database after they ran."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from keepa_deals.clock import ManualClock
from keepa_deals.collector import PAGES_PER_QUERY
from keepa_deals.errors import (
    KeepaRefused,
    KeepaUnreachable,
    KeyRejected,
    LeaseLost,
    MalformedReply,
)
from keepa_deals.freshness import ARCHIVED_AFTER_WORKING
from keepa_deals.locks import Held, Lease, LeaseKeeper
from keepa_deals.records import Pass
from keepa_deals.store.door import Store
from keepa_deals.store.pass_records import pass_state
from keepa_deals.store.tables import calls, candidates, changes, deals, pass_reports, poison
from keepa_deals.token_budget import Purpose, Wait
from keepa_deals.work import Means
from tests.keepa_builders import a_feed_record, a_product
from tests.passes.conftest import ScriptedKeepa

Knock = Callable[[Pass], dict[str, Any]]
BOOK = "0990000017"


def rows(store: Store, statement: Any) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(statement))


def one_deal(store: Store) -> Any:
    (row,) = rows(store, select(deals))
    return row


def kinds_of_change(store: Store) -> list[str]:
    return [row.kind for row in rows(store, select(changes).order_by(changes.c.seq))]


@pytest.fixture
def found(keepa: ScriptedKeepa, clock: ManualClock, knock: Knock) -> None:
    """One book was found in the feed, looked at twice, and is a deal."""
    seen_at = clock.now() - timedelta(minutes=10)
    keepa.pages.append([a_feed_record(asin=BOOK, at=seen_at)])
    keepa.products[BOOK] = a_product(asin=BOOK, at=seen_at)
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)


def test_a_promising_record_becomes_a_deal_by_a_light_and_a_full_look(
    found: None, store: Store, keepa: ScriptedKeepa
) -> None:
    deal = one_deal(store)
    assert keepa.asked[:4] == ["token", "page 0", f"light {BOOK}", f"full {BOOK}"]
    assert (deal.state, deal.price_now_cents, deal.verified_by) == ("live", 2849, "full_look")
    assert deal.profit_cents > 0
    assert deal.promised_until - deal.verified_at == timedelta(hours=12)
    assert kinds_of_change(store) == ["new"]


def test_what_keepa_billed_is_what_the_call_ledger_says(found: None, store: Store, keepa: ScriptedKeepa) -> None:
    ledger = rows(store, select(calls.c.purpose, calls.c.billed_tokens, calls.c.outcome).order_by(calls.c.started_at))
    assert [tuple(row) for row in ledger] == [
        ("live", 5, "answered"),
        ("candidate_light", 1, "answered"),
        ("candidate_full", 6, "answered"),
        ("sellers", 0, "answered"),
    ]
    assert sum(row.billed_tokens for row in ledger) == keepa.spent


def test_a_pass_that_is_not_due_asks_nobody(found: None, keepa: ScriptedKeepa, knock: Knock) -> None:
    before = len(keepa.asked)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "not_due"
    assert len(keepa.asked) == before


def test_no_other_pass_runs_before_the_first_live_update(knock: Knock, keepa: ScriptedKeepa) -> None:
    assert knock(Pass.BACKFILL)["stop"] == "not_due"
    assert knock(Pass.LOOKS)["stop"] == "not_due"
    assert keepa.asked == []


def test_the_live_update_reads_on_only_while_pages_bring_news(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    full_page = [a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(150)]
    keepa.pages.extend([full_page, full_page])
    report = knock(Pass.LIVE_UPDATE)
    assert (report["stop"], report["pages_read"], report["gained"]) == ("nothing_new", 2, 150)


def test_the_feed_confirms_a_deal_for_nothing(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    first = one_deal(store)
    clock.advance(seconds=3 * 3600)
    keepa.pages.append([a_feed_record(asin=BOOK, at=clock.now(), used_since=first.used_since)])
    knock(Pass.LIVE_UPDATE)
    deal = one_deal(store)
    assert (deal.state, deal.verified_by, deal.verified_at) == ("live", "feed", clock.now())


def test_a_deal_whose_price_moved_takes_the_feeds_price_and_is_due_for_a_look(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    before = one_deal(store)
    clock.advance(seconds=3 * 3600)
    cheaper = a_feed_record(asin=BOOK, at=clock.now(), used_cents=1950, landed_cents_by_grade={4: 2349})
    keepa.pages.append([cheaper])
    knock(Pass.LIVE_UPDATE)
    deal = one_deal(store)
    assert deal.price_now_cents == 2349
    assert deal.profit_cents == before.profit_cents + 500
    assert deal.look_due_since == clock.now()
    assert deal.verified_at == before.verified_at
    assert kinds_of_change(store) == ["new", "cheaper"]


def test_a_new_price_without_its_shipping_leaves_the_profit_unknown(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    clock.advance(seconds=3 * 3600)
    keepa.pages.append([a_feed_record(asin=BOOK, at=clock.now(), used_cents=1950, landed_cents_by_grade={})])
    knock(Pass.LIVE_UPDATE)
    deal = one_deal(store)
    assert (deal.price_now_cents, deal.profit_cents, deal.margin, deal.roi) == (None, None, None, None)


def test_past_its_promise_a_deal_is_unverified_and_not_gone(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    keepa.failures.append(KeepaUnreachable("away"))
    clock.advance(seconds=12 * 3600)
    knock(Pass.LOOKS)
    deal = one_deal(store)
    assert (deal.state, deal.unverified_since) == ("unverified", deal.promised_until)
    assert kinds_of_change(store) == ["new", "unverified"]


def test_a_blind_fortnight_archives_nothing(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    for _ in range(30):
        keepa.failures.append(KeepaUnreachable("away"))
        clock.advance(seconds=24 * 3600)
        knock(Pass.LOOKS)
    assert one_deal(store).state == "unverified"


def test_fourteen_days_of_working_without_a_sighting_archive_a_deal_with_that_reason(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    stale = a_product(asin=BOOK, at=clock.now() - timedelta(days=1))
    keepa.products[BOOK] = stale
    for _ in range(ARCHIVED_AFTER_WORKING // timedelta(days=1) + 1):
        knock(Pass.LOOKS)
        for _ in range(24):
            clock.advance(seconds=3600)
            knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    deal = one_deal(store)
    assert (deal.state, deal.gone_reason) == ("gone", "could not be verified during 14 days of working")


def test_a_look_that_taught_nothing_is_not_bought_again_within_the_hour(
    found: None, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    clock.advance(seconds=6 * 3600)
    knock(Pass.LOOKS)
    clock.advance(seconds=1800)
    knock(Pass.LOOKS)
    assert keepa.asked.count(f"light {BOOK}") == 2


def test_a_deal_without_used_offers_becomes_a_tombstone_with_its_evidence(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    clock.advance(seconds=6 * 3600)
    keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now(), used_cents=None, used_offers=0, offers=())
    knock(Pass.LIVE_UPDATE)
    report = knock(Pass.LOOKS)
    deal = one_deal(store)
    assert report["retired"] == 1
    assert (deal.state, deal.gone_reason, deal.gone_evidence["used_offers"]) == ("gone", "no used offer is left", 0)


def test_a_tombstone_rises_only_for_news_later_than_the_look_that_saw_it_gone(
    found: None, store: Store, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    clock.advance(seconds=6 * 3600)
    keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now(), used_cents=None, used_offers=0, offers=())
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    stale = a_feed_record(asin=BOOK, at=clock.now() - timedelta(minutes=1))
    clock.advance(seconds=1800)
    keepa.pages.append([stale])
    knock(Pass.LIVE_UPDATE)
    assert one_deal(store).state == "gone"
    clock.advance(seconds=1800)
    keepa.pages.append([a_feed_record(asin=BOOK, at=clock.now())])
    keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now())
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    deal = one_deal(store)
    assert (deal.state, deal.gone_at, deal.gone_reason) == ("live", None, None)
    assert kinds_of_change(store)[-1] == "back"


def test_the_backfill_resumes_at_the_page_it_did_not_save(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    knock(Pass.LIVE_UPDATE)
    full = [a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(150)]
    keepa.pages.extend([full, KeepaUnreachable("cut off"), full, full[:20]])
    assert knock(Pass.BACKFILL)["stop"] == "keepa_away"
    clock.advance(seconds=60)
    assert knock(Pass.BACKFILL)["stop"] == "last_page"
    assert [what for what in keepa.asked if what.startswith("page")] == [
        "page 0",
        "page 0",
        "page 1",
        "page 1",
        "page 2",
    ]


def test_killed_between_fetch_and_save_nothing_is_lost_or_doubled(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    page = [a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(3)]
    keepa.pages.extend([page, page])
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr("keepa_deals.collector.save_feed_page", die)
        knock(Pass.LIVE_UPDATE)
    assert rows(store, select(candidates)) == []
    knock(Pass.LIVE_UPDATE)
    assert len(rows(store, select(candidates))) == 3
    assert [row.billed_tokens for row in rows(store, select(calls))] == [5, 5]


def test_a_run_whose_lease_passed_on_saves_nothing(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.pages.append([a_feed_record(at=clock.now())])
    keepa.before_answer = lambda: store.issue_fence("update_recent_deals_lock", "another holder") and None
    with pytest.raises(LeaseLost):
        knock(Pass.LIVE_UPDATE)
    assert rows(store, select(candidates)) == []


def test_a_page_that_can_not_be_read_is_set_aside_the_third_time_and_the_sweep_goes_on(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    knock(Pass.LIVE_UPDATE)
    full = [a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(150)]
    broken = [MalformedReply("`$.deals.dr` is a number") for _ in range(3)]
    keepa.pages.extend([full, *broken, full[:10]])
    stops = []
    for _ in range(3):
        stops.append(knock(Pass.BACKFILL)["stop"])
        clock.advance(seconds=60)
    assert stops == ["failed", "failed", "last_page"]
    (row,) = rows(store, select(poison))
    assert (row.kind, row.failures, row.set_aside_at is not None) == ("page", 3, True)


def full_page(clock: ManualClock) -> list[Any]:
    return [a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(150)]


def test_a_page_that_is_read_again_was_no_poison(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    broken = MalformedReply("`$.deals.dr` is a number")
    for page in (broken, broken, full_page(clock)[:3], broken):
        keepa.pages.append(page)
        knock(Pass.LIVE_UPDATE)
        clock.advance(seconds=20 * 60)
    (row,) = rows(store, select(poison))
    assert (row.key, row.failures, row.set_aside_at) == ("live_update page 0", 1, None)


@pytest.mark.parametrize("is_keepas", [True, False])
def test_only_an_answer_of_keepas_own_counts_against_a_product(
    is_keepas: bool, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.pages.append([a_feed_record(at=clock.now())])
    knock(Pass.LIVE_UPDATE)
    keepa.failures.append(MalformedReply("not readable", status=keepa.token() if is_keepas else None))
    assert knock(Pass.LOOKS)["stop"] == "failed"
    assert [row.kind for row in rows(store, select(poison))] == (["product"] if is_keepas else [])


def test_a_deal_that_a_whole_sweep_did_not_show_is_due_for_a_look(
    found: None, keepa: ScriptedKeepa, knock: Knock, store: Store, clock: ManualClock
) -> None:
    clock.advance(seconds=60)
    keepa.pages.append(full_page(clock)[:10])
    assert knock(Pass.BACKFILL)["stop"] == "last_page"
    deal = one_deal(store)
    assert (deal.state, deal.look_due_reason) == ("live", "a whole sweep of the feed did not show it")


def test_a_sweep_that_passed_a_page_over_says_nothing_of_what_it_did_not_show(
    found: None, keepa: ScriptedKeepa, knock: Knock, store: Store, clock: ManualClock
) -> None:
    broken = [MalformedReply("`$.deals.dr` is a number") for _ in range(3)]
    keepa.pages.extend([*broken, full_page(clock)[:10]])
    for _ in range(3):
        clock.advance(seconds=60)
        report = knock(Pass.BACKFILL)
    assert report["stop"] == "last_page"
    assert one_deal(store).look_due_since is None


def test_a_sweep_cut_off_at_keepas_limit_says_nothing_of_what_it_did_not_show(
    found: None, keepa: ScriptedKeepa, knock: Knock, store: Store, clock: ManualClock
) -> None:
    clock.advance(seconds=60)
    page = full_page(clock)
    keepa.pages.extend([page] * (PAGES_PER_QUERY - 1) + [page[:100]])
    stops = [knock(Pass.BACKFILL)["stop"]]
    while stops[-1] != "last_page":
        clock.advance(seconds=20 * 60)
        stops.append(knock(Pass.BACKFILL)["stop"])
    assert not keepa.pages
    assert one_deal(store).look_due_since is None


def test_a_live_update_that_waits_has_its_tokens_kept(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, means: Means
) -> None:
    keepa._balance = -40
    assert knock(Pass.LIVE_UPDATE)["stop"] == "waiting_for_tokens"
    assert means.tokens.status().next_live_at == clock.now()
    clock.advance(seconds=10 * 60)
    assert isinstance(means.tokens.request_permission_for_call(6, Purpose.SWEEP), Wait)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"


def test_whoever_comes_second_to_a_free_lease_does_not_do_the_work_again(
    keepa: ScriptedKeepa, knock: Knock, means: Means, leases: LeaseKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire = leases.acquire

    def acquire_after_another_run(name: str, *, stall_limit_seconds: float) -> Lease | Held:
        monkeypatch.undo()
        knock(Pass.LIVE_UPDATE)
        return acquire(name, stall_limit_seconds=stall_limit_seconds)

    monkeypatch.setattr(leases, "acquire", acquire_after_another_run)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "not_due"
    assert keepa.asked == ["token", "page 0"]


def test_a_tombstone_that_a_second_look_found_unworthy_waits_for_another_price(
    found: None, keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    sold_out: dict[str, Any] = {"used_cents": None, "used_offers": 0, "offers": ()}
    clock.advance(seconds=6 * 3600)
    keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now(), **sold_out)
    knock(Pass.LIVE_UPDATE)
    knock(Pass.LOOKS)
    since = clock.now()
    for _ in range(4):
        clock.advance(seconds=2 * 3600)
        keepa.pages.append([a_feed_record(asin=BOOK, at=clock.now(), used_since=since)])
        keepa.products[BOOK] = a_product(asin=BOOK, at=clock.now(), offers=())
        knock(Pass.LIVE_UPDATE)
        knock(Pass.LOOKS)
    assert one_deal(store).state == "gone"
    assert keepa.asked.count(f"full {BOOK}") == 2


def test_a_wrong_key_stops_the_pass_with_its_sentence_and_is_tried_again(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.failures.append(KeyRejected("Keepa does not know the key. Check KEEPA_API_KEY."))
    report = knock(Pass.LIVE_UPDATE)
    assert (report["stop"], "KEEPA_API_KEY" in report["error"]) == ("failed", True)
    clock.advance(seconds=15)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"


def test_a_refusal_by_keepa_is_a_wait_and_not_a_failure(keepa: ScriptedKeepa, knock: Knock) -> None:
    keepa.failures.append(KeepaRefused("no tokens"))
    report = knock(Pass.LIVE_UPDATE)
    assert report["stop"] == "waiting_for_tokens"
    assert "waiting_until" in report


def test_without_tokens_looks_wait_for_a_known_instant_and_the_live_update_is_served_first(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock
) -> None:
    keepa._balance = 9
    keepa.pages.append([a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(100)])
    keepa.products = {f"{n:010d}": a_product(asin=f"{n:010d}", at=clock.now()) for n in range(100)}
    knock(Pass.LIVE_UPDATE)
    report = knock(Pass.LOOKS)
    while report["stop"] == "chunk_done":
        report = knock(Pass.LOOKS)
    assert report["stop"] == "waiting_for_tokens"
    clock.advance(seconds=20 * 60)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"


def test_an_hour_of_silence_costs_no_tokens_and_work_goes_on_after_it(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, means: Means
) -> None:
    knock(Pass.LIVE_UPDATE)
    clock.advance(seconds=20 * 60)
    keepa.failures.append(KeepaUnreachable("away"))
    assert knock(Pass.LIVE_UPDATE)["stop"] == "keepa_away"
    spent = keepa.spent
    asked_before = len(keepa.asked)
    clock.advance(seconds=60)
    assert knock(Pass.LIVE_UPDATE)["stop"] == "last_page"
    assert keepa.asked[asked_before:] == ["token", "page 0"]
    assert keepa.spent == spent + 5


def test_the_watermark_never_goes_back_and_never_runs_ahead_of_the_clock(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store
) -> None:
    keepa.pages.append([a_feed_record(at=clock.now() + timedelta(days=2))])
    knock(Pass.LIVE_UPDATE)
    with store.read() as connection:
        state = pass_state(connection, Pass.LIVE_UPDATE)
    assert state is not None
    assert state.watermark == clock.now()


def test_a_repeated_wait_adds_no_report(keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store) -> None:
    keepa._balance = 6
    keepa.pages.append([a_feed_record(asin=f"{n:010d}", at=clock.now()) for n in range(50)])
    keepa.products = {f"{n:010d}": a_product(asin=f"{n:010d}", at=clock.now()) for n in range(50)}
    knock(Pass.LIVE_UPDATE)
    for _ in range(5):
        knock(Pass.LOOKS)
    stops = [row.stop for row in rows(store, select(pass_reports).where(pass_reports.c.which_pass == "looks"))]
    assert stops.count("waiting_for_tokens") == 1


def test_a_write_that_fails_leaves_the_cursor_where_it_was(
    keepa: ScriptedKeepa, clock: ManualClock, knock: Knock, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    knock(Pass.LIVE_UPDATE)
    keepa.pages.append(full_page(clock))

    def disk_full(*_: Any, **__: Any) -> None:
        raise OperationalError("insert", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched, pytest.raises(OperationalError):
        patched.setattr("keepa_deals.store.pass_records.move_cursor", disk_full)
        knock(Pass.BACKFILL)
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(candidates)).scalar() == 0
        state = pass_state(connection, Pass.BACKFILL)
    assert state is not None
    assert state.page_cursor == 0
