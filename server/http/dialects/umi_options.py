"""The options of Umi-OCR's API, and how its lines end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ocr_engine.geometry import level_box
from ocr_engine.model_sets import ModelSets
from ocr_engine.result import Document, Line
from server.errors import BadField
from server.formats.joining import gap
from server.http.dialects.foreign import translated

LANGUAGE, PARSER, AREAS, FORMAT = "ocr.language", "tbpu.parser", "tbpu.ignoreArea", "data.format"
LIMIT = "ocr.limit_side_len"
MODE = "doc.extractionMode"
MAX_AREAS = 1000
MAX_LIMIT = 4000  # of ours; a longer side means no limit
DEFAULT_PARSER = "multi_line"  # Umi-OCR's is multi_para
PARSERS = {
    "multi_para": "Columns, lines joined to paragraphs",
    "multi_line": "Columns, every line ends",
    "multi_none": "Columns, no line ends",
    "single_para": "Rows, lines joined to paragraphs",
    "single_line": "Rows, every line ends",
    "single_none": "Rows, no line ends",
    "single_code": "Rows, with their indentation",
    "none": "As read",
}

_TEXT_LAYERS = {"mixed": "auto", "textOnly": "only"}  # others: ours, which is to read all pages

Area = tuple[int, int, int, int]  # left, top, right, bottom
EndedLine = tuple[Line, str]  # what follows it: "", " " or "\n"


def own_fields(options: Mapping[str, Any], models: ModelSets) -> dict[str, Any]:
    """Umi-OCR's options as this server's own; unknown ones are tolerated."""
    fields = translated(options, {"ocr.cls": "use_angle_cls"})
    limit = options.get(LIMIT)
    if isinstance(limit, int) and limit <= MAX_LIMIT:
        fields |= translated(options, {LIMIT: "det_limit_side_len"})
        fields["det_limit_type"] = "max"
    if options.get(LANGUAGE) in models.names:
        fields["models"] = options[LANGUAGE]
    if parser_of(options).startswith("single"):
        fields["order"] = "raster"
    if parser_of(options) == "single_code":
        fields["text"] = "code"
    return fields


def parser_of(options: Mapping[str, Any]) -> str:
    """The parser that was asked for; `none` for one that does not exist."""
    asked = options.get(PARSER, DEFAULT_PARSER)
    return asked if asked in PARSERS else "none"


def ignored_areas(options: Mapping[str, Any]) -> list[Area]:
    """The areas whose lines are left out; BadField if they are not pairs of corners."""
    given = options.get(AREAS)
    if isinstance(given, list) and len(given) > MAX_AREAS:
        raise BadField(f"{AREAS} has {len(given)} areas; at most {MAX_AREAS} are accepted")
    try:
        return [
            (int(left), int(top), int(right), int(bottom))
            for (left, top), (right, bottom) in options.get(AREAS) or ()
        ]
    except (TypeError, ValueError, OverflowError):
        raise BadField(f"{AREAS} must be a list of [[x1, y1], [x2, y2]]") from None


def ended_lines(document: Document, parser: str, areas: Sequence[Area]) -> Iterator[EndedLine]:
    """The lines outside the areas, each with what follows it."""
    before: tuple[int, Line, bool] | None = None
    for number, line, is_table in _lines(document, areas):
        if before is not None:
            same_paragraph = parser.endswith("_para") and before[0] == number and not is_table
            joins = same_paragraph or parser.endswith("_none")
            yield before[1], _gap(before[1].text, line.text) if joins else "\n"
        before = number, line, is_table
    if before is not None:
        yield before[1], "\n"


def document_fields(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of documents as this server's own: which pages, how their text is found."""
    fields: dict[str, Any] = {"pages": _pages(options)}
    if isinstance(options.get("password"), str) and options["password"]:
        fields["password"] = options["password"]
    if options.get(MODE) in _TEXT_LAYERS:
        fields["text_layer"] = _TEXT_LAYERS[options[MODE]]
    return fields


def described(models: ModelSets) -> dict[str, Any]:
    """The answer of get_options."""
    sets = [[name, name] for name in models.names]
    parsers = [[name, title] for name, title in PARSERS.items()]
    limits = [[size, str(size)] for size in (960, 2880, MAX_LIMIT)]
    return {
        LANGUAGE: _choice("Model set", models.default.name, sets),
        "ocr.cls": {
            "title": "Correct the direction of the text",
            "type": "boolean",
            "default": True,
            "advanced": False,
        },
        LIMIT: _choice("Limit of the longest side", 999999, [*limits, [999999, "No limit"]]),
        PARSER: _choice("Layout", DEFAULT_PARSER, parsers),
        AREAS: {
            "title": "Areas that are left out",
            "toolTip": "[[[x1, y1], [x2, y2]], ...]: lines that are wholly inside are left out",
            "type": "var",
            "default": [],
            "advanced": False,
        },
        FORMAT: _choice("Format of the data", "dict", [["dict", "lines"], ["text", "text"]]),
    }


def described_for_documents(models: ModelSets) -> dict[str, Any]:
    """The answer of get_options of documents."""
    images = {name: each for name, each in described(models).items() if name != FORMAT}
    modes = [["mixed", "OCR only for pages without sound text"], ["fullPage", "OCR of all pages"]]
    return {
        **images,
        "tbpu.ignoreRangeStart": _number("First page with areas that are left out", 1),
        "tbpu.ignoreRangeEnd": _number("Last such page; -1 is the last one", -1),
        "pageRangeStart": _number("First page", 1),
        "pageRangeEnd": _number("Last page; -1 is the last one", -1),
        "pageList": {
            "title": "Pages",
            "toolTip": "[1, 2, 5]; comes before the first and last page",
            "type": "var",
            "default": [],
            "advanced": False,
        },
        "password": {"title": "Password", "type": "text", "default": "", "advanced": False},
        MODE: _choice("Content", "fullPage", [*modes, ["textOnly", "Only the document's text"]]),
    }


def whole(options: Mapping[str, Any], name: str, default: int) -> int:
    """A whole number that is not 0; BadField if it is none."""
    value = options.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not value:
        raise BadField(f"{name} must be a whole number, such as {default}")
    return value


def _pages(options: Mapping[str, Any]) -> str:
    """The pages as our own field has them."""
    listed = options.get("pageList")
    if listed:
        if not isinstance(listed, list) or not all(type(each) is int for each in listed):
            raise BadField("pageList must be a list of page numbers")
        return ",".join(map(str, listed))
    start, end = whole(options, "pageRangeStart", 1), whole(options, "pageRangeEnd", -1)
    if start < 0 or end < -1:
        raise BadField("pageRangeStart and pageRangeEnd count from 1; only -1 means the last page")
    return f"{start}-" if end == -1 else f"{start}-{end}"


def _number(title: str, default: int) -> dict[str, Any]:
    return {
        "title": title,
        "type": "number",
        "isInt": True,
        "default": default,
        "advanced": False,
    }


def _choice(title: str, default: Any, options: list[list[Any]]) -> dict[str, Any]:
    return {
        "title": title,
        "type": "enum",
        "default": default,
        "optionsList": options,
        "advanced": False,
    }


def _lines(document: Document, areas: Sequence[Area]) -> Iterator[tuple[int, Line, bool]]:
    """The lines with the number of their block, and whether that is a table."""
    blocks = [block for page in document.pages for block in page.blocks]
    for number, block in enumerate(blocks):
        for line in block.lines:
            if (line.text or line.script is None) and not _is_ignored(line, areas):
                yield number, line, block.table is not None


def _is_ignored(line: Line, areas: Sequence[Area]) -> bool:
    left, top, right, bottom = level_box(line.box)
    return any(
        area[0] <= left and area[1] <= top and right <= area[2] and bottom <= area[3]
        for area in areas
    )


def _gap(before: str, after: str) -> str:
    return gap(before, after) if before and after else ""
