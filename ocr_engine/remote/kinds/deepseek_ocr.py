"""DeepSeek-OCR: Markdown or text; with `<|grounding|>` in the prompt, with boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar

from ocr_engine.remote.kinds.kind import AskedOnce, Fields, SentImage
from ocr_engine.remote.parts import BadAnswer, Corners, Part, level_corners
from ocr_engine.result import BlockType

SIDE = 999  # boxes are in thousandths of the sides, counted from 0
MAX_BOXES = 10_000  # of one answer

_REFERENCE = re.compile(r"<\|ref\|>(.*?)<\|/ref\|>\s*<\|det\|>(.*?)<\|/det\|>", re.DOTALL)
_END = re.compile(r"<[|｜]end▁of▁sentence[|｜]>")
_TITLE = re.compile(r"(#{1,6})[ \t]+(.+)", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]]{0,200}\]\([^)]{0,500}\)")
_TYPES: dict[str, BlockType | None] = {  # None: it has no text of its own
    "text": "text",
    "title": "title",
    "sub_title": "title",
    "list": "list",
    "table": "table",
    "header": "header",
    "page_header": "header",
    "footer": "footer",
    "page_footer": "footer",
    "page_number": "footer",
    "footnote": "footer",
    "image": None,
    "figure": None,
    "chart": None,
    "equation": "text",
    "formula": "text",
    "code": "text",
    "image_caption": "text",
    "figure_title": "text",
    "table_caption": "text",
    "table_footnote": "text",
}


class DeepSeekOcr(AskedOnce):
    """Needs the n-gram logits processor in its server, or long tables repeat without end."""

    prompt = "<|grounding|>Convert the document to markdown."
    fields: ClassVar[Fields] = {
        "temperature": 0,
        "max_tokens": 8192,
        "skip_special_tokens": False,
        "vllm_xargs": {
            "ngram_size": 30,
            "window_size": 90,
            "whitelist_token_ids": [128821, 128822],  # <td>, </td>
        },
    }

    def parse(self, answer: str, image: SentImage) -> list[Part]:
        """See AskedOnce."""
        answer = _END.sub("", answer)
        references = list(_REFERENCE.finditer(answer))
        if not references:
            return _plain(answer)
        parts = _plain(answer[: references[0].start()])
        ends = [match.start() for match in references[1:]] + [len(answer)]
        for match, end in zip(references, ends, strict=True):
            parts += _referred(match[1].strip(), _boxes(match[2]), answer[match.end() : end])
        return parts


def _plain(text: str) -> list[Part]:
    """Text without a place: a part for each paragraph."""
    paragraphs = re.split(r"\n\s*\n", _IMAGE.sub("", text))
    return [_part(each.strip(), None, "text") for each in paragraphs if each.strip()]


def _referred(label: str, boxes: Sequence[Corners], text: str) -> list[Part]:
    """What a reference stands for: text of the labelled type, or a line whose label is its text."""
    text = _IMAGE.sub("", text).strip()
    if not text and label not in _TYPES:
        return [Part(label, box, is_line=True) for box in boxes[:1] if label]
    kind = _TYPES.get(label, "text")
    if not text:
        return []
    return [_part(text, _around(boxes), kind or "text")]


def _part(text: str, corners: Corners | None, kind: BlockType) -> Part:
    """A part; the marks of a Markdown title become its level."""
    title = _TITLE.fullmatch(text)
    if title and "\n" not in text:
        return Part(title[2], corners, "title", len(title[1]))
    return Part(text, corners, kind, level=1 if kind == "title" else 0)


def _boxes(text: str) -> list[Corners]:
    """The boxes of a reference: lists of left, top, right and bottom."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise BadAnswer("a list of boxes is not JSON") from None
    if isinstance(found, list) and found and not isinstance(found[0], list):
        found = [found]
    if not isinstance(found, list) or len(found) > MAX_BOXES or not all(map(_is_box, found)):
        raise BadAnswer("a reference has no boxes of four numbers")
    return [level_corners(*(number / SIDE for number in box)) for box in found]


def _is_box(box: Any) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and all(isinstance(n, int | float) and not isinstance(n, bool) for n in box)
    )


def _around(boxes: Sequence[Corners]) -> Corners | None:
    """The box around several; None if there is none."""
    points = [corner for box in boxes for corner in box]
    if not points:
        return None
    across, down = [x for x, _ in points], [y for _, y in points]
    return level_corners(min(across), min(down), max(across), max(down))
