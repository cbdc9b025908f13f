"""What triggers an alert: workers, the queue, failed requests, disk and memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from ocr_engine.engine import EngineStats, WorkerState
from server.disk_space import free_bytes

DEATHS_SECONDS = 300.0
UNREADY_SECONDS = 60.0
ERRORS_SECONDS = 300.0
MIN_FAILURES = 5  # one failure in a quiet night is no alert
ABLE = frozenset((WorkerState.READY, WorkerState.BUSY))
INTENDED = frozenset(
    ("recycled", "new_models", "cancelled", "shutdown")
)  # reasons that are not deaths
NEARLY = 0.9  # of a limit: workers keep taking images, so a full queue is seldom exactly full


class Condition(Protocol):
    """One possible problem, checked every few seconds.

    recovered: the message when it is over.
    """

    kind: str
    recovered: str

    def problem(self, now: float, told: bool) -> str | None:
        """What is wrong, or None. told: whether an alert of it was posted, and none of its end.

        A problem that has begun ends only when its value is well on the good side of the limit, so
        that problems do not come and go. now: any clock in seconds that only moves forward.
        """


class WorkerDeaths:
    """`after` workers died within five minutes; over when none has died for five minutes."""

    kind = "workers"
    recovered = "no worker has died for 5 minutes"

    def __init__(self, stats: Callable[[], EngineStats], after: int) -> None:
        self._stats = stats
        self._after = after
        self._seen: dict[str, int] = {}
        self._deaths: deque[tuple[float, str]] = deque()

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        for reason, count in self._stats().restarts.items():
            new = count - self._seen.get(reason, 0)
            self._seen[reason] = count
            if reason not in INTENDED:
                self._deaths.extend([(now, reason)] * new)
        while self._deaths and self._deaths[0][0] <= now - DEATHS_SECONDS:
            self._deaths.popleft()
        if len(self._deaths) < (1 if told else self._after):
            return None
        reasons = ", ".join(sorted({reason for _, reason in self._deaths}))
        return f"{len(self._deaths)} workers died within 5 minutes ({reasons})"


class QueueFull:
    """For `seconds`, the backlog was nearly full, or the expected wait was nearly too long."""

    kind = "queue"
    recovered = "the queue has room again"

    def __init__(
        self, stats: Callable[[], EngineStats], max_wait_seconds: float, seconds: float
    ) -> None:
        self._stats = stats
        self._max_wait = max_wait_seconds
        self._seconds = seconds
        self._full_since: float | None = None

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        stats = self._stats()
        many = stats.queue_limit > 0 and stats.queued >= NEARLY * stats.queue_limit
        if not many and stats.expected_wait_seconds < NEARLY * self._max_wait:
            self._full_since = None
            return None
        if self._full_since is None:
            self._full_since = now
        if now - self._full_since < self._seconds and not told:
            return None
        return (
            f"the queue stays full: {stats.queued} images wait, "
            f"a new one would wait {stats.expected_wait_seconds:.0f} s"
        )


class NoReadyWorker:
    """For a minute, no worker was ready or busy; over when one is."""

    kind = "ready"
    recovered = "a worker is ready again"

    def __init__(self, stats: Callable[[], EngineStats]) -> None:
        self._stats = stats
        self._since: float | None = None

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        if any(worker.state in ABLE for worker in self._stats().workers):
            self._since = None
            return None
        if self._since is None:
            self._since = now
        if now - self._since < UNREADY_SECONDS and not told:
            return None
        return "no worker can read images"


class ErrorRate:
    """Within five minutes, more than `percent` of the requests failed.

    It is over when the rate is half of that. outcomes: see Metrics.outcomes().
    """

    kind = "errors"
    recovered = "few requests fail again"

    def __init__(self, outcomes: Callable[[], tuple[int, int]], percent: float) -> None:
        self._outcomes = outcomes
        self._percent = percent
        self._past: deque[tuple[float, int, int]] = deque()

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        requests, failures = self._outcomes()
        self._past.append((now, requests, failures))
        while self._past[0][0] < now - ERRORS_SECONDS:
            self._past.popleft()
        requests -= self._past[0][1]
        failures -= self._past[0][2]
        limit = self._percent / (2 if told else 1)
        if failures < (1 if told else MIN_FAILURES) or 100 * failures <= limit * requests:
            return None
        return f"{failures} of {requests} requests failed within 5 minutes"


class DiskLow:
    """A folder's disk has less than min_mb left. folders: see watched_folders()."""

    kind = "disk"
    recovered = "the disk has room again"

    def __init__(self, folders: Mapping[str, Path], min_mb: int) -> None:
        self._folders = folders
        self._min_mb = min_mb

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        for name, folder in self._folders.items():
            free_mb = free_bytes(folder) >> 20
            if free_mb < self._min_mb * (2 - NEARLY if told else 1):
                return f"the disk of the {name} folder has {free_mb} MiB left"
        return None


class MemoryLow:
    """Less than min_mb of memory is left."""

    kind = "memory"
    recovered = "there is enough memory again"

    def __init__(self, available_mb: Callable[[], int], min_mb: int) -> None:
        self._available_mb = available_mb
        self._min_mb = min_mb

    def problem(self, now: float, told: bool) -> str | None:
        """See Condition."""
        left = self._available_mb()
        if left < self._min_mb * (2 - NEARLY if told else 1):
            return f"{left} MiB of memory are left"
        return None
