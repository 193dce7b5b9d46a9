"""The page in a real browser: what only a browser can show."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.builders import a_deal_row, asin_number

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u202egnitset"


class Silent(WSGIRequestHandler):
    """Keeps requests out of the tests' output."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is not installed, so no page was looked at"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def address(make_app: Callable[..., Flask], hold: Callable[..., None]) -> Iterator[str]:
    hold(
        *(
            a_deal_row(asin=asin_number(n), title=f"Invented Book {n}", profit_cents=n * 100, roi=200.0 - n)
            for n in range(30)
        ),
        a_deal_row(asin=asin_number(99), title=HOSTILE, profit_cents=99_999),
    )
    server = make_server("127.0.0.1", 0, make_app(), threaded=True, request_handler=Silent)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, and fails the test for any error the browser reports on them."""
    complaints: list[str] = []
    contexts = []

    def make(*, width: int = 1440, **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def test_filtering_sorting_and_opening_a_deal(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.locator(".filters > summary").click()
    page.get_by_label("Profit, at least").fill("10.5")
    page.get_by_label("Profit, at most").fill("20")
    page.get_by_role("button", name="Apply").click()
    assert page.url == f"{address}/?profit_gte=10.5&profit_lte=20&sort=-profit&limit=50"
    assert page.locator("#deal-count").get_attribute("data-count") == "10"
    page.get_by_role("columnheader", name="ROI").get_by_role("link").click()
    assert page.get_by_role("columnheader", name="ROI").get_attribute("aria-sort") == "descending"
    assert page.locator("tbody tr").first.get_attribute("data-asin") == asin_number(11)
    page.get_by_role("link", name="Invented Book 11").click()
    assert page.url == f"{address}/deals/{asin_number(11)}"
    assert page.locator("h1").inner_text() == "Invented Book 11"
    page.get_by_role("link", name="All deals").click()
    assert page.locator("#deal-count").get_attribute("data-count") == "10"


def test_a_hostile_title_runs_nothing_and_turns_nothing_around(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    for place in ("/", f"/deals/{asin_number(99)}"):
        page.goto(address + place)
        assert "taken" not in page.title().split(" · ")[-1]
        assert page.evaluate("document.images.length") == 0
        assert page.locator(f"bdi:has-text('{HOSTILE[:10]}')").count() > 0
        assert page.evaluate("getComputedStyle(document.querySelector('bdi')).unicodeBidi") == "isolate"


@pytest.mark.parametrize("width", [320, 390, 700, 1024, 1440])
def test_no_width_scrolls_sideways(address: str, open_page: Callable[..., Page], width: int) -> None:
    page = open_page(width=width)
    for place in ("/", f"/deals/{asin_number(99)}", "/?profit_gte=9000&q=river", "/health"):
        page.goto(address + place)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_phone_shows_cards_that_say_what_each_number_is(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(width=390)
    page.goto(address)
    assert not page.locator("thead").is_visible()
    profit = page.locator("tbody tr td.profit").first
    assert profit.is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('td.profit'), '::before').content") == '"Profit"'


def test_headings_and_titles_stay_in_sight(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    before = box(page, "thead th.title")
    page.locator(".sheet").evaluate("sheet => sheet.scrollTo(700, 900)")
    assert page.locator("tbody tr").first.evaluate("row => row.getBoundingClientRect().bottom") < 0
    assert box(page, "thead th.title") == before
    assert box(page, "tbody tr:last-child th")["x"] == before["x"]


def box(page: Page, selector: str) -> dict[str, float]:
    return page.locator(selector).evaluate("element => (({x, y}) => ({x, y}))(element.getBoundingClientRect())")


def test_everything_works_without_scripts(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(address)
    page.locator(".filters > summary").click()
    page.get_by_label("Profit, at least").fill("25")
    page.get_by_role("button", name="Apply").click()
    assert page.locator("#deal-count").get_attribute("data-count") == "6"
    page.get_by_role("link", name="Profit ≥ $25.00").click()
    assert page.locator("#deal-count").get_attribute("data-count") == "31"


def test_the_chip_leads_to_the_health_page_and_its_history_opens_without_scripts(
    address: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(java_script_enabled=False, width=390)
    page.goto(address)
    page.locator("header .chip").click()
    assert page.url == f"{address}/health"
    assert page.locator(".verdict-line").inner_text().startswith("working")
    assert not page.get_by_role("cell", name="not watched").is_visible()
    page.get_by_text("As a table").click()
    assert page.get_by_role("rowheader", name="not watched").is_visible()
    assert page.evaluate("document.querySelector('.strip rect').getBoundingClientRect().width") > 300


def colours(page: Page) -> tuple[str, str]:
    return tuple(
        page.evaluate("(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))")
    )


def test_light_and_dark_follow_the_system(address: str, open_page: Callable[..., Page]) -> None:
    light, dark = open_page(color_scheme="light"), open_page(color_scheme="dark")
    light.goto(address)
    dark.goto(address)
    assert colours(light) == ("rgb(21, 32, 43)", "rgb(244, 246, 248)")
    assert colours(dark) == ("rgb(232, 238, 245)", "rgb(13, 19, 25)")
