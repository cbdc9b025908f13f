"""One recognition for identical images of all front ends: results and flights are shared."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from cache.keys import digest
from ocr_cluster.front.claims import Claim, Claims
from ocr_cluster.front.engine import BrokerEngine
from ocr_cluster.front.erasures import Erasures
from ocr_cluster.front.probe import WayProbe
from ocr_cluster.front.shared_task import SharedTask, own_task
from ocr_cluster.front.wanted import Wanted
from ocr_cluster.link import Link
from ocr_cluster.packing import PackedResult
from ocr_cluster.results import SharedResults
from ocr_cluster.work import work_of
from ocr_engine.engine import DEFAULT_TURN, EngineStats, EngineTask, ProbeReport, Turn
from ocr_engine.errors import EngineError, ModelError, PoisonImage, PoolDraining
from ocr_engine.images.pixel_files import as_file
from ocr_engine.images.pixels import ImageData
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import EncodedRecognition

LOOK_SECONDS = 0.5  # between two looks for the result of another front end


class SharedEngine:
    """A front end's engine for images that other front ends may have, too; see Engine.

    An image that another front end has read is found; one that another has read right now is
    waited for. All others go to `engine`.
    """

    def __init__(
        self,
        engine: BrokerEngine,
        state: Link,
        cache: Link,
        results: SharedResults,
    ) -> None:
        self.engine = engine
        self.results = results
        self.claims = Claims(state)
        self.erasures = Erasures(state, results)
        self._links = (state, cache)
        self._front = engine.spec.member.id
        self._probe = WayProbe(self.submit)
        self._numbers = itertools.count(1)
        self._loops: list[asyncio.Task[None]] = []

    async def find_or_submit(self, wanted: Wanted) -> PackedResult | SharedTask:
        """The result if there is one; otherwise the task, whoever reads the image.

        Raises the errors of submit(), and PoisonImage.
        """
        flight = self._new_flight()
        claim = await self._find_or_claim(wanted, flight)
        if isinstance(claim, PackedResult):
            return claim
        if claim == "poison":
            raise PoisonImage("this image crashed workers recently; it is refused for a while")
        follows = claim == "taken" and not wanted.fresh
        task = SharedTask(wanted.work, flight, joined=follows)
        if not follows:
            await self._begin(task, wanted)
        task.work = asyncio.ensure_future(self._work(task, wanted))
        return task

    def submit(
        self,
        image: ImageData,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
    ) -> EngineTask:
        """See Engine: the image is shared with nobody."""
        file = as_file(image)
        flight, digests = self._new_flight(), digest(file)
        work = work_of(flight, digests.md5, digests.sha256, options.fingerprint())
        wanted = Wanted(work, file, options, turn, patience, read_before, fresh=True)
        task = SharedTask(work, flight, joined=False)
        task.inner = self.engine.begin(flight, wanted)
        task.work = asyncio.ensure_future(self._work(task, wanted))
        return task

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """See Engine; if another front end has the image read, that continues."""
        task = own_task(task)
        if task.inner is None:
            task.finish(PoolDraining("the work was cancelled"))
            return True
        return self.engine.cancel(task.inner, stop_running)

    def advance(self, task: EngineTask, turn: Turn) -> None:
        """See Engine."""
        if (inner := own_task(task).inner) is not None:
            self.engine.advance(inner, turn)

    def position(self, task: EngineTask) -> int:
        """See Engine."""
        inner = own_task(task).inner
        return 0 if inner is None else self.engine.position(inner)

    def start(self) -> None:
        """See Engine."""
        self.engine.start()
        loops: Sequence[Coroutine[Any, Any, None]] = (
            self.claims.run(),
            self.erasures.run(),
            *(link.run() for link in dict.fromkeys(self._links)),
        )
        self._loops = [asyncio.ensure_future(each) for each in loops]

    async def close(self, force: bool = False) -> None:
        """See Engine."""
        await self.engine.close(force)
        for each in self._loops:
            each.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    @property
    def models(self) -> ModelSets:
        """See Engine."""
        return self.engine.models

    @property
    def info(self) -> EngineInfo | None:
        """See Engine."""
        return self.engine.info

    @property
    def capacity(self) -> int:
        """See Engine."""
        return self.engine.capacity

    async def failure(self) -> str:
        """See Engine: nodes may always come."""
        await asyncio.Event().wait()
        return ""

    def ready(self) -> bool:
        """See Engine."""
        return self.engine.ready()

    async def use_models(self, chosen: LoadableSet) -> None:
        """ModelError: the models of a cluster are changed by replacing its nodes."""
        raise ModelError("replace the nodes of the cluster by nodes with other models")

    def expected_wait(self) -> float:
        """See Engine."""
        return self.engine.expected_wait()

    def retry_after(self) -> float:
        """See Engine."""
        return self.engine.retry_after()

    def pending_bytes(self) -> int:
        """See Engine."""
        return self.engine.pending_bytes()

    def stats(self) -> EngineStats:
        """See Engine."""
        return self.engine.stats()

    async def probe(self) -> ProbeReport:
        """See Engine: any node reads the known image."""
        return await self._probe.report()

    async def drain(self, grace_seconds: float) -> None:
        """See Engine."""
        await self.engine.drain(grace_seconds)

    @property
    def links(self) -> tuple[Link, Link]:
        """The connections to the Redis servers for state and cache; twice the same if it is one."""
        return self._links

    def _new_flight(self) -> str:
        return f"{self._front}-{next(self._numbers)}"

    async def _find_or_claim(self, wanted: Wanted, flight: str) -> PackedResult | Claim:
        """The result; if there is none, who has the image read. One question if it can be one."""
        work = wanted.work
        if not wanted.fresh:
            state, cache = self._links
            if state is cache and self.results.ttl_seconds:
                answer = await self.claims.find_or_take(work, flight, self._fingerprint(wanted))
                if isinstance(answer, str):
                    return answer
                found = self.results.valid(answer)
            else:
                found = await self._find(wanted)
            if found is not None:
                return found
        return await self.claims.take(work, flight)

    async def _find(self, wanted: Wanted) -> PackedResult | None:
        return await self.results.find(wanted.work, self._fingerprint(wanted))

    def _fingerprint(self, wanted: Wanted) -> str:
        return self.models.find(wanted.options.models).fingerprint

    async def _begin(self, task: SharedTask, wanted: Wanted) -> None:
        """Have the image read for this front end; releases the claim if it is refused."""
        try:
            task.inner = self.engine.begin(task.flight, wanted)
        except BaseException:
            await self.claims.release(task.shared, task.flight)
            raise
        task.inner.started.add_done_callback(task.note_start)

    async def _work(self, task: SharedTask, wanted: Wanted) -> None:
        """Wait for the result, whoever reads the image."""
        try:
            if task.inner is None:
                found = await self._follow(task, wanted)
                if found is not None:
                    task.fingerprint = self._fingerprint(wanted)
                    result = found.result
                    task.finish(EncodedRecognition(result.json, result.artifacts, found.stages))
                    return
                await self._begin(task, wanted)
            assert task.inner is not None
            wanted = replace(wanted, image=b"")
            read = await task.inner.future
            self.claims.forget(task.shared, task.flight)
            task.fingerprint = task.inner.fingerprint
            task.finish(read)
        except EngineError as error:
            task.finish(error)
            if task.inner is not None:
                await self.claims.release(task.shared, task.flight)

    async def _follow(self, task: SharedTask, wanted: Wanted) -> PackedResult | None:
        """The result of another front end; None once the image is to be read for this one."""
        async with self.engine.notices.channel(wanted.work.done_channel) as told:
            while True:
                claim = await self.claims.take(wanted.work, task.flight)
                found = await self._find(wanted)
                if found is not None:
                    if claim == "claimed":
                        await self.claims.release(wanted.work, task.flight)
                    return found
                if claim == "poison":
                    raise PoisonImage("this image crashed workers; it is refused for a while")
                if claim != "taken":
                    return None
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await told.wait()
                except TimeoutError:
                    continue
                told.clear()
