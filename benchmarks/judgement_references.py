"""The three simple ways to judge a deal that ours is measured against.

Pure. The baseline is the rule of an earlier system with its mistakes left in: any drop of an offer count on either
side, confirmed by any fall of the rank within 240 hours (one fall may confirm many drops), at the nearest lowest
price of that side without shipping; what lies outside the quartiles by one and a half times their distance goes;
the list price is the mode or median of the calendar month with the highest median, under 90 % of Amazon's own price.
"""

from __future__ import annotations

import statistics
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from benchmarks.judgement_scores import Claim
from keepa_deals.fees import AMAZON_COM, MEDIA_CATEGORIES, percent_of
from keepa_deals.records import Product, Series
from keepa_deals.units import from_keepa_minutes, to_keepa_minutes

CONFIRMED_WITHIN_MINUTES = 240 * 60
SEARCHED_DAYS = 730
YEAR_DAYS = 365
USUAL_SHIPPING_CENTS = 399
"""what a merchant charges for shipping used media on amazon.com"""
AMAZON_CEILING_PERCENT = 90.0

SIDES = {"used_offers": "used", "new_offers": "new"}
"""which lowest price goes with which count"""


@dataclass(frozen=True, slots=True)
class KeptSale:
    """One drop that the rule takes for a sale."""

    minute: int
    cents: int
    """item price, or landed where the rule adds shipping"""
    is_used: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """The sales that survive the rule, oldest first, and the number of drops that it looked at."""

    sales: tuple[KeptSale, ...]
    drops: int

    @property
    def trust(self) -> float | None:
        """Kept sales per drop."""
        return len(self.sales) / self.drops if self.drops > 0 else None


def baseline(product: Product, *, now: datetime) -> Claim:
    """The earlier rule, listing at its peak price."""
    kept = kept_sales(product, sides=tuple(SIDES), shipping_cents=0, now=now)
    peak = under_amazon(peak_price(kept.sales), product)
    return _claim(kept, sale_cents=peak, list_cents=peak)


def baseline_average(product: Product, *, now: datetime) -> Claim:
    """The earlier rule, listing at the mean of its sales of the last year."""
    kept = kept_sales(product, sides=tuple(SIDES), shipping_cents=0, now=now)
    mean = under_amazon(mean_price(last_year(kept.sales, now=now)), product)
    return _claim(kept, sale_cents=mean, list_cents=mean)


def used_side(product: Product, *, now: datetime) -> Claim:
    """The same rule on the used side alone, landed: the mean of its last year sells, its median is listed.

    Without a sale in the last year those of both years count.
    """
    kept = kept_sales(product, sides=("used_offers",), shipping_cents=usual_shipping(product), now=now)
    sales = last_year(kept.sales, now=now) or kept.sales
    median = round(statistics.median([sale.cents for sale in sales])) if sales else None
    return _claim(kept, sale_cents=mean_price(sales), list_cents=median)


def mean_ask(product: Product) -> Claim:
    """The mean lowest used ask of 365 days plus the usual shipping: no inference at all."""
    ask = product.used_avg.d365
    landed = ask + usual_shipping(product) if ask is not None else None
    return Claim(sale_cents=landed, list_cents=landed)


def kept_sales(product: Product, *, sides: Sequence[str], shipping_cents: int, now: datetime) -> Kept:
    """Drops of the counts named by `sides` in two years, confirmed, priced and freed of outliers."""
    falls = falls_of(product.history.get("rank"))
    earliest = to_keepa_minutes(now - timedelta(days=SEARCHED_DAYS))
    drops, priced = 0, []
    for side in sides:
        prices = product.history.get(SIDES[side])
        for minute in drops_of(product.history.get(side)):
            if minute < earliest:
                continue
            drops += 1
            cents = nearest_price(prices, minute)
            if cents is not None and is_confirmed(minute, falls):
                priced.append(KeptSale(minute, cents + shipping_cents, side == "used_offers"))
    return Kept(sales=tuple(sorted(without_outliers(priced), key=lambda sale: sale.minute)), drops=drops)


def drops_of(counts: Series | None) -> list[int]:
    """The minutes at which a count is lower than at the point before."""
    return _decreases(counts)


def falls_of(rank: Series | None) -> list[int]:
    """The minutes at which the rank is lower than at the point before, by however little."""
    return _decreases(rank)


def is_confirmed(minute: int, falls: Sequence[int]) -> bool:
    """Whether some fall of the rank lies at that minute or within 240 hours after it; `falls` sorted."""
    at = bisect_left(falls, minute)
    return at < len(falls) and falls[at] <= minute + CONFIRMED_WITHIN_MINUTES


def nearest_price(prices: Series | None, minute: int) -> int | None:
    """The stored price whose own minute is nearest, before or after; the earlier one of two equally near."""
    if prices is None:
        return None
    at = bisect_left(prices.minutes, minute)
    near = [
        (abs(prices.minutes[place] - minute), place)
        for place in range(max(0, at - 1), min(len(prices.minutes), at + 1))
        if prices.values[place] is not None
    ]
    return prices.values[min(near)[1]] if near else None


def without_outliers(sales: Sequence[KeptSale]) -> list[KeptSale]:
    """Sales within the quartiles widened by one and a half times their distance; fewer than four stay as they are."""
    if len(sales) < 4:
        return list(sales)
    first, _, third = statistics.quantiles([sale.cents for sale in sales], n=4, method="inclusive")
    reach = 1.5 * (third - first)
    return [sale for sale in sales if first - reach <= sale.cents <= third + reach]


def peak_price(sales: Sequence[KeptSale]) -> int | None:
    """The mode, else the median, of the calendar month with the highest median; of all below three sales."""
    if not sales:
        return None
    if len(sales) < 3:
        return round(statistics.median([sale.cents for sale in sales]))
    months: defaultdict[int, list[int]] = defaultdict(list)
    for sale in sales:
        months[from_keepa_minutes(sale.minute).month].append(sale.cents)
    best = max(months.values(), key=statistics.median)
    price, times = Counter(best).most_common(1)[0]
    return price if times > 1 else round(statistics.median(best))


def last_year(sales: Sequence[KeptSale], *, now: datetime) -> tuple[KeptSale, ...]:
    """The sales of the last 365 days."""
    earliest = to_keepa_minutes(now - timedelta(days=YEAR_DAYS))
    return tuple(sale for sale in sales if sale.minute >= earliest)


def mean_price(sales: Sequence[KeptSale]) -> int | None:
    """The mean in whole cents; None of nothing."""
    return round(statistics.fmean(sale.cents for sale in sales)) if sales else None


def under_amazon(cents: int | None, product: Product) -> int | None:
    """Held under 90 % of the lowest that Amazon asks, now or as a mean of 180 or 365 days."""
    means = product.amazon_avg
    asks = [ask for ask in (product.amazon_cents, means.d180, means.d365) if ask is not None]
    if cents is None or not asks:
        return cents
    return min(cents, percent_of(min(asks), AMAZON_CEILING_PERCENT))


def usual_shipping(product: Product) -> int:
    """Shipping that a rival's buyer pays: known for media on amazon.com, else counted as nothing."""
    is_media = product.domain_id == AMAZON_COM and product.root_category in MEDIA_CATEGORIES
    return USUAL_SHIPPING_CENTS if is_media else 0


def _claim(kept: Kept, *, sale_cents: int | None, list_cents: int | None) -> Claim:
    used = tuple(sale.minute for sale in kept.sales if sale.is_used)
    return Claim(
        any_minutes=tuple(sale.minute for sale in kept.sales),
        used_minutes=used,
        used_a_year=len(used) * YEAR_DAYS / SEARCHED_DAYS,
        sale_cents=sale_cents,
        list_cents=list_cents,
        trust=kept.trust,
        trust_cents=list_cents,
    )


def _decreases(series: Series | None) -> list[int]:
    """An unknown value on either side is no decrease."""
    if series is None:
        return []
    pairs = zip(series.values, series.values[1:], series.minutes[1:], strict=False)
    return [minute for before, after, minute in pairs if before is not None and after is not None and after < before]
