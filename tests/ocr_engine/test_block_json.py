"""Blocks as JSON: lossless, and refused if they do not fit their lines."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from ocr_engine.block_json import MAX_PLACES
from ocr_engine.result import Document
from ocr_engine.result_json import as_json, from_json, with_blocks
from tests.support.made_pages import DOCUMENT, SPANNING, page_of, with_words


def sent(document: Document) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(json.dumps(with_blocks(document)))
    return data


@pytest.mark.parametrize(
    "document",
    [DOCUMENT, with_words(DOCUMENT), page_of(SPANNING), page_of()],
    ids=["columns", "words", "spans", "empty"],
)
def test_a_document_survives_json(document: Document) -> None:
    assert from_json(sent(document)) == document


def test_lines_in_raster_order_are_a_document_too() -> None:
    """As in an answer with order=raster and layout=true."""
    data = sent(DOCUMENT)
    order = data.pop("raster")
    data["lines"] = [data["lines"][number] for number in order]
    places = {number: place for place, number in enumerate(order)}
    for block in data["blocks"]:
        block["lines"] = [places[number] for number in block["lines"]]
        for cell in block.get("table", {}).get("cells", ()):
            cell["lines"] = [places[number] for number in cell["lines"]]
    assert from_json(data) == DOCUMENT


def test_without_blocks_all_lines_are_one() -> None:
    (page,) = from_json(as_json(DOCUMENT)).pages
    (block,) = page.blocks
    assert block.lines == DOCUMENT.lines
    assert (block.type, page.raster) == ("text", ())


def change_blocks(change: Callable[[list[dict[str, Any]]], object]) -> dict[str, Any]:
    data = copy.deepcopy(sent(DOCUMENT))
    change(data["blocks"])
    return data


CELL = {"row": 0, "column": 0, "row_span": 1, "column_span": 1, "lines": []}


@pytest.mark.parametrize(
    "change",
    [
        lambda blocks: blocks.pop(),
        lambda blocks: blocks.append(blocks[0]),
        lambda blocks: blocks[0].update(lines=[]),
        lambda blocks: blocks[0].update(lines=[99]),
        lambda blocks: blocks[0].update(lines=[-1]),
        lambda blocks: blocks[0].update(lines=[0.0]),
        lambda blocks: blocks[0].update(lines=[True]),
        lambda blocks: blocks[0].update(lines=["0"]),
        lambda blocks: blocks[0].update(type="poem"),
        lambda blocks: blocks[0].update(type="table"),
        lambda blocks: blocks[0].update(area=-1),
        lambda blocks: blocks[0].update(area=None),
        lambda blocks: blocks[0].update(level="1"),
        lambda blocks: blocks[5].update(type="text"),
        lambda blocks: blocks[5]["table"].update(rows=1),
        lambda blocks: blocks[5]["table"].update(columns=0),
        lambda blocks: blocks[5]["table"].update(rows=MAX_PLACES, columns=MAX_PLACES),
        lambda blocks: blocks[5]["table"].update(heading_rows=-1),
        lambda blocks: blocks[5]["table"]["cells"].pop(),
        lambda blocks: blocks[5]["table"]["cells"].append(CELL),
        lambda blocks: blocks[5]["table"]["cells"][0].update(lines=[]),
        lambda blocks: blocks[5]["table"]["cells"][0].update(lines=[0]),
        lambda blocks: blocks[5]["table"]["cells"][0].update(row_span=0),
        lambda blocks: blocks[5]["table"]["cells"][0].update(row_span=2),
        lambda blocks: blocks[5]["table"]["cells"][3].update(column_span=10**9),
    ],
)
def test_blocks_that_do_not_fit_are_refused(
    change: Callable[[list[dict[str, Any]]], object],
) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(change_blocks(change))


@pytest.mark.parametrize("raster", [[], [0], list(range(14)), [0] * 13, None.__class__, "abc"])
def test_a_raster_order_that_does_not_fit_is_refused(raster: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json({**sent(DOCUMENT), "raster": raster})
