"""The health page: what is wrong, since when, what to do; the strip, the schedule, queues, processes and tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import escape

from keepa_deals.clock import ManualClock
from keepa_deals.health import HealthFacts, Verdict, VerdictState, judge_health, verdict_line
from keepa_deals.health_catalogue import CATALOGUE, finding
from keepa_deals.health_facts import PlaceFact, TokenFact
from keepa_deals.records import Pass
from keepa_deals.settings import settings_from
from keepa_deals.store import call_ledger, pulses
from keepa_deals.store.call_ledger import CallOutcome
from keepa_deals.store.engine import Database, open_database
from keepa_deals.store.history import KeptVerdict, Spending
from keepa_deals.web import create_app, health_view, runbook
from tests.unit.test_health import NOW as JUDGED_AT
from tests.unit.test_health import WORKING, passes

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)
AILING = replace(
    WORKING,
    passes=passes(due_at=JUDGED_AT - 3 * HOUR, last_error="StoreError: <b>no</b>", consecutive_failures=1),
    tokens=TokenFact(
        known=True, balance=37, available=30, per_minute=20, foreign_per_hour=0.0, reserved=7, open_reservations=1,
        line=(PlaceFact("full_look", 12, JUDGED_AT + HOUR),),
    ),
)  # fmt: skip


@pytest.fixture
def show(database: Database) -> Callable[..., str]:
    """The page over these facts, as text."""

    def ask(facts: Callable[[], HealthFacts] | None, path: str = "/health") -> str:
        app = create_app(
            settings_from({}, root=ROOT),
            database=database,
            clock=ManualClock(JUDGED_AT),
            verdict=lambda: Verdict(VerdictState.BROKEN, None, (finding("health_failed", "nobody looked"),), JUDGED_AT),
            facts=facts,
        )
        response = app.test_client().get(path)
        assert response.status_code == 200
        return response.get_data(as_text=True)

    return ask


def test_it_shows_the_verdict_line_and_each_finding_with_its_place_in_the_runbook(show: Callable[..., str]) -> None:
    page = show(lambda: AILING)
    verdict = judge_health(AILING)
    assert f"<span>{escape(verdict_line(verdict))}</span>" in page
    assert {found.id for found in verdict.findings} >= {"pass_overdue", "pass_failed_once"}
    for found in verdict.findings:
        assert f'data-finding="{found.id}"' in page
        assert f'href="/health/runbook#{found.id}"' in page
        assert str(escape(found.seen)) in page
    assert "<b>no</b>" not in page


def test_the_chip_of_the_page_says_what_the_page_says(show: Callable[..., str]) -> None:
    page = show(lambda: AILING)
    assert page.count('data-verdict="stuck"') == 2
    assert 'data-verdict="broken"' not in page


def test_the_chip_of_every_page_leads_here(show: Callable[..., str]) -> None:
    assert '<a class="chip broken" href="/health"' in show(None, "/")


def test_tokens_are_shown_by_purpose_against_the_refill(show: Callable[..., str], database: Database) -> None:
    with database.write.begin() as connection:
        for number in range(4):
            call_ledger.open_call(
                connection, f"c{number}", which=Pass.LOOKS, purpose="verify_full", what="x", reserved=12,
                now=JUDGED_AT - HOUR,
            )  # fmt: skip
            call_ledger.settle_call(
                connection, f"c{number}", outcome=CallOutcome.ANSWERED, billed=720, balance_after=1, error=None,
                now=JUDGED_AT - HOUR,
            )  # fmt: skip
    page = show(lambda: AILING)
    assert "verify full" in page
    assert "2,880" in page
    assert "10.0 %" in page
    assert "full look: 12 tokens, until" in page
    assert "7 tokens in 1 call<" in page


@pytest.mark.parametrize("facts", [None, lambda: HealthFacts(now=JUDGED_AT, real_now=JUDGED_AT)])
def test_with_nothing_to_see_every_part_says_so(
    show: Callable[..., str], facts: Callable[[], HealthFacts] | None
) -> None:
    page = show(facts)
    for words in (
        "has not run, or could not be looked at",
        "The balance is not known",
        "No process is recorded, or the record could not be read",
        "not watched",
    ):
        assert words in page


def test_facts_that_can_not_be_had_leave_the_verdict_of_the_desk(show: Callable[..., str]) -> None:
    def fail() -> HealthFacts:
        raise RuntimeError("secret words")

    page = show(fail)
    assert "nobody looked" in page
    assert "secret words" not in page


def test_without_a_database_the_page_still_tells(tmp_path: Path) -> None:
    app = create_app(
        settings_from({}, root=ROOT), database=open_database(f"sqlite:///{tmp_path}/none.db"),
        clock=ManualClock(JUDGED_AT), verdict=lambda: judge_health(AILING), facts=lambda: AILING,
    )  # fmt: skip
    response = app.test_client().get("/health")
    assert response.status_code == 200
    assert "The history can't be read" in response.get_data(as_text=True)


def kept(*rows: tuple[float, str]) -> list[KeptVerdict]:
    return [KeptVerdict(JUDGED_AT - hours * HOUR, state, None) for hours, state in rows]


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([], [("unwatched", 24, 0)]),
        ([(30, "working"), (0.5, "working")], [("unwatched", 24, 0.5), ("working", 0.5, 0)]),
        (
            [(24.5, "working"), (23.5, "stuck"), (23, "working"), (22, "working")],
            [("working", 24, 23.5), ("stuck", 23.5, 23), ("working", 23, 22 - 65 / 60), ("unwatched", 22 - 65 / 60, 0)],
        ),
    ],
)  # fmt: skip
def test_the_strip_has_no_gap_and_claims_nothing_that_nobody_watched(
    rows: list[tuple[float, str]], seen: list[tuple[str, float, float]]
) -> None:
    strip = health_view.strip(kept(*rows), now=JUDGED_AT)
    found = [(piece.state, (JUDGED_AT - piece.begin) / HOUR, (JUDGED_AT - piece.end) / HOUR) for piece in strip]
    assert found == [(state, pytest.approx(begin), pytest.approx(end)) for state, begin, end in seen]


def test_every_verdict_has_a_height_of_its_own_kind() -> None:
    assert set(health_view.HEIGHTS) == {state.value for state in VerdictState} | {health_view.UNWATCHED}


def test_the_history_begins_with_the_verdict_that_held_when_it_began(
    show: Callable[..., str], database: Database
) -> None:
    with database.write.begin() as connection:
        for hours, state in ((25, "working"), (24.2, "stuck"), (23.5, "working")):
            pulses.record_verdict(
                connection,
                state,
                waiting_until=None,
                findings=[{"seen": f"{state} as seen"}],
                now=JUDGED_AT - hours * HOUR,
            )
    page = show(lambda: WORKING)
    assert page.index('<rect class="stuck" x="0.0"') < page.index('<rect class="working"')
    assert "stuck as seen" in page


def test_shares_of_an_unknown_refill_are_unknown() -> None:
    spent = [Spending("looks", "verify", 2, 30, 0, 0, 0, 0, 0), Spending("backfill", "verify", 1, 10, 0, 0, 0, 0, 0)]
    assert health_view.shares(spent, per_minute=None) == [health_view.Share("verify", 3, 40, None)]
    assert health_view.shares(spent, per_minute=1)[0].percent == pytest.approx(100 * 40 / 1440)


def test_the_runbook_has_a_heading_for_every_finding(show: Callable[..., str]) -> None:
    page = show(None, "/health/runbook")
    for name in CATALOGUE:
        assert f'<h3 id="{name}">{name}</h3>' in page
    assert "<em>broken</em>" in page
    assert "<code>./start_celery.sh</code>" in page
    assert page.count("**") == 0


def test_a_checkout_without_the_runbook_says_so(make_app: Callable[..., Flask]) -> None:
    response = make_app().test_client().get("/health/runbook")
    assert response.status_code == 404
    assert "docs/operations.md is not in this checkout" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# A & B", '<h1 id="a-b">A &amp; B</h1>'),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("- a\n- b\n  c", "<ul><li>a</li><li>b c</li></ul>"),
        ("`a*b*c` *d*", "<p><code>a*b*c</code> <em>d</em></p>"),
        ("```sh\n<x> # y\n```", "<pre><code>&lt;x&gt; # y</code></pre>"),
        ("```\nunfinished", "<pre><code>unfinished</code></pre>"),
        (
            "| a | b |\n|---|---|\n| 1 | *2* |",
            '<table class="plain"><thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>'
            "<tbody><tr><td>1</td><td><em>2</em></td></tr></tbody></table>",
        ),
        ("[x](https://h.example/a)", '<p><a href="https://h.example/a">x</a></p>'),
        ("[x](javascript:alert)", "<p>[x](javascript:alert)</p>"),
        ('[x](https://h/"onclick=)', '<p><a href="https://h/&#34;onclick=">x</a></p>'),
        ("<script>", "<p>&lt;script&gt;</p>"),
        ("*Error, forces *broken*.*\nWhy.", '<p class="muted">Error, forces <em>broken</em>.</p>\n<p>Why.</p>'),
    ],
)
def test_the_forms_of_the_runbook(text: str, html: str) -> None:
    assert str(runbook.render(text)) == html
