"""A real Chromium and a served application, for the tests of what only a browser can show."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import WSGIRequestHandler, make_server

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


class Silent(WSGIRequestHandler):
    """Keeps requests out of the tests' output."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Says nothing."""


def missing(what: str) -> None:
    """Ends a test for want of `what`: with a failure in CI, with a plain message elsewhere."""
    pytest.fail(what) if os.environ.get("CI") == "true" else pytest.skip(what)


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address under which `app` answers meanwhile."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Silent)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} is not installed, so no page was looked at")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield launched
        launched.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, and fails the test for any error the browser reports on them."""
    complaints: list[str] = []
    contexts = []

    def make(*, width: int = 1440, height: int = 800, tolerates: str = "", **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: _note(complaints, message.type, message.text, tolerates))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def _note(complaints: list[str], kind: str, text: str, tolerates: str) -> None:
    if kind == "error" and not (tolerates and tolerates in text):
        complaints.append(text)
