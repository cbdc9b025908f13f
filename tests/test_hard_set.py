"""The hard set: how pages are scored, and that its effects move the rows with the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import hard_images
import numpy as np
import pytest

from hard_set import classes, effects, words
from hard_set.readings import PageReading, kept_readings
from hard_set.score import ReadLine, Score, accuracy, difference, page_score
from hard_set.sheet import Matrix, Row, Sample
from text_accuracy import with_word_spaces

ROWS = (Row(0, 20, "12 34"), Row(30, 50, "abc"))
SAME = np.eye(3)


def test_the_order_of_the_lines_does_not_count() -> None:
    lines = [ReadLine("abc", 10, 41), ReadLine("34", 60, 9), ReadLine("12", 10, 11)]
    assert page_score(ROWS, SAME, lines) == Score(0, 8)


def test_a_lost_line_and_a_wrong_character_count() -> None:
    assert page_score(ROWS, SAME, [ReadLine("12B4", 10, 8)]) == Score(2 + 3, 8)


def test_text_in_the_wrong_row_counts_in_both() -> None:
    lines = [ReadLine("12", 10, 10), ReadLine("34abc", 60, 38)]
    assert page_score(ROWS, SAME, lines) == Score(3 + 2, 8)


def test_a_page_in_perspective_is_scored_in_its_own_rows() -> None:
    turned: Matrix = np.array([(0.0, -1.0, 100.0), (1.0, 0.0, 0.0), (0.0, 0.001, 1.0)])
    lines = []
    for text, x, y in (("34", 60, 10), ("abc", 10, 40), ("12", 10, 10)):
        across, down, depth = turned @ (x, y, 1)
        lines.append(ReadLine(text, across / depth, down / depth))
    assert page_score(ROWS, turned, lines) == Score(0, 8)


def test_the_interval_of_a_difference_holds_it() -> None:
    ours = [[Score(0, 100)] * 10, [Score(1, 100)] * 10]
    theirs = [[Score(2, 100)] * 10, [Score(1, 100)] * 5 + [Score(3, 100)] * 5]
    found = difference(ours, theirs)
    assert found.value == pytest.approx(0.015)
    assert 0 < found.low < found.value < found.high
    assert accuracy([*ours[0], *ours[1]]) == pytest.approx(0.995)
    alike = difference(ours, ours)
    assert alike == (0, 0, 0)


def test_one_bad_page_is_no_significant_difference() -> None:
    ours = [[Score(0, 100)] * 9 + [Score(5, 100)]]
    theirs = [[Score(0, 100)] * 10]
    assert difference(ours, theirs).high == 0
    assert difference(ours, theirs).low < -0.004


@pytest.mark.parametrize("effect", [effects.photographed, effects.scanned, effects.halved])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_effect_moves_the_rows_with_the_pixels(effect: Any, seed: int) -> None:
    pixels = np.full((400, 600, 3), 255, dtype=np.uint8)
    cv2.circle(pixels, (450, 120), 14, (0, 0, 0), -1)
    after = effect(np.random.default_rng(seed), Sample(pixels, (Row(110, 130, "."),)))
    across, down, depth = after.to_image @ (450, 120, 1)
    x, y = round(across / depth), round(down / depth)
    grey = after.pixels.mean(axis=2)
    around = grey[y - 30 : y + 31, x - 30 : x + 31]
    assert around.min(axis=None) < 90 < np.median(around)
    dark = np.argwhere(around < (around.min() + np.median(around)) / 2)
    assert np.abs(dark.mean(axis=0) - 30).max() < 3


def test_jpeg_keeps_its_pixels_and_gets_a_low_quality() -> None:
    sample = Sample(np.zeros((8, 8, 3), dtype=np.uint8), ())
    after = effects.compressed(np.random.default_rng(1), sample)
    assert after.quality is not None
    assert 30 <= after.quality <= 60


def test_the_halves_are_different_and_stay_the_same() -> None:
    def text(half: classes.Half, number: int) -> str:
        return words.chinese_phrase(classes.random_of("ids", half, number), 40)

    assert text("test", 0) == text("test", 0)
    assert len({text("test", 0), text("tuning", 0), text("test", 1)}) == 3


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("fast  river , 12", "fast river,12"),
        (" 12 345 ", "12 345"),
        ("合计 TOTAL 5", "合计TOTAL 5"),
        ("日期 时间", "日期时间"),
        ("ＡＢ　Ｃ", "AB C"),
        ("( ) x", "()x"),
        ("", ""),
    ],
)
def test_spaces_that_separate_words_count(text: str, counted: str) -> None:
    assert with_word_spaces(text) == counted


def test_a_joined_and_a_broken_word_are_errors() -> None:
    row = Row(0, 20, "open the gate")
    assert page_score([row], SAME, [ReadLine("openthe gate", 60, 10)]) == Score(1, 13)
    parts = [ReadLine("open the", 40, 10), ReadLine("gate", 90, 10)]
    assert page_score([row], SAME, parts) == Score(0, 13)
    parts = [ReadLine("open the ga", 40, 10), ReadLine("te", 90, 10)]
    assert page_score([row], SAME, parts) == Score(1, 13)


def test_an_image_is_read_again_only_by_another_reader(tmp_path: Path) -> None:
    asked: list[str] = []

    def read(files: Sequence[Path]) -> list[PageReading]:
        asked.extend(file.name for file in files)
        return [PageReading([(file.name, [[0, 0], [8, 0], [8, 4], [0, 4]])], 1.5) for file in files]

    def kept(reader: str, fingerprint: str, *files: Path) -> list[PageReading]:
        return kept_readings(reader, fingerprint, files, read, tmp_path)

    one, two, copy = (tmp_path / name for name in ("one", "two", "copy"))
    for path, content in ((one, "1"), (two, "2"), (copy, "1")):
        path.write_text(content)
    first = kept("a", "1", one)
    assert first == [PageReading([("one", [[0, 0], [8, 0], [8, 4], [0, 4]])], 1.5)]
    assert [reading.lines[0][0] for reading in kept("a", "1", two, one, copy)] == [
        "two",
        "one",
        "one",
    ]
    assert asked == ["one", "two"]
    kept("a", "2", one)
    kept("b", "1", one)
    assert asked == ["one", "two", "one", "one"]
    assert len(list((tmp_path / "readings").iterdir())) == 3


def test_another_precision_and_profile_is_another_reader() -> None:
    names = ("balanced", "accurate", "fast", "openvino:f32", "onnxruntime:auto")
    prints = {hard_images.OurReader(name).fingerprint() for name in names}
    assert len(prints) == len(names)
    same = hard_images.OurReader("openvino:auto").fingerprint()
    assert same == hard_images.OurReader("balanced").fingerprint()
