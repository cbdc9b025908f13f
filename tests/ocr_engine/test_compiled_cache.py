"""Cached compiled models give the same answers, and a broken cache never stops a start."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

import ocr_engine.runtimes
from ocr_engine.models.catalogue import catalogue_set
from ocr_engine.models.source import ModelFile, ModelSource, Role, digest_files
from ocr_engine.recognizers.models import normalization
from ocr_engine.runtimes.openvino import compiled_cache
from ocr_engine.runtimes.openvino.compiled_cache import CompiledModels, default_folder
from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime, OpenVinoSession
from ocr_engine.runtimes.session import Normalization, PixelArray, SessionSettings
from tests.support.counting_core import CountingCore

RUNTIMES = Path(ocr_engine.runtimes.__file__).parent
UNKNOWN_FIELD = b"\xa0\x1f\x00"  # number 500 in protobuf, which ONNX readers skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = default_folder()
    assert found is not None
    assert found.is_relative_to(tmp_path)
    return found


def started() -> OpenVinoRuntime:
    """The runtime of a starting worker, with a core that counts calls."""
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
    ],
)
def test_what_is_compiled_otherwise_has_another_name(folder: Path, changes: dict[str, Any]) -> None:
    runtime = started()
    load(runtime)
    load(runtime, **changes)
    assert runtime.core.compiled == 2
    assert len(list(folder.iterdir())) == 2


def copied(folder: Path, addition: bytes = b"") -> ModelFile:
    """The classifier in a folder, perhaps with added bytes that ONNX readers skip."""
    folder.mkdir(exist_ok=True)
    file = folder / "inference.onnx"
    file.write_bytes(source().file.path.read_bytes() + addition)
    return ModelFile(file)


def test_another_model_has_another_name(folder: Path, tmp_path: Path) -> None:
    runtime = started()
    load(runtime)
    other = copied(tmp_path / "other", UNKNOWN_FIELD)
    runtime.load(other, settings(source(), digest=digest_files(other)))
    assert runtime.core.compiled == 2
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("fault", ["changed since", "weights in another file"])
def test_what_the_digest_does_not_cover_is_not_kept(
    folder: Path, tmp_path: Path, fault: str
) -> None:
    """The first: somebody replaces the model while the server runs."""
    file = copied(tmp_path / "mine")
    if fault == "changed since":
        digest = digest_files(file)
        copied(tmp_path / "mine", UNKNOWN_FIELD)
    else:
        # unknown field 500 with an entry of external_data as ONNX writes it
        copied(tmp_path / "mine", b"\xa2\x1f\x0f\x0a\x08location\x12\x03w.d")
        digest = digest_files(file)
    session = started().load(file, settings(source(), digest=digest))
    assert session.run(noise()).shape == (1, 2)
    assert not folder.exists()


def test_the_code_has_a_digest_of_its_own(tmp_path: Path) -> None:
    assert compiled_cache.code_digest(RUNTIMES) == compiled_cache.CODE
    assert (
        compiled_cache.code_digest(tmp_path) == compiled_cache.code_digest(tmp_path / "none") == ""
    )
    (tmp_path / "graph.py").write_text("one")
    first = compiled_cache.code_digest(tmp_path)
    (tmp_path / "graph.py").write_text("two")
    assert len({"", first, compiled_cache.code_digest(tmp_path)}) == 3


def test_a_change_in_any_file_of_the_runtimes_makes_another_digest(tmp_path: Path) -> None:
    """Including the graph rewriting in a subfolder."""
    copy = tmp_path / "runtimes"
    shutil.copytree(RUNTIMES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    digests = {compiled_cache.code_digest(copy)}
    files = sorted(copy.rglob("*.py"))
    assert copy / "openvino" / "graph" / "pixel_input.py" in files
    for number, file in enumerate(files, 1):
        file.write_bytes(file.read_bytes() + b"#")
        digests.add(compiled_cache.code_digest(copy))
        assert len(digests) == number + 1, file


def test_where_the_code_cannot_be_read_nothing_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled_cache, "CODE", "")
    load(started())
    assert not folder.exists()


def test_other_ranges_have_another_name(folder: Path) -> None:
    runtime = started()
    if not runtime.native_int8():
        pytest.skip("int8 was not measured on CPUs like this one")
    load(runtime, "det")
    values = dict(settings(source("det")).ranges)
    load(runtime, "det", ranges={**values, "Conv.82": (-30.0, 20.0)})
    assert runtime.core.compiled == 2


@pytest.mark.parametrize("changed", ["code", "version", "cpu", "limit of the cpu"])
def test_another_code_version_or_cpu_has_another_name(
    folder: Path, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    other = started()
    if changed == "code":
        monkeypatch.setattr(compiled_cache, "CODE", "changed")
    elif changed == "version":
        monkeypatch.setattr(ov, "__version__", "2099.1")
    elif changed == "cpu":
        other._flags = frozenset({"avx2"})
    else:
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
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
    assert "the model is compiled again" in caplog.text
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


@pytest.mark.parametrize(
    ("owner", "name", "error"),
    [
        (ov.CompiledModel, "export_model", RuntimeError("no")),
        (ov.CompiledModel, "export_model", ValueError("no")),
        (ov.CompiledModel, "export_model", MemoryError()),
        (os, "replace", OSError("no space left")),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(
    folder: Path,
    owner: Any,
    name: str,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(owner, name, _raise(error))
    runtime = started()
    for threads in (1, 2):
        assert load(runtime, threads=threads).run(noise()).shape == (1, 2)
    assert not list(folder.iterdir())
    assert caplog.text.count("compiled models are not cached") == 1


@pytest.mark.parametrize("error", [ValueError("no"), IndexError("no"), RuntimeError("no")])
def test_whatever_is_wrong_with_a_file_the_model_is_compiled(
    folder: Path, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    monkeypatch.setattr(ov.Core, "import_model", _raise(error))
    runtime = started()
    load(runtime)
    assert runtime.core.compiled == 1


def test_no_room_for_a_model_is_no_fault_of_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(started())
    monkeypatch.setattr(ov.Core, "import_model", _raise(MemoryError()))
    with pytest.raises(MemoryError):
        load(started())


def _raise(error: Exception) -> Any:
    def fail(*arguments: object) -> None:
        raise error

    return fail


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


def test_only_the_user_may_look_into_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = default_folder()
    assert folder is not None
    before = os.umask(0)
    try:
        load(started())
    finally:
        os.umask(before)
    for level in (folder, folder.parent, folder.parent.parent):
        assert level.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("fault", ["open folder", "open folder above", "link"])
def test_a_folder_that_others_can_change_is_not_used(
    folder: Path, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(started())
    if fault == "link":
        folder.rename(tmp_path / "elsewhere")
        folder.symlink_to(tmp_path / "elsewhere")
    else:
        (folder if fault == "open folder" else folder.parent).chmod(0o770)
    other = started()
    load(other)
    load(other, threads=2)
    assert other.core.compiled == 2
    assert len(list(folder.iterdir())) == 1
    assert caplog.text.count("compiled models are not cached: other users can write to") == 1


def test_what_is_not_of_this_program_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_FILES", 1)
    folder.mkdir(parents=True, mode=0o700)
    folder.parent.chmod(0o700)
    for name in ("notes.txt", ".new-long-ago", ".new-just-now"):
        (folder / name).write_text("")
    (folder / "folder").mkdir()
    _make_older(folder / "notes.txt", folder / ".new-long-ago", folder / "folder")
    runtime = started()
    load(runtime)
    load(runtime, threads=2)
    names = {path.name for path in folder.iterdir() if len(path.name) != 64}
    assert names == {"notes.txt", ".new-just-now", "folder"}
    assert len(list(folder.iterdir())) == 4


def test_what_was_not_used_for_longest_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_cache, "MAX_FILES", 2)
    load(started())
    (first,) = folder.iterdir()
    kept = CompiledModels(folder)
    model = load(started(), digest="")._compile_model()
    second, third, fourth = (folder / (letter * 64) for letter in "234")

    def keep(file: Path) -> None:
        kept.keep(file.name, model, source().file, source().sha256)

    keep(second)
    _make_older(second, first)
    keep(third)
    assert set(folder.iterdir()) == {second, third}
    _make_older(third, second)
    assert kept.load(ov.Core(), second.name, {"NUM_STREAMS": "0"}) is not None
    _make_older(third)
    keep(fourth)
    assert set(folder.iterdir()) == {second, fourth}


def _make_older(*files: Path) -> None:
    """By one hour per position in the list."""

    for hours, file in enumerate(files, 1):
        before = file.stat().st_mtime - 3600 * hours
        os.utime(file, (before, before))
