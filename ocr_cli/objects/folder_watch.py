"""Notices new files of a folder: by inotify, and by searching all of it at intervals."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from server.errors import StorageUnavailable
from server.objects.errors import StoreUnavailable
from server.objects.found import Found
from server.objects.sources.folder import FolderSource

AGAIN_SECONDS = 5.0
INSTALL = "pip install --require-hashes -r requirements/watch.txt"

log = logging.getLogger("server.storage")

Note = Callable[[Sequence[Found]], Awaitable[None]]


class FolderWatch:
    """Reports the files that are at rest, until it is cancelled.

    A file is at rest if it was not modified for rest_seconds: nobody seems to be writing it. One
    that was renamed into the folder usually is already. clock: Unix seconds.
    """

    def __init__(
        self,
        source: FolderSource,
        note: Note,
        rest_seconds: float,
        every_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._note = note
        self._rest_seconds = rest_seconds
        self._every_seconds = every_seconds
        self._clock = clock
        self._moving: dict[Path, tuple[str, float]] = {}  # the version, and when it was first seen
        self._changed: set[Path] = set()
        self._woken = asyncio.Event()
        self._search_at = 0.0

    async def run(self) -> None:
        """Report until cancelled."""
        following = asyncio.ensure_future(self._follow())
        await asyncio.sleep(0)  # inotify begins before the first search, so that none is missed
        loop = asyncio.get_running_loop()
        try:
            while True:
                self._woken.clear()
                try:
                    if loop.time() >= self._search_at:
                        self._search_at = loop.time() + self._every_seconds
                        await self._search()
                    await self._look()
                except (StorageUnavailable, StoreUnavailable) as error:
                    log.warning("files are searched again: %s", error)
                    self._search_at = loop.time() + min(AGAIN_SECONDS, self._every_seconds)
                pause = max(0.0, self._search_at - loop.time())
                if self._moving:
                    pause = min(pause, self._rest_seconds)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            following.cancel()

    async def _search(self) -> None:
        """Search the whole folder: inotify loses events when too many come, and on NFS."""
        async for found in self._source.found():
            await self._sort(found)

    async def _look(self) -> None:
        """Look at files that have changed, and at those that were not at rest."""
        paths = self._changed | self._moving.keys()
        self._changed = set()
        if any(path.is_dir() for path in paths):  # one that was moved here, with files in it
            await self._search()
        if paths:
            found = await self._source.look(paths)
            seen = {self._source.folder / each.key for each in found}
            for path in paths - seen:
                self._moving.pop(path, None)
            await self._sort(found)

    async def _sort(self, found: Sequence[Found]) -> None:
        """Report those that are at rest, and remember the others."""
        resting = []
        now, since = self._clock(), asyncio.get_running_loop().time()
        for each in found:
            path = self._source.folder / each.key
            version, seen_at = self._moving.get(path, ("", since))
            unchanged = version == each.etag and since - seen_at >= self._rest_seconds
            if unchanged or (each.modified_at or now) <= now - self._rest_seconds:
                resting.append(each)
                self._moving.pop(path, None)
            elif version != each.etag:
                self._moving[path] = (each.etag, since)
        if resting:
            await self._note(resting)

    async def _follow(self) -> None:
        """Collect the paths that inotify reports."""
        if importlib.util.find_spec("watchfiles") is None:
            log.warning(
                "without the package watchfiles, new files are found every %g s; to find them "
                "immediately: %s", self._every_seconds, INSTALL,
            )  # fmt: skip
            return
        from watchfiles import Change, awatch

        try:
            async for changes in awatch(
                self._source.folder, watch_filter=None, debounce=400, step=50,
                ignore_permission_denied=True,
            ):  # fmt: skip
                self._changed |= {Path(path) for kind, path in changes if kind != Change.deleted}
                self._woken.set()
        except Exception as error:  # such as: no more inotify watches
            log.warning("new files are found every %g s: %s", self._every_seconds, error)
