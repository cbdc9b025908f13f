"""How large detection sees images of large, small and faint text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ocr_engine.arrays import FloatArray
from ocr_engine.options import LimitType, RecognitionOptions
from ocr_engine.stages.detection import ScoredBox
from ocr_engine.stages.looks import find_boxes

Size = tuple[int, int]
PAGE = (1000, 1200)
REDUCED, FULL = (768, 960), (992, 1216)
PHOTO = (3000, 4000)
FIRST = (1056, 1408)  # of the photo: 0.3536 of its sides
FULL_PHOTO = (3008, 4000)


def box(height: float, score: float = 0.9) -> ScoredBox:
    corners: FloatArray = np.array([(0, 0), (900, 0), (900, height), (0, height)], dtype=np.float32)
    return ScoredBox(corners, score)


def sizes_seen(
    image: Size,
    found: Callable[[Size], list[ScoredBox]],
    kind: LimitType = "auto",
    reduction: float = 0.75,
) -> list[Size]:
    """The sizes that detection sees; the boxes of the last one are the result."""
    seen: list[Size] = []
    boxes: list[list[ScoredBox]] = []

    def find(size: Size) -> list[ScoredBox]:
        seen.append(size)
        boxes.append(found(size))
        return boxes[-1]

    options = RecognitionOptions(det_limit_type=kind, det_limit_side_len=1216)
    if kind == "auto":
        options = RecognitionOptions()
    assert find_boxes(*image, options, reduction, find) is boxes[-1]
    return seen


@pytest.mark.parametrize(
    ("heights", "sizes"),
    [
        ([30, 30, 40], [REDUCED]),
        ([23, 23, 23], [REDUCED]),
        ([16, 16, 16], [REDUCED, FULL]),  # small text loses characters when reduced
        ([16, 40, 40, 40], [REDUCED, FULL]),  # one small line of a few
        ([10] + [40] * 14, [REDUCED]),  # one speck among many lines
        ([], [REDUCED, FULL]),  # all lines may be lost
    ],
)
def test_a_page_of_small_text_is_seen_again_at_full_size(
    heights: list[int], sizes: list[Size]
) -> None:
    assert sizes_seen(PAGE, lambda size: [box(height) for height in heights]) == sizes


def test_a_faint_box_may_be_text_that_fades() -> None:
    def found(size: Size) -> list[ScoredBox]:
        return [box(40), box(40, 0.55 if size == REDUCED else 0.7)]

    assert sizes_seen(PAGE, found) == [REDUCED, FULL]
    assert sizes_seen(PAGE, lambda size: [box(40), box(40, 0.6)]) == [REDUCED]


@pytest.mark.parametrize(
    ("heights", "sizes"),
    [
        ([60, 60, 60], [FIRST]),  # 21 pixels in what detection sees
        ([40, 60, 60], [FIRST, (1408, 1888)]),  # 0.4744: 40 become 19
        ([26, 60, 60], [FIRST, (2176, 2912)]),  # 0.7298, still less than 0.75
        ([24, 60, 60], [FIRST, FULL_PHOTO]),  # 0.79 is more
        ([], [FIRST, FULL_PHOTO]),
    ],
)
def test_a_large_image_is_seen_as_large_as_its_text_needs(
    heights: list[int], sizes: list[Size]
) -> None:
    assert sizes_seen(PHOTO, lambda size: [box(height) for height in heights]) == sizes


def test_small_text_that_only_a_larger_look_shows() -> None:
    def found(size: Size) -> list[ScoredBox]:
        if size == FIRST:
            return [box(45), box(60)]
        return [box(30), box(45), box(60)] if size[0] < 2000 else [box(28), box(45), box(60)]

    # 0.4217 for 45 pixels, then 0.6325 for 30: 28 of them are 17.7
    assert sizes_seen(PHOTO, found) == [FIRST, (1280, 1696), (1888, 2528)]


def test_faint_boxes_of_a_large_image_are_seen_half_as_large_again() -> None:
    def found(size: Size) -> list[ScoredBox]:
        return [box(90), box(90, 0.5 if size == FIRST else 0.8)]

    assert sizes_seen(PHOTO, found) == [FIRST, (1600, 2112)]
    always_faint = sizes_seen(PHOTO, lambda size: [box(90), box(90, 0.5)])
    assert always_faint == [FIRST, (1600, 2112), FULL_PHOTO]


def test_letters_of_hundreds_of_pixels_are_seen_smaller() -> None:
    """In full size, detection breaks them into pieces."""
    sizes = sizes_seen((1200, 3200), lambda size: [box(400), box(420)])
    assert sizes == [(736, 1984), (128, 384)]  # 0.625, then 48 / 400
    sizes = sizes_seen((500, 550), lambda size: [box(400)])  # not reduced at first
    assert sizes == [(512, 544), (64, 64)]

    def found(size: Size) -> list[ScoredBox]:
        return [box(400)] if size[0] > 128 else [box(400), box(80)]

    # what the smaller look shows besides is found in a larger one
    assert sizes_seen((1200, 3200), found) == [(736, 1984), (128, 384), (288, 768)]


def test_a_very_long_image_is_never_seen_longer_than_4000_pixels() -> None:
    image = (20_000, 1000)
    assert sizes_seen(image, lambda size: [box(70)]) == [(4000, 192)]
    assert sizes_seen((9000, 6000), lambda size: []) == [(1504, 992), (4000, 2656)]


@pytest.mark.parametrize("kind", ["min", "max"])
def test_with_another_limit_detection_looks_once(kind: LimitType) -> None:
    assert len(sizes_seen(PHOTO, lambda size: [box(16), box(16, 0.5)], kind)) == 1


def test_a_model_that_may_not_be_given_less_sees_the_full_size_at_once() -> None:
    assert sizes_seen(PHOTO, lambda size: [box(60)], reduction=1.0) == [FULL_PHOTO]
