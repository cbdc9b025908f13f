"""The JSON form of a document, as workers send it, caches store it and clients get it.

The types describe it to mypy and, with the notes in Annotated, to the clients of the API.

Workers also send the blocks and the raster order. Only documents of one page are supported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, TypedDict, cast, get_args

from ocr_engine.block_json import BlockJson, blocks_as_json, blocks_from_json
from ocr_engine.geometry import Quad, as_quad
from ocr_engine.result import (
    Block,
    BoxesOf,
    Document,
    Glyph,
    Line,
    Page,
    Problem,
    Quality,
    Script,
    TextPart,
    Word,
)

Corner = Annotated[Sequence[int], "x and y.", {"minItems": 2, "maxItems": 2}]
BoxJson = Annotated[
    Sequence[Corner],
    "Four corners in pixels of the image after its EXIF orientation, clockwise from the top left.",
    {"minItems": 4, "maxItems": 4},
]
_BETWEEN_0_AND_1 = {"minimum": 0, "maximum": 1}


class TextPartJson(TypedDict):
    """A word or a character."""

    text: str
    confidence: Annotated[float, "How certain the model is.", _BETWEEN_0_AND_1]
    box: BoxJson


class TextLineJson(TextPartJson):
    """A line of text."""

    script: NotRequired[
        Annotated[
            Script,
            "All or part of the line cannot be read, as in a script that the models do not know. "
            "`text` is what could be read, and may be empty.",
        ]
    ]
    words: NotRequired[Annotated[list[TextPartJson], "Its words, with `granularity=word`."]]
    chars: NotRequired[Annotated[list[TextPartJson], "Its characters, with `granularity=char`."]]


class QualityJson(TypedDict):
    """How well the text of the image can be seen."""

    sharpness: Annotated[float, "Of the lines; a blurred line has little.", _BETWEEN_0_AND_1]
    contrast: Annotated[float, "Of the lines.", _BETWEEN_0_AND_1]
    text_height: Annotated[int, "Height of the smallest text in pixels.", {"minimum": 0}]
    problems: NotRequired[
        Annotated[list[Problem], "Why the text reads badly; a better photo would help."]
    ]


class PageJson(TypedDict):
    """What is known of a document of one page, besides its lines."""

    text: Annotated[str, "All lines, joined as `text` says."]
    confidence: Annotated[
        float, "Mean of the lines, weighted by their characters.", _BETWEEN_0_AND_1
    ]
    width: Annotated[int, "Pixels, after the EXIF orientation.", {"minimum": 1}]
    height: Annotated[int, "Pixels, after the EXIF orientation.", {"minimum": 1}]
    angle: NotRequired[
        Annotated[
            int,
            "Degrees by which the image must be rotated clockwise to be upright, if not 0.",
            {"enum": [90, 180, 270]},
        ]
    ]
    frames: NotRequired[
        Annotated[int, "Frames or pages in the file, if more than one.", {"minimum": 2}]
    ]
    scaled_to: NotRequired[
        Annotated[
            Sequence[int],
            "Width and height to which the image was reduced before it was read.",
            {"minItems": 2, "maxItems": 2},
        ]
    ]
    degraded: NotRequired[
        Annotated[bool, "True if the image was reduced because the server was busy."]
    ]
    quality: NotRequired[QualityJson]
    unscored: NotRequired[
        Annotated[bool, "True if the model gives no confidence; all of them are then 1."]
    ]
    boxes_of: NotRequired[
        Annotated[
            BoxesOf,
            "What the model has located, if not lines: blocks, or only the page. Each line then "
            "has an equal part of that box.",
        ]
    ]


class ResultJson(PageJson):
    """A document of one page."""

    lines: Annotated[list[TextLineJson], "In reading order, unless `order` says otherwise."]


class DocumentJson(ResultJson):
    """A document of one page with its blocks; raster: see blocks_from_json()."""

    blocks: list[BlockJson]
    raster: NotRequired[Sequence[int]]


def as_json(document: Document) -> ResultJson:
    """Convert the lines to plain data; ValueError unless the document has exactly one page."""
    (page,) = document.pages
    data: ResultJson = {
        "text": page.text,
        "confidence": page.confidence,
        "width": page.width,
        "height": page.height,
        "lines": [line_as_json(line) for line in page.lines],
    }
    if page.angle:
        data["angle"] = page.angle
    if document.frames > 1:
        data["frames"] = document.frames
    if page.scaled_to is not None:
        data["scaled_to"] = page.scaled_to
    if page.degraded:
        data["degraded"] = True
    if page.quality is not None:
        data["quality"] = _quality_as_json(page.quality)
    if page.unscored:
        data["unscored"] = True
    if page.boxes_of != "line":
        data["boxes_of"] = page.boxes_of
    return data


def with_blocks(document: Document) -> DocumentJson:
    """Convert the whole document to plain data."""
    (page,) = document.pages
    numbers = range(len(page.lines))
    data = cast(DocumentJson, as_json(document))
    data["blocks"] = blocks_as_json(page.blocks, numbers)
    if page.raster:
        data["raster"] = page.raster
    return data


def from_json(data: Mapping[str, Any]) -> Document:
    """The inverse of with_blocks(); ValueError, KeyError or TypeError for other data.

    Without blocks, as in as_json(), all lines become one block.
    """
    try:
        lines = [_line_from_json(line) for line in data["lines"]]
        if "blocks" in data:
            blocks, raster = blocks_from_json(data["blocks"], data.get("raster"), lines)
        else:
            blocks, raster = (Block(tuple(lines)),) if lines else (), ()
        page = Page(
            width=int(data["width"]),
            height=int(data["height"]),
            blocks=blocks,
            angle=_angle(data.get("angle", 0)),
            raster=raster,
            scaled_to=_size(data.get("scaled_to")),
            degraded=data.get("degraded") is True,
            quality=_quality(data.get("quality")),
            unscored=data.get("unscored") is True,
            boxes_of=_boxes_of(data.get("boxes_of", "line")),
        )
        return Document((page,), int(data.get("frames", 1)))
    except OverflowError as error:
        raise ValueError(f"a number is too large: {error}") from None


def _angle(value: Any) -> int:
    if isinstance(value, bool) or value not in (0, 90, 180, 270):
        raise ValueError("angle must be 0, 90, 180 or 270")
    return int(value)


def _size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    width, height = value
    return int(width), int(height)


def _boxes_of(value: Any) -> BoxesOf:
    if value not in get_args(BoxesOf):
        raise ValueError("boxes_of must be line, block or page")
    found: BoxesOf = value
    return found


def _quality_as_json(quality: Quality) -> QualityJson:
    data: QualityJson = {
        "sharpness": quality.sharpness,
        "contrast": quality.contrast,
        "text_height": quality.text_height,
    }
    if quality.problems:
        data["problems"] = list(quality.problems)
    return data


def _quality(data: Any) -> Quality | None:
    if data is None:
        return None
    problems = tuple(data.get("problems", ()))
    if not set(problems) <= set(get_args(Problem)):
        raise ValueError("an unknown problem of the image")
    sharpness, contrast = float(data["sharpness"]), float(data["contrast"])
    return Quality(sharpness, contrast, int(data["text_height"]), problems)


def line_as_json(line: Line) -> TextLineJson:
    """Convert a line to plain data."""
    data: TextLineJson = {"text": line.text, "confidence": line.confidence, "box": line.box}
    if line.words is not None:
        data["words"] = [_part_as_json(word) for word in line.words]
    if line.glyphs is not None:
        data["chars"] = [_part_as_json(glyph) for glyph in line.glyphs]
    if line.script is not None:
        data["script"] = line.script
    return data


def _part_as_json(part: TextPart) -> TextPartJson:
    return {"text": part.text, "confidence": part.confidence, "box": part.box}


def _line_from_json(data: Mapping[str, Any]) -> Line:
    words = glyphs = None
    if "words" in data:
        words = tuple(Word(*_part_from_json(part)) for part in data["words"])
    if "chars" in data:
        glyphs = tuple(Glyph(*_part_from_json(part)) for part in data["chars"])
    script = data.get("script")
    if script not in (None, *get_args(Script)):
        raise ValueError("script must be `unsupported`")
    return Line(*_part_from_json(data), words, glyphs, script)


def _part_from_json(data: Mapping[str, Any]) -> tuple[str, float, Quad]:
    text = data["text"]
    if not isinstance(text, str):
        raise ValueError("text must be a string")
    return text, float(data["confidence"]), as_quad(data["box"])
