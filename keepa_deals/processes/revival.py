"""When supervisord is killed the kernel ends all its programs, and the last of them has everything started anew.

The watchdog is the one that hears of it in time to act. It can't start anything itself, for it ends too; so it leaves
this program behind, in a session of its own: `python -m keepa_deals.processes.revival`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

from keepa_deals.errors import AlreadyRunning, KeepaDealsError
from keepa_deals.installation import PROGRAM_TAG_NAME
from keepa_deals.logs import log_to_stream
from keepa_deals.processes import preflight, surroundings
from keepa_deals.processes.speech import say
from keepa_deals.settings import Settings

LOG = "revival.log"
FIRST_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 300.0
KILLER_SECONDS = 1.0


def leave_behind_on_orphaning(settings: Settings) -> None:
    """Until now TERM would simply end this process; from now on it first looks whether its parent still lives."""
    parent = os.getppid()
    signal.signal(
        signal.SIGTERM,
        ending_handler(
            is_orphan=lambda: os.getppid() != parent, leave=lambda: leave_behind(settings), sleep=time.sleep
        ),
    )


def ending_handler(
    *, is_orphan: Callable[[], bool], leave: Callable[[], None], sleep: Callable[[float], None]
) -> Callable[[int, FrameType | None], None]:
    """What to do on TERM: end, and as an orphan first `leave` something behind.

    An orderly stop is asked for by a living supervisord, and means it. Who kills everything reaches us within
    KILLER_SECONDS, and who asks a second time means us.
    """
    asked = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        if not asked and is_orphan():
            asked = True
            sleep(KILLER_SECONDS)
            leave()
        sys.exit(0)

    return end


def leave_behind(settings: Settings) -> None:
    """Start this module as a program and forget it. It carries our tag, so a kill or a stop ends it too."""
    environment = surroundings.child_environment(settings, environ=os.environ)
    kept = {
        name: value
        for name, value in environment.items()
        if name != PROGRAM_TAG_NAME and not name.startswith("SUPERVISOR_")
    }
    with (settings.log_dir / LOG).open("a", encoding="utf-8") as log:
        subprocess.Popen(
            [sys.executable, "-m", "keepa_deals.processes.revival"],
            cwd=settings.root,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def revive(start: Callable[[], object], *, tell: Callable[[str], None], sleep: Callable[[float], None]) -> None:
    """Call `start` until it succeeds, ever more slowly, or until somebody else decides what becomes of everything."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            start()
        except AlreadyRunning as busy:
            tell(f"revival: left to others ({busy})")
            return
        except (KeepaDealsError, OSError) as error:
            tell(f"revival: not yet started ({error}); trying again in {pause:.0f} s")
            sleep(pause)
            pause = min(LONGEST_PAUSE_SECONDS, 2 * pause)
        else:
            tell("revival: everything was started again")
            return


def main() -> int:
    from keepa_deals.processes import control, report  # noqa: PLC0415 - the watchdog needs none of it until then

    os.umask(0o077)
    settings = surroundings.full_settings(preflight.ROOT, os.environ)
    log_to_stream(settings.log_level, secrets=settings.secrets)

    def start() -> None:
        with control.changing(settings):
            report.require_database(settings)
            control.start(settings, environ=os.environ, say=say)

    say("revival: supervisord was killed; starting everything again")
    revive(start, tell=say, sleep=time.sleep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
