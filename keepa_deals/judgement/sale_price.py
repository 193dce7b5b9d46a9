"""What a used copy of this grade will sell for within the selling time, landed, how sure that is, and why.

Pure. The centre of probable sales, its season taken out; a correction by today's market; the season ahead put in;
a ceiling by Amazon's own new price. Fewer sales mean more weight on the asks, a wider interval and the label
"estimate", never no price; None stands exactly where no sale, no ask and no rival has a price.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from keepa_deals.fees import percent_of, usual_shipping
from keepa_deals.judgement import price_level, seasons
from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.money import percent_below
from keepa_deals.judgement.price_basis import PriceBasis, price_basis
from keepa_deals.judgement.price_model import PriceModel
from keepa_deals.judgement.seasons import MINUTES_PER_DAY, Season
from keepa_deals.records import Offer, Product, Step
from keepa_deals.units import to_keepa_minutes

AMAZON_CEILING_PERCENT = 90.0
"""buyers leave a used copy for Amazon's own new one unless it is clearly cheaper"""
SELL_WITHIN_DAYS = 270
INBOUND_DELAY_DAYS = 21
DAYS_OF_A_YEAR = 365
LOWEST_CENTS, HIGHEST_CENTS = 1, 10_000_000

SALES_CENTRE = "probable used sales"
ASKS = "usual used ask"
RIVALS = "other used offers today"
NEW_COPY = "lowest new offer"
SEASON_AHEAD = "season ahead"
AMAZON_CEILING = "ceiling by Amazon's new price"
SALE_PRICE = "sale price"


@dataclass(frozen=True, slots=True)
class SalePrice:
    """The expected landed price of a copy of this grade within the selling time. Cents; None is unknown."""

    cents: int | None
    low_cents: int | None
    high_cents: int | None
    """between them in 80 of 100 cases"""
    is_estimate: bool
    """too few probable sales: by rule never called profitable"""
    centre_cents: int | None
    """the level of past prices in this grade, season taken out"""
    evidence: float
    """effective number of used sales behind it: old, uncertain and improbable ones count for less"""
    one_year_average_cents: int | None
    """mean of the used sales of the last 365 days, weighted by their probability"""
    percent_down: float | None
    """how far the price to buy at lies under that average, else under the mean ask of 90 days; 0 where it does not"""
    season: Season
    trend_percent_year: float | None
    ceiling_cents: int | None
    """90 % of what Amazon asks for a new copy"""
    steps: tuple[Step, ...]
    basis: PriceBasis | None
    """the inner state that the selling plan reads; None with `cents`"""
    log_sd: float | None
    """standard error of the natural log of the price"""


def estimate_sale_price(
    product: Product,
    copy: Offer | None,
    *,
    sales: SalesHistory,
    now: datetime,
    model: PriceModel,
    sell_within_days: int = SELL_WITHIN_DAYS,
    inbound_delay_days: int = INBOUND_DELAY_DAYS,
) -> SalePrice:
    """The sale price of `copy`, the offer that is to be bought (None: of any copy in grade Good).

    `sales` may come from anywhere: the inference's own, or a known past.
    """
    selling_days = (inbound_delay_days, sell_within_days)
    basis = price_basis(product, copy, sales=sales, now=now, model=model, selling_days=selling_days)
    average = _one_year_average(sales, now_minute=to_keepa_minutes(now))
    usual = usual_price(product, average_cents=average)
    down = percent_below(copy.landed_cents if copy is not None else None, usual)
    ceiling = amazon_ceiling(product)
    if basis is None:
        return _unknown(average=average, down=down, ceiling=ceiling)
    level, values = basis.level, basis.values
    correction = model.base + sum(term.of(values[term.name]) for term in model.correction)
    ln_price = basis.ln_uncorrected + correction
    log_sd = math.exp(model.error_base + sum(term.of(values[term.name]) for term in model.error))
    reach = model.interval_reach * log_sd
    cents = _cents(ln_price, ceiling)
    return SalePrice(
        cents=cents,
        low_cents=_cents(ln_price - reach, ceiling),
        high_cents=_cents(ln_price + reach, None),
        is_estimate=level.evidence < model.least_evidence,
        centre_cents=_cents(level.centre + basis.grade, None),
        evidence=level.evidence,
        one_year_average_cents=average,
        percent_down=down,
        season=seasons.describe(
            basis.subject,
            basis.season,
            basis.months,
            centre_cents=math.exp(level.centre + basis.grade + correction),
            pseudo_sales=model.season_pseudo_sales,
        ),
        trend_percent_year=price_level.trend_percent_year(basis.past),
        ceiling_cents=ceiling,
        steps=_steps(product, basis, ceiling=ceiling, cents=cents, model=model),
        basis=basis,
        log_sd=log_sd,
    )


def usual_price(product: Product, *, average_cents: int | None) -> int | None:
    """What a price to buy at is compared with: the one-year average, else the landed mean ask of 90 days."""
    if average_cents is not None or product.used_avg.d90 is None:
        return average_cents
    return product.used_avg.d90 + usual_shipping(product.root_category, domain_id=product.domain_id)


def amazon_ceiling(product: Product) -> int | None:
    """90 % of what Amazon asks now, else of its mean of 180 days, for it comes back; None where it does not sell."""
    return under_amazon(product.amazon_cents if product.amazon_cents is not None else product.amazon_avg.d180)


def under_amazon(ask_cents: int | None) -> int | None:
    """The most that a used copy sells for beside Amazon's own new one at `ask_cents`."""
    return percent_of(ask_cents, AMAZON_CEILING_PERCENT) if ask_cents is not None else None


def _one_year_average(sales: SalesHistory, *, now_minute: int) -> int | None:
    since = now_minute - DAYS_OF_A_YEAR * MINUTES_PER_DAY
    total = copies = 0.0
    for sale in sales.sales:
        if sale.minute >= since and sale.landed_cents is not None:
            weight = sale.expected_count * sale.used_probability
            total += weight * sale.landed_cents
            copies += weight
    return round(total / copies) if copies > 0 else None


def _cents(ln_price: float, ceiling: int | None) -> int:
    cents = round(math.exp(min(ln_price, math.log(HIGHEST_CENTS))))
    return max(LOWEST_CENTS, min(cents, ceiling) if ceiling is not None else cents)


def _unknown(*, average: int | None, down: float | None, ceiling: int | None) -> SalePrice:
    return SalePrice(
        cents=None,
        low_cents=None,
        high_cents=None,
        is_estimate=True,
        centre_cents=None,
        evidence=0.0,
        one_year_average_cents=average,
        percent_down=down,
        season=Season("none", None, None, None, None, is_own=False),
        trend_percent_year=None,
        ceiling_cents=ceiling,
        steps=(Step(SALE_PRICE, None, "cents", "rule", None, "no used sale, no used ask and no other used offer"),),
        basis=None,
        log_sd=None,
    )


def _steps(
    product: Product, basis: PriceBasis, *, ceiling: int | None, cents: int, model: PriceModel
) -> tuple[Step, ...]:
    """The inputs with the part of the price that rests on each: how much the price moves, in percent, where only that
    input moves by a percent."""
    level, asks, market, ahead = basis.level, basis.asks, basis.market, basis.ahead
    pulls = {term.name: max(0.0, term.coefficient) for term in model.correction}
    rivals = sum(pulls.get(name, 0.0) for name in ("lowest rival below", "second rival", "median rival"))
    rivals = rivals if market.rivals else 0.0
    new = pulls.get("new copy", 0.0) if market.new is not None else 0.0
    asked = sum(pulls.get(name, 0.0) for name in ("recent asks", "year's asks")) if asks.year is not None else 0.0
    past = max(0.0, 1.0 - rivals - new - asked)
    whole = past + rivals + new + asked
    today = 1.0 - level.sales_share - level.asks_share
    seen, checked = product.updated_at, product.offers_checked_at
    lowest = round(math.exp(market.rivals[0])) if market.rivals else None
    newest = round(math.exp(market.new)) if market.new is not None else None
    usual = round(math.exp(asks.year)) if asks.year is not None else None
    centre = round(math.exp(level.centre))
    percent = round(100 * math.expm1(ahead), 1)
    sales_rule = f"level of {level.evidence:.1f} effective probable used sales and of asks, season taken out, as Good"
    share_of = {
        SALES_CENTRE: past * level.sales_share,
        ASKS: past * level.asks_share + asked,
        RIVALS: past * today + rivals,
        NEW_COPY: new,
    }
    shares = {name: round(part / whole, 3) for name, part in share_of.items()}
    ask_rule = "median of the lowest asks of 365 days, landed, season taken out: a prior, for asks are not sales"
    rival_rule = "the cheapest but the copy to buy, landed, as Good, season taken out"
    return (
        Step(SALES_CENTRE, centre, "cents", "full_look", seen, sales_rule, share=shares[SALES_CENTRE]),
        Step(ASKS, usual, "cents", "full_look", seen, ask_rule, share=shares[ASKS]),
        Step(RIVALS, lowest, "cents", "full_look", checked, rival_rule, share=shares[RIVALS]),
        Step(NEW_COPY, newest, "cents", "full_look", checked, "landed, season taken out", share=shares[NEW_COPY]),
        Step(SEASON_AHEAD, percent, "percent", "rule", None, "the year's swing over the months in which it will sell"),
        Step(AMAZON_CEILING, ceiling, "cents", "full_look", seen, "90 % of Amazon's own price, now or of 180 days"),
        Step(SALE_PRICE, cents, "cents", "rule", None, "past level, corrected by today's market and the season ahead"),
    )
