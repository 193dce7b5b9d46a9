"""How workers and scheduler are started. Imports nothing heavy: a launcher reads this."""

from __future__ import annotations

from keepa_deals.timetable import QUEUES

APP = "celery_config"
WORKER_ENVIRONMENT = {"REMAP_SIGTERM": "SIGQUIT"}
"""SIGTERM then ends a worker within its soft shutdown instead of waiting for the task, however long it is."""

SOFT_SHUTDOWN_SECONDS = 20
"""What a running task has left after SIGTERM; a supervisor should wait about twice as long before SIGKILL."""


def worker_command(python: str, queue: str, *, app: str = APP) -> list[str]:
    """The command of the one worker of `queue`, run in the folder of `celery_config.py` with WORKER_ENVIRONMENT."""
    if queue not in QUEUES:
        raise ValueError(f"there is no queue {queue!r}, only {' and '.join(QUEUES)}")
    return [
        *_celery(python, app),
        *("worker", "-Q", queue, "-c", "1", "-n", f"{queue}@%h", "-l", "INFO", "--pidfile="),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def beat_command(python: str, *, app: str = APP) -> list[str]:
    """The command of the scheduler, run in the folder of `celery_config.py`. Nothing here excludes a second one."""
    return [*_celery(python, app), "beat", "-l", "INFO", "--pidfile="]


def _celery(python: str, app: str) -> list[str]:
    return [python, "-m", "celery", "-A", app, "--quiet"]
