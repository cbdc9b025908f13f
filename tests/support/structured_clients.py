"""A client that sends structured inputs, which may be no HTTP at all."""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse

from structured.requests import Input

NO_ANSWER = 0
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an input; status NO_ANSWER and the error if the connection was closed."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The text that was recognized."""
        return str(json.loads(self.body)["data"]["text"])

    @property
    def code(self) -> str:
        """The code of an error, or what is known instead; empty if there was none."""
        if 200 <= self.status < 300:
            return ""
        try:
            return str(json.loads(self.body)["error"]["code"])
        except (ValueError, LookupError, TypeError):
            return self.body[:60].decode(errors="replace")


def send_input(port: int, given: Input, seconds: float = SECONDS) -> Answer:
    """Send an input over a connection of its own, and read one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        with contextlib.suppress(OSError):  # the server may refuse it before it has all
            connection.sendall(given.data)
            if not given.complete:
                connection.shutdown(socket.SHUT_WR)
        answer = HTTPResponse(connection, method="POST")
        try:
            answer.begin()
            return Answer(answer.status, answer.read())
        except (OSError, HTTPException) as error:
            return Answer(NO_ANSWER, repr(error).encode())
        finally:
            answer.close()


def is_allowed(given: Input, answer: Answer) -> bool:
    """Whether it is 2xx or 4xx, or closed where that is allowed."""
    if answer.status == NO_ANSWER:
        return given.may_be_closed
    return 200 <= answer.status < 300 or 400 <= answer.status < 500
