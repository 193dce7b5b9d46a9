"""The steps of a judgement: their names, those of the money, and the profit again from the steps alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from keepa_deals.fees import Fee, ReferralTerms, percent_of
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.money import Charges, expected_proceeds, less_caution
from keepa_deals.judgement.selling import CHANCE, ERROR_SCALE, LIST_PRICE, SALVAGE
from keepa_deals.records import CostSettings, Offer, Product, Step

ITEM_PRICE = "item price"
SHIPPING = "shipping"
TAX_PERCENT = "purchase tax percent"
PREP = "prep"
INBOUND = "inbound shipping"
ALL_IN = "all-in"
USED_SALES_SEEN = "used sales seen"
DAYS_OBSERVED = "days observed"
USUAL_PRICE = "usual price"
REFERRAL_PERCENT = "referral percent"
REFERRAL_MINIMUM = "referral minimum"
REFERRAL_FEE = "referral fee"
FBA_FEE = "fba fee"
CLOSING_FEE = "closing fee"
PROFIT_IF_SOLD = "profit if sold"
RISK = "risk of not selling"
PROFIT = "profit"
CAUTION = "caution"
PROFIT_LOW = "profit, lower bound"

_SEEN = "expected number in two years, by the falls of the rank and how likely each was a used copy"
_OBSERVED = "of the last two years, with a rank to see sales by"
_USUAL = "mean of the used sales of 365 days, else the mean ask of 90 days, landed: what the price is compared with"
_RISK = "what is lost on average because it may not sell in time: (1 - chance) x (left after fees - salvage)"
_PROFIT = "expected: chance x left after fees + (1 - chance) x salvage, half up, - all-in"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the money comes to; each is None where something it depends on is unknown."""

    all_in_cents: int | None
    referral_cents: int | None
    proceeds_cents: int | None
    """expected of the recommended listing: what the all-in is to be weighed against"""
    profit_if_sold_cents: int | None
    profit_cents: int | None
    profit_low_cents: int | None


def buying_steps(offer: Offer | None, product: Product, *, costs: CostSettings, all_in: int | None) -> tuple[Step, ...]:
    """What the copy costs."""
    seen = product.offers_checked_at
    item = offer.item_cents if offer is not None else None
    cheapest = "the cheapest live used offer, landed"
    free = "an FBA offer that names none ships free"
    return (
        Step(ITEM_PRICE, item, "cents", "full_look", seen, cheapest),
        Step(SHIPPING, paid_shipping(offer), "cents", "full_look", seen, free),
        Step(TAX_PERCENT, costs.purchase_tax_percent, "percent", "settings", None, "on the landed price, half up"),
        Step(PREP, costs.prep_cents, "cents", "settings", None, "for each copy"),
        Step(INBOUND, costs.inbound_shipping_cents, "cents", "settings", None, "for each copy, to Amazon"),
        Step(ALL_IN, all_in, "cents", "rule", None, "landed price + purchase tax + prep + inbound shipping"),
    )


def history_steps(sales: SalesHistory, product: Product, *, usual_cents: int | None) -> tuple[Step, ...]:
    """What the past showed."""
    seen = round(sum(sale.expected_count * sale.used_probability for sale in sales.sales), 1)
    days = round(sales.observed_days, 1)
    return (
        Step(DAYS_OBSERVED, days, "days", "full_look", product.updated_at, _OBSERVED),
        Step(USED_SALES_SEEN, seen, "count", "full_look", product.updated_at, _SEEN),
        Step(USUAL_PRICE, usual_cents, "cents", "full_look", product.updated_at, _USUAL),
    )


def money_steps(
    outcome: Outcome, *, terms: ReferralTerms, fba: Fee, closing: Fee, costs: CostSettings
) -> tuple[Step, ...]:
    """What Amazon takes and what is left."""
    if_sold, profit = outcome.profit_if_sold_cents, outcome.profit_cents
    risk = if_sold - profit if if_sold is not None and profit is not None else None
    sized = "estimated by weight and size" if fba.source == "table" else "of this product"
    return (
        Step(REFERRAL_PERCENT, terms.percent, "percent", terms.source, None, "Amazon's share of the list price"),
        Step(REFERRAL_MINIMUM, terms.minimum_cents, "cents", "table", None, "the least that Amazon takes"),
        Step(REFERRAL_FEE, outcome.referral_cents, "cents", "rule", None, "percent of the list price, half up"),
        Step(FBA_FEE, fba.cents, "cents", fba.source, None, sized),
        Step(CLOSING_FEE, closing.cents, "cents", closing.source, None, "media only"),
        Step(PROFIT_IF_SOLD, if_sold, "cents", "rule", None, "list price - referral - fba - closing - all-in"),
        Step(RISK, risk, "cents", "rule", None, _RISK),
        Step(PROFIT, profit, "cents", "rule", None, _PROFIT),
        Step(CAUTION, costs.caution, "count", "settings", None, "error scales by which the profit must clear zero"),
        Step(PROFIT_LOW, outcome.profit_low_cents, "cents", "rule", None, "profit - caution x error scale"),
    )


def paid_shipping(offer: Offer | None) -> int | None:
    """Shipping as it enters the landed price: an FBA offer that names none ships free."""
    if offer is None or offer.landed_cents is None or offer.item_cents is None:
        return None
    return offer.landed_cents - offer.item_cents


def recomputed(steps: Iterable[Step]) -> Outcome:
    """The money again from the inputs named in a judgement's steps, without its results.

    Inputs are what the copy costs, Amazon's terms, the recommended list price with its chance, the salvage, the
    error scale and the caution.
    """
    given = {step.name: step.value for step in steps}
    all_in = _all_in(given)
    listed, charges = _cents(given, LIST_PRICE), charges_in(given)
    net = charges.net_of(listed)
    chance = _number(given, CHANCE)
    proceeds = expected_proceeds(
        chance / 100 if chance is not None else None, net_cents=net, salvage_cents=_cents(given, SALVAGE)
    )
    profit = _difference(proceeds, all_in)
    caution = _number(given, CAUTION)
    low = (
        less_caution(profit, error_scale_cents=_cents(given, ERROR_SCALE), caution=caution)
        if caution is not None
        else None
    )
    return Outcome(
        all_in_cents=all_in,
        referral_cents=charges.referral_of(listed),
        proceeds_cents=proceeds,
        profit_if_sold_cents=_difference(net, all_in),
        profit_cents=profit,
        profit_low_cents=low,
    )


def recompute_profit(steps: Iterable[Step]) -> int | None:
    """The expected profit in cents from a judgement's steps alone; None if one of its inputs is unknown."""
    return recomputed(steps).profit_cents


def charges_in(given: Mapping[str, int | float | str | None]) -> Charges:
    """Amazon's terms as the steps name them, by name of the step."""
    return Charges(
        percent=_number(given, REFERRAL_PERCENT),
        minimum_cents=_cents(given, REFERRAL_MINIMUM) or 0,
        fba_cents=_cents(given, FBA_FEE),
        closing_cents=_cents(given, CLOSING_FEE),
    )


def _all_in(given: Mapping[str, int | float | str | None]) -> int | None:
    item, shipping, tax = _cents(given, ITEM_PRICE), _cents(given, SHIPPING), _number(given, TAX_PERCENT)
    prep, inbound = _cents(given, PREP), _cents(given, INBOUND)
    if item is None or shipping is None or tax is None or prep is None or inbound is None:
        return None
    return item + shipping + percent_of(item + shipping, tax) + prep + inbound


def _cents(given: Mapping[str, int | float | str | None], name: str) -> int | None:
    value = given.get(name)
    return value if isinstance(value, int) else None


def _number(given: Mapping[str, int | float | str | None], name: str) -> float | None:
    value = given.get(name)
    return float(value) if isinstance(value, int | float) else None


def _difference(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part
