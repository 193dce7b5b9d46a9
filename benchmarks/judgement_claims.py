"""What each estimator says of a deal moment: ours, ours with inputs taken away, ours told the truth, the references.

Pure. Costs and fees are the same for all: Amazon's terms for the product, and one `CostSettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from benchmarks import judgement_references as references
from benchmarks.judgement_events import (
    USED_CHANCES,
    any_copies,
    gaps_of,
    true_history,
    used_copies,
    with_true_counts,
    with_true_sides,
)
from benchmarks.judgement_scores import Claim
from benchmarks.moments import DealMoment
from keepa_deals import fees
from keepa_deals.judgement.inferred_sales import SalesHistory, infer_sales
from keepa_deals.judgement.judge import judge_copy
from keepa_deals.judgement.money import Charges
from keepa_deals.records import Averages, CostSettings, Product, Series

TRUSTED_PART = 0.9
"""trust speaks of a sale at this part of the sale price"""

Estimator = Callable[[DealMoment, CostSettings], Claim]


@dataclass(frozen=True, slots=True)
class Terms:
    """The money side of one moment, alike for every estimator."""

    charges: Charges
    all_in_cents: int

    def net_of(self, list_cents: int) -> int | None:
        """What a sale leaves after Amazon's fees; None where a fee is unknown."""
        return self.charges.net_of(list_cents)


def terms_of(moment: DealMoment, costs: CostSettings) -> Terms:
    """What the moment's copy costs and what Amazon takes."""
    all_in = fees.all_in_cents(moment.copy.landed_cents, costs=costs)
    if all_in is None:
        raise ValueError(f"the copy of moment {moment.number} of seed {moment.seed} has no landed price")
    return Terms(charges=charges_of(moment.product), all_in_cents=all_in)


def charges_of(product: Product) -> Charges:
    """Amazon's terms for the product."""
    terms = fees.referral_terms(product)
    return Charges(terms.percent, terms.minimum_cents, fees.fba_fee(product).cents, fees.closing_fee(product).cents)


def ours(moment: DealMoment, costs: CostSettings) -> Claim:
    """The judgement as the service makes it."""
    return judged(moment, moment.product, infer_sales(moment.product, now=moment.now), costs)


def true_side(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, told which of the sales it sees were of used copies."""
    return _untrusted(judged(moment, moment.product, with_true_sides(_inferred(moment), moment.past), costs))


def true_number(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, told how many copies of which side sold in the gaps it sees."""
    return _untrusted(judged(moment, moment.product, with_true_counts(_inferred(moment), moment.past), costs))


def true_past(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, told everything that sold in the two years."""
    return _untrusted(judged(moment, moment.product, true_history(moment.past), costs))


def without_counts(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, without the numbers of offers."""
    product = replace(
        moment.product,
        used_offers=None,
        new_offers=None,
        used_offers_avg=Averages(),
        history=_history_without(moment.product, "used_offers", "new_offers"),
    )
    return _untrusted(judged(moment, product, infer_sales(product, now=moment.now), costs))


def without_grades(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, without the histories of the grades and the used buy box."""
    landed = (name for name in moment.product.history if name.startswith("landed_"))
    product = replace(
        moment.product,
        landed_cents_by_grade={},
        buy_box_used_landed_cents=None,
        history=_history_without(moment.product, *landed),
    )
    return _untrusted(judged(moment, product, infer_sales(product, now=moment.now), costs))


def without_today(moment: DealMoment, costs: CostSettings) -> Claim:
    """Ours, without any offer of today but the copy itself; the histories stay."""
    product = replace(
        moment.product,
        offers=(moment.copy,),
        used_cents=None,
        new_cents=None,
        used_offers=None,
        new_offers=None,
        landed_cents_by_grade={},
        buy_box_used_landed_cents=None,
    )
    return _untrusted(judged(moment, product, infer_sales(moment.product, now=moment.now), costs))


def judged(moment: DealMoment, product: Product, history: SalesHistory, costs: CostSettings) -> Claim:
    """What the judgement of the moment's copy says, with this history of sales."""
    said = judge_copy(product, moment.copy, no_copy=None, costs=costs, now=moment.now, sales=history)
    gaps = gaps_of(history.sales)
    sale = said.sale_price_cents
    return Claim(
        any_minutes=any_copies(gaps),
        used_minutes=used_copies(gaps),
        used_from={chance: used_copies(gaps, least_chance=chance) for chance in USED_CHANCES},
        used_a_year=history.used_a_year,
        sale_cents=sale,
        list_cents=said.list_cents,
        profit_cents=said.profit_cents,
        scale_cents=said.error_scale_cents,
        is_estimate=said.sale_price_is_estimate,
        chance=_part(said.sold_chance_percent),
        trust=_part(said.trust_percent),
        trust_cents=round(TRUSTED_PART * sale) if sale is not None else None,
    )


def _untrusted(claim: Claim) -> Claim:
    """Without trust, which takes a play of its own and says nothing more here."""
    return replace(claim, trust=None, trust_cents=None)


def _part(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _reference(claim: Claim, moment: DealMoment, costs: CostSettings) -> Claim:
    """A reference believes that what it lists sells: its profit is what that sale leaves."""
    terms = terms_of(moment, costs)
    net = terms.net_of(claim.list_cents) if claim.list_cents is not None else None
    return replace(claim, profit_cents=net - terms.all_in_cents if net is not None else None)


ESTIMATORS: Mapping[str, Estimator] = {
    "ours": ours,
    "baseline": lambda moment, costs: _reference(references.baseline(moment.product, now=moment.now), moment, costs),
    "baseline_average": lambda moment, costs: _reference(
        references.baseline_average(moment.product, now=moment.now), moment, costs
    ),
    "used_side": lambda moment, costs: _reference(references.used_side(moment.product, now=moment.now), moment, costs),
    "mean_ask": lambda moment, costs: _reference(references.mean_ask(moment.product), moment, costs),
    "true_side": true_side,
    "true_number": true_number,
    "true_past": true_past,
}
ABLATIONS: Mapping[str, Estimator] = {
    "without_counts": without_counts,
    "without_grades": without_grades,
    "without_today": without_today,
}


def _inferred(moment: DealMoment) -> SalesHistory:
    return infer_sales(moment.product, now=moment.now)


def _history_without(product: Product, *names: str) -> dict[str, Series]:
    return {name: series for name, series in product.history.items() if name not in set(names)}
