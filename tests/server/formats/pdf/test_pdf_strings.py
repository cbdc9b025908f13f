"""How lines are divided into strings, and which glyphs they have."""

from __future__ import annotations

import importlib
import io
import itertools
import re
from importlib import resources

import pytest
from fontTools.ttLib import TTFont

from glyphless_font import glyphless_font
from server.formats.pdf.characters import WIDTHS, Characters, width_ranges
from server.formats.pdf.font import FONT_FILE, MOST_ENTRIES, to_unicode
from server.formats.pdf.strings import Part, Piece, divided

CHARACTERS = Characters()


def pieces(*parts: tuple[str, float, float], tolerance: float = 2.0) -> list[Piece]:
    return list(divided([Part(*part) for part in parts], CHARACTERS.width, tolerance))


def test_evenly_spaced_characters_are_one_string() -> None:
    parts = [(each, 20.0 * n + 1, 20.0 * n + 19) for n, each in enumerate("海风书店，每天")]
    assert pieces(*parts) == [("海风书店，每天", 138.0)]


def test_a_string_ends_where_a_character_would_be_out_of_its_place() -> None:
    parts = [("一", 0, 20), ("二", 20, 40), ("三", 100, 120), ("四", 120, 140)]
    assert pieces(*parts) == [("一", 20.0), ("二三", 100.0), ("四", 20.0)]  # as wide as the gap


@pytest.mark.parametrize(
    "parts",
    [
        [("一", 0, 20), ("二", 20, 40), ("三", 100, 120), ("四", 120, 140)],
        [("SEA", 5, 90), (" ", 0, 0), ("BREEZE", 100, 300), (" ", 0, 0), ("x", 310, 322)],
        [("back", 50, 90), ("wards", 10, 60), ("中", 0, 5)],
        [("same", 10, 10), ("place", 10, 10)],
    ],
)
def test_strings_follow_each_other_without_a_gap(parts: list[tuple[str, float, float]]) -> None:
    found = pieces(*parts)
    assert "".join(piece.text for piece in found) == "".join(text for text, _, _ in parts)
    assert all(piece.length > 0 for piece in found)
    whole = max(parts[-1][2] - parts[0][1], 0.01)
    assert sum(piece.length for piece in found) == pytest.approx(whole)


def test_a_space_reaches_from_word_to_word() -> None:
    found = pieces(("iii", 0, 100), (" ", 0, 0), ("MMM", 110, 150), tolerance=0.5)
    assert found == [("iii", 100.0), (" ", 10.0), ("MMM", 40.0)]


def test_the_font_is_what_its_tool_makes() -> None:
    shipped = (resources.files("server.formats.pdf") / FONT_FILE).read_bytes()
    assert shipped == glyphless_font()
    font = TTFont(io.BytesIO(shipped))
    order = font.getGlyphOrder()
    assert [font["hmtx"][name][0] for name in order] == [0, *WIDTHS]
    assert all(glyph.numberOfContours == 1 for glyph in map(font["glyf"].get, order))
    assert all(glyph.yMax == 1000 for glyph in map(font["glyf"].get, order))


def test_every_character_has_the_width_of_a_glyph() -> None:
    ranges = list(width_ranges())
    assert [first for _, first, _ in ranges] == sorted(first for _, first, _ in ranges)
    assert all(before[2] < after[1] for before, after in itertools.pairwise(ranges))
    assert {width for width, _, _ in ranges} <= set(WIDTHS)
    assert CHARACTERS.width("中") == CHARACTERS.width("𠮷") == 1000
    assert CHARACTERS.width("e\u0301") == CHARACTERS.width("e") == 480
    assert CHARACTERS.width("i") < CHARACTERS.width("n") < CHARACTERS.width("M")


def test_no_block_of_the_cmap_is_too_long_nor_a_range_crosses_a_high_byte() -> None:
    characters = Characters()
    high = "".join(chr(0x20000 + n) for n in range(250))
    characters.encoded(high)
    cmap = to_unicode(characters.high)
    counts = [int(number) for number in re.findall(r"(\d+) beginbf", cmap)]
    assert max(counts) <= MOST_ENTRIES
    assert sum(counts) == 248 + 250
    for first, last, target in re.findall(r"<(....)> <(....)> <(....)>\n", cmap):
        assert first[:2] == last[:2]
        assert first == target
    assert f"<D800> <{'𠀀'.encode('utf-16-be').hex().upper()}>" in cmap


def test_characters_beyond_the_codes_become_replacements() -> None:
    characters = Characters()
    many = "".join(chr(0x20000 + n) for n in range(2049))
    codes = characters.encoded(many)
    assert len(codes) == 2 * 2049
    assert codes.endswith(b"\xff\xfd")
    assert characters.encoded(many[:2048]) == codes[:-2]
    assert characters.encoded("\ud800") == b"\xff\xfd"


def test_the_parent_imports_no_library_for_pdfs() -> None:
    order = importlib.import_module("server.formats.pdf.order")
    assert not hasattr(order, "pikepdf")
