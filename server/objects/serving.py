"""Recognizes objects with the workers of the server, as another of its users."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.keys import Digests
from ocr_engine.engine import Turn
from ocr_engine.errors import EngineError
from ocr_engine.options import RecognitionOptions
from server.database.database import Database
from server.errors import BodyTooLarge, MissingFile, ServiceError
from server.formats.rendering import Rendering
from server.formats.stored import decode_result
from server.intake.request import ImageBytes, OcrRequest
from server.jobs.record import JobError
from server.objects.errors import ReadFailure
from server.objects.ledger import ObjectRow, Within
from server.objects.result import Reading
from server.objects.sources.source import OpenedObject
from server.objects.work import Counted
from server.principal import STORAGE_USER, Scope
from server.service.service import OcrService
from server.users.usage import Usage
from server.users.usage_store import record


class ObjectImage:
    """An object as the image of a request; see ImageSource."""

    scope: Scope = "read"

    def __init__(self, opened: OpenedObject, max_bytes: int) -> None:
        self._opened = opened
        self._max_bytes = max_bytes

    async def open(self) -> None:
        """See ImageSource: its size is known already."""
        size = self._opened.size
        if size > self._max_bytes:
            raise BodyTooLarge(f"the object is larger than the limit of {self._max_bytes} bytes")
        if not size:
            raise MissingFile("the object is empty")

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource."""
        return None

    def bytes_to_read(self) -> int:
        """See ImageSource."""
        return self._opened.size

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; StoreUnavailable if the store does not answer."""
        return ImageBytes(await self._opened.read())

    def close(self) -> None:
        """See ImageSource."""


class ServiceRecognition:
    """See Recognize. explain: turns an error into what clients see."""

    def __init__(
        self,
        service: OcrService,
        options: RecognitionOptions,
        rendering: Rendering,
        weight: float,
        max_bytes: int,
        explain: Callable[[BaseException], JobError],
    ) -> None:
        self._service = service
        self._options = options
        self._rendering = rendering
        self._turn = Turn(STORAGE_USER, weight, background=True)
        self._max_bytes = max_bytes
        self._explain = explain

    async def __call__(self, opened: OpenedObject, row: ObjectRow) -> Reading:
        """See Recognize."""
        image = ObjectImage(opened, self._max_bytes)
        try:
            ticket = await self._service.submit(OcrRequest(image, self._options), self._turn)
            answer = await ticket.answer()
        except (ServiceError, EngineError) as error:
            shown = self._explain(error)
            raise ReadFailure(shown.code, shown.message) from None
        seconds = sum(time for stage, time in answer.stages.items() if stage != "queue")
        return Reading(
            decode_result(answer.result, self._rendering.drop_score),
            answer.digests.md5,
            round(seconds * 1000, 1),
            cached=ticket.outcome != "miss",
        )


def counting(usage: Usage) -> Counted:
    """Counts each finished object in the usage of the storage's user, exactly once."""

    def counted(row: ObjectRow, reading: Reading | None, code: str) -> Within | None:
        event = usage.job_event(
            f"{row.id[:32]}-{row.version}",
            STORAGE_USER,
            cached=int(reading is not None and reading.cached),
            seconds=0.0 if reading is None or reading.cached else reading.milliseconds / 1000,
            size=row.size or 0,
            code=code,
        )
        if event is None:
            return None

        async def within(database: Database, connection: AsyncConnection) -> None:
            await record(database, connection, event)

        return within

    return counted
