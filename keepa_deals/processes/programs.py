"""The programs of the installation: what each is called, how it is started, in which order it starts and ends."""

from __future__ import annotations

from dataclasses import dataclass

from keepa_deals.settings import Settings
from keepa_deals.timetable import QUEUES

WORKER_QUEUES = {f"worker-{queue}": queue for queue in QUEUES}


@dataclass(frozen=True, slots=True)
class Program:
    """One line of what supervisord keeps running."""

    name: str
    log: str
    """file name under VAR_DIR/log"""
    priority: int
    """starts in this order, ends in the reverse one but for the watchdog, which ends first"""
    start_seconds: int
    """a program that dies sooner has not started"""
    stop_seconds: int
    start_retries: int = 5
    """few, so that a crash loop shows as FATAL; the watchdog starts it again, ever more slowly"""
    stop_signal: str = "TERM"


REDIS = Program("redis", "redis.log", 10, start_seconds=2, stop_seconds=15)
SIMULATOR = Program("simulator", "simulator.log", 20, start_seconds=2, stop_seconds=10)
WORKERS = (
    Program("worker-upsert", "celery_worker.log", 30, start_seconds=10, stop_seconds=40),
    Program("worker-backfill", "celery_worker_backfill.log", 30, start_seconds=10, stop_seconds=40),
)
BEAT = Program("beat", "celery_beat.log", 40, start_seconds=10, stop_seconds=15)
WEB = Program("web", "web.log", 50, start_seconds=3, stop_seconds=25)
# Nobody starts the watchdog again but supervisord, so it is never given up.
WATCHDOG = Program("watchdog", "watchdog.log", 60, start_seconds=2, stop_seconds=10, start_retries=1000)


def programs(settings: Settings) -> tuple[Program, ...]:
    """What runs under these settings, in starting order."""
    redis = (REDIS,) if settings.redis_url is None else ()
    simulator = (SIMULATOR,) if settings.is_demo else ()
    return (*redis, *simulator, *WORKERS, BEAT, WEB, WATCHDOG)


def stop_stages(names: set[str]) -> list[list[str]]:
    """`names` in the order they end: the watchdog, that it heals nothing; no new work; the work; what it needs."""
    order = [["watchdog"], ["beat"], [worker.name for worker in WORKERS] + ["web"], ["simulator"], ["redis"]]
    stages = [[name for name in stage if name in names] for stage in order]
    return [stage for stage in stages if stage]
