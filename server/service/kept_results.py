"""Keeps the result cache in a file in the state folder, so that a restart does not lose it.

Writing takes place in a thread, to a temporary file that is then renamed. The temporary file is
created before the results are collected, and erasing deletes both files. So a result that was
collected before it was erased is not kept, even if another process erased it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import stat
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from pathlib import Path

from cache.kept_file import (
    FILE_NAME,
    TEMPORARY,
    KeptFileError,
    KeptResult,
    delete_results,
    read_results,
    write_results,
)
from cache.result_cache import ResultCache
from server.private_files import make_folder, opener

log = logging.getLogger("server.cache")

SAVE_SECONDS = 300.0
SLICE = 1000  # results that are collected between two turns of the event loop
HEAD_BYTES = 2048  # of the file for each result, besides its own bytes
LEFTOVER_SECONDS = 3600.0

ExistingUsers = Callable[[Collection[str]], Awaitable[Collection[str]]]
"""Which of these users still exist."""


class KeptResults:
    """The file of one cache; used from the event loop.

    identity: a digest that changes if a change of program, models or settings may change results.
    existing: see ExistingUsers. clock: Unix time.
    """

    def __init__(
        self,
        cache: ResultCache,
        folder: Path,
        identity: Callable[[], str],
        existing: ExistingUsers,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cache = cache
        self._folder = folder
        self._identity = identity
        self._existing = existing
        self._clock = clock
        self._saved: int | None = None  # cache.changes when the file was written
        self._failing = False

    async def restore(self) -> None:
        """Fill the cache from the file, without the results of users that are gone.

        A file that cannot be used is ignored, with a line in the log.
        """
        try:
            found = await asyncio.to_thread(self._read)
        except FileNotFoundError:
            return
        except (KeptFileError, OSError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            log.warning("the kept results are ignored: %s", reason)
            return
        restored = 0
        for number, kept in enumerate(await self._of_existing_users(found)):
            restored += self._cache.restore(kept)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        log.info("%d of %d kept results restored", restored, len(found))

    async def run(self) -> None:
        """Save every few minutes what has changed, and at the end; see BackgroundWork."""
        try:
            while True:
                await asyncio.sleep(SAVE_SECONDS)
                await self.save()
        finally:
            await self.save()

    async def save(self) -> None:
        """Write the file if the cache has changed."""
        changes = self._cache.changes
        if changes == self._saved:
            return
        self._saved = changes
        try:
            temporary = await asyncio.to_thread(self._begin)
            results = await self._of_existing_users(await self._collect())
            await asyncio.to_thread(self._write, temporary, results)
            self._failing = False
        except FileNotFoundError:
            self._saved = None  # results were erased meanwhile; the next save is without them
        except OSError as error:
            self._saved = None
            if not self._failing:
                log.warning("the results cannot be kept: %s", error.strerror)
            self._failing = True

    def erased(self) -> None:
        """Delete the file now, because results were erased; the next file is without them."""
        self._saved = None
        try:
            delete_results(self._folder)
        except OSError as error:
            log.error("the kept results cannot be deleted: %s", error.strerror)

    async def _collect(self) -> Sequence[KeptResult]:
        results = []
        for number, key in enumerate(self._cache.keys()):
            kept = self._cache.kept(key)
            if kept is not None:
                results.append(kept)
            if number % SLICE == SLICE - 1:
                await asyncio.sleep(0)
        return results

    async def _of_existing_users(self, results: Sequence[KeptResult]) -> Sequence[KeptResult]:
        """The results without those of users that were erased, perhaps by another process."""
        users = await self._existing({kept.key.owner for kept in results})
        return [kept for kept in results if kept.key.owner in users]

    def _begin(self) -> Path:
        """Create the temporary file, and delete those that killed processes have left."""
        make_folder(self._folder)
        for path in self._folder.glob(TEMPORARY):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - LEFTOVER_SECONDS:
                    path.unlink()
        temporary = self._folder / TEMPORARY.replace("*", secrets.token_hex(8))
        with open(temporary, "xb", opener=opener):
            return temporary

    def _write(self, temporary: Path, results: Sequence[KeptResult]) -> None:
        try:
            with open(temporary, "r+b") as file:
                write_results(file, results, self._identity(), self._clock())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / FILE_NAME)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _read(self) -> Sequence[KeptResult]:
        """The results in the file; OSError or KeptFileError if it cannot be used."""
        with open(self._folder / FILE_NAME, "rb", opener=_open_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise KeptFileError("it is no file of this user")
            if status.st_mode & 0o077:
                raise KeptFileError("other users may read or write it; its mode must be 0600")
            limit = self._cache.max_bytes + HEAD_BYTES * (self._cache.max_count + 1)
            return read_results(file, self._identity(), self._clock(), limit)


def _open_without_waiting(path: str, flags: int) -> int:
    """An opener that does not follow a symbolic link, and does not wait for a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
