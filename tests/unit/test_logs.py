"""A log has one line an event, and no secret."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from keepa_deals.logs import log_to_stream
from keepa_deals.settings import Secret

KEY = "a" * 64


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_an_event_is_a_line_with_its_time_in_utc_even_with_a_traceback(stream: io.StringIO) -> None:
    log_to_stream("INFO", secrets=(), stream=stream)
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        logging.getLogger("here").exception("first\nsecond")
    (line,) = stream.getvalue().splitlines()
    assert line[10] == "T"
    assert line.split(" ")[0].endswith("Z")
    assert "first ⏎ second" in line
    assert line.endswith("ZeroDivisionError: integer division or modulo by zero")


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (KEY, f"https://api.example/deal?key={KEY}"),
        ("redis://:p/ss@host:1/0", "could not reach redis://:p/ss@host:1/0"),
        ("redis://user:word%40x@host:1/0", "AUTH user word%40x"),
        ("postgresql+psycopg://u:pa-ss@h/d", "password 'pa-ss' refused"),
    ],
)
def test_no_secret_reaches_a_line(stream: io.StringIO, secret: str, said: str) -> None:
    log_to_stream("INFO", secrets=[Secret(secret)], stream=stream)
    try:
        raise OSError(said)
    except OSError:
        logging.getLogger("here").exception("%s", said)
    written = stream.getvalue()
    assert "***" in written
    assert not any(part in written for part in (KEY, "p/ss", "word%40x", "pa-ss"))


def test_events_below_the_level_are_not_written(stream: io.StringIO) -> None:
    log_to_stream("WARNING", secrets=(), stream=stream)
    logging.getLogger("here").info("life goes on")
    assert stream.getvalue() == ""
