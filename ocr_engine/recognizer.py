"""The interface of a recognizer, and the one place that builds it by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from ocr_engine.errors import ModelError
from ocr_engine.models.source import ModelSet
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition

if TYPE_CHECKING:
    from ocr_engine.images import Picture

EngineName = Literal["openvino", "paddle", "onnxruntime", "paddleocr"]
ENGINES = get_args(EngineName)
PrecisionChoice = Literal["auto", "f32", "bf16"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that a worker needs to build its recognizer.

    models: None only for engine paddleocr with a model set that PaddleOCR fetches by name.
    precision: auto computes recognition in bf16 where the CPU does so natively, all else in f32.
    threads: compute threads of one worker. cached_shapes: input shapes kept compiled per model.
    """

    engine: EngineName
    models: ModelSet | None
    set_name: str = "auto"
    precision: PrecisionChoice = "auto"
    threads: int = 1
    enable_mkldnn: bool = True
    cached_shapes: int = 10

    def __post_init__(self) -> None:
        """ModelError for a precision that the engine cannot compute in."""
        if self.precision == "bf16" and self.engine != "openvino":
            raise ModelError(
                f"ocr.precision = bf16: engine {self.engine} computes in f32; set auto or f32, or "
                "engine openvino"
            )

    def fingerprint(self) -> str:
        """Differs for every two settings that may give different text."""
        models = self.models.fingerprint() if self.models else self.set_name
        return f"{self.engine}/{self.precision}/{int(self.enable_mkldnn)}/{models}"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """What is loaded, in words: for the log and /healthz."""

    engine: str
    precision: str
    models: str
    threads: int


class Recognizer(Protocol):
    """Turns one upright picture into lines; loaded once, used from one thread."""

    info: EngineInfo

    def recognize(self, picture: Picture, options: RecognitionOptions) -> Recognition:
        """The lines of the picture in reading order; keeps no state between pictures."""

    def release_memory(self) -> None:
        """Give back memory kept for past pictures."""


def load_recognizer(settings: EngineSettings) -> Recognizer:
    """Build the recognizer that the settings name; runs in the worker.

    ModelError if the runtime is not installed or a model does not fit.
    """
    module = "paddleocr" if settings.engine == "paddleocr" else "ppocr"
    recognizers: Any = importlib.import_module(f"ocr_engine.recognizers.{module}")
    recognizer: Recognizer = recognizers.load(settings)
    return recognizer
