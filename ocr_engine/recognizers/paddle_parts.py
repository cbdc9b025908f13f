"""PaddleOCR's detection alone and its recognition alone, for requests that ask for one of them.

Both models are loaded on first use, in addition to the pipeline's own, which are not accessible.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np

from ocr_engine.images.decode import ImageArray
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.recognition import Reading

_RUNTIME = ("engine", "engine_config", "enable_mkldnn", "mkldnn_cache_capacity", "cpu_threads")


class PaddleParts:
    """Both models, as named in the arguments of the pipeline."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments

    def detect(self, pixels: ImageArray, **asked: Any) -> list[ScoredBox]:
        """The boxes of lines, in no order; asked: options under PaddleOCR's names."""
        (found,) = self._detection.predict(pixels, **asked)
        boxes = zip(found["dt_polys"], found["dt_scores"], strict=True)
        return [ScoredBox(np.asarray(box, dtype=np.float32), float(score)) for box, score in boxes]

    def read(self, pixels: ImageArray) -> Reading:
        """The text of an image that is one line."""
        (found,) = self._recognition.predict(pixels)
        return Reading(found["rec_text"], float(found["rec_score"]))

    @functools.cached_property
    def _detection(self) -> Any:
        import paddleocr

        return paddleocr.TextDetection(**self._model("text_detection"))

    @functools.cached_property
    def _recognition(self) -> Any:
        import paddleocr

        return paddleocr.TextRecognition(**self._model("text_recognition"))

    def _model(self, name: str) -> dict[str, Any]:
        runtime = {key: self._arguments[key] for key in _RUNTIME if key in self._arguments}
        return {
            "model_name": self._arguments[f"{name}_model_name"],
            "model_dir": self._arguments.get(f"{name}_model_dir"),
            "device": "cpu",
            **runtime,
        }
