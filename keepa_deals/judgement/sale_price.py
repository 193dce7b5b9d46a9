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
from keepa_deals.judgement.price_basis import REACH, PriceBasis, price_basis
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
COPY_TODAY = "price of the copy, as a hint"
SEASON_AHEAD = "season ahead"
AMAZON_CEILING = "ceiling by Amazon's new price"
SALE_PRICE = "sale price"

PULLS = {
    ASKS: ("recent asks",),
    RIVALS: ("lowest rival below", "second rival", "median rival"),
    COPY_TODAY: ("copy",),
    NEW_COPY: ("new copy", "new price's drift", "Amazon's drift"),
}
"""which terms of the correction speak through which step"""


@dataclass(frozen=True, slots=True)
class SalePrice:
    """The expected landed price of a copy of this grade within the selling time. Cents; None is unknown."""

    cents: int | None
    low_cents: int | None
    high_cents: int | None
    """between them in 80 of 100 cases"""
    is_estimate: bool
    """too few probable sales: by rule never called profitable"""
    evidence: float
    """effective number of used sales behind it: old, uncertain and improbable ones count for less"""
    one_year_average_cents: int | None
    """mean of the used sales of the last 365 days, weighted by their probability"""
    percent_down: float | None
    """how far the price to buy at lies under that average, else under the mean ask of 90 days; 0 where it does not"""
    season: Season
    trend_percent_year: float | None
    ceiling_cents: int | None
    """90 % of what Amazon asks for a new copy; none of the prices above exceeds it, nor the season's"""
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
        high_cents=_cents(ln_price + reach, ceiling),
        is_estimate=level.evidence < model.least_evidence,
        evidence=level.evidence,
        one_year_average_cents=average,
        percent_down=down,
        season=seasons.describe(
            basis.subject,
            basis.season,
            basis.months,
            centre_cents=math.exp(level.centre + basis.grade + correction),
            ceiling_cents=ceiling,
            pseudo_sales=model.season_pseudo_sales,
        ),
        trend_percent_year=price_level.trend_percent_year(basis.past),
        ceiling_cents=ceiling,
        steps=_steps(product, basis, ceiling=ceiling, cents=cents, capped=cents < _cents(ln_price, None), model=model),
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


def _shares(basis: PriceBasis, *, capped: bool, model: PriceModel) -> dict[str, float]:
    """The part of the price that rests on each step: how much it moves, in percent, where only that input moves by a
    percent. A price that the ceiling holds rests on the ceiling alone."""
    if capped:
        return {**dict.fromkeys((SALES_CENTRE, *PULLS), 0.0), AMAZON_CEILING: 1.0}
    pulls = {term.name: _pull(basis.values[term.name], term.coefficient) for term in model.correction}
    parts = {step: sum(pulls.get(name, 0.0) for name in names) for step, names in PULLS.items()}
    past = max(0.0, 1.0 - sum(parts.values()))
    level = basis.level
    parts[SALES_CENTRE] = past * level.sales_share
    parts[ASKS] += past * level.asks_share
    parts[RIVALS] += past * (1.0 - level.sales_share - level.asks_share)
    whole = sum(parts.values())
    return {AMAZON_CEILING: 0.0, **{step: round(part / whole, 3) for step, part in parts.items()}}


def _pull(value: float | None, coefficient: float) -> float:
    """An unknown input pulls nothing, nor does one beyond reach."""
    return max(0.0, coefficient) if value is not None and abs(value) < REACH else 0.0


def _steps(
    product: Product, basis: PriceBasis, *, ceiling: int | None, cents: int, capped: bool, model: PriceModel
) -> tuple[Step, ...]:
    """The inputs in the order in which they enter, and the price."""
    shares = _shares(basis, capped=capped, model=model)
    seen, checked = product.updated_at, product.offers_checked_at
    rivals = basis.market.rivals

    def cents_step(name: str, ln_price: float | None, as_of: datetime | None, rule: str) -> Step:
        value = round(math.exp(ln_price)) if ln_price is not None else None
        return Step(name, value, "cents", "full_look", as_of, rule, share=shares[name])

    asking = basis.values["copy"]
    sold = f"level of {basis.level.evidence:.1f} effective probable used sales and of asks, season taken out, as Good"
    asked = "median of the lowest asks of 365 days, landed, season taken out: a prior, for asks are not sales"
    own = basis.level.centre + asking if asking is not None else None
    ahead = round(100 * math.expm1(basis.ahead), 1)
    top = shares[AMAZON_CEILING]
    return (
        cents_step(SALES_CENTRE, basis.level.centre, seen, sold),
        cents_step(ASKS, basis.asks.year, seen, asked),
        cents_step(RIVALS, rivals[0] if rivals else None, checked, "the cheapest but ours, landed, as Good, no season"),
        cents_step(COPY_TODAY, own, checked, "ours, landed, as Good, within reach of the level: a bargain is a hint"),
        cents_step(NEW_COPY, basis.market.new, checked, "landed, no season; and how it and Amazon's moved in a year"),
        Step(SEASON_AHEAD, ahead, "percent", "rule", None, "the year's swing over the months in which it will sell"),
        Step(AMAZON_CEILING, ceiling, "cents", "full_look", seen, "90 % of its price, now or of 180 days", share=top),
        Step(SALE_PRICE, cents, "cents", "rule", None, "past level, corrected by today's market and the season ahead"),
    )
