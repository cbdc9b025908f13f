"""Detection on maps and pixels small enough to be computed by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import pyclipper
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.images.decode import DecodedImage, ImageArray
from ocr_engine.models.source import ModelFile, ModelSource, model_set
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo
from ocr_engine.recognizers.models import Sessions
from ocr_engine.recognizers.ppocr import PpOcr
from ocr_engine.runtimes.session import PixelArray
from ocr_engine.stages import detection
from ocr_engine.stages.detection import (
    ScoredBox,
    box_score,
    detection_size,
    min_area_quad,
    pad_tiny,
    postprocess,
    preprocess,
    unclip,
)
from tests.support.fake_sessions import FakeSession

T = TypeVar("T")
DEFAULTS = RecognitionOptions()


def rectangle_map(
    *rectangles: tuple[int, int, int, int, float], size: tuple[int, int] = (200, 300)
) -> FloatArray:
    """A map (height, width) with rectangles (left, top, right, bottom, probability), inclusive."""
    probability = np.zeros(size, dtype=np.float32)
    for left, top, right, bottom, value in rectangles:
        probability[top : bottom + 1, left : right + 1] = value
    return probability


def as_lists(boxes: list[ScoredBox]) -> list[list[list[int]]]:
    return sorted(np.rint(box.corners).astype(int).tolist() for box in boxes)


def upright(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((736, 992), (736, 992)),  # 23 x 32, 31 x 32
        ((80, 112), (64, 128)),  # 2.5 -> 2, 3.5 -> 4: half to even
        ((144, 176), (128, 192)),  # 4.5 -> 4, 5.5 -> 6
        ((79, 81), (64, 96)),  # 2.47 -> 2, 2.53 -> 3
        ((64, 64), (64, 64)),
        ((32, 100), (64, 192)),  # doubled to 64 x 200; 6.25 -> 6
        ((10, 10), (64, 64)),
        ((1, 1), (64, 64)),
        ((5000, 2500), (4000, 1984)),  # x 0.8: 4000 x 2000; 62.5 -> 62
        ((1000, 8000), (512, 4000)),  # x 0.5: 500 x 4000; 15.6 -> 16
        ((90, 12000), (32, 4000)),  # x 1/3: 30 x 4000; 0.94 -> 1
        ((1, 4000), (32, 4000)),  # x 64: 64 x 256000, then back to 1 x 4000
    ],
)
def test_size_with_the_default_limit(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert detection_size(*size, DEFAULTS) == expected


@pytest.mark.parametrize(
    ("kind", "limit", "size", "expected"),
    [
        ("min", 736, (368, 1000), (736, 1984)),  # doubled to 736 x 2000; 62.5 -> 62
        ("min", 736, (800, 1000), (800, 992)),  # already larger; 31.25 -> 31
        ("min", 3000, (1000, 2000), (1984, 4000)),  # 3000 x 6000, then capped to 2000 x 4000
        ("max", 960, (1000, 2000), (480, 960)),  # x 0.48
        ("max", 960, (960, 500), (960, 512)),  # just within the limit; 15.6 -> 16
        ("max", 960, (100, 100), (96, 96)),  # never enlarged; 3.1 -> 3
        ("max", 960, (20, 1920), (32, 960)),  # halved to 10 x 960; 0.3 -> at least 1
    ],
)
def test_size_with_other_limits(
    kind: str, limit: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    options = RecognitionOptions(det_limit_type=kind, det_limit_side_len=limit)  # type: ignore[arg-type]
    assert detection_size(*size, options) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((545, 550), (544, 544)),  # reduced it would have less than 300,000 pixels
        ((700, 760), (704, 768)),  # 532,000 x 0.5625 = 299,250, too few
        (
            (700, 765),
            (480, 608),
        ),  # 525 x 573; 525 is nearer to 480 than to 608: 525 / 480 < 608 / 525
        ((1000, 2000), (768, 1536)),  # x 0.75: 750 x 1500
        ((3000, 4000), (2400, 3008)),  # 2250 x 3000
        ((9000, 6000), (4000, 2400)),  # 6750 x 4500, then capped to 4000 x 2666
        ((30, 6000), (32, 4000)),  # enlarged to 64 x 12800, then capped to 20 x 4000
        ((10, 10), (64, 64)),  # as with `min`
    ],
)
def test_a_large_image_is_reduced_as_far_as_the_model_takes_it(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert detection_size(*size, DEFAULTS, reduction=0.75) == expected


@pytest.mark.parametrize(
    ("limit", "size", "expected"),
    [
        (4000, (33, 33), (544, 544)),  # to 300,000 pixels: x 16.6, 547 x 547
        (4000, (32, 32), (544, 544)),  # x 17.1: 547 x 547
        (736, (20, 200), (160, 1728)),  # x 8.66: 173 x 1730
        (4000, (300, 300), (1216, 1216)),  # to 16 times the pixels: 1200 x 1200; 37.5 -> 38
        (736, (150, 700), (608, 2816)),  # x 4: 600 x 2800; 18.75 -> 19, 87.5 -> 88
        (1000, (1000, 1000), (992, 992)),  # nothing to enlarge
        (4000, (1, 65500), (32, 4000)),  # to 64 x 4192000, then capped
        (4000, (65500, 1), (4000, 32)),
    ],
)
@pytest.mark.parametrize("kind", ["min", "auto"])
def test_an_option_enlarges_to_16_times_the_pixels_at_most(
    kind: str, limit: int, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    options = RecognitionOptions(det_limit_type=kind, det_limit_side_len=limit)  # type: ignore[arg-type]
    assert detection_size(*size, options) == expected


@pytest.mark.parametrize("reduction", [1.0, 0.75])
@pytest.mark.parametrize("kind", ["auto", "min", "max"])
def test_the_bound_of_enlargement_is_beyond_what_the_default_limit_asks_for(
    monkeypatch: pytest.MonkeyPatch, kind: str, reduction: float
) -> None:
    options = RecognitionOptions(det_limit_type=kind)  # type: ignore[arg-type]
    sides = (1, 2, 7, 15, 16, 17, 31, 33, 50, 63, 64, 65, 200, 547, 800, 3999, 4001, 65500)
    sizes = [(height, width) for height in sides for width in sides]
    bounded = [detection_size(*size, options, reduction) for size in sizes]
    monkeypatch.setattr(detection, "MAX_ENLARGEMENT", 1 << 20)
    assert [detection_size(*size, options, reduction) for size in sizes] == bounded


@pytest.mark.parametrize("kind", ["min", "max"])
def test_nothing_is_reduced_where_a_limit_is_asked_for(kind: str) -> None:
    options = RecognitionOptions(det_limit_type=kind, det_limit_side_len=4000)  # type: ignore[arg-type]
    assert detection_size(4000, 4000, options, reduction=0.5) == (4000, 4000)


def test_all_1485_cells_of_a_dense_page_are_found() -> None:
    cells = [(x, y, x + 7, y + 7, 1.0) for y in range(4, 660, 20) for x in range(4, 900, 20)]
    assert len(cells) == 33 * 45
    boxes = postprocess(rectangle_map(*cells, size=(672, 912)), (672, 912), DEFAULTS)
    assert len(boxes) == 1485
    assert min(box.corners[0, 1] for box in boxes) < 4


def test_thin_strokes_stay_where_an_image_gets_much_smaller() -> None:
    pixels = np.zeros((64, 640, 3), dtype=np.uint8)
    pixels[:, ::10] = 250
    seen = preprocess(pixels, (32, 64)).astype(int)
    np.testing.assert_allclose(seen, 25, atol=1)


@pytest.mark.parametrize("every_other", [False, True])
def test_preprocess_keeps_an_image_of_the_right_size_as_it_is(every_other: bool) -> None:
    pixels = np.random.default_rng(3).integers(0, 255, (32, 128, 3), dtype=np.uint8)
    pixels = pixels[:, ::2] if every_other else np.ascontiguousarray(pixels[:, :64])
    seen = preprocess(pixels, (32, 64))
    assert seen.shape == (1, 32, 64, 3)
    assert seen.dtype == np.uint8
    assert seen.flags.c_contiguous  # so that a runtime can use it without a copy
    np.testing.assert_array_equal(seen[0], pixels)


def test_preprocess_resizes_to_height_by_width_and_leaves_the_image_alone() -> None:
    pixels = np.zeros((64, 128, 3), dtype=np.uint8)
    pixels[:32] = 255
    before = pixels.copy()
    seen = preprocess(pixels, (32, 96))
    assert seen.shape == (1, 32, 96, 3)
    assert (seen[0, :15] == 255).all()
    assert not seen[0, 17:].any()
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize(
    ("size", "detected", "rows", "columns"),
    [
        ((20, 40), (32, 40), 20, 40),  # 60 < 64: the short side is padded to 32
        ((31, 32), (32, 32), 31, 32),  # 63 < 64
        ((10, 12), (32, 32), 10, 12),
    ],
)
def test_a_tiny_image_is_filled_up_with_black(
    size: tuple[int, int], detected: tuple[int, int], rows: int, columns: int
) -> None:
    white = np.full((*size, 3), 255, dtype=np.uint8)
    expected = np.zeros((*detected, 3), dtype=np.uint8)
    expected[:rows, :columns] = 255
    np.testing.assert_array_equal(pad_tiny(white), expected)


def test_preprocess_stretches_an_image_that_is_just_not_tiny() -> None:
    white = np.full((24, 40, 3), 255, dtype=np.uint8)  # 24 + 40 = 64
    assert pad_tiny(white) is white
    assert (preprocess(white, (64, 96)) == 255).all()


class WhiteIsText(FakeSession):
    """A detection model that uses a pixel's brightness as its probability."""

    def run(self, pixels: PixelArray) -> FloatArray:
        return np.divide(pixels[None, ..., 0], 255, dtype=np.float32)


class ReadsAlwaysA(WhiteIsText):
    """A recognition model that always reads the letter a."""

    def run(self, pixels: PixelArray) -> FloatArray:
        return np.array([[[0.0, 1.0]]], dtype=np.float32)


@pytest.mark.parametrize("factor", [1, 2])  # 20 x 40 is tiny, 40 x 80 is not
def test_a_box_lies_where_the_text_is_even_in_a_tiny_image(factor: int) -> None:
    left, top, right, bottom = (8 * factor, 6 * factor, 32 * factor, 16 * factor)
    pixels = np.zeros((20 * factor, 40 * factor, 3), dtype=np.uint8)
    pixels[top:bottom, left:right] = 255
    file = ModelFile(Path("none"))
    det = ModelSource("det", "det", file, "", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    models = model_set(det, replace(det, role="rec", name="rec"))
    info = EngineInfo("fake", "f32", "fakes", 1)
    sessions = Sessions({"det": WhiteIsText(), "rec": ReadsAlwaysA()})
    reader = PpOcr(info, models, sessions, (3, 48, 320), ("a",))
    options = RecognitionOptions(det_db_unclip_ratio=0.01)
    (line,) = reader.recognize(DecodedImage(pixels), options).result.lines
    np.testing.assert_allclose(line.box, upright(left, top, right, bottom), atol=2 * factor)


def test_a_rectangle_grows_by_area_times_ratio_by_perimeter() -> None:
    # outline 60 x 30: area 1800 x 1.5 / perimeter 180 = 15 pixels on all sides
    boxes = postprocess(rectangle_map((100, 80, 160, 110, 0.9)), (200, 300), DEFAULTS)
    assert as_lists(boxes) == [upright(85, 65, 175, 125)]
    assert boxes[0].corners.dtype == np.float32
    assert boxes[0].score == pytest.approx(0.9)
    # ratio 2: 1800 x 2 / 180 = 20
    wider = RecognitionOptions(det_db_unclip_ratio=2.0)
    boxes = postprocess(rectangle_map((100, 80, 160, 110, 0.9)), (200, 300), wider)
    assert as_lists(boxes) == [upright(80, 60, 180, 130)]


def test_two_rectangles_give_two_boxes() -> None:
    # 60 x 20: 1200 x 1.5 / 160 = 11.25: 28.75 -> 29, 111.25 -> 111, 18.75 -> 19, 61.25 -> 61
    two = rectangle_map((40, 30, 100, 50, 0.9), (160, 130, 220, 160, 0.8))
    boxes = postprocess(two, (200, 300), DEFAULTS)
    assert as_lists(boxes) == [upright(29, 19, 111, 61), upright(145, 115, 235, 175)]


def test_nothing_is_found_on_an_empty_map() -> None:
    assert postprocess(rectangle_map(), (200, 300), DEFAULTS) == []


def test_a_box_with_a_low_score_is_dropped() -> None:
    weak = rectangle_map((100, 80, 160, 110, 0.44))
    assert postprocess(weak, (200, 300), DEFAULTS) == []
    (box,) = postprocess(weak, (200, 300), RecognitionOptions(det_db_box_thresh=0.58))
    assert box.score == pytest.approx(0.44)  # faint: three quarters of 0.58 are 0.435
    # 31 columns of 0.9 and 30 of 0.31 have a mean of 37.2 / 61 = 0.6098
    mixed = rectangle_map((100, 80, 130, 110, 0.9), (131, 80, 160, 110, 0.31))
    assert len(postprocess(mixed, (200, 300), RecognitionOptions(det_db_box_thresh=0.81))) == 1
    assert postprocess(mixed, (200, 300), RecognitionOptions(det_db_box_thresh=0.82)) == []


def test_a_pixel_at_the_threshold_is_not_text() -> None:
    quarter = rectangle_map((100, 80, 160, 110, 0.25))
    at = RecognitionOptions(det_db_thresh=0.25, det_db_box_thresh=0.1)
    below = RecognitionOptions(det_db_thresh=0.24, det_db_box_thresh=0.1)
    assert postprocess(quarter, (200, 300), at) == []
    assert len(postprocess(quarter, (200, 300), below)) == 1


def test_boxes_that_are_too_small_are_dropped() -> None:
    assert postprocess(rectangle_map((100, 80, 160, 82, 0.9)), (200, 300), DEFAULTS) == []
    three = rectangle_map((100, 80, 160, 83, 0.9))
    # 60 x 3: 180 x 1.5 / 126 = 2.14: 97.86 -> 98, 162.14 -> 162, 77.86 -> 78, 85.14 -> 85
    assert as_lists(postprocess(three, (200, 300), DEFAULTS)) == [upright(98, 78, 162, 85)]
    # grown by 0.14 only, the short side stays 3: fewer than 5 are needed after growing
    narrow = RecognitionOptions(det_db_unclip_ratio=0.1)
    assert postprocess(three, (200, 300), narrow) == []
    four, five = (rectangle_map((100, 80, 160, 80 + side, 0.9)) for side in (4, 5))
    assert postprocess(four, (200, 300), narrow) == []
    assert as_lists(postprocess(five, (200, 300), narrow)) == [upright(100, 80, 160, 85)]


def test_boxes_are_scaled_to_the_image() -> None:
    # The middles of the pixels (85, 65) and (175, 125) on the map, in an image 4 times as wide and
    # 3 times as high: 85.5 x 4 - 0.5 = 341.5, 65.5 x 3 - 0.5 = 196
    boxes = postprocess(rectangle_map((100, 80, 160, 110, 0.9)), (600, 1200), DEFAULTS)
    assert as_lists(boxes) == [upright(342, 196, 702, 376)]


def test_boxes_end_at_the_image_edge() -> None:
    corners = rectangle_map((0, 0, 60, 30, 0.9), (239, 169, 299, 199, 0.9))
    boxes = postprocess(corners, (200, 300), DEFAULTS)
    assert as_lists(boxes) == [upright(0, 0, 75, 45), upright(224, 154, 300, 200)]


def test_a_turned_rectangle_keeps_its_angle() -> None:
    # centre (150, 100), 120 x 30 turned by 30 degrees; 3600 x 1.5 / 300 = 18, so 156 x 66
    corners = np.array([[105.5, 57.0], [209.5, 117.0], [194.5, 143.0], [90.5, 83.0]])
    probability = rectangle_map()
    cv2.fillPoly(probability, [np.rint(corners).astype(np.int32)], (0.9,))
    (box,) = postprocess(probability, (200, 300), DEFAULTS)
    expected = [[98.95, 32.42], [234.05, 110.42], [201.05, 167.58], [65.95, 89.58]]
    np.testing.assert_allclose(box.corners, expected, atol=3)


def test_at_most_3000_boxes() -> None:
    probability = np.zeros((640, 640), dtype=np.float32)
    for top in range(3, 640, 11):
        for left in range(3, 640, 11):
            probability[top : top + 8, left : left + 8] = 0.9
    assert len(postprocess(probability, (640, 640), DEFAULTS)) == 3000  # of 3364


def test_box_score_is_the_mean_inside_the_box() -> None:
    rows = np.empty((10, 10), dtype=np.float32)
    rows[:] = np.arange(10)[:, None] / 100
    square = np.array([(2, 3), (5, 3), (5, 6), (2, 6)], dtype=np.float32)
    assert box_score(rows, square) == pytest.approx(0.045, abs=1e-6)  # rows 3, 4, 5, 6
    beyond = np.array([(-4, 8), (14, 8), (14, 13), (-4, 13)], dtype=np.float32)
    assert box_score(rows, beyond) == pytest.approx(0.085, abs=1e-6)  # rows 8 and 9


@pytest.mark.parametrize(
    ("points", "corners", "short_side"),
    [
        ([(50, 40), (10, 20), (50, 20), (10, 40)], [(10, 20), (50, 20), (50, 40), (10, 40)], 20),
        ([(10, 20), (30, 20), (30, 90), (10, 90)], [(10, 20), (30, 20), (30, 90), (10, 90)], 20),
        # falls to the right: edges (80, 60) and (-15, 20), so 100 x 25
        (
            [(100, 80), (20, 20), (5, 40), (85, 100)],
            [(20, 20), (100, 80), (85, 100), (5, 40)],
            25,
        ),
        # rises to the right: edges (80, -60) and (15, 20)
        (
            [(5, 80), (85, 20), (100, 40), (20, 100)],
            [(5, 80), (85, 20), (100, 40), (20, 100)],
            25,
        ),
    ],
)
def test_quad_runs_clockwise_from_the_top_left(
    points: list[tuple[int, int]], corners: list[tuple[int, int]], short_side: float
) -> None:
    quad, short = min_area_quad(np.array(points, dtype=np.int32))
    np.testing.assert_allclose(quad, corners, atol=0.01)
    assert short == pytest.approx(short_side, abs=0.01)


def test_quad_of_a_cloud_holds_every_point() -> None:
    cloud = np.array([(10, 10), (60, 12), (58, 30), (12, 28), (30, 20)], dtype=np.float32)
    quad, _ = min_area_quad(cloud)
    for point in cloud:
        assert cv2.pointPolygonTest(quad, (float(point[0]), float(point[1])), True) >= -0.01


def clipper_outline(corners: FloatArray, ratio: float) -> npt.NDArray[np.float32]:
    """PaddleOCR's method: pyclipper's offset with round joins."""
    distance = cv2.contourArea(corners) * ratio / cv2.arcLength(corners, True)
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(corners.tolist(), pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    (outline,) = offset.Execute(distance)
    return np.array(outline, dtype=np.float32)


def random_quads(count: int) -> list[FloatArray]:
    generator = np.random.default_rng(10)
    quads = []
    for _ in range(count):
        width, height = generator.uniform(60, 600), generator.uniform(6, 40)
        centre, angle = generator.uniform(300, 900, 2), generator.uniform(-90, 90)
        turned = ((float(centre[0]), float(centre[1])), (float(width), float(height)), float(angle))
        quads.append(min_area_quad(cv2.boxPoints(turned))[0])
    return quads


def test_unclip_gives_the_boxes_of_pyclipper_but_for_its_rounding() -> None:
    """Clipper truncates corners to whole pixels and rounds the outline: up to two pixels."""
    apart = []
    for corners in random_quads(200):
        expected, _ = min_area_quad(clipper_outline(corners, 1.5))
        got, _ = min_area_quad(unclip(corners, 1.5))
        apart.append(float(np.abs(got - expected).max()))
    assert np.mean(apart) < 1.2
    assert max(apart) < 2.0


def test_unclip_of_a_square_by_hand() -> None:
    # 40 x 40: 1600 x 1.5 / 160 = 15
    square = np.array([(100, 100), (140, 100), (140, 140), (100, 140)], dtype=np.float32)
    assert unclip(square, 1.5).tolist() == upright(85, 85, 155, 155)


def test_unclip_keeps_a_box_without_area() -> None:
    line = np.array([(10, 10), (50, 10), (50, 10), (10, 10)], dtype=np.float32)
    assert unclip(line, 1.5).tolist() == line.tolist()


def test_postprocess_takes_a_view_that_is_not_contiguous() -> None:
    wide: ImageArray = np.zeros((200, 600), dtype=np.uint8)
    wide[80:111, 200:322] = 1
    view = wide[:, ::2].astype(np.float32)[:, ::1]
    assert as_lists(postprocess(view, (200, 300), DEFAULTS)) == [upright(85, 65, 175, 125)]
