"""Reads the objects that are pending in a ledger, and puts their results."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from server.errors import StorageUnavailable
from server.formats.rendering import Rendering
from server.objects.errors import ObjectGone, ReadFailure, StoreUnavailable
from server.objects.ledger import EndState, Ledger, ObjectRow, Within
from server.objects.result import ObjectResult, Reading, Version, error_of, result_of
from server.objects.routes import Route
from server.objects.sources.source import OpenedObject, Source

TICK_SECONDS = 1.0
RENEW_SECONDS = 3.0
STOP_SECONDS = 5.0  # for the last results when the work stops
PAUSE_SECONDS = 1.0  # after an object was refused because others wait
FAILURE_SECONDS = 5.0  # doubled with each failure of an object
MAX_WAIT_SECONDS = 300.0
MAX_FAILURES = 3  # of readings that may succeed another time
MAX_DEATHS = 10  # of processes that had the object

# Errors of the image: another attempt would not help.
OF_THE_IMAGE = frozenset(
    (
        "bad_field",
        "body_too_large",
        "image_too_complex",
        "invalid_image",
        "missing_file",
        "poison_input",
        "too_many_pixels",
        "unsupported_format",
    )
)
# Errors of the moment: the object waits, and nothing is counted.
OF_THE_MOMENT = frozenset(
    ("draining", "queue_full", "queue_timeout", "rate_limited", "starting", "storage_unavailable")
)

log = logging.getLogger("server.storage")


class Recognize(Protocol):
    """Recognizes an object; ReadFailure if that fails."""

    async def __call__(self, opened: OpenedObject, row: ObjectRow) -> Reading:
        """What the object says."""


# Called for each object that was read: its row, its reading (None if that failed), and the error
# code; what it returns is done in the transaction that finishes the object.
Counted = Callable[[ObjectRow, Reading | None, str], Within | None]


class ObjectWork:
    """Works on the objects of a ledger until it is cancelled.

    routes: by the names of their sources. room: how many objects may be worked on at the moment.
    again: objects are read although their results are there. finished: what this work has finished
    so far, by state.
    """

    def __init__(
        self,
        ledger: Ledger,
        routes: Mapping[str, Route],
        recognize: Recognize,
        rendering: Rendering,
        room: Callable[[], int],
        again: bool = False,
        counted: Counted | None = None,
    ) -> None:
        self.finished: Counter[EndState] = Counter()
        self.problem = ""  # why the last object was put off; empty if it was finished
        self._ledger = ledger
        self._routes = routes
        self._recognize = recognize
        self._rendering = rendering
        self._room = room
        self._again = again
        self._counted = counted
        self._held: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._renew_at = 0.0
        self._pause_until = 0.0
        self._draining = False

    def wake(self) -> None:
        """Look for objects now, because there may be one."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; then let unfinished objects wait for the next process."""
        try:
            while True:
                self._wake.clear()
                try:
                    await self._turn()
                except StorageUnavailable as error:
                    self._note_problem(error.in_log)
                except Exception:
                    log.exception("the work on objects continues after an unexpected error")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._wake.wait()
        finally:
            await self._stop()

    async def drain(self) -> None:
        """Take no more objects."""
        self._draining = True

    def idle(self) -> bool:
        """Whether this process has no object now."""
        return not self._held

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._held and now >= self._renew_at:
            self._renew_at = now + RENEW_SECONDS
            ours = await self._ledger.renew(self._held)
            for row_id in self._held.keys() - ours:
                self._held[row_id].cancel()
        room = self._room() - len(self._held)
        if room <= 0 or self._draining or now < self._pause_until:
            return
        for row in await self._ledger.take(room, self._held):
            task = asyncio.ensure_future(self._work(row))
            self._held[row.id] = task
            task.add_done_callback(functools.partial(self._ended, row.id))

    def _ended(self, row_id: str, _: asyncio.Task[None]) -> None:
        del self._held[row_id]
        self.wake()

    async def _work(self, row: ObjectRow) -> None:
        """Read one object and put its result; whatever happens is written into the ledger."""
        try:
            await self._read(row)
        except (StoreUnavailable, StorageUnavailable) as error:
            self._note_problem(getattr(error, "in_log", None) or str(error))
            with contextlib.suppress(StorageUnavailable):  # then its lease runs out
                await self._ledger.put_off(row, _backoff(row.attempts))
        except Exception:
            log.exception("an object waits until its lease runs out: %s", row.id)

    async def _read(self, row: ObjectRow) -> None:
        route = self._routes.get(row.source)
        if route is None:  # it is no longer watched
            await self._finish(row, "gone", "")
            return
        try:
            opened = await route.source.open(row.key)
        except ObjectGone:
            await self._finish(row, "gone", "")
            return
        version = Version(row.source, row.key, opened.etag)
        if opened.etag == row.finished_etag:
            await self._finish(row, "failed" if row.error_code else "done", opened.etag)
        elif await self._is_there(route, version):
            await self._finish(row, "done", opened.etag)
        else:
            await self._recognize_and_put(row, route, opened, version)

    async def _is_there(self, route: Route, version: Version) -> bool:
        """Whether all places have the result, as after a crash before it was written down."""
        if self._again:
            return False
        for sink in route.sinks:
            if not await sink.has(version):
                return False
        return True

    async def _recognize_and_put(
        self, row: ObjectRow, route: Route, opened: OpenedObject, version: Version
    ) -> None:
        reading: Reading | None = None
        try:
            if row.failures > MAX_DEATHS:
                raise ReadFailure(
                    "worker_crashed", f"{row.failures} processes ended while they had this object"
                )
            reading = await self._recognized(opened, row)
            result = await asyncio.to_thread(result_of, version, reading, self._rendering)
        except ReadFailure as error:
            if await self._waits_after(row, error):
                return
            result = error_of(version, error)
        if row.attempts > 1 and not await self._is_current(route.source, version):
            await self._ledger.put_off(row, 0)
            return
        await self._put(row, route, result)
        await self._finish(row, "failed" if result.failed else "done", opened.etag, result, reading)

    async def _recognized(self, opened: OpenedObject, row: ObjectRow) -> Reading:
        try:
            return await self._recognize(opened, row)
        except (ReadFailure, StoreUnavailable):
            raise
        except Exception:
            log.exception("an object could not be read: %s", row.id)
            raise ReadFailure("internal_error", "internal error; the log has it") from None

    async def _waits_after(self, row: ObjectRow, error: ReadFailure) -> bool:
        """Put the object off, if it may be read another time."""
        if error.code in OF_THE_MOMENT:
            self._pause_until = asyncio.get_running_loop().time() + PAUSE_SECONDS
            await self._ledger.put_off(row, 0, tried=False)
            return True
        if error.code in OF_THE_IMAGE or row.failures + 1 >= MAX_FAILURES:
            return False
        await self._ledger.put_off(row, FAILURE_SECONDS * 2**row.failures, failed=True)
        return True

    async def _is_current(self, source: Source, version: Version) -> bool:
        """Whether this is still the version that is there: another may have been put meanwhile."""
        try:
            return (await source.open(version.key)).etag == version.etag
        except ObjectGone:
            return False

    async def _put(self, row: ObjectRow, route: Route, result: ObjectResult) -> None:
        if row.error_code is not None:
            result = dataclasses.replace(result, replaces_error=True)
        for sink in route.sinks:
            await sink.put(result, again=row.attempts > 1)

    async def _finish(
        self,
        row: ObjectRow,
        state: EndState,
        etag: str,
        result: ObjectResult | None = None,
        reading: Reading | None = None,
    ) -> None:
        code = row.error_code if result is None else None
        if result is not None and result.failed:
            code = str(result.record["error"]["code"])
        within = None
        if result is not None and self._counted is not None:
            within = self._counted(row, reading, code or "")
        await self._ledger.finish(row, state, etag, code, within)
        self.finished[state] += 1
        self.problem = ""

    def _note_problem(self, problem: str) -> None:
        """Log a problem of the storage once, until something works again."""
        if not self.problem:
            log.warning("objects wait: %s", problem)
        self.problem = problem

    async def _stop(self) -> None:
        """Wait for the last results, or let their objects wait."""
        self._draining = True
        if self._held:
            await asyncio.wait(self._held.values(), timeout=STOP_SECONDS)
        unfinished = dict(self._held)
        for task in unfinished.values():
            task.cancel()
        await asyncio.gather(*unfinished.values(), return_exceptions=True)
        with contextlib.suppress(StorageUnavailable):
            if unfinished:
                await self._ledger.release(unfinished)
        for sink in (sink for route in self._routes.values() for sink in route.sinks):
            sink.close()


def _backoff(attempts: int) -> float:
    """Seconds until an object is tried again, after its store did not answer."""
    return float(min(MAX_WAIT_SECONDS, 2.0 ** min(attempts, 10)))
