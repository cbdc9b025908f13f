"""An upload that goes to an unnamed file on the disk while it arrives."""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
from collections.abc import Sequence

from cache.keys import Digests, ImageHasher
from ocr_engine.documents.kinds import START_BYTES, kind_of
from server.blobs.write_all import write_all
from server.errors import BodyTooLarge, StorageUnavailable
from server.intake.request import ImageBytes, SourceFile
from server.principal import Scope

SPOOL_BYTES = 4 << 20  # of a document that stays in memory

log = logging.getLogger(__name__)


class SpooledUpload:
    """What has arrived of a large document; gone with the process.

    Chunks are added on the event loop, and written by flush(). pending: bytes that are not yet
    written.
    """

    def __init__(self, start: bytes) -> None:
        self.size = 0
        self.pending = 0
        self._start = start
        self._chunks: list[bytes | memoryview] = []
        self._hasher = ImageHasher()
        self._descriptor: int | None = None

    def __del__(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    @property
    def start(self) -> bytes:
        """The first START_BYTES."""
        return self._start

    def __len__(self) -> int:
        """How many bytes have arrived."""
        return self.size

    def add(self, chunk: bytes | memoryview) -> None:
        """The next chunk."""
        self.size += len(chunk)
        self._chunks.append(chunk)
        self.pending += len(chunk)

    async def flush(self) -> None:
        """Write what has been added; StorageUnavailable if the disk is full."""
        chunks, self._chunks = self._chunks, []
        self.pending = 0
        try:
            await asyncio.to_thread(self._write, chunks)
        except OSError as error:
            log.warning("uploads: %s", error)
            raise StorageUnavailable(
                "the document cannot be kept at the moment; the server's log has the cause"
            ) from error

    def file(self) -> SourceFile:
        """The file; all chunks are written."""
        assert self._descriptor is not None
        return SourceFile(os.dup(self._descriptor), self.size, self.digests())

    def digests(self) -> Digests:
        """The digests of all that is written."""
        return self._hasher.digests()

    def read(self) -> bytes:
        """All of it; runs in a thread."""
        assert self._descriptor is not None
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            file.seek(0)
            return file.read()

    def _write(self, chunks: Sequence[bytes | memoryview]) -> None:
        if self._descriptor is None:
            with tempfile.TemporaryFile() as file:
                self._descriptor = os.dup(file.fileno())
        for chunk in chunks:
            self._hasher.update(chunk)
            write_all(self._descriptor, chunk)


class ArrivingUpload:
    """An upload while it arrives; a document of more than spool_above bytes goes to the disk."""

    def __init__(self, spool_above: int | None) -> None:
        self.spooled: SpooledUpload | None = None
        self._spool_above = spool_above
        self._chunks: list[bytes | memoryview] = []
        self._size = 0

    def add(self, chunk: bytes | memoryview) -> None:
        """The next chunk."""
        if self.spooled is not None:
            self.spooled.add(chunk)
            return
        self._chunks.append(chunk)  # copied once, when all are there
        self._size += len(chunk)
        if self._spool_above is not None and self._size > self._spool_above:
            self._spool()

    def complete(self) -> bytes | SpooledUpload:
        """All of it; called once."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks) if self.spooled is None else self.spooled

    def _spool(self) -> None:
        self._spool_above = None
        start = b"".join(bytes(chunk[:START_BYTES]) for chunk in self._chunks[:START_BYTES])
        if kind_of(start[:START_BYTES]) is not None:
            self.spooled = SpooledUpload(start[:START_BYTES])
            for chunk in self._chunks:
                self.spooled.add(chunk)
            self._chunks.clear()


class SpooledImage:
    """A spooled upload as the source of a request; see ImageSource and FileSource."""

    scope: Scope = "read"

    def __init__(self, upload: SpooledUpload, max_bytes: int) -> None:
        self._upload = upload
        self._max_bytes = max_bytes

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        return self._upload.digests()

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return len(self._upload)

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; BodyTooLarge if it is no document, nor an image of a usual size."""
        if len(self._upload) > self._max_bytes:
            raise BodyTooLarge(
                f"the image has {len(self._upload)} bytes; at most {self._max_bytes} are accepted"
            )
        return ImageBytes(await asyncio.to_thread(self._upload.read), self._upload.digests())

    def close(self) -> None:
        """See ImageSource."""

    async def start(self) -> bytes:
        """See FileSource."""
        return self._upload.start

    async def as_file(self, owner: str) -> SourceFile:
        """See FileSource."""
        return self._upload.file()
