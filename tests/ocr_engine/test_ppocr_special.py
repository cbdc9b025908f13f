"""The whole pipeline with real weights on the special images, whose text is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import decode
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.source import ModelSet, Role, model_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineName, EngineSettings, load_recognizer
from ocr_engine.recognizers import ppocr
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.result import Document, Recognition
from ocr_engine.runtimes.session import PixelArray
from tests.support.fake_sessions import FakeSession

DATA = Path(__file__).resolve().parents[1] / "data"
KNOWN: dict[str, list[str]] = {
    entry["file"]: entry["lines"]
    for entry in json.loads((DATA / "pages.json").read_text(encoding="utf-8"))["special"]
}
SIGNS = sorted(name for name, lines in KNOWN.items() if lines == ["北门书店", "OPEN EVERY DAY"])
T = TypeVar("T")
DEFAULTS = RecognitionOptions()


def settings(models: ModelSet, engine: EngineName = "openvino") -> EngineSettings:
    return EngineSettings(engine, models, precision="f32", threads=2)


@pytest.fixture(scope="module")
def models() -> ModelSet:
    return catalogue_set("PP-OCRv6_small")


@pytest.fixture(scope="module")
def reader(models: ModelSet) -> PpOcr:
    recognizer = load_recognizer(settings(models))
    assert isinstance(recognizer, PpOcr)
    return recognizer


def read(reader: PpOcr, name: str, options: RecognitionOptions = DEFAULTS) -> Recognition:
    data = (DATA / "pages" / name).read_bytes()
    return reader.recognize(decode(data, 40_000_000), options)


@pytest.fixture(scope="module")
def readings(reader: PpOcr) -> dict[str, Recognition]:
    """Every special image, read once, one after another."""
    return {name: read(reader, name) for name in sorted(KNOWN)}


def texts(result: Document) -> list[str]:
    """The lines without spaces, which are ambiguous between scripts."""
    return [line.text.replace(" ", "") for line in result.lines]


def known(name: str) -> list[str]:
    return [line.replace(" ", "") for line in KNOWN[name]]


def test_there_are_enough_special_images() -> None:
    assert len(SIGNS) >= 19
    assert len(KNOWN) >= 26


@pytest.mark.parametrize("name", SIGNS)
def test_the_sign_in_every_format_and_orientation(
    readings: dict[str, Recognition], name: str
) -> None:
    result = readings[name].result
    assert [line.text for line in result.lines] == ["北门书店", "OPEN EVERY DAY"]
    assert (result.pages[0].width, result.pages[0].height) == (320, 120)
    assert result.confidence > 0.9


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_are_those_of_the_upright_image(
    readings: dict[str, Recognition], orientation: int
) -> None:
    expected = readings["special_sign.bmp"].result.lines
    got = readings[f"special_exif_{orientation}.jpg"].result.lines
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one.box, other.box, atol=4)
    # as drawn: the lines' middles are at (160, 38) and (160, 90)
    middles = [np.mean(line.box, axis=0) for line in got]
    np.testing.assert_allclose(middles, [(160, 38), (160, 90)], atol=6)


@pytest.mark.parametrize(
    ("name", "angle"),
    [
        ("special_upright.png", 0),
        ("special_upside_down.png", 180),
        ("special_vertical_up.png", 90),
        ("special_turned_3_degrees.png", 0),
    ],
)
def test_directions(readings: dict[str, Recognition], name: str, angle: int) -> None:
    result = readings[name].result
    assert texts(result) == known(name)
    assert result.pages[0].angle == angle


def test_strips_that_run_downwards_are_read_from_the_right(
    readings: dict[str, Recognition],
) -> None:
    name = "special_vertical_down.png"  # the known lines run from the left
    assert texts(readings[name].result) == known(name)[::-1]
    assert readings[name].result.pages[0].angle == 270


def test_rows_of_a_turned_page_are_label_then_price(readings: dict[str, Recognition]) -> None:
    lines = readings["special_turned_3_degrees.png"].result.lines
    for label, price in zip(lines[1::2], lines[2::2], strict=True):
        assert price.text.replace(".", "").isdigit()
        # the page is turned counter-clockwise: prices lie higher than their labels
        assert price.box[0][0] > label.box[1][0]
        assert price.box[0][1] < label.box[0][1]


def test_boxes_run_clockwise_inside_the_image(readings: dict[str, Recognition]) -> None:
    lines = 0
    for recognition in readings.values():
        result = recognition.result
        for line in result.lines:
            lines += 1
            (left, top), (right, _), (end, bottom), _ = line.box
            assert left < right
            assert top < bottom
            area = sum(
                x * later_y - later_x * y
                for (x, y), (later_x, later_y) in zip(
                    line.box, line.box[1:] + line.box[:1], strict=True
                )
            )
            assert area > 0  # clockwise, as y grows downwards
            for x, y in line.box:
                assert 0 <= x <= result.pages[0].width
                assert 0 <= y <= result.pages[0].height
            assert end > left
            assert 0.5 <= line.confidence <= 1
    assert lines > 60


@pytest.mark.parametrize("name", ["special_white.png", "special_black.jpg"])
def test_nothing_is_read_where_nothing_is(readings: dict[str, Recognition], name: str) -> None:
    result = readings[name].result
    assert result.lines == ()
    assert (result.pages[0].width, result.pages[0].height) == (320, 240)
    assert set(readings[name].stages) == {"det"}


def test_the_seconds_of_every_stage(readings: dict[str, Recognition]) -> None:
    stages = readings["special_upright.png"].stages
    assert set(stages) == {"det", "cls", "rec"}
    assert all(0 < seconds < 60 for seconds in stages.values())


@pytest.mark.parametrize(
    "name", ["special_sign_2_pages.tif", "special_sign_3_frames.gif", "special_sign.bmp"]
)
def test_frames_are_counted(readings: dict[str, Recognition], name: str) -> None:
    expected = {"special_sign_2_pages.tif": 2, "special_sign_3_frames.gif": 3}.get(name, 1)
    assert readings[name].result.frames == expected


# --- the same image, the same answer


def test_results_do_not_depend_on_what_was_read_before(
    reader: PpOcr, readings: dict[str, Recognition]
) -> None:
    small = [*SIGNS[::6], "special_vertical_up.png", "special_upside_down.png"]
    for name in reversed(small):
        assert read(reader, name).result == readings[name].result
    reader.release_memory()
    for name in small:
        assert read(reader, name).result == readings[name].result
        reader.release_memory()


def test_another_recognizer_gives_the_same_result(
    models: ModelSet, readings: dict[str, Recognition]
) -> None:
    fresh = ppocr.load(settings(models))
    for name in ("special_vertical_down.png", "special_sign_cmyk.jpg"):
        assert read(fresh, name).result == readings[name].result


# --- options


def test_options_of_one_image_do_not_reach_the_next(
    reader: PpOcr, readings: dict[str, Recognition]
) -> None:
    name = "special_sign.bmp"
    for options in (
        RecognitionOptions(det_db_box_thresh=1.34),  # even faint boxes would need more than 1
        RecognitionOptions(det_db_thresh=0.9999999),
        RecognitionOptions(drop_score=1.01),
    ):
        assert read(reader, name, options).result.lines == ()
        assert read(reader, name).result == readings[name].result


def test_without_the_classifier_lines_stay_upside_down(reader: PpOcr) -> None:
    name = "special_upside_down.png"
    result = read(reader, name, RecognitionOptions(use_angle_cls=False, drop_score=0.0)).result
    assert len(result.lines) >= 5
    assert not set(texts(result)) & set(known(name))


def test_unclip_ratio_changes_the_boxes(reader: PpOcr, readings: dict[str, Recognition]) -> None:
    wide = read(reader, "special_sign.bmp", RecognitionOptions(det_db_unclip_ratio=2.0)).result
    for line, usual in zip(wide.lines, readings["special_sign.bmp"].result.lines, strict=True):
        assert line.box[0][0] < usual.box[0][0]
        assert line.box[2][1] > usual.box[2][1]


# --- what may be wrong with the models


class AlwaysSureOfTheOpposite(FakeSession):
    """A classifier that takes every line for upside down."""

    def run(self, pixels: PixelArray) -> FloatArray:
        assert pixels.shape == (1, 48, 192, 3)
        return np.array([[0.0, 1.0]], dtype=np.float32)


def test_a_line_that_does_not_read_well_turned_is_not_turned(
    reader: PpOcr, models: ModelSet, readings: dict[str, Recognition]
) -> None:
    sessions = reader.sessions.with_session("cls", AlwaysSureOfTheOpposite())
    misled = PpOcr(reader.info, models, sessions, reader._rec_shape, reader._characters)
    for name in ("special_sign.bmp", "special_vertical_down.png"):
        assert texts(read(misled, name).result) == texts(readings[name].result)


def test_without_a_classifier_lines_are_not_turned(
    models: ModelSet, readings: dict[str, Recognition]
) -> None:
    bare = ppocr.load(settings(model_set(models.det, models.rec)))
    recognition = read(bare, "special_sign.bmp")
    assert recognition.result.lines == readings["special_sign.bmp"].result.lines
    assert bare.info.models == "PP-OCRv6_small_det, PP-OCRv6_small_rec"
    bare.release_memory()


@pytest.mark.parametrize(
    ("engine", "count"),
    [("openvino", 1), ("onnxruntime", 1), ("onnxruntime", 18_707), ("onnxruntime", 18_710)],
)
def test_a_dictionary_of_the_wrong_length(models: ModelSet, engine: EngineName, count: int) -> None:
    characters = tuple(chr(0x4E00 + index) for index in range(count))
    wrong = models.with_model(replace(models.rec, characters=characters))
    with pytest.raises(ModelError) as caught:
        ppocr.load(settings(wrong, engine))
    assert caught.value.message == (
        "rec_char_dict_path: PP-OCRv6_small_rec has 18710 output classes, but its dictionary has "
        f"{count} characters; expected 18708 (or 18709 with the space)"
    )


@pytest.mark.parametrize("with_space", [False, True])
def test_a_dictionary_with_and_without_the_space(
    models: ModelSet, reader: PpOcr, readings: dict[str, Recognition], with_space: bool
) -> None:
    assert len(reader._characters) == 18_709
    assert reader._characters[-1] == " "
    characters = tuple(reader._characters) if with_space else tuple(reader._characters[:-1])
    named = models.with_model(replace(models.rec, characters=characters))
    result = read(ppocr.load(settings(named, "onnxruntime")), "special_sign.bmp").result
    assert result.text == readings["special_sign.bmp"].result.text


@pytest.mark.parametrize(
    ("engine", "role", "instead"),
    [
        ("onnxruntime", "det", "rec"),
        ("onnxruntime", "det", "cls"),
        ("onnxruntime", "cls", "det"),
        ("onnxruntime", "cls", "rec"),
        ("onnxruntime", "rec", "det"),
        ("onnxruntime", "rec", "cls"),
        ("openvino", "rec", "det"),
    ],
)
def test_a_model_in_another_role_does_not_load(
    models: ModelSet, engine: EngineName, role: Role, instead: Role
) -> None:
    found = {source.role: source for source in models.sources()}
    misplaced = models.with_model(replace(found[instead], role=role))
    with pytest.raises(ModelError, match=f"{role}_model_dir"):
        ppocr.load(settings(misplaced, engine))


def test_models_are_needed_as_files() -> None:
    with pytest.raises(ModelError, match="engine openvino needs model files"):
        ppocr.load(EngineSettings("openvino", None))


def test_info_describes_what_is_loaded(reader: PpOcr) -> None:
    assert reader.info.engine.startswith("openvino 20")
    assert reader.info.precision == "f32"
    assert reader.info.threads == 2
    assert reader.info.models == (
        "PP-OCRv6_small_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv6_small_rec"
    )


def test_settings_that_may_give_other_text_have_another_fingerprint(models: ModelSet) -> None:
    plain = settings(models)
    others = [
        replace(plain, engine="onnxruntime"),
        replace(plain, precision="bf16"),
        replace(plain, precision="auto"),
        replace(plain, enable_mkldnn=False),
        replace(plain, models=model_set(models.det, models.rec)),
        replace(plain, models=None),
        replace(plain, models=None, set_name="PP-OCRv5_server"),
    ]
    assert len({plain.fingerprint(), *(other.fingerprint() for other in others)}) == 8
    assert replace(plain, threads=1, cached_shapes=3).fingerprint() == plain.fingerprint()
