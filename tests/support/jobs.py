"""Servers whose jobs are kept elsewhere, or have another clock."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from server.app import build_jobs
from server.database.location import Location, locate
from server.database.storage import Storage
from server.main import cancel
from server.settings.settings import DatabaseSettings
from tests.support.live_server import LiveServer

NOWHERE = locate(None, Path("/dev/null/state"))  # there can be no folder: jobs stay in memory


@contextlib.contextmanager
def jobs_in(
    server: LiveServer, location: Location, clock: Callable[[], float] = time.time
) -> Iterator[None]:
    """The server with other jobs, in this database."""
    context, before = server.context, server.context.jobs
    settings = dataclasses.replace(context.settings, database=DatabaseSettings())
    storage = Storage(location)

    def replace() -> asyncio.Task[None]:
        context.jobs = build_jobs(
            settings,
            storage,
            context.service,
            context.usage,
            context.limiter,
            context.documents,
            clock,
        )
        return asyncio.ensure_future(context.jobs.run())

    async def restore() -> None:
        await cancel([running])
        await storage.close()
        context.jobs = before

    running = server.call(replace)
    try:
        yield
    finally:
        server.run(restore)
