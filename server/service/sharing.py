"""What the service shares with the other servers of a cluster: results, and recognitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cache.kept_file import KeptResult
from cache.keys import CacheKey
from cache.stored_result import StoredResult
from ocr_engine.engine import EngineTask, Turn
from ocr_engine.images.pixels import ImageData
from server.intake.request import OcrRequest
from server.service.flights import FlightIdentity


@dataclass(frozen=True, slots=True)
class Found:
    """A result that another server has stored. age: seconds."""

    result: StoredResult
    age: float


class Sharing(Protocol):
    """Asks the other servers before an image is read; used on the event loop."""

    async def submit(
        self,
        identity: FlightIdentity,
        data: ImageData,
        request: OcrRequest,
        turn: Turn,
        read_before: bool,
    ) -> EngineTask | Found:
        """The stored result, or a task of the engine; raises the errors of Engine.submit()."""

    async def find(self, key: CacheKey) -> KeptResult | None:
        """The stored result of any image with this MD5."""

    async def erase(self, owner: str, md5: str) -> bool:
        """Erase the results of an image; False if there is none. StorageUnavailable."""

    def has_joined(self, task: EngineTask) -> bool:
        """Whether another server was reading the image when this one asked."""
