"""The interface that every runtime gives the recognizer: a loaded model that runs a tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from ocr_engine.models.source import ModelFile

T = TypeVar("T")
FloatArray = npt.NDArray[np.float32]
Precision = Literal["f32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a model runs: compute threads, number format, shapes kept compiled, oneDNN in Paddle.

    lanes: how many tensors may run at the same time, each with so many threads.
    most_compiled: elements of tensors of all shapes that were compiled; above it, the model is
    compiled anew when memory is given back.
    ranges: of the model's activations by operation, for int8.
    """

    threads: int = 1
    lanes: int = 1
    precision: Precision = "f32"
    cached_shapes: int = 10
    most_compiled: int = 1 << 62
    enable_mkldnn: bool = True
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Session(Protocol):
    """A loaded model; made and run in one thread of one process."""

    metadata: Mapping[str, str]
    input_height: int | None
    precision: Precision

    def run(self, tensor: FloatArray) -> FloatArray:
        """The model's first output for one (n, 3, h, w) float32 input."""

    def run_each(
        self, tensors: Iterable[FloatArray], lanes: int, read: Callable[[FloatArray], T]
    ) -> Iterator[T]:
        """What `read` makes of each tensor's output, in their order.

        `lanes` run at a time, if the runtime can; `read` must keep no part of what it is given.
        """

    def release_memory(self) -> None:
        """Give back what is kept for past shapes and for lanes unused since, if the runtime can."""


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
