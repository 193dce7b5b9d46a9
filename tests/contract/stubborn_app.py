"""The real Celery application with limits of seconds and a live update that will not end. Told by CHAIN_*."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from keepa_deals import celery_app
from keepa_deals.records import Pass
from keepa_deals.redis_client import broker_url
from keepa_deals.settings import settings_from

folder = Path(os.environ["CHAIN_FOLDER"])
settings = settings_from({"VAR_DIR": str(folder), "REDIS_URL": os.environ["CHAIN_REDIS_URL"]}, root=folder)
celery_app.DOORBELLS = tuple(replace(bell, soft_limit=1, hard_limit=3) for bell in celery_app.DOORBELLS)

COUNT_FOR_EVER = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


def ring(which: Pass, services: Any) -> None:
    deaf = (folder / "deaf").exists()
    with (folder / "rung").open("a", encoding="ascii") as rung:
        rung.write(f"{which} {os.getpid()}\n")
    while deaf:
        with contextlib.suppress(SoftTimeLimitExceeded):
            threading.Event().wait(60)
    if (folder / "in_c").exists():
        sqlite3.connect(":memory:").execute(COUNT_FOR_EVER)


assert settings.redis_url is not None
app = celery_app.create_celery(settings, installation="chain", broker_url=broker_url(settings.redis_url.reveal()))
celery_app.register_tasks(app, ring=ring, services=lambda: None, pulse_store=lambda: None)
