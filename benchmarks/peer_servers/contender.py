"""What a server offers to be compared: a start, a request, the lines of an answer; and this one."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from server_under_test import ServerUnderTest, serving

from tests.support.arrivals import Request


class Running(Protocol):
    """A server that is up: its root process, and the port on which it listens."""

    @property
    def pid(self) -> int:
        """The process that all others of the server descend from."""

    @property
    def port(self) -> int:
        """On 127.0.0.1."""


class Contender(Protocol):
    """A server with one setting of its threads and processes."""

    @property
    def server(self) -> str:
        """What it is called in tables."""

    @property
    def setting(self) -> str:
        """The setting in a few words."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that is set, for the results."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The distributions that decide its speed."""

    def start(self) -> AbstractContextManager[Running]:
        """Start it on entry, wait until it listens, stop it on exit."""

    def request(self, name: str, image: bytes) -> Request:
        """Ask for the text of an image."""

    def lines(self, body: bytes) -> list[str]:
        """The lines in an answer, in reading order."""


class ThisServer:
    """The server of this repository with its default settings but for the cache, which is off."""

    server = "this server"
    setting = "defaults"

    def __init__(self) -> None:
        workers = len(os.sched_getaffinity(0))
        self.settings: dict[str, Any] = {
            "ocr": {"process": {"number": workers}},
            "service": {"time": 0},
        }
        self.versions: dict[str, str] = {}  # those of the whole run

    def start(self) -> AbstractContextManager[ServerUnderTest]:
        """`python setup.py`, one worker per core, which is what the default 0 means."""
        return serving(self.settings)

    def request(self, name: str, image: bytes) -> Request:
        """The image as the body."""
        return Request(name, image, headers={"Content-Type": "application/octet-stream"})

    def lines(self, body: bytes) -> list[str]:
        """`data.lines[].text`."""
        return [line["text"] for line in json.loads(body)["data"]["lines"]]
