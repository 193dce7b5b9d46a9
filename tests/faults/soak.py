"""At least half an hour of random faults on one installation at six times the clock: `make soak`, or with --help.

Draws the faults from a seed, which it prints, so that a bad night can be had again. Ends with a report, and with 1 if
anything was lost or doubled, or did not come back by itself.
"""

from __future__ import annotations

import argparse
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from keepa_deals.processes import paths, roster  # noqa: E402
from keepa_deals.redis_client import connect  # noqa: E402
from tests.faults.installation import START_SECONDS, Holdings, Installation, held_down, poll  # noqa: E402

WHOLE_SECONDS = 300.0
CALM_SECONDS = (2.0, 20.0)
WHOLE_KILLS = 20
"""so often everything is killed at once, however long that takes"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault."""

    fault: str
    recovered: float | None
    """seconds; None: it did not come back"""
    lost: int
    doubled: int

    @property
    def is_good(self) -> bool:
        return self.recovered is not None and self.lost == 0 and self.doubled == 0


Fault = Callable[[Installation, random.Random], str]
"""Puts itself in, ends, and says what it was."""


def pause(seconds: float) -> None:
    time.sleep(seconds)


def kill_one(installation: Installation, dice: random.Random) -> str:
    name = dice.choice(installation.program_names())
    installation.send([entry.identity for entry in installation.checkout.entries(name)], signal.SIGKILL)
    return f"SIGKILL {name}"


def stop_one(installation: Installation, dice: random.Random) -> str:
    name, seconds = dice.choice(installation.program_names()), dice.uniform(2, 25)
    members = installation.members(name)
    installation.send(members, signal.SIGSTOP)
    pause(seconds)
    installation.send(members, signal.SIGCONT)
    return f"SIGSTOP {name} with its children for {seconds:.0f} s"


def kill_all(installation: Installation, dice: random.Random) -> str:
    installation.send(installation.everything(), signal.SIGKILL)
    began = time.monotonic()
    installation.start()
    return f"SIGKILL everything, then a start of {time.monotonic() - began:.0f} s"


def kill_supervisor(installation: Installation, dice: random.Random) -> str:
    installation.send([installation.process(roster.SUPERVISOR)], signal.SIGKILL)
    return "SIGKILL supervisord"


def hold_redis_down(installation: Installation, dice: random.Random) -> str:
    seconds = dice.uniform(5, 30)
    with held_down(installation, "redis"):
        pause(seconds)
    return f"Redis down for {seconds:.0f} s"


def empty_redis(installation: Installation, dice: random.Random) -> str:
    with closing(connect(paths.redis_address(installation.checkout.settings))) as redis:
        redis.flushall()
    return "FLUSHALL"


def lock_database(installation: Installation, dice: random.Random) -> str:
    with installation.database(mode="rw") as connection:
        connection.execute("begin immediate")
        pause(5)
        connection.execute("rollback")
    return "database locked for 5 s"


def spoil_keepa(installation: Installation, dice: random.Random) -> str:
    kind, seconds = dice.choice(("reset", "garbage_json", "html", "truncated_gzip", "lost_answer")), dice.uniform(5, 60)
    installation.control(faults=[{"kind": kind, "path": path, "probability": 0.7} for path in ("/deal", "/product")])
    pause(seconds)
    installation.control()
    return f"Keepa answers {kind} for {seconds:.0f} s"


FAULTS: tuple[Fault, ...] = (
    *(kill_one, kill_one, stop_one, kill_supervisor),
    *(hold_redis_down, empty_redis, lock_database, spoil_keepa),
)


def main(arguments: list[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--whole-kills", type=int, default=WHOLE_KILLS, help="of everything at once, at least")
    options.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options.add_argument("--speed", type=float, default=6)
    asked = options.parse_args(arguments)
    print(f"soak: seed {asked.seed}, {asked.minutes:g} minutes at {asked.speed:g} times the clock", flush=True)
    dice = random.Random(asked.seed)
    with an_installation(asked.speed) as installation:
        outcomes = soak(installation, dice, until=time.monotonic() + 60 * asked.minutes, whole_kills=asked.whole_kills)
    bad = [outcome for outcome in outcomes if not outcome.is_good]
    worst = max((outcome.recovered or 0 for outcome in outcomes), default=0)
    print(
        f"soak: {len(outcomes)} faults, {len(bad)} of them bad, longest way back {worst:.0f} s, "
        f"{sum(outcome.lost for outcome in outcomes)} rows lost, {sum(outcome.doubled for outcome in outcomes)} twice "
        f"(seed {asked.seed})"
    )
    return 1 if bad or not outcomes else 0


@contextmanager
def an_installation(speed: float) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="kd-soak-") as folder:
        installation = Installation.prepare(Path(folder), CLOCK_SPEED=f"{speed:g}")
        try:
            installation.start()
            poll(lambda: installation.verdict().is_fine, within=START_SECONDS, what="a fine verdict after the start")
            yield installation
        finally:
            installation.end()


def soak(installation: Installation, dice: random.Random, *, until: float, whole_kills: int) -> list[Outcome]:
    """One fault after the other, every other one the death of everything until there were `whole_kills` of it.

    Stops at the first from which there was no way back.
    """
    outcomes: list[Outcome] = []
    while (time.monotonic() < until or len(outcomes) < 2 * whole_kills) and all(
        outcome.recovered is not None for outcome in outcomes
    ):
        pause(dice.uniform(*CALM_SECONDS))
        before = installation.holdings()
        is_whole_kill = len(outcomes) % 2 == 0 and len(outcomes) < 2 * whole_kills
        put_in = kill_all if is_whole_kill else dice.choice(FAULTS)
        try:
            outcomes.append(judge(installation, put_in(installation, dice), before))
        except AssertionError as error:
            print(f"{put_in.__name__} failed: {error}\n{installation.log_tails()}", flush=True)
            outcomes.append(Outcome(put_in.__name__, None, 0, 0))
        print(f"{datetime.now(UTC):%H:%M:%S} {outcomes[-1]}", flush=True)
    return outcomes


def judge(installation: Installation, fault: str, before: Holdings) -> Outcome:
    ended = datetime.now(UTC)
    try:
        recovered = poll(lambda: installation.is_whole(since=ended), within=WHOLE_SECONDS, what=lambda: fault)
    except AssertionError:
        print(f"not whole after {fault}: {installation.verdict()}\n{installation.log_tails()}")
        return Outcome(fault, None, 0, 0)
    account = installation.account(before)
    return Outcome(fault, recovered, len(account.lost), len(account.doubled))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
