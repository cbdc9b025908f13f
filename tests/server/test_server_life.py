"""The server as a process: it starts, says what is wrong, drains, and is gone."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fake_recognizers import card
from server_process import ROOT, ServerProcess, run_setup
from watching import is_alive, kill_all, wait_until, worker_processes

SETTINGS = {"ocr": {"process": {"number": 2}}}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path, SETTINGS, fakes=True) as server:
        yield server


def queue_of(server: ServerProcess) -> dict[str, int]:
    queue = server.get("/healthz").json["queue"]
    return {name: queue[name] for name in ("running", "waiting")}


def test_health_tells_of_workers_queue_and_cache(process: ServerProcess) -> None:
    process.upload(card("seen"))
    process.upload(card("seen"))
    wait_until(lambda: len(process.get("/healthz").json["workers"]) == 2, "two workers")
    health: dict[str, Any] = process.get("/healthz").json
    assert health["status"] == "ready"
    assert health["engine"]["engine"] == "fake"
    assert {worker["pid"] for worker in health["workers"]} == worker_processes(process.pid)
    assert sum(worker["tasks_done"] for worker in health["workers"]) == 1
    assert health["queue"] == {"waiting": 0, "running": 0, "limit": 100}
    assert (health["cache"]["hit"], health["cache"]["miss"]) == (1, 1)
    assert health["cache"]["entries"] == 1
    assert health["completed"] == 1
    assert process.get("/livez").json == {"status": "alive"}
    assert process.get("/readyz").json == {"status": "ready"}


def test_the_output_says_where_it_listens_and_what_runs(process: ServerProcess) -> None:
    lines = [line for line in process.output.splitlines() if not line[:4].isdigit()]
    assert f"http://127.0.0.1:{process.port}" in lines[0]
    assert lines[1].startswith("loading 2 workers")
    wait_until(lambda: "ready after" in process.output, "the line that says ready")


def test_sigterm_under_load_answers_what_was_accepted(process: ServerProcess, gate: Path) -> None:
    with ThreadPoolExecutor(1) as clients:
        accepted = clients.submit(process.upload, card(f"hold {gate}"))
        wait_until(lambda: queue_of(process)["running"] == 1, "one running")
        process.terminate()
        wait_until(lambda: process.get("/readyz").status == 503, "the drain")
        readiness = process.get("/readyz")
        assert (readiness.code, int(readiness.headers["Retry-After"]) >= 1) == ("draining", True)
        refused = process.upload(card("too late"))
        assert (refused.status, refused.code) == (503, "draining")
        assert process.get("/livez").status == 200
        gate.unlink()
        assert accepted.result(20).status == 200
    assert process.wait() == 0
    assert "Traceback" not in process.output


def test_sigterm_answers_what_waits_in_the_queue(tmp_path: Path, gate: Path) -> None:
    settings = {"ocr": {"process": {"number": 1}}}
    with ServerProcess(tmp_path, settings, fakes=True) as process:
        with ThreadPoolExecutor(6) as clients:
            first = clients.submit(process.upload, card(f"hold {gate}"))
            wait_until(lambda: queue_of(process)["running"] == 1, "one running")
            rest = [clients.submit(process.upload, card(f"queued {n}")) for n in range(5)]
            wait_until(lambda: queue_of(process)["waiting"] == 5, "five waiting")
            process.terminate()
            wait_until(lambda: process.get("/readyz").status == 503, "the drain")
            gate.unlink()
            assert first.result(20).status == 200
            assert [each.result(20).text for each in rest] == [f"queued {n}" for n in range(5)]
        assert process.wait() == 0


def test_a_second_sigterm_forces(process: ServerProcess) -> None:
    workers = worker_processes(process.pid)
    with ThreadPoolExecutor(1) as clients:
        stuck = clients.submit(process.upload, card("spin"))
        wait_until(lambda: queue_of(process)["running"] == 1, "the one that hangs")
        process.terminate()
        wait_until(lambda: process.get("/readyz").status == 503, "the drain")
        started = time.monotonic()
        process.terminate()
        process.wait(5)
        assert time.monotonic() - started < 5
        with contextlib.suppress(OSError):  # the connection may be closed without an answer
            assert (stuck.result(10).status, stuck.result().code) == (503, "draining")
    wait_until(lambda: not any(map(is_alive, workers)), "the end of all workers", 5)


def test_sigterm_while_the_models_are_loading(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, SETTINGS, fakes=True)
    server.start()
    try:
        server.terminate()
        assert server.wait(10) == 0
    finally:
        server.__exit__(None, None, None)


def test_killed_it_leaves_no_orphan_and_a_free_port(process: ServerProcess) -> None:
    workers = worker_processes(process.pid)
    assert len(workers) == 2
    process.kill()
    try:
        wait_until(lambda: not any(map(is_alive, workers)), "the end of all workers", 5)
    finally:
        kill_all({pid for pid in workers if is_alive(pid)})
    with closing(socket.socket()) as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", process.port))


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a server says which cannot start."""
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


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"ocr": {"predict_system": {"det_model_dir": "./absent"}}}))
    assert "det_model_dir" in one_line(run_setup("--config", str(config)))


def test_settings_are_checked_without_a_start() -> None:
    done = run_setup("--check-config")
    assert (done.returncode, done.stderr) == (0, "")
    assert "good" in done.stdout


def test_importing_does_nothing() -> None:
    """No output, no process, no thread, no socket, and the engine knows nothing of HTTP."""
    code = (
        "import os, sys, threading, multiprocessing\n"
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
