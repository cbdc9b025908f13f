"""What reads images, as the service, the metrics and the commands see it.

A pool of worker processes on this machine is one (pool/pool.py). All calls are made on one event
loop and none of them blocks it.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import Recognition


class TaskState(enum.Enum):
    """Where an image is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class WorkerState(enum.Enum):
    """The life of a worker, in this order; retiring ones finish what they have."""

    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    RETIRING = "retiring"
    DEAD = "dead"


class EngineTask(Protocol):
    """One image on its way."""

    @property
    def future(self) -> asyncio.Future[Recognition]:
        """Its Recognition, or an EngineError."""

    @property
    def state(self) -> TaskState:
        """Where it is."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One worker. start_seconds: from its start until it was warm; None before that."""

    pid: int | None
    state: WorkerState
    tasks_done: int
    rss_mb: int
    uptime_seconds: float
    start_seconds: float | None


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The state of an engine at one moment.

    queued, running: images that wait, that are being read. queue_limit: how many may wait.
    completed: images answered so far, well or not. restarts: workers that ended, by reason.
    """

    queued: int
    running: int
    queue_limit: int
    completed: int
    expected_wait_seconds: float
    workers: Sequence[WorkerStats]
    restarts: Mapping[str, int]


class Engine(Protocol):
    """Takes images and answers with what they say."""

    @property
    def fingerprint(self) -> str:
        """Differs for every two engines that may read an image differently."""

    @property
    def info(self) -> EngineInfo | None:
        """What is loaded; None before the first worker is warm."""

    @property
    def capacity(self) -> int:
        """How many images can be read at once when all workers are there."""

    def start(self) -> None:
        """Begin to load; images may be submitted once it is ready."""

    async def failure(self) -> str:
        """Wait until it is certain that it will never be ready; the reason."""

    def ready(self) -> bool:
        """Whether an image sent now would be read."""

    def submit(
        self,
        image: bytes,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
    ) -> EngineTask:
        """Accept an image. patience: seconds that it is worth waiting; None: as long as it takes.

        read_before: it has been read by this engine with these options, so that no worker's death
        is its fault. Raises PoolDraining, PoolStarting or QueueFull.
        """

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """Drop an image that waits; stop one that is being read if stop_running and it is worth it.

        False if it is done, or is read to its end.
        """

    def position(self, task: EngineTask) -> int:
        """The place of an image that waits, 1 being next; 0 if it does not wait."""

    def expected_wait(self) -> float:
        """How many seconds an image sent now would wait."""

    def retry_after(self) -> float:
        """In how many seconds a client that is refused now should come back."""

    def pending_bytes(self) -> int:
        """How many bytes the images have that wait or are being read."""

    def stats(self) -> EngineStats:
        """Its state, for metrics and /healthz."""

    async def drain(self, grace_seconds: float) -> None:
        """Accept nothing more, and wait until what was accepted is done or the grace is over."""

    async def close(self, force: bool = False) -> None:
        """End all workers, at once if force; images that are left end with PoolDraining."""
