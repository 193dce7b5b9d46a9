"""The money of one copy: what it costs, what Amazon takes, what is left if it sells, and what to expect in doubt.

Pure; integer cents; one rounding rule (half up). An unknown input makes unknown whatever depends on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from keepa_deals.fees import all_in_cents, percent_of, ratio_of, referral_fee
from keepa_deals.records import CostSettings

STEPS_OF_MINIMUM_FEE = 5_000
"""the minimum referral fee of 30 cents moves a lowest price by so many cents at the very most"""
LEAST_KEPT = Fraction(1, 20)
"""of a price, after Amazon's share and the markup: with less no lowest price is sensible, and its search is endless"""
CHANCE_PARTS = 10_000
"""a chance is kept with four decimals, as its step shows it, so that the profit follows from the steps exactly"""


@dataclass(frozen=True, slots=True)
class Charges:
    """Amazon's terms for one product; None is unknown."""

    percent: float | None
    minimum_cents: int
    fba_cents: int | None
    closing_cents: int | None

    def referral_of(self, sale_cents: int | None) -> int | None:
        """Amazon's share of a sale."""
        if sale_cents is None or self.percent is None:
            return None
        return referral_fee(sale_cents, percent=self.percent, minimum_cents=self.minimum_cents)

    def net_of(self, sale_cents: int | None) -> int | None:
        """What a sale brings in after Amazon's fees; below 0 where they take more than the price."""
        referral = self.referral_of(sale_cents)
        if sale_cents is None or referral is None or self.fba_cents is None or self.closing_cents is None:
            return None
        return sale_cents - referral - self.fba_cents - self.closing_cents

    @property
    def unknown(self) -> str | None:
        """The first fee that nobody knows, by name; None where all are known."""
        if self.percent is None:
            return "referral percent"
        if self.fba_cents is None:
            return "FBA fee"
        return "closing fee" if self.closing_cents is None else None


def rounded_chance(chance: float | None) -> float | None:
    """A chance with the four decimals that it is shown and reckoned with."""
    return None if chance is None else math.floor(chance * CHANCE_PARTS + 0.5) / CHANCE_PARTS


def expected_proceeds(chance: float | None, *, net_cents: int | None, salvage_cents: int | None) -> int | None:
    """What a listed copy brings on average: chance × net + (1 - chance) × salvage, with the chance's four decimals."""
    if chance is None or net_cents is None or salvage_cents is None:
        return None
    sold = round(chance * CHANCE_PARTS)
    return _half_up(sold * net_cents + (CHANCE_PARTS - sold) * salvage_cents, CHANCE_PARTS)


def salvage_of(sale_price_cents: int | None, *, costs: CostSettings) -> int | None:
    """What a copy still brings that did not sell in time: a share of the sale price, nothing taken off it."""
    return None if sale_price_cents is None else percent_of(sale_price_cents, costs.salvage_percent)


def less_caution(profit_cents: int | None, *, error_scale_cents: int | None, caution: float) -> int | None:
    """The profit's lower bound: `caution` error scales below the expected one, half up to the cent."""
    if profit_cents is None or error_scale_cents is None:
        return None
    return profit_cents - percent_of(error_scale_cents, float(Decimal(str(caution)) * 100))


def lowest_list_price(all_in: int | None, *, charges: Charges, markup_percent: float) -> int | None:
    """The lowest price at which one sale leaves `markup_percent` percent of itself after all costs, to the cent.

    At 0 this is the break-even: a copy sold at it gives back exactly what it cost, or up to a cent more. It speaks
    of a sale that happens; the risk that none does is in the expected profit alone. None where a fee is unknown, or
    where Amazon's share and the markup leave next to nothing of any price (less than `LEAST_KEPT`).
    """
    if all_in is None or charges.percent is None or charges.fba_cents is None or charges.closing_cents is None:
        return None
    markup_parts, markup_whole = ratio_of(markup_percent)
    keep = 1 - Fraction(*ratio_of(charges.percent)) - Fraction(markup_parts, markup_whole)
    if keep < LEAST_KEPT:
        return None

    def leaves_enough(price: int) -> bool:
        left = charges.net_of(price)
        return left is not None and (left - all_in) * markup_whole >= markup_parts * price

    # The closed form ignores rounding and the minimum fee: the search starts a little low and ends exactly.
    about = math.ceil((all_in + charges.fba_cents + charges.closing_cents) / keep)
    rounding = math.ceil(1 / keep) + 1
    candidates = range(max(1, about - rounding), about + 2 * rounding + STEPS_OF_MINIMUM_FEE)
    return next((price for price in candidates if leaves_enough(price)), None)


def maximum_buy_price(proceeds_cents: int | None, *, costs: CostSettings) -> int | None:
    """The highest landed price at which the expected profit still reaches the target ROI on the all-in, to the cent.

    `proceeds_cents` are the expected proceeds of the recommended listing, which does not depend on what the copy
    cost. 0 if no price reaches the target; None where the proceeds are unknown.
    """
    if proceeds_cents is None:
        return None
    roi = 1 + Fraction(*ratio_of(costs.target_roi_percent))
    tax = 1 + Fraction(*ratio_of(costs.purchase_tax_percent))
    if roi <= 0 or tax <= 0:
        return None
    most_all_in = math.floor(proceeds_cents / roi)
    price = max(0, math.ceil((most_all_in - costs.prep_cents - costs.inbound_shipping_cents) / tax))
    # Tax is rounded to the cent, so the exact quotient may be a cent off either way.
    while price > 0 and (all_in_cents(price, costs=costs) or 0) > most_all_in:
        price -= 1
    return price


def share_percent(part: int | None, whole: int | None) -> float | None:
    """`part` in percent of `whole` with two decimals, half up; None where unknown or `whole` is not above 0."""
    if part is None or whole is None or whole <= 0:
        return None
    return float((Decimal(part) * 100 / whole).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))


def percent_below(price_cents: int | None, usual_cents: int | None) -> float | None:
    """How far a price lies under the usual one, in percent; 0 where it does not, None where either is unknown."""
    if price_cents is None or usual_cents is None:
        return None
    return share_percent(max(0, usual_cents - price_cents), usual_cents)


def _half_up(parts: int, whole: int) -> int:
    return (2 * parts + whole) // (2 * whole)
