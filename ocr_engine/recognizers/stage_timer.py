"""Measures how long the stages of a recognition take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ocr_engine.tracing import MEASURED, Interval


class StageTimer:
    """Adds up the seconds of each stage; if the image is traced, its intervals are kept, too."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the duration of the with block to this stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            end = time.monotonic()
            self.seconds[name] = self.seconds.get(name, 0.0) + end - start
            measured = MEASURED.get()
            if measured is not None:
                measured.append(Interval(name, start, end))
