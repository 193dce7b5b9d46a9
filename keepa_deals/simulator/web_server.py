"""A small threaded WSGI server with HTTP/1.1 connections that stay open, as clients of Keepa expect them."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CUT_OFF = "keepa_simulator.cut_off"
"""Environment key of a function that ends the connection without an answer."""

MOST_BODY = 4_000_000


class Handler(BaseHTTPRequestHandler):
    """One connection: request after request until the client leaves."""

    protocol_version = "HTTP/1.1"
    timeout = 75
    disable_nagle_algorithm = True
    application: WsgiApp

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """Say nothing: the request log has it all, and the key travels in the URL."""

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MOST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(413)
            return
        environ = self._environ(self.rfile.read(int(length)))
        status: list[Any] = []

        def start_response(line: str, headers: list[tuple[str, str]], *_: Any) -> None:
            status[:] = [line, headers]

        body = b"".join(type(self).application(environ, start_response))
        if self.close_connection and environ["keepa_simulator.cut"]:
            return
        self._send(status[0], headers=status[1], body=body)

    def _send(self, line: str, *, headers: list[tuple[str, str]], body: bytes) -> None:
        code, _, phrase = line.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _environ(self, body: bytes) -> dict[str, Any]:
        parts = urlsplit(self.path)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.connection.getsockname()[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": BytesIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "keepa_simulator.cut": False,
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()}

        def cut_off() -> None:
            environ["keepa_simulator.cut"] = True
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        environ[CUT_OFF] = cut_off
        return environ


class Server(ThreadingHTTPServer):
    """Listens; one thread for each connection."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: Any) -> None:
        """A client that left in the middle is its own business."""


class Server6(Server):
    """The same on IPv6."""

    address_family = socket.AF_INET6


def listen(application: WsgiApp, *, host: str, port: int) -> Server:
    """A bound server; call `serve_forever` in a thread. Raises OSError when the port is taken."""
    handler = type("BoundHandler", (Handler,), {"application": staticmethod(application)})
    return (Server6 if ":" in host else Server)((host, port), handler)
