"""One deal in a real browser: the chart under the pointer, zoomed, on a phone, in the dark, without a script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from keepa_deals.price_history import PriceHistory
from keepa_deals.processes.chart_library import FOLDER
from keepa_deals.records import DatedSale, Series
from keepa_deals.store.engine import Database
from keepa_deals.store.kept_histories import keep_history
from keepa_deals.units import to_keepa_minutes
from keepa_deals.web.deal_page import CHART_LIBRARY
from tests.builders import NOW, a_deal_row, asin_number
from tests.web.browser_fixtures import browser, missing, open_page, served
from tests.web.test_accessibility import axe, barriers

__all__ = ["axe", "browser", "open_page"]

CHECKOUT = Path(__file__).resolve().parents[2]
DAY = 1_440
SHOWN = "[data-ranges]:not([hidden])"


def a_history() -> PriceHistory:
    """Used at $50.00 until 40 days ago, then none for 20 days, then $16.00; a rank and a sale along with it."""
    until = to_keepa_minutes(NOW)
    since = until - 700 * DAY
    used = Series((since, until - 40 * DAY, until - 20 * DAY), (5000, None, 1600))
    rank = Series((since, until - 300 * DAY), (120_000, 40_000))
    return PriceHistory(
        until=until, series={"used": used, "rank": rank}, sales=(DatedSale(until - 100 * DAY, 0.9, 4800),)
    )


@pytest.fixture
def address(make_app: Callable[..., Flask], hold: Callable[..., None], database: Database) -> Iterator[str]:
    """A deal with a history; another before its first."""
    hold(
        a_deal_row(asin=asin_number(1), list_cents=5500, peak_month=1, trough_month=5), a_deal_row(asin=asin_number(2))
    )
    with database.write.begin() as connection:
        keep_history(connection, asin_number(1), 1, a_history(), now=NOW)
    with served(make_app()) as found:
        yield found


@pytest.fixture
def charted(address: str, open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Opens the page of the deal with a history, its interactive chart drawn."""
    if not (CHECKOUT / "static" / CHART_LIBRARY).exists():
        missing(f"{FOLDER} is missing; deploy_update.sh brings it by npm, until then no chart was looked at")

    def opened(**options: object) -> Page:
        page = open_page(**options)
        page.goto(f"{address}/deals/{asin_number(1)}")
        page.locator(SHOWN).wait_for()
        page.locator(".plot").scroll_into_view_if_needed()
        return page

    return opened


def point_at(page: Page, share: float) -> None:
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)


def days_shown(page: Page) -> object:
    return page.evaluate("document.querySelector('[data-days][aria-pressed=true]')?.textContent.trim() ?? null")


def test_the_chart_tells_what_held_under_the_pointer(charted: Callable[..., Page]) -> None:
    page = charted()
    page.get_by_role("button", name="90 days").click()
    tip = page.locator(".chart-tip")
    point_at(page, 0.1)
    expect(tip).to_contain_text("$50.00")
    expect(tip).to_contain_text("40,000")
    point_at(page, 0.66)
    expect(tip).to_contain_text("none")
    point_at(page, 0.95)
    expect(tip).to_contain_text("$16.00")
    expect(tip).to_contain_text("28 Feb 2026")


def test_dragging_zooms_in_and_a_double_click_shows_everything_again(charted: Callable[..., Page]) -> None:
    page = charted()
    assert days_shown(page) == "1 year"
    point_at(page, 0.2)
    page.mouse.down()
    point_at(page, 0.3)
    point_at(page, 0.5)
    page.mouse.up()
    page.wait_for_function("document.querySelector('[data-days][aria-pressed=true]') === null")
    point_at(page, 0.05)
    expect(page.locator(".chart-tip")).to_contain_text("2025")
    page.locator(".u-over").dblclick()
    page.wait_for_function("document.querySelector('[data-days=\"0\"]').ariaPressed === 'true'")


def test_a_series_is_taken_away_and_given_back(charted: Callable[..., Page]) -> None:
    page = charted()
    page.get_by_label("Sales rank").uncheck()
    point_at(page, 0.5)
    expect(page.locator(".chart-tip")).not_to_contain_text("Sales rank")
    page.get_by_label("Sales rank").check()
    point_at(page, 0.51)
    expect(page.locator(".chart-tip")).to_contain_text("Sales rank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_fits_a_phone_and_takes_the_colours_of_the_page(charted: Callable[..., Page], scheme: str) -> None:
    page = charted(width=390, color_scheme=scheme, has_touch=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    drawn = page.locator(".u-wrap canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(part => part)"
    )
    assert drawn
    ink = page.evaluate("getComputedStyle(document.querySelector('.chart > span')).color")
    assert ink.startswith("rgb")


def test_without_a_script_there_are_the_drawing_and_the_table(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{address}/deals/{asin_number(1)}")
    drawing = page.get_by_role("img", name="Prices of up to two years")
    assert drawing.is_visible()
    assert (drawing.locator(".run.used").get_attribute("d") or "").count("M") == 2
    page.get_by_text("The same as a table").click()
    row = page.get_by_role("row", name="Mar 2026")
    assert "$16.00" in row.inner_text()
    assert not page.get_by_role("button", name="90 days").is_visible()


def test_before_the_first_history_the_page_says_so(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{address}/deals/{asin_number(2)}")
    assert page.get_by_text("No history is kept yet").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_neither_the_chart_nor_the_question_puts_a_barrier_in_anybodys_way(
    address: str, charted: Callable[..., Page], axe: str, scheme: str
) -> None:
    page = charted(color_scheme=scheme, tolerates="the server responded with a status of 4")
    page.get_by_text("The same as a table").click()
    assert barriers(page, axe) == []
    for path in ("/why", "/why?asin=nothing", f"/why?asin={asin_number(1)}&profit_gte=90", "/why?asin=B0NOWHERE1"):
        page.goto(address + path)
        assert (path, barriers(page, axe)) == (path, [])


def test_a_look_is_asked_for_and_another_asin_looked_up(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(tolerates="the server responded with a status of 4")
    page.goto(f"{address}/deals/{asin_number(2)}")
    page.get_by_role("button", name="Check the price: 1 token").click()
    expect(page.get_by_role("status").filter(has_text="A light look was asked for")).to_be_visible()
    page.get_by_label("Another ASIN that is missing?").fill("B0NOWHERE1")
    page.get_by_role("button", name="Why not?").click()
    expect(page.get_by_role("heading", name="Never seen")).to_be_visible()
    page.get_by_label("ASIN, ISBN or address").fill("nothing")
    page.get_by_role("button", name="Look it up").click()
    expect(page.get_by_role("alert")).to_have_text(
        "That is no ASIN: one has ten letters and digits, such as B0EXAMPLE1 or an ISBN-10."
    )
