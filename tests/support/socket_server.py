"""The server on a Unix socket."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.support.cards import card
from tests.support.http_client import Reply, image_part, multipart
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until


def ask(path: Path, method: str = "GET", target: str = "/readyz", **more: Any) -> Reply:
    """A request through a Unix socket; OSError if nobody listens there."""
    connection = HTTPConnection("localhost", timeout=20)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(20)
    with contextlib.closing(connection):
        connection.sock.connect(str(path))
        connection.request(method, target, **more)
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())


def recognized(path: Path, text: str) -> str:
    """The text that the server reads on a card."""
    body, headers = multipart([image_part(card(text))])
    return ask(path, "POST", "/ocr", body=body, headers=headers).text


class SocketServer(ServerProcess):
    """A server on a Unix socket.

    preparation, redirection: what the shell does before it, and with its streams.
    """

    preparation = ""
    redirection = ""

    @property
    def path(self) -> Path:
        """Its socket."""
        return self.folder / "ocr.sock"

    def start(self, port: int = 0) -> None:
        """Start it and wait until it listens."""
        self.journal.touch()
        config = self.folder / "config.json"
        web_server = {"unix_socket": "ocr.sock", **self._settings.get("web_server", {})}
        process = {**self._settings["ocr"]["process"], "number": 1}
        settings = {**self._settings, "web_server": web_server, "ocr": {"process": process}}
        config.write_text(json.dumps(settings))
        command = [sys.executable, *self._program, "--config", str(config)]
        script = f'{self.preparation} exec "$@" {self.redirection}'
        self.spawn(["sh", "-c", script, "sh", *command])
        wait_until(self._listens, "the socket")

    def _listens(self) -> bool:
        assert self.is_running, self.output
        with contextlib.suppress(OSError):
            return ask(self.path, target="/livez").status == 200
        return False
