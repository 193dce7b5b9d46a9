"""Saving what looks saw: new deals, confirmed deals, changed deals, tombstones. In the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, update

from keepa_deals.freshness import Comparison, compare, promised_until, sighting_of_product
from keepa_deals.judgement.judge import OFFERS_TOO_OLD
from keepa_deals.planner import ASKED_FOR
from keepa_deals.price_history import charted_history, spark_of
from keepa_deals.records import CostSettings, DealState, FeedEstimate, Judgement, Product, Source, Step
from keepa_deals.store.change_rows import Change, Observation, insert_changes, insert_observations, price_events
from keepa_deals.store.held_deals import HELD_COLUMNS, held_deal, judgement_columns, product_columns, repriced_columns
from keepa_deals.store.kept_histories import keep_history
from keepa_deals.store.poison import forgive, note_failure
from keepa_deals.store.seller_rows import seller_columns
from keepa_deals.store.statements import rows_by_asin
from keepa_deals.store.tables import candidates, deals
from keepa_deals.units import to_keepa_minutes

NO_LONGER_KNOWN = "Keepa no longer knows this ASIN"
NO_USED_OFFER = "no used offer is left"
NOT_FETCHED = "Keepa could not fetch its offers"


@dataclass(frozen=True, slots=True)
class JudgedProduct:
    """A product after a full look. `unworthy` says why it is not worth showing; None if it is."""

    product: Product
    judgement: Judgement
    unworthy: str | None


@dataclass(frozen=True, slots=True)
class EstimatedProduct:
    """A product after a light look, with its new place among the work to do."""

    product: Product
    estimate: FeedEstimate


@dataclass(slots=True)
class LookEffect:
    """What looks brought, in deals."""

    gained: int = 0
    confirmed: int = 0
    changed: int = 0
    retired: int = 0


@dataclass(frozen=True, slots=True)
class LookSaver:
    """One transaction's view of what looks are saved against."""

    connection: Connection
    domain_id: int
    promise_hours: float
    costs: CostSettings
    now: datetime

    def save_full(self, judged: Sequence[JudgedProduct]) -> LookEffect:
        """Deals worth showing are stored as verified; the others become tombstones or dropped candidates."""
        effect = LookEffect()
        held = self._held([one.product.asin for one in judged])
        for one in judged:
            row = held.get(one.product.asin)
            if not self._shows_offers(one.product):
                self._note_not_fetched(one.product.asin, is_shown=row is not None and row.state != DealState.GONE)
            elif one.unworthy is not None:
                effect.retired += self._retire(
                    one.product.asin, row, reason=one.unworthy, product=one.product, steps=one.judgement.steps
                )
            else:
                self._keep(one, row, effect)
        return effect

    def save_light_of_candidates(self, looked: Sequence[EstimatedProduct]) -> None:
        """Promising candidates go on to a full look, the others are dropped with the reason."""
        for one in looked:
            promising = one.estimate.reason is None
            self._set_candidate(
                one.product.asin,
                stage="light_look" if promising else "dropped",
                worth_cents=one.estimate.worth_cents,
                reason=one.estimate.reason,
            )

    def save_light_of_deals(self, products: Sequence[Product]) -> LookEffect:
        """A deal is confirmed, or takes its new price and is due for a full look, or is seen to be gone."""
        effect = LookEffect()
        held = self._held([product.asin for product in products])
        for product in products:
            row = held.get(product.asin)
            if row is not None and row.state != DealState.GONE:
                self._save_light_of_deal(product, row, effect)
        return effect

    def save_missing(self, asins: Sequence[str]) -> LookEffect:
        """What Keepa was asked for and did not answer: it no longer exists there."""
        effect = LookEffect()
        held = self._held(asins)
        for asin in asins:
            effect.retired += self._retire(asin, held.get(asin), reason=NO_LONGER_KNOWN, product=None)
        return effect

    def note_looked(self, asins: Sequence[str]) -> None:
        """Looked at now, whatever it will teach; call before saving, which clears it where a next step is due.

        Whoever asked for a look has had it.
        """
        self.connection.execute(
            update(deals)
            .where(
                deals.c.domain_id == self.domain_id,
                deals.c.asin.in_(asins),
                deals.c.look_due_reason.in_(ASKED_FOR.values()),
            )
            .values(look_due_since=None, look_due_reason=None)
        )
        for table in (deals, candidates):
            self.connection.execute(
                update(table)
                .where(table.c.domain_id == self.domain_id, table.c.asin.in_(asins))
                .values(looked_at=self.now)
            )

    def note_unreadable(self, asin: str, error: str) -> None:
        """A product that could not be read: the third time it is set aside, until its price moves."""
        if note_failure(self.connection, "product", asin, error=error, now=self.now):
            self._set_candidate(asin, stage="set_aside", worth_cents=None, reason=error[:300])

    def _note_not_fetched(self, asin: str, *, is_shown: bool) -> None:
        """Keepa's own failure: a deal on show waits for its next turn, a candidate is given up the third time."""
        if not is_shown:
            self.note_unreadable(asin, NOT_FETCHED)

    def _shows_offers(self, product: Product) -> bool:
        """Whether the offers are of today; without them nothing is seen, and nobody is retired unseen."""
        if product.product_type != 0:
            return True
        checked = product.offers_checked_at
        return product.offers is not None and checked is not None and self.now - checked <= OFFERS_TOO_OLD

    def _keep(self, one: JudgedProduct, row: Row[Any] | None, effect: LookEffect) -> None:
        product, asin = one.product, one.product.asin
        columns = {
            **product_columns(product),
            **judgement_columns(one.judgement),
            **self._verified(product, Source.FULL_LOOK),
            **seller_columns(self.connection, one.judgement.seller_id, domain_id=self.domain_id),
            "spark": spark_of(product.history.get("used"), one.judgement.sales, until=to_keepa_minutes(self.now)),
        }
        if row is None:
            key = {"asin": asin, "domain_id": self.domain_id, "first_seen_at": self.now}
            self.connection.execute(insert(deals).values(**key, price_changed_at=product.used_since, **columns))
            self._tell([Change(asin, "new", {"profit_cents": one.judgement.profit_cents})])
            effect.gained += 1
        else:
            self._set_deal(asin, price_changed_at=product.used_since or row.used_since, **columns)
            effect.gained += row.state == DealState.GONE
            effect.confirmed += row.state != DealState.GONE
            self._tell(self._events_of_return(product, row))
        self._set_candidate(asin, stage="deal", worth_cents=one.judgement.profit_cents, reason=None)
        self._observe(product, one.judgement)
        charted = charted_history(product.history, one.judgement.sales, until=to_keepa_minutes(self.now))
        keep_history(self.connection, asin, self.domain_id, charted, now=self.now)
        forgive(self.connection, "product", [asin])

    def _events_of_return(self, product: Product, row: Row[Any]) -> list[Change]:
        if row.state == DealState.GONE:
            return [Change(product.asin, "back", {"gone_at": row.gone_at.isoformat()})]
        events = price_events(held_deal(row), sighting_of_product(product, Source.FULL_LOOK))
        if row.state == DealState.UNVERIFIED and self._is_within_promise(product):
            events.append(Change(product.asin, "verified_again", {"by": Source.FULL_LOOK}))
        return events

    def _save_light_of_deal(self, product: Product, row: Row[Any], effect: LookEffect) -> None:
        held, sighting = held_deal(row), sighting_of_product(product, Source.LIGHT_LOOK)
        outcome = compare(held, sighting)
        if outcome is Comparison.CONFIRMED:
            self._set_deal(
                held.asin, sales_rank=product.sales_rank, **self._verified(product, Source.LIGHT_LOOK, judged=False)
            )
            if held.state is DealState.UNVERIFIED and self._is_within_promise(product):
                self._tell([Change(held.asin, "verified_again", {"by": Source.LIGHT_LOOK})])
            effect.confirmed += 1
        elif outcome is Comparison.CHANGED:
            self._set_deal(held.asin, **repriced_columns(row, sighting, costs=self.costs, now=self.now))
            self._tell(price_events(held, sighting))
            insert_observations(
                self.connection,
                [Observation(held.asin, "used_item", sighting.seen_at, sighting.used_cents)],
                domain_id=self.domain_id,
            )
            effect.changed += 1
        elif outcome is Comparison.SOLD_OUT:
            effect.retired += self._retire(held.asin, row, reason=NO_USED_OFFER, product=product)
        elif outcome is Comparison.INCONCLUSIVE and not held.look_due:
            self._set_deal(
                held.asin,
                look_due_since=self.now,
                look_due_reason="the light look could not confirm its price",
                looked_at=None,
            )

    def _retire(
        self, asin: str, row: Row[Any] | None, *, reason: str, product: Product | None, steps: Sequence[Step] = ()
    ) -> int:
        """Write the tombstone of a shown deal with its evidence; a mere candidate is dropped.

        So is one whose tombstone stands already: another look is worth its tokens only when its price moves. The
        `steps` of the judgement that refused it stay with the candidate.
        """
        is_shown = row is not None and row.state != DealState.GONE
        stage = "deal" if is_shown else "dropped"
        self._set_candidate(asin, stage=stage, worth_cents=None, reason=reason, steps=steps)
        if not is_shown:
            return 0
        evidence: dict[str, Any] = {"seen_at": (product.updated_at if product else self.now).isoformat()}
        if product is not None:
            evidence |= {"used_cents": product.used_cents, "used_offers": product.used_offers}
        self._set_deal(
            asin,
            state=DealState.GONE,
            gone_at=self.now,
            gone_reason=reason,
            gone_evidence=evidence,
            look_due_since=None,
            look_due_reason=None,
        )
        self._tell([Change(asin, "gone", {"reason": reason})])
        return 1

    def _is_within_promise(self, product: Product) -> bool:
        return promised_until(product.updated_at, self.promise_hours) > self.now

    def _verified(self, product: Product, source: Source, *, judged: bool = True) -> dict[str, Any]:
        until = promised_until(product.updated_at, self.promise_hours)
        columns: dict[str, Any] = {
            "state": DealState.LIVE if until > self.now else DealState.UNVERIFIED,
            "verified_at": product.updated_at,
            "verified_by": source,
            "promised_until": until,
            "unverified_since": None if until > self.now else until,
            "unverified_at_working_seconds": None,
            "keepa_updated_at": product.updated_at,
        }
        if judged:
            columns |= {
                "judged_at": self.now,
                "look_due_since": None,
                "look_due_reason": None,
                "gone_at": None,
                "gone_reason": None,
                "gone_evidence": None,
            }
        return columns

    def _observe(self, product: Product, judgement: Judgement) -> None:
        seen = (
            ("used_item", product.used_cents),
            ("landed", judgement.price_now_cents),
            ("new", product.new_cents),
            ("amazon", product.amazon_cents),
            ("rank", product.sales_rank),
            ("used_offers", product.used_offers),
        )
        rows = [Observation(product.asin, series, product.updated_at, value) for series, value in seen]
        insert_observations(self.connection, rows, domain_id=self.domain_id)

    def _held(self, asins: Sequence[str]) -> dict[str, Row[Any]]:
        return rows_by_asin(self.connection, deals, HELD_COLUMNS, asins, self.domain_id)

    def _tell(self, events: Sequence[Change]) -> None:
        insert_changes(self.connection, events, domain_id=self.domain_id, now=self.now)

    def _set_deal(self, asin: str, **values: Any) -> None:
        self.connection.execute(
            update(deals).where(deals.c.asin == asin, deals.c.domain_id == self.domain_id).values(**values)
        )

    def _set_candidate(
        self, asin: str, *, stage: str, worth_cents: int | None, reason: str | None, steps: Sequence[Step] = ()
    ) -> None:
        self.connection.execute(
            update(candidates)
            .where(candidates.c.asin == asin, candidates.c.domain_id == self.domain_id)
            .values(
                stage=stage,
                stage_at=self.now,
                worth_cents=worth_cents,
                reason=reason,
                looked_at=None,
                explanation=list(steps) or None,
            )
        )
