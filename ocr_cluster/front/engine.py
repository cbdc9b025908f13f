"""The engine of a front end: its queue in front of the broker, and the nodes behind it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace

from ocr_cluster.catalogue import NO_MODELS
from ocr_cluster.front.dispatch import Dispatch
from ocr_cluster.front.nodes import Nodes
from ocr_cluster.front.notices import Notices
from ocr_cluster.front.publisher import Publisher
from ocr_cluster.front.spec import FrontSpec
from ocr_cluster.front.task import FrontTask
from ocr_cluster.front.wanted import Wanted
from ocr_cluster.link import Link
from ocr_cluster.members import FrontBeat, Members
from ocr_cluster.results import SharedResults
from ocr_cluster.wire import Wire
from ocr_cluster.work import front_channel
from ocr_engine.engine import EngineStats, EngineTask, TaskState, Turn
from ocr_engine.errors import (
    BrokerUnavailable,
    EngineError,
    PoolDraining,
    PoolStarting,
    QueueTimeout,
)
from ocr_engine.model_sets import ModelSets
from ocr_engine.pool.admission import MIN_SAMPLES, Admission
from ocr_engine.pool.backlog import Backlog
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import EncodedRecognition

LOOK_SECONDS = 0.5


class BrokerEngine:
    """Has the nodes of a cluster read images; a part of SharedEngine, which implements Engine.

    At most a window of images is at nodes and in the broker, see Members.window(). The others wait
    here, where users take turns, and where they can be refused, cancelled and advanced.
    """

    def __init__(self, spec: FrontSpec, state: Link, results: SharedResults) -> None:
        self.spec = spec
        self.completed = 0
        self.admission = Admission(spec.queue_size, spec.queue_seconds, spec.user_share)
        self.publisher = Publisher(Wire(spec.broker_url), spec.give_up_seconds)
        self.dispatch = Dispatch(
            state,
            results,
            self.publisher,
            spec.give_up_seconds,
            self._on_end,
            lambda: self.members.mean_seconds,
        )
        self.notices = Notices(state, front_channel(spec.member.id), self.dispatch.hear)
        self.nodes = Nodes(state, self._figures, self._on_beat)
        self._state = state
        self._backlog: Backlog[FrontTask] = Backlog()
        self._ids = itertools.count(1)
        self._bytes = 0
        self._measured = False
        self._draining = False
        self._loops: list[asyncio.Task[None]] = []

    @property
    def members(self) -> Members:
        """The living nodes and front ends."""
        return self.nodes.members

    @property
    def models(self) -> ModelSets:
        """See Engine: those of the nodes."""
        found = self.nodes.catalogue
        return NO_MODELS if found is None else found.models

    @property
    def info(self) -> EngineInfo | None:
        """See Engine: that of the nodes."""
        found = self.nodes.catalogue
        return None if found is None else found.info

    @property
    def capacity(self) -> int:
        """See Engine: this front end's share of the workers."""
        return self.members.share(self.spec.member.id)

    def start(self) -> None:
        """Start to send heartbeats and messages."""
        self.publisher.start()
        self._loops = [
            asyncio.ensure_future(each)
            for each in (self.nodes.run(), self._look(), self.notices.run())
        ]

    def ready(self) -> bool:
        """See Engine: a node has said which models it has."""
        return not self._draining and self.nodes.catalogue is not None

    def begin(self, flight: str, wanted: Wanted) -> FrontTask:
        """Accept an image; PoolDraining, PoolStarting, QueueFull or BrokerUnavailable."""
        self._check_accepting()
        self.admission.meet(wanted.turn.user)
        share, busy = self.capacity, len(self.dispatch)
        if self._backlog or busy >= share:
            waiting = self._backlog.waiting(wanted.turn)
            waiting = replace(waiting, ahead=waiting.ahead + max(0, busy - share))
            self.admission.check(waiting, share, wanted.patience)
        task = FrontTask(
            next(self._ids),
            flight,
            wanted,
            self.spec.queue_seconds + self.spec.task_seconds,
            self.models.find(wanted.options.models).fingerprint,
        )
        task.cost = self.admission.cost(task.pixels)
        self._count_bytes(len(wanted.image), task)
        self._backlog.push(task)
        self._fill()
        self._send_ahead(task.turn.user)
        return task

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """See Engine."""
        task = _own(task)
        cancelled = PoolDraining("the work was cancelled")
        if self._backlog.remove(task):
            task.finish(cancelled)
            return True
        if task not in self.dispatch or (task.begun and not stop_running):
            return False
        self.dispatch.cancel(task, cancelled, stop_running)
        return True

    def advance(self, task: EngineTask, turn: Turn) -> None:
        """See Engine."""
        self._backlog.advance(_own(task), turn)

    def position(self, task: EngineTask) -> int:
        """See Engine; an image that is in the broker is the next one."""
        task = _own(task)
        if task in self.dispatch:
            return int(not task.begun)
        return self._backlog.position(task)

    def expected_wait(self) -> float:
        """See Engine."""
        share, busy = self.capacity, len(self.dispatch)
        if not self._backlog and busy < share:
            return 0.0
        return self.admission.expected_wait(len(self._backlog) + max(0, busy - share), share)

    def retry_after(self) -> float:
        """See Engine."""
        return self.admission.retry_after(self.expected_wait())

    def pending_bytes(self) -> int:
        """See Engine."""
        return self._bytes

    def stats(self) -> EngineStats:
        """See Engine; the workers are those of the nodes."""
        running = sum(task.state is TaskState.RUNNING for task in self.dispatch)
        return EngineStats(
            queued=len(self._backlog) + len(self.dispatch) - running,
            running=running,
            queue_limit=self.spec.queue_size,
            users=self._backlog.users(),
            completed=self.completed,
            expected_wait_seconds=self.expected_wait(),
            workers=(),
            restarts={},
            has_workers=False,
        )

    async def drain(self, grace_seconds: float) -> None:
        """See Engine."""
        self._draining = True
        deadline = asyncio.get_running_loop().time() + grace_seconds
        while (self._backlog or self.dispatch) and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)

    async def close(self, force: bool = False) -> None:
        """See Engine; what nodes are reading is finished and cached."""
        self._draining = True
        stopped = PoolDraining("the server is stopping")
        for task in tuple(self._backlog):
            task.finish(stopped)
        self._backlog.clear()
        for task in self.dispatch:
            self.dispatch.cancel(task, stopped, stop_running=False)
        for each in self._loops:
            each.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.nodes.leave()
        await self.publisher.close()

    def waiting_turns(self) -> Iterator[Turn]:
        """The turns of all images in the queue."""
        return (task.turn for task in self._backlog)

    def window(self) -> int:
        """How many images may be at nodes and in the broker."""
        return self.members.window(self.spec.member.id)

    def _check_accepting(self) -> None:
        if self._draining:
            raise PoolDraining("the server is stopping; send the image to another one")
        if self.nodes.catalogue is None:
            raise PoolStarting("no node of the cluster is ready yet; try again in a second")
        if (unavailable := self._unavailable()) is not None:
            raise unavailable

    def _unavailable(self) -> BrokerUnavailable | None:
        """The error if nodes cannot be reached, and have not been for a while."""
        if self.publisher.has_given_up:
            what = "broker"
        elif self._state.away_seconds > self.spec.give_up_seconds:
            what = "state server"
        else:
            return None
        return BrokerUnavailable(f"the {what} of the cluster does not answer; try again later")

    def _count_bytes(self, size: int, task: FrontTask) -> None:
        def settled(_: object) -> None:
            self._bytes -= size

        self._bytes += size
        task.future.add_done_callback(settled)

    def _fill(self) -> None:
        """Send images while the window has room."""
        window = self.window()
        while self._backlog and len(self.dispatch) < window:
            self.dispatch.send(self._backlog.pop())

    def _send_ahead(self, user: str) -> None:
        """Send an image of a user who has none at nodes, though others have filled the window.

        It would otherwise wait twice: for a place in the window, then behind them in the broker.
        """
        may = self.dispatch.may_send_ahead(user, self.members.ahead(self.spec.member.id))
        if may and (task := self._backlog.pop_of(user)) is not None:
            task.ahead = True
            self.dispatch.send(task)

    def _on_end(
        self, task: FrontTask, outcome: EncodedRecognition | EngineError, seconds: float
    ) -> None:
        if isinstance(outcome, EncodedRecognition):
            self.completed += 1
            if seconds:
                self.admission.record(seconds, task.pixels)
        task.finish(outcome)
        self._fill()

    def _figures(self) -> FrontBeat:
        return replace(
            self.spec.member,
            queued=len(self._backlog),
            sent=len(self.dispatch),
            users=self._backlog.users(),
        )

    def _on_beat(self) -> None:
        """Heartbeats have been read: the window and the models may have changed."""
        if not self._measured and self.members.mean_seconds:
            self._measured = True  # what nodes have measured, until there are measurements here
            for _ in range(MIN_SAMPLES):
                self.admission.record(self.members.mean_seconds)
        self._fill()

    async def _look(self) -> None:
        """Look twice a second what has become of all images."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.dispatch.look()
            self._expire()

    def _expire(self) -> None:
        """End what has waited for too long."""
        unavailable = self._unavailable()
        oldest = asyncio.get_running_loop().time() - self.spec.queue_seconds
        late = QueueTimeout(f"no worker was free within {self.spec.queue_seconds:g} s; try later")
        for task in tuple(self._backlog):
            if unavailable is not None or task.submitted_at < oldest:
                self._backlog.remove(task)
                task.finish(unavailable or late)
        for task in self.dispatch:
            if not task.begun and task.attempt <= 1 and task.submitted_at < oldest:
                self.dispatch.cancel(task, late, stop_running=False)


def _own(task: EngineTask) -> FrontTask:
    assert isinstance(task, FrontTask), "a task of another engine"
    return task
