"""Lines that the model cannot read are marked, and readable ones are not; with real weights.

The images in tests/data/scripts are drawn with fonts that need not be installed here.
"""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
import pytest

from ocr_engine.images.decode import ImageArray, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.result import Line
from ocr_engine.stages.crops import Crops
from ocr_engine.stages.recognition import Reading
from ocr_engine.stages.unread import checked, has_letters

DATA = Path(__file__).resolve().parents[1] / "data"
KNOWN = tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ αβγδΔΣ")


@functools.cache
def reader() -> Recognizer:
    models = catalogue_set("PP-OCRv6_small")
    return load_recognizer(EngineSettings("openvino", models, precision="f32"))


def read(name: str, granularity: Granularity = "line") -> tuple[Line, ...]:
    image = decode((DATA / name).read_bytes(), 40_000_000)
    return reader().recognize(image, RecognitionOptions(granularity=granularity)).result.lines


@pytest.mark.parametrize(
    "script", ["cyrillic", "greek", "arabic", "hebrew", "thai", "devanagari", "korean"]
)
def test_lines_in_other_scripts_are_marked_and_have_no_text(script: str) -> None:
    lines = read(f"scripts/{script}.png")
    assert [line.script for line in lines] == ["unsupported"] * 4
    assert [line.text for line in lines] == [""] * 4
    assert max(line.confidence for line in lines) < 0.5


def test_of_a_mixed_line_what_was_read_stays() -> None:
    first, date, total, telephone = read("scripts/mixed.png")
    # the model drops digits next to letters that it does not know
    assert (first.script, first.text) == (None, "Invoice number 2026-0815")
    assert (total.script, total.text) == (None, "Total amount: 1,250.00 EUR")
    assert (date.script, date.text) == ("unsupported", "202-11-0")
    assert (telephone.script, telephone.text) == ("unsupported", ": +7 495 123-45-67")
    assert max(date.confidence, telephone.confidence) < 0.7
    assert min(first.confidence, total.confidence) > 0.9


@pytest.mark.parametrize("granularity", ["word", "char"])
def test_words_and_characters_of_lines_that_are_not_read(granularity: Granularity) -> None:
    assert [line.parts for line in read("scripts/cyrillic.png", granularity)] == [()] * 4
    _, date, *_ = read("scripts/mixed.png", granularity)
    assert "".join(part.text for part in date.parts) == "202-11-0"


@pytest.mark.parametrize(
    "name",
    [
        "scripts/readable.png",  # a formula, a rule of dashes, a short number, dots
        "pages/document_en_garden.png",
        "pages/document_zh_minutes.png",
        "pages/receipt_en_cafe.png",
        "pages/table_digits_ledger.png",
        "pages/special_upside_down.png",
    ],
)
def test_readable_lines_are_not_marked(name: str) -> None:
    lines = read(name)
    assert lines
    assert {line.script for line in lines} == {None}


# --- the rules, on readings made by hand


def crop(*bars: tuple[int, int, int, int], width: int = 400) -> ImageArray:
    """A white crop, 40 pixels high, with black bars (left, top, width, height)."""
    pixels = np.full((40, width, 3), 255, dtype=np.uint8)
    for left, top, across, down in bars:
        cv2.rectangle(pixels, (left, top), (left + across - 1, top + down - 1), (0, 0, 0), -1)
    return pixels


LETTERS = crop(*((left, 10, 8, 20) for left in range(10, 390, 16)))
RULE = crop((10, 19, 380, 3))
DOTS = crop(*((left, 28, 4, 4) for left in range(10, 390, 12)))
EDGES = crop(*((left, 0, 3, 40) for left in range(10, 390, 14)))


def check(reading: Reading, pixels: ImageArray) -> Reading:
    (found,) = checked([reading], Crops([pixels.shape[:2]], lambda _: pixels), KNOWN)
    return found


@pytest.mark.parametrize(
    ("pixels", "expected"), [(LETTERS, True), (RULE, False), (DOTS, False), (EDGES, False)]
)
def test_what_may_be_letters(pixels: ImageArray, expected: bool) -> None:
    assert has_letters(pixels, 0.0, 1.0) == expected
    assert has_letters(255 - pixels, 0.0, 1.0) == expected
    faint = (pixels * 0.1 + 200).astype(np.uint8)
    assert not has_letters(faint, 0.0, 1.0)


def test_spaces_alone_on_letters_are_not_a_reading() -> None:
    spaces = Reading("   ", 0.97, gap=(0.0, 1.0))
    assert check(spaces, LETTERS) == Reading("", 0.0, unread=True)
    assert check(spaces, RULE) == spaces
    assert check(Reading("", 0.0), LETTERS).unread


def test_a_gap_in_a_line_counts_if_it_has_letters() -> None:
    half = Reading("abc, de", 0.95, typical=0.9, gap=(0.4, 1.0))
    marked = check(half, LETTERS)
    assert (marked.text, marked.unread) == ("abc, de", True)
    assert marked.confidence == pytest.approx(0.95 * 0.4)
    assert check(half._replace(typical=0.7), LETTERS).text == ""
    blank = LETTERS.copy()
    blank[:, 160:] = 255
    assert check(half, blank) == half
    assert check(half._replace(gap=(0.4, 0.6)), LETTERS) == half._replace(gap=(0.4, 0.6))


def test_the_gap_of_a_line_that_was_turned_is_at_its_other_end() -> None:
    blank = LETTERS.copy()
    blank[:, 160:] = 255
    turned = Reading("abc", 0.9, typical=0.9, turned=True, gap=(0.4, 1.0))
    assert not check(turned._replace(turned=False), blank).unread
    assert not check(turned._replace(gap=(0.0, 0.6)), blank).unread
    assert check(turned._replace(gap=(0.6, 1.0)), blank).unread


def test_a_line_of_characters_of_which_none_is_sure_is_a_guess() -> None:
    guess = Reading("nn o n'n di7", 0.6, typical=0.49, gap=(0.0, 0.01))
    assert check(guess, LETTERS) == Reading("", 0.3, unread=True)
    for better in (guess._replace(typical=0.5), guess._replace(text="8 B3")):
        assert check(better, LETTERS) == better


def test_doubtful_lines_are_as_most_of_their_page() -> None:
    unread = Reading("  ", 0.97)
    doubtful, sure = (Reading("suvu", each, typical=each, gap=(0.0, 0.01)) for each in (0.7, 0.95))
    crops = Crops([LETTERS.shape[:2]] * 3, lambda _: LETTERS)
    found = checked([unread, doubtful, unread], crops, KNOWN)
    assert [each.text for each in found] == ["", "", ""]
    assert {each.unread for each in found} == {True}
    assert checked([unread, unread, sure], crops, KNOWN)[2] == sure
    assert list(checked([unread, doubtful, sure], crops, KNOWN))[1:] == [doubtful, sure]


def test_a_page_of_guesses_is_not_read() -> None:
    guess = Reading("duan ngu", 0.7, typical=0.7, gap=(0.0, 0.01))
    crops = Crops([LETTERS.shape[:2]] * 3, lambda _: LETTERS)
    assert all(each.unread for each in checked([guess] * 3, crops, KNOWN))
    better = guess._replace(typical=0.9)
    assert list(checked([guess, better, better], crops, KNOWN)) == [guess, better, better]
    assert list(checked([guess, guess], crops, KNOWN)) == [guess, guess]


@pytest.mark.parametrize(
    ("text", "unread"),
    [
        ("αβγδ βαγ", True),
        ("Σαδαβ abc", True),
        ("ΣAΣ TO", True),  # Greek capitals that look like Latin ones are read as these
        ("α + β = γ", False),
        ("ΔH = 3 kJ", False),
        ("angle αβγ of the plane", False),
        ("中文中文", False),
    ],
)
def test_letters_of_scripts_without_a_language(text: str, unread: bool) -> None:
    assert check(Reading(text, 0.9, typical=0.9, gap=(0.0, 0.01)), LETTERS).unread == unread
