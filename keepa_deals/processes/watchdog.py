"""The watchdog: every 10 s it looks for signs of life, and ends by identity what looks alive and is not.

supervisord knows whether a process exists; the watchdog asks whether it works. It never gives up: a program that
keeps failing is healed more and more slowly, and what supervisord gave up is started again.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from keepa_deals.errors import KeepaDealsError
from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import write_atomically
from keepa_deals.logs import log_to_stream
from keepa_deals.processes import ending, preflight, revival, roster, signs, surroundings
from keepa_deals.processes.healing import (
    SLEPT_SECONDS,
    STOPPED_LIMIT_SECONDS,
    WINDOW_SECONDS,
    Ages,
    Heal,
    History,
    Sign,
    choose_heals,
    rearm_delay,
)
from keepa_deals.processes.paths import roster_file, supervisor_socket, watchdog_file
from keepa_deals.processes.programs import WORKER_QUEUES
from keepa_deals.processes.speech import say
from keepa_deals.processes.supervisor_client import FATAL, RUNNING, Supervisor, SupervisorAway
from keepa_deals.processes.web_place import as_served
from keepa_deals.processes.witness import Witness
from keepa_deals.settings import Settings
from keepa_deals.timetable import PASSES, RUN_LIMIT
from keepa_deals.whereabouts import running_simulator

AddSign = Callable[[str, str, object, float], float]
"""program, what, value, limit in seconds; gives the age in seconds"""

LOOP_SECONDS = 10.0
CLOCK_STEP_SECONDS = 5.0
RECOVERED_SECONDS = 120
"""a program that supervisord had given up has recovered when it stays up this long"""
START_GRACE_SECONDS = 40.0
"""a program that came up more recently than this is not yet expected to show anything"""

TICK_LIMIT = 35.0
SEND_LIMIT = 45.0
PULSE_LIMIT = 60.0
ANSWER_LIMIT = 35.0
BUSY_LIMIT = {queue: max(RUN_LIMIT[which] for which in passes) for queue, passes in PASSES.items()}
"""a worker in the middle of a pass can't carry the canary; the hard time limit of its tasks ends it before this"""
BUILDING_LIMIT = 300.0
"""the simulator builds its world before it listens"""


@dataclass(slots=True)
class Watchdog:
    """One watchdog's memory and hands. `monotonic` is real seconds."""

    settings: Settings
    monotonic: Callable[[], float] = time.monotonic
    wall_offset: Callable[[], float] = lambda: time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    """changes only when somebody sets the clock: the other one also counts while the machine sleeps"""
    offset: float | None = None
    clock_step: dict[str, Any] | None = None
    ages: Ages = field(default_factory=Ages)
    history: History = field(default_factory=History)
    replaced: History = field(default_factory=History)
    """when each program was found to be another process than before, whoever ended that"""
    last_known: dict[str, ProcessIdentity] = field(default_factory=dict)
    looked_at: float | None = None
    identities: dict[str, ProcessIdentity] = field(default_factory=dict)
    rearmed: dict[str, list[float]] = field(default_factory=dict)
    done: list[dict[str, Any]] = field(default_factory=list)

    def look(self) -> list[Heal]:
        """One round: look, heal, start again what was given up, and report. Returns the heals."""
        now = self.monotonic()
        if self.looked_at is not None and now - self.looked_at > SLEPT_SECONDS:
            say(f"watchdog: woke after {now - self.looked_at:.0f} s; everybody gets time to show a sign of life")
            self.ages.renew_all()
        self.looked_at = now
        alive = self._living(now=now)
        heals = choose_heals(self._signs(alive, now=now), history=self.history, now=now)
        for heal in heals:
            self._heal(heal, alive[heal.program], now=now)
        self._rearm(now=now)
        self._note_clock()
        self._report(now=now)
        self.looked_at = self.monotonic()
        return heals

    def _living(self, *, now: float) -> dict[str, ProcessIdentity]:
        """The recorded programs that live and have had time to show something."""
        entries = roster.living(roster.read_roster(roster_file(self.settings)))
        found = {entry.name: entry.identity for entry in entries}
        for name, identity in found.items():
            if self.identities.get(name) != identity:
                self.ages.renew(name)
            if self.last_known.get(name, identity) != identity:
                self.replaced.note(name, now=now)
        self.identities = found
        self.last_known.update(found)
        return {
            name: identity
            for name, identity in found.items()
            if self.ages.age(name, "life", identity, now=now) >= START_GRACE_SECONDS
        }

    def _signs(self, alive: dict[str, ProcessIdentity], *, now: float) -> list[Sign]:
        seen: list[Sign] = []

        def sign(program: str, what: str, value: object, limit: float) -> float:
            age = self.ages.age(program, what, value, now=now)
            if program in alive:
                seen.append(Sign(program, what, age, limit))
            return age

        for program, identity in alive.items():
            stopped = _stopped_members(identity)
            sign(program, "continuation of a stopped process", stopped or now, STOPPED_LIMIT_SECONDS)
        redis_up = signs.redis_answers(self.settings)
        sign("redis", "answer to PING", now if redis_up else "silent", ANSWER_LIMIT)
        keepa_up = not self.settings.is_demo or self._simulator(sign, now=now)
        self._web(sign, now=now)
        self._beat_and_workers(sign, redis_up=redis_up, keepa_up=keepa_up)
        return [one for one in seen if one.program not in ("watchdog", roster.SUPERVISOR)]

    def _beat_and_workers(self, sign: AddSign, *, redis_up: bool, keepa_up: bool) -> None:
        """Each link is asked for its sign only while the links before it hold: a healed worker mends no broker."""
        beat = signs.read_beat(self.settings)
        sign("beat", "tick", beat.get("last_tick_at"), TICK_LIMIT)
        silent = SEND_LIMIT
        if redis_up:
            silent = sign("beat", "send", beat.get("last_sent_at"), SEND_LIMIT)
        else:
            self.ages.renew("beat", what="send")
        database = signs.read_database(self.settings)
        for program, queue in WORKER_QUEUES.items():
            # A worker starts only when the simulator listens, and that may take its time.
            if silent > SEND_LIMIT / 2 or database is None or not keepa_up:
                self.ages.renew(program, what="canary")
            else:
                busy = not database.in_flight.isdisjoint(PASSES[queue])
                limit = BUSY_LIMIT[queue] if busy else PULSE_LIMIT
                sign(program, "canary", database.pulses.get(queue), limit)

    def _web(self, sign: AddSign, *, now: float) -> None:
        served = as_served(self.settings)
        answers = signs.http_answers(served.web_host, served.web_port, "/healthz")
        sign("web", "answer to /healthz", now if answers else "silent", ANSWER_LIMIT)

    def _simulator(self, sign: AddSign, *, now: float) -> bool:
        answers = signs.simulator_answers(self.settings)
        identity = self.identities.get("simulator")
        announced = running_simulator(self.settings)
        listens = identity is not None and announced is not None and announced.pid == identity.pid
        sign("simulator", "answer", now if answers else "silent", ANSWER_LIMIT if listens else BUILDING_LIMIT)
        return answers

    def _heal(self, heal: Heal, identity: ProcessIdentity, *, now: float) -> None:
        """End the program with all its children: a stopped child would outlive its parent and keep its place."""
        say(f"watchdog: ending {heal.program} (pid {identity.pid}): {heal.why}")
        table = ending.process_table()
        members = [ProcessIdentity.of(pid) for pid in ending.family(identity.pid, table=table)]
        for member in members:
            if member is not None:
                ending.send(member, signal.SIGKILL)
        self.history.note(heal.program, now=now)
        self.ages.renew(heal.program)
        self.done.append({"at": datetime.now(UTC).isoformat(), "program": heal.program, "why": heal.why})
        del self.done[:-50]

    def _rearm(self, *, now: float) -> None:
        """Start again what supervisord gave up, ever more slowly."""
        supervisor = Supervisor(supervisor_socket(self.settings))
        try:
            for state in supervisor.states():
                times = self.rearmed.setdefault(state.name, [])
                if state.state == RUNNING and state.up_seconds > RECOVERED_SECONDS:
                    times.clear()
                due = not times or now - times[-1] >= rearm_delay(len(times))
                if state.state == FATAL and due:
                    say(f"watchdog: starting {state.name}, which supervisord gave up ({state.what})")
                    times.append(now)
                    supervisor.start(state.name)
        except SupervisorAway as error:
            say(f"watchdog: {error}")

    def _note_clock(self) -> None:
        """Small corrections are how a clock is kept right; a jump is worth knowing."""
        offset = self.wall_offset()
        step = 0.0 if self.offset is None else offset - self.offset
        self.offset = offset
        if abs(step) > CLOCK_STEP_SECONDS:
            say(f"watchdog: the machine's clock jumped by {step:+.0f} s")
            self.clock_step = {"at": datetime.now(UTC).isoformat(), "seconds": round(step, 1)}

    def _report(self, *, now: float) -> None:
        counts = self.history.counts(now=now)
        for program, times in self.rearmed.items():
            recent = sum(1 for at in times if now - at < WINDOW_SECONDS)
            if recent:
                counts[program] = counts.get(program, 0) + recent
        # A program that supervisord starts again and again is healed by nobody, and each heal ends in a new process.
        for program, times_replaced in self.replaced.counts(now=now).items():
            counts[program] = max(counts.get(program, 0), times_replaced)
        fields = {
            "at": datetime.now(UTC).isoformat(),
            "pid": os.getpid(),
            "heals": self.done,
            "restarts_15m": counts,
            "clock_step": self.clock_step,
        }
        try:
            write_atomically(watchdog_file(self.settings), json.dumps(fields) + "\n")
        except OSError as error:
            say(f"watchdog: its report could not be written ({error.strerror})")


def _stopped_members(identity: ProcessIdentity) -> list[int]:
    table = ending.process_table()
    return [pid for pid in ending.family(identity.pid, table=table) if pid in table and table[pid].state == "T"]


def main() -> int:
    settings = surroundings.full_settings(preflight.ROOT, os.environ)
    log_to_stream(settings.log_level, secrets=settings.secrets)
    if "SUPERVISOR_PROCESS_NAME" in os.environ:
        revival.leave_behind_on_orphaning(settings)
    watchdog, witness = Watchdog(settings), Witness(settings)
    say("watchdog: looking every 10 s")
    while True:
        try:
            watchdog.look()
        except (KeepaDealsError, OSError, ValueError) as error:
            say(f"watchdog: this round failed ({error.__class__.__name__}: {error}); the next one tries again")
        witness.turn()
        time.sleep(LOOP_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
