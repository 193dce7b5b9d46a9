"""The small drawing of a deal's used price: where the line goes, where the dots stand, and the same in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keepa_deals.price_history import SPARK_DAYS, SPARK_POINTS, Spark
from keepa_deals.web.marketplaces import Marketplace

WIDTH, HEIGHT = 90, 34
EDGE = 3.0
"""room for a dot at the margin"""
STEP = WIDTH // SPARK_POINTS


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Coordinates in a field of WIDTH × HEIGHT, the highest price at the top."""

    path: str
    """the price as steps; a gap where there was none"""
    dots: tuple[tuple[float, float], ...]
    """the sales"""
    end: tuple[float, float] | None
    """where the price stands now; None where there is none now"""
    level: float | None
    """height of what it sells for"""
    words: str


def sparkline(spark: Spark | None, *, sale_price_cents: int | None, place: Marketplace) -> Sparkline | None:
    """The drawing of `spark`; None where there is nothing to draw."""
    known = [] if spark is None else [cents for cents in spark.prices if cents is not None]
    if spark is None or not known:
        return None
    sold = [cents for _, cents, _ in spark.sales if cents is not None]
    shown = [*known, *sold, *([] if sale_price_cents is None else [sale_price_cents])]
    scale = _Scale(min(shown), max(shown))
    last = spark.prices[-1]
    return Sparkline(
        path=_steps(spark.prices, scale),
        dots=tuple((_middle(part), scale.y(_price(spark, part, cents))) for part, cents, _ in spark.sales),
        end=None if last is None else (WIDTH - EDGE, scale.y(last)),
        level=None if sale_price_cents is None else scale.y(sale_price_cents),
        words=_words(spark, known, place),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    low: int
    high: int

    def y(self, cents: int | None) -> float:
        """Height of an amount; the middle for one that is not known."""
        if cents is None or self.high == self.low:
            return HEIGHT / 2
        share = (cents - self.low) / (self.high - self.low)
        return round(HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE), 1)


def _steps(prices: Sequence[int | None], scale: _Scale) -> str:
    """One horizontal piece for each part, joined to the one before unless there was a gap."""
    pieces: list[str] = []
    before: int | None = None
    for part, cents in enumerate(prices):
        if cents is not None:
            if before is None:
                pieces.append(f"M{part * STEP} {scale.y(cents):g}")
            elif cents != before:
                pieces.append(f"V{scale.y(cents):g}")
            pieces.append(f"H{(part + 1) * STEP}")
        before = cents
    return _joined(pieces)


def _joined(pieces: Sequence[str]) -> str:
    """Of neighbouring horizontal pieces the last one says it all."""
    kept = [
        piece
        for piece, following in zip(pieces, [*pieces[1:], ""], strict=True)
        if not (piece[0] == "H" and following[:1] == "H")
    ]
    return "".join(kept)


def _price(spark: Spark, part: int, cents: int | None) -> int | None:
    return cents if cents is not None or not 0 <= part < len(spark.prices) else spark.prices[part]


def _middle(part: int) -> float:
    return round(min(max((part + 0.5) * STEP, EDGE), WIDTH - EDGE), 1)


def _words(spark: Spark, known: Sequence[int], place: Marketplace) -> str:
    now = "none now" if spark.prices[-1] is None else f"{place.money(spark.prices[-1])} now"
    sales = len(spark.sales)
    sold = f"{sales if sales else 'no'} {'sale' if sales == 1 else 'sales'} inferred"
    gaps = "" if None not in spark.prices else ", none for part of the time"
    return (
        f"Used price over {SPARK_DAYS} days: from {place.money(known[0])}, between {place.money(min(known))} and "
        f"{place.money(max(known))}, {now}{gaps}; {sold}"
    )
