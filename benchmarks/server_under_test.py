"""A server process for benchmarks: started on a free port, watched, stopped by its own pid."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from types import TracebackType
from typing import Any

from process_costs import cpu_seconds

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests")]

from tests.support.watching import descriptors, is_alive, worker_processes  # noqa: E402

START_SECONDS = 60.0
STOP_SECONDS = 60.0
SETTLE_SECONDS = 30.0
DESCRIPTOR_SLACK = 2

_PR_SET_PDEATHSIG = 1


class ServerUnderTest:
    """`python setup.py` with the given settings; a context manager that waits for /readyz.

    Seconds count from its exec; exit_status is known when it is stopped.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.seconds_to_ready = 0.0  # until /readyz says so: one worker is warm
        self.seconds_to_whole = 0.0  # until all workers are
        self.port = 0
        self.workers: int = settings["ocr"]["process"]["number"]
        self.exit_status: int | None = None
        self._settings = settings

    def __enter__(self) -> ServerUnderTest:
        self._folder = tempfile.TemporaryDirectory(prefix="ocr-benchmark-")
        self.temporary.mkdir()
        self._log = (Path(self._folder.name) / "log").open("w+b")
        start = time.perf_counter()
        self._process = self._spawn()
        try:
            while not self._ready():
                self._check(start)
            self.seconds_to_ready = time.perf_counter() - start
            while sum(w["state"] == "ready" for w in self.health()["workers"]) < self.workers:
                self._check(start)
            self.seconds_to_whole = time.perf_counter() - start
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int:
        """The front end's process id."""
        return self._process.pid

    @property
    def temporary(self) -> Path:
        """The folder that the server has for temporary files."""
        return Path(self._folder.name) / "temporary"

    @property
    def output(self) -> str:
        """What the server has printed and logged."""
        return (Path(self._folder.name) / "log").read_text(errors="replace")

    def health(self) -> dict[str, Any]:
        """/healthz."""
        answer: dict[str, Any] = json.loads(self.get("/healthz")[1])
        return answer

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a GET."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def signal_worker(self, pid: int, number: int) -> bool:
        """Send a signal to a worker; False if it is gone, and its number perhaps given away."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            if not is_alive(pid) or pid not in worker_processes(self.pid):
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    def worker_pids(self) -> list[int]:
        """The workers' process ids."""
        return [worker["pid"] for worker in self.health()["workers"]]

    def cpu_seconds(self) -> float:
        """User and system time of the front end and its workers so far."""
        return cpu_seconds([self.pid, *self.worker_pids()])

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, lest Ctrl-C end it before its benchmark does."""
        config = Path(self._folder.name) / "config.json"
        config.write_text(json.dumps(self._settings))
        command = [sys.executable, str(ROOT / "setup.py"), "--config", str(config), "--port", "0"]
        command += ["--access-log-level", "WARNING"]
        return subprocess.Popen(
            command,
            stdout=self._log,
            stderr=self._log,
            env={**os.environ, "TMPDIR": str(self.temporary)},
            start_new_session=True,
            preexec_fn=stop_with_parent,
        )

    def _stop(self) -> None:
        """SIGTERM; SIGKILL if that does not end it, and the workers go with it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_status = self._process.wait(STOP_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._log.close()
            self._folder.cleanup()

    def _ready(self) -> bool:
        if self.port == 0:
            found = re.search(r"listens on http://[^ ]+:(\d+)", self.output)
            self.port = int(found[1]) if found else 0
        return self.port != 0 and self.get("/readyz")[0] == 200

    def _check(self, start: float) -> None:
        if self._process.poll() is not None or time.perf_counter() - start > START_SECONDS:
            raise RuntimeError(f"the server did not start:\n{self.output}")
        time.sleep(0.01)


class Invariant:
    """What holds whenever a server is left alone: it is idle, whole, leaks nothing, and reads.

    A constructed one has seen the server idle; `text` is what it read of the known picture.
    """

    def __init__(self, server: ServerUnderTest, known: bytes) -> None:
        self._server = server
        self._known = known
        self.text = self._read()
        self._descriptors = descriptors(server.pid)
        if unsettled := self.broken():
            raise RuntimeError(f"the server was not idle to begin with: {', '.join(unsettled)}")

    def broken(self, seconds: float = SETTLE_SECONDS) -> list[str]:
        """What does not hold, not even after so many seconds."""
        deadline = time.monotonic() + seconds
        while (unsettled := self._unsettled()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not unsettled and (text := self._read()) != self.text:
            unsettled.append(f"the known picture was read as {text[:60]!r}")
        return unsettled

    def _unsettled(self) -> list[str]:
        health = self._server.health()
        ready = {worker["pid"] for worker in health["workers"] if worker["state"] == "ready"}
        children, opened = worker_processes(self._server.pid), descriptors(self._server.pid)
        left = sorted(path.name for path in self._server.temporary.rglob("*"))
        queue = {name: health["queue"][name] for name in ("waiting", "running")}
        busy = {**health["requests"], **queue}
        wrong = {
            f"under way: {busy}": any(busy.values()),
            f"workers: {health['workers']}": len(ready) != self._server.workers
            or len(health["workers"]) != len(ready),
            f"children: {sorted(children)}, of which ready {sorted(ready)}": children != ready,
            f"temporary files: {left}": bool(left),
            f"descriptors: {opened}, at first {self._descriptors}": opened
            > self._descriptors + DESCRIPTOR_SLACK,
        }
        return [what for what, is_wrong in wrong.items() if is_wrong]

    def _read(self) -> str:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        try:
            headers = {"Content-Type": "image/png", "Cache-Control": "no-cache"}
            connection.request("POST", "/ocr", self._known, headers)
            body = json.loads(connection.getresponse().read())
            return str(body["data"]["text"] if "data" in body else body["error"])
        finally:
            connection.close()


class Verdict:
    """The rows of a result table, and the checks that failed."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, bool]] = []

    def row(self, name: str, text: str, holds: bool = True) -> None:
        """A line of the table; a check that may fail if `holds` is given."""
        self._rows.append((name, text, holds))

    def print(self) -> int:
        """Print the table; the exit status, 1 if a check failed."""
        width = max(len(name) for name, _, _ in self._rows)
        for name, text, holds in self._rows:
            print(f"{name:{width}}  {text}{'' if holds else '  FAILED'}")
        failed = [name for name, _, holds in self._rows if not holds]
        print(f"failed: {', '.join(failed)}" if failed else "every check passed", flush=True)
        return 1 if failed else 0


def stop_with_parent() -> None:
    """SIGTERM to this process when its parent is gone; runs in a child before its program."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MiB; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@dataclass(frozen=True)
class Load:
    """What clients in a closed loop saw: wall seconds, and each request's seconds."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds


def drive(port: int, pictures: Sequence[bytes], clients: int) -> Load:
    """Send every picture once, `clients` at a time, each over one connection; all must be 200."""
    latencies: list[float] = []
    problems: list[str] = []
    todo = iter(pictures)
    lock = threading.Lock()

    def client() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=300)
        while True:
            with lock:
                picture = next(todo, None)
            if picture is None or problems:
                return
            start = time.perf_counter()
            connection.request("POST", "/ocr", picture, {"Content-Type": "image/jpeg"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                problems.append(f"{answer.status}: {body[:300]!r}")
            with lock:
                latencies.append(time.perf_counter() - start)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise RuntimeError(problems[0])
    return Load(time.perf_counter() - start, tuple(latencies))
