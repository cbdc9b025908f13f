"""The hard set: how pages are scored, and that its effects move the rows with the pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import hard_images
import numpy as np
import pytest

from hard_set import classes, effects, words
from hard_set.score import ReadLine, Score, accuracy, difference, page_score
from hard_set.sheet import Matrix, Row, Sample
from hard_set.store import Page

ROWS = (Row(0, 20, "12 34"), Row(30, 50, "abc"))
SAME = np.eye(3)


def test_the_order_of_the_lines_does_not_count() -> None:
    lines = [ReadLine("abc", 10, 41), ReadLine("34", 60, 9), ReadLine("12", 10, 11)]
    assert page_score(ROWS, SAME, lines) == Score(0, 7)


def test_a_lost_line_and_a_wrong_character_count() -> None:
    assert page_score(ROWS, SAME, [ReadLine("12B4", 10, 8)]) == Score(1 + 3, 7)


def test_text_in_the_wrong_row_counts_in_both() -> None:
    lines = [ReadLine("12", 10, 10), ReadLine("34abc", 60, 38)]
    assert page_score(ROWS, SAME, lines) == Score(2 + 2, 7)


def test_a_page_in_perspective_is_scored_in_its_own_rows() -> None:
    turned: Matrix = np.array([(0.0, -1.0, 100.0), (1.0, 0.0, 0.0), (0.0, 0.001, 1.0)])
    lines = []
    for text, x, y in (("34", 60, 10), ("abc", 10, 40), ("12", 10, 10)):
        across, down, depth = turned @ (x, y, 1)
        lines.append(ReadLine(text, across / depth, down / depth))
    assert page_score(ROWS, turned, lines) == Score(0, 7)


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


def test_a_second_run_does_not_ask_paddleocr_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def official(files: list[Path]) -> list[list[Any]]:
        asked.extend(file.name for file in files)
        return [[(file.name, [(0, 0), (8, 0), (8, 4), (0, 4)])] for file in files]

    monkeypatch.setattr(hard_images, "FOLDER", tmp_path)
    monkeypatch.setattr(hard_images, "_official", official)
    chosen = []
    for name in ("one", "two"):
        path = tmp_path / name
        path.write_text(name)
        chosen.append(Page(path, "ids", ROWS, SAME))
    assert hard_images.official_lines(chosen[:1]) == [[ReadLine("one", 4, 2)]]
    expected = [[ReadLine("one", 4, 2)], [ReadLine("two", 4, 2)]]
    assert hard_images.official_lines(chosen) == expected
    assert asked == ["one", "two"]
    (kept,) = tmp_path.glob("official-*.json")
    assert len(json.loads(kept.read_text(encoding="utf-8"))) == 2
