"""Boxes of words and characters, from the model's steps, computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ocr_engine.geometry import Quad
from ocr_engine.images.decode import ImageArray
from ocr_engine.options import Granularity
from ocr_engine.result import Line, TextPart
from ocr_engine.stages.detection import QuadArray
from ocr_engine.stages.recognition import Character, Reading
from ocr_engine.stages.word_boxes import find_extents, ink_of_columns, text_line
from ocr_engine.stages.words import words_of

WIDTH, HEIGHT = 200, 20
LEVEL: Quad = ((100, 50), (300, 50), (300, 70), (100, 70))


def strip(*inked: tuple[int, int], width: int = WIDTH) -> ImageArray:
    """White, with letters in these columns: black over half of the height."""
    pixels = np.full((HEIGHT, width, 3), 255, dtype=np.uint8)
    for start, end in inked:
        pixels[5:15, start:end] = 0
    return pixels


def reading(*characters: tuple[str, int, int], turned: bool = False) -> Reading:
    """Characters whose steps lie in these columns; the first has the highest confidence."""
    found = tuple(
        Character(text, 0.9 - number / 10, start / WIDTH, end / WIDTH)
        for number, (text, start, end) in enumerate(characters)
    )
    text = "".join(character.text for character in found)
    return Reading(text, 0.8, found, turned)


def line_of(
    said: Reading,
    pixels: ImageArray,
    granularity: Granularity = "word",
    quad: Quad = LEVEL,
) -> Line:
    box: QuadArray = np.array(quad, dtype=np.int32)
    return text_line(said, box, pixels, granularity)


def edges(parts: Sequence[TextPart], axis: int = 0) -> list[tuple[str, int, int]]:
    """Where each part begins and ends along one axis."""
    return [
        (part.text, min(p[axis] for p in part.box), max(p[axis] for p in part.box))
        for part in parts
    ]


AB_C = reading(("a", 20, 28), ("b", 45, 52), (" ", 80, 88), ("c", 120, 130))
AB_C_INK = strip((10, 30), (34, 60), (100, 150))


def test_a_line_has_neither_words_nor_characters() -> None:
    line = line_of(Reading("ab c", 0.87654), AB_C_INK, "line")
    assert line == Line("ab c", 0.8765, LEVEL)
    assert (line.words, line.glyphs, words_of(line)) == (None, None, ())


def test_words_end_where_their_ink_does() -> None:
    line = line_of(AB_C, AB_C_INK)
    assert edges(line.parts) == [("ab", 109, 161), ("c", 199, 251)]  # with a pixel on each side
    assert line.glyphs is None
    assert words_of(line) == line.words
    assert (line.text, line.confidence, line.box) == ("ab c", 0.8, LEVEL)


def test_characters_are_separated_where_there_is_no_ink() -> None:
    line = line_of(AB_C, AB_C_INK, "char")
    assert edges(line.parts) == [("a", 109, 131), ("b", 133, 161), ("c", 199, 251)]
    assert line.words is None
    assert edges(words_of(line)) == [("ab", 109, 161), ("c", 199, 251)]
    assert [len(word.glyphs) for word in words_of(line)] == [2, 1]


def test_a_character_keeps_its_confidence_and_a_word_has_the_mean() -> None:
    line = line_of(AB_C, AB_C_INK, "char")
    assert [glyph.confidence for glyph in line.parts] == [0.9, 0.8, 0.6]
    for words in (words_of(line), words_of(line_of(AB_C, AB_C_INK))):
        assert [word.confidence for word in words] == pytest.approx([0.85, 0.6])


def test_boxes_are_as_high_as_the_line() -> None:
    for part in line_of(AB_C, AB_C_INK, "char").parts:
        top_left, top_right, bottom_right, bottom_left = part.box
        assert top_left[1] == top_right[1] == 50
        assert bottom_left[1] == bottom_right[1] == 70
        assert top_left[0] == bottom_left[0] < top_right[0] == bottom_right[0]


def test_without_ink_the_steps_alone_count() -> None:
    line = line_of(reading(("a", 40, 60), ("b", 90, 110)), strip(), "char")
    ((_, _, first_end), (_, second_start, _)) = edges(line.parts)
    assert first_end == second_start
    assert abs(first_end - 175) <= 1  # in the middle of 50 and 100


def test_letters_that_touch_are_cut_where_the_least_ink_is() -> None:
    pixels = strip((40, 160))
    pixels[5:15, 96:98] = 255
    pixels[9:10, 96:98] = 0  # a thin stroke joins them
    line = line_of(reading(("r", 60, 76), ("n", 120, 136)), pixels, "char")
    ((_, _, cut), (_, same, _)) = edges(line.parts)
    assert cut == same
    assert 196 <= cut <= 198


def test_as_many_pieces_of_ink_as_characters_are_the_characters() -> None:
    """For narrow letters the model's steps are too coarse to fall on the right side of each gap."""
    pixels = strip((40, 44), (48, 52), (56, 60), (64, 68))
    said = reading(("I", 40, 48), ("l", 48, 56), ("l", 59, 64), ("i", 68, 72))
    assert edges(line_of(said, pixels, "char").parts) == [
        ("I", 139, 145),
        ("l", 147, 153),
        ("l", 155, 161),
        ("i", 163, 169),
    ]


def test_a_single_character_reaches_no_further_than_letters_do() -> None:
    pixels = strip((0, 2), (90, 110), (196, 200))  # a border on both sides
    assert edges(line_of(reading(("8", 96, 104)), pixels).parts) == [("8", 189, 211)]


def test_spaces_at_the_ends_are_left_out() -> None:
    said = reading((" ", 10, 20), ("a", 50, 60), (" ", 100, 110), (" ", 110, 120))
    line = line_of(said, strip((45, 65)))
    assert edges(line.parts) == [("a", 144, 166)]
    assert line_of(reading((" ", 10, 20)), strip()).words == ()


def test_extents_of_spaces_are_points() -> None:
    extents = find_extents(AB_C, AB_C_INK)
    assert len(extents) == 4
    assert extents[2][0] == extents[2][1]


def test_steps_in_the_padding_are_the_end_of_the_line() -> None:
    line = line_of(reading(("a", 20, 30), ("b", 205, 215)), strip(), "char")
    (*_, last) = edges(line.parts)
    assert last[1] <= last[2] <= 300


@pytest.mark.parametrize("granularity", ["word", "char"])
def test_a_vertical_line_runs_from_the_top_to_the_bottom(granularity: Granularity) -> None:
    quad: Quad = ((50, 100), (70, 100), (70, 300), (50, 300))
    line = line_of(AB_C, AB_C_INK, granularity, quad)
    across = edges(line.parts, axis=0)
    assert {(start, end) for _, start, end in across} == {(50, 70)}
    along = edges(line.parts, axis=1)
    assert (along[0][1], along[-1][2]) == (109, 251)
    assert [start for _, start, _ in along] == sorted(start for _, start, _ in along)


def test_an_upside_down_line_runs_from_right_to_left() -> None:
    """The crop is as it was cut out; the model has read it rotated by 180 degrees."""
    said = AB_C._replace(turned=True)
    line = line_of(said, AB_C_INK[::-1, ::-1])
    assert edges(line.parts) == [("ab", 300 - 61, 300 - 9), ("c", 300 - 151, 300 - 99)]


def test_a_vertical_line_that_was_read_turned_runs_upwards() -> None:
    quad: Quad = ((50, 100), (70, 100), (70, 300), (50, 300))
    line = line_of(AB_C._replace(turned=True), AB_C_INK[::-1, ::-1], "word", quad)
    assert edges(line.parts, axis=1) == [("ab", 239, 291), ("c", 149, 201)]


def test_corners_run_clockwise_from_the_top_left_in_all_directions() -> None:
    high: Quad = ((50, 100), (70, 100), (70, 300), (50, 300))
    for quad in (LEVEL, high):
        for turned in (False, True):
            for part in line_of(AB_C._replace(turned=turned), AB_C_INK, "word", quad).parts:
                (left, top), (right, also_top), (also_right, bottom), (also_left, low) = part.box
                assert left == also_left < right == also_right
                assert top == also_top < bottom == low


def test_parts_of_a_slanted_line_are_slanted_and_stay_in_it() -> None:
    quad: Quad = ((100, 50), (298, 78), (295, 98), (97, 70))
    line = line_of(AB_C, AB_C_INK, "char", quad)
    for char in line.parts:
        (x0, y0), (x1, y1), *_ = char.box
        assert (y1 - y0) / (x1 - x0) == pytest.approx(28 / 198, abs=0.06)
        for x, y in char.box:
            above = y - (50 + (x - 100) * 28 / 198)
            assert -1.0 <= above <= 21.5
    firsts = [char.box[0][0] for char in line.parts]
    assert firsts == sorted(firsts)


def test_ink_is_found_on_an_uneven_background() -> None:
    pixels = strip((50, 100)).astype(np.int16)
    pixels -= np.linspace(0, 120, WIDTH).astype(np.int16)[None, :, None]  # a shadow
    pixels[HEIGHT - 1] = 40  # a rule below the whole line
    ink = ink_of_columns(pixels.clip(0, 255).astype(np.uint8))
    assert ink[52:98].min() > 0.5
    assert ink[:48].max() < 0.35
    assert ink[102:].max() < 0.35


@pytest.mark.parametrize("width", [1, 2, 3])
def test_tiny_crops(width: int) -> None:
    said = Reading("ab", 0.5, (Character("a", 0.5, 0.0, 0.1), Character("b", 0.5, 0.1, 9.0)))
    quad: Quad = ((0, 0), (width, 0), (width, HEIGHT), (0, HEIGHT))
    granularities: tuple[Granularity, ...] = ("word", "char")
    for granularity in granularities:
        line = line_of(said, strip(width=width), granularity, quad)
        for part in line.parts:
            assert all(0 <= x <= width and 0 <= y <= HEIGHT for x, y in part.box)
