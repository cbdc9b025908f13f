"""hOCR: as XML, and as read by hOCR tools."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from ocr_engine.geometry import Quad
from ocr_engine.result import Document, Glyph, Line, Word
from server.formats.hocr import render_hocr
from tests.support import made_pages
from tests.support.made_pages import in_areas

XHTML = "{http://www.w3.org/1999/xhtml}"
MD5 = "0123456789abcdef0123456789abcdef"


def level(left: int, top: int, right: int, bottom: int) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


TITLE = Line(
    'OPEN 北门 <now> & "here"',
    0.9,
    level(100, 40, 500, 80),
    words=(
        Word("OPEN", 0.961, level(110, 40, 190, 80)),
        Word("北", 0.8, level(200, 40, 240, 80)),
        Word("门", 0.7, level(240, 40, 280, 80)),
        Word("<now>", 0.6, level(300, 40, 380, 80)),
        Word("&", 0.5, level(390, 40, 400, 80)),
        Word('"here"', 0.4, level(410, 40, 495, 80)),
    ),
)
BELOW = Line("a second line", 0.7, level(90, 90, 490, 130))
FAR = Line("the end", 0.65, level(95, 300, 295, 340))
PAGE = in_areas((TITLE, BELOW), (FAR,))


def parsed(document: Document) -> ET.Element:
    return ET.fromstring(render_hocr(document, MD5).encode())


def of_class(root: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in root.iter() if element.get("class") == name]


def properties(element: ET.Element) -> dict[str, str]:
    """The properties in the title: names and values, separated by semicolons."""
    pairs = (part.split(None, 1) for part in element.get("title", "").split(";"))
    return {name: value.strip() for name, value in pairs}


def one_line(line: Line) -> ET.Element:
    (found,) = of_class(parsed(in_areas((line,))), "ocr_line")
    return found


def test_it_is_xhtml_with_one_page() -> None:
    root = parsed(PAGE)
    assert root.tag == f"{XHTML}html"
    (page,) = of_class(root, "ocr_page")
    assert properties(page) == {"image": f'"{MD5}"', "bbox": "0 0 640 480", "ppageno": "0"}
    metas = {meta.get("name"): meta.get("content") for meta in root.iter(f"{XHTML}meta")}
    assert str(metas["ocr-system"]).startswith("concurrent-ocr-server ")
    capabilities = str(metas["ocr-capabilities"]).split()
    used = {e.get("class") for e in root.iter() if e.get("class")}
    assert used <= set(capabilities)


def test_lines_stand_in_paragraphs_in_blocks() -> None:
    root = parsed(PAGE)
    blocks = of_class(root, "ocr_carea")
    assert [properties(block)["bbox"] for block in blocks] == ["90 40 500 130", "95 300 295 340"]
    assert [len(of_class(block, "ocr_par")) for block in blocks] == [1, 1]
    assert [len(of_class(block, "ocr_line")) for block in blocks] == [2, 1]
    identifiers = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(identifiers) == len(set(identifiers)) == 1 + 2 + 2 + 3 + 8


def test_words_have_their_box_and_confidence() -> None:
    words = of_class(one_line(TITLE), "ocrx_word")
    assert [word.text for word in words] == ["OPEN", "北", "门", "<now>", "&", '"here"']
    assert properties(words[0]) == {"bbox": "110 40 190 80", "x_wconf": "96"}
    assert [properties(word)["x_wconf"] for word in words[1:]] == ["80", "70", "60", "50", "40"]


def test_there_is_a_space_between_words_only_where_one_was_read() -> None:
    text = "".join(one_line(TITLE).itertext())
    assert " ".join(text.split()) == TITLE.text


def test_without_words_a_line_is_one_word() -> None:
    (word,) = of_class(one_line(BELOW), "ocrx_word")
    assert word.text == "a second line"
    assert properties(word) == {"bbox": "90 90 490 130", "x_wconf": "70"}


def test_characters_stand_in_their_words() -> None:
    glyphs = tuple(
        Glyph(text, 0.875, level(10 + 20 * number, 10, 30 + 20 * number, 40))
        for number, text in enumerate("ab&门")
    )
    line = Line("ab &门", 0.7, level(5, 5, 100, 45), glyphs=glyphs)
    words = of_class(one_line(line), "ocrx_word")
    assert ["".join(word.itertext()) for word in words] == ["ab", "&", "门"]
    assert properties(words[0])["bbox"] == "10 10 50 40"
    found = [c for word in words for c in of_class(word, "ocrx_cinfo")]
    assert [character.text for character in found] == list("ab&门")
    assert properties(found[1]) == {"x_bboxes": "30 10 50 40", "x_conf": "87.50"}


def test_a_level_line_has_a_baseline_within_it() -> None:
    title = properties(one_line(TITLE))
    slope, offset = title["baseline"].split()
    assert slope == "0"
    assert -20 < int(offset) < 0
    assert 20 < float(title["x_size"]) <= 40
    assert 0 < float(title["x_descenders"]) < float(title["x_size"]) / 2
    assert "textangle" not in title


@pytest.mark.parametrize("rise", [-40, -3, 3, 40])
def test_the_baseline_follows_a_slanted_line(rise: int) -> None:
    quad: Quad = ((100, 100), (500, 100 + rise), (500, 140 + rise), (100, 140))
    title = properties(one_line(Line("a b", 0.9, quad)))
    slope, offset = title["baseline"].split()
    assert float(slope) == pytest.approx(rise / 400, abs=0.001)
    assert re.fullmatch(r"-?\d*\.?\d+", slope)
    left, _, _, bottom = map(int, title["bbox"].split())
    for x in (100, 500):
        edge = 140 + (x - 100) * rise / 400
        y = bottom + int(offset) + float(slope) * (x - left)
        assert 2 < edge - y < 20


@pytest.mark.parametrize(
    ("quad", "first", "last", "angle"),
    [
        (level(50, 100, 80, 300), level(50, 100, 80, 180), level(50, 200, 80, 300), "270"),
        (level(50, 100, 80, 300), level(50, 220, 80, 300), level(50, 100, 80, 200), "90"),
        (level(100, 50, 300, 80), level(220, 50, 300, 80), level(100, 50, 200, 80), "180"),
        (level(100, 50, 300, 80), level(100, 50, 200, 80), level(220, 50, 300, 80), None),
    ],
    ids=["down", "up", "upside down", "level"],
)
def test_which_way_a_line_runs(quad: Quad, first: Quad, last: Quad, angle: str | None) -> None:
    words = (Word("a", 0.9, first), Word("b", 0.9, last))
    title = properties(one_line(Line("a b", 0.9, quad, words=words)))
    assert title.get("textangle") == angle
    assert ("baseline" in title) == (angle is None)


def test_no_text_is_an_empty_page() -> None:
    root = parsed(in_areas())
    assert len(of_class(root, "ocr_page")) == 1
    assert not of_class(root, "ocr_carea")


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "</span></p>]]>",
        "' onclick='x",
        "a\x00b\x01c\x1fd\x7fe",
        "half \ud83d of a pair \ude00",
        "\ufffe\uffff",
        "tab\tand\nline",
        "\U0001f600 𠀀",
        "&amp; &#0;",
    ],
)
def test_any_text_is_shown_as_text(text: str) -> None:
    words = (Word(text, 0.9, level(0, 0, 50, 20)),)
    (word,) = of_class(one_line(Line(text, 0.9, level(0, 0, 50, 20), words=words)), "ocrx_word")
    assert len(word) == 0
    allowed = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "\ufffd", text)
    assert word.text == allowed


def test_boxes_are_never_negative_or_empty() -> None:
    quad: Quad = ((-3, -2), (-3, -2), (-3, -2), (-3, -2))
    title = properties(one_line(Line("a", 0.9, quad)))
    assert title["bbox"] == "0 0 1 1"


# --- tools that read hOCR


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return written(tmp_path, PAGE)


def written(folder: Path, document: Document) -> Path:
    path = folder / "page.hocr"
    path.write_text(render_hocr(document, MD5), encoding="utf-8")
    return path


def run_tool(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    code = f"from hocr_tools_lib.tools import {name}; {name}.main()"
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code, *map(str, arguments)],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=True,
    )


@pytest.mark.parametrize(
    "document",
    [PAGE, made_pages.DOCUMENT, made_pages.with_words(made_pages.page_of(made_pages.SPANNING))],
    ids=["lines", "columns", "table"],
)
def test_hocr_check_has_nothing_against_it(tmp_path: Path, document: Document) -> None:
    report = run_tool("hocr_check", written(tmp_path, document)).stderr.splitlines()
    assert len(report) >= 10
    assert [line for line in report if not line.startswith("ok ")] == []


def test_hocr_lines_finds_the_lines(page: Path) -> None:
    assert run_tool("hocr_lines", page).stdout.splitlines() == [line.text for line in PAGE.lines]


def test_hocr_lines_finds_the_lines_of_columns_and_tables(tmp_path: Path) -> None:
    path = written(tmp_path, made_pages.DOCUMENT)
    assert run_tool("hocr_lines", path).stdout.splitlines() == made_pages.TEXTS


def test_hocr_combine_makes_one_file_of_two(page: Path) -> None:
    second = page.with_name("second.hocr")
    second.write_text(render_hocr(PAGE, "second"), encoding="utf-8")
    combined = run_tool("hocr_combine", page, second).stdout
    assert combined.count('class="ocr_page"') == 2


def test_hocr_pdf_puts_the_words_where_they_are(page: Path) -> None:
    Image.new("RGB", (640, 480), "white").save(page.with_suffix(".jpg"), dpi=(72, 72))
    made = page.with_suffix(".pdf")
    run_tool("hocr_pdf", "--savefile", made, page.parent)
    with pypdfium2.PdfDocument(made) as document:
        text = document[0].get_textpage()
        for sought, box in (("OPEN", (110, 190)), ("second", None), ("end", None)):
            place = text.search(sought).get_next()
            assert place is not None, sought
            if box is not None:
                left, bottom, _, _ = text.get_charbox(place[0], loose=True)
                _, _, right, _ = text.get_charbox(place[0] + place[1] - 1, loose=True)
                assert (left, right) == pytest.approx(box, abs=4)
                assert 480 - 80 - 2 <= bottom <= 480 - 40
