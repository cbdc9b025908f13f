"""The engine of a server that has models on other servers next to its own workers."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace

from ocr_engine.engine import (
    DEFAULT_TURN,
    Engine,
    EngineStats,
    EngineTask,
    ProbeReport,
    Turn,
)
from ocr_engine.images.pixel_files import as_bmp
from ocr_engine.images.pixels import ImageData
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo, Recognizer
from ocr_engine.remote.chat import ChatClient
from ocr_engine.remote.preparing import Preparers
from ocr_engine.remote.reading import RemoteReader
from ocr_engine.remote.remote_pool import RemotePool
from ocr_engine.remote.spec import PixelSpec, RemoteSet
from ocr_engine.remote.task import RemoteTask, remote_task


class Dispatcher:
    """Gives each image to the workers or to a remote set, by the name of its models; see Engine.

    Whether it is ready, and how long images wait, is that of the workers: requests that name no
    models need them. local: the workers. preparers: how many processes prepare images.
    """

    def __init__(
        self, local: Engine, remotes: tuple[RemoteSet, ...], pixels: PixelSpec, preparers: int
    ) -> None:
        self.local = local
        self._sets = tuple(
            LoadableSet(_not_loadable, each.name, each.fingerprint(), each.model, each.concurrency)
            for each in remotes
        )
        self._preparers = Preparers(pixels, preparers)
        self._chats: list[ChatClient] = []
        self._readers: dict[str, RemoteReader] = {}
        self._pools: dict[str, RemotePool] = {}
        ids = itertools.count(1)
        for remote in remotes:
            chat = ChatClient(remote)
            reader = RemoteReader(remote, self._preparers, chat)
            self._chats.append(chat)
            self._readers[remote.name] = reader
            self._pools[remote.name] = RemotePool(remote, reader.read, ids, chat.outcomes)

    @property
    def models(self) -> ModelSets:
        """See Engine."""
        local = self.local.models
        return ModelSets(local.default, (*local.others, *self._sets))

    @property
    def info(self) -> EngineInfo | None:
        """See Engine."""
        return self.local.info

    @property
    def capacity(self) -> int:
        """See Engine."""
        return self.local.capacity

    def start(self) -> None:
        """See Engine."""
        self.local.start()

    async def failure(self) -> str:
        """See Engine."""
        return await self.local.failure()

    def ready(self) -> bool:
        """See Engine."""
        return self.local.ready()

    async def use_models(self, chosen: LoadableSet) -> None:
        """See Engine."""
        await self.local.use_models(chosen)

    def submit(
        self,
        image: ImageData,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
    ) -> EngineTask:
        """See Engine; NotForModels for an option that a remote set cannot follow."""
        pool = self._pools.get(options.models)
        if pool is None:
            return self.local.submit(image, options, patience, read_before, turn)
        self._readers[options.models].check(options)
        return pool.submit(as_bmp(image), options, patience, turn)

    def cancel(self, task: EngineTask, stop_running: bool = False) -> bool:
        """See Engine; stopping a remote image costs nothing."""
        if isinstance(task, RemoteTask):
            return self._pool_of(task).cancel(task, stop_running)
        return self.local.cancel(task, stop_running)

    def advance(self, task: EngineTask, turn: Turn) -> None:
        """See Engine."""
        if isinstance(task, RemoteTask):
            self._pool_of(task).advance(task, turn)
        else:
            self.local.advance(task, turn)

    def position(self, task: EngineTask) -> int:
        """See Engine."""
        if isinstance(task, RemoteTask):
            return self._pool_of(task).position(task)
        return self.local.position(task)

    def expected_wait(self) -> float:
        """See Engine."""
        return self.local.expected_wait()

    def retry_after(self) -> float:
        """See Engine."""
        return self.local.retry_after()

    def pending_bytes(self) -> int:
        """See Engine."""
        remote = sum(pool.pending_bytes for pool in self._pools.values())
        return self.local.pending_bytes() + remote

    def stats(self) -> EngineStats:
        """See Engine."""
        remote = tuple(pool.stats() for pool in self._pools.values())
        return replace(self.local.stats(), remote=remote)

    async def probe(self) -> ProbeReport:
        """See Engine."""
        return await self.local.probe()

    async def drain(self, grace_seconds: float) -> None:
        """See Engine."""
        deadline = asyncio.get_running_loop().time() + grace_seconds
        for pool in self._pools.values():
            pool.drain()
        await self.local.drain(grace_seconds)
        while self._pending() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)

    async def close(self, force: bool = False) -> None:
        """See Engine."""
        for pool in self._pools.values():
            await pool.close()
        for chat in self._chats:
            await chat.close()
        self._preparers.close()
        await self.local.close(force)

    def _pool_of(self, task: EngineTask) -> RemotePool:
        return self._pools[remote_task(task).options.models]

    def _pending(self) -> int:
        return sum(pool.pending() for pool in self._pools.values())


def _not_loadable() -> Recognizer:
    raise AssertionError("these models are on another server")
