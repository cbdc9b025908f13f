"""Formats of pages with columns, titles, lists and tables: the same lines in each of them."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest
from lxml import etree  # type: ignore[import-untyped]

from cache.keys import Digests
from ocr_engine.result import Block, Document, Recognition
from server.formats.alto import NAMESPACE, render_alto
from server.formats.answer import Answer, Envelope
from server.formats.hocr import render_hocr
from server.formats.registry import FORMATS, render
from server.formats.rendering import Rendering
from server.formats.stored import encode_result
from server.formats.tsv import render_tsv
from tests.server.formats.test_alto import SCHEMA
from tests.support.made_pages import BLOCKS, DOCUMENT, PAGE, SHOWN, SPANNING, TEXTS, page_of

XHTML = "{http://www.w3.org/1999/xhtml}"
ALTO = f"{{{NAMESPACE}}}"


def rendered(document: Document, rendering: Rendering) -> str:
    result = asyncio.run(encode_result(Recognition(document, drawing=b"drawn"), 0.5))
    answer = Answer(result, Digests("", ""))
    _, body = render(answer, rendering, Envelope("hit", 1.0, "a request"))
    return b"".join(body).decode()


def in_json(written: str) -> list[str]:
    return [line["text"] for line in json.loads(written)["data"]["lines"]]


def in_legacy(written: str) -> list[str]:
    return [text for _, (text, _) in json.loads(written)]


def in_flat(written: str) -> list[str]:
    data = json.loads(written)["data"]
    assert len(data["texts"]) == len(data["boxes"]) == len(data["scores"])
    return list(data["texts"])


def in_tsv(written: str) -> list[str]:
    table = csv.DictReader(io.StringIO(written), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [row["text"] for row in table if row["level"] == "5"]


def in_hocr(written: str) -> list[str]:
    lines = ET.fromstring(written).iter(f"{XHTML}span")
    return ["".join(line.itertext()).strip() for line in lines if line.get("class") == "ocr_line"]


def in_alto(written: str) -> list[str]:
    return [each.attrib["CONTENT"] for each in ET.fromstring(written).iter(f"{ALTO}String")]


# The lines in each format that does not join them.
LINES: dict[str, Callable[[str], list[str]]] = {
    "json": in_json,
    "text": str.splitlines,
    "legacy": in_legacy,
    "flat": in_flat,
    "tsv": in_tsv,
    "hocr": in_hocr,
    "alto": in_alto,
}


def letters(text: str) -> str:
    """The text without what Markdown and joining add or take away."""
    return re.sub(r"[\s\\|•#-]", "", text)


@pytest.mark.parametrize("order", ["layout", "raster"])
@pytest.mark.parametrize("drop_score", [None, 0.0, 0.5, 0.9])
@pytest.mark.parametrize("format", LINES)
def test_every_format_has_the_same_lines(format: str, drop_score: float | None, order: str) -> None:
    rendering = Rendering(format, order, drop_score=drop_score)  # type: ignore[arg-type]
    lines = LINES[format](rendered(DOCUMENT, rendering))
    expected = TEXTS if drop_score == 0.0 else SHOWN
    if order == "layout":
        assert lines == expected
    else:
        in_rows = [TEXTS[position] for position in PAGE.raster]
        assert lines == [text for text in in_rows if text in expected]


def test_all_formats_are_compared() -> None:
    assert {*LINES, "markdown", "image", "ndjson", "pdf", "pdfa"} == set(FORMATS)


@pytest.mark.parametrize("text", ["lines", "paragraphs", "rows", "code"])
@pytest.mark.parametrize("order", ["layout", "raster"])
@pytest.mark.parametrize("document", [DOCUMENT, page_of(SPANNING)], ids=["page", "spans"])
def test_no_way_to_join_lines_loses_a_letter(document: Document, order: str, text: str) -> None:
    rendering = Rendering("text", order, text, drop_score=0)  # type: ignore[arg-type]
    expected = letters("".join(line.text for line in document.lines))
    assert sorted(letters(rendered(document, rendering))) == sorted(expected)


@pytest.mark.parametrize("order", ["layout", "raster"])
@pytest.mark.parametrize("document", [DOCUMENT, page_of(SPANNING)], ids=["page", "spans"])
def test_markdown_loses_no_letter(document: Document, order: str) -> None:
    rendering = Rendering("markdown", order, drop_score=0)  # type: ignore[arg-type]
    expected = letters("".join(line.text for line in document.lines))
    written = rendered(document, rendering)
    plain = html.unescape(re.sub("<[^>]+>", "", written))
    assert sorted(letters(plain)) == sorted(expected)


def test_lines_of_a_document_without_text() -> None:
    empty = page_of()
    for format, lines in LINES.items():
        assert lines(rendered(empty, Rendering(format))) == []
    for text in ("lines", "paragraphs", "rows", "code"):
        rendering = Rendering("text", text=text, drop_score=0)
        assert rendered(empty, rendering) == ""
    assert rendered(empty, Rendering("markdown")) == ""


def test_the_legacy_format_is_in_raster_order_unless_asked() -> None:
    in_rows = in_legacy(rendered(DOCUMENT, Rendering("legacy")))
    assert in_rows == in_legacy(rendered(DOCUMENT, Rendering("legacy", "raster")))
    assert in_rows[1:5] == ["It rained all the mor-", "我们到了", "ning, and then", "北门。"]
    assert in_legacy(rendered(DOCUMENT, Rendering("legacy", "layout"))) == SHOWN


# --- blocks in JSON


def test_blocks_are_in_reading_order_and_name_their_lines() -> None:
    data = json.loads(rendered(DOCUMENT, Rendering(layout=True)))["data"]
    assert [block["type"] for block in data["blocks"]] == [block.type for block in BLOCKS]
    assert [number for block in data["blocks"] for number in block["lines"]] == list(range(12))
    title, left, right, *_, table, _ = data["blocks"]
    assert (title["level"], title["box"]) == (1, [[10, 10], [310, 10], [310, 30], [10, 30]])
    assert left["text"] == "It rained all the morning, and then"
    assert right == {
        "type": "text",
        "area": 2,
        "lines": [3, 4],
        "box": [[220, 50], [370, 50], [370, 90], [220, 90]],
        "text": "我们到了北门。",
    }
    assert table["text"] == "Item\tPrice\nmilk\ta|b"
    assert table["html"].startswith("<table><thead><tr><th>Item</th>")
    assert [cell["lines"] for cell in table["table"]["cells"]] == [[7], [8], [9], [10]]
    assert [block for block in data["blocks"] if "html" in block] == [table]


def test_blocks_name_lines_in_raster_order_too() -> None:
    data = json.loads(rendered(DOCUMENT, Rendering(order="raster", layout=True, drop_score=0)))
    lines = [line["text"] for line in data["data"]["lines"]]
    named = [lines[number] for block in data["data"]["blocks"] for number in block["lines"]]
    assert named == TEXTS
    assert lines == [TEXTS[position] for position in PAGE.raster]


def test_the_text_of_json_is_joined_as_asked() -> None:
    data = json.loads(rendered(DOCUMENT, Rendering(text="paragraphs")))["data"]
    assert data["text"] == rendered(DOCUMENT, Rendering("text", text="paragraphs")).rstrip("\n")
    assert [line["text"] for line in data["lines"]] == SHOWN


# --- structure of hOCR, ALTO and TSV


def test_areas_of_hocr_have_paragraphs() -> None:
    root = ET.fromstring(render_hocr(DOCUMENT, "a file"))
    careas = [each for each in root.iter() if each.get("class") == "ocr_carea"]
    inside = [[each.get("class") for each in area.iter()].count("ocr_par") for area in careas]
    assert inside == [1, 1, 1, 3, 1]
    assert careas[3].get("title") == "bbox 10 130 280 240"
    identifiers = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(identifiers) == len(set(identifiers)) == 1 + 5 + 7 + 13 + 13


def test_areas_of_tsv_are_blocks_with_paragraphs() -> None:
    table = [row.split("\t") for row in render_tsv(DOCUMENT).splitlines()[1:]]
    places = [tuple(row[2:5]) for row in table if row[0] == "4"]
    assert places[:4] == [("1", "1", "1"), ("2", "1", "1"), ("2", "1", "2"), ("2", "1", "3")]
    assert places[6:9] == [("4", "1", "1"), ("4", "2", "1"), ("4", "3", "1")]
    assert [row[6:10] for row in table if row[0] == "2"][3] == ["10", "130", "270", "110"]


def test_alto_has_groups_tags_and_cells() -> None:
    root = etree.fromstring(render_alto(page_of(*BLOCKS), "a file"))
    SCHEMA.assertValid(root)
    tags = {tag.get("ID"): tag.get("LABEL") for tag in root.iter(f"{ALTO}LayoutTag")}
    assert set(tags.values()) == {"title", "list", "table", "footer"}
    blocks = [
        (block.tag.removeprefix(ALTO), tags.get(block.get("TAGREFS")))
        for block in root.find(f".//{ALTO}PrintSpace")
    ]
    assert blocks == [
        ("TextBlock", "title"),
        ("TextBlock", None),
        ("TextBlock", None),
        ("ComposedBlock", None),
        ("TextBlock", "footer"),
    ]
    area, table = root.iter(f"{ALTO}ComposedBlock")
    assert [area.get("TYPE"), table.get("TYPE")] == ["area", "table"]
    assert table.getparent() is area
    cells = [in_alto(etree.tostring(cell).decode()) for cell in table]
    assert cells == [["Item"], ["Price"], ["milk"], ["a|b"]]


def test_cells_of_alto_have_their_lines() -> None:
    root = etree.fromstring(render_alto(page_of(SPANNING), "a file"))
    SCHEMA.assertValid(root)
    (table,) = root.iter(f"{ALTO}ComposedBlock")
    assert [len(cell) for cell in table] == [1, 3, 1, 1]  # the empty ones have no block


def test_a_table_alone_in_raster_order_keeps_its_cells() -> None:
    other = Block(SPANNING.lines[:1], area=1)
    document = page_of(SPANNING, other)
    written = rendered(document, Rendering(order="raster", layout=True))
    assert [block["type"] for block in json.loads(written)["data"]["blocks"]] == ["table", "text"]
