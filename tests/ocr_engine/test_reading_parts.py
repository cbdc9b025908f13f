"""Detection alone, recognition alone, and prepared images, with real weights."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineName, EngineSettings, Recognizer, load_recognizer
from ocr_engine.result import Page
from ocr_engine.worker.messages import Task
from ocr_engine.worker.reading import recognize

PAGES = Path(__file__).resolve().parents[1] / "data" / "pages"
PLENTY = 40_000_000
PAGE = "receipt_en_cafe.png"
SIGN = "sign_en_parking.png"


@functools.cache
def loaded(engine: EngineName) -> Recognizer:
    return load_recognizer(EngineSettings(engine, catalogue_set("PP-OCRv6_small"), precision="f32"))


@pytest.fixture(params=["openvino", "paddleocr"])
def reader(request: pytest.FixtureRequest) -> Recognizer:
    return loaded(request.param)


def known(name: str) -> list[str]:
    pages = json.loads((PAGES.parent / "pages.json").read_text(encoding="utf-8"))["pages"]
    (lines,) = (entry["lines"] for entry in pages if entry["file"] == name)
    return list(lines)


def read(reader: Recognizer, data: bytes, **options: object) -> Page:
    task = Task(1, RecognitionOptions(**options), data)  # type: ignore[arg-type]
    (page,) = recognize(reader, task, PLENTY).result.pages
    return page


def letters(page: Page) -> str:
    return "".join("".join(line.text.split()) for line in page.lines)


def line_image(page: Page, number: int, data: bytes) -> bytes:
    """The image of one line of a page, cut out with a margin."""
    box = np.array(page.lines[number].box)
    left, top = box.min(axis=0) - 2
    right, bottom = box.max(axis=0) + 2
    encoded = io.BytesIO()
    Image.open(io.BytesIO(data)).crop((int(left), int(top), int(right), int(bottom))).save(
        encoded, "PNG"
    )
    return encoded.getvalue()


def test_detection_alone_has_the_boxes_and_its_own_confidence(reader: Recognizer) -> None:
    data = (PAGES / PAGE).read_bytes()
    whole, boxes = read(reader, data), read(reader, data, use_rec=False)
    assert [line.box for line in boxes.lines] == [line.box for line in whole.lines]
    assert {line.text for line in boxes.lines} == {""}
    assert boxes.text == ""
    confidences = [line.confidence for line in boxes.lines]
    assert min(confidences) >= RecognitionOptions().det_db_box_thresh
    assert confidences != [line.confidence for line in whole.lines]


def test_recognition_alone_takes_the_image_as_one_line(reader: Recognizer) -> None:
    data = (PAGES / PAGE).read_bytes()
    whole = read(reader, data)
    longest = max(range(len(whole.lines)), key=lambda number: len(whole.lines[number].text))
    cut = line_image(whole, longest, data)
    page = read(reader, cut, use_det=False)
    (line,) = page.lines
    assert line.text == whole.lines[longest].text
    assert line.box == ((0, 0), (page.width, 0), (page.width, page.height), (0, page.height))


def test_recognition_alone_of_nothing(reader: Recognizer) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (300, 40), "white").save(encoded, "PNG")
    assert read(reader, encoded.getvalue(), use_det=False).lines == ()


@pytest.mark.parametrize("step", ["denoise", "stretch", "clahe"])
def test_a_good_page_is_read_as_well_when_it_is_prepared(reader: Recognizer, step: str) -> None:
    page = read(reader, (PAGES / SIGN).read_bytes(), preprocess=(step,))
    assert letters(page) == "".join("".join(known(SIGN)).split())


def test_a_skewed_page_is_straightened_and_its_boxes_are_skewed(reader: Recognizer) -> None:
    image = Image.open(PAGES / PAGE).convert("RGB")
    skewed = image.rotate(-7, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    encoded = io.BytesIO()
    skewed.save(encoded, "PNG")
    page = read(reader, encoded.getvalue(), preprocess=("deskew",))
    straight = read(reader, (PAGES / PAGE).read_bytes())
    assert (page.width, page.height) == skewed.size
    assert letters(page) == letters(straight)
    longest = max(page.lines, key=lambda line: line.box[1][0] - line.box[0][0])
    (left, top), (right, other), *_ = longest.box
    assert (other - top) / (right - left) == pytest.approx(np.tan(np.radians(7)), abs=0.02)
    dark = np.asarray(skewed.convert("L"))
    x, y = np.mean(longest.box, axis=0).astype(int)
    assert dark[y - 8 : y + 8, x - 20 : x + 20].min() < 128


def test_an_upside_down_page_that_is_skewed_as_well() -> None:
    reader = loaded("openvino")
    image = Image.open(PAGES / PAGE).convert("RGB").rotate(180)
    encoded = io.BytesIO()
    image.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor="white").save(encoded, "PNG")
    page = read(reader, encoded.getvalue(), preprocess=("deskew",))
    assert page.angle == 180
    assert letters(page) == letters(read(reader, (PAGES / PAGE).read_bytes()))


def test_the_characters_are_known(reader: Recognizer) -> None:
    characters = reader.info.characters.split("\n")
    assert len(characters) >= 18_000
    assert {"A", "中", "の"} <= set(characters)


def test_words_of_lines_that_are_not_read(reader: Recognizer) -> None:
    page = read(reader, (PAGES / SIGN).read_bytes(), use_rec=False, granularity="word")
    assert {line.words for line in page.lines} == {()}
    page = read(reader, (PAGES / SIGN).read_bytes(), use_rec=False, granularity="char")
    assert {line.glyphs for line in page.lines} == {()}
