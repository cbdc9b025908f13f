"""Row 54: a JPEG without its last marker is read, one without its last pixels is not."""

from __future__ import annotations

import random
import re
from itertools import product
from typing import Any

import numpy as np
import pytest

from image_structures import gif_frames
from ocr_engine.errors import ImageError, InvalidImage
from ocr_engine.images import frames
from ocr_engine.images.decode import decode
from ocr_engine.images.frames import count_gif_frames
from ocr_engine.images.jpeg_scans import MAX_MARKERS, MAX_SCANS, read_scans
from plain_images import plain
from tests.support.written_files import END_OF_IMAGE, jpeg, with_scans

PLENTY = 10**6
WRITTEN = [
    {"mode": mode, "progressive": progressive, "restart_marker_blocks": blocks, "quality": quality}
    for mode, progressive, blocks, quality in product(
        ("L", "RGB", "CMYK"), (False, True), (0, 1, 5), (30, 98)
    )
]


def named(options: dict[str, Any]) -> str:
    return " ".join(map(str, options.values()))


@pytest.mark.faults(54)
@pytest.mark.parametrize("options", WRITTEN, ids=named)
def test_a_jpeg_that_lacks_only_its_end_is_read(options: dict[str, Any]) -> None:
    whole = jpeg(**options)
    expected = decode(whole, PLENTY).pixels
    for missing in (1, 2):
        np.testing.assert_array_equal(decode(whole[:-missing], PLENTY).pixels, expected)
    np.testing.assert_array_equal(decode(whole[:-2] + b"\xff\xff", PLENTY).pixels, expected)


def data_starts(whole: bytes) -> int:
    return next(re.finditer(rb"\xff\xda", whole)).end() + 10


@pytest.mark.faults(22)
@pytest.mark.parametrize("options", WRITTEN, ids=named)
def test_a_jpeg_that_is_cut_in_its_data_is_refused_or_nothing_is_missing(
    options: dict[str, Any],
) -> None:
    whole = jpeg(**options)
    expected = decode(whole, PLENTY).pixels
    start = data_starts(whole)
    generator = random.Random(54)
    markers = [found.start() for found in re.finditer(rb"\xff[\xc4\xd0-\xd7\xda]", whole)]
    ends = {found + after for found in generator.sample(markers, min(12, len(markers)))
            for after in (0, 1, 2, 12)}  # fmt: skip
    ends |= {
        *generator.sample(range(start, len(whole) - 2), 12),
        *range(len(whole) - 12, len(whole) - 2),
    }
    refused = 0
    for end in ends:
        try:
            pixels = decode(whole[:end], PLENTY).pixels
        except ImageError:
            refused += 1
        else:
            assert end > start
            np.testing.assert_array_equal(pixels, expected)
    assert refused >= len(ends) - 12


@pytest.mark.faults(22)
def test_a_progressive_jpeg_that_is_cut_between_two_scans_is_refused() -> None:
    whole = jpeg("RGB", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)]
    assert len(scans) == 10
    for start in scans[1:]:
        for cut in (whole[:start], whole[:start] + END_OF_IMAGE[:1]):
            with pytest.raises(InvalidImage):
                decode(cut, PLENTY)


@pytest.mark.faults(56)
def test_a_jpeg_with_too_many_scans_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert read_scans(with_scans(MAX_SCANS)).count == MAX_SCANS
    assert decode(with_scans(MAX_SCANS), PLENTY).pixels.shape == (48, 180, 3)
    monkeypatch.setattr("ocr_engine.images.decode.Image", None)
    for count in (MAX_SCANS + 1, 4000):
        with pytest.raises(InvalidImage, match=f"more than {MAX_SCANS} scans"):
            decode(with_scans(count), PLENTY)


@pytest.mark.faults(56)
@pytest.mark.parametrize("marker", [b"\xff\x01", b"\xff\xfe\0\2", b"\xff\xfe\0\0"])
def test_a_jpeg_of_markers_is_refused_before_it_is_decoded(
    marker: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = jpeg("L")
    monkeypatch.setattr("ocr_engine.images.decode.Image", None)
    with pytest.raises(InvalidImage, match=f"more than {MAX_MARKERS} markers"):
        decode(whole[:-2] + marker * MAX_MARKERS, PLENTY)


@pytest.mark.faults(56)
def test_a_gif_of_tiny_blocks_is_refused_before_it_is_decoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(frames, "MAX_GIF_BLOCKS", 1000)
    whole = plain("GIF", "P")
    assert count_gif_frames(gif_frames(whole, 900)) == 900
    comment = b"!\xfe" + b"\1A" * 1001 + b"\0"
    monkeypatch.setattr("ocr_engine.images.decode.Image", None)
    with pytest.raises(InvalidImage, match="more than 1000 data blocks"):
        decode(whole[:-1] + comment + b";", PLENTY)
