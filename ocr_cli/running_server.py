"""Requests of an administrator to the running server of these settings."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from server.settings.settings import Settings

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
_NO_KEY = (
    "changing a running server needs a key with the scope `admin`: set access.admin_key, or "
    "OCR_ACCESS__ADMIN_KEY for this command"
)


class RequestRefused(Exception):
    """The server has refused the request; the message is the server's."""


class NoServer(Exception):
    """No server answers, or there is no key for it."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The server at the address in the settings, or at `url` if that is given."""

    settings: Settings
    url: SplitResult | None = None

    @property
    def has_key(self) -> bool:
        """Whether the settings have the key of an administrator."""
        return self.settings.access.admin_key is not None

    def ask(self, method: str, path: str, value: Any = None, seconds: float = 10.0) -> Any:
        """The JSON answer to a request; RequestRefused or NoServer."""
        key = self.settings.access.admin_key
        if key is None:
            raise NoServer(_NO_KEY)
        headers = {"X-Api-Key": key.reveal(), "Connection": "close"}
        body = None
        if value is not None:
            body = json.dumps(value).encode()
            headers["Content-Type"] = "application/json"
        connection = self._connection(seconds)
        try:
            connection.request(method, (self.url.path if self.url else "") + path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise NoServer(f"no server answers at {self._place()}: {error}") from None
        except ValueError:
            raise NoServer(f"what answers at {self._place()} is not this server") from None
        finally:
            connection.close()
        if response.status >= 400:
            raise RequestRefused(_message(answer, response.status))
        return answer

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        web = self.settings.web_server
        if self.url is not None:
            return http.client.HTTPConnection(
                self.url.hostname or "", self.url.port or 80, timeout=seconds
            )
        if web.unix_socket is not None:
            return _UnixConnection(str(self.settings.resolve(web.unix_socket)), seconds)
        address = _EVERYWHERE.get(web.address, web.address)
        return http.client.HTTPConnection(address, web.port, timeout=seconds)

    def _place(self) -> str:
        web = self.settings.web_server
        if self.url is not None:
            return self.url.geturl()
        return str(web.unix_socket) if web.unix_socket is not None else f"{web.address}:{web.port}"


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        """Called by http.client."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _message(answer: Any, status: int) -> str:
    try:
        return str(answer["error"]["message"])
    except (KeyError, TypeError):
        return f"the server answered with status {status}"
