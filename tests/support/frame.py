"""A recognizer that finds one line: the box around all that is darker than half."""

from __future__ import annotations

import numpy as np

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.images.decode import DecodedImage
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.result import Block, Document, Glyph, Line, Page, Recognition, Word


class Frame:
    """shape: of the last image."""

    info = EngineInfo("frame", "f32", "none", 1)

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        self.shape = image.pixels.shape
        height, width, _ = self.shape
        down, across = np.nonzero(image.pixels[:, :, 0] < 128)
        a, b, c, d = int(across.min()), int(down.min()), int(across.max()), int(down.max())
        box = ((a, b), (c, b), (c, d), (a, d))
        line = Line("found", 1.0, box, (Word("found", 1.0, box, (Glyph("f", 1.0, box),)),))
        return Recognition(Document((Page(width, height, (Block((line,)),)),)))

    def prepare(self) -> bool:
        return False

    def release_memory(self, shapes: bool = False) -> None:
        return None
