"""The kinds of models, by the name that the settings have for them."""

from __future__ import annotations

from ocr_engine.remote.kinds.deepseek_ocr import DeepSeekOcr
from ocr_engine.remote.kinds.dots_ocr import DotsOcr
from ocr_engine.remote.kinds.kind import Kind
from ocr_engine.remote.kinds.mineru import MinerU
from ocr_engine.remote.kinds.paddleocr_vl import PaddleOcrVl
from ocr_engine.remote.kinds.text import PlainText

KINDS: dict[str, Kind] = {
    "text": PlainText(),
    "paddleocr-vl": PaddleOcrVl(),
    "deepseek-ocr": DeepSeekOcr(),
    "dots-ocr": DotsOcr(),
    "mineru": MinerU(),
}
