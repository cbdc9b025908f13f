"""Normalization of pixels, by NumPy and in OpenVINO's graph."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.models.recipe import IMAGENET_MEAN, IMAGENET_STD
from ocr_engine.models.source import ModelFile, ModelSource, Role
from ocr_engine.recognizers.models import normalization
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime
from ocr_engine.runtimes.session import Normalization, PixelArray, SessionSettings

Way = Callable[[Normalization, PixelArray, Path], FloatArray]

UNEVEN = Normalization((0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
IMAGENET = Normalization(IMAGENET_MEAN, IMAGENET_STD)


def colour(*channels: int) -> PixelArray:
    return np.full((1, 4, 6, 3), channels, dtype=np.uint8)


def in_numpy(normal: Normalization, pixels: PixelArray, folder: Path) -> FloatArray:
    return normal.tensor(pixels)


def in_the_graph(normal: Normalization, pixels: PixelArray, folder: Path) -> FloatArray:
    """The output of a model that returns its input."""
    tensor = ops.parameter(ov.PartialShape([-1, 3, -1, -1]), np.float32, name="tensor")
    model = ov.Model([ops.reshape(tensor, np.array([0, 0, 0, -1]), True)], [tensor], "same")
    ov.save_model(model, folder / "same.xml", compress_to_fp16=False)
    file = ModelFile(folder / "same.xml")
    return OpenVinoRuntime().load(file, SessionSettings(normal)).run(pixels)


WAYS = pytest.mark.parametrize("way", [in_numpy, in_the_graph])


@WAYS
@pytest.mark.parametrize(
    ("normal", "pixel", "expected"),
    [
        (Normalization(), (255, 0, 51), (1.0, -1.0, -0.6)),  # 51/255 = 0.2; (0.2 - 0.5) / 0.5
        (UNEVEN, (255, 0, 51), (1.0, -1.0, 0.2)),  # 0.5/0.5, -0.25/0.25, 51/255
        (IMAGENET, (0, 0, 0), (-2.117904, -2.035714, -1.804444)),
        (IMAGENET, (255, 255, 255), (2.248908, 2.428571, 2.640000)),
    ],
)
def test_each_channel_by_hand(
    way: Way, normal: Normalization, pixel: tuple[int, int, int], expected: tuple[float, ...],
    tmp_path: Path,
) -> None:  # fmt: skip
    tensor = way(normal, colour(*pixel), tmp_path)
    assert tensor.shape == (1, 3, 4, 6)
    assert tensor.dtype == np.float32
    for channel, value in enumerate(expected):
        np.testing.assert_allclose(tensor[0, channel], value, atol=2e-6)


@WAYS
def test_pixels_stay_where_they_are(way: Way, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (1, 5, 7, 3), dtype=np.uint8)
    tensor = way(UNEVEN, pixels, tmp_path)
    scaled = (pixels[0] / 255 - UNEVEN.mean) / UNEVEN.std
    np.testing.assert_allclose(tensor[0], scaled.transpose(2, 0, 1), atol=2e-6)


@pytest.mark.parametrize("shape", [[1, 6, -1, -1], [-1, 120], [4, 3, -1, -1]])
def test_a_model_that_takes_no_images_is_refused(shape: list[int], tmp_path: Path) -> None:
    given = ops.parameter(ov.PartialShape(shape), np.float32, name="given")
    ov.save_model(ov.Model([ops.relu(given)], [given], "other"), tmp_path / "other.xml")
    with pytest.raises(ModelError, match=r"other\.xml: its input is \[.*\], not an image \[1,3,"):
        OpenVinoRuntime().load(ModelFile(tmp_path / "other.xml"), SessionSettings())


def test_a_model_that_takes_whole_numbers_is_refused(tmp_path: Path) -> None:
    given = ops.parameter(ov.PartialShape([1, 3, -1, -1]), np.uint8, name="given")
    ov.save_model(ov.Model([ops.relu(given)], [given], "bytes"), tmp_path / "bytes.xml")
    with pytest.raises(
        ModelError, match=r"bytes\.xml: its input is u8, not floating-point numbers"
    ):
        OpenVinoRuntime().load(ModelFile(tmp_path / "bytes.xml"), SessionSettings())


def test_a_model_that_only_seems_to_take_images_is_refused(tmp_path: Path) -> None:
    given = ops.parameter(ov.PartialShape([-1, -1, -1, -1]), np.float32, name="given")
    fives = ops.constant(np.ones((1, 5, 1, 1), dtype=np.float32))
    ov.save_model(ov.Model([ops.add(given, fives)], [given], "five"), tmp_path / "five.xml")
    with pytest.raises(ModelError, match=r"OpenVINO cannot use .*five\.xml: "):
        OpenVinoRuntime().load(ModelFile(tmp_path / "five.xml"), SessionSettings())


MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


@pytest.mark.parametrize(
    ("role", "stretch", "expected"),
    [
        ("det", False, Normalization(MEAN, STD)),
        ("rec", False, Normalization()),  # as in PaddleOCR, whatever inference.yml says
        ("cls", False, Normalization()),
        ("cls", True, Normalization(MEAN[::-1], STD[::-1])),  # stretched crops are RGB
    ],
)
def test_the_normalization_follows_from_the_role(
    role: Role, stretch: bool, expected: Normalization
) -> None:
    source = ModelSource(role, role, ModelFile(Path("none")), "", MEAN, STD, stretch=stretch)
    assert normalization(source) == expected
