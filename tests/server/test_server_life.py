"""The server as a process: start, error messages and output."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from server.http.listening_sockets import url_to_open
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.server_process import ServerProcess, run_setup
from tests.support.watching import wait_until, worker_processes

SETTINGS = {"ocr": {"process": {"number": 2}}}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, SETTINGS, fakes=True) as server:
        yield server


def test_health_tells_of_workers_queue_and_cache(process: ServerProcess) -> None:
    process.upload(card("seen"))
    process.upload(card("seen"))
    wait_until(lambda: len(process.get("/healthz").json["workers"]) == 2, "two workers")
    health: dict[str, Any] = process.get("/healthz").json
    assert health["status"] == "ready"
    assert health["engine"]["engine"] == "fake"
    assert {worker["pid"] for worker in health["workers"]} == worker_processes(process.pid)
    assert sum(worker["tasks_done"] for worker in health["workers"]) == 1
    assert {"waiting": 0, "running": 0, "limit": 100}.items() <= health["queue"].items()
    assert (health["cache"]["hit"], health["cache"]["miss"]) == (1, 1)
    assert health["cache"]["entries"] == 1
    assert health["completed"] == 1
    assert process.get("/livez").json == {"status": "alive"}
    assert process.get("/readyz").json == {"status": "ready"}


def test_the_output_says_where_it_listens_and_what_runs(process: ServerProcess) -> None:
    lines = [line for line in process.output.splitlines() if not line[:4].isdigit()]
    assert f"http://127.0.0.1:{process.port}" in lines[0]
    assert lines[1].startswith("loading 2 workers")
    wait_until(lambda: "s: open" in process.output, "the line with the URL")
    assert "\nengine fake (" in process.output


def test_the_last_line_of_the_start_is_the_url_to_open(process: ServerProcess) -> None:
    wait_until(lambda: "s: open" in process.output, "the line with the URL")
    *before, last = process.output.splitlines()
    assert re.fullmatch(rf"ready after [\d.]+ s: open http://127\.0\.0\.1:{process.port}/", last)
    assert sum(": worker " in line and "ready after" in line for line in before) == 2
    with urllib.request.urlopen(last.split()[-1], timeout=10) as page:
        assert page.status == 200


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("192.0.2.1", "http://192.0.2.1:8888/"),
        ("0.0.0.0", "http://127.0.0.1:8888/"),
        ("::", "http://[::1]:8888/"),
        ("2001:db8::1", "http://[2001:db8::1]:8888/"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(address: str, url: str) -> None:
    assert url_to_open(address, 8888) == url


def test_sigterm_while_the_models_are_loading(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, SETTINGS, fakes=True)
    server.start()
    try:
        server.terminate()
        assert server.wait(10) == 0
    finally:
        server.__exit__(None, None, None)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one-line message of a server that cannot start."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("ocr-server: ")
    return line


def test_a_port_in_use() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        line = one_line(run_setup("--port", str(port)))
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


def test_an_address_that_is_not_ours() -> None:
    assert "192.0.2.1:0" in one_line(run_setup("--port", "0", "--address", "192.0.2.1"))


def test_an_unknown_key(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"web_server": {"prot": 9000}}')
    line = one_line(run_setup("--config", str(config)))
    assert "did you mean web_server.port?" in line


@pytest.mark.parametrize(
    ("arguments", "mention"),
    [
        (["--config", "/nowhere/config.json"], "/nowhere/config.json"),
        (["--port", "eighty"], "web_server.port"),
        (["--workers", "-1"], "ocr.process.number"),
    ],
)
def test_wrong_arguments(arguments: list[str], mention: str) -> None:
    assert mention in one_line(run_setup(*arguments))


def test_a_wrong_variable() -> None:
    assert "ocr.engine" in one_line(run_setup(OCR_OCR__ENGINE="tesseract"))


def test_settings_are_checked_without_a_start() -> None:
    done = run_setup("--check-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert "valid" in done.stdout


def test_importing_does_nothing() -> None:
    """No output, process, thread or socket; and the engine does not import HTTP modules."""
    code = (
        "import ctypes, os, sys, threading, multiprocessing\n"  # libffi 3.5 keeps its file open
        "before = set(os.listdir('/proc/self/fd'))\n"
        "import ocr_engine.pool.pool, cache.result_cache\n"
        "assert 'tornado' not in sys.modules and 'server' not in sys.modules\n"
        "import server.main, server.app\n"
        "assert threading.active_count() == 1 and not multiprocessing.active_children()\n"
        "assert set(os.listdir('/proc/self/fd')) <= before\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
