"""When our copy sells at which price, and which price to ask: the one with the highest prudent profit.

Pure. The curve is a rate of sale: how often used copies of this title sell, times how well ours stands among the
others at its price, month by month of the selling time. A higher price never sells sooner, more days never sell less.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from keepa_deals.judgement.inferred_sales import SalesHistory
from keepa_deals.judgement.money import salvage_of
from keepa_deals.judgement.price_basis import DAYS_OF_A_STRIDE, PriceBasis, heights_ahead
from keepa_deals.judgement.price_model import SellingModel
from keepa_deals.judgement.sale_price import SalePrice
from keepa_deals.judgement.trust import trust_of
from keepa_deals.records import CostSettings, Step
from keepa_deals.units import to_keepa_minutes

TRUSTED_PART = 0.9
"""trust is about a sale at this part of the sale price or more"""
LOWEST_RATIO, HIGHEST_RATIO = 0.35, 2.2
"""list prices from this to that part of the sale price are looked at"""
COARSE_STEPS = 14
FINE_STEPS = 4
MEDIAN_ROUNDS = 10
STEEPEST = 30.0
"""exponents end here: a rate beyond it sells at once all the same"""

LIST_PRICE = "list price"
CHANCE = "chance to sell"
SALVAGE = "salvage"
SPEED = "used sales a year"
ERROR_SCALE = "error scale"
TRUST = "trust"


@dataclass(frozen=True, slots=True)
class ShelfTime:
    """What a time on the shelf is worth, whatever the list price: reckoned once for the dozens that are tried."""

    strides: tuple[tuple[float, float], ...]
    """(expected sales in it at the sale price, where the bend begins in it)"""
    sales: float
    """of all strides"""
    first_bend: float
    """a price below it is before the bend in every stride"""


@dataclass(frozen=True, slots=True)
class SellCurve:
    """The rate of sale of one copy through its selling time."""

    rates: tuple[float, ...]
    """sales a day of a copy listed at the sale price, by stride of 30 days from the arrival, before the bend"""
    shifts: tuple[float, ...]
    """how far the price that buyers take for fair lies above the sale price in each stride, natural log"""
    ln_price: float
    """of the sale price in cents"""
    ln_lowest_rival: float | None
    inbound_delay_days: int
    model: SellingModel

    def chance(self, list_cents: int, days: float) -> float:
        """That a copy listed at this landed price is sold within so many days of its purchase, 0 to 1.

        Falls with the price and rises with the days. Past the last stride the last rate goes on.
        """
        return self.chance_in(self.shelf_time(days - self.inbound_delay_days), list_cents)

    def shelf_time(self, days: float) -> ShelfTime:
        """The time on the shelf so many days from the arrival; without strides before it."""
        found, last = [], len(self.rates) - 1
        for number, (rate, shift) in enumerate(zip(self.rates, self.shifts, strict=True)):
            if days <= 0:
                break
            here = days if number == last or days < DAYS_OF_A_STRIDE else DAYS_OF_A_STRIDE
            found.append((here * rate, shift + self.model.bend_at))
            days -= here
        first_bend = min((bend_at for _, bend_at in found), default=0.0)
        return ShelfTime(strides=tuple(found), sales=sum(sales for sales, _ in found), first_bend=first_bend)

    def chance_in(self, time: ShelfTime, list_cents: int) -> float:
        """That a copy listed at this price is sold within this time."""
        ln_list = math.log(max(1, list_cents))
        x = ln_list - self.ln_price
        total = time.sales
        if x > time.first_bend:
            bend, total = self.model.bend, 0.0
            for sales, bend_at in time.strides:
                over = x - bend_at
                total += sales if over <= 0 else sales * math.exp(-bend * over * over)
        frailty = self.model.frailty
        return 1.0 - math.pow(1.0 + frailty * total * self._eagerness(ln_list), -1.0 / frailty)

    def _eagerness(self, ln_list: float) -> float:
        """What slope and premium make of the expected sales at this price."""
        exponent = -self.model.slope * (ln_list - self.ln_price)
        if self.ln_lowest_rival is not None and ln_list > self.ln_lowest_rival:
            exponent -= self.model.premium * (ln_list - self.ln_lowest_rival)
        return math.exp(min(STEEPEST, exponent))

    def days_to_sell(self, list_cents: int, *, within_days: float) -> float | None:
        """Median days from listing to sale, None where less than half a chance is left within those days."""
        low, high = 0.0, within_days - self.inbound_delay_days
        median = self._median_days(list_cents)
        if high <= 0 or high < median:
            return None
        for _ in range(MEDIAN_ROUNDS):
            middle = (low + high) / 2
            if middle < median:
                low = middle
            else:
                high = middle
        return round(high, 1)

    def _median_days(self, list_cents: int) -> float:
        """The day from listing on which the chance reaches a half, however far."""
        ln_list = math.log(max(1, list_cents))
        x, eagerness = ln_list - self.ln_price, self._eagerness(ln_list)
        # 1 - (1 + frailty x expected) ** (-1 / frailty) = 1 / 2, solved for the expected sales
        left = (2.0**self.model.frailty - 1.0) / self.model.frailty
        rate = days = 0.0
        for number, (at_sale_price, shift) in enumerate(zip(self.rates, self.shifts, strict=True)):
            over = max(0.0, x - shift - self.model.bend_at)
            rate = at_sale_price * eagerness * math.exp(-self.model.bend * over * over)
            if number == len(self.rates) - 1 or rate * DAYS_OF_A_STRIDE >= left:
                break
            left -= rate * DAYS_OF_A_STRIDE
            days += DAYS_OF_A_STRIDE
        return days + left / rate if rate > 0 else math.inf


@dataclass(frozen=True, slots=True)
class SellingPlan:
    """What to ask for our copy and what to expect of it. Chances 0 to 1; cents landed; None is unknown."""

    list_cents: int | None
    """highest expected profit, each chance paying for its uncertainty"""
    chance: float | None
    """sold at it within the selling time, which counts from the purchase; four decimals, as the profit uses it"""
    days_to_sell: float | None
    """median days from listing; None where it sells with less than half a chance"""
    salvage_cents: int | None
    """what an unsold copy brings"""
    error_scale_cents: int | None
    """scale of the expected profit's error"""
    trust: float | None
    """calibrated chance that it sells in time at 90 % of the sale price or more"""
    curve: SellCurve | None
    steps: tuple[Step, ...]


def sell_curve(
    sale: SalePrice, *, sales: SalesHistory, costs: CostSettings, now: datetime, model: SellingModel
) -> SellCurve | None:
    """The curve of a copy in the sale price's grade; None where the sale price or the speed of sales is unknown."""
    basis = sale.basis
    if sale.cents is None or basis is None or sales.used_a_year is None or sales.used_a_year <= 0:
        return None
    values = speed_inputs(sale, basis, used_a_year=sales.used_a_year)
    ln_rate = model.base + sum(term.of(values[term.name]) for term in model.terms)
    days = (costs.inbound_delay_days, costs.sell_within_days)
    heights = heights_ahead(basis.own_season, now_minute=to_keepa_minutes(now), selling_days=days)
    rivals = basis.market.rivals
    shifts = tuple(model.season_price * (height - basis.ahead) for height in heights)
    return SellCurve(
        rates=tuple(
            math.exp(min(STEEPEST, ln_rate + model.season_demand * height + model.slope * shift))
            for height, shift in zip(heights, shifts, strict=True)
        ),
        shifts=shifts,
        ln_price=math.log(sale.cents),
        ln_lowest_rival=rivals[0] + basis.grade if rivals else None,
        inbound_delay_days=costs.inbound_delay_days,
        model=model,
    )


def speed_inputs(sale: SalePrice, basis: PriceBasis, *, used_a_year: float) -> dict[str, float | None]:
    """What the rate of sale depends on besides the price, by name; None where unknown."""
    return {
        "used sales a year": math.log(used_a_year),
        "rivals": basis.values["rivals"],
        "lowest rival": _rival_distance(sale, basis),
        "price error": math.log(sale.log_sd) if sale.log_sd is not None else None,
        "season's swing": max(basis.season) - min(basis.season),
    }


def plan_selling(
    sale: SalePrice,
    *,
    sales: SalesHistory,
    left_of: Callable[[int], int | None],
    costs: CostSettings,
    now: datetime,
    model: SellingModel,
) -> SellingPlan:
    """The recommended list price and what to expect of it.

    `left_of` says what a sale at a landed price leaves after Amazon's fees, in cents; None where a fee is unknown,
    and then there is no recommendation. What the copy costs does not move the best price.
    """
    curve = sell_curve(sale, sales=sales, costs=costs, now=now, model=model)
    salvage = salvage_of(sale.cents, costs=costs)
    if curve is None or sale.cents is None or salvage is None or left_of(sale.cents) is None:
        return _no_plan(sale, sales=sales, salvage=salvage, curve=curve, costs=costs, model=model)
    within = costs.sell_within_days
    listed = best_list_price(sale, curve, left_of=left_of, salvage_cents=salvage, within_days=within)
    chance = round(curve.chance(listed, within), 4)
    scale = error_scale(sale, list_cents=listed, chance=chance, used_a_year=sales.used_a_year, model=model)
    trust = _trust(sale, curve, within_days=within, model=model)
    return SellingPlan(
        list_cents=listed,
        chance=chance,
        days_to_sell=curve.days_to_sell(listed, within_days=within),
        salvage_cents=salvage,
        error_scale_cents=scale,
        trust=trust,
        curve=curve,
        steps=_steps(listed=listed, chance=chance, salvage=salvage, scale=scale, trust=trust, sales=sales, costs=costs),
    )


def best_list_price(
    sale: SalePrice,
    curve: SellCurve,
    *,
    left_of: Callable[[int], int | None],
    salvage_cents: int,
    within_days: int,
) -> int:
    """The list price with the highest prudent return, up to Amazon's ceiling: a coarse search, then a fine one.

    Where the chance is near a half a small mistake in it moves the profit most, and a search for the highest expected
    return ends where the curve errs upwards; so each price pays for the uncertainty of its own chance.
    """
    if sale.cents is None:
        raise ValueError("a list price needs a sale price")
    prudence, time = curve.model.prudence, curve.shelf_time(within_days - curve.inbound_delay_days)
    highest = max(1, round(sale.cents * HIGHEST_RATIO))
    if sale.ceiling_cents is not None:
        highest = max(1, min(highest, sale.ceiling_cents))
    lowest = max(1, min(round(sale.cents * LOWEST_RATIO), highest))

    def prudent(list_cents: int) -> float:
        left = left_of(list_cents)
        if left is None:
            return -math.inf
        chance, gain = curve.chance_in(time, list_cents), left - salvage_cents
        return salvage_cents + gain * chance - prudence * abs(gain) * chance * (1 - chance)

    ratio = (highest / lowest) ** (1 / COARSE_STEPS)
    best: int = max((round(lowest * ratio**step) for step in range(COARSE_STEPS + 1)), key=prudent)
    for _ in range(2):
        ratio **= 1 / FINE_STEPS
        near = (round(best * ratio**step) for step in range(1 - FINE_STEPS, FINE_STEPS))
        best = max((price for price in near if lowest <= price <= highest), key=prudent, default=best)
    return best


def error_scale(
    sale: SalePrice, *, list_cents: int, chance: float, used_a_year: float | None, model: SellingModel
) -> int | None:
    """The scale of the expected profit's error in cents; None where the sale price is unknown."""
    if sale.basis is None or sale.cents is None:
        return None
    values = error_inputs(sale, sale.basis, list_cents=list_cents, chance=chance, used_a_year=used_a_year)
    return max(1, round(math.exp(model.error_base + sum(term.of(values[term.name]) for term in model.error))))


def error_inputs(
    sale: SalePrice, basis: PriceBasis, *, list_cents: int, chance: float, used_a_year: float | None
) -> dict[str, float | None]:
    """What the size of the error depends on, by name; None where unknown."""
    ln_price = math.log(sale.cents) if sale.cents is not None else None
    return {
        "sale price": ln_price,
        "list ratio": math.log(list_cents) - ln_price if ln_price is not None else None,
        "price error": math.log(sale.log_sd) if sale.log_sd is not None else None,
        "doubt": math.log(0.02 + chance * (1 - chance)),
        "used sales a year": math.log(used_a_year) if used_a_year is not None and used_a_year > 0 else None,
        "lowest rival": _rival_distance(sale, basis),
        "evidence": basis.values["evidence"],
    }


def _rival_distance(sale: SalePrice, basis: PriceBasis) -> float | None:
    """ln of the cheapest rival's price over our sale price, as copies in one grade, at most 1 either way."""
    if not basis.market.rivals or sale.cents is None:
        return None
    return max(-1.0, min(1.0, basis.market.rivals[0] + basis.grade - math.log(sale.cents)))


def _trust(sale: SalePrice, curve: SellCurve, *, within_days: int, model: SellingModel) -> float | None:
    if sale.cents is None:
        return None
    return trust_of(curve.chance(math.ceil(TRUSTED_PART * sale.cents), within_days), model=model)


def _no_plan(
    sale: SalePrice,
    *,
    sales: SalesHistory,
    salvage: int | None,
    curve: SellCurve | None,
    costs: CostSettings,
    model: SellingModel,
) -> SellingPlan:
    trust = _trust(sale, curve, within_days=costs.sell_within_days, model=model) if curve is not None else None
    return SellingPlan(
        list_cents=None,
        chance=None,
        days_to_sell=None,
        salvage_cents=salvage,
        error_scale_cents=None,
        trust=trust,
        curve=curve,
        steps=_steps(listed=None, chance=None, salvage=salvage, scale=None, trust=trust, sales=sales, costs=costs),
    )


def _steps(
    *,
    listed: int | None,
    chance: float | None,
    salvage: int | None,
    scale: int | None,
    trust: float | None,
    sales: SalesHistory,
    costs: CostSettings,
) -> tuple[Step, ...]:
    speed = round(sales.used_a_year, 1) if sales.used_a_year is not None else None
    chance_percent = round(100 * chance, 2) if chance is not None else None
    trust_percent = round(100 * trust, 1) if trust is not None else None
    in_time = f"at the list price within {costs.sell_within_days} days of the purchase"
    unsold = f"{costs.salvage_percent:g} % of the sale price, for a copy that is unsold then, half up"
    return (
        Step(SPEED, speed, "count", "full_look", None, "probable used sales, for the time that was observed"),
        Step(
            LIST_PRICE,
            listed,
            "cents",
            "rule",
            None,
            "highest expected profit, each chance paying for its uncertainty",
        ),
        Step(CHANCE, chance_percent, "percent", "rule", None, in_time),
        Step(SALVAGE, salvage, "cents", "settings", None, unsold),
        Step(ERROR_SCALE, scale, "cents", "rule", None, "how far such an expected profit is usually off"),
        Step(TRUST, trust_percent, "percent", "rule", None, "chance to sell in time at 90 % of the sale price or more"),
    )
