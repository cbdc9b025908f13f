"""The engine interface, as the service, the metrics and the commands use it.

Implemented by the worker pool on this machine (pool/pool.py), by the front ends of a cluster
(ocr_cluster/front/), and by remote/dispatcher.py, which sends some of the images to models on other
servers. All calls are made on one event loop and none of them blocks it.
"""

from __future__ import annotations

import asyncio
import bisect
import enum
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ocr_engine.images.pixels import ImageData
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import EncodedRecognition, Recognition


class TaskState(enum.Enum):
    """The state of a task."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class WorkerState(enum.Enum):
    """The states of a worker, in the order in which it passes through them.

    A spare waits to take the place of a worker. A retiring worker finishes its last image.
    """

    STARTING = "starting"
    SPARE = "spare"
    READY = "ready"
    BUSY = "busy"
    RETIRING = "retiring"
    DEAD = "dead"


ANONYMOUS_USER = "anonymous"  # of requests that name no user


@dataclass(frozen=True, slots=True)
class Turn:
    """Whose image it is, and how soon it may get a worker.

    user: any name; images of one user wait for each other, and users take turns. weight: the
    user's share of the workers, relative to other users. priority: higher is read first, among the
    images of this user. background: nobody waits for the image, so images that somebody waits for
    are preferred.
    """

    user: str = ANONYMOUS_USER
    weight: float = 1.0
    priority: int = 0
    background: bool = False


DEFAULT_TURN = Turn()


class EngineTask(Protocol):
    """One submitted image."""

    @property
    def future(self) -> Awaitable[Recognition | EncodedRecognition]:
        """The recognition, encoded if another server has made it; or an EngineError."""

    @property
    def started(self) -> asyncio.Future[None]:
        """Done once a worker has received the image, even if that worker is lost later."""

    @property
    def state(self) -> TaskState:
        """The current state."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the model set that reads it, or that would read it now."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Figures of one worker.

    start_seconds: from spawning until warm; None before that. models: the sets in its memory.
    """

    pid: int | None
    state: WorkerState
    tasks_done: int
    rss_mb: int
    uptime_seconds: float
    start_seconds: float | None
    models: Sequence[str] = ()


START_BOUNDS = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


@dataclass(frozen=True, slots=True)
class StartTimes:
    """How many seconds workers took from spawning until they were warm.

    counts: workers by the first of START_BOUNDS that they did not exceed, then those beyond all.
    seconds: the sum.
    """

    counts: tuple[int, ...] = (0,) * (len(START_BOUNDS) + 1)
    seconds: float = 0.0

    def plus(self, seconds: float) -> StartTimes:
        """These, and one more worker."""
        counts = list(self.counts)
        counts[bisect.bisect_left(START_BOUNDS, seconds)] += 1
        return StartTimes(tuple(counts), self.seconds + seconds)


@dataclass(frozen=True, slots=True)
class RemoteStats:
    """Figures of a model set on another server.

    concurrency: how many images it reads at a time. completed: images answered so far, with or
    without error. attempts: requests to the server so far: `ok`, `retried` or `failed`.
    """

    name: str
    concurrency: int
    queued: int
    running: int
    completed: int
    attempts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The state of an engine at one moment.

    queued, running: images waiting, and being read. queue_limit: limit of the backlog.
    users: users with waiting images.
    completed: images answered so far, with or without error. restarts: ended workers, by reason.
    starts: of all workers and spares that became warm. outdated: workers that are to be replaced,
    because they started with other model sets. has_workers: False if the workers are those of other
    machines, which report them. remote: sets on other servers, whose images do not count in the
    other figures.
    """

    queued: int
    running: int
    queue_limit: int
    completed: int
    expected_wait_seconds: float
    workers: Sequence[WorkerStats]
    restarts: Mapping[str, int]
    users: int = 0
    starts: StartTimes = StartTimes()
    outdated: int = 0
    has_workers: bool = True
    remote: Sequence[RemoteStats] = ()


class ProbeOutcome(enum.StrEnum):
    """How a worker has read the known image; a worker that is wrong or late is replaced."""

    RIGHT = "right"
    WRONG = "wrong"
    LATE = "late"
    LOST = "lost"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class WorkerProbe:
    """What a probe has found about one worker.

    seconds: how long it had the known image; None if it was busy with another image.
    """

    pid: int | None
    outcome: ProbeOutcome
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """What a probe has found. at: when it ended, by time.monotonic()."""

    at: float
    workers: Sequence[WorkerProbe] = ()

    @property
    def passed(self) -> bool:
        """Whether a worker reads correctly."""
        return any(worker.outcome is ProbeOutcome.RIGHT for worker in self.workers)

    @property
    def summary(self) -> str:
        """The outcomes in a few words."""
        return ", ".join(f"{worker.pid} {worker.outcome}" for worker in self.workers) or "no worker"


class Engine(Protocol):
    """Recognizes images."""

    @property
    def models(self) -> ModelSets:
        """The model sets that images may ask for, and the default."""

    @property
    def info(self) -> EngineInfo | None:
        """The loaded models; None until the first worker is warm."""

    @property
    def capacity(self) -> int:
        """How many images all workers together can read concurrently."""

    def start(self) -> None:
        """Start loading; images may be submitted once ready() is true."""

    async def failure(self) -> str:
        """Wait until it is certain that the engine cannot become ready; returns the reason."""

    def ready(self) -> bool:
        """Whether images are accepted and can be read now."""

    async def use_models(self, chosen: LoadableSet) -> None:
        """Make this set the default, in place of the set with its name.

        Returns when a worker has loaded it; the other workers are then replaced, one after the
        other. Images are read meanwhile, each by the old set or the new one. ModelError if the set
        cannot be loaded: nothing changes then. PoolStarting, PoolDraining.
        """

    def submit(
        self,
        image: ImageData,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
    ) -> EngineTask:
        """Accept an image. patience: how many seconds the client waits; None: no limit.

        read_before: this engine has read the image before with these options, so the image is not
        to blame if a worker dies. Raises PoolDraining, PoolStarting or QueueFull.
        """

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """Drop a waiting image; with stop_running, also stop an image that is being read.

        That costs its worker, so the engine may decide that it is not worth it. False if the image
        is already done or continues to be read.
        """

    def advance(self, task: EngineTask, turn: Turn) -> None:
        """Another user waits for this image, too: it gets the better of both users' places."""

    def position(self, task: EngineTask) -> int:
        """The position of a waiting image, 1 for the next one; 0 if it is not waiting.

        Exact while one user waits, otherwise an estimate.
        """

    def expected_wait(self) -> float:
        """The estimated wait, in seconds, of an image submitted now."""

    def retry_after(self) -> float:
        """After how many seconds a client refused now should retry."""

    def pending_bytes(self) -> int:
        """The bytes of all images waiting or being read."""

    def stats(self) -> EngineStats:
        """The engine's state, for metrics and /healthz."""

    async def probe(self) -> ProbeReport:
        """Have every worker read a known image; wrong workers are replaced.

        Takes as long as the workers need. Concurrent calls, and calls within a few seconds of each
        other, share one probe.
        """

    async def drain(self, grace_seconds: float) -> None:
        """Stop accepting images; wait until all are done or grace_seconds have passed."""

    async def close(self, force: bool = False) -> None:
        """Stop all workers, immediately if `force`; remaining images end with PoolDraining."""


def concurrency(engine: Engine) -> int:
    """How many images are read concurrently, by workers and by models on other servers."""
    return engine.capacity + sum(each.remote_places for each in engine.models.every())
