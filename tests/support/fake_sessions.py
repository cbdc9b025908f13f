"""A session that runs no model: what all fakes of sessions have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ocr_engine.runtimes.session import FloatArray, Inputs, PixelArray, Precision

T = TypeVar("T")


class FakeSession:
    """Runs one after the other, and keeps nothing; subclasses say what the answer is."""

    def __init__(self) -> None:
        self.metadata: Mapping[str, str] = {}
        self.input_height: int | None = None
        self.precision: Precision = "f32"

    def run(self, pixels: PixelArray) -> FloatArray:
        raise NotImplementedError

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        return inputs.run_on(self.run)

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        self.run(pixels)

    def release_memory(self, shapes: bool = False) -> None:
        """Nothing is kept."""
