"""One event, one line: time, level, who, what. No secret gets past the formatter."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote, urlsplit

from keepa_deals.settings import Secret

HIDDEN = "***"
LINE = "%(asctime)s %(levelname)s %(processName)s[%(process)d] %(name)s: %(message)s"
FOLD = " ⏎ "
"""Stands for a line break inside an event, such as a traceback's."""


class OneLineFormatter(logging.Formatter):
    """Folds an event onto one line, times it in UTC, and hides every secret that it is given."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__(LINE)
        self._hidden = sorted(
            {part for secret in secrets for part in _spellings(secret.reveal())}, key=len, reverse=True
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def format(self, record: logging.LogRecord) -> str:
        return self.redact(FOLD.join(super().format(record).splitlines()))

    def redact(self, text: str) -> str:
        for hidden in self._hidden:
            text = text.replace(hidden, HIDDEN)
        return text


def log_to_stream(level: str | int, *, secrets: Iterable[Secret], stream: TextIO | None = None) -> OneLineFormatter:
    """Send every event of `level` and above to `stream` (standard error) and nowhere else; returns the formatter."""
    formatter = OneLineFormatter(secrets)
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    return formatter


def _spellings(secret: str) -> set[str]:
    """A secret, and where it is an address the password in it, both as it stands there and as it is quoted."""
    password = urlsplit(secret).password if "://" in secret else None
    spellings = {secret, quote(secret, safe="")}
    if password:
        spellings |= {password, quote(password, safe="")}
    return spellings
