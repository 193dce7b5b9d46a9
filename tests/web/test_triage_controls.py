"""The table's own controls: mark deals one by one or all that were found, take it back, and be told what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import insert

from keepa_deals.store.engine import Database
from keepa_deals.store.tables import changes
from tests.builders import NOW, a_deal_row, asin_number
from tests.web.browser_fixtures import browser, open_page, served

__all__ = ["browser", "open_page"]


@pytest.fixture
def address(make_app: Callable[..., Flask], hold: Callable[..., None]) -> Iterator[str]:
    hold(*(a_deal_row(asin=asin_number(n), profit_cents=n * 100) for n in range(4)))
    with served(make_app()) as found:
        yield found


def marked(page: Page, triage: str) -> list[str]:
    """The deals that the API knows as so marked."""
    answer = page.request.get(f"{page.url.split('/?')[0].rstrip('/')}/api/deals?triage={triage}")
    return sorted(deal["asin"] for deal in answer.json()["deals"])


def test_a_deal_is_hidden_by_a_key_and_brought_back(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="Undo").wait_for()
    assert not page.locator(f"tr[data-asin={asin_number(3)}]").is_visible()
    assert page.evaluate("document.activeElement.closest('tr').dataset.asin") == asin_number(2)
    assert marked(page, "hidden") == [asin_number(3)]
    page.get_by_role("button", name="Undo").click()
    page.locator(f"tr[data-asin={asin_number(3)}]").wait_for(state="visible")
    assert marked(page, "hidden") == []


def test_a_watched_deal_says_so_and_can_be_let_go(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(address)
    page.keyboard.press("j")
    star = page.get_by_role("button", name=f"Watch {asin_number(3)}")
    for state, watched in (("true", [asin_number(3)]), ("false", [])):
        page.keyboard.press("w")
        page.wait_for_function("([star, state]) => star.ariaPressed === state", arg=[star.element_handle(), state])
        assert marked(page, "watched") == watched


def test_deals_are_marked_and_undone_without_scripts(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(address)
    page.get_by_role("button", name=f"Hide {asin_number(3)}").click()
    assert page.get_by_text("1 deal marked.").is_visible()
    assert page.locator("#deal-count").get_attribute("data-count") == "3"
    page.get_by_role("button", name="Undo").click()
    assert page.locator("#deal-count").get_attribute("data-count") == "4"
    for number in (1, 2):
        page.get_by_label(f"Select {asin_number(number)}").check()
    page.get_by_role("button", name="Watch", exact=True).click()
    assert marked(page, "watched") == [asin_number(1), asin_number(2)]


def test_all_deals_found_are_marked_by_their_question(address: str, open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.goto(f"{address}/?profit_gte=1.5&limit=1")
    page.get_by_label("Which deals").select_option(label="With all 2 found")
    page.get_by_role("button", name="Hide", exact=True).click()
    page.get_by_text("2 deals marked.").wait_for()
    assert marked(page, "hidden") == [asin_number(2), asin_number(3)]


def test_changes_are_told_without_moving_a_row(
    address: str, open_page: Callable[..., Page], database: Database
) -> None:
    page = open_page()
    page.clock.install()
    with page.expect_response("**/api/changes?*cursor=now"):
        page.goto(address)
    rows = [("new", 1), ("gone", 2), ("new", 3), ("judged", 0)]
    with database.write.begin() as connection:
        for kind, number in rows:
            change = {"at": NOW, "asin": asin_number(number), "domain_id": 1, "kind": kind, "detail": {}}
            connection.execute(insert(changes), change)
    page.clock.run_for(31_000)
    told = page.locator("[data-news]")
    told.get_by_role("link", name="show").wait_for()
    assert told.inner_text() == "2 new, 1 gone: show"
