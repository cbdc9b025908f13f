"""Honest clients in a process of their own: how late the server answers them meanwhile.

    python benchmarks/honest_clients.py PORT IMAGE PID

One asks for /livez every 20 ms; another uploads the image twice a second, each time with other
bytes behind it, so that it is recognized each time. An empty line on stdin asks for a lap: what
was seen since the last one, as a line of JSON. PID is the front end of the server: a busy machine
makes it wait for a CPU, for which it cannot be blamed.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http.client import HTTPException
from itertools import count
from pathlib import Path
from types import TracebackType

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from tests.support.http_client import KeptConnection  # noqa: E402

LIVE_SECONDS = 0.02
IMAGE_SECONDS = 0.5
ANSWER_SECONDS = 60.0
LAP_SECONDS = 90.0  # at most, until an image of the lap is read


@dataclass
class Lap:
    """What the honest clients saw; seconds.

    lag: the slowest /livez. noise: what the machine added to it, as far as is known: how long the
    front end waited for a CPU meanwhile, or how much too late this process woke up itself.
    refused: images refused with 503, which were sent again. wrong: other text or status, or none.
    """

    live: int = 0
    live_failed: int = 0
    lag: float = 0.0
    noise: float = 0.0
    read: int = 0
    refused: int = 0
    wrong: int = 0
    slowest: float = 0.0
    problem: str = ""

    def holds(self, lag: float | None = None) -> bool:
        """Whether all was answered, and /livez within `lag` seconds and what the machine cost."""
        answered = self.read > 0 and self.wrong == self.live_failed == 0
        return answered and (lag is None or self.lag <= lag + self.noise)

    def __str__(self) -> str:
        words = [f"lag {self.lag * 1000:.0f} ms (machine {self.noise * 1000:.0f})"]
        words.append(f"{self.read} images read, slowest {self.slowest:.2f} s")
        if self.refused:
            words.append(f"{self.refused} refused")
        if self.wrong or self.live_failed:
            words.append(f"{self.wrong + self.live_failed} FAILED: {self.problem}")
        return ", ".join(words)


class HonestClients:
    """The process with the clients: `with HonestClients(port, image, pid) as honest`."""

    def __init__(self, port: int, image: Path, pid: int) -> None:
        self._command = [sys.executable, __file__, str(port), str(image), str(pid)]

    def __enter__(self) -> HonestClients:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)
        self.lap()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(ANSWER_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()

    def lap(self) -> Lap:
        """What was seen since the last lap; it has at least one image that was sent in it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Lap(**json.loads(self._process.stdout.readline()))


class _Watch:
    """The two clients, as threads, and the lap that they fill."""

    def __init__(self, port: int, image: bytes, pid: int) -> None:
        self._port = port
        self._pid = pid
        self._image = image
        self._text: str | None = None
        self._lap = Lap()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._sent = threading.Event()  # an image of this lap was sent and answered
        self._threads = [threading.Thread(target=each) for each in (self._live, self._images)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def lap(self) -> Lap:
        """Wait for an image of this lap, and begin the next lap."""
        self._sent.wait(LAP_SECONDS)
        with self._lock:
            done, self._lap = self._lap, Lap()
            self._sent.clear()
        return done

    def _live(self) -> None:
        connection = KeptConnection(self._port, ANSWER_SECONDS)
        while True:
            due = time.monotonic() + LIVE_SECONDS
            if self._stop.wait(LIVE_SECONDS):
                return connection.close()
            waited, started = waited_for_cpu(self._pid), time.monotonic()
            problem = _problem(lambda: connection.request("GET", "/livez").status)
            seconds = time.monotonic() - started
            noise = max(waited_for_cpu(self._pid) - waited, started - due)
            with self._lock:
                self._lap.live += 1
                if seconds > self._lap.lag:
                    self._lap.lag, self._lap.noise = seconds, noise
                if problem:
                    self._lap.live_failed += 1
                    self._lap.problem = f"/livez: {problem}"
            if problem:
                connection.close()

    def _images(self) -> None:
        connection = KeptConnection(self._port, ANSWER_SECONDS)
        for number in count():
            if self._stop.wait(IMAGE_SECONDS):
                return connection.close()
            with self._lock:
                lap, started = self._lap, time.monotonic()
            problem = _problem(lambda number=number: self._read(connection, number))  # type: ignore[misc]
            with self._lock:
                if problem == "503":
                    lap.refused += 1
                    continue
                lap.slowest = max(lap.slowest, time.monotonic() - started)
                lap.read += not problem
                if problem:
                    lap.wrong += 1
                    lap.problem = problem
                if lap is self._lap:
                    self._sent.set()
            if problem:
                connection.close()
        return None

    def _read(self, connection: KeptConnection, number: int) -> int:
        """Upload the image; returns the status, or 0 if the text is not that of the first time."""
        headers = {"Content-Type": "application/octet-stream"}
        image = self._image + b"%d %d" % (number, time.time_ns())
        reply = connection.request("POST", "/ocr", image, headers)
        if reply.status != 200:
            return reply.status
        self._text = reply.text if self._text is None else self._text
        return 200 if reply.text == self._text else 0


def waited_for_cpu(pid: int) -> float:
    """How many seconds the threads of a process have been ready to run without a CPU, in sum."""
    waited = 0
    with contextlib.suppress(OSError):  # a thread has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            waited += int((thread / "schedstat").read_text().split()[1])
    return waited / 1e9


def _problem(ask: Callable[[], int]) -> str:
    """What is wrong with an answer; empty if it is 200."""
    try:
        status = ask()
    except (OSError, HTTPException) as error:
        return repr(error)
    return "" if status == 200 else str(status or "another text")


def main() -> None:
    """Run the clients until stdin is closed."""
    port, image, pid = sys.argv[1:]
    watch = _Watch(int(port), Path(image).read_bytes(), int(pid))
    watch.start()
    for _ in sys.stdin:
        print(json.dumps(asdict(watch.lap())), flush=True)
    watch.stop()


if __name__ == "__main__":
    main()
