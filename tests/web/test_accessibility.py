"""WCAG 2.2 AA as far as a machine can tell: axe-core in a real browser on every page, in both themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page

from keepa_deals.health import Finding, Level, Verdict, VerdictState
from tests.builders import NOW, a_deal_row, a_spark, asin_number
from tests.web.browser_fixtures import browser, missing, open_page, served

__all__ = ["browser", "open_page"]

CHECKOUT = Path(__file__).resolve().parents[2]
AXE = CHECKOUT / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STUCK = Verdict(
    VerdictState.STUCK,
    None,
    (
        Finding(
            "pulse_stale", Level.ERROR, "no pulse came through", NOW - timedelta(hours=3), "Read celery_worker.log"
        ),
        Finding(
            "promise_thin", Level.WARNING, "half of the deals are past their promise", None, "Wait, or plan bigger"
        ),
    ),
    NOW,
)
ON_THE_TABLE = {
    "the table": "/",
    "the columns for buying": "/?set=buy",
    "the columns for engineers, every state": "/?set=engineer&state=all",
    "filters that exclude everything": "/?profit_gte=9000&roi_gte=5&q=river",
    "a search that is not understood": "/?q=profit%3E",
    "parameters that are not understood": "/?profit_gte=12,5&colour=red",
}
ELSEWHERE = {
    "one deal": f"/deals/{asin_number(1)}",
    "a deal that is gone": f"/deals/{asin_number(3)}",
    "health": "/health",
    "the runbook": "/health/runbook",
    "what changed": "/changes",
    "the API, described": "/api/docs",
    "nothing there": "/nothing",
}
OPENED = {
    "the filters": "[data-filters] > summary",
    "the columns": "[data-columns-button]",
    "the menu": "[popovertarget=site-menu]",
    "what a column means": "[popovertarget=about-profit]",
    "the findings": "details.verdict > summary",
}


@pytest.fixture(scope="module")
def axe() -> str:
    if not AXE.exists():
        missing(f"{AXE.relative_to(CHECKOUT)} is missing; npm ci brings it, until then nobody looked for barriers")
    return AXE.read_text(encoding="utf-8")


@pytest.fixture
def address(make_app: Callable[..., Flask], hold: Callable[..., None]) -> Iterator[str]:
    unknown = dict.fromkeys(("profit_cents", "sale_price_cents", "roi", "margin", "trust", "condition", "sales_rank"))
    hold(
        *(
            a_deal_row(
                asin=asin_number(n), is_profitable=n % 2 == 0, amazon_cents=9900, spark=a_spark(), profit_cents=n
            )
            for n in range(3)
        ),
        a_deal_row(asin=asin_number(3), state="gone", gone_at=NOW - timedelta(hours=3), gone_reason="no used offer"),
        a_deal_row(asin=asin_number(4), **unknown),
        a_deal_row(asin=asin_number(5), promised_until=NOW - timedelta(hours=1), profit_cents=-500),
    )
    with served(make_app(verdict=lambda: STUCK)) as found:
        yield found


def barriers(page: Page, axe: str) -> list[str]:
    """What axe finds, one line each: the rule, and where."""
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary'][:300]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*ON_THE_TABLE, *ELSEWHERE])
def test_no_page_puts_a_barrier_in_anybodys_way(
    address: str, open_page: Callable[..., Page], axe: str, name: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme, tolerates="the server responded with a status of 4")
    page.goto(address + (ON_THE_TABLE | ELSEWHERE)[name])
    assert barriers(page, axe) == []


def test_no_card_puts_a_barrier_in_anybodys_way(address: str, open_page: Callable[..., Page], axe: str) -> None:
    page = open_page(width=390, has_touch=True)
    for path in ("/", f"/deals/{asin_number(1)}", "/health"):
        page.goto(address + path)
        assert (path, barriers(page, axe)) == (path, [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_opens_puts_no_barrier_in_anybodys_way(
    address: str, open_page: Callable[..., Page], axe: str, scheme: str
) -> None:
    page = open_page(color_scheme=scheme)
    for name, opener in OPENED.items():
        page.goto(f"{address}/?profit_lte=99&condition=good")
        page.locator(opener).first.click()
        assert (name, barriers(page, axe)) == (name, [])


def test_the_login_puts_no_barrier_in_anybodys_way(
    make_app: Callable[..., Flask], open_page: Callable[..., Page], axe: str
) -> None:
    guarded = {"WEB_HOST": "0.0.0.0", "ADMIN_API_KEY": "k" * 40}
    with served(make_app(**guarded)) as address:
        for scheme in ("light", "dark"):
            page = open_page(color_scheme=scheme)
            page.goto(f"{address}/login")
            assert barriers(page, axe) == []
