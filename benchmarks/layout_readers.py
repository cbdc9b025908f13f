"""Layouts of the pages of the layout set, from true lines or from those that the engine read."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from layout_set.store import StoredPage
from layout_set.truth import TruePage
from ocr_engine.geometry import as_quad
from ocr_engine.images.decode import decode
from ocr_engine.layout import lay_out
from ocr_engine.models.directory import ModelChoice, resolve_models
from ocr_engine.moved_boxes import rotated_lines
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.recognizers.documents import image_layout
from ocr_engine.result import Block, Line, Page
from ocr_engine.selection import in_raster_order
from ocr_engine.stages.reading_order import page_skew, reading_order

MODELS = "PP-OCRv6_small"
MAX_PIXELS = 40_000_000


class Layout(NamedTuple):
    """The blocks of a page in reading order, and the CPU seconds that it took.

    same_raster: whether `order=raster` gives the order that the lines had; None if not known.
    """

    blocks: Sequence[Block]
    seconds: float
    same_raster: bool | None = None


def true_lines(truth: TruePage) -> list[Line]:
    """The true lines as the engine gives them to the layout: in raster order."""
    boxes = [np.array(line.box, dtype=np.float32) for line in truth.lines]
    ordered = [truth.lines[index] for index in reading_order(boxes)]
    return [Line(line.text, 1.0, line.box) for line in ordered]


def laid_out(page: StoredPage) -> Layout:
    """The layout of the true lines of a page."""
    truth = page.truth
    lines = true_lines(truth)
    corners = np.array([line.box for line in lines], dtype=np.float64)
    start = time.process_time()
    blocks, raster = lay_out(lines, corners, page_skew(corners), truth.height, truth.rules)
    seconds = time.process_time() - start
    read = Page(truth.width, truth.height, blocks, raster=raster)
    return Layout(blocks, seconds, list(in_raster_order(read).lines) == lines)


def read_image(page: StoredPage) -> Layout:
    """The layout of an image that the engine reads, with one thread; its lines are kept."""
    content = page.path.read_bytes()
    recognizer = _recognizer()
    start = time.process_time()
    result = recognizer.recognize(decode(content, MAX_PIXELS), RecognitionOptions()).result
    seconds = time.process_time() - start
    _keep(page.path, content, result.pages[0])
    return Layout(result.pages[0].blocks, seconds)


def laid_out_again(page: StoredPage) -> Layout:
    """The layout of the lines that the engine read before; reads the image if there are none."""
    content = page.path.read_bytes()
    kept = _kept(page.path, content)
    if kept is None:
        return read_image(page)
    lines, angle = kept
    image = decode(content, MAX_PIXELS)
    upright = rotated_lines(lines, angle, page.truth.width, page.truth.height)
    start = time.process_time()
    document = image_layout(image, upright, angle)
    return Layout(document.pages[0].blocks, time.process_time() - start)


@cache
def _recognizer() -> Recognizer:
    """That of this process."""
    source = resolve_models(ModelChoice(set_name=MODELS), "openvino")
    return load_recognizer(EngineSettings("openvino", source, MODELS))


def _keep(image: Path, content: bytes, page: Page) -> None:
    """Write the lines of a page in raster order, with a digest of its image."""
    lines = in_raster_order(page).lines
    stored = {
        "image": hashlib.sha256(content).hexdigest(),
        "angle": page.angle,
        "lines": [(line.text, line.confidence, line.box) for line in lines],
    }
    _kept_file(image).write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")


def _kept(image: Path, content: bytes) -> tuple[list[Line], int] | None:
    """The lines and the angle of a page; None if this image was not read."""
    path = _kept_file(image)
    if not path.is_file():
        return None
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["image"] != hashlib.sha256(content).hexdigest():
        return None
    lines = [Line(text, confidence, as_quad(box)) for text, confidence, box in stored["lines"]]
    return lines, stored["angle"]


def _kept_file(image: Path) -> Path:
    return image.with_suffix(".read.json")
