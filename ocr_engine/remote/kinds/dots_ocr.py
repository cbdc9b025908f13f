"""dots.ocr and dots.mocr: text, or the layout as JSON, whichever the prompt asks for."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from ocr_engine.remote.fitting import Target
from ocr_engine.remote.kinds.kind import AskedOnce, Fields, SentImage
from ocr_engine.remote.parts import BadAnswer, Part, level_corners
from ocr_engine.result import BlockType

IMAGE_MARKS = "<|img|><|imgpad|><|endofimg|>"
MULTIPLE = 28  # its sides; the model would resize other images, and its boxes are of the result
LEAST_PIXELS, MOST_PIXELS = 3_136, 11_289_600

_FENCE = "```"
_TYPES: dict[str, BlockType] = {
    "title": "title",
    "section-header": "title",
    "list-item": "list",
    "table": "table",
    "page-header": "header",
    "page-footer": "footer",
    "footnote": "footer",
}


class DotsOcr(AskedOnce):
    """The default prompt asks for text. The prompts of its repository for the layout give boxes."""

    prompt = "Extract the text content from this image."
    fields: ClassVar[Fields] = {"temperature": 0.1, "top_p": 0.9, "max_completion_tokens": 32_768}
    target = Target(MOST_PIXELS, LEAST_PIXELS, MULTIPLE)

    def sent_prompt(self, prompt: str) -> str:
        """See AskedOnce; the template of the model expects the marks of the image in the text."""
        return prompt if prompt.startswith(IMAGE_MARKS) else IMAGE_MARKS + prompt

    def parse(self, answer: str, image: SentImage) -> list[Part]:
        """See AskedOnce."""
        text = _unfenced(answer.strip())
        if not text.startswith("[") or not text.endswith("]"):
            return [Part(text)] if text else []
        try:
            elements = json.loads(text)
        except (ValueError, RecursionError):
            if '"bbox"' in text:
                raise BadAnswer("the layout is not JSON") from None
            return [Part(text)]  # text that has brackets around it
        if not all(isinstance(each, dict) and "bbox" in each for each in elements):
            return [Part(text)]
        return [part for each in elements if (part := _part(each, image)) is not None]


def _unfenced(text: str) -> str:
    """The content of a block of code, if the whole text is one."""
    if text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text:
        return text.partition("\n")[2].removesuffix(_FENCE).strip()
    return text


def _part(element: dict[str, Any], image: SentImage) -> Part | None:
    box, text = element["bbox"], element.get("text", "")
    if not isinstance(box, list) or len(box) != 4 or not isinstance(text, str):
        raise BadAnswer("an element of the layout has no box of four numbers, or no text")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in box):
        raise BadAnswer("a box of the layout is not of numbers")
    if not text.strip():
        return None
    category = str(element.get("category", "")).lower()
    left, top, right, bottom = box
    corners = level_corners(
        left / image.width, top / image.height, right / image.width, bottom / image.height
    )
    kind = _TYPES.get(category, "text")
    if kind == "title":
        level = len(text) - len(text.lstrip("#"))
        return Part(text.lstrip("#").strip(), corners, kind, max(1, min(level, 6)))
    return Part(text, corners, kind)
