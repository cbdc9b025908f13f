"""Lines are read squeezed first; only those that do not read well are read again.

The fakes read a line from its colours: green identifies the line, red its left end.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import DecodedImage
from ocr_engine.models.catalogue import catalogue_source
from ocr_engine.models.source import ModelFile, ModelSource, Role, model_set
from ocr_engine.options import Orientation, RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.recognizers.models import Sessions
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.result import Line
from ocr_engine.runtimes.session import PixelArray, Session
from ocr_engine.stages import recognition
from ocr_engine.stages.recognition import COMMON_WIDTHS, WIDTHS, decode, preprocess
from ocr_engine.stages.squeezing import better, is_code, suffices
from tests.support.fake_sessions import FakeSession

T = TypeVar("T")
Reading = tuple[str, float]
CHARACTERS = tuple("acegkrtvy018NOS日门店")
LINE_HEIGHT, LINE_WIDTH = 40, 240  # at a height of 48: 288 wide, squeezed 202
SQUEEZED, FULL = 256, 320
GREENS = (40, 90, 140, 190)  # of the lines, from the top


class BlueIsText(FakeSession):
    """A detection model that uses a pixel's blue as its probability."""

    def run(self, pixels: PixelArray) -> FloatArray:
        return np.divide(pixels[None, ..., 0], 255, dtype=np.float32)


def seen(pixels: PixelArray) -> tuple[int, bool]:
    """Which line it is, and whether it is upside down."""
    height, ends = pixels.shape[1], (10, 185)  # all widths have both
    green = int(pixels[0, height // 2, ends[0], 1])
    line = min(range(len(GREENS)), key=lambda index: abs(GREENS[index] - green))
    left, right = (int(pixels[0, height // 2, column, 2]) for column in ends)
    return line, left > right


class Scripted(FakeSession):
    """A recognition model with given readings per (line, width, turned); it counts its calls."""

    def __init__(self, script: Mapping[tuple[int, int, bool], Reading]) -> None:
        super().__init__()
        self.script = dict(script)
        self.read: list[tuple[int, int, bool]] = []

    def run(self, pixels: PixelArray) -> FloatArray:
        line, turned = seen(pixels)
        self.read.append((line, pixels.shape[2], turned))
        text, confidence = self.script[self.read[-1]]
        steps = np.zeros((1, 2 * len(text) + 1, len(CHARACTERS) + 1), dtype=np.float32)
        steps[0, ::2, 0] = 1.0
        for step, character in enumerate(text):
            steps[0, 2 * step + 1, CHARACTERS.index(character) + 1] = confidence
        return steps


class KnowsTurned(FakeSession):
    """A classifier that sees which lines are turned, or gives set answers; it counts its calls."""

    def __init__(self, always: float | None = None) -> None:
        super().__init__()
        self._always = always
        self.asked: list[int] = []

    def run(self, pixels: PixelArray) -> FloatArray:
        line, turned = seen(pixels)
        self.asked.append(line)
        answer = turned if self._always is None else self._always
        return np.array([[1 - answer, answer]], dtype=np.float32)


def page(*turned: bool) -> DecodedImage:
    """One line per argument, upside down if true, from top to bottom."""
    pixels = np.zeros((80 * len(turned) + 40, 320, 3), dtype=np.uint8)
    for line, is_turned in enumerate(turned):
        top = 40 + 80 * line
        crop = pixels[top : top + LINE_HEIGHT, 40 : 40 + LINE_WIDTH]
        crop[:, :, 0] = 255
        crop[:, :, 1] = GREENS[line]
        half = slice(None, LINE_WIDTH // 2) if is_turned else slice(LINE_WIDTH // 2, None)
        crop[:, half, 2] = 255
    return DecodedImage(pixels)


def source(role: Role, squeeze: float = 1.0) -> ModelSource:
    plain, ones = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    file = ModelFile(Path("none"))
    return ModelSource(role, role, file, "", mean=plain, std=ones, squeeze=squeeze)


def read(
    image: DecodedImage,
    rec: Scripted,
    cls: KnowsTurned | None = None,
    classify: bool = True,
    squeeze: float = 0.7,
    orientation: Orientation = "auto",
) -> tuple[Line, ...]:
    models = model_set(source("det"), source("rec", squeeze), source("cls"))
    info = EngineInfo("fake", "f32", "fakes", 1)
    by_role: dict[Role, Session] = {"det": BlueIsText(), "rec": rec}
    if cls is not None:
        by_role["cls"] = cls
    reader = PpOcr(info, models, Sessions(by_role), (3, 48, 320), CHARACTERS)
    options = RecognitionOptions(
        det_db_unclip_ratio=0.01,
        use_angle_cls=classify,
        drop_score=0.0,
        orientation=orientation,
    )
    return reader.recognize(image, options).result.lines


def check_reading(rec: Scripted, expected: Reading) -> None:
    """Check the reading of a page of one line, without a classifier."""
    (line,) = read(page(False), rec, classify=False)
    assert line.text == expected[0]
    assert line.confidence == pytest.approx(expected[1], abs=1e-4)


def test_the_squeezed_line_is_narrower_by_a_third() -> None:
    crop = np.zeros((LINE_HEIGHT, LINE_WIDTH, 3), dtype=np.uint8)
    assert preprocess(crop).shape[2] == FULL
    assert preprocess(crop, squeeze=0.7).shape[2] == SQUEEZED
    black = preprocess(np.zeros((48, 400, 3), dtype=np.uint8), squeeze=0.7)
    assert (black[0, 0, :, 0] == 0).sum() == 280  # the rest is padding
    assert preprocess(np.zeros((10, 4000, 3), dtype=np.uint8), squeeze=0.7).shape[2] == 3200


def test_a_short_line_is_not_squeezed_and_none_below_that() -> None:
    for width, padded in ((40, 64), (100, 128), (128, 128), (150, 128), (190, 192)):
        crop = np.zeros((48, width, 3), dtype=np.uint8)
        assert preprocess(crop, squeeze=0.7).shape[2] == padded, width
    filled = preprocess(np.zeros((48, 100, 3), dtype=np.uint8), squeeze=0.7)
    assert (filled[0, 0, :, 0] == 0).sum() == 100


# --- twice


@pytest.mark.parametrize("confidence", [0.9701, 0.99, 1.0])
def test_a_sure_line_is_read_once(confidence: float) -> None:
    rec = Scripted({(0, SQUEEZED, False): ("cat", confidence)})
    check_reading(rec, ("cat", confidence))
    assert rec.read == [(0, SQUEEZED, False)]


@pytest.mark.parametrize(
    ("squeezed", "full", "stays"),
    [
        (("cet", 0.9699), ("cat", 0.98), ("cat", 0.98)),
        (("cat", 0.96), ("cet", 0.95), ("cat", 0.96)),
        (("cet", 0.5), ("cat", 0.51), ("cat", 0.51)),
        (("cet", 0.75), ("cat", 0.75), ("cat", 0.75)),  # equally confident: the first reading stays
        (("", 0.0), ("cat", 0.6), ("cat", 0.6)),
        (("cat", 0.6), ("", 0.0), ("cat", 0.6)),
    ],
)
def test_an_unsure_line_is_read_twice_and_the_more_confident_reading_stays(
    squeezed: Reading, full: Reading, stays: Reading
) -> None:
    rec = Scripted({(0, SQUEEZED, False): squeezed, (0, FULL, False): full})
    check_reading(rec, stays)
    assert rec.read == [(0, SQUEEZED, False), (0, FULL, False)]


def test_a_code_is_read_at_full_width_however_sure_it_seems() -> None:
    rec = Scripted({(0, SQUEEZED, False): ("c08v", 1.0), (0, FULL, False): ("cO8v", 0.9)})
    check_reading(rec, ("cO8v", 0.9))
    assert rec.read == [(0, SQUEEZED, False), (0, FULL, False)]


def test_a_code_that_looked_like_a_word_is_kept_at_full_width() -> None:
    rec = Scripted({(0, SQUEEZED, False): ("cOcy", 0.96), (0, FULL, False): ("c0cy", 0.91)})
    check_reading(rec, ("c0cy", 0.91))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("c0", True),
        ("门店 8B-1 cat", True),
        ("cat 01", False),
        ("018", False),
        ("门店18", False),
        ("cat-8", False),
        ("", False),
    ],
)
def test_a_code_has_letters_and_digits_in_a_word(text: str, code: bool) -> None:
    assert is_code(text) is code


@pytest.mark.parametrize(("lowest", "enough"), [(0.89, False), (0.91, True)])
def test_one_doubtful_character_is_not_hidden_by_the_others(lowest: float, enough: bool) -> None:
    steps = np.zeros((1, 40, len(CHARACTERS) + 1), dtype=np.float32)
    steps[0, ::2, 1], steps[0, 1::2, 0] = 1.0, 1.0
    steps[0, 20, 1] = lowest
    reading = decode(steps, CHARACTERS)
    assert reading.confidence > 0.99
    assert reading.lowest == pytest.approx(lowest)
    assert suffices(reading) is enough


@pytest.mark.parametrize(
    ("squeezed", "full", "kept"),
    [
        (("42 Willow", 0.95), ("42Willow", 0.99), "42 Willow"),  # not a code, but a lost space
        (("Hotchocolate", 0.99), ("Hot chocolate", 0.95), "Hot chocolate"),
        (("B0 O1", 0.99), ("BO O1", 0.95), "BO O1"),  # a code
        (("clear", 0.9), ("dear", 0.95), "dear"),
        (("clear", 0.96), ("dear", 0.95), "clear"),
    ],
)
def test_of_two_readings_that_differ_in_spaces_the_one_with_more_is_kept(
    squeezed: Reading, full: Reading, kept: str
) -> None:
    readings = (recognition.Reading(*squeezed), recognition.Reading(*full))
    assert better(*readings).text == kept


class Unsure(Scripted):
    """A recognition model that reads a c, with more confidence the more padding; records widths."""

    def __init__(self) -> None:
        super().__init__({})
        self.widths: list[int] = []

    def run(self, pixels: PixelArray) -> FloatArray:
        self.widths.append(pixels.shape[2])
        steps = np.zeros((1, 1, len(CHARACTERS) + 1), dtype=np.float32)
        steps[0, 0, CHARACTERS.index("c") + 1] = pixels.shape[2] / 1000
        return steps


def test_a_short_line_is_read_again_with_more_padding() -> None:
    pixels = np.zeros((120, 320, 3), dtype=np.uint8)
    pixels[40:80, 40:100] = 255
    rec = Unsure()
    (line,) = read(DecodedImage(pixels), rec, classify=False)
    assert rec.widths == [128, 320]  # it is 72 wide, and is never squeezed
    assert line.confidence == pytest.approx(0.32)


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_a_model_that_takes_no_squeezed_lines_reads_each_once(confidence: float) -> None:
    rec = Scripted({(0, FULL, False): ("cat", confidence)})
    (line,) = read(page(False), rec, classify=False, squeeze=1.0)
    assert line.text == "cat"
    assert rec.read == [(0, FULL, False)]


def test_which_models_take_squeezed_lines() -> None:
    assert catalogue_source("PP-OCRv6_small", "rec").squeeze == 0.7
    assert catalogue_source("PP-OCRv4_mobile", "rec").squeeze == 1.0
    fingerprints = {
        model_set(source("det"), source("rec", squeeze)).fingerprint()
        for squeeze in (1.0, 0.7, 0.8)
    }
    assert len(fingerprints) == 3


def test_each_line_is_judged_for_itself() -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, False): ("cat", 0.99),
            (1, SQUEEZED, False): ("tea", 0.8),
            (1, FULL, False): ("tar", 0.9),
            (2, SQUEEZED, False): ("gray", 0.98),
            (3, SQUEEZED, False): ("try", 0.7),
            (3, FULL, False): ("rye", 0.6),
        }
    )
    lines = read(page(False, False, False, False), rec)
    assert [line.text for line in lines] == ["cat", "tar", "gray", "try"]
    assert rec.read[:4] == [(line, SQUEEZED, False) for line in range(4)]
    assert rec.read[4:] == [(1, FULL, False), (3, FULL, False)]


# --- upright


def test_a_line_that_reads_well_is_not_shown_to_the_classifier() -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, False): ("cat", 0.99),
            (1, SQUEEZED, False): ("NOON", 0.99),
            (2, SQUEEZED, False): ("gray", 0.9),
            (2, FULL, False): ("gray", 0.96),
        }
    )
    cls = KnowsTurned()
    lines = read(page(False, False, False), rec, cls)
    assert [line.text for line in lines] == ["cat", "NOON", "gray"]
    assert cls.asked == []  # the second is as confident turned; the third reads well at full width
    assert len(rec.read) == 4


def test_an_upside_down_line_is_classified_and_read_turned() -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, True): ("ye", 0.6),
            (0, FULL, True): ("y", 0.7),
            (0, SQUEEZED, False): ("cat", 0.98),
            (1, SQUEEZED, False): ("gray", 0.99),
        }
    )
    cls = KnowsTurned()
    lines = read(page(True, False), rec, cls)
    assert [line.text for line in lines] == ["cat", "gray"]
    assert lines[0].confidence == pytest.approx(0.98, abs=1e-4)
    assert cls.asked == [0]
    assert rec.read.count((0, SQUEEZED, False)) == 1


@pytest.mark.parametrize(
    ("upright", "turned", "stays"),
    [
        (("vet", 0.9), ("cat", 0.91), "cat"),
        (("vet", 0.9), ("cat", 0.89), "vet"),  # the classifier is wrong
        (("ON", 0.9), ("NO", 0.94), "ON"),  # makes sense both ways
        (("tS", 0.84), ("St", 0.96), "St"),  # makes sense one way only
        (("ON", 0.99), ("NO", 1.0), "ON"),  # reads well: the classifier is not asked
    ],
)
def test_a_turned_reading_must_be_more_confident(
    upright: Reading, turned: Reading, stays: str
) -> None:
    rec = Scripted(
        {
            (0, width, head): reading
            for head, reading in ((False, upright), (True, turned))
            for width in (SQUEEZED, FULL)
        }
    )
    (line,) = read(page(False), rec, KnowsTurned(always=True))
    assert line.text == stays


def test_numbers_follow_an_upside_down_line() -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, True): ("ye", 0.6),
            (0, FULL, True): ("y", 0.7),
            (0, SQUEEZED, False): ("cat", 0.98),
            (1, SQUEEZED, True): ("80", 1.0),
            (1, SQUEEZED, False): ("08", 0.98),
            (2, SQUEEZED, True): ("gray", 0.98),
            (2, SQUEEZED, False): ("key", 0.97),
        }
    )
    cls = KnowsTurned()
    lines = read(page(True, True), rec, cls, orientation="off")
    assert [line.text for line in lines] == ["cat", "08"]
    assert cls.asked == [0]
    lines = read(page(True, True, True), rec, cls)  # the third outweighs the first
    assert [line.text for line in lines] == ["cat", "80", "gray"]


def test_the_page_follows_an_upside_down_line() -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, True): ("ye", 0.6),
            (0, FULL, True): ("y", 0.7),
            (0, SQUEEZED, False): ("cat", 0.98),
            (1, SQUEEZED, True): ("80", 1.0),
            (1, SQUEEZED, False): ("08", 0.98),
        }
    )
    cls = KnowsTurned()
    upright = read(page(False, False), rec, cls)
    turned = read(page(True, True), rec, cls)
    assert [line.text for line in upright] == ["cat", "08"]
    assert [line.text for line in turned] == ["08", "cat"]  # from the bottom of the image
    assert cls.asked == []
    for line, same in zip(turned, upright[::-1], strict=True):
        np.testing.assert_allclose(line.box, same.box, atol=1)


@pytest.mark.parametrize(("confidence", "stays"), [(0.79, "cat"), (0.81, "ye")])
def test_a_line_that_makes_no_sense_is_turned_on_less_certainty(
    confidence: float, stays: str
) -> None:
    rec = Scripted(
        {
            (0, SQUEEZED, True): ("ye", confidence),
            (0, FULL, True): ("y", 0.5),
            (0, SQUEEZED, False): ("cat", 0.98),
            (1, SQUEEZED, False): ("gray", 0.99),
        }
    )
    lines = read(page(True, False), rec, KnowsTurned(always=0.7))
    assert [line.text for line in lines] == [stays, "gray"]


def test_without_classification_nothing_is_turned() -> None:
    script = {(0, SQUEEZED, True): ("ye", 0.6), (0, FULL, True): ("y", 0.7)}
    cls = KnowsTurned()
    (line,) = read(page(True), Scripted(script), cls, classify=False)
    assert line.text == "y"
    assert cls.asked == []
    script[1, SQUEEZED, False] = ("gray", 0.99)
    lines = read(page(True, False), Scripted(script), None)
    assert [line.text for line in lines] == ["y", "gray"]


# --- beforehand


class Shown(BlueIsText):
    """Records its inputs; the answer for a line is not read."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: list[tuple[int, ...]] = []

    def run(self, pixels: PixelArray) -> FloatArray:
        self.shapes.append(pixels.shape)
        return super().run(pixels)


def preparing(det: Shown, rec: Shown) -> PpOcr:
    models = model_set(source("det"), source("rec"))
    info = EngineInfo("fake", "f32", "fakes", 1)
    return PpOcr(info, models, Sessions({"det": det, "rec": rec}), (3, 32, 320), CHARACTERS)


@pytest.mark.parametrize(("side", "prepared"), [(640, 640), (2048, 64)])
def test_the_last_images_size_is_prepared_unless_it_is_large(side: int, prepared: int) -> None:
    det = Shown()
    reader = preparing(det, Shown())
    reader.recognize(DecodedImage(np.zeros((32, 32, 3), dtype=np.uint8)), RecognitionOptions())
    reader.recognize(DecodedImage(np.zeros((side, side, 3), dtype=np.uint8)), RecognitionOptions())
    shown = det.shapes.copy()
    assert shown[-1] == (1, side, side, 3)
    reader.release_memory(shapes=True)
    while reader.prepare():
        pass
    assert det.shapes == [*shown, (1, prepared, prepared, 3)]


def test_each_common_width_is_prepared_once() -> None:
    rec = Shown()
    reader = preparing(Shown(), rec)
    for width in COMMON_WIDTHS:
        assert reader.prepare()
        assert set(rec.shapes) == {(1, 32, width, 3)}
        rec.shapes.clear()
    assert reader.prepare()  # a size of detection
    assert not reader.prepare()
    reader.release_memory()
    assert not reader.prepare()
    assert not rec.shapes
    reader.release_memory(shapes=True)
    assert reader.prepare()
    assert rec.shapes == [(1, 32, COMMON_WIDTHS[0], 3)]


def test_the_common_widths_are_those_of_crops_from_the_narrowest() -> None:
    assert COMMON_WIDTHS[0] == preprocess(np.zeros((48, 1, 3), dtype=np.uint8)).shape[2]
    assert WIDTHS[: len(COMMON_WIDTHS)] == COMMON_WIDTHS
    for width in COMMON_WIDTHS:
        assert preprocess(np.zeros((48, width, 3), dtype=np.uint8)).shape[2] == width
    assert SQUEEZED in COMMON_WIDTHS and FULL in COMMON_WIDTHS
