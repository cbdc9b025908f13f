"""Decides, when the first job comes, whether jobs are kept in the database or in memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from server.database.storage import Storage, StorageError
from server.errors import StorageUnavailable
from server.jobs.memory import MemoryJobs
from server.jobs.record import Jobs

if TYPE_CHECKING:
    from server.database.database import Database
    from server.jobs.durable import DurableJobs

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
LOOK_SECONDS = 2.0  # for a file that another server has created


class JobsGate:
    """The jobs of this server.

    If there can be no database, jobs are kept in memory; but if the settings name a database, it is
    an error that there is none. make: imports the code that needs a database; called in a thread.
    named: whether the settings name a database.
    """

    def __init__(
        self,
        storage: Storage,
        memory: MemoryJobs,
        make: Callable[[], Callable[[Database], DurableJobs]],
        named: bool,
    ) -> None:
        self._storage = storage
        self._memory = memory
        self._make = make
        self._named = named
        self._durable: DurableJobs | None = None
        self._in_memory = False
        self._opening = asyncio.Lock()
        self._opened = asyncio.Event()

    def kept(self) -> int:
        """How many jobs are stored; in a database, as of a few seconds ago."""
        return self._memory.kept() if self._durable is None else self._durable.kept()

    @property
    def durable(self) -> bool:
        """Whether jobs survive a restart, as far as is known."""
        return not self._in_memory

    def is_unused(self) -> bool:
        """Whether there has been no job on this server, nor a database."""
        return not self._in_memory and self._durable is None and not self._storage.in_use()

    async def open(self) -> Jobs:
        """The jobs; StorageUnavailable while the database does not answer."""
        if self._in_memory:
            return self._memory
        async with self._opening:
            if self._durable is None:
                await self._choose()
        return self._memory if self._durable is None else self._durable

    async def run(self) -> None:
        """Work on the jobs in the database, including earlier ones, until cancelled."""
        while not self._opened.is_set():
            if self._storage.in_use() and not self._in_memory:
                await self._open_patiently()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._opened.wait()
        assert self._durable is not None
        await self._durable.run()

    async def drain(self) -> None:
        """Take no more jobs; jobs that no worker has begun are left to other processes."""
        if self._durable is not None:
            await self._durable.runner.drain()

    async def _choose(self) -> None:
        if self._in_memory:
            return
        try:
            database = await self._storage.open()
        except StorageError as error:
            if self._named:
                raise StorageUnavailable(f"there is no database: {error}") from None
            log.warning("jobs are kept in memory, and a restart loses them: %s", error)
            self._memory.problem = str(error)
            self._in_memory = True
            return
        make = await asyncio.to_thread(self._make)
        self._durable = make(database)
        self._opened.set()

    async def _open_patiently(self) -> None:
        """Open the database, even if it is unavailable at first."""
        waited = False
        while True:
            try:
                await self.open()
            except StorageUnavailable as error:
                if not waited:
                    log.warning("jobs wait: %s", error.in_log)
                waited = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return
