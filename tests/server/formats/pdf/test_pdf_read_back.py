"""The text that programs read in a PDF is that of the result, and lies where it was read."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from pikepdf import pdfa

from ocr_engine.geometry import LevelBox
from ocr_engine.result import Line, Page, Word
from server.formats.pdf.order import PdfMode
from tests.support.text_layers import (
    HEIGHT,
    Char,
    chars_in,
    chars_line,
    column,
    in_pdfium,
    in_pdfminer,
    in_pypdf,
    page_of_lines,
    pdf_of,
    words_line,
)

READERS = [in_pdfium, in_pypdf, in_pdfminer]
NEAR = 2.0  # points

CHINESE = ["海风书店每天十点到二十点开门。", "第三章　总则", "“你好”，他说：好！", "一二三"]
ENGLISH = ["SEA BREEZE BOOKS", "It's open daily (10-20), illimitable fun.", "Tel. 555-0199", "a"]
MIXED = ["第3页 共40页ABC公司", "价格：￥12.50/kg 起", "使用 Python 3.11 运行", "é à ü ß Ω Ж"]
HIGH = ["𠮷野家𠀀和𪚥", "𝄞 music"]
HANZI = [chr(0x4E00 + 10 * n) for n in range(2000)]
MANY = ["".join(HANZI[start : start + 40]) for start in range(0, 2000, 40)]


def lines_of(texts: list[str], make: Callable[..., Line] = chars_line, height: int = 30) -> Page:
    """A page with a line for each text."""
    step = height * 3 // 2
    return page_of_lines(make(text, 60, 40 + n * step, height) for n, text in enumerate(texts))


@pytest.mark.parametrize("make", [chars_line, words_line])
@pytest.mark.parametrize(
    "texts", [CHINESE, ENGLISH, MIXED, HIGH], ids=["zh", "en", "mixed", "high"]
)
def test_readers_find_the_text(texts: list[str], make: Callable[..., Line]) -> None:
    pdf = pdf_of(lines_of(texts, make))
    for read in READERS:
        assert read(pdf) == "\n".join(texts), read.__name__


def test_readers_find_lines_whose_words_are_unknown() -> None:
    lines = [Line(text, 0.9, chars_line(text, 60, 40 + 50 * n).box) for n, text in enumerate(MIXED)]
    pdf = pdf_of(page_of_lines(lines))
    for read in READERS:
        assert read(pdf) == "\n".join(MIXED), read.__name__


def test_readers_find_two_thousand_different_characters() -> None:
    pdf = pdf_of(lines_of(MANY, height=12))
    for read in READERS:
        assert read(pdf) == "\n".join(MANY), read.__name__


def test_readers_find_vertical_columns() -> None:
    texts = ["海风书店每天十点", "到三五分开门", "欢迎光临"]
    page = page_of_lines(column(text, 600 - 60 * n, 50) for n, text in enumerate(texts))
    pdf = pdf_of(page)
    assert sorted(in_pdfium(pdf).split("\n")) == sorted(texts)  # it has them from the left
    assert in_pypdf(pdf).split("\n") == texts
    assert sorted(in_pdfminer(pdf).replace("\n", "")) == sorted("".join(texts))
    found = {char.text: char for char in chars_in(pdf)}
    for line in page.lines:
        assert_near(page_of_lines([line]), [found[glyph.text] for glyph in line.glyphs or ()])


@pytest.mark.parametrize("texts", [CHINESE, ENGLISH, MIXED], ids=["zh", "en", "mixed"])
def test_characters_lie_where_they_were_read(texts: list[str]) -> None:
    page = lines_of(texts)
    assert_near(page, chars_in(pdf_of(page)))


def test_words_of_uneven_lines_lie_where_they_were_read() -> None:
    places = {
        "甲": (60, 88),
        "乙": (100, 130),
        "丙": (131, 140),
        "wide": (300, 420),
        "gap": (600, 700),
    }
    words = tuple(
        Word(text, 0.9, LevelBox(left, 40, right, 70).quad)
        for text, (left, right) in places.items()
    )
    line = Line("甲乙丙 wide gap", 0.9, LevelBox(60, 40, 700, 70).quad, words=words)
    pdf = pdf_of(page_of_lines([line]))
    assert in_pdfium(pdf) == line.text
    lefts = {char.text: char.left for char in chars_in(pdf)}
    for text, (left, _) in places.items():
        if text != "乙":  # which begins between the ends of its neighbours
            assert lefts[text[0]] == pytest.approx(left * 0.72, abs=NEAR), text


@pytest.mark.parametrize("texts", [CHINESE, ENGLISH, MIXED, HIGH, MANY])
def test_it_is_pdfa(texts: list[str], tmp_path: Path) -> None:
    path = tmp_path / "made.pdf"
    path.write_bytes(pdf_of(lines_of(texts, height=12), PdfMode(pdfa=True)))
    assert pdfa.validate_written(path, "2b").passed
    assert in_pdfium(path) == "\n".join(texts)


def test_lines_below_the_score_and_unread_lines_are_left_out() -> None:
    lines = [
        chars_line("shown", 60, 40),
        Line("weak", 0.2, chars_line("weak", 60, 100).box),
        Line("", 0.9, chars_line("unread", 60, 160).box, script="unsupported"),
        Line("   ", 0.9, chars_line("blank", 60, 220).box),
    ]
    assert in_pdfium(pdf_of(page_of_lines(lines), PdfMode(drop_score=0.5))) == "shown"
    assert in_pdfium(pdf_of(page_of_lines(lines))) == "shown\nweak"
    assert in_pdfium(pdf_of(page_of_lines([]))) == ""


def assert_near(page: Page, found: list[Char]) -> None:
    """Each character that was found lies within NEAR points of where the page has it.

    A box of a character without a width of its own is only compared as far as its middle.
    """
    expected = [glyph for line in page.lines for glyph in line.glyphs or ()]
    assert [char.text for char in found] == [glyph.text for glyph in expected]
    for char, glyph in zip(found, expected, strict=True):
        xs = [x * 0.72 for x, _ in glyph.box]
        ys = [(HEIGHT - y) * 0.72 for _, y in glyph.box]
        assert (char.left, char.right) == pytest.approx((min(xs), max(xs)), abs=NEAR), char
        assert (char.bottom, char.top) == pytest.approx((min(ys), max(ys)), abs=NEAR), char


def test_the_made_pages_are_what_they_claim() -> None:
    assert len(set(itertools.chain.from_iterable(MANY))) == 2000
    assert [word.text for word in words_line(MIXED[0], 0, 0).words or ()] == [
        "第", "3", "页", "共", "40", "页", "ABC", "公", "司",
    ]  # fmt: skip
