"""`ocr-server check-ready`: the exit status says whether the server of these settings is ready."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.program import free_port
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

SETTINGS = {"ocr": {"process": {"number": 1}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("ready"), SETTINGS, fakes=True) as running:
        yield running


def check_ready(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", "check-ready", *arguments],
        cwd=ROOT, env={**os.environ, **environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1", "localhost"])
def test_a_server_that_is_ready(server: ServerProcess, address: str) -> None:
    done = check_ready(PORT=str(server.port), OCR_WEB_SERVER__ADDRESS=address)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{address}:{server.port} is ready\n"


def test_nothing_listens() -> None:
    port = free_port()
    done = check_ready(PORT=str(port))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no answer from 127.0.0.1:{port}: " in done.stderr
    assert done.stderr.count("\n") == 1


def test_no_worker_has_started(tmp_path: Path) -> None:
    (tmp_path / "gate").touch()
    server = ServerProcess(tmp_path, SETTINGS, fakes=True, load="load_obedient_when_told")
    try:
        server.start()
        done = check_ready(PORT=str(server.port))
        assert (done.returncode, done.stdout) == (1, "")
        assert f"127.0.0.1:{server.port} is not ready (status 503)" in done.stderr
    finally:
        server.kill()


def test_a_unix_socket(tmp_path: Path) -> None:
    config = tmp_path / "its.json"
    config.write_text(json.dumps({"web_server": {"unix_socket": "ocr.sock"}}))
    assert check_ready("--config", str(config)).returncode == 1
    command = [sys.executable, "-m", "server", "serve", "--config", str(config), "--workers", "1"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        wait_until(lambda: check_ready("--config", str(config)).returncode == 0, "the server", 60)
    finally:
        process.terminate()
        assert process.wait(30) == 0, log.read_text()


def test_a_wrong_setting() -> None:
    done = check_ready(PORT="a")
    assert done.returncode == 2
    assert 'web_server.port = "a": expected an integer from 0 to 65535' in done.stderr
