"""Compiled models on disk: they answer as before, and nothing wrong with them stops a start."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counting_core import CountingCore
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.source import ModelSource, Role
from ocr_engine.recognizers.sessions import normalization
from ocr_engine.runtimes import compiled
from ocr_engine.runtimes.compiled import CompiledModels, default_folder
from ocr_engine.runtimes.openvino import OpenVinoRuntime, OpenVinoSession
from ocr_engine.runtimes.session import Normalization, PixelArray, SessionSettings

# isort: split
import openvino as ov  # after ocr_engine.runtimes, which keeps it from calling home


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where models are kept: an empty cache of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = default_folder()
    assert found is not None
    assert found.is_relative_to(tmp_path)
    return found


def started() -> OpenVinoRuntime:
    """A runtime as a worker that starts has it, with a core that counts."""
    runtime = OpenVinoRuntime()
    runtime.core = CountingCore(runtime.core)
    return runtime


def source(role: Role = "cls") -> ModelSource:
    found = {model.role: model for model in catalogue_set("PP-OCRv6_small").sources()}
    return found[role]


def settings(model: ModelSource, **changes: Any) -> SessionSettings:
    ranges = model.ranges.values if model.ranges else {}
    usual = SessionSettings(
        normalization(model),
        precision="int8" if ranges and OpenVinoRuntime().native_int8() else "f32",
        ranges=ranges,
        digest=model.sha256,
    )
    return replace(usual, **changes)


def load(runtime: OpenVinoRuntime, role: Role = "cls", **changes: Any) -> OpenVinoSession:
    model = source(role)
    return runtime.load(model.file, settings(model, **changes))


def noise(width: int = 192) -> PixelArray:
    return np.random.default_rng(width).integers(0, 255, (1, 48, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("role", ["det", "cls", "rec"])
def test_the_next_start_compiles_nothing_and_answers_the_same(folder: Path, role: Role) -> None:
    first, second = started(), started()
    pixels = noise()[:, :32] if role == "det" else noise()
    before = load(first, role)
    after = load(second, role)
    assert (first.core.compiled, second.core.compiled) == (1, 0)
    np.testing.assert_array_equal(after.run(pixels), before.run(pixels))
    assert after.metadata == before.metadata
    assert (after.input_height, after.precision) == (before.input_height, before.precision)
    assert len(list(folder.iterdir())) == 1


def test_what_goes_with_its_shapes_comes_back_from_the_folder(folder: Path) -> None:
    runtime = started()
    session = load(runtime)
    expected = session.run(noise())
    session.release_memory(shapes=True)
    assert runtime.core.compiled == 1
    np.testing.assert_array_equal(session.run(noise()), expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"threads": 2},
        {"precision": "bf16"},
        {"cached_shapes": 3},
        {"normalization": Normalization((0.4, 0.5, 0.6))},
        {"digest": "another model"},
    ],
)
def test_what_is_compiled_otherwise_has_another_name(folder: Path, changes: dict[str, Any]) -> None:
    runtime = started()
    load(runtime)
    load(runtime, **changes)
    assert runtime.core.compiled == 2
    assert len(list(folder.iterdir())) == 2


def test_other_ranges_have_another_name(folder: Path) -> None:
    runtime = started()
    if not runtime.native_int8():
        pytest.skip("int8 was not measured on CPUs like this one")
    load(runtime, "det")
    values = dict(settings(source("det")).ranges)
    load(runtime, "det", ranges={**values, "Conv.82": (-30.0, 20.0)})
    assert runtime.core.compiled == 2


@pytest.mark.parametrize("changed", ["code", "version", "cpu"])
def test_another_code_version_or_cpu_has_another_name(
    folder: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    other = started()
    if changed == "code":
        monkeypatch.setattr("ocr_engine.runtimes.openvino.code_digest", lambda: "changed")
    elif changed == "version":
        monkeypatch.setattr(ov, "__version__", "2099.1")
    else:
        other._flags = frozenset({"avx2"})
    load(other)
    assert other.core.compiled == 1


def test_a_model_of_which_no_digest_is_known_is_not_kept(folder: Path) -> None:
    load(started(), digest="")
    assert not folder.exists()


@pytest.mark.parametrize("fault", ["empty", "cut", "changed", "of another kind"])
def test_a_broken_file_is_replaced(
    folder: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = load(started()).run(noise())
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    if fault == "changed":
        content[len(content) // 2] ^= 1
    elif fault == "of another kind":
        content[:] = hashlib.sha256(b"no model").digest() + b"no model"
    file.write_bytes(content[: {"empty": 0, "cut": 1000}.get(fault, len(content))])
    runtime = started()
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(load(runtime).run(noise()), expected)
    assert runtime.core.compiled == 1
    assert f"{file} " in caplog.text
    assert "the model is compiled anew" in caplog.text
    again = started()
    load(again)
    assert again.core.compiled == 0


@pytest.mark.parametrize("fault", ["a file in its place", "no home"])
def test_where_nothing_can_be_kept_models_load_all_the_same(
    folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fault == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", _no_home)
        assert default_folder() is None
    else:
        folder.parent.write_text("not a folder")
    for _ in range(2):
        runtime = started()
        assert load(runtime).run(noise()).shape == (1, 2)
        assert runtime.core.compiled == 1


@pytest.mark.parametrize("fault", ["not exported", "not put in its place"])
def test_what_cannot_be_written_leaves_nothing_behind(
    folder: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("no") if fault == "not exported" else OSError("no space left")

    if fault == "not exported":
        monkeypatch.setattr(ov.CompiledModel, "export_model", fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    assert load(started()).run(noise()).shape == (1, 2)
    assert not list(folder.iterdir())


def test_a_folder_that_can_only_be_read_is_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    monkeypatch.setattr(os, "utime", _read_only)
    runtime = started()
    load(runtime)
    assert runtime.core.compiled == 0


def _read_only(path: Path) -> None:
    raise OSError(30, "Read-only file system")


def _no_home() -> Path:
    raise RuntimeError("could not determine home directory")


def test_nothing_is_read_from_or_written_to_a_folder_of_somebody_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    other = started()
    load(other)
    load(other, threads=2)
    assert other.core.compiled == 2
    assert len(list(folder.iterdir())) == 1


def test_only_the_user_may_look_into_the_folder(folder: Path) -> None:
    load(started())
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_not_used_for_longest_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "MOST_FILES", 2)
    load(started())
    (first,) = folder.iterdir()
    kept = CompiledModels(folder)
    model = load(started(), digest="")._compile_lane()
    kept.keep("second", model)
    _make_older(folder / "second", first)
    kept.keep("third", model)
    assert {file.name for file in folder.iterdir()} == {"second", "third"}
    _make_older(folder / "third", folder / "second")
    assert kept.load(ov.Core(), "second", {"NUM_STREAMS": "0"}) is not None
    _make_older(folder / "third")
    kept.keep("fourth", model)
    assert {file.name for file in folder.iterdir()} == {"second", "fourth"}


def _make_older(*files: Path) -> None:
    """By an hour for each place in the list."""

    for hours, file in enumerate(files, 1):
        before = file.stat().st_mtime - 3600 * hours
        os.utime(file, (before, before))
