"""The token ledger in a real Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from private_valkey import PrivateValkey
from redis import Redis

from keepa_deals.clock import Clock, ManualClock, SystemClock
from keepa_deals.errors import BadSettings, CallNeverAffordable, KeepaUnreachable, TokensUnknown
from keepa_deals.records import TokenStatus
from keepa_deals.redis_client import connect
from keepa_deals.token_manager import Permit, Purpose, TokenManager, Wait

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def said(
    balance: int = 100, *, bill: int = 0, rate: int = 5, refill_in_ms: int = 30_000, flow: float = 0.0
) -> TokenStatus:
    return TokenStatus(balance, rate, refill_in_ms, flow, bill, None)


class Keepa:
    """The free `/token` call."""

    def __init__(self, answer: TokenStatus) -> None:
        self.answer = answer
        self.calls = 0
        self.away = False

    def __call__(self) -> TokenStatus:
        self.calls += 1
        if self.away:
            raise KeepaUnreachable("Keepa did not answer within 20 s; trying again at the next doorbell.")
        return self.answer


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def keepa() -> Keepa:
    return Keepa(said(100))


NewManager = Callable[..., TokenManager]


@pytest.fixture
def new_manager(redis: Redis, clock: ManualClock, keepa: Keepa) -> NewManager:
    def build(**changed: Any) -> TokenManager:
        given: dict[str, Any] = {"account": "abc", "installation": "home", "clock": clock, "read_balance": keepa}
        return TokenManager(redis, **{**given, **changed})

    return build


@pytest.fixture
def tokens(new_manager: NewManager) -> TokenManager:
    return new_manager()


def permit(tokens: TokenManager, cost: int = 12, purpose: Purpose = Purpose.CANDIDATE_FULL, **asked: Any) -> Permit:
    answer = tokens.request_permission_for_call(cost, purpose, **asked)
    assert isinstance(answer, Permit), answer
    return answer


def wait(tokens: TokenManager, cost: int = 12, purpose: Purpose = Purpose.CANDIDATE_FULL, **asked: Any) -> Wait:
    answer = tokens.request_permission_for_call(cost, purpose, **asked)
    assert isinstance(answer, Wait), answer
    return answer


def test_the_first_call_reads_the_balance_once(tokens: TokenManager, keepa: Keepa) -> None:
    assert not tokens.status().known
    granted = permit(tokens)
    assert (granted.granted_at, granted.lapses_at) == (NOON, NOON + timedelta(seconds=250))
    permit(tokens)
    assert keepa.calls == 1
    status = tokens.status()
    assert (status.known, status.balance, status.available, status.reserved) == (True, 100, 76, 24)


def test_concurrent_first_callers_all_get_their_answer(new_manager: NewManager, keepa: Keepa) -> None:
    managers = [new_manager(installation=f"home{number}") for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(permit, managers))
    assert len({answer.id for answer in answers}) == 6
    assert 1 <= keepa.calls <= 6
    assert managers[0].status().available == 100 - 6 * 12


def test_when_the_balance_cannot_be_read_its_error_passes_and_nothing_is_held(
    tokens: TokenManager, keepa: Keepa
) -> None:
    keepa.away = True
    with pytest.raises(KeepaUnreachable):
        tokens.request_permission_for_call(5, Purpose.LIVE)
    keepa.away = False
    assert permit(tokens, 5, Purpose.LIVE)
    assert tokens.status().open_reservations == 1


def test_an_answer_to_token_without_a_refill_rate_is_not_a_balance(tokens: TokenManager, keepa: Keepa) -> None:
    keepa.answer = said(0, rate=0)
    with pytest.raises(TokensUnknown, match="no refill rate"):
        tokens.request_permission_for_call(5, Purpose.LIVE)


@pytest.mark.parametrize("left", [88, 0, -7])
def test_keepas_own_figure_is_recorded_at_zero_and_below_too(
    tokens: TokenManager, clock: ManualClock, left: int
) -> None:
    granted = permit(tokens)
    clock.advance(seconds=3)
    tokens.settle(granted, said(left, bill=12, refill_in_ms=27_000), sent_at=NOON, received_at=clock.now())
    status = tokens.status()
    assert (status.balance, status.available, status.spent) == (left, left, 12)
    assert status.mean_bills[Purpose.CANDIDATE_FULL].mean == 12
    assert status.last_answer_at == clock.now()


def test_a_lost_answer_stays_reserved_and_then_counts_as_spent(tokens: TokenManager, clock: ManualClock) -> None:
    granted = permit(tokens)
    clock.advance(seconds=60)
    tokens.settle(granted, None, sent_at=NOON, received_at=clock.now())
    assert tokens.status().available == 100 + 5 - 12
    clock.advance(seconds=190)
    status = tokens.status()
    assert (status.balance, status.reserved, status.lost, status.spent) == (100 + 20 - 12, 0, 12, 0)


def test_an_all_zero_envelope_frees_the_reservation_and_moves_nothing(tokens: TokenManager) -> None:
    granted = permit(tokens)
    tokens.settle(granted, said(0, rate=0, refill_in_ms=0), sent_at=NOON, received_at=NOON)
    assert (tokens.status().balance, tokens.status().available) == (100, 100)


def test_a_refusal_takes_keepas_figure_and_is_counted(tokens: TokenManager) -> None:
    granted = permit(tokens)
    tokens.settle(granted, said(-30), sent_at=NOON, received_at=NOON)
    assert (tokens.status().balance, tokens.status().refused, tokens.status().spent) == (-30, 1, 0)
    assert wait(tokens, 5, Purpose.LIVE).until == NOON + timedelta(seconds=30 + 6 * 60 + 1 + 1)


def test_a_cancelled_permit_costs_nothing(tokens: TokenManager, clock: ManualClock) -> None:
    tokens.cancel(permit(tokens))
    clock.advance(seconds=300)
    assert (tokens.status().lost, tokens.status().reserved) == (0, 0)


def test_flow_reduction_lowers_the_refill(tokens: TokenManager, keepa: Keepa) -> None:
    keepa.answer = said(100, rate=20, flow=0.5)
    permit(tokens)
    assert tokens.status().refill_rate == 19
    assert tokens.live_interval() == timedelta(minutes=5)


def test_the_live_update_finds_its_tokens_whatever_the_backfill_does(
    tokens: TokenManager, keepa: Keepa, clock: ManualClock
) -> None:
    keepa.answer = said(40)
    tokens.plan_live_update(due_at=NOON + timedelta(minutes=2), pages=1, every=timedelta(minutes=20))
    spent = 0
    while isinstance(tokens.request_permission_for_call(6, Purpose.SWEEP), Permit):
        spent += 6
    assert spent == 42  # 40 - 42 + two ticks of 5 still leaves the live update its 5, and 40 - 48 + 10 does not
    clock.advance(seconds=120)
    tokens.begin_live_update(pages=1)
    assert permit(tokens, 5, Purpose.LIVE)
    assert tokens.status().owed == 0
    tokens.end_live_update()
    assert tokens.status().next_live_at == NOON + timedelta(minutes=22)


def test_nobody_overtakes_a_place_in_line_until_it_is_left(new_manager: NewManager, keepa: Keepa) -> None:
    keepa.answer = said(5)
    first, second = new_manager(installation="one"), new_manager(installation="two")
    for manager in (first, second):
        manager.plan_live_update(due_at=NOON + timedelta(minutes=1), pages=1, every=timedelta(minutes=20))
    assert wait(first, 60, Purpose.SWEEP).reason == "the next live update needs the tokens"
    assert wait(second, 1, Purpose.VERIFY_LIGHT).reason == "others are before it in line"
    assert [(place.installation, place.cost) for place in first.status().line] == [("one", 60), ("two", 1)]
    first.leave_line(Purpose.SWEEP)
    assert wait(second, 1, Purpose.VERIFY_LIGHT).reason == "the next live update needs the tokens"


def test_asking_again_at_the_promised_instant_succeeds(tokens: TokenManager, keepa: Keepa, clock: ManualClock) -> None:
    keepa.answer = said(-20)
    tokens.plan_live_update(due_at=NOON + timedelta(minutes=30), pages=1, every=timedelta(minutes=20))
    promised = wait(tokens).until
    clock.advance(seconds=(promised - NOON).total_seconds())
    permit(tokens)


def test_a_caller_may_wait_in_place_for_what_comes_soon(tokens: TokenManager, keepa: Keepa, clock: ManualClock) -> None:
    keepa.answer = said(0)
    permit(tokens, 5, Purpose.LIVE, wait_up_to=65)
    assert NOON + timedelta(seconds=31) <= clock.now() <= NOON + timedelta(seconds=33)


def test_a_caller_does_not_wait_in_place_for_what_comes_too_late(
    tokens: TokenManager, keepa: Keepa, clock: ManualClock
) -> None:
    keepa.answer = said(-100)
    assert wait(tokens, 5, Purpose.LIVE, wait_up_to=65).until > NOON + timedelta(minutes=20)
    assert clock.now() == NOON


def test_a_call_that_could_never_go_is_an_error_at_once(tokens: TokenManager) -> None:
    with pytest.raises(CallNeverAffordable, match="sweep call of up to 301 tokens"):
        tokens.request_permission_for_call(301, Purpose.SWEEP)
    with pytest.raises(ValueError, match="at least 1 token"):
        tokens.request_permission_for_call(0, Purpose.SWEEP)


def test_a_live_plan_that_starves_everything_else_is_refused(tokens: TokenManager) -> None:
    permit(tokens)
    with pytest.raises(BadSettings, match="more than half of the refill"):
        tokens.plan_live_update(due_at=NOON, pages=10, every=timedelta(minutes=10))
    with pytest.raises(BadSettings, match="each 1 to 60 minutes"):
        tokens.plan_live_update(due_at=NOON, pages=1, every=timedelta(seconds=30))


def test_many_workers_at_once_never_reserve_more_than_there_is(redis_server: str, new_manager: NewManager) -> None:
    permit(new_manager())
    clients = [connect(redis_server) for _ in range(8)]
    managers = [
        TokenManager(
            client, account="abc", installation=f"w{number}", clock=ManualClock(NOON), read_balance=Keepa(said(100))
        )
        for number, client in enumerate(clients)
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda turn: managers[turn % 8].request_permission_for_call(10, Purpose.SWEEP), range(40))
        )
    for client in clients:
        client.close()
    granted = sum(isinstance(answer, Permit) for answer in answers)
    assert granted == (100 - 12 - 5) // 10


def test_an_emptied_redis_makes_the_balance_unknown(redis: Redis, tokens: TokenManager, keepa: Keepa) -> None:
    permit(tokens)
    redis.flushall()
    keepa.answer = said(50)
    permit(tokens)
    assert (keepa.calls, tokens.status().balance) == (2, 50)


@pytest.mark.parametrize("rubbish", ["", "{}", "[1, 2]", "not json", '{"format": 0}'])
def test_a_damaged_ledger_is_an_empty_one(redis: Redis, tokens: TokenManager, keepa: Keepa, rubbish: str) -> None:
    redis.set("keepa-deals:tokens:{abc}:ledger", rubbish)
    permit(tokens)
    assert keepa.calls == 1


@pytest.fixture
def own_server() -> Iterator[PrivateValkey]:
    server = PrivateValkey()
    server.start()
    yield server
    server.close()


def test_after_a_restart_of_redis_its_memory_is_doubted(
    own_server: PrivateValkey, keepa: Keepa, clock: ManualClock
) -> None:
    client = connect(own_server.url)
    tokens = TokenManager(client, account="abc", installation="home", clock=clock, read_balance=keepa)
    permit(tokens)
    own_server.wait_until_written()
    own_server.kill()
    with pytest.raises(TokensUnknown, match="nothing was spent"):
        tokens.request_permission_for_call(5, Purpose.LIVE)
    own_server.start()
    status = tokens.status()
    assert (status.known, status.balance) == (False, 100)
    keepa.answer = said(30)
    permit(tokens, 5, Purpose.LIVE)
    assert (keepa.calls, tokens.status().balance) == (2, 30)
    client.close()


class ShiftedClock(SystemClock):
    """A host whose clock is wrong."""

    def __init__(self, seconds: float) -> None:
        self.shift = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self.shift


def test_hosts_need_not_agree_on_the_time(new_manager: NewManager, keepa: Keepa) -> None:
    keepa.answer = said(0, refill_in_ms=40_000)
    clocks: list[Clock] = [ShiftedClock(-300), ShiftedClock(300)]
    slow, fast = (new_manager(clock=host) for host in clocks)
    for manager, host in zip((slow, fast), clocks, strict=True):
        left = wait(manager, 5, Purpose.LIVE).until - host.now()
        assert timedelta(seconds=35) < left < timedelta(seconds=43)
    assert keepa.calls == 1
    assert fast.status().balance == 0


def test_a_clock_set_back_by_two_hours_does_not_freeze_the_ledger(
    tokens: TokenManager, keepa: Keepa, clock: ManualClock
) -> None:
    keepa.answer = said(0)
    wait(tokens, 5, Purpose.LIVE)
    clock.advance(seconds=-7200)
    assert wait(tokens, 5, Purpose.LIVE).until <= clock.now() + timedelta(seconds=33)
    clock.advance(seconds=33)
    permit(tokens, 5, Purpose.LIVE)


def test_a_clock_set_ahead_by_two_hours_does_not_invent_tokens(
    tokens: TokenManager, keepa: Keepa, clock: ManualClock
) -> None:
    keepa.answer = said(0)
    wait(tokens, 5, Purpose.LIVE)
    clock.advance(seconds=7200)
    wait(tokens, 5, Purpose.LIVE)
    assert keepa.calls == 2


def test_accounts_do_not_share_and_one_key_holds_a_ledger(redis: Redis, new_manager: NewManager) -> None:
    permit(new_manager(account="abc"))
    assert not new_manager(account="def").status().known
    assert sorted(redis.keys("*")) == [b"keepa-deals:tokens:{abc}:ledger", b"keepa-deals:tokens:{def}:ledger"]
