"""The door to the shared token ledger in Redis: ask before each call to Keepa, settle after it.

Every operation is one Lua script, so that check and reservation are one step for all workers of all hosts on
one Keepa key. The rule is token_budget.py, the bookkeeping token_ledger.py; the scripts do the same. With the
machine's own clock the ledger lives on the Redis server's time, so hosts need not agree on theirs; with any
other clock it lives on that clock.
"""

from __future__ import annotations

import json
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from keepa_deals.clock import Clock, SystemClock
from keepa_deals.errors import BadSettings, CallNeverAffordable, TokensUnknown
from keepa_deals.keepa_costs import FEED_PAGE_COST
from keepa_deals.records import TokenStatus
from keepa_deals.token_budget import Permit, Purpose, Wait, live_interval
from keepa_deals.token_ledger import CALL_TIMEOUT_MS, HOUR_MS
from keepa_deals.units import epoch_ms, from_epoch_ms

if TYPE_CHECKING:
    from redis import Redis

__all__ = ["LedgerStatus", "MeanBill", "Permit", "Purpose", "TokenManager", "Wait"]

log = logging.getLogger(__name__)

LUA = Path(__file__).parent / "lua"
LOOK_AGAIN_SECONDS = 0.5
"""how often a caller that waits in place asks whether a settlement has let it go"""
READINGS = 3
"""how often the balance is read for one request before giving up"""


@dataclass(frozen=True, slots=True)
class MeanBill:
    """What calls of one purpose have cost, for planning. Reservations stay at the documented most."""

    calls: int
    mean: float
    """tokens per call"""
    share_of_most: float
    """bills over reservations, 0 to 1 (above 1: Keepa billed more than documented)"""


@dataclass(frozen=True, slots=True)
class Place:
    """One place in line."""

    installation: str
    purpose: Purpose
    cost: int
    until: datetime


@dataclass(frozen=True, slots=True)
class LedgerStatus:
    """The ledger at one instant. While `known` is False, balance, available and rate are from before the doubt."""

    at: datetime
    known: bool
    balance: int
    """brought forward; open calls not deducted"""
    available: int
    """balance less every open reservation at its most"""
    refill_rate: int
    """tokens per minute, less the flow reduction; 0 before the first answer"""
    last_answer_at: datetime | None
    open_reservations: int
    reserved: int
    owed: int
    """tokens kept for live updates now running"""
    line: tuple[Place, ...]
    next_live_at: datetime | None
    mean_bills: dict[Purpose, MeanBill]
    foreign_drain_per_hour: float
    """tokens that others spent on the key, mean over up to 24 hours"""
    spent: int
    """sum of all bills since the ledger began"""
    lost: int
    """tokens counted as spent for calls whose bill never came"""
    refused: int
    """how often Keepa answered 429"""


class TokenManager:
    """The token ledger of one Keepa account, seen by one installation.

    `account` names the Keepa key (a hash prefix, never the key); `read_balance` is the free `/token` call, made
    when the ledger does not know the balance: its exceptions pass through. Every method raises TokensUnknown
    when Redis can't be reached, and then nothing may be spent.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        account: str,
        installation: str,
        clock: Clock,
        read_balance: Callable[[], TokenStatus],
        call_timeout: timedelta = timedelta(milliseconds=CALL_TIMEOUT_MS),
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._read_balance = read_balance
        self._timeout = call_timeout // timedelta(milliseconds=1)
        self._key = f"keepa-deals:tokens:{{{account}}}:ledger"
        ledger = (LUA / "tokens_ledger.lua").read_text(encoding="utf-8")
        self._scripts = {
            what: redis.register_script(ledger + (LUA / f"tokens_{what}.lua").read_text(encoding="utf-8"))
            for what in ("request", "settle", "note")
        }

    def request_permission_for_call(
        self, cost: int, purpose: Purpose, *, wait_up_to: float = 0, now: datetime | None = None
    ) -> Permit | Wait:
        """Leave to send one call that bills at most `cost` tokens, or when to ask again.

        Waits in place for up to `wait_up_to` seconds when that is sure to be enough. A Wait for anything but the
        live update is a place in line; ask again by its instant to keep it. Raises CallNeverAffordable for a
        call that could never go beside the live update.
        """
        if cost < 1:
            raise ValueError(f"a call that needs permission costs at least 1 token, got {cost}")
        start = now or self._clock.now()
        answer = self._ask(cost, purpose, now)
        deadline = start + timedelta(seconds=wait_up_to)
        while isinstance(answer, Wait):
            present = self._clock.now()
            if answer.until > deadline or present >= deadline:
                break
            left = min(answer.until, deadline) - present
            self._clock.sleep(min(LOOK_AGAIN_SECONDS, max(0.01, left.total_seconds())))
            answer = self._ask(cost, purpose, None)
        return answer

    def settle(self, permit: Permit, status: TokenStatus | None, *, sent_at: datetime, received_at: datetime) -> None:
        """Replace a reservation by what Keepa said; once for each permit.

        `status` None: no answer came, so the bill is unknown; the call stays reserved at its most until it
        lapses, then counts as spent. A refill rate of 0 is the envelope of a rejected request: nothing was
        charged and nothing is learned. A refusal (429) bills nothing and still tells the balance.
        """
        if status is None:
            return
        if status.refill_rate <= 0:
            self.cancel(permit)
            return
        self._settle(permit.id, status, sent_at=sent_at, received_at=received_at)

    def cancel(self, permit: Permit) -> None:
        """Give back a permit whose call was certainly never sent."""
        self._note("release", id=permit.id)

    def plan_live_update(self, *, due_at: datetime, pages: int, every: timedelta) -> None:
        """Tell the ledger when the next live update of this installation is due, so that it finds its tokens.

        To be renewed within three intervals. Raises BadSettings when the live updates of all installations on
        the key would take more than half of the refill, or come oftener than each minute.
        """
        cost, interval = pages * FEED_PAGE_COST, every // timedelta(milliseconds=1)
        if not timedelta(minutes=1) <= every <= timedelta(hours=1) or pages < 1:
            raise BadSettings(
                f"A live update of {pages} pages each {every} was planned; "
                "plan at least one page, each 1 to 60 minutes."
            )
        if self._note("plan", due=epoch_ms(due_at), every=interval, cost=cost).get("refused"):
            raise BadSettings(
                f"A live update of {pages} pages ({cost} tokens) each {every} would, with those of other installations "
                "on this Keepa key, take more than half of the refill; make the interval longer or the pages fewer."
            )

    def begin_live_update(self, *, pages: int) -> None:
        """A live update starts now: `pages` are kept for it, and the next one is planned an interval later.

        Each live permit takes its tokens from those kept. They are freed two minutes after the last of them,
        so a dead runner holds nothing for long.
        """
        self._note("begin", cost=pages * FEED_PAGE_COST)

    def end_live_update(self) -> None:
        """The live update is over; what was kept for it is free."""
        self._note("end")

    def leave_line(self, purpose: Purpose) -> None:
        """Give up the place in line of `purpose`, because something else is worth more now."""
        self._note("leave", purpose=purpose.value)

    def live_interval(self) -> timedelta:
        """How often the live update is due on the plan that Keepa last told; of the slowest while none is known."""
        return live_interval(self.status().refill_rate)

    def status(self) -> LedgerStatus:
        """The ledger now. Asks Redis only, never Keepa."""
        reply = self._note("show")
        return _status(reply["ledger"], offset=int(reply["offset"]))

    def _ask(self, cost: int, purpose: Purpose, now: datetime | None) -> Permit | Wait:
        for _ in range(READINGS):
            id = secrets.token_hex(8)
            asked = {"id": id, "installation": self._installation, "purpose": purpose.value, "cost": cost}
            reply = self._run("request", now, **asked, timeout=self._timeout)
            if not reply.get("unknown"):
                return self._answer(reply, id=id, cost=cost, purpose=purpose)
            self._adopt_balance(id)
        raise TokensUnknown(
            f"Keepa's balance was read {READINGS} times for a call of {cost} tokens and the ledger in Redis still "
            "does not know it, so nothing was spent. Check that the clock is right and Redis keeps what it is told."
        )

    def _answer(self, reply: dict[str, Any], *, id: str, cost: int, purpose: Purpose) -> Permit | Wait:
        offset = int(reply["offset"])
        if "permit" in reply:
            granted, lapses = (from_epoch_ms(int(instant) - offset) for instant in (reply["at"], reply["permit"]))
            return Permit(id, cost, purpose, granted_at=granted, lapses_at=lapses)
        if "wait" in reply:
            return Wait(from_epoch_ms(int(reply["wait"]) - offset), str(reply["reason"]))
        raise CallNeverAffordable(
            f"A {purpose.value} call of up to {cost} tokens was asked for, but beside the live update this plan never "
            f"allows more than {int(reply['limit'])} at once; split the call, or plan fewer live updates."
        )

    def _adopt_balance(self, id: str) -> None:
        """Ask Keepa for the balance (free) and settle the reading like any call, which makes the ledger known."""
        sent_at = self._clock.now()
        try:
            status = self._read_balance()
        except Exception:
            self._note("release", id=id)
            raise
        if status.refill_rate <= 0:
            self._note("release", id=id)
            raise TokensUnknown(
                "Keepa's answer to /token holds no refill rate, so the balance is unknown and nothing was spent. "
                "Check the key and the subscription at Keepa."
            )
        self._settle(id, status, sent_at=sent_at, received_at=self._clock.now())
        log.info("token ledger: balance read balance=%d rate=%d", status.balance, status.refill_rate)

    def _settle(self, id: str, status: TokenStatus, *, sent_at: datetime, received_at: datetime) -> None:
        self._run(
            "settle",
            None,
            id=id,
            sent=epoch_ms(sent_at),
            received=epoch_ms(received_at),
            balance=math.floor(status.balance),
            rate=max(0, math.floor(status.refill_rate - status.flow_reduction)),
            refill_in=min(60_000, max(0, status.refill_in_ms)),
            bill=math.ceil(status.consumed),
        )

    def _note(self, what: str, **details: Any) -> dict[str, Any]:
        return self._run("note", None, what=what, installation=self._installation, **details)

    def _run(self, script: str, now: datetime | None, **asked: Any) -> dict[str, Any]:
        own_time = now is not None or not isinstance(self._clock, SystemClock)
        asked["now"] = epoch_ms(now or self._clock.now())
        asked["server_time"] = not own_time
        try:
            reply = self._scripts[script](keys=[self._key], args=[json.dumps(asked)])
        except RedisError as error:
            raise TokensUnknown(
                f"The shared token ledger in Redis could not be used ({type(error).__name__}), so nothing was spent. "
                "Check Redis, then Diagnostics/check_tokens.py."
            ) from error
        return dict(json.loads(reply))


def _status(ledger: dict[str, Any], *, offset: int) -> LedgerStatus:
    def instant(milliseconds: float) -> datetime:
        return from_epoch_ms(int(milliseconds) - offset)

    reserved = sum(int(held["most"]) for held in ledger["open"].values())
    hours = min(24.0, max(1.0, (ledger["now"] - ledger["since"]) / HOUR_MS))
    return LedgerStatus(
        at=instant(ledger["now"]),
        known=bool(ledger["known"]),
        balance=int(ledger["balance"]),
        available=int(ledger["balance"]) - reserved,
        refill_rate=int(ledger["rate"]),
        last_answer_at=instant(ledger["heard"]) if ledger["heard"] else None,
        open_reservations=sum(held["most"] > 0 for held in ledger["open"].values()),
        reserved=reserved,
        owed=sum(int(owed["tokens"]) for owed in ledger["owed"].values()),
        line=_line(ledger["line"], instant),
        next_live_at=min((instant(plan["due"]) for plan in ledger["plans"].values()), default=None),
        mean_bills={Purpose(name): _mean(learned) for name, learned in ledger["learned"].items()},
        foreign_drain_per_hour=sum(ledger["drained"].values()) / hours,
        spent=int(ledger["spent"]),
        lost=int(ledger["lost"]),
        refused=int(ledger["refused"]),
    )


def _line(places: dict[str, Any], instant: Callable[[float], datetime]) -> tuple[Place, ...]:
    ordered = sorted(places.items(), key=lambda item: float(item[1]["number"]))
    return tuple(
        Place(*_place_key(key), cost=int(place["cost"]), until=instant(place["until"])) for key, place in ordered
    )


def _place_key(key: str) -> tuple[str, Purpose]:
    installation, _, purpose = key.rpartition("|")
    return installation, Purpose(purpose)


def _mean(learned: dict[str, Any]) -> MeanBill:
    calls, billed, most = (int(learned[name]) for name in ("calls", "billed", "most"))
    return MeanBill(calls, mean=billed / max(1, calls), share_of_most=billed / max(1, most))
