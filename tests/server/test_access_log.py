"""One line a request, whatever becomes of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fake_recognizers import card
from server_process import LiveServer
from watching import wait_until


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What the access log has; filled as requests end."""
    caplog.set_level(logging.INFO, "server.access")
    found: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(f"{record.levelname} {record.getMessage()}")

    logger, listener = logging.getLogger("server.access"), Listener()
    logger.addHandler(listener)
    yield found
    logger.removeHandler(listener)


def test_every_request_has_its_line(wide: LiveServer, lines: list[str]) -> None:
    for _ in range(3):
        wide.upload(card("logged"), {"X-Request-Id": "one"})
    wide.upload(b"no picture", {"X-Request-Id": "two"})
    wide.request("PUT", "/ocr", b"x", {"X-Request-Id": "three"})
    wide.get("/livez", {"X-Request-Id": "four"})
    wait_until(lambda: len(lines) == 6, "six lines")
    shown = [re.sub(r"\d+\.\d ms", "N ms", line) for line in lines]
    assert shown == [
        *["INFO POST /ocr_service 200 N ms one"] * 3,
        "INFO POST /ocr_service 415 N ms two",
        "INFO PUT /ocr 405 N ms three",
        "INFO GET /livez 200 N ms four",
    ]


def test_failures_are_warnings(
    wide: LiveServer, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide.context, "draining", True)
    assert wide.upload(card("too late")).status == 503
    wait_until(lambda: lines, "a line")
    assert lines[0].startswith("WARNING POST /ocr_service 503 ")


def test_a_client_that_leaves_has_its_line(
    narrow: LiveServer, lines: list[str], gate: Path
) -> None:
    with closing(narrow.send(card(f"hold {gate}"))):
        wait_until(lambda: narrow.running() == 1, "the start")
    wait_until(lambda: lines, "a line")
    gate.unlink()
    assert lines[0].startswith("INFO POST /ocr_service 499 ")
