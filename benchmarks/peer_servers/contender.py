"""The protocol of a compared server (start, request, lines of an answer), and this server."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from server_under_test import ServerUnderTest, serving

from tests.support.arrivals import Request


class Running(Protocol):
    """A running server: its root process, and its port."""

    @property
    def pid(self) -> int:
        """The root of the server's process tree."""

    @property
    def port(self) -> int:
        """On 127.0.0.1."""


class Contender(Protocol):
    """A server with one configuration of threads and processes."""

    @property
    def server(self) -> str:
        """Its name in tables."""

    @property
    def setting(self) -> str:
        """The configuration in a few words."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All settings, for the results."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The versions of the distributions that determine its speed."""

    def start(self) -> AbstractContextManager[Running]:
        """Start it on entry, wait until it listens, stop it on exit."""

    def request(self, name: str, image: bytes) -> Request:
        """A request to recognize an image."""

    def lines(self, body: bytes) -> list[str]:
        """The lines in an answer, in reading order."""


class ThisServer:
    """The server of this repository with default settings, but without a cache and spares."""

    server = "this server"
    setting = "defaults"

    def __init__(self) -> None:
        workers = len(os.sched_getaffinity(0))
        self.settings: dict[str, Any] = {
            "ocr": {"process": {"number": workers, "spares": 0}},
            "service": {"time": 0},
        }
        self.versions: dict[str, str] = {}  # those of the whole run

    def start(self) -> AbstractContextManager[ServerUnderTest]:
        """Start `python setup.py`, with one worker per core (the default)."""
        return serving(self.settings)

    def request(self, name: str, image: bytes) -> Request:
        """The image as the body."""
        return Request(name, image, headers={"Content-Type": "application/octet-stream"})

    def lines(self, body: bytes) -> list[str]:
        """`data.lines[].text`."""
        return [line["text"] for line in json.loads(body)["data"]["lines"]]
