"""Row 63: odd standard streams, signals, a current directory that others write to, old sockets."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.test_load import busy
from tests.support.cards import card
from tests.support.faulty_server import Serve
from tests.support.server_process import ServerProcess, run_setup
from tests.support.socket_server import SocketServer, ask, recognized
from tests.support.watching import is_alive, wait_until, worker_processes

pytestmark = pytest.mark.faults(63)

ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
IMPOSTOR = "import pathlib\npathlib.Path({marker!r}).touch()\nraise SystemExit(1)\n"


@pytest.mark.parametrize(
    "environment", [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, ASCII]
)
def test_a_stdout_that_is_not_unicode(serve: Serve, environment: Mapping[str, str]) -> None:
    server = serve(environment=environment)
    wait_until(lambda: "s: open http://" in server.output, "the last line of the start")
    assert "thread(s) each ?" in server.output
    assert "Traceback" not in server.output


@pytest.fixture
def on_a_path(tmp_path: Path) -> Iterator[SocketServer]:
    server = SocketServer(tmp_path, {}, fakes=True)
    yield server
    server.stop()


@pytest.mark.parametrize(
    "redirection", [">/dev/full", ">/dev/full 2>&1", ">&-", "<&- >&- 2>&-", "<&-", "2>&-"]
)
def test_standard_streams_that_are_full_or_closed(
    on_a_path: SocketServer, redirection: str
) -> None:
    server = on_a_path
    server.redirection = redirection
    server.start()
    wait_until(lambda: ask(server.path).status == 200, "a warm worker")
    streams = [os.readlink(f"/proc/{server.pid}/fd/{number}") for number in range(3)]
    assert not [name for name in streams if not name.startswith(("/", "pipe:"))], streams
    assert recognized(server.path, "read") == "read"
    server.terminate()
    assert server.wait(20) == 0
    assert "Traceback" not in server.output


def test_a_terminal_that_closes_drains_the_server(
    serve: Serve, clients: ThreadPoolExecutor, gate: Path
) -> None:
    """The kernel sends SIGHUP to the workers as well."""
    server = serve(timeout_seconds=20)
    workers = worker_processes(server.pid)
    holding = busy(server, clients, gate)
    for pid in (*workers, server.pid):
        os.kill(pid, signal.SIGHUP)
    wait_until(lambda: server.get("/readyz").status == 503, "the drain", 5)
    gate.unlink()
    assert {each.result(20).status for each in holding} == {200}
    assert server.wait(20) == 0
    assert not any(map(is_alive, workers))
    assert " lost: " not in server.output


def test_nohup_keeps_the_server(on_a_path: SocketServer) -> None:
    server = on_a_path
    server.preparation = "trap '' HUP;"
    server.start()
    wait_until(lambda: ask(server.path).status == 200, "a warm worker")
    os.kill(server.pid, signal.SIGHUP)
    assert recognized(server.path, "after the signal") == "after the signal"
    assert ask(server.path).status == 200


def test_signals_of_users_are_ignored(fakes: ServerProcess) -> None:
    for pid in (fakes.pid, *worker_processes(fakes.pid)):
        os.kill(pid, signal.SIGUSR1)
        os.kill(pid, signal.SIGUSR2)
    assert fakes.upload(card("after the signals")).text == "after the signals"
    assert fakes.is_running


class InAFolder(ServerProcess):
    """A server whose current directory is a folder of its own."""

    name = "current"

    def spawn(self, command: Sequence[str], working_directory: Path | None = None) -> None:
        """Start it there."""
        super().spawn(command, self.folder / self.name)


def test_workers_import_nothing_from_the_current_directory(tmp_path: Path) -> None:
    """With the real command; the fakes are started with `python -c`, which does import from it."""
    marker, folder = tmp_path / "taken", tmp_path / InAFolder.name
    folder.mkdir()
    for name in ("multiprocessing", "importlib", "openvino", "ocr_engine"):
        (folder / f"{name}.py").write_text(IMPOSTOR.format(marker=str(marker)))
    with InAFolder(tmp_path, {"ocr": {"process": {"number": 1}}}) as server:
        assert not marker.exists()
        assert server.get("/readyz").status == 200


def test_a_unix_socket(on_a_path: SocketServer) -> None:
    server = on_a_path
    server.start()
    wait_until(lambda: ask(server.path).status == 200, "a warm worker")
    assert recognized(server.path, "through a socket") == "through a socket"
    headers = {"Host": "ocr.example.com", "X-Forwarded-For": "203.0.113.7"}
    assert ask(server.path, target="/jobs", headers=headers).status == 200
    wait_until(lambda: "203.0.113.7 GET /jobs 200" in server.output, "the line of the request")
    assert f"listens on unix:{server.path}" in server.output
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o660
    server.terminate()
    assert server.wait(20) == 0
    assert not server.path.exists()


@pytest.mark.parametrize("mode", ["600", "0666"])
def test_the_mode_of_the_socket(tmp_path: Path, mode: str) -> None:
    server = SocketServer(tmp_path, {"web_server": {"unix_socket_mode": mode}}, fakes=True)
    server.start()
    try:
        assert stat.S_IMODE(server.path.stat().st_mode) == int(mode, 8)
    finally:
        server.stop()


def test_the_socket_of_a_killed_server_is_replaced(on_a_path: SocketServer) -> None:
    server = on_a_path
    server.start()
    server.kill()
    assert server.path.exists()
    server.start()
    assert ask(server.path, target="/livez").status == 200


def second(folder: Path) -> subprocess.CompletedProcess[str]:
    """A server that cannot listen on the socket in this folder."""
    done = run_setup(OCR_WEB_SERVER__UNIX_SOCKET=str(folder / "ocr.sock"))
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    return done


def test_the_socket_of_a_running_server_is_left_alone(on_a_path: SocketServer) -> None:
    on_a_path.start()
    assert "another server listens there" in second(on_a_path.folder).stderr
    assert ask(on_a_path.path, target="/livez").status == 200


def test_a_file_in_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ocr.sock").write_text("precious")
    assert "no socket" in second(tmp_path).stderr
    assert (tmp_path / "ocr.sock").read_text() == "precious"


def test_a_path_that_is_too_long_or_has_no_folder(tmp_path: Path) -> None:
    assert "AF_UNIX path too long" in second(tmp_path / ("x" * 120)).stderr
    assert "No such file" in second(tmp_path / "absent").stderr


def test_the_socket_of_the_next_server_is_not_removed(on_a_path: SocketServer) -> None:
    """As in a restart that overlaps: its file was removed, and the next one has the path."""
    on_a_path.start()
    on_a_path.path.unlink()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as other:
        other.bind(str(on_a_path.path))
        on_a_path.terminate()
        assert on_a_path.wait(20) == 0
        assert on_a_path.path.exists()
