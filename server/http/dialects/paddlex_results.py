"""Results as PaddleX's serving writes them: of the pipelines OCR and PP-StructureV3."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from cache.stored_result import StoredResult
from ocr_engine.geometry import around, level_box
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Block, BlockType, Document, Page
from server.formats.markdown import render_markdown
from server.formats.plain_text import block_text
from server.formats.rendering import Rendering
from server.formats.stored import DRAWING_TYPE, decode_result
from server.formats.tables import table_as_html
from server.http.dialects.pages import ReadPage, bounds, read_page

Pages = Sequence[StoredResult | None]  # None: a page that could not be read

MAX_SIDE_LIMIT = 4000  # as PaddleX reports it

_LABELS: dict[BlockType, str] = {
    "text": "text",
    "title": "paragraph_title",
    "list": "text",
    "table": "table",
    "header": "header",
    "footer": "footer",
}


def ocr_results(
    pages: Pages,
    rendering: Rendering,
    options: RecognitionOptions | None,
    score: float,
    kind: str = "",
) -> dict[str, Any]:
    """The field `result` of the pipeline OCR.

    options: with which the image was read; None if they are not known any more. score: the minimum
    confidence of lines. kind: of the document; empty for an image.
    """
    results = []
    read = [read_page(stored, rendering) for stored in pages]
    for stored, page in zip(pages, read, strict=True):
        result: dict[str, Any] = {"prunedResult": _pruned(page, options, score)}
        if stored is not None and DRAWING_TYPE in stored.artifacts:
            result["ocrImage"] = base64.b64encode(stored.artifacts[DRAWING_TYPE]).decode()
        results.append(result)
    return {"ocrResults": results, "dataInfo": _data_info(read, kind)}


def layout_results(
    pages: Pages,
    rendering: Rendering,
    options: RecognitionOptions | None,
    score: float,
    kind: str = "",
) -> dict[str, Any]:
    """As ocr_results(), of the pipeline PP-StructureV3: blocks from the geometry of the lines."""
    results = []
    read = [read_page(stored, rendering) for stored in pages]
    for number, stored in enumerate(pages):
        page = Page(0, 0, ())
        if stored is not None:
            (page,) = decode_result(stored, rendering.drop_score, rendering.order).pages
        pruned = {
            "page_count": len(pages) if len(pages) > 1 else None,
            "width": page.width,
            "height": page.height,
            "model_settings": {
                "use_doc_preprocessor": False,
                "use_seal_recognition": False,
                "use_table_recognition": True,
                "use_formula_recognition": False,
                "use_chart_recognition": False,
                "use_region_detection": False,
                "format_block_content": False,
            },
            "parsing_res_list": _parsed_blocks(page),
            "layout_det_res": {"boxes": _layout_boxes(page)},
            "overall_ocr_res": _pruned(read[number], options, score),
            "table_res_list": [],
            "seal_res_list": [],
            "formula_res_list": [],
        }
        markdown = {
            "text": render_markdown(Document((page,))).rstrip("\n"),
            "images": {},
            "isStart": number == 0,
            "isEnd": number == len(pages) - 1,
        }
        results.append({"prunedResult": pruned, "markdown": markdown})
    return {"layoutParsingResults": results, "dataInfo": _data_info(read, kind)}


def _data_info(pages: Sequence[ReadPage], kind: str) -> dict[str, Any]:
    """The sizes of all pages."""
    sizes = [{"width": page.width, "height": page.height} for page in pages]
    if not kind:
        return {"type": "image", **sizes[0]}
    return {"type": kind.lower(), "numPages": len(sizes), "pages": sizes}


def _pruned(page: ReadPage, options: RecognitionOptions | None, score: float) -> dict[str, Any]:
    """A page of the pipeline OCR."""
    lines = page.lines
    boxes = [line.box for line in lines]
    result: dict[str, Any] = {
        "model_settings": {
            "use_doc_preprocessor": False,  # boxes are those of the image as it was sent
            "use_textline_orientation": options is None or options.use_angle_cls,
        },
        "dt_polys": boxes,
        "text_type": "general",
        "text_rec_score_thresh": score,
        "return_word_box": any(line.parts for line in lines),
        "rec_texts": [line.text for line in lines],
        "rec_scores": [line.confidence for line in lines],
        "rec_polys": boxes,
        "rec_boxes": [line.bounds for line in lines],
    }
    if options is not None:
        result["text_det_params"] = _detection(options)
    if lines:
        result["textline_orientation_angles"] = [-1] * len(lines)  # not known line by line
    if result["return_word_box"]:
        result["text_word"] = [[part["text"] for part in line.parts] for line in lines]
        result["text_word_boxes"] = [[bounds(part["box"]) for part in line.parts] for line in lines]
    return result


def _detection(options: RecognitionOptions) -> dict[str, Any]:
    return {
        "limit_side_len": options.det_limit_side_len,
        "limit_type": "max" if options.det_limit_type == "max" else "min",
        "thresh": options.det_db_thresh,
        "max_side_limit": MAX_SIDE_LIMIT,
        "box_thresh": options.det_db_box_thresh,
        "unclip_ratio": options.det_db_unclip_ratio,
    }


def _parsed_blocks(page: Page) -> list[dict[str, Any]]:
    return [
        {
            "block_label": _label(block),
            "block_content": _content(block),
            "block_bbox": _box(block),
            "block_id": number,
            "block_order": number + 1,
        }
        for number, block in enumerate(page.blocks)
    ]


def _layout_boxes(page: Page) -> list[dict[str, Any]]:
    """The areas of blocks; there is no layout model that would be more or less certain of them."""
    return [
        {"cls_id": 0, "label": _label(block), "score": 1.0, "coordinate": _box(block)}
        for block in page.blocks
    ]


def _label(block: Block) -> str:
    is_first = block.type == "title" and block.level == 1
    return "doc_title" if is_first else _LABELS[block.type]


def _content(block: Block) -> str:
    if block.table is not None:
        return f"<html><body>{table_as_html(block)}</body></html>"
    return block_text(block)


def _box(block: Block) -> tuple[int, int, int, int]:
    return around(level_box(line.box) for line in block.lines)
