"""The Celery application: two queues with a worker each, doorbells for tasks, canaries between them.

Every setting that differs from Celery's own was measured against broken brokers and killed processes; the reasons
are in docs/decisions/0003 and 0004.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery, signals
from celery.beat import BeatLazyFunc

from keepa_deals.celery_commands import SOFT_SHUTDOWN_SECONDS
from keepa_deals.errors import KeepaDealsError
from keepa_deals.logs import log_to_stream
from keepa_deals.pulse import PULSE_TASK, PulseStore, pulse
from keepa_deals.records import Pass, StopReason
from keepa_deals.settings import Settings, load_settings
from keepa_deals.timetable import DOORBELLS, QUEUES, RING_EVERY_SECONDS, UPSERT_QUEUE, Doorbell

Ring = Callable[[Pass, Any], Any]
"""Takes a pass and the services; what it returns is logged unless it is None."""

log = logging.getLogger(__name__)


def create_celery(settings: Settings, *, installation: str, broker_url: str) -> Celery:
    """The application without its tasks; `register_tasks` hangs those up. Connects to nothing."""
    app = Celery("keepa_deals", broker=broker_url, set_as_current=False)
    app.conf.update(_worker_settings())
    app.conf.update(_broker_settings(installation, broker_url))
    app.conf.update(_beat_settings(settings.run_dir / "beat.json"))
    _log_our_way(settings)
    return app


def register_tasks(
    app: Celery, *, ring: Ring, services: Callable[[], Any], pulse_store: Callable[[], PulseStore]
) -> None:
    """Hang up the doorbells and the canary.

    `services` and `pulse_store` are called once in each worker child, at its first task: connections must not
    cross a fork. The canary has a store of its own, for it must arrive whether Keepa is there or not.
    """
    shared, landing = cache(services), cache(pulse_store)
    for bell in DOORBELLS:
        _hang_up(app, bell, ring=ring, services=shared)

    @app.task(name=PULSE_TASK, shared=False, soft_time_limit=60, time_limit=90)  # type: ignore[untyped-decorator]
    def arrive(queue: str, sent_at: str) -> None:
        with _telling(PULSE_TASK):
            pulse(queue, sent_at, store=landing(), now=datetime.now(UTC))


def celery_from_environment(root: Path, environ: Mapping[str, str]) -> Celery:
    """The application of the installation in `root`. Raises BadSettings."""
    from keepa_deals.installation import installation_id  # noqa: PLC0415
    from keepa_deals.processes.paths import redis_address  # noqa: PLC0415
    from keepa_deals.redis_client import broker_url  # noqa: PLC0415

    settings = load_settings(root, environ)
    app = create_celery(
        settings, installation=installation_id(settings.var_dir), broker_url=broker_url(redis_address(settings))
    )
    register_tasks(
        app,
        ring=_ring,
        services=lambda: _build_services(settings),
        pulse_store=lambda: _open_store(settings),
    )
    return app


def _hang_up(app: Celery, bell: Doorbell, *, ring: Ring, services: Callable[[], Any]) -> None:
    @app.task(name=bell.task, shared=False, soft_time_limit=bell.soft_limit, time_limit=bell.hard_limit)  # type: ignore[untyped-decorator]
    def rung() -> Any:
        with _telling(bell.task):
            return ring(bell.which, services())


@contextmanager
def _telling(task: str) -> Iterator[None]:
    """A declared failure says in its own sentence what to do; any other is Celery's to log, with its traceback."""
    try:
        yield
    except KeepaDealsError as error:
        log.error("task=%s error=%s: %s", task, type(error).__name__, error)


def _ring(which: Pass, services: Any) -> Any:
    from keepa_deals.doorbell import ring  # noqa: PLC0415 - only a worker's child needs the passes

    said = ring(which, means=services.means, leases=services.leases)
    # A pass that ran has reported itself.
    return said if said["stop"] is StopReason.HELD else None


def _build_services(settings: Settings) -> Any:
    from keepa_deals.bootstrap import build_services  # noqa: PLC0415 - only a worker's child needs them

    return build_services(settings)


def _open_store(settings: Settings) -> PulseStore:
    from keepa_deals.bootstrap import open_store  # noqa: PLC0415 - only a worker's child needs it

    return open_store(settings)


def _worker_settings() -> dict[str, Any]:
    return {
        "task_queues": {name: {"exchange": name, "routing_key": name} for name in QUEUES},
        "task_default_queue": UPSERT_QUEUE,
        "task_create_missing_queues": False,
        "task_routes": {bell.task: {"queue": bell.queue} for bell in DOORBELLS},
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": False,
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_max_tasks_per_child": 200,
        "worker_max_memory_per_child": 300_000,
        "worker_proc_alive_timeout": 30.0,
        "worker_soft_shutdown_timeout": float(SOFT_SHUTDOWN_SECONDS),
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "enable_utc": True,
        "timezone": "UTC",
    }


def _broker_settings(installation: str, broker_url: str) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "task_publish_retry": False,
        "broker_transport_options": {
            "global_keyprefix": f"{installation}:celery:",
            "socket_timeout": 5,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 10,
            "visibility_timeout": 3600,
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        },
    }
    if broker_url.startswith("rediss://") and "ssl_cert_reqs" not in broker_url:
        settings["broker_use_ssl"] = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    return settings


def _beat_settings(heartbeat_file: Path) -> dict[str, Any]:
    return {
        "beat_scheduler": "keepa_deals.beat:HeartbeatScheduler",
        "beat_heartbeat_file": str(heartbeat_file),
        "beat_max_loop_interval": 5,
        "beat_enable_remote_control": False,
        "beat_schedule": {**_canary_entries(), **_doorbell_entries()},
    }


def _doorbell_entries() -> dict[str, dict[str, Any]]:
    return {
        bell.which.value: {
            "task": bell.task,
            "schedule": RING_EVERY_SECONDS,
            "options": {"queue": bell.queue, "expires": RING_EVERY_SECONDS},
        }
        for bell in DOORBELLS
    }


def _canary_entries() -> dict[str, dict[str, Any]]:
    return {
        f"pulse_{queue}": {
            "task": PULSE_TASK,
            "schedule": RING_EVERY_SECONDS,
            "kwargs": {"queue": queue, "sent_at": BeatLazyFunc(_now)},
            "options": {"queue": queue, "expires": RING_EVERY_SECONDS},
        }
        for queue in QUEUES
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _log_our_way(settings: Settings) -> None:
    """Our handler instead of Celery's own, and no line for a task that had nothing to say."""

    @signals.setup_logging.connect(weak=False, dispatch_uid="keepa_deals")  # type: ignore[untyped-decorator]
    def configure(**_given: Any) -> None:
        log_to_stream(settings.log_level, secrets=settings.secrets)
        logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
        logging.getLogger("celery.app.trace").addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """False for the success of a task that returned nothing: a canary, or a doorbell when nothing was due."""
    context = getattr(record, "data", None)
    said_nothing = isinstance(context, dict) and context.get("return_value") == "None"
    return record.levelno >= logging.WARNING or not said_nothing
