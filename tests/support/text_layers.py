"""Pages of text with known places, PDFs with that text over them, and what programs read there."""

from __future__ import annotations

import ctypes
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pdfminer.high_level import extract_text
from PIL import Image

from cache.stored_result import StoredResult
from ocr_engine.geometry import LevelBox, Quad, rotated
from ocr_engine.result import Block, Document, Glyph, Line, Page, Word
from ocr_engine.result_json import with_blocks
from ocr_engine.stages.words import stands_alone
from server.formats.json_text import dump
from server.formats.pdf.order import PdfMode, RecognizedPage, WrittenPdf
from server.formats.pdf.process import write_pdf
from server.formats.pdf.writer import Writer

WIDTH, HEIGHT = 850, 1100  # of a page in pixels; at 100 per inch, it is letter paper
_WIDE, _NARROW = 1.0, 0.5  # of the height of a line


class Char(NamedTuple):
    """A character that a program has found, and its box in points from the bottom left."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


def glyphs_of(text: str, left: int, top: int, height: int) -> tuple[Glyph, ...]:
    """The characters of a level line, one next to the other, without its spaces."""
    found, x = [], float(left)
    for character in text:
        wide = stands_alone(character) or ord(character) > 0xFFFF
        end = x + height * (_WIDE if wide else _NARROW)
        if not character.isspace():
            box = LevelBox(round(x), top, round(end), top + height).quad
            found.append(Glyph(character, 0.9, box))
        x = end
    return tuple(found)


def chars_line(text: str, left: int, top: int, height: int = 30) -> Line:
    """A level line with its characters."""
    glyphs = glyphs_of(text, left, top, height)
    box = LevelBox(left, top, glyphs[-1].box[1][0], top + height).quad
    return Line(text, 0.9, box, glyphs=glyphs)


def words_line(text: str, left: int, top: int, height: int = 30) -> Line:
    """A level line with its words: each Chinese character, and what is between spaces."""
    glyphs = iter(glyphs_of(text, left, top, height))
    words: list[Word] = []
    joins = False
    for character in text:
        if character.isspace():
            joins = False
            continue
        glyph = next(glyphs)
        alone = stands_alone(character) or ord(character) > 0xFFFF
        if joins and not alone:
            before = words.pop()
            box = (before.box[0], glyph.box[1], glyph.box[2], before.box[3])
            words.append(Word(before.text + character, 0.9, box))
        else:
            words.append(Word(character, 0.9, glyph.box))
        joins = not alone
    box = LevelBox(left, top, words[-1].box[1][0], top + height).quad
    return Line(text, 0.9, box, words=tuple(words))


def column(text: str, left: int, top: int, width: int = 30) -> Line:
    """A vertical line that is read downwards, with its characters."""
    glyphs = tuple(
        Glyph(each, 0.9, LevelBox(left, top + n * width, left + width, top + (n + 1) * width).quad)
        for n, each in enumerate(text)
    )
    box = LevelBox(left, top, left + width, top + len(text) * width).quad
    return Line(text, 0.9, box, glyphs=glyphs)


def page_of_lines(
    lines: Iterable[Line], width: int = WIDTH, height: int = HEIGHT, angle: int = 0
) -> Page:
    """A page whose lines are one block."""
    lines = tuple(lines)
    blocks = (Block(lines),) if lines else ()
    return Page(width, height, blocks, angle=angle)


def lying(page: Page, angle: int) -> Page:
    """The page as its image is if it must be rotated clockwise by this angle to be upright."""

    def move(quad: Quad) -> Quad:
        return rotated(quad, 360 - angle, page.width, page.height)

    lines = [
        Line(
            line.text,
            line.confidence,
            move(line.box),
            words=line.words and tuple(Word(w.text, 0.9, move(w.box)) for w in line.words),
            glyphs=line.glyphs and tuple(Glyph(g.text, 0.9, move(g.box)) for g in line.glyphs),
        )
        for line in page.lines
    ]
    size = (page.height, page.width) if angle in (90, 270) else (page.width, page.height)
    return page_of_lines(lines, *size, angle=angle)


def stored(page: Page) -> StoredResult:
    """The result as it is stored."""
    return StoredResult(dump(with_blocks(Document((page,)))))


def written(
    source: Path | bytes,
    pages: Sequence[Page],
    mode: PdfMode | None = None,
    target: Path | None = None,
) -> WrittenPdf:
    """Write the PDF with these pages, from the first one on, in this process."""
    writer = Writer(mode or PdfMode())
    writer.open(source)
    for number, page in enumerate(pages, 1):
        writer.add(RecognizedPage(number, stored(page)))
    made = io.BytesIO()
    changes = writer.save(made if target is None else target)
    return WrittenPdf(made.getvalue(), changes)


async def in_process(
    source: Path | bytes,
    pages: Sequence[Page],
    mode: PdfMode | None = None,
    target: Path | None = None,
) -> WrittenPdf:
    """As written(), in a process of its own."""

    async def recognized() -> AsyncIterator[RecognizedPage]:
        for number, page in enumerate(pages, 1):
            yield RecognizedPage(number, stored(page))

    return await write_pdf(source, recognized(), mode or PdfMode(), target)


def pdf_of(page: Page, mode: PdfMode | None = None) -> bytes:
    """The PDF of a white image with the text of the page."""
    return written(white_image(page.width, page.height), [page], mode).data


def white_image(width: int = WIDTH, height: int = HEIGHT, dpi: int = 100) -> bytes:
    """A white PNG."""
    made = io.BytesIO()
    Image.new("L", (width, height), 255).save(made, "PNG", dpi=(dpi, dpi))
    return made.getvalue()


def in_pdfium(pdf: bytes | Path, number: int = 0) -> str:
    """The text of a page in PDFium, with its line ends as newlines."""
    with pypdfium2.PdfDocument(pdf) as document:
        text: str = document[number].get_textpage().get_text_range()
        return text.replace("\r\n", "\n")


def in_pypdf(pdf: bytes | Path, number: int = 0) -> str:
    """The text of a page in pypdf."""
    data = io.BytesIO(pdf) if isinstance(pdf, bytes) else pdf
    return pypdf.PdfReader(data).pages[number].extract_text().strip("\n")


def in_pdfminer(pdf: bytes | Path, number: int = 0) -> str:
    """The text of a page in pdfminer, without the empty lines that it adds."""
    data = io.BytesIO(pdf) if isinstance(pdf, bytes) else str(pdf)
    text: str = extract_text(data, page_numbers=[number])
    return "\n".join(line for line in text.strip("\n\f").split("\n") if line)


def chars_in(pdf: bytes | Path, number: int = 0) -> list[Char]:
    """The characters that PDFium finds, without spaces and line ends; boxes as the page is stored.

    A character beyond U+FFFF comes as one.
    """
    with pypdfium2.PdfDocument(pdf) as document:
        text_page = document[number].get_textpage()
        found = []
        for index in range(text_page.count_chars()):
            character = chr(pdfium.FPDFText_GetUnicode(text_page, index))
            if character.strip():
                found.append(Char(character, *text_page.get_charbox(index)))
        return found


def rendered(pdf: bytes | Path, number: int = 0, scale: float = 1.0) -> Image.Image:
    """A page as PDFium shows it."""
    with pypdfium2.PdfDocument(pdf) as document:
        image: Image.Image = document[number].render(scale=scale).to_pil()
        return image


def shown_chars(pdf: bytes | Path, scale: float, number: int = 0) -> list[Char]:
    """As chars_in(), with boxes in pixels of rendered(), from its top left corner."""
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[number]
        text_page = page.get_textpage()
        width, height = (round(each * scale) for each in page.get_size())

        def place(x: float, y: float) -> tuple[int, int]:
            left, top = ctypes.c_int(), ctypes.c_int()
            pdfium.FPDF_PageToDevice(page, 0, 0, width, height, 0, x, y, left, top)
            return left.value, top.value

        found = []
        for index in range(text_page.count_chars()):
            character = chr(pdfium.FPDFText_GetUnicode(text_page, index))
            if character.strip():
                left, bottom, right, top = text_page.get_charbox(index)
                xs, ys = zip(place(left, bottom), place(right, top), strict=True)
                found.append(Char(character, min(xs), min(ys), max(xs), max(ys)))
        return found
