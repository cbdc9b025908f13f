"""Sends one image to the server, and again while it is busy. Thread-safe: nothing is shared."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ocrmypdf.exceptions import ExitCode, ExitCodeException

DEFAULT_URL = "http://127.0.0.1:8888"
TARGET = "/ocr?granularity=word&layout=true&orientation="
LATER = (429, 503)  # statuses after which the image is sent again
PAUSE_SECONDS, LONGEST_PAUSE = 1.0, 30.0


class ServerProblem(ExitCodeException):
    """The server cannot be reached, or refuses the image."""

    exit_code = ExitCode.child_process_error


@dataclass(frozen=True)
class Address:
    """Where the server is, with the key and the seconds that a page may take."""

    url: str
    key: str = ""
    seconds: float = 300.0

    @classmethod
    def of(cls, url: str | None) -> Address:
        """The address in the argument, or in the environment."""
        return cls(
            url or os.environ.get("OCR_SERVER_URL") or DEFAULT_URL,
            os.environ.get("OCR_SERVER_KEY", ""),
            float(os.environ.get("OCR_SERVER_TIMEOUT") or 300),
        )


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Called by http.client."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(address: Address, image: bytes, orientation: str = "auto") -> dict[str, Any]:
    """The `data` of the answer; ServerProblem if there is none in time."""
    deadline = time.monotonic() + address.seconds
    while True:
        left = deadline - time.monotonic()
        try:
            status, pause, body = _exchange(address, image, orientation, max(left, 1.0))
        except (OSError, http.client.HTTPException) as error:
            status, pause, problem = 0, PAUSE_SECONDS, f"{error or type(error).__name__}"
        else:
            if status == 200:
                data: dict[str, Any] = json.loads(body)["data"]
                return data
            problem = _message(status, body)
        if status not in (0, *LATER) or time.monotonic() + pause > deadline:
            raise ServerProblem(f"the OCR server at {address.url}: {problem}")
        time.sleep(pause)


def _exchange(
    address: Address, image: bytes, orientation: str, seconds: float
) -> tuple[int, float, bytes]:
    """Status, seconds to wait and body of one answer."""
    connection, path = _connection(address.url, seconds)
    headers = {"Content-Type": "application/octet-stream"}
    if address.key:
        headers["X-Api-Key"] = address.key
    try:
        connection.request("POST", f"{path}{TARGET}{orientation}", image, headers)
        reply = connection.getresponse()
        given = reply.getheader("Retry-After") or ""
        pause = min(float(given), LONGEST_PAUSE) if given.isdigit() else PAUSE_SECONDS
        return reply.status, pause, reply.read()
    finally:
        connection.close()


def _connection(url: str, seconds: float) -> tuple[http.client.HTTPConnection, str]:
    if url.startswith("unix:"):
        return _UnixConnection(url.removeprefix("unix:").removeprefix("//"), seconds), ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServerProblem(f"{url} is no address of an OCR server: http://…, https://… or unix:…")
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=seconds)
    return connection, parts.path.rstrip("/")


def _message(status: int, body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return f"{error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return f"status {status}"
