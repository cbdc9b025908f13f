"""A faint box counts if its text reads well: INT8 and reduction make some lines faint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizers.pages import FAINT_BOXES, readable
from ocr_engine.stages.crops import Crops
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.recognition import Reading

PIXELS = np.zeros((400, 300, 3), dtype=np.uint8)
DEFAULTS = RecognitionOptions(granularity="char")


def box(number: int, score: float, height: int = 20) -> ScoredBox:
    top = 10 * number
    corners: FloatArray = np.array(
        [(5, top), (205, top), (205, top + height), (5, top + height)], dtype=np.float32
    )
    return ScoredBox(corners, score)


class Reader:
    """Reads everything with one confidence, and counts what it read."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.read = 0

    def __call__(self, crops: Crops, options: RecognitionOptions) -> list[Reading]:
        assert options.granularity == "line"
        self.read += len(crops.shapes)
        return [Reading("a", self.confidence) for _ in crops.shapes]


def kept(boxes: Sequence[ScoredBox], reader: Reader) -> list[int]:
    """The numbers of the boxes that are kept."""
    corners = readable(PIXELS, boxes, DEFAULTS, reader)
    return [n for n, each in enumerate(boxes) if any(each.corners is one for one in corners)]


@pytest.mark.parametrize(("confidence", "numbers"), [(0.9, [0, 1, 2]), (0.89, [0, 2])])
def test_a_faint_box_is_kept_if_it_reads_well(confidence: float, numbers: list[int]) -> None:
    reader = Reader(confidence)
    assert kept([box(0, 0.7), box(3, 0.59), box(6, 0.6)], reader) == numbers
    assert reader.read == 1


def test_without_faint_boxes_nothing_is_read() -> None:
    reader = Reader(1.0)
    assert kept([box(0, 0.7), box(3, 0.6)], reader) == [0, 1]
    assert kept([], reader) == []
    assert reader.read == 0


def test_of_many_faint_boxes_only_the_least_faint_are_read() -> None:
    reader = Reader(1.0)
    boxes = [box(n, 0.45 + n / 1000) for n in range(2 * FAINT_BOXES)]
    assert kept(boxes, reader) == list(range(FAINT_BOXES, 2 * FAINT_BOXES))
    assert reader.read == FAINT_BOXES


def test_a_faint_box_without_area_is_dropped() -> None:
    reader = Reader(1.0)
    assert kept([box(0, 0.5, height=0)], reader) == []
    assert reader.read == 0
