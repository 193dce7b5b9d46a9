"""Reading the signs of life of each program. Every look has a time limit, and none that fails takes others down."""

from __future__ import annotations

import http.client
import json
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from redis.exceptions import RedisError

from keepa_deals.processes.paths import beat_file, redis_address
from keepa_deals.processes.surroundings import demo_place
from keepa_deals.redis_client import connect
from keepa_deals.settings import Settings

Rows = tuple[list[Any], list[Any]]

SQLITE = "sqlite:///"
ANSWER_SECONDS = 5.0
PULSES = "select queue, received_at from pulses"
IN_FLIGHT = """
    select which_pass from pass_states
    where last_started_at is not null and (last_finished_at is null or last_finished_at < last_started_at)
"""


@dataclass(frozen=True, slots=True)
class DatabaseSigns:
    """When each queue's canary last arrived, and which passes are at work."""

    pulses: Mapping[str, str]
    in_flight: frozenset[str]


def read_beat(settings: Settings) -> dict[str, Any]:
    """What the scheduler last wrote of itself; empty if nothing can be read."""
    try:
        fields = json.loads(beat_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def read_database(settings: Settings) -> DatabaseSigns | None:
    """The signs kept in the database; None if it can't be read now."""
    address = settings.database_address()
    rows = _from_file(Path(unquote(address[len(SQLITE) :]))) if address.startswith(SQLITE) else _from_server(address)
    if rows is None:
        return None
    return DatabaseSigns(pulses=dict(rows[0]), in_flight=frozenset(row[0] for row in rows[1]))


def _from_file(path: Path) -> Rows | None:
    """Without SQLAlchemy: it would double the memory of the watchdog."""
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=ANSWER_SECONDS)
        ) as database:
            return database.execute(PULSES).fetchall(), database.execute(IN_FLIGHT).fetchall()
    except sqlite3.Error:
        return None


def _from_server(address: str) -> Rows | None:
    from sqlalchemy import text  # noqa: PLC0415 - see _from_file
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from keepa_deals.store.engine import open_database  # noqa: PLC0415

    database = open_database(address)
    try:
        with database.read.connect() as connection:
            pulses = [(row[0], row[1]) for row in connection.execute(text(PULSES))]
            return pulses, [(row[0],) for row in connection.execute(text(IN_FLIGHT))]
    except SQLAlchemyError:
        return None
    finally:
        database.dispose()


def redis_answers(settings: Settings) -> bool:
    client = connect(redis_address(settings))
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def simulator_answers(settings: Settings) -> bool:
    return http_answers("127.0.0.1", demo_place(settings).port, "/token")


def http_answers(host: str, port: int, path: str) -> bool:
    """Whether anything but a 5xx comes back within the time limit."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException, socket.gaierror):
        return False
    finally:
        connection.close()
