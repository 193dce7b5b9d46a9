"""Judging a deal: what a copy costs, what it will sell for, and what is left after every fee.

Pure; integer cents; one rounding rule (`fees.percent_of`: half up). An unknown input makes unknown whatever
depends on it. A judgement's steps hold every input, so that its profit can be recomputed to the cent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from keepa_deals import fees
from keepa_deals.deal_ranking import rank_candidate, rank_looked
from keepa_deals.fees import NOT_FOR_RESALE, all_in_cents, percent_of, referral_fee, usual_shipping
from keepa_deals.judgement.money import Charges, lowest_list_price, maximum_buy_price, share_percent
from keepa_deals.records import CostSettings, FeedEstimate, Judgement, Offer, Product, Step
from keepa_deals.sale_price import (
    AMAZON_CEILING,
    MEAN_ASK,
    NEW_CEILING,
    RIVALS_CEILING,
    SALE_SHIPPING,
    capped,
    estimate_sale_price,
)

__all__ = [
    "FeedEstimate",
    "cheapest_used_offer",
    "judge",
    "rank_candidate",
    "rank_looked",
    "recompute_profit",
    "worth_showing",
]

OFFERS_TOO_OLD = timedelta(hours=24)
"""offers checked longer ago name copies that may be sold: a price to buy at must be of today"""

ITEM_PRICE = "item price"
SHIPPING = "shipping"
TAX_PERCENT = "purchase tax percent"
PREP = "prep"
INBOUND = "inbound shipping"
ALL_IN = "all-in"
REFERRAL_PERCENT = "referral percent"
REFERRAL_MINIMUM = "referral minimum"
REFERRAL_FEE = "referral fee"
FBA_FEE = "fba fee"
CLOSING_FEE = "closing fee"
PROFIT = "profit"


def judge(product: Product, *, costs: CostSettings, now: datetime) -> Judgement:
    """The judgement of one product after a full look. The order of its offers does not matter.

    Buys the cheapest live used offer whose shipping is known: a merchant's unknown shipping is not free. Without
    one there is a refusal, and every number that depends on the buying price is None. Trust is None: the mean ask
    says nothing of the chance to sell.
    """
    offer = cheapest_used_offer(product)
    no_copy = _why_no_copy(product, offer, now=now)
    if no_copy is not None:
        offer = None
    sale = estimate_sale_price(product)
    terms = fees.referral_terms(product)
    fba, closing = fees.fba_fee(product), fees.closing_fee(product)
    charges = Charges(terms.percent, terms.minimum_cents, fba.cents, closing.cents)

    price = offer.landed_cents if offer is not None else None
    all_in = all_in_cents(price, costs=costs)
    referral = charges.referral_of(sale.cents)
    left = charges.net_of(sale.cents) if sale.cents is not None else None
    profit = left - all_in if left is not None and all_in is not None else None
    return Judgement(
        condition=offer.condition if offer is not None else None,
        seller_id=offer.seller_id if offer is not None else None,
        is_fba=offer.is_fba if offer is not None else None,
        item_cents=offer.item_cents if offer is not None else None,
        shipping_cents=_paid_shipping(offer),
        price_now_cents=price,
        sale_price_cents=sale.cents,
        sale_price_is_estimate=True,
        referral_fee_cents=referral,
        fba_fee_cents=fba.cents,
        closing_fee_cents=closing.cents,
        all_in_cents=all_in,
        profit_cents=profit,
        margin_percent=share_percent(profit, sale.cents),
        roi_percent=share_percent(profit, all_in),
        break_even_cents=lowest_list_price(all_in, charges=charges, markup_percent=0.0),
        minimum_list_cents=lowest_list_price(all_in, charges=charges, markup_percent=costs.minimum_markup_percent),
        maximum_buy_cents=maximum_buy_price(left, costs=costs),
        percent_down=_percent_down(product, price),
        trust_percent=None,
        refusal=no_copy or _what_is_unknown(sale.cents, charges),
        steps=(
            *_buying_steps(offer, product, costs=costs, all_in=all_in),
            *sale.steps,
            Step(REFERRAL_PERCENT, terms.percent, "percent", terms.source, None, "Amazon's share of the sale price"),
            Step(REFERRAL_MINIMUM, terms.minimum_cents, "cents", "table", None, "the least that Amazon takes"),
            Step(REFERRAL_FEE, referral, "cents", "rule", None, "percent of the sale price, half up"),
            Step(FBA_FEE, fba.cents, "cents", fba.source, None, "by the product, else by weight and size"),
            Step(CLOSING_FEE, closing.cents, "cents", closing.source, None, "media only"),
            Step(PROFIT, profit, "cents", "rule", None, "sale price - referral - fba - closing - all-in"),
        ),
    )


def worth_showing(judgement: Judgement) -> str | None:
    """None if the judged product is worth a row, else the reason in one sentence.

    A buyable price and a profit that is unknown or above 0 are worth showing.
    """
    if judgement.price_now_cents is None:
        return judgement.refusal or "no price to buy at"
    profit = judgement.profit_cents
    if profit is None or profit > 0:
        return None
    amazons = (judgement.referral_fee_cents, judgement.fba_fee_cents, judgement.closing_fee_cents)
    paid = sum(fee for fee in amazons if fee is not None)
    return (
        f"no profit: sells for about {_money(judgement.sale_price_cents)}, "
        f"all-in {_money(judgement.all_in_cents)}, fees {_money(paid)}"
    )


def recompute_profit(steps: Iterable[Step]) -> int | None:
    """The profit in cents from the inputs named in a judgement's steps, without its results; None if one is unknown."""
    given = {step.name: step.value for step in steps}

    def cents(name: str) -> int | None:
        value = given.get(name)
        return value if isinstance(value, int) else None

    item, shipping, tax = cents(ITEM_PRICE), cents(SHIPPING), given.get(TAX_PERCENT)
    prep, inbound = cents(PREP), cents(INBOUND)
    sale = capped(
        cents(MEAN_ASK),
        shipping_cents=cents(SALE_SHIPPING) or 0,
        ceilings=(cents(AMAZON_CEILING), cents(NEW_CEILING), cents(RIVALS_CEILING)),
    )
    percent, minimum = given.get(REFERRAL_PERCENT), cents(REFERRAL_MINIMUM)
    fba, closing = cents(FBA_FEE), cents(CLOSING_FEE)
    if item is None or shipping is None or prep is None or inbound is None or sale is None:
        return None
    if not isinstance(tax, int | float) or not isinstance(percent, int | float):
        return None
    if minimum is None or fba is None or closing is None:
        return None
    price = item + shipping
    all_in = price + percent_of(price, tax) + prep + inbound
    return sale - referral_fee(sale, percent=percent, minimum_cents=minimum) - fba - closing - all_in


def cheapest_used_offer(product: Product) -> Offer | None:
    """The used offer with the lowest known landed price; among equals the better grade, then FBA, then by seller."""
    buyable = [offer for offer in _used_offers(product) if offer.landed_cents is not None]
    return min(buyable, key=_dearness, default=None)


def _used_offers(product: Product) -> list[Offer]:
    return [offer for offer in product.offers or () if offer.condition.is_used and offer.is_shippable]


def _dearness(offer: Offer) -> tuple[object, ...]:
    return (offer.landed_cents, offer.condition, not offer.is_fba, offer.seller_id, offer.item_cents, offer.last_seen)


def _why_no_copy(product: Product, offer: Offer | None, *, now: datetime) -> str | None:
    """The sentence that refuses a judgement for want of a copy to buy, or None."""
    if product.product_type != 0:
        return f"{product.asin} is {NOT_FOR_RESALE.get(product.product_type, 'of a kind we do not know')}"
    if product.offers is None:
        return "Keepa gave no offers, so no copy can be named"
    if product.offers_checked_at is None or now - product.offers_checked_at > OFFERS_TOO_OLD:
        return "the offers were last checked more than 24 hours ago"
    if not _used_offers(product):
        return "no live used offer"
    if offer is None:
        return "no used offer with known shipping"
    return None


def _what_is_unknown(sale_cents: int | None, charges: Charges) -> str | None:
    """The sentence that says why there is a price to buy at but no profit, or None."""
    if sale_cents is None:
        return "no mean of used prices is known, so no sale price can be said"
    if charges.percent is None:
        return "the referral percent is unknown, so no profit can be said"
    if charges.fba_cents is None:
        return "the FBA fee is unknown, so no profit can be said"
    if charges.closing_cents is None:
        return "the closing fee is unknown, so no profit can be said"
    return None


def _paid_shipping(offer: Offer | None) -> int | None:
    """Shipping as it enters the landed price: an FBA offer that names none ships free."""
    if offer is None or offer.landed_cents is None or offer.item_cents is None:
        return None
    return offer.landed_cents - offer.item_cents


def _percent_down(product: Product, price: int | None) -> float | None:
    """How far the landed price lies under the landed mean of 365 days; 0 where it does not."""
    mean = product.used_avg.d365
    if mean is None or price is None:
        return None
    usual = mean + usual_shipping(product.root_category, domain_id=product.domain_id)
    return share_percent(max(0, usual - price), usual)


def _buying_steps(
    offer: Offer | None, product: Product, *, costs: CostSettings, all_in: int | None
) -> tuple[Step, ...]:
    seen = product.offers_checked_at
    item = offer.item_cents if offer is not None else None
    cheapest = "the cheapest live used offer, landed"
    free = "an FBA offer that names none ships free"
    return (
        Step(ITEM_PRICE, item, "cents", "full_look", seen, cheapest),
        Step(SHIPPING, _paid_shipping(offer), "cents", "full_look", seen, free),
        Step(TAX_PERCENT, costs.purchase_tax_percent, "percent", "settings", None, "on the landed price, half up"),
        Step(PREP, costs.prep_cents, "cents", "settings", None, "for each copy"),
        Step(INBOUND, costs.inbound_shipping_cents, "cents", "settings", None, "for each copy, to Amazon"),
        Step(ALL_IN, all_in, "cents", "rule", None, "landed price + purchase tax + prep + inbound shipping"),
    )


def _money(cents: int | None) -> str:
    return "unknown" if cents is None else f"{Decimal(cents) / 100:,.2f}"
