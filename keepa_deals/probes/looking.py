"""Several looks at once, each in a thread of its own, and none able to hold up or take down another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keepa_deals.probes.words import in_words
from keepa_deals.settings import Settings


def look_at_all(
    probes: Mapping[str, Callable[[], Any]], *, settings: Settings, seconds: float
) -> tuple[dict[str, Any], dict[str, str]]:
    """What each probe found within `seconds`, by name, and for the others one sentence why not."""
    until = time.monotonic() + seconds
    running = {name: _Probing(look).start(name) for name, look in probes.items()}
    found: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for name, probing in running.items():
        if not probing.done.wait(max(0.0, until - time.monotonic())):
            failures[name] = f"{name} did not answer within {seconds:g} s"
        elif probing.error is not None:
            failures[name] = in_words(probing.error, settings=settings)
        else:
            found[name] = probing.result
    return found, failures


@dataclass(slots=True)
class _Probing:
    """One probe under way."""

    look: Callable[[], Any]
    result: Any = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def start(self, name: str) -> _Probing:
        # A daemon: a probe that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=f"probe {name}", daemon=True).start()
        return self

    def _run(self) -> None:
        try:
            self.result = self.look()
        except Exception as error:  # noqa: BLE001 - the edge of a probe: its failure is its answer
            self.error = error
        finally:
            self.done.set()
