"""What came of the recommended listings: the profit that was promised beside the true one, and what follows from it.

The scale of the error and the calibration of trust are learned here, from deals that the promise was not fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.moments import Played
from benchmarks.price_fitting import Case, Floats, centred, robust_ridge, terms
from keepa_deals import fees
from keepa_deals.judgement.money import Charges, expected_proceeds
from keepa_deals.judgement.price_model import PriceModel, SellingModel
from keepa_deals.judgement.sale_price import SELL_WITHIN_DAYS, SalePrice, estimate_sale_price
from keepa_deals.judgement.selling import (
    TRUSTED_PART,
    SellingPlan,
    error_inputs,
    error_scale,
    plan_selling,
)
from keepa_deals.judgement.trust import LEAST_CHANCE, trust_of
from keepa_deals.records import CostSettings

ERROR = ("sale price", "list ratio", "price error", "doubt", "lowest rival", "used sales a year", "evidence")
COSTS = CostSettings()
MEAN_LN_NORMAL = -0.635
"""mean of the logarithm of the absolute value of a standard normal number"""
SMALLEST_ERROR_CENTS = 50.0
CAUTIONS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
Plays = dict[tuple[int, tuple[int, int]], Played]


@dataclass(frozen=True, slots=True)
class Ventured:
    """One deal with its plan and what became of it. Money in cents."""

    case: Case
    sale: SalePrice
    plan: SellingPlan
    promised: float
    """expected profit"""
    true: float
    """mean profit over the replicates at the same list price"""
    trusted_chance: float
    """the curve's own figure for a sale at 90 % of the sale price"""
    trusted_share: float
    """what truly sold there"""

    def under(self, model: SellingModel) -> Ventured:
        """The same deal with error and trust by `model`; list price and chance stay."""
        listed, chance = self.plan.list_cents or 1, self.plan.chance or 0.0
        scale = error_scale(
            self.sale, list_cents=listed, chance=chance, used_a_year=self.case.sales.used_a_year, model=model
        )
        trust = trust_of(self.trusted_chance, model=model)
        return replace(self, plan=replace(self.plan, error_scale_cents=scale, trust=trust))


def ventures(
    cases: Sequence[Case],
    *,
    prices: PriceModel,
    selling: SellingModel,
    play: Callable[[Iterable[tuple[int, tuple[int, int]]]], Plays],
) -> list[Ventured]:
    """Each case planned and played at its list price and at 90 % of its sale price; what can't be planned is left."""
    planned = [(case, *_plan(case, prices=prices, selling=selling)) for case in cases]
    whole = [(case, sale, plan, net) for case, sale, plan, net in planned if plan.list_cents is not None]
    asks = [
        (case.moment.seed, (case.moment.number, price)) for case, sale, plan, _ in whole for price in _asked(sale, plan)
    ]
    played = play(asks)
    return [_ventured(case, sale, plan, net, played=played) for case, sale, plan, net in whole]


def fit_errors(ventured: Sequence[Ventured], *, model: SellingModel) -> SellingModel:
    """The line through the logarithm of the errors."""
    rows = []
    for one in ventured:
        listed, chance = one.plan.list_cents, one.plan.chance
        if listed is None or chance is None or one.sale.basis is None:
            continue
        speed = one.case.sales.used_a_year
        rows.append(error_inputs(one.sale, one.sale.basis, list_cents=listed, chance=chance, used_a_year=speed))
    usual, design = centred(rows, ERROR)
    errors = np.array([abs(one.promised - one.true) for one in ventured])
    ln_errors = np.log(np.maximum(errors, SMALLEST_ERROR_CENTS)) - MEAN_LN_NORMAL
    base, slopes = robust_ridge(design, ln_errors, ridge=20.0, huber=1.5)
    return replace(model, error_base=round(base, 4), error=terms(ERROR, usual, slopes))


def fit_trust(ventured: Sequence[Ventured], *, model: SellingModel) -> SellingModel:
    """A logistic line through the curve's own chances, by Newton's steps."""
    chances = np.clip([one.trusted_chance for one in ventured], LEAST_CHANCE, 1 - LEAST_CHANCE)
    design = np.column_stack([np.ones(len(chances)), np.log(chances / (1 - chances))])
    shares = np.array([one.trusted_share for one in ventured])
    found: Floats = np.array([0.0, 1.0])
    for _ in range(30):
        told = 1 / (1 + np.exp(-design @ found))
        bend = design.T @ (design * (told * (1 - told))[:, None]) + np.eye(2) * 1e-6
        found = found + np.linalg.solve(bend, design.T @ (shares - told))
    return replace(model, trust_base=round(float(found[0]), 4), trust_slope=round(float(found[1]), 4))


def look(ventured: Sequence[Ventured]) -> str:
    """The figures in a few lines."""
    known = [(one.sale, one.case.moment.future_landed_cents) for one in ventured]
    pairs = [(sale, true) for sale, true in known if true is not None]
    off = np.array([abs((sale.cents or 0) / true - 1) for sale, true in pairs])
    held = np.mean([(sale.low_cents or 0) <= true <= (sale.high_cents or 0) for sale, true in pairs])
    promised, true = (np.array([getattr(one, name) for one in ventured]) for name in ("promised", "true"))
    errors = np.abs(promised - true)
    top = np.argsort(-promised)[: max(1, len(promised) // 10)]
    lines = [
        f"{len(ventured)} deals; sale price off by {np.median(off):.3f} (median), {np.quantile(off, 0.9):.3f} (p90),"
        f" {held:.2f} within the interval",
        f"profit off by {_dollars(np.median(errors))} (median), {_dollars(np.quantile(errors, 0.9))} (p90), bias"
        f" {_dollars(np.mean(promised - true))}; top tenth truly {_dollars(true[top].mean())}, a loss in"
        f" {np.mean(true[top] <= 0):.2f}; list / sale price {_ratio(ventured):.2f}",
    ]
    lines += [_caution_line(ventured, caution) for caution in CAUTIONS]
    lines += _bands("trust", [(one.plan.trust or 0.0, one.trusted_share) for one in ventured])
    return "\n".join(lines)


def _plan(case: Case, *, prices: PriceModel, selling: SellingModel) -> tuple[SalePrice, SellingPlan, Charges]:
    moment, product = case.moment, case.moment.product
    sale = estimate_sale_price(product, moment.copy, sales=case.sales, now=moment.now, model=prices)
    terms_of, fba, closing = fees.referral_terms(product), fees.fba_fee(product), fees.closing_fee(product)
    charges = Charges(terms_of.percent, terms_of.minimum_cents, fba.cents, closing.cents)
    plan = plan_selling(sale, sales=case.sales, left_of=charges.net_of, costs=COSTS, now=moment.now, model=selling)
    return sale, plan, charges


def _asked(sale: SalePrice, plan: SellingPlan) -> tuple[int, int]:
    return plan.list_cents or 1, math.ceil(TRUSTED_PART * (sale.cents or 1))


def _ventured(case: Case, sale: SalePrice, plan: SellingPlan, charges: Charges, *, played: Plays) -> Ventured:
    listed, trusted = _asked(sale, plan)
    at_list, at_trust = (played[case.moment.seed, (case.moment.number, price)] for price in (listed, trusted))
    net = charges.net_of(listed)
    all_in = fees.all_in_cents(case.moment.copy.landed_cents, costs=COSTS)
    proceeds = expected_proceeds(plan.chance, net_cents=net, salvage_cents=plan.salvage_cents)
    if net is None or all_in is None or proceeds is None or plan.curve is None:
        raise ValueError("only a whole plan can be ventured")
    share = at_list.sold_share(SELL_WITHIN_DAYS)
    return Ventured(
        case=case,
        sale=sale,
        plan=plan,
        promised=float(proceeds - all_in),
        true=share * net + (1 - share) * at_list.salvage_cents - all_in,
        trusted_chance=plan.curve.chance(trusted, SELL_WITHIN_DAYS),
        trusted_share=at_trust.sold_share(SELL_WITHIN_DAYS),
    )


def _caution_line(ventured: Sequence[Ventured], caution: float) -> str:
    good = [one.true > 0 for one in ventured]
    shown = [
        not one.sale.is_estimate and one.promised - caution * (one.plan.error_scale_cents or 0) > 0 for one in ventured
    ]
    false = sum(seen and not gain for seen, gain in zip(shown, good, strict=True))
    kept = sum(seen and gain for seen, gain in zip(shown, good, strict=True))
    return (
        f"caution {caution:4.2f}: {sum(shown):4d} shown, {false / max(1, sum(shown)):.3f} false,"
        f" {kept / max(1, sum(good)):.3f} of the truly profitable kept"
    )


def _bands(name: str, pairs: Sequence[tuple[float, float]]) -> list[str]:
    lines = []
    for low in range(0, 100, 10):
        band = [pair for pair in pairs if low <= 100 * pair[0] < low + 10]
        if band:
            told, true = np.mean(band, axis=0)
            lines.append(f"{name} {low:2d} to {low + 10:3d} %: {len(band):4d} deals, told {told:.3f}, true {true:.3f}")
    return lines


def _ratio(ventured: Sequence[Ventured]) -> float:
    return float(np.mean([(one.plan.list_cents or 0) / (one.sale.cents or 1) for one in ventured]))


def _dollars(cents: float) -> str:
    return f"${cents / 100:.2f}"
