"""A whole installation that faults are put into: started once, asked for its verdict, compared with the truth."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from keepa_deals.identity import ProcessIdentity
from keepa_deals.processes import ending, paths, surroundings
from keepa_deals.processes.programs import programs
from keepa_deals.processes.roster import Entry
from keepa_deals.processes.supervisor_client import Supervisor
from keepa_deals.store.columns import instant_from_text, instant_text
from keepa_deals.whereabouts import clock_of
from tests.faults.bills import Account, Call, Request, Span, compare
from tests.processes.conftest import COPIED, ROOT, Checkout, free_port

FINE = frozenset({"working", "waiting_for_tokens"})
POLL_SECONDS = 0.2
START_SECONDS = 240.0
"""Generous: two installations start at once on two cores that others use too."""
TOKENS_PER_MINUTE = 120
"""Enough for a live update each minute, so that Keepa is asked often enough to notice its faults."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What /readyz said; `state` is "no answer" when nobody said anything."""

    state: str
    findings: frozenset[str] = frozenset()
    seen: tuple[str, ...] = ()

    @property
    def is_fine(self) -> bool:
        return self.state in FINE


@dataclass(frozen=True, slots=True)
class Holdings:
    """The keys of everything saved that must never vanish."""

    deals: frozenset[tuple[str, int]]
    candidates: frozenset[tuple[str, int]]


def poll(holds: Callable[[], object], *, within: float, what: str | Callable[[], str]) -> float:
    """Seconds until `holds`; fails after `within`, saying `what` did not come about."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within:
            raise AssertionError(f"within {within:.0f} s not: {what if isinstance(what, str) else what()}")
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def copy_program(root: Path) -> None:
    """What a checkout holds, into the new folder `root`."""
    root.mkdir()
    for item in COPIED:
        source = ROOT / item
        if source.is_dir():
            shutil.copytree(source, root / item, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, root / item)


def demo_values() -> dict[str, str]:
    """The settings of a small demo with a plan that asks Keepa often."""
    return {
        "WEB_PORT": str(free_port()),
        "SIMULATOR_PRODUCTS": "300",
        "SIMULATOR_TOKENS_PER_MINUTE": str(TOKENS_PER_MINUTE),
    }


@dataclass
class Installation:
    """One installation of the demo, in a copy of the checkout."""

    checkout: Checkout
    on_small_disk: bool = False
    blind: list[Span] = field(default_factory=list)
    """between a backup and its return: what was answered then is gone with the file"""

    @classmethod
    def prepare(cls, folder: Path, **values: str) -> Installation:
        """A copy of the program with this test run's environment as its `venv`; nothing runs yet."""
        root = folder / "checkout"
        copy_program(root)
        (root / "venv").symlink_to(sys.prefix)
        made = cls(Checkout(root, {**demo_values(), **values}))
        made.checkout.make_database()
        return made

    def start(self) -> str:
        """`start_celery.sh`, whatever ran before; fails with its complaint."""
        answer = self.run(self.checkout.root / "start_celery.sh")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """A command in the installation's folder and environment."""
        return self.checkout.run(*command, seconds=START_SECONDS)

    def end(self) -> None:
        """End every process of this installation, and fail if one is left."""
        ending.end_all(self.everything(), patience_seconds=0)
        paths.remove_short_folder(self.checkout.settings)
        assert self.everything() == []

    def everything(self) -> list[ProcessIdentity]:
        return self.checkout.living_processes()

    def entries(self) -> list[Entry]:
        """Everything recorded that lives."""
        return [entry for name in (*self.program_names(), "supervisord") for entry in self.checkout.entries(name)]

    def program_names(self) -> tuple[str, ...]:
        return tuple(program.name for program in programs(self.checkout.settings))

    def process(self, name: str) -> ProcessIdentity:
        """The one living process recorded as `name`."""
        [entry] = self.checkout.entries(name)
        return entry.identity

    def replaced(self, name: str, former: ProcessIdentity) -> bool:
        """Whether another process than `former` lives as `name`."""
        return any(entry.identity != former for entry in self.checkout.entries(name))

    def members(self, name: str) -> list[ProcessIdentity]:
        """The process recorded as `name` and all its descendants."""
        found = [ProcessIdentity.of(pid) for pid in ending.family(self.process(name).pid, table=ending.process_table())]
        return [identity for identity in found if identity is not None]

    def send(self, identities: Iterable[ProcessIdentity], number: signal.Signals) -> None:
        for identity in identities:
            ending.send(identity, number)

    def verdict(self) -> Verdict:
        """What /readyz says now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.checkout.settings.web_port, timeout=10)
        try:
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            body = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return Verdict("no answer")
        finally:
            connection.close()
        findings = body["findings"]
        return Verdict(
            body["verdict"],
            frozenset(finding["id"] for finding in findings),
            tuple(f"{finding['id']}: {finding['seen']}" for finding in findings),
        )

    def is_whole(self, *, since: datetime) -> bool:
        """One living process of each program, canaries sent after `since` in every queue, and a fine verdict."""
        return self.is_running() and self.pulses_since(since) and self.verdict().is_fine

    def is_running(self) -> bool:
        """One living process of each program."""
        return all(len(self.checkout.entries(name)) == 1 for name in self.program_names())

    def pulses_since(self, since: datetime) -> bool:
        try:
            sent = [instant_from_text(row[0]) for row in self.rows("select sent_at from pulses")]
        except sqlite3.Error:
            return False
        return len(sent) == 2 and min(sent) > since

    @contextmanager
    def database(self, *, mode: str = "ro") -> Iterator[sqlite3.Connection]:
        """A connection of our own, which only reads unless told otherwise."""
        address = f"{self.checkout.settings.database_file.absolute().as_uri()}?mode={mode}"
        with closing(sqlite3.connect(address, uri=True, timeout=60, isolation_level=None)) as connection:
            yield connection

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database() as connection:
            return connection.execute(statement).fetchall()

    def hurry(self) -> None:
        """Make every pass due, so that the next doorbell runs it."""
        with self.database(mode="rw") as connection:
            now = instant_text(datetime.now(UTC))
            connection.execute("update pass_states set due_at = ? where due_at > ?", (now, now))

    def live_update_runs(self) -> bool:
        """Whether a live update waits for Keepa."""
        running = "select 1 from calls where outcome = 'sent' and which_pass = 'live_update' and settled_at is null"
        return bool(
            self.rows(f"{running} and started_at > '{instant_text(datetime.now(UTC) - timedelta(seconds=30))}'")
        )

    def live_update_done_since(self, instant: datetime) -> Callable[[], bool]:
        """Asks whether a live update that began after `instant` came to its own end."""
        done = "select 1 from pass_reports where which_pass = 'live_update' and error is null and started_at > "
        return lambda: bool(self.rows(f"{done} '{instant_text(instant)}'"))

    def holdings(self) -> Holdings:
        with self.database() as connection:
            return _holdings(connection)

    def holdings_of(self, backup: Path) -> Holdings:
        with closing(sqlite3.connect(f"{backup.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return _holdings(connection)

    def account(self, before: Holdings) -> Account:
        """What is lost or doubled since `before`, by our keys and by what the simulator knows it answered."""
        looked_at = self.now()
        requests = self.requests()
        now = self.holdings()
        with self.database() as connection:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
            assert connection.execute("pragma foreign_key_check").fetchall() == []
            kept = connection.execute(
                "select started_at, settled_at, outcome, billed_tokens, balance_after from calls"
            ).fetchall()
            twice = connection.execute(
                "select asin, domain_id from changes where kind = 'new' group by 1, 2 having count(*) > 1"
            ).fetchall()
        calls = [
            Call(instant_from_text(row[0]), None if row[1] is None else instant_from_text(row[1]), *row[2:])
            for row in kept
        ]
        bills = compare(requests, calls, looked_at=looked_at, blind=self.blind)
        vanished = [*(before.deals - now.deals), *(before.candidates - now.candidates)]
        return Account(lost=(*vanished, *bills.lost), doubled=(*twice, *bills.doubled))

    def now(self) -> datetime:
        """The instant by the clock of this installation, which may be faster than ours."""
        values = {**self.checkout.values, "VAR_DIR": str(self.checkout.settings.var_dir)}
        return clock_of(surroundings.full_settings(self.checkout.root, values)).now()

    def requests(self) -> list[Request]:
        """Everything the simulator says it answered, but for the free questions."""
        file = self.checkout.settings.simulator_dir / "truth" / "requests.jsonl"
        lines = (json.loads(line) for line in file.read_text().splitlines())
        return [
            Request(
                _instant(line["received_at"]), _instant(line["sent_at"]), line["status"], line["cost"], line["balance"]
            )
            for line in lines
            if line["path"] != "/token"
        ]

    def control(self, *, rate: int | None = None, faults: Iterable[dict[str, Any]] = ()) -> None:
        """What the simulator does from now on; nothing given is an ordinary Keepa on the plan it has."""
        file = self.checkout.settings.simulator_dir / "control.json"
        making = file.with_suffix(".making")
        making.write_text(json.dumps({"rate": rate, "faults": list(faults)}))
        making.replace(file)

    def logs(self) -> str:
        return "\n".join(log.read_text(errors="replace") for log in self.checkout.settings.log_dir.glob("*.log"))

    def log_tails(self) -> str:
        """The ends of all logs, for a failure that nobody watches."""
        parts = []
        for log in sorted(self.checkout.settings.log_dir.glob("*.log")):
            parts += [f"--- {log.name}", *log.read_text(errors="replace").splitlines()[-25:]]
        return "\n".join(parts)


@contextmanager
def held_down(installation: Installation, program: str) -> Iterator[None]:
    """`program` stopped at its supervisor, which so does not start it again until the end."""
    supervisor = Supervisor(paths.supervisor_socket(installation.checkout.settings))
    assert supervisor.stop(program)
    try:
        poll(lambda: not installation.checkout.entries(program), within=20, what=f"a {program} that is down")
        yield
    finally:
        assert supervisor.start(program)


def _holdings(connection: sqlite3.Connection) -> Holdings:
    connection.execute("begin")
    return Holdings(
        frozenset(connection.execute("select asin, domain_id from deals").fetchall()),
        frozenset(connection.execute("select asin, domain_id from candidates").fetchall()),
    )


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
