"""From the server's JSON to OCRmyPDF's elements: page, paragraphs, lines and words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ocrmypdf import BoundingBox, OcrClass, OcrElement
from ocrmypdf.models.ocr_element import Baseline

SLANTED = 2  # pixels between both ends of a line; less comes from rounded corners
VERTICAL_RATIO = 1.5

Quad = Sequence[Sequence[float]]


def page_element(data: dict[str, Any], page_number: int) -> OcrElement:
    """The page with its paragraphs in reading order."""
    return OcrElement(
        OcrClass.PAGE,
        bbox=BoundingBox(0, 0, data["width"], data["height"]),
        children=[*_paragraphs(data)],
        page_number=page_number,
    )


def _paragraphs(data: dict[str, Any]) -> Iterator[OcrElement]:
    lines = data["lines"]
    blocks = [block["lines"] for block in data.get("blocks", ())] or [range(len(lines))]
    for numbers in blocks:
        found = [line_element(lines[number]) for number in numbers if lines[number]["text"].strip()]
        if found:
            box = _around(line.bbox for line in found)
            yield OcrElement(OcrClass.PARAGRAPH, bbox=box, children=found)


def line_element(line: dict[str, Any]) -> OcrElement:
    """A line with its words."""
    quad = line["box"]
    box = _box(quad)
    vertical = box.height >= VERTICAL_RATIO * box.width and len(line["text"].strip()) > 1
    return OcrElement(
        OcrClass.LINE,
        bbox=box,
        children=[*_words(line)],
        confidence=line["confidence"],
        textangle=_angle(line.get("words", ())) if vertical else None,
        baseline=None if vertical else _baseline(quad, box),
    )


def _words(line: dict[str, Any]) -> Iterator[OcrElement]:
    """What is between spaces: OCRmyPDF draws a space behind each word.

    So Chinese characters, each of which is a word of the server, are joined.
    """
    groups: list[list[dict[str, Any]]] = []
    end = 0
    for word in line.get("words", ()):
        begin = line["text"].find(word["text"], end)
        if begin != end or not groups:
            groups.append([])
        groups[-1].append(word)
        end = max(begin, end) + len(word["text"])
    for group in groups or [[line]]:
        yield OcrElement(
            OcrClass.WORD,
            bbox=_around(_box(word["box"]) for word in group),
            text="".join(word["text"] for word in group),
            confidence=min(word["confidence"] for word in group),
        )


def _baseline(quad: Quad, box: BoundingBox) -> Baseline | None:
    """The lower edge of a slanted line."""
    _, _, right, left = quad
    run, rise = right[0] - left[0], right[1] - left[1]
    if run <= 0 or abs(rise) <= SLANTED:
        return None
    slope = rise / run
    return Baseline(slope, left[1] + slope * (box.left - left[0]) - box.bottom)


def _angle(words: Sequence[dict[str, Any]]) -> float:
    """The rotation of a vertical line counter-clockwise: 90 if it is read upwards."""
    upwards = len(words) > 1 and _box(words[0]["box"]).top > _box(words[-1]["box"]).top
    return 90.0 if upwards else 270.0


def _box(quad: Quad) -> BoundingBox:
    xs, ys = zip(*quad, strict=True)
    return BoundingBox(min(xs), min(ys), max(xs), max(ys))


def _around(boxes: Iterable[BoundingBox | None]) -> BoundingBox:
    found = [box for box in boxes if box is not None]
    return BoundingBox(
        min(box.left for box in found),
        min(box.top for box in found),
        max(box.right for box in found),
        max(box.bottom for box in found),
    )
