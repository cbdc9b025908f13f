"""The interface between recognizers and runtimes: a loaded model that runs on pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ocr_engine.arrays import FloatArray
from ocr_engine.models.recipe import HALF
from ocr_engine.models.source import ModelFile

T = TypeVar("T")
PixelArray = npt.NDArray[np.uint8]
Precision = Literal["f32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class Normalization:
    """The model's input per pixel and channel: (pixel / 255 - mean) / std."""

    mean: tuple[float, float, float] = HALF
    std: tuple[float, float, float] = HALF

    def tensor(self, pixels: PixelArray) -> FloatArray:
        """Pixels (1, h, w, c) uint8 as (1, c, h, w) float32; c is 3, or 1 for gray."""
        _, height, width, channels = pixels.shape
        tensor = np.empty((1, channels, height, width), dtype=np.float32)
        for channel in range(channels):
            scaled, std = tensor[0, channel], self.std[channel]
            np.subtract(pixels[0, ..., channel], np.float32(255 * self.mean[channel]), out=scaled)
            np.multiply(scaled, np.float32(1 / 255 / std), out=scaled)
        return tensor


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a model runs.

    normalization: of pixels, in the channel order of the input.
    threads: compute threads of each infer request.
    infer_requests: how many inputs may run concurrently.
    cached_shapes: input shapes kept compiled.
    max_shared_width: wider inputs use only the first infer request, so that the others keep few
    compiled shapes.
    enable_mkldnn: oneDNN in Paddle.
    ranges: of the model's activations by operation, for int8.
    digest: of the model's files, for the cache of compiled models; empty: no caching.
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
    """A batch of inputs, numbered from 0.

    widths: of the inputs in pixels; they decide the order. make: creates an input just before it
    runs. read: converts an output, given its number; it must not keep a reference to the output.
    """

    widths: Sequence[int]
    make: Callable[[int], PixelArray]
    read: Callable[[int, FloatArray], T]

    def run_on(self, run: Callable[[PixelArray], FloatArray]) -> list[T]:
        """Run all inputs, one after another."""
        return [self.read(number, run(self.make(number))) for number in range(len(self.widths))]


class Session(Protocol):
    """A loaded model; created and run in one thread of one process."""

    metadata: Mapping[str, str]
    input_channels: int | None
    input_height: int | None
    precision: Precision

    def run(self, pixels: PixelArray) -> FloatArray:
        """The model's first output for pixels (1, h, w, c) uint8 in the model's channel order."""

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """The result of Inputs.read for each input, in order.

        Runs up to `infer_requests` inputs concurrently, each in its own thread, if the runtime can.
        """

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """Compile for pixels of this shape in this many infer requests, if the runtime can."""

    def release_memory(self, shapes: bool = False) -> None:
        """Release the activation memory of past images, if the runtime can.

        shapes: also drop compiled shapes, and all infer requests but the first. ModelError or
        OSError if the model cannot be reloaded for that; the session then stays usable.
        """


class Runtime(Protocol):
    """A way to run models on the CPU."""

    name: str

    def version(self) -> str:
        """The version of the library."""

    def native_bf16(self) -> bool:
        """Whether this runtime computes in bf16 on this CPU without emulation."""

    def native_int8(self) -> bool:
        """Whether this runtime computes in int8 on this CPU faster than in f32, and exactly."""

    def load(self, model: ModelFile, settings: SessionSettings) -> Session:
        """Load a model; ModelError if the file is not one that the runtime can read."""
