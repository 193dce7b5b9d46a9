"""Talking to our supervisord over its unix socket, never waiting for it without an end."""

from __future__ import annotations

import http.client
import socket
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keepa_deals.errors import KeepaDealsError

FATAL = "FATAL"
RUNNING = "RUNNING"
STARTING = "STARTING"
AT_REST = frozenset({"STOPPED", "EXITED", FATAL, "UNKNOWN"})


class SupervisorAway(KeepaDealsError):
    """supervisord does not answer on its socket. Run ./start_celery.sh."""


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What supervisord says of a program."""

    name: str
    state: str
    pid: int | None
    exit_status: int
    up_seconds: int
    what: str
    """its own words: uptime, or how it ended"""


class Supervisor:
    """The calls we use. Each raises SupervisorAway within `timeout` seconds if nobody answers."""

    def __init__(self, path: Path, *, timeout: float = 5.0) -> None:
        self._transport = _UnixTransport(path, timeout=timeout)
        self._server = xmlrpc.client.ServerProxy("http://supervisor", transport=self._transport, allow_none=True)
        self._path = path

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._server.supervisor, method)(*arguments)
        except xmlrpc.client.Fault:
            raise
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError, ValueError) as error:
            raise SupervisorAway(
                f"supervisord does not answer on {self._path} ({error.__class__.__name__}); run ./start_celery.sh."
            ) from error
        finally:
            self._transport.close()

    def pid(self) -> int:
        return int(self._call("getPID"))

    def states(self) -> list[ProgramState]:
        return [
            ProgramState(
                name=fields["name"],
                state=fields["statename"],
                pid=fields["pid"] or None,
                exit_status=fields["exitstatus"],
                up_seconds=max(0, fields["now"] - fields["start"]) if fields["start"] else 0,
                what=fields["description"] or fields["spawnerr"],
            )
            for fields in self._call("getAllProcessInfo")
        ]

    def start(self, name: str) -> bool:
        """Ask for `name` to be started, without waiting; False if it could not even be tried."""
        return self._asked("startProcess", name)

    def stop(self, name: str) -> bool:
        """Ask for `name` to be stopped, without waiting."""
        return self._asked("stopProcess", name)

    def _asked(self, method: str, name: str) -> bool:
        try:
            return bool(self._call(method, name, False))
        except xmlrpc.client.Fault:
            return False

    def shutdown(self) -> None:
        try:
            self._call("shutdown")
        except xmlrpc.client.Fault:
            return


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, *, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path, *, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _UnixConnection(self._path, timeout=self._timeout)
        # `close` of the base class closes what it finds here.
        self._connection = host, connection
        return connection
