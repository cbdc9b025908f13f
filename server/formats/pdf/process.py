"""Writes PDFs in processes of their own, as the parent sees them.

Each file has a process, and a thread that starts it, talks to it and reaps it. The thread lives as
long as the process, because Linux kills a child when the thread that created it exits.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
from collections.abc import AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

from ocr_engine.descriptors import send_descriptor
from ocr_engine.documents.kinds import START_BYTES, kind_of
from ocr_engine.errors import (
    DOCUMENT_ERRORS,
    IMAGE_ERRORS,
    DocumentBroken,
    EngineError,
    InvalidImage,
)
from ocr_engine.pool.exits import reap
from ocr_engine.pool.spawning import spawn_process
from ocr_engine.worker.spec import thread_environment
from server.errors import PdfaImpossible, PdfSigned, ServiceError, StorageUnavailable
from server.formats.pdf.frames import receive_reply, send_end, send_page
from server.formats.pdf.order import PdfMode, PdfOrder, RecognizedPage, WrittenPdf, run_writer

MEMORY_MB = 2000  # address space; an image of 40 million pixels needs 500 of it
STEP_SECONDS = 60.0  # to start and open, to take a page, or to write
SECONDS_PER_PAGE = 0.5  # more for writing: the validator reads all pages of a PDF/A
REAP_SECONDS = 3.0
LARGEST_FACTOR, LARGEST_REST = 4, 256 << 20  # of the PDF, compared with its source

_ERRORS: dict[str, type[EngineError | ServiceError]] = {
    **IMAGE_ERRORS,
    **DOCUMENT_ERRORS,
    **{each.code: each for each in (PdfSigned, PdfaImpossible, StorageUnavailable)},
}

T = TypeVar("T")


async def write_pdf(
    source: Path | int | bytes,
    pages: AsyncIterable[RecognizedPage],
    mode: PdfMode,
    target: Path | int | None = None,
) -> WrittenPdf:
    """Write the source as a PDF with the text of these pages, to the target if there is one.

    source: the path or descriptor of a PDF or an image, or the bytes of an image. A PDF keeps its
    other pages; of an image, only these pages (frames) are written, in this order. target: a path
    or descriptor. The source is opened before the first page is asked for, so errors of the source
    come before any page has to be recognized: DocumentBroken, DocumentEncrypted, PdfSigned, an
    ImageError. Later ones: PdfaImpossible, StorageUnavailable, or one of these.
    """
    writing = _Writing(await asyncio.to_thread(_ordered, source, mode, target))
    try:
        await writing.open(source, target)
        number = 0
        async for page in pages:
            await writing.add(page)
            number += 1
        return await writing.finish(number)
    finally:
        await writing.end()


async def check_source(source: int) -> None:
    """Raise the error that write_pdf() would raise before it asks for the first page."""
    writing = _Writing(await asyncio.to_thread(_ordered, source, PdfMode(), None))
    try:
        await writing.open(source, None)
    finally:
        await writing.end()


class _Writing:
    """One file that is being written; end() comes last, whatever happens."""

    def __init__(self, order: PdfOrder) -> None:
        self._order = order
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pdf")
        self._process: SpawnProcess | None = None
        self._channel: connection.Connection | None = None

    async def open(self, source: Path | int | bytes, target: Path | int | None) -> None:
        """Start the process and have it open the source."""

        def begin() -> dict[str, Any]:
            self._process, self._channel = spawn_process(
                run_writer, self._order, "ocr-pdf", thread_environment(1)
            )
            atexit.register(self._kill)  # multiprocessing would wait for it
            if isinstance(source, bytes):
                self._channel.send_bytes(source)
            for each in (source, target):
                if isinstance(each, int):
                    send_descriptor(self._channel, each)
            return receive_reply(self._channel)

        self._check(await self._step(begin, STEP_SECONDS), "open")

    async def add(self, page: RecognizedPage) -> None:
        """Send a page; returns when the process takes it."""
        await self._step(lambda: send_page(self._open_channel(), page), STEP_SECONDS)

    async def finish(self, pages: int) -> WrittenPdf:
        """Have the file written."""

        def finish() -> tuple[dict[str, Any], bytes]:
            channel = self._open_channel()
            with contextlib.suppress(BrokenPipeError):  # there is a reply that says why
                send_end(channel)
            reply = receive_reply(channel)
            is_here = self._order.target == "channel" and reply.get("state") == "written"
            return reply, channel.recv_bytes(self._order.max_bytes) if is_here else b""

        seconds = STEP_SECONDS + SECONDS_PER_PAGE * pages
        reply, data = await self._step(finish, seconds)
        self._check(reply, "written")
        return WrittenPdf(data, tuple(map(str, reply.get("changes", ()))))

    async def end(self) -> None:
        """End the process, unless it has ended."""
        self._kill()
        reaping = asyncio.get_running_loop().run_in_executor(self._thread, self._reap)
        self._thread.shutdown(wait=False)
        await asyncio.shield(reaping)

    async def _step(self, work: Callable[[], T], seconds: float) -> T:
        """Do this in the thread; the errors of a process that died or takes too long."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise self._at_fault(f"writing it takes longer than {seconds:.0f} s") from None
        except BrokenPipeError:
            return await self._step(self._last_words, seconds)
        except (EOFError, OSError, ValueError):
            reason = "the program that writes it has crashed or had too little memory"
            raise self._at_fault(reason) from None

    def _last_words(self) -> NoReturn:
        """Raise the error that the process sent before it ended."""
        self._check(receive_reply(self._open_channel()), "failed")
        raise EOFError

    def _at_fault(self, reason: str) -> EngineError:
        if not self._order.is_pdf:
            return InvalidImage(f"the image cannot be put into a PDF: {reason}")
        return DocumentBroken(f"the PDF is broken: {reason}")

    def _check(self, reply: dict[str, Any], expected: str) -> None:
        """Raise the error in a reply; ValueError for another state than the expected one."""
        if reply.get("state") == "failed":
            kind = _ERRORS.get(str(reply.get("code")))
            message = str(reply.get("message"))
            raise self._at_fault(message) if kind is None else kind(message)
        if reply.get("state") != expected:
            raise self._at_fault("the program that writes it has sent nonsense")

    def _open_channel(self) -> connection.Connection:
        assert self._channel is not None, "open() comes first"
        return self._channel

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ValueError):  # it was reaped
                self._process.kill()

    def _reap(self) -> None:
        self._kill()
        atexit.unregister(self._kill)
        if self._process is not None and self._channel is not None:
            reap(self._process, REAP_SECONDS)
            self._channel.close()


def _ordered(source: Path | int | bytes, mode: PdfMode, target: Path | int | None) -> PdfOrder:
    size, start = _size_and_start(source)
    return PdfOrder(
        mode,
        source=source if isinstance(source, Path) else _place(isinstance(source, int)),
        is_pdf=not isinstance(source, bytes) and kind_of(start) == "pdf",
        target=target if isinstance(target, Path) else _place(target is not None),
        memory_mb=MEMORY_MB,
        max_bytes=LARGEST_FACTOR * size + LARGEST_REST,
    )


def _place(is_descriptor: bool) -> Literal["channel", "descriptor"]:
    return "descriptor" if is_descriptor else "channel"


def _size_and_start(source: Path | int | bytes) -> tuple[int, bytes]:
    if isinstance(source, bytes):
        return len(source), b""
    if isinstance(source, int):
        return os.fstat(source).st_size, os.pread(source, START_BYTES, 0)
    with source.open("rb") as file:
        return os.fstat(file.fileno()).st_size, file.read(START_BYTES)
