"""Base class of fake sessions, which run no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from ocr_engine.arrays import FloatArray
from ocr_engine.runtimes.session import Inputs, PixelArray, Precision

T = TypeVar("T")


class FakeSession:
    """Runs inputs one at a time and keeps nothing; subclasses define the answer."""

    def __init__(self) -> None:
        self.metadata: Mapping[str, str] = {}
        self.input_channels: int | None = None
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
