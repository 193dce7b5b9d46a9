"""What the chart, its drawing and its table make of a history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from keepa_deals.price_history import PriceHistory
from keepa_deals.records import DatedSale, Series
from keepa_deals.units import from_keepa_minutes, to_keepa_minutes
from keepa_deals.web.chart import by_month, chart_json, season_spans, seconds
from keepa_deals.web.chart_drawing import LEFT, RIGHT, WIDTH, drawing_of
from keepa_deals.web.marketplaces import MARKETPLACES

HERE = MARKETPLACES[1]
UNTIL = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
DAY = 1_440
NOW = to_keepa_minutes(UNTIL)


def a_deal(**changes: int | None) -> Any:
    return SimpleNamespace(
        **({"price_now_cents": 1999, "list_cents": 6000, "peak_month": 1, "trough_month": 5} | changes)
    )


def a_history(**changes: Any) -> PriceHistory:
    """Used for 100 days with none from the 40th to the 20th day before now; new and rank since 60 days."""
    used = Series((NOW - 100 * DAY, NOW - 40 * DAY, NOW - 20 * DAY), (5000, None, 2000))
    other = {name: Series((NOW - 60 * DAY,), (value,)) for name, value in (("new", 9000), ("rank", 120_000))}
    sales = (
        DatedSale(NOW - 50 * DAY, 0.9, 5100),
        DatedSale(NOW - 30 * DAY, 0.4, None),
        DatedSale(NOW - DAY, 0.3, None),
    )
    return replace(PriceHistory(until=NOW, series={"used": used, **other}, sales=sales), **changes)


def test_the_script_is_told_amounts_gaps_and_where_the_last_value_ends() -> None:
    told = chart_json(a_history(), a_deal(), HERE)
    assert told["series"]["used"]["values"] == [Decimal("50.00"), None, Decimal("20.00"), Decimal("20.00")]
    assert told["series"]["used"]["times"][-1] == told["until"] == seconds(UNTIL)
    assert told["series"]["rank"]["values"] == [120_000, 120_000]
    assert told["lines"] == {"buy": Decimal("19.99"), "list": Decimal("60.00")}


def test_a_sale_without_a_price_stands_at_the_used_price_of_then_or_nowhere() -> None:
    told = chart_json(a_history(), a_deal(), HERE)
    assert [(sale["price"], sale["used"]) for sale in told["sales"]] == [
        (Decimal("51.00"), 0.9),
        (Decimal("20.00"), 0.3),
    ]


def test_seasons_are_whole_months_within_the_charted_time() -> None:
    since = datetime(2025, 1, 20, tzinfo=UTC)
    spans = season_spans(a_deal(), since=since, until=UNTIL)
    assert [(span.kind, f"{span.since:%Y-%m-%d}", f"{span.until:%Y-%m-%d}") for span in spans] == [
        ("peak", "2025-01-20", "2025-02-01"),
        ("trough", "2025-05-01", "2025-06-01"),
        ("peak", "2026-01-01", "2026-02-01"),
    ]
    assert season_spans(a_deal(peak_month=None, trough_month=None), since=since, until=UNTIL) == []


def test_the_table_tells_each_month_once_the_latest_first() -> None:
    months = by_month(a_history())
    assert [f"{month.begin:%b %Y}" for month in months] == ["Mar 2026", "Feb 2026", "Jan 2026", "Dec 2025", "Nov 2025"]
    march, february, january = months[:3]
    assert (march.used_low, march.used_high, march.sales) == (2000, 2000, 0)
    assert (february.used_low, february.at_end["used"], february.at_end["rank"]) == (2000, 2000, 120_000)
    assert (january.used_high, january.at_end["used"], january.sales) == (5000, None, 1)
    assert months[-1].at_end["new"] is None


def test_the_drawing_leaves_a_gap_where_there_was_no_offer() -> None:
    drawing = drawing_of(a_history(), a_deal(), HERE)
    assert drawing is not None
    paths = dict(drawing.paths)
    assert paths["used"].count("M") == 2
    assert paths["new"].endswith(f"H{WIDTH - RIGHT}")
    assert paths["used"].startswith(f"M{LEFT} ")
    assert "amazon" not in paths
    assert [is_likely for _, _, is_likely in drawing.dots] == [True, False]
    assert {rule.kind for rule in drawing.rules} == {"grid", "buy", "list"}
    assert "used between $20.00 and $50.00, $20.00 now; new between" in drawing.words


@pytest.mark.parametrize(
    "series",
    [{}, {"used": Series((), ())}, {"used": Series((NOW - DAY,), (None,))}, {"rank": Series((NOW - DAY,), (9,))}],
    ids=["nothing", "no points", "never an offer", "a rank alone"],
)
def test_without_any_price_there_is_no_drawing(series: dict[str, Series]) -> None:
    assert drawing_of(a_history(series=series, sales=()), a_deal(), HERE) is None
    assert chart_json(a_history(series=series, sales=()), a_deal(), HERE)["sales"] == []
    by_month(a_history(series=series, sales=()))


def test_a_history_that_began_this_minute_is_drawn() -> None:
    drawing = drawing_of(a_history(series={"used": Series((NOW,), (500,))}, sales=()), a_deal(list_cents=None), HERE)
    assert drawing is not None
    assert from_keepa_minutes(NOW) - UNTIL == timedelta(0)
