"""TSV: rows as in tesseract, parsed by columns."""

from __future__ import annotations

import csv
import io

from ocr_engine.geometry import Quad
from ocr_engine.result import Document, Glyph, Line, Word
from server.formats.tsv import COLUMNS, render_tsv
from tests.support.made_pages import in_areas


def level(left: int, top: int, right: int, bottom: int) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


def rows(document: Document) -> list[dict[str, str]]:
    table = render_tsv(document)
    assert table.endswith("\n")
    return list(csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE))


def words_of(table: list[dict[str, str]]) -> list[tuple[str, ...]]:
    wanted = ("block_num", "line_num", "word_num", "conf", "text")
    return [tuple(row[name] for name in wanted) for row in table if row["level"] == "5"]


TITLE = Line(
    "OPEN NOW",
    0.9,
    level(100, 40, 300, 70),
    words=(
        Word("OPEN", 0.96125, level(100, 40, 190, 70)),
        Word("NOW", 0.8, level(200, 40, 300, 70)),
    ),
)
BELOW = Line("北门", 0.7, level(90, 75, 190, 105))
FAR = Line("the end", 0.65, level(95, 300, 295, 330))


def test_the_whole_table() -> None:
    assert render_tsv(in_areas((TITLE,), (FAR,))) == "\n".join(
        "\t".join(map(str, row))
        for row in [
            ("level", "page_num", "block_num", "par_num", "line_num", "word_num",
             "left", "top", "width", "height", "conf", "text"),
            (1, 1, 0, 0, 0, 0, 0, 0, 640, 480, -1, ""),
            (2, 1, 1, 0, 0, 0, 100, 40, 200, 30, -1, ""),
            (3, 1, 1, 1, 0, 0, 100, 40, 200, 30, -1, ""),
            (4, 1, 1, 1, 1, 0, 100, 40, 200, 30, -1, ""),
            (5, 1, 1, 1, 1, 1, 100, 40, 90, 30, "96.12", "OPEN"),
            (5, 1, 1, 1, 1, 2, 200, 40, 100, 30, "80.00", "NOW"),
            (2, 1, 2, 0, 0, 0, 95, 300, 200, 30, -1, ""),
            (3, 1, 2, 1, 0, 0, 95, 300, 200, 30, -1, ""),
            (4, 1, 2, 1, 1, 0, 95, 300, 200, 30, -1, ""),
            (5, 1, 2, 1, 1, 1, 95, 300, 200, 30, "65.00", "the end"),
        ]
    ) + "\n"  # fmt: skip


def test_an_area_is_a_block() -> None:
    table = rows(in_areas((TITLE, BELOW), (FAR,)))
    assert words_of(table) == [
        ("1", "1", "1", "96.12", "OPEN"),
        ("1", "1", "2", "80.00", "NOW"),
        ("1", "2", "1", "70.00", "北门"),
        ("2", "1", "1", "65.00", "the end"),
    ]
    (first, second) = [row for row in table if row["level"] == "2"]
    assert (first["left"], first["top"], first["width"], first["height"]) == (
        *("90", "40"),
        *("210", "65"),
    )
    assert second["top"] == "300"


def test_no_text_is_a_page_and_nothing_else() -> None:
    (page,) = rows(in_areas())
    assert (page["level"], page["width"], page["height"], page["conf"]) == ("1", "640", "480", "-1")


def test_characters_are_put_together_to_words() -> None:
    glyphs = tuple(
        Glyph(text, 0.9 - 0.1 * number, level(10 + 20 * number, 10, 28 + 20 * number, 40))
        for number, text in enumerate("ab门c")
    )
    line = Line("ab 门c", 0.7, level(5, 5, 100, 45), glyphs=glyphs)
    table = rows(in_areas([line]))
    words = [row for row in table if row["level"] == "5"]
    assert [(w["text"], w["left"], w["width"], w["conf"]) for w in words] == [
        ("ab", "10", "38", "85.00"),
        ("门", "50", "18", "70.00"),
        ("c", "70", "18", "60.00"),
    ]


def test_a_slanted_line_has_the_box_round_it() -> None:
    quad: Quad = ((10, 20), (110, 0), (114, 20), (14, 40))
    (line,) = [r for r in rows(in_areas((Line("a", 1.0, quad),))) if r["level"] == "4"]
    assert [line[name] for name in ("left", "top", "width", "height")] == ["10", "0", "104", "40"]


def test_what_would_break_the_table_becomes_a_space() -> None:
    text = "a\tb\nc\r\nd\x00e\x1f\x7f\x85\u2028f\ud800g"
    (row,) = [r for r in rows(in_areas((Line(text, 1.0, level(0, 0, 9, 9)),))) if r["level"] == "5"]
    assert row["text"] == "a b c d e f g"
    assert set(row) == set(COLUMNS)


def test_quotes_stay_as_they_are() -> None:
    quoted = Line("\"a\" 'b' \\", 1.0, level(0, 0, 9, 9))
    assert words_of(rows(in_areas((quoted,))))[0][-1] == "\"a\" 'b' \\"
