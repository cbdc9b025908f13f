"""PaddleOCR's own pipeline in the worker, for every model that it supports.

Models are files (from the catalogue, or from folders in the settings), or a set such as
PP-OCRv5_mobile that PaddleOCR downloads by name.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2

from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.errors import ModelError, last_line
from ocr_engine.geometry import as_quad
from ocr_engine.images.decode import DecodedImage, ImageArray
from ocr_engine.models.catalogue import CATALOGUE
from ocr_engine.models.official import (
    onnx_characters,
    write_detection_directory,
    write_recognition_directory,
)
from ocr_engine.models.recipe import read_recipe
from ocr_engine.models.source import ModelSet, ModelSource
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo, EngineSettings
from ocr_engine.recognizers.documents import image_layout
from ocr_engine.recognizers.paddle_parts import PaddleParts
from ocr_engine.recognizers.paddle_words import lines_with_parts
from ocr_engine.result import Line, Recognition
from ocr_engine.stages import page_angle
from ocr_engine.stages.cropping import whole_image
from ocr_engine.stages.detection import bounded_limit
from ocr_engine.stages.reading_order import reading_order
from ocr_engine.stages.word_boxes import unread_line
from ocr_engine.user_cache import NAME, user_cache

_SMALLEST = 1e-9
_CATALOGUE_NAMES = {name.name for models in CATALOGUE.values() for name in (models.det, models.rec)}


class PaddleOcr:
    """One PaddleOCR object; options are passed with each call, so that none persist."""

    def __init__(
        self, info: EngineInfo, pipeline: Any, parts: PaddleParts, turns_lines: bool
    ) -> None:
        self.info = info
        self._pipeline = pipeline
        self._parts = parts
        self._turns_lines = turns_lines

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        """See Recognizer.recognize; uses one core and reports a single stage, `ocr`."""
        start = time.perf_counter()
        angle = page_angle.given(options) or 0  # this engine does not find it
        pixels = page_angle.rotate(image.pixels, angle)
        if options.use_det and options.use_rec:
            lines = self._read_page(pixels, options)
        else:
            lines = self._run_part(pixels, options)
        seconds = time.perf_counter() - start
        return Recognition(image_layout(image, lines, angle), {"ocr": seconds})

    def _run_part(self, pixels: ImageArray, options: RecognitionOptions) -> list[Line]:
        """The boxes of lines without text, or the image as one line."""
        if options.use_rec:
            reading = self._parts.read(pixels)
            box = as_quad(whole_image(pixels))
            return [Line(reading.text, round(reading.confidence, 4), box)] if reading.text else []
        found = self._parts.detect(
            pixels,
            limit_side_len=_limit(pixels, options),
            limit_type=_limit_type(options),
            thresh=options.det_db_thresh or _SMALLEST,
            box_thresh=options.det_db_box_thresh or _SMALLEST,
            unclip_ratio=options.det_db_unclip_ratio,
        )
        order = reading_order([box.corners for box in found])
        return [unread_line(found[number], options.granularity) for number in order]

    def _read_page(self, pixels: ImageArray, options: RecognitionOptions) -> list[Line]:
        (found,) = self._pipeline.predict(
            pixels,
            use_textline_orientation=self._turns_lines and options.use_angle_cls,
            text_det_limit_side_len=_limit(pixels, options),
            text_det_limit_type=_limit_type(options),
            text_det_thresh=options.det_db_thresh or _SMALLEST,
            text_det_box_thresh=options.det_db_box_thresh or _SMALLEST,
            text_det_unclip_ratio=options.det_db_unclip_ratio,
            text_rec_score_thresh=options.drop_score,
            return_word_box=options.granularity != "line",
        )
        if options.granularity == "line":
            return list(_lines(found))
        return list(lines_with_parts(found, pixels, options.granularity))

    def prepare(self) -> bool:
        """Nothing to do."""
        return False

    def release_memory(self, shapes: bool = False) -> None:
        """Nothing to do: PaddleOCR cannot release memory; the worker's memory limit applies."""


def _limit(pixels: ImageArray, options: RecognitionOptions) -> int:
    limit = options.det_limit_side_len
    height, width = pixels.shape[:2]
    return limit if options.det_limit_type == "max" else bounded_limit(height, width, limit)


def _limit_type(options: RecognitionOptions) -> str:
    return "max" if options.det_limit_type == "max" else "min"


def _lines(found: Mapping[str, Any]) -> Iterator[Line]:
    names = ("rec_texts", "rec_scores", "rec_polys")
    for text, score, box in zip(*(found[name] for name in names), strict=True):
        if text:
            yield Line(text, round(float(score), 4), as_quad(box))


def load(settings: EngineSettings) -> PaddleOcr:
    """Build PaddleOCR from files, offline, or by name; ModelError names what is missing."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    cv2.setNumThreads(settings.threads)
    if settings.models is None:
        arguments, models = _named(settings), settings.set_name
    else:
        folder = model_folder(settings)
        os.environ.setdefault("PADDLE_PDX_CACHE_HOME", str(folder / "paddlex"))
        arguments, models = _from_files(settings, settings.models, folder)
    try:
        import paddleocr
    except ImportError as error:
        raise ModelError(
            f"engine paddleocr is not installed ({error}); pip install -r requirements.txt"
        ) from None
    try:
        pipeline = paddleocr.PaddleOCR(
            device="cpu",
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation="textline_orientation_model_dir" in arguments,
            **arguments,
        )
    except Exception as error:  # paddlex raises many kinds of errors
        raise ModelError(
            f"PaddleOCR cannot load {models}: {last_line(error)}{_hint(settings)}"
        ) from error
    engine = f"paddleocr {paddleocr.__version__} ({arguments['engine']})"
    info = EngineInfo(engine, "f32", models, settings.threads, _characters(arguments))
    return PaddleOcr(
        info, pipeline, PaddleParts(arguments), "textline_orientation_model_dir" in arguments
    )


def _characters(arguments: Mapping[str, Any]) -> str:
    """The characters of the recognition model, from its inference.yml; empty if there is none."""
    folder = arguments.get("text_recognition_model_dir")
    if folder is None:
        folder = _paddlex_home() / "official_models" / arguments["text_recognition_model_name"]
    return "\n".join(read_recipe(Path(folder)).characters)


def _paddlex_home() -> Path:
    return Path(os.environ.get("PADDLE_PDX_CACHE_HOME") or "~/.paddlex").expanduser()


def model_folder(settings: EngineSettings) -> Path:
    """The folder for model directories in the cache: the same for the same models."""
    assert settings.models is not None
    home = user_cache()
    name = f"{NAME}/{settings.models.fingerprint()}"
    for base in (home, Path(tempfile.gettempdir()) / f"ocr-{os.getuid()}"):
        if base is None:
            continue
        folder = base / name
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            return folder
    raise ModelError(f"engine paddleocr needs a writable folder for its models; {home} is not")


def _from_files(
    settings: EngineSettings, models: ModelSet, folder: Path
) -> tuple[dict[str, Any], str]:
    """PaddleOCR's arguments for model files, and a description of the models."""
    onnx = models.rec.file.path.suffix == ".onnx"
    if onnx != (models.det.file.path.suffix == ".onnx"):
        raise ModelError(
            "engine paddleocr runs detection and recognition on one runtime; "
            "give both as ONNX or both in Paddle's format"
        )
    det, rec = _with_known_name(models.det), _with_known_name(models.rec)
    characters = rec.characters or (onnx_characters(rec.file.path) if onnx else ())
    det_folder = _directory(det) or write_detection_directory(folder, det)
    rec_folder = _directory(rec) or write_recognition_directory(folder, rec, characters)
    arguments = {
        "text_detection_model_name": det.name,
        "text_detection_model_dir": str(det_folder),
        "text_recognition_model_name": rec.name,
        "text_recognition_model_dir": str(rec_folder),
        **_runtime(settings, onnx),
    }
    names = f"{models.det.name}, {models.rec.name}"
    cls = models.get("cls")
    orientation = _directory(cls) if cls is not None else None
    if cls is not None and orientation is not None:
        arguments["textline_orientation_model_name"] = cls.name
        arguments["textline_orientation_model_dir"] = str(orientation)
        names += f", {cls.name}"
    return arguments, names


def _with_known_name(source: ModelSource) -> ModelSource:
    """PaddleOCR accepts only model names that it knows; other models borrow one."""
    if _directory(source) is not None or source.name in _CATALOGUE_NAMES:
        return source
    return dataclasses.replace(source, name=f"PP-OCRv4_mobile_{source.role}")


def _directory(source: ModelSource) -> Path | None:
    """The model's folder, if it is in the layout that PaddleOCR publishes."""
    folder = source.file.path.parent
    return folder if (folder / "inference.yml").is_file() else None


def _named(settings: EngineSettings) -> dict[str, Any]:
    return {
        "text_detection_model_name": f"{settings.set_name}_det",
        "text_recognition_model_name": f"{settings.set_name}_rec",
        **_runtime(settings, onnx=False),
    }


def _runtime(settings: EngineSettings, onnx: bool) -> dict[str, Any]:
    if onnx:
        threads = {"intra_op_num_threads": settings.threads, "inter_op_num_threads": 1}
        return {"engine": "onnxruntime", "engine_config": threads}
    return {
        "engine": "paddle_static",
        "enable_mkldnn": settings.enable_mkldnn,
        "mkldnn_cache_capacity": settings.cached_shapes,
        "cpu_threads": settings.threads,
    }


def _hint(settings: EngineSettings) -> str:
    if settings.models is not None:
        return ""
    home = os.environ.get("PADDLE_PDX_CACHE_HOME") or "~/.paddlex"
    return (
        f"; PaddleOCR downloads {settings.set_name}_det and {settings.set_name}_rec by name. "
        f"Without internet access, put their folders into {home}/official_models, or set "
        "det_model_dir and rec_model_dir"
    )
