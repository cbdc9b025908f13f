"""The server of this checkout for benchmarks, its load, and the verdict on a run."""

from __future__ import annotations

import contextlib
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from process_costs import cpu_seconds

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from tests.support.http_client import KeptConnection  # noqa: E402
from tests.support.server_process import START_SECONDS, ServerProcess  # noqa: E402
from tests.support.watching import wait_until  # noqa: E402

STOP_SECONDS = 60.0
ANSWER_SECONDS = 300.0


class ServerUnderTest(ServerProcess):
    """A server with the given settings; on entry, all workers are ready.

    By default it has no access log. Seconds count from exec.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, Any], access_log_level: str = "WARNING"
    ) -> None:
        super().__init__(
            folder,
            settings,
            environment={"TMPDIR": str(folder / "temporary")},
            arguments=("--access-log-level", access_log_level),
            detached=True,
            stop_seconds=STOP_SECONDS,
        )
        self.seconds_to_ready = 0.0  # until /readyz answers 200: one worker is ready
        self.seconds_to_whole = 0.0  # until all workers are ready
        self.workers: int = settings["ocr"]["process"]["number"]

    def __enter__(self) -> ServerUnderTest:
        self.temporary.mkdir()
        start = time.perf_counter()
        super().__enter__()
        self.seconds_to_ready = time.perf_counter() - start
        try:
            wait_until(self._is_whole, "all workers ready", START_SECONDS)
        except BaseException:
            self.stop()
            raise
        self.seconds_to_whole = time.perf_counter() - start
        return self

    def cpu_seconds(self) -> float:
        """User and system time of the front end and its workers so far."""
        return cpu_seconds([self.pid, *self.worker_pids()])

    def _is_whole(self) -> bool:
        states = [worker["state"] for worker in self.health()["workers"]]
        return states.count("ready") == self.workers


@contextlib.contextmanager
def serving(
    settings: Mapping[str, Any], access_log_level: str = "WARNING"
) -> Iterator[ServerUnderTest]:
    """A server with the given settings, in a temporary folder."""
    with (
        tempfile.TemporaryDirectory(prefix="ocr-benchmark-") as folder,
        ServerUnderTest(Path(folder), settings, access_log_level) as server,
    ):
        yield server


class Verdict:
    """The rows of a result table, and the checks that failed."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, str, bool]] = []

    def row(self, name: str, text: str, holds: bool = True) -> None:
        """Add a line to the table; with `holds`, it is a check."""
        self._rows.append((name, text, holds))

    def print(self) -> int:
        """Print the table; returns the exit status, 1 if a check failed."""
        width = max(len(name) for name, _, _ in self._rows)
        for name, text, holds in self._rows:
            print(f"{name:{width}}  {text}{'' if holds else '  FAILED'}")
        failed = [name for name, _, holds in self._rows if not holds]
        print(f"failed: {', '.join(failed)}" if failed else "every check passed", flush=True)
        return 1 if failed else 0


@dataclass(frozen=True)
class Load:
    """The times of clients in a closed loop: wall seconds, and the seconds of each request."""

    seconds: float
    latencies: tuple[float, ...]

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds


def drive(port: int, images: Sequence[bytes], clients: int) -> Load:
    """Send every image once, `clients` at a time, each over one connection; all must be 200."""
    latencies: list[float] = []
    problems: list[str] = []
    todo = iter(images)
    lock = threading.Lock()

    def client() -> None:
        connection = KeptConnection(port, ANSWER_SECONDS)
        while True:
            with lock:
                image = next(todo, None)
            if image is None or problems:
                return
            start = time.perf_counter()
            reply = connection.request("POST", "/ocr", image, {"Content-Type": "image/jpeg"})
            if reply.status != 200:
                problems.append(f"{reply.status}: {reply.body[:300]!r}")
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
