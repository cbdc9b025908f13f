"""The recognizer interface, and the function that builds a recognizer by name."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.errors import ModelError
from ocr_engine.models.source import ModelSet
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition

if TYPE_CHECKING:
    from ocr_engine.images.decode import DecodedImage

EngineName = Literal["openvino", "paddle", "onnxruntime", "paddleocr"]
ENGINES = get_args(EngineName)
RemoteKind = Literal["text", "paddleocr-vl", "deepseek-ocr", "dots-ocr", "mineru"]
PrecisionChoice = Literal["auto", "f32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Everything that a worker needs to build its recognizer.

    models: None only for engine paddleocr with a model set that PaddleOCR downloads by name.
    precision: with auto, detection and recognition use int8 if it is native to the CPU and the
    model has activation ranges; otherwise, recognition uses bf16 if that is native. The rest is
    f32.
    threads: compute threads of one worker. cached_shapes: input shapes kept compiled per model.
    cores: how many cores one image may use at most, if they would otherwise be idle.
    """

    engine: EngineName
    models: ModelSet | None
    set_name: str = "auto"
    precision: PrecisionChoice = "auto"
    threads: int = 1
    enable_mkldnn: bool = True
    cached_shapes: int = 16
    cores: int = 1

    def __post_init__(self) -> None:
        """ModelError for a precision that the engine does not support."""
        if self.precision in ("bf16", "int8") and self.engine != "openvino":
            raise ModelError(
                f"ocr.precision = {self.precision}: engine {self.engine} computes in f32; set auto "
                "or f32, or engine openvino"
            )

    def fingerprint(self) -> str:
        """A string that differs between settings that may give different text."""
        models = self.models.fingerprint() if self.models else self.set_name
        return f"{self.engine}/{self.precision}/{int(self.enable_mkldnn)}/{models}"


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """A description of what is loaded, for the log, /healthz and /languages.

    characters: those that recognition knows, separated by newlines; empty if unknown.
    """

    engine: str
    precision: str
    models: str
    threads: int
    characters: str = ""


class KeepsMemory(Protocol):
    """What is maintained while a worker is idle: one recognizer, or several."""

    def prepare(self) -> bool:
        """Do one step that makes later images faster; False if nothing is left to do."""

    def release_memory(self, shapes: bool = False) -> None:
        """Release memory kept for past images.

        shapes: also drop compiled shapes; prepare() then starts over. ModelError or OSError if that
        needs a model file that is gone; the recognizer stays usable.
        """


class Recognizer(KeepsMemory, Protocol):
    """Recognizes the lines of an upright image; loaded once, used from one thread."""

    info: EngineInfo

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        """The lines of the image in reading order; keeps no state between images.

        The lines do not depend on the budget. RecognitionTimeout if its deadline passes; the pool
        kills the worker of a recognizer that does not check it.
        """


def load_recognizer(settings: EngineSettings) -> Recognizer:
    """Build the recognizer chosen in the settings; runs in the worker.

    ModelError if the runtime is not installed, or a model does not fit.
    """
    module = "paddleocr" if settings.engine == "paddleocr" else "ppocr"
    recognizers: Any = importlib.import_module(f"ocr_engine.recognizers.{module}")
    recognizer: Recognizer = recognizers.load(settings)
    return recognizer
