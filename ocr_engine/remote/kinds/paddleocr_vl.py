"""PaddleOCR-VL (0.9B, 1.5, 1.6): text, tables as OTSL, and lines with their corners (`Spotting:`).

Over vLLM it reads elements: a dense page needs a model of the layout in front of it.
"""

from __future__ import annotations

import re
from typing import Any

from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import AskedOnce, Fields, SentImage
from ocr_engine.remote.parts import Part, any_corners
from ocr_engine.remote.tables import is_table

SPOTTING = "Spotting:"
LEAST_PIXELS, MOST_PIXELS, MOST_PIXELS_SPOTTING = 112_896, 1_003_520, 1_605_632
DOUBLED_BELOW = 1500  # pixels of the longer side, for spotting

_QUAD = re.compile(r"(?:<\|LOC_\d{1,4}\|>\s*){8}")
_NUMBER = re.compile(r"<\|LOC_(\d{1,4})\|>")
_MARKS = re.compile(r"<\|(?:TEXT|LOC)_(?:START|END|BEGIN)\|>")


class PaddleOcrVl(AskedOnce):
    """One prompt for each task, see docs/models-remote.md."""

    prompt = "OCR:"

    def target_for(self, prompt: str) -> Target:
        """See AskedOnce."""
        if prompt == SPOTTING:
            return Target(MOST_PIXELS_SPOTTING, doubled_below=DOUBLED_BELOW)
        return Target(MOST_PIXELS)

    def fields_for(self, prompt: str) -> Fields:
        """See AskedOnce; mm_processor_kwargs is for vLLM."""
        spotting = prompt == SPOTTING
        fields: dict[str, Any] = {
            "temperature": 0,
            "max_completion_tokens": 8192,
            "skip_special_tokens": not spotting,
            "mm_processor_kwargs": {
                "min_pixels": LEAST_PIXELS,
                "max_pixels": MOST_PIXELS_SPOTTING if spotting else MOST_PIXELS,
            },
        }
        return fields

    def parse(self, answer: str, image: SentImage) -> list[Part]:
        """See AskedOnce."""
        found = list(_spotted(_MARKS.sub("", answer)))
        if found:
            return found
        if not answer.strip():
            return []
        return [Part(answer, type="table" if is_table(answer) else "text")]


def _spotted(answer: str) -> list[Part]:
    """The lines with their corners: each text stands before its eight numbers."""
    parts = []
    end = 0
    for match in _QUAD.finditer(answer):
        text = answer[end : match.start()].strip()
        end = match.end()
        numbers = [int(number) / 1000 for number in _NUMBER.findall(match[0])]
        corners = any_corners(list(zip(numbers[::2], numbers[1::2], strict=True)))
        if text:
            parts.append(Part(text, corners, is_line=True))
    return parts
