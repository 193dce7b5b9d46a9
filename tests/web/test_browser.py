"""The page in a real browser: what only a browser can show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import unquote

import pytest
from flask import Flask
from playwright.sync_api import Page

from tests.builders import a_deal_row, a_spark, asin_number
from tests.web.browser_fixtures import browser, open_page, served

__all__ = ["browser", "open_page"]

HOSTILE = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>\u202egnitset"

HOSTILE_EVERYWHERE = dict.fromkeys(
    ("title", "author", "brand", "category", "binding", "seller_name"), HOSTILE + 5000 * "W"
)


@pytest.fixture
def address(make_app: Callable[..., Flask], hold: Callable[..., None]) -> Iterator[str]:
    hold(
        *(
            a_deal_row(
                asin=asin_number(n), title=f"Invented Book {n}", profit_cents=n * 100, roi=200.0 - n, spark=a_spark()
            )
            for n in range(30)
        ),
        a_deal_row(asin=asin_number(99), **HOSTILE_EVERYWHERE, profit_cents=99_999),
    )
    with served(make_app()) as found:
        yield found


def asins(page: Page) -> list[str]:
    return page.locator("tbody tr").evaluate_all("rows => rows.map(row => row.dataset.asin)")


def test_filtering_sharing_sorting_opening_and_coming_back(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.locator(".filters > summary").click()
    page.get_by_label("Profit, at least", exact=True).fill("10.5")
    page.get_by_label("Profit, at most", exact=True).fill("20")
    page.get_by_role("button", name="Show 10 deals").click()
    assert page.url == f"{address}/?profit_gte=10.5&profit_lte=20&sort=-profit&limit=50"
    assert page.locator("#deal-count").get_attribute("data-count") == "10"
    shared = open_page(width=390)
    shared.goto(page.url)
    assert asins(shared) == asins(page)
    page.get_by_role("columnheader", name="ROI").get_by_role("link").click()
    assert page.get_by_role("columnheader", name="ROI").get_attribute("aria-sort") == "descending"
    assert asins(page)[0] == asin_number(11)
    page.get_by_role("link", name="Invented Book 11").click()
    assert page.url == f"{address}/deals/{asin_number(11)}"
    assert page.locator("h1").inner_text() == "Invented Book 11"
    page.get_by_role("link", name="All deals").click()
    assert page.locator("#deal-count").get_attribute("data-count") == "10"
    page.go_back()
    page.go_back()
    assert asins(page)[0] == asin_number(11)
    page.go_back()
    assert asins(page) == asins(shared)


def test_the_filters_stay_as_they_were_left(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    assert not page.get_by_label("ROI, at least").is_visible()
    page.locator(".filters > summary").click()
    page.wait_for_function("document.cookie.includes('filters=open')")
    page.goto(f"{address}/?roi_gte=5")
    assert page.get_by_label("ROI, at least").is_visible()
    page.get_by_label("ROI, at least").press("Escape")
    page.wait_for_function("document.cookie.includes('filters=closed')")
    page.reload()
    assert not page.get_by_label("ROI, at least").is_visible()


def test_the_figures_of_a_closed_panel_come_when_it_is_opened(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.goto(f"{address}/?profit_gte=5")
    assert page.locator(".bars").count() == 0
    page.locator(".filters > summary").click()
    page.locator("[data-range=profit] .bars").wait_for()
    assert page.locator("[data-range=profit] .bars").get_attribute("aria-label").startswith("Spread from")
    assert page.get_by_label("Good 26").is_visible()
    page.get_by_label("Good 26").check()
    page.get_by_role("button", name="Show 26 deals").click()
    assert "profit_gte=5&condition=good" in page.url


def test_columns_are_chosen_and_put_in_order(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{address}/?profit_gte=5")
    page.get_by_role("link", name="Buy", exact=True).first.click()
    assert page.url == f"{address}/?profit_gte=5&set=buy"
    page.get_by_role("button", name="Columns").click()
    for name in ("Price now", "All in", "Recommended list price", "Profit if sold", "Chance to sell", "Days to sell"):
        page.get_by_label(name, exact=True).uncheck()
    page.get_by_role("button", name="Move Profit, lower bound up").click()
    page.get_by_role("button", name="Show these").click()
    assert "&columns=profit_low,profit,roi,margin,condition" in unquote(page.url)
    heads = page.locator("thead th").evaluate_all("heads => heads.map(head => head.className.split(' ')[0])")
    assert heads[:4] == ["title", "profit_low", "profit", "roi"]


def test_columns_are_put_in_order_without_scripts(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{address}/?columns=roi,profit,rank&q=book")
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Move Sales rank up").click()
    assert page.url == f"{address}/?q=book&columns=roi,rank,profit"


def test_a_ready_question_is_a_link(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.get_by_role("link", name="Big tickets").click()
    assert page.get_by_role("link", name="Big tickets").get_attribute("aria-current") == "true"
    assert asins(page) == [asin_number(99)]
    page.get_by_role("link", name="Trust ≥ 60 %").click()
    assert page.get_by_role("link", name="Big tickets").get_attribute("aria-current") is None


def test_a_search_that_is_not_understood_says_so_under_the_box(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(tolerates="the server responded with a status of 400")
    page.goto(address)
    page.get_by_label("Search", exact=True).fill("profit>x")
    page.get_by_label("Search", exact=True).press("Enter")
    assert page.get_by_label("Search", exact=True).input_value() == "profit>x"
    assert "profit>" in page.get_by_role("alert").inner_text()
    assert len(asins(page)) == 31


def test_the_keyboard_alone_is_enough(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{address}/?limit=25")
    here = "document.activeElement.closest('tr')?.dataset.asin"
    for keys, asin in (("jjj", asin_number(28)), ("k", asin_number(29)), ("kkkk", asin_number(99))):
        for key in keys:
            page.keyboard.press(key)
        assert page.evaluate(here) == asin
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.keyboard.type("jk?")
    assert page.get_by_label("Search", exact=True).input_value() == "jk?"
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    assert page.get_by_role("heading", name="Keyboard").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("heading", name="Keyboard").is_visible()
    page.keyboard.press("f")
    page.keyboard.type("20")
    assert page.get_by_label("Profit, at least", exact=True).input_value() == "20"
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_url("**cursor=*")
    page.keyboard.press("j")
    first = page.evaluate(here)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/deals/{first}")


def test_what_a_column_means_opens_without_a_pointer_or_a_script(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(address)
    page.get_by_role("button", name="About Expected profit").press("Enter")
    assert page.get_by_text("the risk of not selling it included").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_text("the risk of not selling it included").is_visible()


def test_a_drawing_speaks_to_those_who_do_not_see_it(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    drawing = page.get_by_role("img", name="Used price over 90 days").first
    assert drawing.text_content().endswith("$16.00 now, none for part of the time; 2 sales inferred")
    assert drawing.locator("circle.sale").count() == 2


def test_a_hostile_title_runs_nothing_and_turns_nothing_around(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    for place in ("/", "/?set=buy", "/?set=engineer", f"/?category={HOSTILE[:60]}", f"/deals/{asin_number(99)}"):
        page.goto(address + place)
        assert "taken" not in page.title().split(" · ")[-1]
        assert page.evaluate("document.images.length") == 0
        assert page.locator(f"bdi:has-text('{HOSTILE[:10]}')").count() > 0
        assert page.evaluate("getComputedStyle(document.querySelector('bdi')).unicodeBidi") == "isolate"
        assert page.evaluate("document.documentElement.scrollWidth") <= 1440


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


@pytest.mark.parametrize("scripts", [True, False])
def test_a_phone_filters_in_a_sheet_over_the_page(address: str, open_page: Callable[..., Page], scripts: bool) -> None:
    page = open_page(width=390, height=700, has_touch=True, java_script_enabled=scripts)
    page.goto(address)
    page.locator(".filters > summary").tap()
    assert page.locator("[data-filters]").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 700}
    page.get_by_label("Profit, at least", exact=True).fill("25")
    page.get_by_role("button", name="Show 6 deals" if scripts else "Apply").tap()
    page.wait_for_url("**profit_gte=25*")
    assert page.locator("#deal-count").get_attribute("data-count") == "6"


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
    page.get_by_label("Profit, at least", exact=True).fill("25")
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


LIGHT = ("rgb(21, 32, 43)", "rgb(244, 246, 248)")
DARK = ("rgb(232, 238, 245)", "rgb(13, 19, 25)")


def test_light_and_dark_follow_the_system(address: str, open_page: Callable[..., Page]) -> None:
    light, dark = open_page(color_scheme="light"), open_page(color_scheme="dark")
    light.goto(address)
    dark.goto(address)
    assert (colours(light), colours(dark)) == (LIGHT, DARK)


@pytest.mark.parametrize("scripts", [True, False])
def test_chosen_colours_hold_on_every_page_until_the_system_decides_again(
    address: str, open_page: Callable[..., Page], scripts: bool
) -> None:
    page = open_page(color_scheme="light", java_script_enabled=scripts)
    page.goto(f"{address}/?roi_gte=5")
    choose(page, "Dark")
    assert colours(page) == DARK
    assert page.url == f"{address}/?roi_gte=5"
    page.goto(f"{address}/health")
    assert colours(page) == DARK
    choose(page, "System")
    assert colours(page) == LIGHT
    page.reload()
    assert colours(page) == LIGHT


def choose(page: Page, theme: str) -> None:
    page.get_by_role("button", name="Menu").click()
    with page.expect_response("**/theme"):
        page.get_by_role("button", name=theme, exact=True).click()
    page.wait_for_load_state()
