"""The body of a request while it arrives: what of it is in memory, and how long it may take."""

from __future__ import annotations

import asyncio

from tornado.http1connection import HTTP1Connection

from server.http.client_stream import ClientStream
from server.http.request_scope import RequestScope
from server.intake.body import BodyReader
from server.intake.fields import Form
from server.service.inflight import InflightBytes

MAX_UPLOAD_SECONDS = 1800.0  # less than the age at which Leftovers deletes images without a job
FLUSH_BYTES = 1 << 20  # of a large document that are written together


class IncomingBody:
    """What has arrived of a body; its bytes in memory count as bytes in flight.

    reader: None before the request is admitted, and when the body is no longer needed. held: bytes
    in memory.
    """

    def __init__(self, inflight: InflightBytes, scope: RequestScope, stream: ClientStream) -> None:
        self.reader: BodyReader | None = None
        self.held = 0
        self._inflight = inflight
        self._scope = scope
        self._stream = stream
        self._seconds: float | None = None  # for the body, or its next part
        self._latest = asyncio.get_running_loop().time() + MAX_UPLOAD_SECONDS

    def expect(self, reader: BodyReader, connection: HTTP1Connection) -> None:
        """Have the body read by this reader, and the connection closed if it takes too long.

        Tornado would create a timer and two futures for this with each request. So Tornado's own
        limit is read from a private attribute, and disabled with None, which the annotation lacks.
        """
        self.reader = reader
        self._seconds = connection.params.body_timeout
        connection.set_body_timeout(None)  # type: ignore[arg-type]
        if self._seconds is not None:
            self._stream.expect_body(self._seconds)

    def expect_more(self) -> None:
        """Start the time limit again, for the next part of a long body."""
        if self._seconds is not None:
            left = self._latest - asyncio.get_running_loop().time()
            self._stream.expect_body(max(0.0, min(self._seconds, left)))

    def feed(self, reader: BodyReader, chunk: bytes) -> None:
        """The next bytes; raises an error if they cannot be part of a request."""
        size = len(chunk)
        self.held += size
        self._scope.received += size
        self._inflight.received += size
        reader.feed(chunk)

    @property
    def is_due(self) -> bool:
        """Whether so much of a large document is in memory that it is to be written."""
        spooled = self.reader.spooled if self.reader is not None else None
        return spooled is not None and spooled.pending >= FLUSH_BYTES

    async def flush(self) -> None:
        """Write a part of a document to the disk, so that it is not in memory; StorageUnavailable.

        Nothing else may arrive meanwhile.
        """
        spooled = self.reader.spooled if self.reader is not None else None
        if spooled is None:
            return
        size = spooled.pending
        await spooled.flush()
        if self.reader is not None:
            self.release(size)

    def release(self, size: int) -> None:
        """So many bytes are no longer in memory."""
        self.held -= size
        self._inflight.received -= size

    def drop(self) -> None:
        """Release the body: the pool has it now, or it is not needed."""
        self.release(self.held)
        self.reader = None


async def finished(reader: BodyReader) -> Form:
    """The form of a complete body; parsed in a thread if it is long."""
    return await asyncio.to_thread(reader.finish) if reader.is_long else reader.finish()
