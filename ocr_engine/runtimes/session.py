"""The interface that every runtime gives the recognizer: a loaded model that runs a tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ocr_engine.models.source import ModelFile

FloatArray = npt.NDArray[np.float32]
Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """How a model runs: compute threads, number format, shapes kept compiled, oneDNN in Paddle."""

    threads: int = 1
    precision: Precision = "f32"
    cached_shapes: int = 10
    enable_mkldnn: bool = True


class Session(Protocol):
    """A loaded model; made and run in one thread of one process."""

    metadata: Mapping[str, str]
    input_height: int | None
    precision: Precision

    def run(self, tensor: FloatArray) -> FloatArray:
        """The model's first output for one (n, 3, h, w) float32 input."""

    def release_memory(self) -> None:
        """Give back what is kept for past shapes, if the runtime can."""


class Runtime(Protocol):
    """A way to run models on the CPU."""

    name: str

    def version(self) -> str:
        """The library's version."""

    def native_bf16(self) -> bool:
        """Whether this runtime computes in bf16 on this CPU without emulation."""

    def load(self, model: ModelFile, settings: SessionSettings) -> Session:
        """Load a model; ModelError if the file is not one that the runtime can read."""
