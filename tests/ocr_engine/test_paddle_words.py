"""Words of engine paddleocr: from a given return_word_box output, and from the engine itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ocr_engine.geometry import rotated
from ocr_engine.images.decode import DecodedImage, ImageArray, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, load_recognizer
from ocr_engine.recognizers.paddle_words import lines_with_parts
from ocr_engine.result import Line, TextPart
from ocr_engine.stages.words import words_of

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"
BOX = [[100, 50], [300, 50], [300, 70], [100, 70]]
HIGH = [[50, 100], [70, 100], [70, 300], [50, 300]]


def place(start: int, end: int) -> tuple[tuple[int, int], ...]:
    return (start, 50), (end, 50), (end, 70), (start, 70)


def answer(**changes: Any) -> dict[str, Any]:
    """In PaddleOCR's format: letters, spaces and Chinese characters are separate runs."""
    found = {
        "rec_texts": ["ab 北门!"],
        "rec_scores": [0.87654],
        "rec_polys": [np.array(BOX)],
        "text_word": [["ab", " ", "北", "门", "!"]],
        "text_word_region": [
            [place(110, 150), place(150, 180), place(180, 220), place(220, 260), place(260, 280)]
        ],
    }
    return found | changes


def page(*inked: tuple[int, int], turned: bool = False) -> ImageArray:
    """White, with letters in these columns of the line's box."""
    pixels = np.full((400, 400, 3), 255, dtype=np.uint8)
    for start, end in inked:
        if turned:
            pixels[start:end, 55:65] = 0
        else:
            pixels[55:65, start:end] = 0
    return pixels


INKED = page((112, 128), (132, 148), (182, 218), (222, 258), (264, 268))


def one_line(found: dict[str, Any], granularity: Granularity, pixels: ImageArray) -> Line:
    (line,) = lines_with_parts(found, pixels, granularity)
    return line


def edges(parts: Sequence[TextPart], axis: int = 0) -> list[tuple[str, int, int]]:
    return [
        (part.text, min(p[axis] for p in part.box), max(p[axis] for p in part.box))
        for part in parts
    ]


def test_words_have_the_ink_of_their_runs_and_the_confidence_of_the_line() -> None:
    line = one_line(answer(), "word", INKED)
    assert (line.text, line.confidence) == ("ab 北门!", 0.8765)
    assert edges(line.parts) == [
        ("ab", 111, 149),
        ("北", 181, 219),
        ("门", 221, 259),
        ("!", 263, 269),
    ]
    assert {word.confidence for word in line.parts} == {0.8765}


def test_characters_share_their_run() -> None:
    line = one_line(answer(), "char", INKED)
    assert edges(line.parts)[:2] == [("a", 111, 129), ("b", 131, 149)]
    assert edges(words_of(line))[0] == ("ab", 111, 149)


def test_vertical_lines_are_divided_from_top_to_bottom() -> None:
    found = answer(
        rec_texts=["上下"],
        rec_polys=[np.array(HIGH)],
        text_word=[["上", "下"]],
        text_word_region=[
            [
                ((50, 110), (50, 190), (70, 190), (70, 110)),
                ((50, 210), (50, 290), (70, 290), (70, 210)),
            ]
        ],
    )
    line = one_line(found, "word", page((112, 188), (212, 288), turned=True))
    assert edges(line.parts, axis=1) == [("上", 111, 189), ("下", 211, 289)]


@pytest.mark.parametrize(
    "changes",
    [
        {"text_word": [["ab", "北", "门", "!"]]},  # one run less than boxes
        {"text_word": [["xy", " ", "北", "门", "!"]]},  # another text
        {"text_word": [[]], "text_word_region": [[]]},
    ],
)
def test_runs_that_do_not_fit_the_text_are_not_used(changes: dict[str, Any]) -> None:
    line = one_line(answer(**changes), "word", INKED)
    assert [word.text for word in line.parts] == ["ab", "北", "门", "!"]
    for _, start, end in edges(line.parts):
        assert 100 <= start <= end <= 300


def test_lines_without_text_are_left_out() -> None:
    empty = answer(rec_texts=[""], text_word=[[]], text_word_region=[[]])
    assert list(lines_with_parts(empty, INKED, "word")) == []
    nothing: dict[str, Any] = {name: [] for name in answer()}
    assert list(lines_with_parts(nothing, INKED, "char")) == []


@pytest.mark.slow
def test_the_engine_itself() -> None:
    settings = EngineSettings("paddleocr", catalogue_set("PP-OCRv6_small"), threads=2)
    reader = load_recognizer(settings)
    image = decode((PAGES / "special_sign.bmp").read_bytes(), 10**6)
    plain = reader.recognize(image, RecognitionOptions()).result
    words = reader.recognize(image, RecognitionOptions(granularity="word")).result
    chars = reader.recognize(image, RecognitionOptions(granularity="char")).result
    assert [line.text for line in plain.lines] == ["北门书店", "OPEN EVERY DAY"]
    assert [line.words for line in plain.lines] == [None, None]
    assert [word.text for line in words.lines for word in line.parts] == [
        *"北门书店",
        *("OPEN", "EVERY", "DAY"),
    ]
    # as drawn: four squares of 42 pixels around the middle
    for number, (_, start, end) in enumerate(edges(words.lines[0].parts)):
        assert start == pytest.approx(160 - 84 + 42 * number, abs=5)
        assert end == pytest.approx(160 - 84 + 42 * (number + 1), abs=5)
    texts = [char.text for line in chars.lines for char in line.parts]
    assert "".join(texts) == "北门书店OPENEVERYDAY"
    upside_down = DecodedImage(np.ascontiguousarray(image.pixels[::-1, ::-1]))
    turned = reader.recognize(upside_down, RecognitionOptions(orientation="180")).result
    assert [line.text for line in turned.lines] == [line.text for line in plain.lines]
    assert turned.pages[0].angle == 180
    width, height = plain.pages[0].width, plain.pages[0].height
    for line, same in zip(turned.lines, plain.lines, strict=True):
        assert line.box == rotated(same.box, 180, width, height)
