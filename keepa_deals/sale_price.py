"""What a used copy will sell for, landed: a first, cautious estimate from the used side's mean asks alone.

Pure. It says nothing about when the copy sells, and claims no peak. Asks are not sales, so the lower mean counts,
and nothing sells above what a new copy or the usual rival costs today.
"""

from __future__ import annotations

from dataclasses import dataclass

from keepa_deals.fees import percent_of, usual_shipping
from keepa_deals.records import Averages, Condition, Product, Step

AMAZON_CEILING_PERCENT = 90.0
"""buyers leave a used copy for Amazon's own new one unless it is clearly cheaper"""

MEAN_ASK = "mean used ask"
SALE_SHIPPING = "usual shipping"
AMAZON_CEILING = "ceiling by Amazon's new price"
NEW_CEILING = "ceiling by the lowest new offer"
RIVALS_CEILING = "ceiling by the other used offers"
SALE_PRICE = "sale price"

RIVALS_RULE = "the median landed price of today's used offers but the one to be bought: our copy stands beside them"


@dataclass(frozen=True, slots=True)
class SaleEstimate:
    """A landed sale price in cents, None where no used mean is known, with the steps that lead to it."""

    cents: int | None
    steps: tuple[Step, ...]


def estimate_sale_price(product: Product) -> SaleEstimate:
    """The lower of the 90, 180 and 365 day mean asks (else that of 30 days), landed, under three ceilings."""
    ask = cautious_mean(product.used_avg)
    shipping = usual_shipping(product.root_category, domain_id=product.domain_id)
    amazon = amazon_ceiling(product.amazon_cents, product.amazon_avg)
    new = lowest_new(product)
    rivals = rivals_median(product)
    cents = capped(ask, shipping_cents=shipping, ceilings=(amazon, new, rivals))
    as_of = product.updated_at
    rule = "the lower of the means over 90, 180 and 365 days, else the mean over 30: asks are not sales"
    return SaleEstimate(
        cents=cents,
        steps=(
            Step(MEAN_ASK, ask, "cents", "full_look", as_of, rule),
            Step(SALE_SHIPPING, shipping, "cents", "rule", None, "a copy from FBA competes with price plus shipping"),
            Step(AMAZON_CEILING, amazon, "cents", "full_look", as_of, "90 % of Amazon's lowest: now, 180, 365 days"),
            Step(NEW_CEILING, new, "cents", "full_look", as_of, "no used copy sells above a new one"),
            Step(RIVALS_CEILING, rivals, "cents", "full_look", product.offers_checked_at, RIVALS_RULE),
            Step(SALE_PRICE, cents, "cents", "rule", None, "an estimate: mean ask plus shipping, under the ceilings"),
        ),
    )


def rivals_median(product: Product) -> int | None:
    """The lower median of what the other used copies cost, landed; None where there is none, or none is known.

    The cheapest is left out: it is the copy to be bought.
    """
    landed = sorted(
        offer.landed_cents
        for offer in product.offers or ()
        if offer.condition.is_used and offer.is_shippable and offer.landed_cents is not None
    )[1:]
    return landed[(len(landed) - 1) // 2] if landed else None


def capped(ask: int | None, *, shipping_cents: int, ceilings: tuple[int | None, ...]) -> int | None:
    """Ask plus shipping, held under every known ceiling; None without an ask."""
    if ask is None:
        return None
    return min([ask + shipping_cents, *(ceiling for ceiling in ceilings if ceiling is not None)])


def cautious_mean(means: Averages) -> int | None:
    """The lowest of the longer means: a fall of value shows in 90 days, a season in 365."""
    longer = [mean for mean in (means.d90, means.d180, means.d365) if mean is not None]
    return min(longer) if longer else means.d30


def amazon_ceiling(amazon_cents: int | None, amazon_avg: Averages) -> int | None:
    """90 % of the lowest that Amazon itself asks, now or as a mean; None where it does not sell."""
    asks = [ask for ask in (amazon_cents, amazon_avg.d180, amazon_avg.d365) if ask is not None]
    return percent_of(min(asks), AMAZON_CEILING_PERCENT) if asks else None


def lowest_new(product: Product) -> int | None:
    """The cheapest new copy: landed where offers are known, else the new item price, which is no higher."""
    landed = [
        offer.landed_cents
        for offer in product.offers or ()
        if offer.condition is Condition.NEW and offer.is_shippable and offer.landed_cents is not None
    ]
    return min(landed) if landed else product.new_cents
