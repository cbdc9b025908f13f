"""The options that engine paddleocr passes to PaddleOCR for one image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ocr_engine.images.decode import DecodedImage
from ocr_engine.options import LimitType, RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.recognizers.paddle_parts import PaddleParts
from ocr_engine.recognizers.paddleocr import PaddleOcr


class Recording:
    """A pipeline that finds nothing and records its options."""

    def predict(self, pixels: object, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"rec_texts": [], "rec_scores": [], "rec_polys": []}]


@pytest.mark.parametrize(
    ("kind", "side", "expected"),
    [
        ("min", 4000, 547),  # 33 x 33 to 300,000 pixels: x 16.6
        ("auto", 4000, 547),
        ("min", 64, 64),
        ("max", 4000, 4000),  # never enlarges
    ],
)
def test_the_enlargement_is_bounded_as_in_the_other_engines(
    kind: LimitType, side: int, expected: int
) -> None:
    pipeline = Recording()
    reader = PaddleOcr(
        EngineInfo("fake", "f32", "fakes", 1), pipeline, PaddleParts({}), turns_lines=False
    )
    options = RecognitionOptions(det_limit_type=kind, det_limit_side_len=side)
    reader.recognize(DecodedImage(np.zeros((33, 33, 3), dtype=np.uint8)), options)
    assert pipeline.asked["text_det_limit_side_len"] == expected
