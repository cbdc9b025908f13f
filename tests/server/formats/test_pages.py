"""Formats of a document with several pages: each has all pages with their numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from lxml import etree  # type: ignore[import-untyped]

from ocr_engine.geometry import LevelBox
from ocr_engine.result import Block, Document, Line, Page
from server.formats.alto import NAMESPACE, render_alto
from server.formats.hocr import render_hocr
from server.formats.tsv import render_tsv

SCHEMA = Path(__file__).parents[2] / "data" / "alto-4-4-subset.xsd"


def page(number: int, *texts: str) -> Page:
    """A page with a line every 100 pixels, each in its own area."""
    lines = [
        Line(text, 0.5, LevelBox(10, 100 * place, 90, 100 * place + 20).quad)
        for place, text in enumerate(texts)
    ]
    blocks = tuple(Block((line,), area=area) for area, line in enumerate(lines))
    return Page(100 * number, 1000, blocks, number)


DOCUMENT = Document((page(2, "one", "two"), page(3), page(7, "three")), frames=9)


def test_rows_of_tsv_have_the_number_of_their_page() -> None:
    rows = [row.split("\t") for row in render_tsv(DOCUMENT).splitlines()[1:]]
    pages = [(row[1], row[8]) for row in rows if row[0] == "1"]
    assert pages == [("2", "200"), ("3", "300"), ("7", "700")]
    words = [(*row[1:6], row[-1]) for row in rows if row[0] == "5"]
    assert words == [
        ("2", "1", "1", "1", "1", "one"),
        ("2", "2", "1", "1", "1", "two"),
        ("7", "1", "1", "1", "1", "three"),
    ]


@pytest.mark.parametrize(
    ("written", "attribute"),
    [(render_hocr(DOCUMENT, "a file").encode(), "id"), (render_alto(DOCUMENT, "a file"), "ID")],
    ids=["hocr", "alto"],
)
def test_identifiers_are_of_one_element_each(written: bytes, attribute: str) -> None:
    found = [each.get(attribute) for each in ET.fromstring(written).iter() if each.get(attribute)]
    assert len(found) == len(set(found)) > 3 + 3 + 3 + 3
    assert {"page_2", "page_3", "page_7"} <= set(found)


def test_pages_of_hocr_have_their_number_from_0() -> None:
    assert re.findall(r"bbox 0 0 (\d+) 1000; ppageno (\d+)", render_hocr(DOCUMENT, "a file")) == [
        ("200", "1"),
        ("300", "2"),
        ("700", "6"),
    ]


def test_pages_of_alto_are_valid_and_have_their_number() -> None:
    root = etree.fromstring(render_alto(DOCUMENT, "a file"))
    etree.XMLSchema(etree.parse(SCHEMA)).assertValid(root)
    pages = [
        (page.get("PHYSICAL_IMG_NR"), page.get("PC")) for page in root.iter(f"{{{NAMESPACE}}}Page")
    ]
    assert pages == [("2", "0.5"), ("3", None), ("7", "0.5")]
