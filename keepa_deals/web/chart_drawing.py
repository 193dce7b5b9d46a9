"""The chart as the server draws it, for whoever has no script or no library: prices, sales and lines as SVG. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from keepa_deals.price_history import PriceHistory
from keepa_deals.records import Series
from keepa_deals.store.find import Deal
from keepa_deals.units import from_keepa_minutes, to_keepa_minutes
from keepa_deals.web.chart import (
    LIKELY_USED,
    MONEY,
    NOTHING,
    Span,
    months_between,
    priced_sales,
    season_spans,
    since_of,
    value_at,
    values_within,
)
from keepa_deals.web.marketplaces import Marketplace

WIDTH, HEIGHT = 760, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 24
"""room for labels"""
GRID_LINES = 4
MONTHS_A_LABEL = 3
HEADROOM = 1.06


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line with its label; `kind` is grid, buy or list."""

    y: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Band:
    """A month of the season."""

    x: float
    width: float
    kind: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Coordinates in a field of WIDTH × HEIGHT."""

    paths: tuple[tuple[str, str], ...]
    """name of the series and its steps; gaps where there was nothing"""
    dots: tuple[tuple[float, float, bool], ...]
    """the sales; whether each is more likely than not of a used copy"""
    rules: tuple[Rule, ...]
    bands: tuple[Band, ...]
    months: tuple[tuple[float, str], ...]
    words: str


def drawing_of(history: PriceHistory, deal: Deal, place: Marketplace) -> Drawing | None:
    """The drawing of `history`; None where no price was ever seen."""
    since = since_of(history)
    sales = [(sale, cents) for sale, cents in priced_sales(history) if since <= sale.minute <= history.until]
    lines = [(name, cents) for name, cents in (("buy", deal.price_now_cents), ("list", deal.list_cents)) if cents]
    shown = {name: _values(history, name, since) for name in MONEY}
    heights = [cents for values in shown.values() for cents in values]
    if not heights:
        return None
    top = max([*heights, *(cents for _, cents in sales), *(cents for _, cents in lines)])
    field = _Field(since, max(history.until, since + 1), max(1.0, top * HEADROOM))
    begin, end = from_keepa_minutes(since), from_keepa_minutes(history.until)
    return Drawing(
        paths=tuple((name, field.steps(history.series.get(name, NOTHING))) for name in MONEY if shown[name]),
        dots=tuple((field.x(one.minute), field.y(cents), one.used_probability > LIKELY_USED) for one, cents in sales),
        rules=(
            *_grid(field, place),
            *(Rule(field.y(cents), f"{name} {place.money(cents)}", name) for name, cents in lines),
        ),
        bands=tuple(_band(field, span) for span in season_spans(deal, since=begin, until=end)),
        months=tuple(_month_labels(field, begin, end)),
        words=_words(history, shown, len([1 for one, _ in sales if one.used_probability > LIKELY_USED]), place),
    )


def _values(history: PriceHistory, name: str, since: int) -> list[int]:
    held = values_within(history.series.get(name, NOTHING), since, history.until)
    return [cents for cents in held if cents is not None]


@dataclass(frozen=True, slots=True)
class _Field:
    since: int
    until: int
    top: float

    def x(self, minute: int) -> float:
        share = (min(max(minute, self.since), self.until) - self.since) / (self.until - self.since)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def y(self, cents: float) -> float:
        return round(HEIGHT - BOTTOM - cents / self.top * (HEIGHT - TOP - BOTTOM), 1)

    def steps(self, series: Series) -> str:
        """Each value level until the next point; nothing drawn while there is none."""
        pieces: list[str] = []
        before: int | None = None
        ends = [*series.minutes[1:], self.until]
        for begin, end, cents in zip(series.minutes, ends, series.values, strict=True):
            if cents is not None and end > self.since:
                pieces.append(f"V{self.y(cents):g}" if before is not None else f"M{self.x(begin):g} {self.y(cents):g}")
                pieces.append(f"H{self.x(end):g}")
            before = cents if end > self.since else None
        return "".join(pieces)


def _grid(field: _Field, place: Marketplace) -> list[Rule]:
    amounts = [round(field.top * part / GRID_LINES) for part in range(GRID_LINES)]
    return [Rule(field.y(cents), place.whole_money(cents), "grid") for cents in amounts]


def _band(field: _Field, span: Span) -> Band:
    begin, end = (field.x(to_keepa_minutes(instant)) for instant in (span.since, span.until))
    return Band(begin, round(end - begin, 1), span.kind)


def _month_labels(field: _Field, begin: datetime, end: datetime) -> list[tuple[float, str]]:
    months = [month for month in months_between(begin, end) if month >= begin and month.month % MONTHS_A_LABEL == 1]
    return [(field.x(to_keepa_minutes(month)), f"{month:%b %y}") for month in months]


def _words(history: PriceHistory, shown: dict[str, list[int]], sales: int, place: Marketplace) -> str:
    told = []
    for name, values in shown.items():
        if values:
            now = value_at(history.series[name], history.until)
            now_text = "none now" if now is None else f"{place.money(now)} now"
            told.append(f"{name} between {place.money(min(values))} and {place.money(max(values))}, {now_text}")
    return f"Prices of up to two years: {'; '.join(told)}; {sales} used sales inferred"
