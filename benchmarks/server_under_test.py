"""A server process for benchmarks: started on a free port, watched, stopped by its own pid."""

from __future__ import annotations

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

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0


class ServerUnderTest:
    """`python setup.py` with the given settings; a context manager that waits for /readyz."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.seconds_to_ready = 0.0
        self.port = 0
        self._settings = settings

    def __enter__(self) -> ServerUnderTest:
        self._folder = tempfile.TemporaryDirectory(prefix="ocr-benchmark-")
        config = Path(self._folder.name) / "config.json"
        config.write_text(json.dumps(self._settings))
        self._log = (Path(self._folder.name) / "log").open("w+b")
        command = [sys.executable, str(ROOT / "setup.py"), "--config", str(config), "--port", "0"]
        command += ["--access-log-level", "WARNING"]
        start = time.perf_counter()
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        workers = self._settings["ocr"]["process"]["number"]
        while not self._ready():
            self._check(start)
        self.seconds_to_ready = time.perf_counter() - start
        while sum(w["state"] == "ready" for w in self.health()["workers"]) < workers:
            self._check(start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._log.close()
        self._folder.cleanup()

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

    def cpu_seconds(self) -> float:
        """User and system time of the front end and its workers so far."""
        pids = [self._process.pid, *(worker["pid"] for worker in self.health()["workers"])]
        return sum(map(_cpu_seconds, pids))

    def _ready(self) -> bool:
        if self.port == 0:
            self._log.seek(0)
            found = re.search(rb"listens on http://[^ ]+:(\d+)", self._log.read())
            self.port = int(found[1]) if found else 0
        return self.port != 0 and self.get("/readyz")[0] == 200

    def _check(self, start: float) -> None:
        if self._process.poll() is not None or time.perf_counter() - start > START_SECONDS:
            self._log.seek(0)
            raise RuntimeError(f"the server did not start:\n{self._log.read().decode()}")
        time.sleep(0.01)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
