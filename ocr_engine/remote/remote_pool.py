"""The images for one model on another server: a backlog with fair turns, and those being read."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from ocr_engine.engine import RemoteStats, TaskState, Turn
from ocr_engine.errors import (
    EngineError,
    PoolDraining,
    QueueTimeout,
    RecognitionFailed,
    RecognitionTimeout,
)
from ocr_engine.options import RecognitionOptions
from ocr_engine.pool.admission import Admission
from ocr_engine.pool.backlog import Backlog
from ocr_engine.remote.spec import RemoteSet
from ocr_engine.remote.task import RemoteTask
from ocr_engine.result import Recognition

Read = Callable[[bytes, RecognitionOptions, float], Awaitable[Recognition]]

log = logging.getLogger(__name__)


class RemotePool:
    """Reads at most `concurrency` images at a time; the others wait as for a worker.

    read: reads one image until a deadline of the event loop's clock. attempts: see ChatClient.
    """

    def __init__(
        self, remote: RemoteSet, read: Read, ids: itertools.count[int], attempts: Mapping[str, int]
    ) -> None:
        self.remote = remote
        self.pending_bytes = 0
        self._read = read
        self._ids = ids
        self._attempts = attempts
        self._fingerprint = remote.fingerprint()
        self._admission = Admission(remote.queue_size, remote.queue_seconds, remote.user_share)
        self._backlog: Backlog[RemoteTask] = Backlog()
        self._running: set[RemoteTask] = set()
        self._completed = 0
        self._draining = False

    def submit(
        self, image: bytes, options: RecognitionOptions, patience: float | None, turn: Turn
    ) -> RemoteTask:
        """Accept an image; PoolDraining or QueueFull."""
        if self._draining:
            raise PoolDraining("the server is stopping; send the image to another one")
        self._admission.meet(turn.user)
        if not self._has_place():
            waiting = self._backlog.waiting(turn)
            self._admission.check(waiting, self.remote.concurrency, patience)
        task = RemoteTask(next(self._ids), image, options, turn, self._fingerprint)
        task.cost = self._admission.cost(task.pixels)
        self.pending_bytes += task.size
        task.future.add_done_callback(lambda _: self._settled(task))
        self._backlog.push(task)
        loop = asyncio.get_running_loop()
        task.timer = loop.call_later(self.remote.queue_seconds, self._expire, task)
        self._start_waiting()
        return task

    def cancel(self, task: RemoteTask, stop_running: bool) -> bool:
        """Drop a waiting image; stop a running one, whose connection is then closed."""
        if not self._backlog.remove(task):
            if not stop_running or task.work is None or task.state is TaskState.DONE:
                return False
            task.work.cancel()
        task.finish(PoolDraining("the work was cancelled"))
        return True

    def advance(self, task: RemoteTask, turn: Turn) -> None:
        """See Engine."""
        self._backlog.advance(task, turn)

    def position(self, task: RemoteTask) -> int:
        """See Engine."""
        return self._backlog.position(task)

    def pending(self) -> int:
        """The number of images waiting or being read."""
        return len(self._backlog) + len(self._running)

    def stats(self) -> RemoteStats:
        """Figures for metrics and /healthz."""
        return RemoteStats(
            name=self.remote.name,
            concurrency=self.remote.concurrency,
            queued=len(self._backlog),
            running=len(self._running),
            completed=self._completed,
            attempts=dict(self._attempts),
        )

    def drain(self) -> None:
        """Accept no more images."""
        self._draining = True

    async def close(self) -> None:
        """Give up all images, with PoolDraining."""
        self._draining = True
        stopped = PoolDraining("the server is stopping")
        for task in (*self._backlog, *self._running):
            task.finish(stopped)
        self._backlog.clear()
        working = [task.work for task in self._running if task.work is not None]
        for work in working:
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    def _has_place(self) -> bool:
        return len(self._running) < self.remote.concurrency and not self._backlog

    def _start_waiting(self) -> None:
        while self._backlog and len(self._running) < self.remote.concurrency:
            task = self._backlog.pop()
            self._running.add(task)
            task.start(asyncio.ensure_future(self._work(task)))

    async def _work(self, task: RemoteTask) -> None:
        """Read an image, and then let the next one begin."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            outcome = await self._outcome(task, begun)
            self._completed += 1
            self._admission.record(loop.time() - begun, task.pixels)
            task.finish(outcome)
        finally:
            self._running.discard(task)
            self._start_waiting()

    async def _outcome(self, task: RemoteTask, begun: float) -> Recognition | EngineError:
        seconds = self.remote.seconds
        try:
            async with asyncio.timeout_at(begun + seconds):
                recognition = await self._read(task.image, task.options, begun + seconds)
        except TimeoutError:
            return RecognitionTimeout(
                f"the models {self.remote.name} took longer than {seconds:g} s for this image"
            )
        except EngineError as error:
            return error
        except Exception:
            log.exception("models %s: an image could not be read", self.remote.name)
            return RecognitionFailed("the recognition failed; the server's log has the reason")
        stages = {"queue": begun - task.enqueued_at, **recognition.stages}
        return replace(recognition, stages=stages)

    def _expire(self, task: RemoteTask) -> None:
        if self._backlog.remove(task):
            task.finish(
                QueueTimeout(
                    f"the models {self.remote.name} were busy for {self.remote.queue_seconds:g} s; "
                    "try later"
                )
            )

    def _settled(self, task: RemoteTask) -> None:
        self.pending_bytes -= task.size
