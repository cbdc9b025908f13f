"""`data` of an answer in JSON: as it is stored, or as a request wants it rendered."""

from __future__ import annotations

from typing import Annotated, NotRequired, cast

from cache.stored_result import StoredResult
from ocr_engine.block_json import BlockJson, block_as_json
from ocr_engine.geometry import around, level_box
from ocr_engine.result import Block, Document, Page
from ocr_engine.result_json import BoxJson, ResultJson, as_json
from server.formats.json_text import dump
from server.formats.plain_text import block_text, text_of
from server.formats.rendering import Rendering
from server.formats.stored import arranged, decode_result
from server.formats.tables import table_as_html


class ShownBlockJson(BlockJson):
    """A block as clients see it."""

    box: BoxJson
    text: Annotated[str, "Its lines joined; a table's rows, with tabs between cells."]
    html: NotRequired[Annotated[str, "A table as HTML."]]


class DataJson(ResultJson):
    """The recognized text."""

    blocks: NotRequired[
        Annotated[list[ShownBlockJson], "With `layout=true`: the blocks, in reading order."]
    ]


def json_data(stored: StoredResult, rendering: Rendering) -> bytes:
    """The encoded `data`; the stored bytes themselves if they are what is asked for."""
    if rendering.is_plain:
        return stored.json
    return dump(data_of(decode_result(stored, rendering.drop_score), rendering))


def data_of(document: Document, rendering: Rendering) -> DataJson:
    """The `data` of a document, whose lines below `drop_score` have been left out."""
    ordered = arranged(document, None, rendering.order)
    data = cast(DataJson, as_json(ordered))
    if rendering.text != "lines":
        data["text"] = text_of(ordered, rendering.text)
    if rendering.layout:
        (page,) = document.pages
        data["blocks"] = _blocks(page, in_raster=rendering.order == "raster")
    return data


def _blocks(page: Page, in_raster: bool) -> list[ShownBlockJson]:
    """The blocks in reading order; in_raster: the lines have been sorted into raster order."""
    numbers = list(range(len(page.lines)))
    if in_raster:
        for number, position in enumerate(page.raster):
            numbers[position] = number
    blocks, end = [], 0
    for block in page.blocks:
        start, end = end, end + len(block.lines)
        blocks.append(_block(block, numbers[start:end]))
    return blocks


def _block(block: Block, numbers: list[int]) -> ShownBlockJson:
    data = cast(ShownBlockJson, block_as_json(block, numbers))
    data["box"] = around(level_box(line.box) for line in block.lines).quad
    data["text"] = block_text(block)
    if block.table is not None:
        data["html"] = table_as_html(block)
    return data
