"""Encodes recognitions as stored results, and decodes them.

The JSON of a stored result is that of an answer without choices of rendering, so that it is sent as
it is. What it lacks is stored next to it: the lines of less confidence, the blocks and the raster
order.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NotRequired, TypedDict

from cache.stored_result import StoredResult
from ocr_engine.block_json import BlockJson, blocks_as_json
from ocr_engine.result import Document, Page, Recognition, raster_of
from ocr_engine.result_json import (
    BoxJson,
    TextLineJson,
    as_json,
    from_json,
    line_as_json,
)
from ocr_engine.selection import confident, in_raster_order
from server.formats.json_text import dump
from server.formats.rendering import Order

DRAWING_TYPE = "image/png"
LAYOUT_TYPE = "application/vnd.ocr-server.layout+json"
NOTHING: Mapping[str, bytes] = {}
INLINE_CHARACTERS = 1 << 20
_BOX_CHARACTERS = 100  # JSON per line, word or character, in addition to its text


StoredLine = tuple[str, float, BoxJson]  # text, confidence (0 to 1), four corners (x, y)


class StoredLayout(TypedDict):
    """What the JSON of a stored result lacks.

    Lines have the numbers of blocks_from_json(): first those in the JSON, then those in `lines`.
    """

    shown_score: float
    blocks: list[BlockJson]
    lines: NotRequired[list[TextLineJson]]
    raster: NotRequired[Sequence[int]]


async def encode_result(
    recognition: Recognition, shown_score: float, artifacts: Mapping[str, bytes] = NOTHING
) -> StoredResult:
    """Encode a recognition; in a thread if it is very long. shown_score: as in the options.

    artifacts: what is stored with it, by media type.
    """
    if _length(recognition.result) < INLINE_CHARACTERS:
        return _encode(recognition, shown_score, artifacts)
    return await asyncio.to_thread(_encode, recognition, shown_score, artifacts)


def decode_result(
    stored: StoredResult, drop_score: float | None = None, order: Order | None = None
) -> Document:
    """The document of a stored result, without the lines that are to be dropped; see Rendering."""
    data = json.loads(stored.json)
    layout = _layout(stored)
    if layout is not None:
        data["lines"] += layout.pop("lines", [])
        data |= layout
        drop_score = layout["shown_score"] if drop_score is None else drop_score
    return arranged(from_json(data), drop_score, order)


def arranged(document: Document, drop_score: float | None, order: Order | None) -> Document:
    """The document without the lines of less confidence, in this order."""
    pages = document.pages
    if drop_score is not None:
        pages = tuple(confident(page, drop_score) for page in pages)
    if order == "raster":
        pages = tuple(in_raster_order(page) for page in pages)
    return replace(document, pages=pages)


def decode_text(stored: StoredResult) -> str:
    """The text alone; much faster than decode_result(), as it builds no document."""
    text: str = json.loads(stored.json)["text"]
    return text


def decode_raster_lines(stored: StoredResult) -> list[StoredLine]:
    """The lines that are read, in raster order; faster than decode_result()."""
    lines = json.loads(stored.json)["lines"]
    layout = _layout(stored)
    if layout is not None and "raster" in layout:
        lines = [lines[number] for number in layout["raster"] if number < len(lines)]
    return [
        (line["text"], line["confidence"], line["box"]) for line in lines if "script" not in line
    ]


def _encode(
    recognition: Recognition, shown_score: float, more: Mapping[str, bytes]
) -> StoredResult:
    document = recognition.result
    (page,) = document.pages
    artifacts = {LAYOUT_TYPE: dump(_layout_as_json(page, shown_score)), **more}
    if recognition.drawing:
        artifacts[DRAWING_TYPE] = recognition.drawing
    return StoredResult(dump(as_json(arranged(document, shown_score, None))), artifacts)


def _layout_as_json(page: Page, shown_score: float) -> StoredLayout:
    lines = page.lines
    hidden = [place for place, line in enumerate(lines) if not line.is_shown(shown_score)]
    shown = [place for place, line in enumerate(lines) if line.is_shown(shown_score)]
    numbers = [0] * len(lines)
    for number, place in enumerate((*shown, *hidden)):
        numbers[place] = number
    layout: StoredLayout = {
        "shown_score": shown_score,
        "blocks": blocks_as_json(page.blocks, numbers),
    }
    raster = raster_of([numbers[place] for place in page.raster] if page.raster else numbers)
    if raster:
        layout["raster"] = raster
    if hidden:
        layout["lines"] = [line_as_json(lines[place]) for place in hidden]
    return layout


def _layout(stored: StoredResult) -> dict[str, Any] | None:
    """What is stored next to the JSON; None for the result of a job that an older server stored."""
    layout = stored.artifacts.get(LAYOUT_TYPE)
    return None if layout is None else json.loads(layout)


def _length(document: Document) -> int:
    """The approximate number of characters in the document's JSON."""
    lines = document.lines
    boxes = sum(1 + len(line.parts) for line in lines)
    return sum(len(line.text) for line in lines) + _BOX_CHARACTERS * boxes
