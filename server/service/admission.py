"""Hands images to the engine, unless another server has their results."""

from __future__ import annotations

from dataclasses import replace

from ocr_engine.engine import Engine, EngineTask, Turn
from ocr_engine.images.header import check_size, read_header
from ocr_engine.images.pixels import ImageData
from ocr_engine.options import RecognitionOptions
from server.intake.request import OcrRequest
from server.service.degrading import Degrading
from server.service.flights import FlightIdentity
from server.service.quarantine import Quarantine
from server.service.sharing import Found, Sharing


class Admission:
    """Decides whether an image is read, and in which size."""

    def __init__(
        self,
        engine: Engine,
        max_pixels: int,
        quarantine: Quarantine,
        degrading: Degrading | None,
        sharing: Sharing | None,
    ) -> None:
        self._engine = engine
        self._max_pixels = max_pixels
        self._quarantine = quarantine
        self._degrading = degrading
        self._sharing = sharing

    def check_size(self, data: ImageData, options: RecognitionOptions) -> None:
        """Raise the error of an image that cannot be read, or that is too large."""
        check_size(read_header(data), self._max_pixels, options.max_side)

    def degraded(self, request: OcrRequest, data: ImageData, turn: Turn) -> OcrRequest | None:
        """The request for the image in a smaller size, if it is too large for a busy server.

        Images for which nobody waits are not reduced.
        """
        if self._degrading is None or turn.background:
            return None
        self.check_size(data, request.options)
        options = self._degrading.options_for(data, request.options)
        return None if options is request.options else replace(request, options=options)

    async def submit(
        self, identity: FlightIdentity, data: ImageData, request: OcrRequest, turn: Turn
    ) -> EngineTask | Found:
        """Submit an image to the engine; TooManyPixels, QueueFull and similar errors.

        Waits only if other servers are asked for the result first.
        """
        self.check_size(data, request.options)
        read_before = self._quarantine.is_harmless(identity)
        if self._sharing is not None:
            return await self._sharing.submit(identity, data, request, turn, read_before)
        return self._engine.submit(
            data,
            request.options,
            patience=request.timeout_seconds,
            read_before=read_before,
            turn=turn,
        )

    def has_joined(self, task: EngineTask) -> bool:
        """Whether another server was reading the image when this one asked."""
        return self._sharing is not None and self._sharing.has_joined(task)
