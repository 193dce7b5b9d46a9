"""Starting and stopping the whole installation: idempotent, bounded, safe to interrupt and to repeat."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from keepa_deals.errors import AlreadyRunning, BadSettings, KeepaDealsError
from keepa_deals.identity import ProcessIdentity
from keepa_deals.installation import installation_id, write_atomically
from keepa_deals.processes import embedded_redis, ending, preflight, roster, surroundings, virtualenv
from keepa_deals.processes.paths import remove_short_folder, roster_file, supervisor_conf, supervisor_socket
from keepa_deals.processes.programs import Program, programs, stop_stages
from keepa_deals.processes.signs import http_answers
from keepa_deals.processes.supervisor_client import AT_REST, FATAL, RUNNING, ProgramState, Supervisor, SupervisorAway
from keepa_deals.processes.supervisor_conf import render
from keepa_deals.processes.web_place import as_served
from keepa_deals.settings import Settings
from keepa_deals.store import file_identity
from keepa_deals.store.engine import sqlite_file

UP_SECONDS = 90.0
"""within which every program must have stayed up for its start seconds"""
SOCKET_SECONDS = 15.0
WEB_SECONDS = 90.0
"""its workers load everything anew, which takes a busy machine half a minute"""
KILL_ROUNDS = 20
"""a process may fork while it is being ended; its child is found in the next round"""
PATIENCE_SECONDS = UP_SECONDS + WEB_SECONDS
"""for another start or stop to end"""

Say = Callable[[str], None]


class StartFailed(KeepaDealsError):
    """Something did not come up; the message names it and its log."""


@contextmanager
def changing(settings: Settings, *, wait_seconds: float = 0.0, say: Say | None = None) -> Iterator[None]:
    """Be the only one who starts or stops this installation. Raises AlreadyRunning, if need be after a wait."""
    deadline = time.monotonic() + wait_seconds
    with (settings.run_dir / "control.lock").open("a", encoding="ascii") as handle:
        while not _locked(handle):
            if time.monotonic() >= deadline:
                raise AlreadyRunning(
                    "Another start, stop or deploy of this installation is at work; wait until it has ended."
                )
            if say is not None:
                say("Another start, stop or deploy of this installation is at work; waiting for its end.")
                say = None
            time.sleep(0.2)
        yield


def _locked(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_before_start(settings: Settings) -> None:
    """Everything that can be known to be wrong before anything is started. Raises BadSettings."""
    complaint = preflight.wrong_interpreter(settings.root) or preflight.missing_package() or preflight.broken_celery()
    if complaint is not None:
        raise BadSettings(f"This was {complaint}" if complaint.startswith("started") else complaint)
    surroundings.prepare_folders(settings)
    check_feed_query(settings)
    if settings.redis_url is None:
        embedded_redis.server_binary()
    check_ports(settings)


def check_feed_query(settings: Settings) -> None:
    """Raise BadSettings for a feed query that no pass could use."""
    from keepa_deals.bootstrap import feed_query  # noqa: PLC0415 - it knows the database's library, this room need not

    feed_query(settings)


def check_ports(settings: Settings) -> None:
    """Raise BadSettings if somebody else listens where we are to listen. Ports of our own running service pass."""
    ours = _ports_in_use_by_us(settings)
    complaint = surroundings.port_complaint(settings.web_host, settings.web_port)
    if complaint is not None and settings.web_port not in ours:
        raise BadSettings(
            f"The dashboard can't listen on {settings.web_host} port {settings.web_port} ({complaint}); "
            "end what uses that port, or set WEB_PORT to another."
        )
    if settings.is_demo:
        port = surroundings.demo_place(settings).port
        complaint = surroundings.port_complaint("127.0.0.1", port)
        if complaint is not None and port not in ours:
            if settings.simulator.port:
                raise BadSettings(
                    f"The simulator can't listen on port {port} ({complaint}); "
                    "end what uses that port, or set SIMULATOR_PORT to another, or to 0."
                )
            surroundings.move_demo_port(settings)


def _ports_in_use_by_us(settings: Settings) -> set[int]:
    """The ports that our living programs were started with."""
    alive = {entry.name for entry in roster.living(roster.read_roster(roster_file(settings)))}
    if not alive & {"web", "simulator"}:
        return set()
    try:
        return set(json.loads((settings.run_dir / "ports.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return set()


def running_supervisor(settings: Settings) -> Supervisor | None:
    """Our supervisord, if it lives and answers."""
    supervisor = Supervisor(supervisor_socket(settings))
    try:
        supervisor.pid()
    except SupervisorAway:
        return None
    return supervisor


def start(settings: Settings, *, environ: Mapping[str, str], say: Say) -> bool:
    """Start everything that is not running yet; False if all was running already. Raises BadSettings, StartFailed.

    The caller holds `changing`.
    """
    supervisor = running_supervisor(settings)
    if supervisor is not None:
        return _start_the_rest(supervisor, settings=settings, say=say)
    check_before_start(settings)
    end_leftovers(settings, say=say)
    write_atomically(supervisor_conf(settings), _conf(settings))
    ports = [settings.web_port, *([surroundings.demo_place(settings).port] if settings.is_demo else [])]
    write_atomically(settings.run_dir / "ports.json", json.dumps(ports) + "\n")
    file = sqlite_file(settings.database_address())
    if file is not None:
        file_identity.record(file, run_dir=settings.run_dir)
    supervisor = _start_supervisor(settings, environ=environ)
    wait_until_up(supervisor, programs(settings), settings=settings, say=say)
    wait_for_web(settings)
    return True


def _conf(settings: Settings) -> str:
    venv = virtualenv.link_target(settings.root) or settings.root / "venv"
    return render(
        programs(settings),
        root=settings.root,
        log_dir=settings.log_dir,
        run_dir=settings.run_dir,
        socket=supervisor_socket(settings),
        python=venv / "bin" / "python",
        installation=installation_id(settings.var_dir),
    )


def _start_the_rest(supervisor: Supervisor, *, settings: Settings, say: Say) -> bool:
    states = supervisor.states()
    asleep = [state.name for state in states if state.state in AT_REST]
    if all(state.state == RUNNING for state in states):
        return False
    if {program.name for program in programs(settings)} - {state.name for state in states}:
        raise StartFailed("The settings now ask for other programs than run; ./deploy_update.sh makes the change.")
    for name in asleep:
        say(f"starting {name}")
        supervisor.start(name)
    wait_until_up(supervisor, programs(settings), settings=settings, say=say)
    wait_for_web(settings)
    return bool(asleep)


def _start_supervisor(settings: Settings, *, environ: Mapping[str, str]) -> Supervisor:
    """supervisord in a session of its own, so that nothing typed here reaches it, and recorded at once."""
    venv = virtualenv.link_target(settings.root) or settings.root / "venv"
    errors = settings.log_dir / "supervisord.err"
    with errors.open("w", encoding="utf-8") as complaints:
        process = subprocess.Popen(
            [venv / "bin" / "python", "-m", "keepa_deals.processes.supervise", "-c", supervisor_conf(settings)],
            cwd=settings.root,
            env=surroundings.child_environment(settings, environ=environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
            start_new_session=True,
            umask=0o077,
        )
    identity = ProcessIdentity.of(process.pid)
    if identity is not None:
        roster.record(roster_file(settings), roster.SUPERVISOR, identity=identity, parent=None)
    supervisor, deadline = Supervisor(supervisor_socket(settings)), time.monotonic() + SOCKET_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            supervisor.pid()
        except SupervisorAway:
            time.sleep(0.1)
        else:
            return supervisor
    said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise StartFailed(f"supervisord did not start ({said[-1] if said else 'it said nothing'}); see {settings.log_dir}.")


def wait_until_up(supervisor: Supervisor, expected: tuple[Program, ...], *, settings: Settings, say: Say) -> None:
    """Wait until every program has stayed up. Raises StartFailed naming those that have not, with their last line."""
    deadline = time.monotonic() + UP_SECONDS
    up: set[str] = set()
    while True:
        states = {state.name: state for state in supervisor.states()}
        for program in expected:
            state = states.get(program.name)
            if state is not None and state.state == RUNNING and program.name not in up:
                up.add(program.name)
                say(f"  {program.name} is up")
        missing = [program for program in expected if program.name not in up]
        if not missing:
            return
        for program in missing:
            # It was still being stopped when the start was asked for.
            if _state(states, program) in ("STOPPED", "EXITED"):
                supervisor.start(program.name)
        given_up = [program for program in missing if _state(states, program) in (FATAL, "absent")]
        if given_up or time.monotonic() > deadline:
            raise StartFailed(_what_is_down(given_up or missing, states=states, settings=settings))
        time.sleep(0.25)


def wait_for_web(settings: Settings) -> None:
    """Raise StartFailed if the web server does not answer in time."""
    deadline = time.monotonic() + WEB_SECONDS
    while True:
        served = as_served(settings)
        if http_answers(served.web_host, served.web_port, "/healthz"):
            return
        if time.monotonic() > deadline:
            said = last_line(settings.log_dir / "web.log")
            raise StartFailed(f"The web server does not answer on port {served.web_port}: {said} [web.log].")
        time.sleep(0.25)


def _state(states: Mapping[str, ProgramState], program: Program) -> str:
    return states[program.name].state if program.name in states else "absent"


def _what_is_down(down: list[Program], *, states: Mapping[str, ProgramState], settings: Settings) -> str:
    parts = []
    for program in down:
        log = settings.log_dir / program.log
        parts.append(f"{program.name} did not come up ({_state(states, program)}): {last_line(log)} [{log}]")
    return "; ".join(parts) + "."


def last_line(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1].strip()[:300] if lines else "its log is empty"


def stop(settings: Settings, *, say: Say, keep: frozenset[str] = frozenset()) -> bool:
    """Stop everything but `keep` in order, each within its bound; whether there was anything to stop.

    With nothing kept supervisord ends too, and whatever of ours still lives then is ended by identity.
    """
    supervisor = running_supervisor(settings)
    stopped = supervisor is not None
    if supervisor is not None:
        seconds = {program.name: program.stop_seconds for program in programs(settings)}
        names = {state.name for state in supervisor.states() if state.pid is not None} - keep
        for stage in stop_stages(names):
            say(f"stopping {', '.join(stage)}")
            _stop_stage(supervisor, stage, seconds=max(seconds.get(name, 40) for name in stage) + 5)
        if keep:
            return stopped
        supervisor.shutdown()
    if keep:
        return stopped
    entries = roster.living(roster.read_roster(roster_file(settings)))
    supervisors = [entry.identity for entry in entries if entry.name == roster.SUPERVISOR]
    _wait_gone(supervisors, seconds=10 if supervisor is not None else 0)
    stopped = end_leftovers(settings, say=say) > 0 or stopped
    remove_short_folder(settings)
    return stopped


def _stop_stage(supervisor: Supervisor, names: list[str], *, seconds: float) -> None:
    for name in names:
        supervisor.stop(name)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not any(state.pid for state in supervisor.states() if state.name in names):
            return
        time.sleep(0.1)


def _wait_gone(identities: list[ProcessIdentity], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(identity.is_alive() for identity in identities) and time.monotonic() < deadline:
        time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Ours:
    """The living processes of this installation: supervisord, the embedded server, and the rest."""

    supervisors: list[ProcessIdentity]
    redis: list[ProcessIdentity]
    others: list[ProcessIdentity]

    @property
    def all(self) -> list[ProcessIdentity]:
        return [*self.supervisors, *self.others, *self.redis]


def find_ours(settings: Settings) -> Ours:
    """Recorded ones and their descendants, and everything that carries our tag; never us or our ancestors."""
    installation = installation_id(settings.var_dir)
    entries = roster.living(roster.read_roster(roster_file(settings)))
    table = ending.process_table()
    spared = set(ending.ancestors(os.getpid(), table=table))
    found: dict[int, ProcessIdentity] = {}
    for entry in entries:
        for pid in ending.family(entry.identity.pid, table=table):
            identity = ProcessIdentity.of(pid)
            if identity is not None:
                found[pid] = identity
    found.update({identity.pid: identity for identity in ending.tagged(installation)})
    roles = {entry.identity: entry.name for entry in entries}
    redis_tagged = ending.tagged(installation, program="redis")
    ours = Ours([], [], [])
    for pid, identity in found.items():
        if pid in spared:
            continue
        role = roles.get(identity)
        if role == roster.SUPERVISOR:
            ours.supervisors.append(identity)
        elif role == "redis" or identity in redis_tagged:
            ours.redis.append(identity)
        else:
            ours.others.append(identity)
    return ours


def end_leftovers(settings: Settings, *, say: Say) -> int:
    """End whatever of ours lives without a supervisor that answers: TERM, then KILL. Returns how many there were."""
    ended: set[ProcessIdentity] = set()
    for _ in range(KILL_ROUNDS):
        ours = find_ours(settings)
        if ended.issuperset(ours.all):
            break
        ended.update(ours.all)
        say(f"ending what is left of an earlier run: {', '.join(str(one.pid) for one in ours.all)}")
        ending.end_all(ours.supervisors, patience_seconds=5)
        ending.end_all(ours.others, patience_seconds=10)
        ending.end_all(ours.redis, patience_seconds=5)
    if ended:
        roster.forget_the_dead(roster_file(settings))
    return len(ended)


def kill_everything(settings: Settings, *, say: Say, clear_leases: Callable[[], list[str]]) -> list[ProcessIdentity]:
    """End at once exactly what this installation started, then clear its leases; returns what could not be ended.

    supervisord is first stopped in its tracks, so that it starts nothing again, and ends last but one: its end
    would take the Redis server with it, from which the leases are cleared.
    """
    ended: set[ProcessIdentity] = set()
    for _ in range(KILL_ROUNDS):
        ours = find_ours(settings)
        for supervisor in ours.supervisors:
            ending.send(supervisor, signal.SIGSTOP)
        if not ours.others:
            break
        ended.update(ours.others)
        ending.end_all(ours.others, patience_seconds=0)
    for name in clear_leases():
        say(f"cleared the lease {name}")
    ours = find_ours(settings)
    ended.update(ours.all)
    ending.end_all([*ours.supervisors, *ours.others], patience_seconds=0)
    ending.end_all(ours.redis, patience_seconds=5)
    roster.forget_the_dead(roster_file(settings))
    left = find_ours(settings).all
    if not left:
        remove_short_folder(settings)
    say(f"Ended {len(ended)} processes of this installation, {len(left) or 'none'} left.")
    return left
