"""The interface that every runtime gives the recognizer: a loaded model that runs on pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ocr_engine.models.recipe import HALF
from ocr_engine.models.source import ModelFile

T = TypeVar("T")
FloatArray = npt.NDArray[np.float32]
PixelArray = npt.NDArray[np.uint8]
Precision = Literal["f32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class Normalization:
    """What a model makes of a pixel: (pixel / 255 - mean) / std, per channel."""

    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF

    def tensor(self, pixels: PixelArray) -> FloatArray:
        """Pixels (1, h, w, 3) uint8 as (1, 3, h, w) float32."""
        _, height, width, channels = pixels.shape
        tensor = np.empty((1, channels, height, width), dtype=np.float32)
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            scaled = tensor[0, channel]
            np.subtract(pixels[0, ..., channel], np.float32(255 * mean), out=scaled)
            np.multiply(scaled, np.float32(1 / 255 / std), out=scaled)
        return tensor


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a model runs: compute threads, number format, shapes kept compiled, oneDNN in Paddle.

    normalization: what it makes of pixels, in the order of the channels that it is given.
    infer_requests: how many lines may run at the same time, each with so many threads.
    max_shared_width: wider lines run in the first request only, so that others have few shapes to keep.
    ranges: of the model's activations by operation, for int8.
    digest: of the model's files; what is compiled may be kept under it. Empty: it is not.
    """

    normalization: Normalization = Normalization()
    threads: int = 1
    infer_requests: int = 1
    precision: Precision = "f32"
    cached_shapes: int = 16
    max_shared_width: int = 1 << 62
    enable_mkldnn: bool = True
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Inputs(Generic[T]):
    """Pixels that are made when it is their turn, by number, and what to read of their outputs.

    widths: of the pixels, by which infer_requests share them. read: gets the number and the output, of
    which it must keep no part.
    """

    widths: Sequence[int]
    make: Callable[[int], PixelArray]
    read: Callable[[int, FloatArray], T]

    def run_on(self, run: Callable[[PixelArray], FloatArray]) -> list[T]:
        """All of them, one after the other."""
        return [self.read(number, run(self.make(number))) for number in range(len(self.widths))]


class Session(Protocol):
    """A loaded model; made and run in one thread of one process."""

    metadata: Mapping[str, str]
    input_height: int | None
    precision: Precision

    def run(self, pixels: PixelArray) -> FloatArray:
        """The model's first output for pixels (1, h, w, 3) uint8, in the order of its channels."""

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """What is read of each output, in the order of their numbers.

        `infer_requests` run at a time, if the runtime can, each in a thread of its own.
        """

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """Make the next run of pixels of this shape faster in so many infer_requests, if that can be."""

    def release_memory(self, shapes: bool = False) -> None:
        """Give back past images' activations, if the runtime can.

        shapes: also what is compiled for past shapes, and all infer_requests but the first. ModelError or
        OSError if the model cannot be loaded again for that; the session then stays as it is.
        """


class Runtime(Protocol):
    """A way to run models on the CPU."""

    name: str

    def version(self) -> str:
        """The library's version."""

    def native_bf16(self) -> bool:
        """Whether this runtime computes in bf16 on this CPU without emulation."""

    def native_int8(self) -> bool:
        """Whether this runtime computes in int8 on this CPU faster than in f32, and exactly."""

    def load(self, model: ModelFile, settings: SessionSettings) -> Session:
        """Load a model; ModelError if the file is not one that the runtime can read."""
