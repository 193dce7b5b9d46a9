"""Amazon's marketplaces by Keepa's domain number: where they are and what money they use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One Amazon. `minor_digits` is 0 for yen, whose smallest unit is the yen itself."""

    domain_id: int
    site: str
    currency: str
    sign: str
    minor_digits: int = 2

    def product_page(self, asin: str) -> str:
        return f"https://www.{self.site}/dp/{quote(asin, safe='')}"

    def amount(self, cents: int | None) -> Decimal | None:
        """Currency units with all their decimals: 1230 cents are 12.30."""
        return None if cents is None else Decimal(cents).scaleb(-self.minor_digits)

    def money(self, cents: int) -> str:
        """An amount to be read: `$1,234.50`, `−€3.20`."""
        amount = abs(Decimal(cents).scaleb(-self.minor_digits))
        return f"{'−' if cents < 0 else ''}{self.sign}{amount:,.{self.minor_digits}f}"

    def whole_money(self, cents: int) -> str:
        """An amount without its decimals, never more than it is: `$1,234`, `−€4` for −3.20."""
        units = cents // 10**self.minor_digits
        return f"{'−' if units < 0 else ''}{self.sign}{abs(units):,}"


MARKETPLACES = {
    place.domain_id: place
    for place in (
        Marketplace(1, "amazon.com", "USD", "$"),
        Marketplace(2, "amazon.co.uk", "GBP", "£"),
        Marketplace(3, "amazon.de", "EUR", "€"),
        Marketplace(4, "amazon.fr", "EUR", "€"),
        Marketplace(5, "amazon.co.jp", "JPY", "¥", minor_digits=0),
        Marketplace(6, "amazon.ca", "CAD", "CA$"),
        Marketplace(8, "amazon.it", "EUR", "€"),
        Marketplace(9, "amazon.es", "EUR", "€"),
        Marketplace(10, "amazon.in", "INR", "₹"),
        Marketplace(11, "amazon.com.mx", "MXN", "MX$"),
    )
}
