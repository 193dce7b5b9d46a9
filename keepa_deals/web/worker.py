"""gunicorn's threaded worker, with an end to every client's patience: none can hold a thread for good."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from gunicorn.workers.gthread import _DEFER, ThreadWorker  # type: ignore[import-untyped]


class PatientWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Cuts off a client that does not send its request, or does not take its answer, in time.

    Without it as many half-sent requests as there are threads silence the web for as long as their senders like.
    """

    first_byte_seconds = 0.1
    """a connection on which nothing comes goes back to the poller, which closes it after `--keep-alive`"""
    head_seconds = 5.0
    request_seconds = 30.0
    """for the body, the work and the answer; short of the 35 s after which the watchdog takes the web for dead"""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until: dict[Any, float] = {}

    def handle(self, conn: Any) -> Any:
        if not (conn.initialized or conn.data_ready or conn.wait_for_data(self.first_byte_seconds)):
            return _DEFER
        self._until[conn] = time.monotonic() + self.head_seconds
        try:
            return super().handle(conn)
        finally:
            del self._until[conn]

    def handle_request(self, req: Any, conn: Any) -> Any:
        self._until[conn] = time.monotonic() + self.request_seconds
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """gunicorn's own round over slow connections, about once a second."""
        super().murder_pending()
        now = time.monotonic()
        for conn, until in self._until.copy().items():
            if now > until:
                # The thread that waits for this client finds the connection ended.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)
