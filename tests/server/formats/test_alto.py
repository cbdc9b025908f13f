"""ALTO: valid by its schema, with texts and positions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped]

from ocr_engine.geometry import Quad
from ocr_engine.result import Document, Glyph, Line, Word
from server.formats.alto import NAMESPACE, render_alto
from tests.support.made_pages import in_areas

DATA = Path(__file__).parents[2] / "data"
SCHEMA = etree.XMLSchema(etree.parse(DATA / "alto-4-4-subset.xsd"))
ALTO = f"{{{NAMESPACE}}}"
MD5 = "0123456789abcdef0123456789abcdef"


def level(left: int, top: int, right: int, bottom: int) -> Quad:
    return (left, top), (right, top), (right, bottom), (left, bottom)


TITLE = Line(
    "OPEN 北门 <now>",
    0.9,
    level(100, 40, 500, 80),
    words=(
        Word("OPEN", 0.96125, level(110, 40, 190, 80)),
        Word("北", 0.8, level(200, 40, 240, 80)),
        Word("门", 1.0, level(240, 40, 280, 80)),
        Word("<now>", 0.00004, level(300, 40, 380, 80)),
    ),
)
BELOW = Line("a second line", 0.7, level(90, 90, 490, 130))
FAR = Line("the end", 0.65, level(95, 300, 295, 340))
PAGE = in_areas((TITLE, BELOW), (FAR,))


def with_glyphs(text: str, box: Quad, *glyphs: Glyph, confidence: float = 0.9) -> Line:
    return Line(text, confidence, box, glyphs=glyphs)


CHARACTERS = with_glyphs(
    "ab 门",
    level(5, 5, 100, 45),
    *(
        Glyph(text, 0.875, level(10 + 20 * number, 10, 30 + 20 * number, 40))
        for number, text in enumerate("ab门")
    ),
    confidence=0.7,
)
DOWN = Line("down", 0.9, level(600, 100, 630, 300))


def parsed(*lines: Line, image: str = MD5) -> Any:
    """The document of one block, valid."""
    return valid(in_areas(lines) if lines else in_areas(), image)


def valid(document: Document, image: str = MD5) -> Any:
    """The document, valid."""
    root = etree.fromstring(render_alto(document, image))
    SCHEMA.assertValid(root)
    return root


def found(root: Any, name: str) -> list[dict[str, str]]:
    """The attributes of all elements of this name."""
    return [dict(element.attrib) for element in root.iter(f"{ALTO}{name}")]


def test_the_page_is_described() -> None:
    root = valid(PAGE)
    assert root.tag == f"{ALTO}alto"
    assert root.get("SCHEMAVERSION") == "4.4"
    assert root.findtext(f".//{ALTO}MeasurementUnit") == "pixel"
    assert root.findtext(f".//{ALTO}fileName") == MD5
    assert root.findtext(f".//{ALTO}softwareName") == "concurrent-ocr-server"
    (page,) = found(root, "Page")
    assert (page["WIDTH"], page["HEIGHT"]) == ("640", "480")
    assert float(page["PC"]) == PAGE.confidence


def test_lines_stand_in_blocks() -> None:
    root = valid(PAGE)
    blocks = list(root.iter(f"{ALTO}TextBlock"))
    assert [len(block) for block in blocks] == [2, 1]
    places = [[block.get(name) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] for block in blocks]
    identifiers = [each.get("ID") for each in root.iter() if each.get("ID")]
    assert len(identifiers) == len(set(identifiers)) == 1 + 1 + 2 + 3 + 6
    assert places == [["90", "40", "410", "90"], ["95", "300", "200", "40"]]


def test_words_have_their_box_and_confidence() -> None:
    words = found(parsed(TITLE), "String")
    assert [word["CONTENT"] for word in words] == ["OPEN", "北", "门", "<now>"]
    assert [word["WC"] for word in words] == ["0.9613", "0.8", "1", "0"]
    assert words[0] == {
        "ID": "word_1",
        "HPOS": "110",
        "VPOS": "40",
        "WIDTH": "80",
        "HEIGHT": "40",
        "WC": "0.9613",
        "CONTENT": "OPEN",
    }


def test_there_is_a_space_between_words_only_where_one_was_read() -> None:
    (line,) = parsed(TITLE).iter(f"{ALTO}TextLine")
    assert [etree.QName(child).localname for child in line] == [
        "String", "SP", "String", "String", "SP", "String"
    ]  # fmt: skip
    assert dict(line[1].attrib) == {"HPOS": "190", "VPOS": "40", "WIDTH": "10", "HEIGHT": "40"}


def test_a_space_before_a_word_that_stands_further_left_has_no_place() -> None:
    words = (Word("a", 0.9, level(50, 0, 90, 20)), Word("b", 0.9, level(0, 0, 40, 20)))
    assert found(parsed(Line("a b", 0.9, level(0, 0, 90, 20), words=words)), "SP") == [{}]


def test_without_words_a_line_is_one_word() -> None:
    (word,) = found(parsed(BELOW), "String")
    assert (word["CONTENT"], word["WC"], word["WIDTH"]) == ("a second line", "0.7", "400")


def test_characters_are_glyphs() -> None:
    root = parsed(CHARACTERS)
    assert [word["CONTENT"] for word in found(root, "String")] == ["ab", "门"]
    glyphs = found(root, "Glyph")
    assert [glyph["CONTENT"] for glyph in glyphs] == ["a", "b", "门"]
    assert glyphs[1] == {
        "HPOS": "30", "VPOS": "10", "WIDTH": "20", "HEIGHT": "30", "GC": "0.875", "CONTENT": "b"
    }  # fmt: skip


def test_a_character_of_two_code_points_is_no_glyph() -> None:
    glyphs = [Glyph(text, 0.9, level(0, 0, 9, 9)) for text in ("e\u0301", "a")]
    root = parsed(with_glyphs("e\u0301a", level(0, 0, 20, 9), *glyphs))
    assert [word["CONTENT"] for word in found(root, "String")] == ["e\u0301a"]
    assert found(root, "Glyph") == []


@pytest.mark.parametrize("rise", [-40, 0, 40])
def test_the_baseline_follows_the_line(rise: int) -> None:
    quad: Quad = ((100, 100), (500, 100 + rise), (500, 140 + rise), (100, 140))
    (line,) = found(parsed(Line("a b", 0.9, quad)), "TextLine")
    match = re.fullmatch(r"100,(\d+) 500,(\d+)", line["BASELINE"])
    assert match is not None
    left, right = map(int, match.groups())
    assert 2 < 140 - left < 20
    assert 2 < 140 + rise - right < 20


def test_a_block_of_lines_that_run_down_is_turned() -> None:
    root = parsed(DOWN)
    assert [block["ROTATION"] for block in found(root, "TextBlock")] == ["270"]
    assert "BASELINE" not in found(root, "TextLine")[0]


def test_a_block_of_lines_that_run_different_ways_is_not() -> None:
    root = parsed(DOWN, Line("next to it", 0.9, level(100, 110, 300, 140)))
    (block,) = found(root, "TextBlock")
    assert "ROTATION" not in block


def test_no_text_is_an_empty_page() -> None:
    root = parsed()
    assert len(found(root, "PrintSpace")) == 1
    assert "PC" not in found(root, "Page")[0]
    assert found(root, "TextBlock") == []


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "' onclick=\"x",
        "]]> &amp; &#0;",
        "{http://www.w3.org/1999/xhtml}p",
        "a\x00b\x01c\x1fd\x7fe",
        "half \ud83d of a pair \ude00",
        "\ufffe\uffff",
        "tab\tand\nline\r\n end ",
        "\U0001f600 𠀀",
        "",
    ],
)
def test_any_text_is_kept_as_text(text: str) -> None:
    glyphs = [Glyph(character, 0.9, level(0, 0, 50, 20)) for character in text]
    for line in (
        Line(text, 0.9, level(0, 0, 50, 20)),
        Line(text, 0.9, level(0, 0, 50, 20), words=(Word(text, 0.9, level(0, 0, 5, 5)),)),
    ):
        root = parsed(line, image=text)
        allowed = re.sub(
            "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]", "\ufffd", text
        )
        assert [word["CONTENT"] for word in found(root, "String")] == [allowed]
    parsed(with_glyphs(text, level(0, 0, 50, 20), *glyphs))


def test_boxes_are_never_negative_or_empty() -> None:
    (word,) = found(parsed(Line("a", 0.9, ((-3, -2),) * 4)), "String")
    assert [word[name] for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == ["0", "0", "1", "1"]


def rename(name: str, new: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        next(root.iter(f"{ALTO}{name}")).tag = f"{ALTO}{new}"

    return change


def put(name: str, attribute: str, value: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        next(root.iter(f"{ALTO}{name}")).set(attribute, value)

    return change


def drop(name: str, attribute: str) -> Callable[[Any], None]:
    def change(root: Any) -> None:
        del next(root.iter(f"{ALTO}{name}")).attrib[attribute]

    return change


@pytest.mark.parametrize(
    "change",
    [
        rename("TextLine", "Line"),
        rename("SP", "HYP"),
        rename("Layout", "Description"),
        put("String", "WC", "1.5"),
        put("Glyph", "CONTENT", "two"),
        put("TextBlock", "CONTENT", "text"),
        put("Page", "WIDTH", "wide"),
        drop("String", "CONTENT"),
        drop("Page", "PHYSICAL_IMG_NR"),
    ],
)
def test_the_schema_refuses_what_is_no_alto(change: Callable[[Any], None]) -> None:
    root = parsed(TITLE, CHARACTERS)
    change(root)
    assert not SCHEMA.validate(root)
