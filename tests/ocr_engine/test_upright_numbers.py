"""Numbers that are other numbers when rotated by 180 degrees, with real weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ocr_engine.images.decode import DecodedImage, decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import Granularity, RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer

DATA = Path(__file__).resolve().parents[1] / "data"
KNOWN: dict[str, list[str]] = {
    entry["file"]: entry["lines"]
    for entry in json.loads((DATA / "pages.json").read_text(encoding="utf-8"))["special"]
}

pytestmark = pytest.mark.faults(52)


@pytest.fixture(scope="module")
def reader() -> Recognizer:
    models = catalogue_set("PP-OCRv6_small")
    return load_recognizer(EngineSettings("openvino", models, precision="f32"))


def image(name: str) -> DecodedImage:
    return decode((DATA / "pages" / name).read_bytes(), 40_000_000)


def texts(reader: Recognizer, image: DecodedImage) -> list[str]:
    lines = reader.recognize(image, RecognitionOptions()).result.lines
    return [line.text for line in lines]


@pytest.mark.parametrize("name", ["special_numbers.png", "special_numbers_alone.png"])
def test_upright_numbers_are_not_turned(reader: Recognizer, name: str) -> None:
    assert texts(reader, image(name)) == KNOWN[name]


def test_an_upright_number_alone_is_not_turned(reader: Recognizer) -> None:
    name = "special_numbers_alone.png"
    whole = image(name)
    lines = reader.recognize(whole, RecognitionOptions()).result.lines
    for line, known in zip(lines, KNOWN[name], strict=True):
        (left, top), _, (right, bottom), _ = line.box
        part = whole.pixels[top - 2 : bottom + 3, left - 2 : right + 3]
        assert texts(reader, DecodedImage(np.ascontiguousarray(part))) == [known]


def test_numbers_of_an_upside_down_page_are_turned_with_its_text(reader: Recognizer) -> None:
    name = "special_numbers_upside_down.png"
    assert texts(reader, image(name)) == KNOWN[name]


@pytest.mark.parametrize("granularity", ["word", "char"])
def test_parts_of_turned_numbers_lie_where_they_are(
    reader: Recognizer, granularity: Granularity
) -> None:
    options = RecognitionOptions(granularity=granularity)
    upright, turned = (
        reader.recognize(image(name), options).result
        for name in ("special_numbers.png", "special_numbers_upside_down.png")
    )
    for line, other in zip(upright.lines, turned.lines, strict=True):
        assert [part.text for part in line.parts] == [part.text for part in other.parts]
        for part, same in zip(line.parts, other.parts, strict=True):
            middle, turned_middle = (float(np.mean(each.box, axis=0)[0]) for each in (part, same))
            assert middle == pytest.approx(upright.pages[0].width - turned_middle, abs=2)
