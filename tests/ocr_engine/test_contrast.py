"""Images of a few levels of grey: stretched, and then read as others are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ocr_engine.images.decode import decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings, load_recognizer
from ocr_engine.stages.contrast import LOW_CONTRAST, with_contrast
from ocr_engine.stages.crops import padded_crop
from ocr_engine.stages.detection import preprocess

DATA = Path(__file__).resolve().parents[1] / "data"
PAGE = "special_upright.png"


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (0, 16), (120, 128), (255 - LOW_CONTRAST + 1, 255)]
)
def test_few_levels_become_all(low: int, high: int) -> None:
    pixels = np.full((4, 6, 3), low, dtype=np.uint8)
    pixels[1, 2] = high
    stretched = with_contrast(pixels)
    assert stretched.dtype == np.uint8
    np.testing.assert_array_equal(stretched[1, 2], 255)
    stretched[1, 2] = 0
    assert not stretched.any()
    assert pixels[0, 0, 0] == low


def test_levels_keep_their_distances() -> None:
    pixels = np.zeros((1, 5, 3), dtype=np.uint8)
    pixels[0, :, 0] = [10, 20, 30, 10, 40]
    pixels[0, :, 1:] = 10
    assert with_contrast(pixels)[0, :, 0].tolist() == [0, 85, 170, 0, 255]


@pytest.mark.parametrize(("low", "high"), [(7, 7), (0, LOW_CONTRAST), (0, 255)])
def test_one_level_and_many_levels_stay(low: int, high: int) -> None:
    pixels = np.full((4, 6, 3), low, dtype=np.uint8)
    pixels[1, 2] = high
    assert with_contrast(pixels) is pixels


def test_both_models_see_all_levels() -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[16:48] = 16
    assert preprocess(pixels, (32, 32)).max() == 255
    assert padded_crop(pixels, 48, 48, 64)[:, :, :48].max() == 255


@pytest.mark.parametrize(("ink", "ground"), [(0, 16), (16, 0), (0, 8), (251, 255)])
def test_a_page_of_low_contrast_is_read_in_int8(ink: int, ground: int) -> None:
    models = catalogue_set("PP-OCRv6_small")
    recognizer = load_recognizer(EngineSettings("openvino", models, precision="int8", threads=2))
    entries = json.loads((DATA / "pages.json").read_text(encoding="utf-8"))["special"]
    (lines,) = (entry["lines"] for entry in entries if entry["file"] == PAGE)
    image = decode((DATA / "pages" / PAGE).read_bytes(), 40_000_000)
    share = image.pixels.astype(float) / 255
    faint = np.rint(ink + (ground - ink) * share).astype(np.uint8)
    read = recognizer.recognize(replace(image, pixels=faint), RecognitionOptions()).result
    assert [line.text.replace(" ", "") for line in read.lines] == [
        line.replace(" ", "") for line in lines
    ]
