"""Second half of deploy_update.sh, under the new environment: from the stop to the verdict."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from keepa_deals.errors import KeepaDealsError, StoreError
from keepa_deals.health import Verdict, verdict_line
from keepa_deals.probes import current_verdict
from keepa_deals.processes import (
    backup,
    control,
    embedded_redis,
    leases,
    preflight,
    report,
    signs,
    surroundings,
    virtualenv,
)
from keepa_deals.processes.programs import REDIS, WORKER_QUEUES
from keepa_deals.processes.speech import Progress, complain, say, unforeseen
from keepa_deals.records import Pass
from keepa_deals.settings import Settings
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database, sqlite_file
from keepa_deals.store.schema import (
    claim_origin,
    migrate,
    recorded_origin,
    recorded_version,
    refuse_newer,
    refuse_other_origin,
)
from keepa_deals.whereabouts import clock_of

INTERRUPTED = 130


class NotServing(KeepaDealsError):
    """Everything was started, but deals do not arrive; the message says what is known."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """One deploy: what it works on, and how it speaks."""

    settings: Settings
    new: Path
    """the environment that was built, which runs this"""
    say: Progress

    def run(self, *, wait_seconds: float) -> None:
        """Every step in order. Raises the failure of the first that fails, after going back as far as it can."""
        self.check()
        old = virtualenv.link_target(self.settings.root)
        with control.changing(self.settings):
            was_running = control.running_supervisor(self.settings) is not None
            try:
                control.stop(self.settings, say=self.say, keep=frozenset({REDIS.name}))
                copy = self.prepare_data(redis_runs=was_running or self.settings.redis_url is not None)
                self.finish_stop()
                self.switch()
            except BaseException:
                self.go_back(old, was_running=was_running)
                raise
            before = self.canaries()
            self.start(copy, old=old)
        self.trigger_backfill()
        self.wait_for_deals(wait_seconds, before=before)
        if old is not None and old != self.new.resolve():
            removed = virtualenv.remove_older(self.settings.root, keep={self.new.resolve(), old})
            self.say(f"keeping {old.name} as the way back" + (f", removed {', '.join(removed)}" if removed else ""))

    def check(self) -> None:
        """What can be known before anything is stopped. Raises the first thing that is wrong."""
        self.say("checking settings, ports, space and the database")
        missing = preflight.missing_package() or preflight.broken_celery()
        if missing is not None:
            raise preflight_failed(missing)
        surroundings.prepare_folders(self.settings)
        control.check_feed_query(self.settings)
        if self.settings.redis_url is None:
            embedded_redis.server_binary()
        control.check_ports(self.settings)
        backup.check_space(self.settings)
        refuse_unusable_database(self.settings)

    def prepare_data(self, *, redis_runs: bool) -> Path | None:
        """Back up, clear the leases of the dead, migrate. A failed migration leaves the database as it was: it is
        one transaction."""
        copy = backup.back_up(self.settings)
        self.say(f"backed up to {copy}" if copy is not None else "no database of ours to back up yet")
        cleared = leases.clear_dead_leases(self.settings, say=self.say) if redis_runs else []
        if cleared:
            self.say(f"cleared leases that nobody living held: {', '.join(cleared)}")
        self.say("migrating the database")
        migrate(self.settings.database_address())
        self.claim_database()
        return copy

    def claim_database(self) -> None:
        """Write into a new database whether it is for demo or real data. Raises OriginMismatch for the other kind."""
        key = self.settings.keepa_api_key
        used = key.reveal() if key is not None else surroundings.demo_place(self.settings).key
        database = open_database(self.settings.database_address())
        try:
            with database.write.begin() as connection:
                claim_origin(
                    connection,
                    origin=self.settings.origin,
                    account=self.settings.account(used),
                    now=clock_of(self.settings).now(),
                )
        finally:
            database.dispose()

    def finish_stop(self) -> None:
        control.stop(self.settings, say=self.say)

    def switch(self) -> None:
        if virtualenv.link_target(self.settings.root) != self.new.resolve():
            self.say(f"switching venv to {self.new.name}")
            virtualenv.switch(self.settings.root, self.new)

    def go_back(self, old: Path | None, *, was_running: bool) -> None:
        """Start again what ran before, as well as it can be."""
        if old is None or not was_running:
            return
        try:
            if virtualenv.link_target(self.settings.root) != old:
                virtualenv.switch(self.settings.root, old)
            self.say("going back: starting what ran before")
            control.start(self.settings, environ=os.environ, say=self.say)
        except (KeepaDealsError, OSError) as error:
            complain(f"What ran before could not be started again either: {error}")

    def start(self, copy: Path | None, *, old: Path | None) -> None:
        self.say("starting")
        try:
            control.start(self.settings, environ=os.environ, say=self.say)
        except control.StartFailed:
            if old not in (None, self.new.resolve()):
                control.stop(self.settings, say=self.say)
                self.go_back(old, was_running=True)
            raise
        self.say(f"the web server answers on {report.dashboard_address(self.settings)}")
        if copy is not None:
            self.say(f"the way back, if ever needed: {backup.restore_command(self.settings, copy)}")

    def trigger_backfill(self) -> None:
        """Let the next doorbell of the backfill do its work."""
        self.say("asking for a backfill at the next doorbell")
        database = open_database(self.settings.database_address())
        try:
            Store(database, clock=clock_of(self.settings)).make_due(Pass.BACKFILL)
        finally:
            database.dispose()

    def canaries(self) -> Mapping[str, str]:
        """When the canary of each queue last arrived."""
        found = signs.read_database(self.settings)
        return {} if found is None else found.pulses

    def wait_for_deals(self, seconds: float, *, before: Mapping[str, str]) -> None:
        """Wait until every queue carried a canary since `before`, the verdict is fine and there are deals; then say
        what there is. What ran before the start proves nothing about what runs now. Raises NotServing.
        """
        self.say(f"waiting for deals (up to {seconds:.0f} s)")
        deadline, said, said_at = time.monotonic() + seconds, (-1, ""), 0.0
        while True:
            verdict = current_verdict(self.settings)
            table = report.read_table(self.settings)
            live = 0 if table is None else table.live
            now = self.canaries()
            arrived = all(now.get(queue) not in (None, before.get(queue)) for queue in WORKER_QUEUES.values())
            if arrived and verdict.is_fine and live > 0:
                break
            news = (live, str(verdict.state))
            if news != said or time.monotonic() - said_at > 20:
                self.say(f"  {live} deals; {verdict_line(verdict)}")
                said, said_at = news, time.monotonic()
            if time.monotonic() > deadline:
                raise NotServing(self._why_not(verdict, live))
            if control.running_supervisor(self.settings) is None:
                raise NotServing("Everything was stopped while this waited for deals; start it with ./start_celery.sh.")
            time.sleep(1)
        assert table is not None
        say("")
        say(verdict_line(verdict))
        say(f"Dashboard: {report.dashboard_address(self.settings)}{' (demo data)' if self.settings.is_demo else ''}")
        report.say_table(table)

    def _why_not(self, verdict: Verdict, live: int) -> str:
        return (
            f"{verdict_line(verdict)}\n"
            f"Everything was started and goes on running, but after the wait there are {live} deals and the verdict is "
            f"not fine. Dashboard: {report.dashboard_address(self.settings)}, logs: {self.settings.log_dir}. "
            "Look again with: venv/bin/python -m keepa_deals.processes status"
        )


def preflight_failed(complaint: str) -> KeepaDealsError:
    return virtualenv.InstallFailed(f"The new environment is not usable: {complaint}")


def refuse_unusable_database(settings: Settings) -> None:
    """Raise StoreTooNew, OriginMismatch or StoreError before anything is stopped."""
    address = settings.database_address()
    path = sqlite_file(address)
    if path is not None and (not path.exists() or path.stat().st_size == 0):
        refuse_to_forget(settings, path)
        return
    database = open_database(address)
    try:
        with database.read.connect() as connection:
            refuse_newer(connection)
            if recorded_version(connection) is not None:
                refuse_other_origin(recorded_origin(connection), origin=settings.origin)
    except Exception as error:
        if isinstance(error, KeepaDealsError):
            raise
        raise StoreError(
            f"The database {path or 'server'} can't be read ({error.__class__.__name__}); "
            f"put a backup back: {backup.restore_command(settings, 'FILE')}, with a file of {settings.backup_dir}."
        ) from error
    finally:
        database.dispose()


def refuse_to_forget(settings: Settings, path: Path) -> None:
    """Raise StoreError where a database is gone or empty that was there once: a new one would hide the loss."""
    newest = backup.newest(settings)
    if newest is not None:
        raise StoreError(
            f"{path} is missing or empty, but {newest} holds what was in it; put that back with "
            f"{backup.restore_command(settings, str(newest))}, or move {settings.backup_dir} away to begin anew."
        )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--began", type=float, default=time.monotonic())
    parser.add_argument("--wait-seconds", type=float, default=180)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    os.umask(0o077)
    failed = _outcome(lambda: _deploy(options))
    if failed is not None:
        complain(f"\n{failed}")
        return INTERRUPTED if failed.startswith("Interrupted") else 1
    return 0


def _deploy(options: argparse.Namespace) -> None:
    settings = surroundings.full_settings(preflight.ROOT, os.environ)
    deploy = Deploy(settings=settings, new=Path(sys.prefix).resolve(), say=Progress(options.began))
    deploy.run(wait_seconds=options.wait_seconds)


def _outcome(work: Callable[[], None]) -> str | None:
    """None if `work` succeeded, else one plain paragraph."""
    try:
        work()
    except KeyboardInterrupt:
        return "Interrupted. Nothing saved is lost; run ./deploy_update.sh again to finish."
    except KeepaDealsError as error:
        return str(error)
    except OSError as error:
        return f"This could not be done: {error.strerror or error} ({error.filename or 'no file'})."
    except Exception as error:  # noqa: BLE001 - the script's edge
        return unforeseen(error)
    return None


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
