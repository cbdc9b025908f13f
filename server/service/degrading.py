"""Reads large images reduced while the server is busy, if the settings say so."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

from ocr_engine.engine import Engine
from ocr_engine.errors import EngineError
from ocr_engine.images.header import read_header
from ocr_engine.images.pixels import ImageData
from ocr_engine.memory import available_mb
from ocr_engine.options import RecognitionOptions
from server.settings.settings import DegradeSettings

MEMORY_SECONDS = 1.0  # how long a look at the memory is good for


class Degrading:
    """Decides for each image whether it is read reduced; used from the event loop.

    memory: the available memory in MiB. clock: monotonic seconds.
    """

    def __init__(
        self,
        settings: DegradeSettings,
        engine: Engine,
        memory: Callable[[], int] = available_mb,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._memory = memory
        self._clock = clock
        self._looked_at = -math.inf
        self._memory_is_low = False

    def options_for(self, image: ImageData, options: RecognitionOptions) -> RecognitionOptions:
        """The options with which an image is read if it is sent now.

        A single line (use_det is false) is never reduced: it costs little, and may be long. Nor is
        an image for models on another server, which is not busy because this one is.
        """
        side = self._settings.max_side
        if not side or 0 < options.max_side <= side or not options.use_det:
            return options
        if not self._is_busy() or _long_side(image) <= side:
            return options
        if self._engine.models.find(options.models).remote_places:
            return options
        return replace(options, max_side=side, degraded=True)

    def _is_busy(self) -> bool:
        wait = self._engine.expected_wait()
        return wait > self._settings.queue_seconds or self._lacks_memory()

    def _lacks_memory(self) -> bool:
        now = self._clock()
        if now - self._looked_at >= MEMORY_SECONDS:
            self._looked_at = now
            self._memory_is_low = self._memory() < self._settings.min_memory_mb
        return self._memory_is_low


def _long_side(image: ImageData) -> int:
    """The longer side in pixels; 0 if the header is not accepted."""
    try:
        header = read_header(image)
    except EngineError:
        return 0
    return max(header.width, header.height)
