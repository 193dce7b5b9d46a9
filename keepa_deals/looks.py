"""The looks: judge candidates, verify deals, see what is gone. Always the best expected value per token.

What is left over buys the ratings of the sellers of shown deals.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from keepa_deals.deal_ranking import rank_looked
from keepa_deals.errors import MalformedReply
from keepa_deals.judgement.judge import judge, worth_showing
from keepa_deals.keepa_client import Reply
from keepa_deals.keepa_costs import full_look_most, light_look_most, seller_most
from keepa_deals.planner import LookKind, PlannedLook, PlannedSellers, plan_look, plan_sellers
from keepa_deals.records import LookAnswer, PassReport, SellerAnswer, StopReason
from keepa_deals.store import ageing, call_ledger, pass_records, seller_rows, work_queue
from keepa_deals.store.look_rows import EstimatedProduct, JudgedProduct, LookEffect, LookSaver
from keepa_deals.store.pass_records import PassState
from keepa_deals.token_budget import Purpose, Wait
from keepa_deals.work import Bought, Shift, spend

LOCK = "looks_lock"

CALLS_A_CHUNK = 12
"""Bounds one task; the doorbell after it goes on with the best of then."""

LOOK_PURPOSES = frozenset({Purpose(kind) for kind in LookKind} | {Purpose.SELLERS})

log = logging.getLogger(__name__)


def look_at_deals(shift: Shift, _state: PassState) -> PassReport:
    """Let time do its part, then buy looks while tokens allow, one chunk at most."""
    _age(shift)
    for _ in range(CALLS_A_CHUNK):
        plan = _plan(shift)
        if plan is None:
            return shift.report(StopReason.NOTHING_TO_DO)
        wait = _ask_about_sellers(shift, plan) if isinstance(plan, PlannedSellers) else _look(shift, plan)
        if wait is not None:
            return shift.report(StopReason.WAITING_FOR_TOKENS, waiting_until=wait.until)
    return shift.report(StopReason.CHUNK_DONE)


def _look(shift: Shift, plan: PlannedLook) -> Wait | None:
    bought = _buy(shift, plan)
    if isinstance(bought, Wait):
        return bought
    _save(shift, plan, bought)
    return None


def _ask_about_sellers(shift: Shift, plan: PlannedSellers) -> Wait | None:
    means = shift.means
    try:
        bought: Bought[SellerAnswer] | Wait = spend(
            shift,
            cost=seller_most(len(plan.ids)),
            purpose=Purpose.SELLERS,
            what=f"sellers: {', '.join(plan.ids[:5])}" + (" …" if len(plan.ids) > 5 else ""),
            call=lambda: means.keepa.seller(plan.ids),
        )
    except MalformedReply as error:
        # An answer of Keepa's that nobody can read would be no better tomorrow.
        if error.status is not None:
            _save_sellers(shift, plan, SellerAnswer((), (), ()))
        raise
    if isinstance(bought, Wait):
        return bought
    _save_sellers(shift, plan, bought.payload)
    log.info("asked about sellers asked=%d known=%d", len(plan.ids), len(bought.payload.sellers))
    return None


def _save_sellers(shift: Shift, plan: PlannedSellers, answer: SellerAnswer) -> None:
    means = shift.means
    with means.store.write(shift.lease) as connection:
        seller_rows.save_sellers(connection, plan.ids, answer.sellers, domain_id=means.domain_id, now=means.clock.now())
        pass_records.note_work(connection, shift.which, now=means.clock.now())


def _age(shift: Shift) -> None:
    means = shift.means
    with means.store.write(shift.lease) as connection:
        aged = ageing.age_deals(connection, domain_id=means.domain_id, now=means.clock.now())
    shift.tally.retired += aged.archived
    if aged.unverified or aged.archived:
        log.info("deals aged unverified=%d archived=%d", aged.unverified, aged.archived)


def _plan(shift: Shift) -> PlannedLook | PlannedSellers | None:
    means, now = shift.means, shift.means.clock.now()
    with means.store.read() as connection:
        candidates = work_queue.waiting_candidates(connection, domain_id=means.domain_id)
        deals = work_queue.waiting_deals(connection, domain_id=means.domain_id)
        sellers = work_queue.waiting_sellers(connection, domain_id=means.domain_id, now=now)
    ledger = means.tokens.status()
    rate, balance = ledger.refill_rate, ledger.available
    look = plan_look(candidates, deals, tokens_per_minute=rate, balance=balance, now=now)
    asked = plan_sellers(sellers, is_idle=look is None, tokens_per_minute=rate, balance=balance, now=now)
    plan = asked or look
    for place in ledger.line:
        is_old_wish = plan is None or place.purpose != _purpose(plan)
        if place.installation == means.installation and place.purpose in LOOK_PURPOSES and is_old_wish:
            means.tokens.leave_line(place.purpose)
    return plan


def _purpose(plan: PlannedLook | PlannedSellers) -> Purpose:
    return Purpose.SELLERS if isinstance(plan, PlannedSellers) else Purpose(plan.kind)


def _buy(shift: Shift, plan: PlannedLook) -> Bought[LookAnswer] | Wait:
    cost = full_look_most(len(plan.asins)) if plan.kind.is_full else light_look_most(len(plan.asins))
    try:
        return spend(
            shift,
            cost=cost,
            purpose=Purpose(plan.kind),
            what=f"{plan.kind.replace('_', ' ')}: {', '.join(plan.asins)}",
            call=lambda: _ask(shift, plan),
        )
    except MalformedReply as error:
        # Without its envelope it was no answer of Keepa's, and so says nothing about a product.
        if error.status is not None:
            _note_unreadable(shift, plan, str(error))
        raise


def _ask(shift: Shift, plan: PlannedLook) -> Reply[LookAnswer]:
    keepa = shift.means.keepa
    if plan.kind.is_full:
        return keepa.full_look(plan.asins)
    # A candidate is judged by its history, which costs nothing; to verify a deal the present is enough.
    return keepa.light_look(plan.asins, history_days=730 if plan.kind is LookKind.CANDIDATE_LIGHT else 30)


def _note_unreadable(shift: Shift, plan: PlannedLook, error: str) -> None:
    """An answer that nobody could read counts against each product asked for, so that none blocks the line for ever."""
    with shift.means.store.write(shift.lease) as connection:
        saver = _saver(shift, connection)
        saver.note_looked(plan.asins)
        for asin in plan.asins:
            saver.note_unreadable(asin, error)


def _saver(shift: Shift, connection: Connection) -> LookSaver:
    means = shift.means
    return LookSaver(
        connection,
        domain_id=means.domain_id,
        promise_hours=means.promise_hours,
        costs=means.costs,
        now=means.clock.now(),
    )


def _save(shift: Shift, plan: PlannedLook, bought: Bought[LookAnswer]) -> None:
    means, answer = shift.means, bought.payload
    with means.store.write(shift.lease) as connection:
        saver = _saver(shift, connection)
        saver.note_looked(plan.asins)
        effect = _save_products(shift, plan, answer, saver)
        gone = saver.save_missing(answer.missing)
        effect.retired += gone.retired
        for product in answer.unreadable:
            saver.note_unreadable(product.key, product.error)
        call_ledger.note_effect(
            connection, bought.call_id, gained=effect.gained, confirmed=effect.confirmed, retired=effect.retired
        )
        pass_records.note_work(connection, shift.which, now=means.clock.now())
    _count(shift, effect)
    log.info(
        "looked kind=%s asked=%d gained=%d confirmed=%d changed=%d retired=%d missing=%d",
        plan.kind, len(plan.asins), effect.gained, effect.confirmed, effect.changed, effect.retired,
        len(answer.missing),
    )  # fmt: skip


def _save_products(shift: Shift, plan: PlannedLook, answer: LookAnswer, saver: LookSaver) -> LookEffect:
    costs, now = shift.means.costs, shift.means.clock.now()
    if plan.kind.is_full:
        judged = []
        for product in answer.products:
            judgement = judge(product, costs=costs, now=now)
            judged.append(JudgedProduct(product, judgement, unworthy=worth_showing(judgement)))
        return saver.save_full(judged)
    if plan.kind is LookKind.VERIFY_LIGHT:
        return saver.save_light_of_deals(answer.products)
    saver.save_light_of_candidates(
        [EstimatedProduct(product, rank_looked(product, costs=costs, now=now)) for product in answer.products]
    )
    return LookEffect()


def _count(shift: Shift, effect: LookEffect) -> None:
    shift.tally.gained += effect.gained
    shift.tally.confirmed += effect.confirmed
    shift.tally.changed += effect.changed
    shift.tally.retired += effect.retired
