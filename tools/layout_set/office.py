"""LibreOffice sets pages of the layout set; their lines are those of the PDF that it writes."""

from __future__ import annotations

import io
import os
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pypdfium2

from layout_set.browser import font_settings
from layout_set.sheet import OfficeSheet
from layout_set.truth import Part, TrueBlock, TrueLine, TruePage
from ocr_engine.geometry import LevelBox, Quad
from server_programs import unpack_packages

FETCHED = Path(__file__).resolve().parents[2] / "dist" / "layout_set" / "libreoffice"
PACKAGE = "libreoffice-writer-nogui"
DPI = 150
SECONDS = 600  # for all pages

_PROGRAM = Path("usr/lib/libreoffice/program")
_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
_HYPHEN = "\ufffe"  # what PDFium has for a hyphen at the end of a line
_RESTART = 81  # exit status after its first start, which only makes its settings
_HALF = 0.55  # of the font size: from the middle of a line to the edge of its box


def fetch_office() -> None:
    """Unpack LibreOffice in dist/ if it is missing; NoProgram if apt cannot."""
    if FETCHED.is_dir():
        return
    print("fetching LibreOffice from Debian ...", flush=True)
    unpack_packages([PACKAGE], FETCHED)
    settings = FETCHED / _PROGRAM / "fundamentalrc"  # has the paths of an installation
    registry = FETCHED / "usr/lib/libreoffice/share/.registry"
    text = settings.read_text(encoding="utf-8")
    text = text.replace("file:///etc/libreoffice/registry", registry.as_uri())
    text = text.replace("file:///usr/lib", (FETCHED / "usr/lib").as_uri())
    settings.write_text(text, encoding="utf-8")


def draw_all(sheets: Sequence[OfficeSheet], folder: Path) -> Iterator[tuple[bytes, TruePage]]:
    """The first page of each sheet as PNG, and what is known of it; folder: for settings."""
    if not sheets:
        return
    fetch_office()
    with tempfile.TemporaryDirectory() as scratch:
        sources = [Path(scratch) / f"{number}.fodt" for number in range(len(sheets))]
        for source, sheet in zip(sources, sheets, strict=True):
            source.write_text(sheet.xml, encoding="utf-8")
        _convert(sources, Path(scratch), font_settings(folder))
        for source, sheet in zip(sources, sheets, strict=True):
            yield _drawn(source.with_suffix(".pdf"), sheet.parts)


def _convert(sources: Sequence[Path], folder: Path, fonts: Path) -> None:
    """Write the PDF of each document; CalledProcessError if LibreOffice fails."""
    program = FETCHED / _PROGRAM
    command = [
        str(program / "soffice.bin"),
        f"-env:UserInstallation={(folder / 'user').as_uri()}",
        *("--headless", "--convert-to", "pdf", "--outdir", str(folder)),
        *map(str, sources),
    ]
    environment = {
        **os.environ,
        "HOME": str(folder),
        "LD_LIBRARY_PATH": f"{program}:{FETCHED / _LIBRARIES}",
        "FONTCONFIG_FILE": str(fonts),
    }
    for _ in range(2):
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=SECONDS, check=False
        )
        if done.returncode != _RESTART:
            break
    done.check_returncode()


def _drawn(path: Path, parts: Sequence[Part]) -> tuple[bytes, TruePage]:
    """The image of the first page of a PDF, and its lines."""
    document = pypdfium2.PdfDocument(path)
    page = document[0]
    scale = DPI / 72
    image = page.render(scale=scale).to_pil().convert("RGB")
    stored = io.BytesIO()
    image.save(stored, "PNG", compress_level=1)
    lines, blocks = lines_of(list(_characters(page, scale)), parts)
    document.close()
    return stored.getvalue(), TruePage(image.width, image.height, tuple(lines), tuple(blocks))


class Character(NamedTuple):
    """A character of the PDF, in pixels of the image; spaced: a space is before it."""

    text: str
    left: float
    right: float
    middle: float
    size: float
    spaced: bool


def _characters(page: pypdfium2.PdfPage, scale: float) -> Iterator[Character]:
    """The characters of a page in the order of the PDF, without spaces."""
    height = page.get_height()
    text_page = page.get_textpage()
    spaced = False
    for index in range(text_page.count_chars()):
        text = text_page.get_text_range(index, 1)
        if _is_blank(text):
            spaced = True
            continue
        left, bottom, right, top = text_page.get_charbox(index, loose=True)
        size = pypdfium2.raw.FPDFText_GetFontSize(text_page, index)
        yield Character(
            text,
            left * scale,
            right * scale,
            (height - (top + bottom) / 2) * scale,
            size * scale,
            spaced,
        )
        spaced = False
    text_page.close()


def _is_blank(text: str) -> bool:
    return not text.strip() or unicodedata.category(text[0]) in ("Cc", "Cf")


def lines_of(
    characters: Sequence[Character], parts: Sequence[Part]
) -> tuple[list[TrueLine], list[TrueBlock]]:
    """The lines and the blocks of a page that begins with the text of these parts.

    ValueError if it does not.
    """
    expected = (
        (character, number)
        for number, part in enumerate(parts)
        for character in part.text
        if not _is_blank(character)
    )
    runs: list[tuple[int, list[Character]]] = []
    for found, (character, number) in zip(characters, expected, strict=False):
        if found.text == _HYPHEN:
            found = found._replace(text=character)
        if found.text != character:
            raise ValueError(f"the PDF has {found.text!r}, not {character!r}")
        if runs and runs[-1][0] == number and _continues(runs[-1][1], found):
            runs[-1][1].append(found)
        else:
            runs.append((number, [found]))
    lines = [TrueLine(*_line(run), number) for number, run in runs]
    last = max(number for number, _ in runs)
    return lines, [TrueBlock(part.type) for part in parts[: last + 1]]


def _continues(run: Sequence[Character], found: Character) -> bool:
    """Whether a character follows the last one of a line.

    Justified lines of few words have gaps of any width. The letters of a ligature share a box.
    """
    first, last = run[0], run[-1]
    size = max(first.size, found.size)
    return abs(found.middle - first.middle) < size / 2 and found.left >= last.left


def _line(run: Sequence[Character]) -> tuple[str, Quad]:
    """The text and the box of a line."""
    text = "".join(" " * each.spaced + each.text for each in run).strip()
    tallest = max(run, key=lambda each: each.size)
    half = _HALF * tallest.size
    edges = (run[0].left, tallest.middle - half, run[-1].right, tallest.middle + half)
    return text, LevelBox(*map(round, edges)).quad
