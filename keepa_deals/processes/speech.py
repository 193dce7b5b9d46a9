"""What the scripts say: plain lines, at once, with the seconds since they began."""

from __future__ import annotations

import sys
import tempfile
import time
import traceback


class Progress:
    """Lines with the elapsed seconds in front. `began` is a `time.monotonic()`, kept across an exec."""

    def __init__(self, began: float | None = None) -> None:
        self.began = time.monotonic() if began is None else began

    def __call__(self, text: str) -> None:
        say(f"[{time.monotonic() - self.began:4.0f} s] {text}")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One plain paragraph for the person, on stderr."""
    sys.stdout.flush()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def unforeseen(error: Exception) -> str:
    """One sentence for a failure that nobody foresaw; the trace is kept in a private file that it names."""
    with tempfile.NamedTemporaryFile("w", prefix="keepa-deals-failure-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    first = (str(error).splitlines() or [""])[0][:200]
    return f"Something unforeseen failed ({error.__class__.__name__}: {first}); the details are in {file.name}."
