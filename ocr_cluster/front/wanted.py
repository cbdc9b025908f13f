"""What the service wants to be read."""

from __future__ import annotations

from dataclasses import dataclass

from ocr_cluster.work import Work
from ocr_engine.engine import Turn
from ocr_engine.options import RecognitionOptions


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image with its choices; see Engine.submit. fresh: no stored result is wanted."""

    work: Work
    image: bytes
    options: RecognitionOptions
    turn: Turn
    patience: float | None = None
    read_before: bool = False
    fresh: bool = False
