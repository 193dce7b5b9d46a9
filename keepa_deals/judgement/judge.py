"""Judging a deal: what a copy costs, what it will really sell for, what is really left, how sure that is, and why.

Pure: inferred sales, sale price, selling plan and money, in this order. An unknown input makes unknown whatever
depends on it; a refusal is one sentence and carries its steps like any judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from keepa_deals import fees
from keepa_deals.fees import NOT_FOR_RESALE, all_in_cents
from keepa_deals.judgement import fitted_prices, fitted_sales
from keepa_deals.judgement.explanation import (
    Outcome,
    buying_steps,
    history_steps,
    money_steps,
    paid_shipping,
)
from keepa_deals.judgement.inferred_sales import SalesHistory, infer_sales
from keepa_deals.judgement.model import SalesModel
from keepa_deals.judgement.money import (
    Charges,
    expected_proceeds,
    less_caution,
    lowest_list_price,
    maximum_buy_price,
    share_percent,
)
from keepa_deals.judgement.price_model import PriceModel, SellingModel
from keepa_deals.judgement.sale_price import SalePrice, estimate_sale_price, usual_price
from keepa_deals.judgement.selling import SellingPlan, plan_selling
from keepa_deals.records import CostSettings, DatedSale, Judgement, Offer, Product

OFFERS_TOO_OLD = timedelta(hours=24)
"""offers checked longer ago name copies that may be sold: a price to buy at must be of today"""


@dataclass(frozen=True, slots=True)
class Model:
    """Every fitted number that a judgement rests on."""

    sales: SalesModel
    price: PriceModel
    selling: SellingModel


FITTED = Model(sales=fitted_sales.FITTED, price=fitted_prices.FITTED_PRICES, selling=fitted_prices.FITTED_SELLING)


def judge(product: Product, *, costs: CostSettings, now: datetime, model: Model = FITTED) -> Judgement:
    """The judgement of one product after a full look. The order of its offers does not matter.

    Buys the cheapest live used offer whose shipping is known: a merchant's unknown shipping is not free. Without
    one there is a refusal, and every number that depends on the buying price is None. `profit_cents` is the expected
    profit of the recommended listing. Another seller's `costs` give another judgement of the same product.
    """
    offer = cheapest_used_offer(product)
    no_copy = _why_no_copy(product, offer, now=now)
    return judge_copy(product, offer if no_copy is None else None, no_copy=no_copy, costs=costs, now=now, model=model)


def judge_copy(
    product: Product,
    offer: Offer | None,
    *,
    no_copy: str | None,
    costs: CostSettings,
    now: datetime,
    model: Model = FITTED,
    sales: SalesHistory | None = None,
) -> Judgement:
    """The judgement of buying `offer`; None: there is no copy, for the reason `no_copy`.

    `sales` may be given where the past is known better than the history shows it.
    """
    past = infer_sales(product, now=now, model=model.sales) if sales is None else sales
    terms, fba, closing = fees.referral_terms(product), fees.fba_fee(product), fees.closing_fee(product)
    charges = Charges(terms.percent, terms.minimum_cents, fba.cents, closing.cents)
    sale = estimate_sale_price(
        product,
        offer,
        sales=past,
        now=now,
        model=model.price,
        sell_within_days=costs.sell_within_days,
        inbound_delay_days=costs.inbound_delay_days,
    )
    plan = plan_selling(sale, sales=past, left_of=charges.net_of, costs=costs, now=now, model=model.selling)
    price = offer.landed_cents if offer is not None else None
    outcome = _outcome(all_in_cents(price, costs=costs), plan, charges=charges, costs=costs)
    usual = usual_price(product, average_cents=sale.one_year_average_cents)
    return Judgement(
        condition=offer.condition if offer is not None else None,
        seller_id=offer.seller_id if offer is not None else None,
        is_fba=offer.is_fba if offer is not None else None,
        item_cents=offer.item_cents if offer is not None else None,
        shipping_cents=paid_shipping(offer),
        price_now_cents=price,
        sale_price_cents=sale.cents,
        sale_price_is_estimate=sale.is_estimate,
        referral_fee_cents=outcome.referral_cents,
        fba_fee_cents=fba.cents,
        closing_fee_cents=closing.cents,
        all_in_cents=outcome.all_in_cents,
        profit_cents=outcome.profit_cents,
        margin_percent=share_percent(outcome.profit_cents, plan.list_cents),
        roi_percent=share_percent(outcome.profit_cents, outcome.all_in_cents),
        break_even_cents=lowest_list_price(outcome.all_in_cents, charges=charges, markup_percent=0.0),
        minimum_list_cents=lowest_list_price(
            outcome.all_in_cents, charges=charges, markup_percent=costs.minimum_markup_percent
        ),
        maximum_buy_cents=maximum_buy_price(outcome.proceeds_cents, costs=costs),
        percent_down=sale.percent_down,
        trust_percent=_percent(plan.trust),
        refusal=no_copy or _what_is_unknown(sale, plan, charges=charges),
        steps=(
            *buying_steps(offer, product, costs=costs, all_in=outcome.all_in_cents),
            *history_steps(past, product, usual_cents=usual),
            *sale.steps,
            *plan.steps,
            *money_steps(outcome, terms=terms, fba=fba, closing=closing, costs=costs),
        ),
        list_cents=plan.list_cents,
        sold_chance_percent=_percent(plan.chance),
        days_to_sell=None if plan.days_to_sell is None else round(plan.days_to_sell, 1),
        used_sales_a_year=None if past.used_a_year is None else round(past.used_a_year, 1),
        profit_if_sold_cents=outcome.profit_if_sold_cents,
        profit_low_cents=outcome.profit_low_cents,
        error_scale_cents=plan.error_scale_cents,
        is_profitable=is_profitable(
            outcome.profit_low_cents, if_sold_cents=outcome.profit_if_sold_cents, is_estimate=sale.is_estimate
        ),
        sale_low_cents=sale.low_cents,
        sale_high_cents=sale.high_cents,
        one_year_average_cents=sale.one_year_average_cents,
        season=sale.season.name,
        peak_month=sale.season.peak_month,
        peak_cents=sale.season.peak_cents,
        trough_month=sale.season.trough_month,
        trough_cents=sale.season.trough_cents,
        trend_percent_year=sale.trend_percent_year,
        sales=_dated(past),
    )


def worth_showing(judgement: Judgement) -> str | None:
    """None if the judged product is worth a row, else the reason in one sentence.

    A buyable price and a profit that is unknown or above 0 are worth showing; whether it may be called profitable
    is `Judgement.is_profitable`.
    """
    if judgement.price_now_cents is None:
        return judgement.refusal or "no price to buy at"
    profit, all_in = judgement.profit_cents, judgement.all_in_cents
    if profit is None or all_in is None or profit > 0:
        return None
    return (
        f"no profit: listed at {_money(judgement.list_cents)} it brings about {_money(all_in + profit)} "
        f"after fees and the risk not to sell, all-in {_money(all_in)}"
    )


def is_profitable(profit_low_cents: int | None, *, if_sold_cents: int | None, is_estimate: bool) -> bool:
    """Whether a deal may be called profitable: its lower bound is above 0, and its price no mere estimate.

    Its sale must leave something too: salvage bears no fee, so a cheap copy may bring more unsold than sold.
    """
    pays_either_way = all(cents is not None and cents > 0 for cents in (profit_low_cents, if_sold_cents))
    return pays_either_way and not is_estimate


def cheapest_used_offer(product: Product) -> Offer | None:
    """The used offer with the lowest known landed price; among equals the better grade, then FBA, then by seller."""
    buyable = [offer for offer in _used_offers(product) if offer.landed_cents is not None]
    return min(buyable, key=_dearness, default=None)


def _outcome(all_in: int | None, plan: SellingPlan, *, charges: Charges, costs: CostSettings) -> Outcome:
    net = charges.net_of(plan.list_cents)
    proceeds = expected_proceeds(plan.chance, net_cents=net, salvage_cents=plan.salvage_cents)
    profit = proceeds - all_in if proceeds is not None and all_in is not None else None
    return Outcome(
        all_in_cents=all_in,
        referral_cents=charges.referral_of(plan.list_cents),
        proceeds_cents=proceeds,
        profit_if_sold_cents=net - all_in if net is not None and all_in is not None else None,
        profit_cents=profit,
        profit_low_cents=less_caution(profit, error_scale_cents=plan.error_scale_cents, caution=costs.caution),
    )


def _dated(past: SalesHistory) -> tuple[DatedSale, ...]:
    dated = []
    for sale in past.sales:
        count = sale.expected_count
        used = sale.used_probability if count >= 1.0 else sale.used_probability * count
        dated.append(DatedSale(sale.minute, round(used, 2), sale.landed_cents))
    return tuple(dated)


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


def _what_is_unknown(sale: SalePrice, plan: SellingPlan, *, charges: Charges) -> str | None:
    """The sentence that says why there is a price to buy at but no profit, or None."""
    if sale.cents is None:
        return "no used sale, used ask or other used offer has a price, so no sale price can be said"
    if charges.unknown is not None:
        return f"the {charges.unknown} is unknown, so no profit can be said"
    if plan.chance is None:
        return "nothing shows how often used copies sell, so no profit can be said"
    return None


def _percent(chance: float | None) -> float | None:
    return None if chance is None else round(100 * chance, 2)


def _money(cents: int | None) -> str:
    return "unknown" if cents is None else f"{Decimal(cents) / 100:,.2f}"
