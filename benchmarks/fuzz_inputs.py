"""What fuzz.py sends: broken images, or structured requests and images."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException

from server_under_test import ROOT

from tests.support.http_client import KeptConnection

sys.path[:0] = [str(ROOT / "tools")]

from broken_images import broken_image  # noqa: E402
from plain_images import TEXT, drawn  # noqa: E402
from structured.requests import structured_input  # noqa: E402
from tests.support.structured_clients import is_allowed, send_input  # noqa: E402

CONTENT_TYPES = (
    "image/png", "image/jpeg", "image/svg+xml", "image/x-none", "application/octet-stream",
    "IMAGE/GIF; charset=utf-8", "",
)  # fmt: skip
NO_ANSWER = 0
ANSWER_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """The answer to one input: its status, error code, and times.

    allowed: it is right, or an error of the input itself.
    """

    number: int
    name: str
    status: int
    code: str
    allowed: bool
    begun: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.begun


class Inputs(ABC):
    """A numbered sequence of inputs; the same seed gives the same bytes."""

    noun = ""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def sender(self, port: int) -> Callable[[int], Reply]:
        """A client that sends the inputs with the given numbers."""

    @abstractmethod
    def content(self, number: int) -> bytes:
        """The bytes of an input."""


class BrokenImages(Inputs):
    """The images of tools/broken_images.py, raw, under right and wrong Content-Types."""

    noun = "images"

    def sender(self, port: int) -> Callable[[int], Reply]:
        """A client with one connection."""
        connection = KeptConnection(port, ANSWER_SECONDS)

        def send(number: int) -> Reply:
            name, data = broken_image(self.seed, number)
            headers = {"Content-Type": CONTENT_TYPES[number % len(CONTENT_TYPES)]}
            begun = time.perf_counter()
            try:
                answer = connection.request("POST", "/ocr", data, headers)
            except (OSError, HTTPException) as error:
                connection.close()
                ended = time.perf_counter()
                return Reply(number, name, NO_ANSWER, repr(error), False, begun, ended)
            code = "" if answer.status == 200 else answer.code
            allowed = answer.status == 200 or 400 <= answer.status < 500
            return Reply(number, name, answer.status, code, allowed, begun, time.perf_counter())

        return send

    def content(self, number: int) -> bytes:
        """The image."""
        return broken_image(self.seed, number)[1]


class StructuredInputs(Inputs):
    """The inputs of tools/structured; those without a mutation have to be read right."""

    noun = "structured inputs"

    def sender(self, port: int) -> Callable[[int], Reply]:
        """A client with a connection for each input."""
        image = drawn()

        def send(number: int) -> Reply:
            given = structured_input(self.seed, number, image)
            begun = time.perf_counter()
            answer = send_input(port, given, ANSWER_SECONDS)
            ended = time.perf_counter()
            allowed, code = is_allowed(given, answer), answer.code
            if not given.changed and (
                answer.status != 200 or _letters(answer.text) != _letters(TEXT)
            ):
                allowed, code = False, f"valid, but not read: {answer.body[:200]!r}"
            return Reply(number, given.name, answer.status, code, allowed, begun, ended)

        return send

    def content(self, number: int) -> bytes:
        """The whole request."""
        return structured_input(self.seed, number, drawn()).data


def _letters(text: str) -> str:
    return "".join(text.split())
