"""Every finding there is: its level, the verdict it forces, what to do. `docs/operations.md` has a heading each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class VerdictState(StrEnum):
    """The one verdict. Only `working` and `waiting_for_tokens` are fine."""

    WORKING = "working"
    WAITING = "waiting_for_tokens"
    STARVED = "starved"
    STUCK = "stuck"
    BLIND = "blind"
    BROKEN = "broken"
    STOPPED = "stopped"


class Level(StrEnum):
    """Info is normal life, warning is a person's business tomorrow, error is today."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One health statement."""

    id: str
    level: Level
    seen: str
    """what was seen, with numbers: one sentence without a full stop"""
    since: datetime | None
    """since when it holds, where the evidence tells"""
    remedy: str
    """what to do: one sentence and the place in docs/operations.md"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What all findings of one id have in common."""

    level: Level
    forces: VerdictState | None
    remedy: str
    moot_when_stopped: bool = True
    """not worth saying when nothing runs: it would only repeat that"""


CATALOGUE: dict[str, Kind] = {
    "settings_bad": Kind(
        Level.ERROR, VerdictState.BROKEN, "Correct the setting that the sentence names, in .env", False
    ),
    "stopped": Kind(Level.ERROR, VerdictState.STOPPED, "Start it with ./start_celery.sh", False),
    "starting": Kind(Level.INFO, VerdictState.STUCK, "Wait a minute and look again"),
    "processes_unread": Kind(
        Level.ERROR,
        VerdictState.BROKEN,
        "Move VAR_DIR/run/processes.json aside and restart with ./start_celery.sh",
        False,
    ),
    "processes_unrecorded": Kind(
        Level.WARNING, None, "Stop it with ./kill_everything_force.sh and start it with ./start_celery.sh"
    ),
    "process_dead": Kind(Level.ERROR, None, "Read the named log in VAR_DIR/log; the supervisor starts it again"),
    "scheduler_dead": Kind(Level.ERROR, VerdictState.STUCK, "Read celery_beat.log; the supervisor starts it again"),
    "worker_dead": Kind(Level.ERROR, VerdictState.STUCK, "Read celery_worker.log; the supervisor starts it again"),
    "web_dead": Kind(Level.ERROR, VerdictState.BROKEN, "Read web.log; the supervisor starts it again"),
    "no_beat_evidence": Kind(Level.WARNING, None, "Check that VAR_DIR/run/beat.json is being written"),
    "beat_silent": Kind(
        Level.ERROR,
        VerdictState.STUCK,
        "The watchdog restarts the scheduler within a minute; else read celery_beat.log",
    ),
    "beat_sends_nothing": Kind(
        Level.ERROR, VerdictState.STUCK, "Check Redis first; the watchdog restarts the scheduler within a minute"
    ),
    "no_pulse_evidence": Kind(Level.ERROR, VerdictState.STUCK, "Find out why the pulses could not be read"),
    "pulse_never": Kind(Level.ERROR, VerdictState.STUCK, "Read celery_worker.log for the named queue"),
    "pulse_stale": Kind(
        Level.ERROR, VerdictState.STUCK, "The watchdog restarts the worker; if it stays, read celery_worker.log"
    ),
    "queue_backlog": Kind(Level.WARNING, None, "See whether the worker of that queue hangs in one task"),
    "message_old": Kind(Level.WARNING, None, "See whether the worker of that queue hangs in one task"),
    "no_pass_evidence": Kind(Level.ERROR, VerdictState.STUCK, "Find out why the passes could not be read"),
    "pass_never_worked": Kind(Level.ERROR, VerdictState.STUCK, "Read celery_worker.log for the pass's first error"),
    "pass_overdue": Kind(
        Level.ERROR, VerdictState.STUCK, "Run Diagnostics/force_clear_locks.py and read celery_worker.log"
    ),
    "pass_hung": Kind(
        Level.ERROR, VerdictState.STUCK, "The hard time limit ends it; if it stays, restart with ./start_celery.sh"
    ),
    "pass_failing": Kind(
        Level.ERROR, VerdictState.STUCK, "Read the error; the pass goes on by itself once it is mended"
    ),
    "pass_failed_once": Kind(Level.WARNING, None, "Nothing, unless it comes back: the pass tries again by itself"),
    "runs_missed": Kind(Level.WARNING, None, "Read celery_worker.log and watchdog.log for the time that is named"),
    "waiting_for_tokens": Kind(Level.INFO, None, "Nothing: the budget refills by itself"),
    "live_update_waiting": Kind(Level.INFO, VerdictState.WAITING, "Nothing: the budget refills by itself"),
    "live_update_starved": Kind(
        Level.ERROR, VerdictState.STARVED, "Run Diagnostics/check_tokens.py to see who spends; consider a bigger plan"
    ),
    "foreign_spending": Kind(Level.WARNING, None, "Find out who else uses this Keepa key"),
    "budget_taken": Kind(
        Level.ERROR, VerdictState.STARVED, "Stop the other user of this Keepa key, or buy a bigger plan"
    ),
    "keepa_refused": Kind(Level.WARNING, None, "Run Diagnostics/check_tokens.py; it shows who spent what"),
    "no_keepa_evidence": Kind(Level.ERROR, VerdictState.BLIND, "Find out why the ledger of calls could not be read"),
    "keepa_never_answered": Kind(Level.ERROR, VerdictState.BLIND, "Check the network and KEEPA_API_KEY"),
    "keepa_key_rejected": Kind(Level.ERROR, VerdictState.BLIND, "Set the right KEEPA_API_KEY in .env and restart"),
    "keepa_subscription_ended": Kind(Level.ERROR, VerdictState.BLIND, "Renew the subscription at Keepa"),
    "keepa_unusable": Kind(
        Level.ERROR, VerdictState.BLIND, "Check the network and Keepa's own status; we go on trying"
    ),
    "keepa_errors": Kind(Level.WARNING, None, "Nothing, unless it goes on: we try again by ourselves"),
    "no_token_evidence": Kind(Level.WARNING, None, "Run Diagnostics/check_tokens.py"),
    "tokens_unknown": Kind(Level.WARNING, None, "Nothing: the ledger asks Keepa before anything is spent"),
    "no_deal_evidence": Kind(Level.WARNING, None, "Find out why the deals could not be counted"),
    "promise_broken": Kind(
        Level.WARNING,
        None,
        "Run Diagnostics/diagnose_dwindling_deals.py; raise PROMISE_HOURS or the plan",
        False,
    ),
    "no_lease_evidence": Kind(Level.WARNING, None, "Find out why the leases could not be read"),
    "lease_of_the_dead": Kind(Level.WARNING, None, "Nothing: it is taken over at the next ring of the doorbell"),
    "no_poison_evidence": Kind(Level.WARNING, None, "Find out why the set-aside rows could not be read"),
    "poison_set_aside": Kind(Level.WARNING, None, "Look at the named error and report it if it is ours", False),
    "no_watchdog_evidence": Kind(Level.WARNING, None, "Check that the watchdog runs: read watchdog.log"),
    "watchdog_silent": Kind(Level.WARNING, None, "Nothing heals by itself now: read watchdog.log and restart"),
    "verdict_not_kept": Kind(Level.WARNING, None, "Read watchdog.log: it says why the verdict could not be kept"),
    "alert_path": Kind(
        Level.WARNING, None, "Check DEADMAN_URL and VERDICT_WEBHOOK_URL and who answers there; watchdog.log has more"
    ),
    "just_restarted": Kind(
        Level.WARNING, VerdictState.STUCK, "Wait a minute; if it does not stay up, its log says why"
    ),
    "restarting_often": Kind(Level.ERROR, VerdictState.STUCK, "Read the program's log for the reason it keeps ending"),
    "restarted_often": Kind(Level.WARNING, None, "Read the program's log for the reason it kept ending"),
    "database_unreachable": Kind(
        Level.ERROR,
        VerdictState.BROKEN,
        "Check the disk, the file's owner and DATABASE_URL; a backup is in VAR_DIR",
        False,
    ),
    "database_replaced": Kind(
        Level.ERROR,
        VerdictState.BROKEN,
        "Run ./kill_everything_force.sh, then venv/bin/python -m keepa_deals.processes restore with the newest of "
        "VAR_DIR/backups, then ./start_celery.sh",
        False,
    ),
    "schema_wrong": Kind(
        Level.ERROR,
        VerdictState.BROKEN,
        "Migrate an older one with ./deploy_update.sh; a newer one needs the newer version",
        False,
    ),
    "origin_mismatch": Kind(Level.ERROR, VerdictState.BROKEN, "Use another VAR_DIR for demo or for real data", False),
    "database_slow": Kind(Level.WARNING, None, "See what else works the disk", False),
    "database_lock_waits": Kind(Level.WARNING, None, "See who else writes to the database, or what works the disk"),
    "wal_large": Kind(Level.WARNING, None, "Restart the web process: a reader holds the file open"),
    "redis_unreachable": Kind(Level.ERROR, VerdictState.BROKEN, "Read redis.log, or check REDIS_URL and its server"),
    "no_disk_evidence": Kind(Level.WARNING, None, "Check that VAR_DIR exists and may be entered", False),
    "disk_full": Kind(Level.ERROR, VerdictState.BROKEN, "Free space on the disk of VAR_DIR", False),
    "disk_low": Kind(Level.WARNING, None, "Free space on the disk of VAR_DIR soon", False),
    "folder_read_only": Kind(
        Level.ERROR, VerdictState.BROKEN, "Give VAR_DIR back to the user who runs the service", False
    ),
    "clock_set_back": Kind(
        Level.ERROR, VerdictState.STUCK, "Set the machine's clock right (timedatectl), then wait", False
    ),
    "clock_stepped": Kind(
        Level.WARNING, None, "Nothing, if you set it; else let one service keep the clock (timedatectl)", False
    ),
    "clocks_differ": Kind(Level.WARNING, None, "Set both machines' clocks right (timedatectl)"),
    "dashboard_unreachable": Kind(Level.ERROR, None, "Read web.log; check WEB_HOST and WEB_PORT"),
    "counts_differ": Kind(Level.ERROR, None, "Report it with the filter and the --seed: two surfaces disagree"),
    "not_counted": Kind(Level.ERROR, None, "Mend the database first, then look again"),
    "health_failed": Kind(
        Level.ERROR, VerdictState.BROKEN, "Run Diagnostics/comprehensive_diag.py and report what it says"
    ),
}


def finding(name: str, seen: str, *, since: datetime | None = None) -> Finding:
    """A finding of the catalogue. Raises KeyError for an id that is not in it."""
    kind = CATALOGUE[name]
    return Finding(name, kind.level, seen.rstrip("."), since, f"{kind.remedy}; see docs/operations.md#{name}.")
