"""The processes that prepare images, as the front end sees them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from typing import Any

from ocr_engine.errors import ImageKillsWorkers, RecognitionFailed, RecognitionTimeout
from ocr_engine.pool.spawning import spawn_process
from ocr_engine.remote.orders import (
    MAX_ANSWER_BYTES,
    Order,
    Prepared,
    decode_answer,
    encode_order,
)
from ocr_engine.remote.spec import PixelSpec
from ocr_engine.worker.spec import thread_environment

MAX_DEATHS = 2  # of processes, before an image counts as the cause
END_SECONDS = 3.0

log = logging.getLogger(__name__)


class ProcessLost(Exception):
    """The process ended before it had answered."""


def run(channel: connection.Connection, spec: PixelSpec) -> None:
    """Entry point of the child, the only process that imports decoders."""
    child: Any = importlib.import_module("ocr_engine.remote.pixels")
    child.main(channel, spec)


class _Process:
    """One process, started when it is first needed, and the thread that talks to it.

    Linux kills a child when the thread that created it ends, so the thread stays.
    """

    def __init__(self, spec: PixelSpec, number: int) -> None:
        self._spec = spec
        self._name = f"ocr-prepare-{number}"
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        self._process: SpawnProcess | None = None
        self._channel: connection.Connection | None = None

    def exchange(self, order: bytes) -> bytes:
        """Send an order and wait for the answer; runs in the thread; ProcessLost."""
        try:
            if self._channel is None:
                self._process, self._channel = spawn_process(
                    run, self._spec, self._name, thread_environment(1)
                )
            self._channel.send_bytes(order)
            return self._channel.recv_bytes(MAX_ANSWER_BYTES)
        except (EOFError, OSError) as error:
            self._reap()
            raise ProcessLost from error

    def kill(self) -> None:
        """End the process, if there is one; called from any thread."""
        process = self._process
        if process is not None:
            with contextlib.suppress(ValueError, AttributeError):  # it has just been reaped
                process.kill()

    def close(self) -> None:
        """End process and thread."""
        self.kill()
        self.thread.submit(self._reap)
        self.thread.shutdown(wait=False)

    def _reap(self) -> None:
        channel, process = self._channel, self._process
        self._channel = self._process = None
        if channel is not None:
            channel.close()
        if process is not None:
            process.join(END_SECONDS)
            if process.is_alive():
                process.kill()
                process.join(END_SECONDS)
            with contextlib.suppress(ValueError):
                process.close()


class Preparers:
    """A few processes; each prepares one image at a time."""

    def __init__(self, spec: PixelSpec, number: int) -> None:
        self._spec = spec
        self._all = [_Process(spec, each + 1) for each in range(number)]
        self._idle: asyncio.LifoQueue[_Process] = asyncio.LifoQueue()
        for process in reversed(self._all):
            self._idle.put_nowait(process)

    async def prepare(self, image: bytes, order: Order) -> Prepared:
        """Prepare an image; ImageError, RecognitionTimeout, ImageKillsWorkers."""
        frame = encode_order(order, image)
        for _ in range(MAX_DEATHS):
            try:
                return decode_answer(await self._exchange(frame))
            except ProcessLost:
                log.warning("a process that prepares images was lost")
            except ValueError:
                log.exception("a process that prepares images sent a malformed answer")
                raise RecognitionFailed("the image could not be prepared") from None
        raise ImageKillsWorkers(f"{MAX_DEATHS} processes ended while they prepared this image")

    def close(self) -> None:
        """End all processes."""
        for process in self._all:
            process.close()

    async def _exchange(self, frame: bytes) -> bytes:
        """Have an idle process do it. A cancelled one finishes first, and is idle again then."""
        process = await self._idle.get()
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(process.thread, process.exchange, frame)

        def ended(_: asyncio.Future[bytes]) -> None:
            self._idle.put_nowait(process)
            if not work.cancelled():
                work.exception()  # retrieved, as nobody may wait for it any longer

        work.add_done_callback(ended)
        try:
            async with asyncio.timeout(self._spec.seconds):
                return await asyncio.shield(work)
        except TimeoutError:
            process.kill()
            raise RecognitionTimeout(
                f"decoding the image took longer than {self._spec.seconds:g} s", is_slow=True
            ) from None
