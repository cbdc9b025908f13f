"""Detection and recognition that skip what was done before the last worker was lost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import ImageArray
from ocr_engine.runtimes.session import Inputs
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.recognition import Character, Reading
from ocr_engine.steps import Steps


def boxes(
    steps: Steps, look: Callable[[tuple[int, int]], list[ScoredBox]], size: tuple[int, int]
) -> list[ScoredBox]:
    """The boxes that detection finds with one look at this size (height, width)."""
    step = steps.begin()
    if 0 in step.found:
        return [
            ScoredBox(np.array(corners, dtype=np.float32), score)
            for corners, score in step.found[0]
        ]
    found = look(size)
    step.add(0, [(box.corners.tolist(), float(box.score)) for box in found])
    return found


def readings(
    steps: Steps,
    inputs: Inputs[Reading],
    run: Callable[[Inputs[Reading]], list[Reading]],
) -> list[Reading]:
    """The readings of some lines; run: reads those that are left."""
    step = steps.begin()
    left = [number for number in range(len(inputs.widths)) if number not in step.found]

    def make(place: int) -> ImageArray:
        return inputs.make(left[place])

    def read(place: int, output: FloatArray) -> Reading:
        reading = inputs.read(left[place], output)
        step.add(left[place], reading)
        return reading

    widths = [inputs.widths[number] for number in left]
    found = {number: _reading(*result) for number, result in step.found.items()}
    found.update(zip(left, run(Inputs(widths, make, read)), strict=True))
    return [found[number] for number in range(len(inputs.widths))]


def _reading(
    text: str,
    confidence: float,
    characters: list[tuple[str, float, float, float]],
    turned: bool,
    lowest: float,
    typical: float,
    gap: tuple[float, float],
    unread: bool,
) -> Reading:
    """A reading from the values of its fields."""
    found = tuple(Character(*character) for character in characters)
    start, end = gap
    return Reading(text, confidence, found, turned, lowest, typical, (start, end), unread)
