"""Receivers of webhooks and alerts, and hosts of images: HTTP servers that keep what they get."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Received:
    """A request. headers: their names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    def is_signed_with(self, secret: str) -> bool:
        """Whether a signature is that of the library standardwebhooks, whatever time it is."""
        at = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        right = Webhook(secret).sign(self.id, at, self.body.decode())
        return right in self.headers["webhook-signature"].split(" ")


@dataclass(frozen=True)
class Answer:
    """What a receiver answers. chunked: how many bytes a chunk has; 0: with Content-Length."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    chunked: int = 0


class Receiver:
    """`with Receiver() as receiver:` listens on loopback; `answer` makes the answers.

    hold: requests wait for `go` before they are answered. tls: makes it speak HTTPS.
    """

    def __init__(
        self,
        answer: Callable[[Received], Answer] = lambda _: Answer(),
        hold: bool = False,
        address: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.connections = 0
        self.go = threading.Event()
        if not hold:
            self.go.set()
        self._address = address
        self._tls = tls

    def __enter__(self) -> Receiver:
        handler = type("Handler", (_Handler,), {"receiver": self})
        kind = _Server6 if ":" in self._address else _Server
        self._server = kind((self._address, 0), handler)
        self._server.receiver = self
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path: str = "/hook", host: str | None = None) -> str:
        """Its URL; host: another name for it."""
        shown = f"[{self._address}]" if ":" in self._address else self._address
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{host or shown}:{self.port}{path}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def get_request(self) -> tuple[socket.socket, Any]:
        self.receiver.connections += 1
        return super().get_request()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is none of its business."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, body)
        self.receiver.received.append(received)
        self.receiver.go.wait()
        answer = self.receiver.answer(received)
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if not answer.chunked:
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(answer.body), answer.chunked):
            chunk = answer.body[start : start + answer.chunked]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""
