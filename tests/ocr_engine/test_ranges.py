"""Activation ranges: written, read, refused for another model, part of the fingerprint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ocr_engine.errors import ModelError
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.directory import ModelChoice, directory_source
from ocr_engine.models.ranges import (
    FILE_NAME,
    ActivationRanges,
    read_ranges,
    shipped_ranges,
    write_ranges,
)
from ocr_engine.models.source import ModelFile, ModelSource, digest_files
from ocr_engine.recognizers.models import check_ranges

VALUES = {"Conv.1": (-0.17, 9.7898), "Größe/卷积:0": (0.0, 12.5), 'a "quoted" name': (-3.0, -1.0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file that looks like a model."""
    (tmp_path / "inference.onnx").write_bytes(b"weights")
    return tmp_path


def sha256_of(folder: Path) -> str:
    return digest_files(ModelFile(folder / "inference.onnx"))


def det_in(folder: Path) -> ModelSource:
    return directory_source("det", folder, "openvino", ModelChoice())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / FILE_NAME
    written = ActivationRanges("ab" * 32, VALUES)
    write_ranges(path, written)
    assert read_ranges(path) == written
    assert list(read_ranges(path).values) == list(VALUES)  # in the order of the graph


def test_values_are_rounded_to_four_places_and_have_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    write_ranges(path, ActivationRanges("00", {"a": (-1.234567, 2.00004), "b": (0.0, 1e-9)}))
    assert read_ranges(path).values == {"a": (-1.2346, 2.0), "b": (0.0, 0.0)}
    assert '["a", [-1.2346, 2.0]],\n["b", ' in path.read_text(encoding="utf-8")


def test_no_operation_at_all(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    write_ranges(path, ActivationRanges("00", {}))
    assert read_ranges(path) == ActivationRanges("00", {})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"ranges",
        b"\xff\xfe\x00\xd8\x80\x81",
        b"[]",
        b'"ranges"',
        b"5",
        b'{"ranges": []}',
        b'{"model_sha256": "00"}',
        b'{"model_sha256": "00", "ranges": 5}',
        b'{"model_sha256": "00", "ranges": [5]}',
        b'{"model_sha256": "00", "ranges": [["a", [1]]]}',
        b'{"model_sha256": "00", "ranges": [["a", [1, 2, 3]]]}',
        b'{"model_sha256": "00", "ranges": [["a", ["low", "high"]]]}',
        b'{"model_sha256": "00", "ranges": [["a", [null, 1]]]}',
    ],
)
def test_a_file_that_holds_no_ranges(folder: Path, content: bytes) -> None:
    path = folder / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_ranges(path)
    assert caught.value.message.startswith(f"{path} has no valid activation ranges (")
    assert caught.value.message.endswith("); run tools/calibrate.py again")
    with pytest.raises(ModelError, match="has no valid activation ranges"):
        det_in(folder)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no valid activation ranges"):
        read_ranges(tmp_path / FILE_NAME)


# --- in a model's folder


def test_ranges_next_to_a_model_are_its_own(folder: Path) -> None:
    assert det_in(folder).ranges is None
    ranges = ActivationRanges(sha256_of(folder), VALUES)
    write_ranges(folder / FILE_NAME, ranges)
    assert det_in(folder).ranges == ranges


@pytest.mark.parametrize("role", ["det", "rec"])
def test_ranges_of_another_model_stop_the_start(folder: Path, role: str) -> None:
    path = folder / FILE_NAME
    write_ranges(path, ActivationRanges(sha256_of(folder), VALUES))
    (folder / "inference.onnx").write_bytes(b"newer weights")
    source = directory_source(role, folder, "openvino", ModelChoice())  # type: ignore[arg-type]
    with pytest.raises(ModelError) as caught:
        check_ranges(source)
    assert caught.value.message == (
        f"{role}_model_dir: the int8.json of {source.name} was measured on another model; run "
        "tools/calibrate.py again, or remove it"
    )
    path.unlink()
    assert det_in(folder).ranges is None


def test_models_without_shipped_ranges() -> None:
    assert shipped_ranges("PP-OCRv6_small_det") is not None
    assert shipped_ranges("no such model") is None


# --- in the fingerprint


def test_every_value_and_name_counts_in_the_fingerprint() -> None:
    plain = {"a": (0.0, 1.0), "b": (-1.0, 2.0)}
    others = [
        {"a": (0.0, 1.0001), "b": (-1.0, 2.0)},
        {"a": (-0.0001, 1.0), "b": (-1.0, 2.0)},
        {"a": (0.0, 1.0), "c": (-1.0, 2.0)},
        {"a": (-1.0, 2.0), "b": (0.0, 1.0)},
        {"a": (0.0, 1.0)},
        {},
    ]
    found = {ActivationRanges("00", values).fingerprint() for values in (plain, *others)}
    assert len(found) == 1 + len(others)
    turned = dict(reversed(plain.items()))
    expected = ActivationRanges("00", plain).fingerprint()
    assert ActivationRanges("00", turned).fingerprint() == expected


def test_models_with_other_ranges_have_another_fingerprint() -> None:
    models = catalogue_set("PP-OCRv6_small")
    assert models.det.ranges is not None
    wider = replace(models.det.ranges, values={**models.det.ranges.values, "Conv.1": (0.0, 99.0)})
    variants = [
        models,
        models.with_model(replace(models.det, ranges=wider)),
        models.with_model(replace(models.det, ranges=None)),
        models.with_model(replace(models.rec, ranges=None)),
    ]
    assert len({variant.fingerprint() for variant in variants}) == len(variants)
