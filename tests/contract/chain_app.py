"""The real Celery application with a bell that only writes down that it rang. Told by CHAIN_* in the environment."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from keepa_deals.celery_app import create_celery, register_tasks
from keepa_deals.clock import SystemClock
from keepa_deals.records import Pass
from keepa_deals.redis_client import broker_url
from keepa_deals.settings import settings_from
from keepa_deals.store.door import Store
from keepa_deals.store.engine import open_database

folder = Path(os.environ["CHAIN_FOLDER"])
settings = settings_from({"VAR_DIR": str(folder), "REDIS_URL": os.environ["CHAIN_REDIS_URL"]}, root=folder)


def ring(which: Pass, services: Any) -> str:
    with (folder / "rung").open("a", encoding="ascii") as rung:
        rung.write(f"{which} {os.getpid()}\n")
    if (folder / f"hold_{which}").exists():
        threading.Event().wait(60)
    return "rang"


def pulse_store() -> Store:
    return Store(open_database(settings.database_address()), clock=SystemClock())


assert settings.redis_url is not None
app = create_celery(settings, installation="chain", broker_url=broker_url(settings.redis_url.reveal()))
app.conf.worker_soft_shutdown_timeout = 2.0
for entry in app.conf.beat_schedule.values():
    entry["schedule"] = entry["options"]["expires"] = 1.0
register_tasks(app, ring=ring, services=lambda: None, pulse_store=pulse_store)
