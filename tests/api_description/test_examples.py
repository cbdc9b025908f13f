"""The examples of docs/examples are run: they read, wait when told to, and say what went wrong."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.live_server import LiveServer

EXAMPLES = ROOT / "docs" / "examples"
PROGRAMS = {
    "curl": ("sh", "recognize.sh"),
    "python": (sys.executable, "recognize.py"),
    "node": ("node", "recognize.mjs"),
    "java": ("java", "Recognize.java"),
}
TEXT = "海风书店\nSEA BREEZE BOOKS"


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> list[str]:
    """The command that runs the example."""
    command, file = PROGRAMS[request.param]
    for needed in {command, "curl"} if request.param == "curl" else {command}:
        if shutil.which(needed) is None:
            pytest.skip(f"{needed} is not installed, so docs/examples/{file} cannot be run")
    return [command, str(EXAMPLES / file)]


class BusyHandler(BaseHTTPRequestHandler):
    """Refuses the first request; Retry-After is one second."""

    asked = 0

    def do_POST(self) -> None:
        BusyHandler.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        if BusyHandler.asked == 1:
            error = {"code": "queue_full", "message": "too many", "request_id": "1"}
            self._send(503, {"status": "error", "error": error})
        else:
            line = {"text": "at last", "confidence": 0.5, "box": [[0, 0]] * 4}
            self._send(200, {"status": "success", "data": {"text": "at last", "lines": [line]}})

    def _send(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def busy() -> Iterator[str]:
    """The address of a server that refuses the first request."""
    BusyHandler.asked = 0
    server = HTTPServer(("127.0.0.1", 0), BusyHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(program: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a locale without Chinese: what is printed is UTF-8 everywhere."""
    return subprocess.run(
        [*program, *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )


@pytest.mark.parametrize("mode", [[], ["job"]])
def test_it_reads_an_image(
    program: list[str], mode: list[str], wide: LiveServer, tmp_path: Path
) -> None:
    image = tmp_path / "sign.png"
    image.write_bytes(card(TEXT))
    ended = run(program, f"http://127.0.0.1:{wide.port}", str(image), *mode)
    assert (ended.returncode, ended.stderr) == (0, "")
    shown = [line.removeprefix("0.7500 ") for line in ended.stdout.splitlines()]
    assert shown == TEXT.splitlines()


@pytest.mark.parametrize("mode", [[], ["job"]])
def test_it_says_what_is_wrong(
    program: list[str], mode: list[str], wide: LiveServer, tmp_path: Path
) -> None:
    document = tmp_path / "no image.psd"
    document.write_bytes(b"8BPS and so on")
    ended = run(program, f"http://127.0.0.1:{wide.port}", str(document), *mode)
    assert ended.returncode != 0
    assert "unsupported_format" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_it_says_how_it_is_called(program: list[str]) -> None:
    ended = run(program, "http://127.0.0.1:8888")
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("usage: ")
    assert Path(program[-1]).name in line


@pytest.mark.parametrize("mode", [[], ["job"]])
def test_it_says_that_no_server_answers(
    program: list[str], mode: list[str], tmp_path: Path
) -> None:
    image = tmp_path / "sign.png"
    image.write_bytes(card(TEXT))
    with closing(socket.socket()) as bound:  # nobody listens there
        bound.bind(("127.0.0.1", 0))
        ended = run(program, f"http://127.0.0.1:{bound.getsockname()[1]}", str(image), *mode)
    assert ended.returncode != 0
    assert ended.stdout == ""
    (line,) = filter(None, ended.stderr.splitlines())
    assert line.startswith(("no answer", "curl: (7) Failed to connect to 127.0.0.1"))


def test_it_says_that_there_is_no_such_file(program: list[str], wide: LiveServer) -> None:
    ended = run(program, f"http://127.0.0.1:{wide.port}", "/no such file.png")
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1


def test_it_waits_when_the_server_is_busy(program: list[str], busy: str, tmp_path: Path) -> None:
    image = tmp_path / "sign.png"
    image.write_bytes(card(TEXT))
    ended = run(program, busy, str(image))
    assert ended.returncode == 0, ended.stderr
    assert "at last" in ended.stdout
    assert BusyHandler.asked == 2


def test_every_example_is_on_the_page() -> None:
    page = (EXAMPLES / "README.md").read_text()
    files = {path.name for path in EXAMPLES.iterdir()} - {"README.md"}
    assert len(files) == 7
    assert all(f"<!-- include {name} -->" in page and f"]({name})" in page for name in files)
