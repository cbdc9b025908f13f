"""One image from its bytes to the result: decoded, prepared as asked, recognized, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ocr_engine.budget import Budget
from ocr_engine.images.decode import DecodedImage, decode, reduced, squared
from ocr_engine.images.preprocessing import preprocessed
from ocr_engine.images.quality import quality_of
from ocr_engine.images.straightening import straighten
from ocr_engine.moved_boxes import moved, resized
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizers.stage_timer import StageTimer
from ocr_engine.result import Document, Recognition
from ocr_engine.selection import confident
from ocr_engine.stages.reading_order import page_skew
from ocr_engine.steps import Save, Steps
from ocr_engine.worker.messages import Task

if TYPE_CHECKING:
    from ocr_engine.recognizer import Recognizer

Read = Callable[[DecodedImage, RecognitionOptions], Recognition]


def recognize(
    recognizer: Recognizer, task: Task, max_pixels: int, save: Save | None = None
) -> Recognition:
    """Decode and recognize; adds the stages `decode` and, if asked for, `prepare` and `draw`.

    save: see Steps.
    """
    steps = Steps(task.saved, save)
    budget = Budget(task.cores, time.monotonic() + task.seconds, steps)
    options, timer = task.options, StageTimer()

    def read(image: DecodedImage, options: RecognitionOptions) -> Recognition:
        return recognizer.recognize(image, options, budget)

    with timer.stage("decode"):
        image = decode(task.image, max_pixels, options.max_side)
        square = squared(image, max_pixels)
        seen = reduced(square, options.max_side)
    scaled_to = seen.size if image.file_size is not None or seen is not square else None
    if options.preprocess:
        with timer.stage("prepare"):
            pixels = preprocessed(seen.pixels, options.preprocess)
        recognition = _read_straight(read, replace(seen, pixels=pixels), options, max_pixels)
    else:
        recognition = read(seen, options)
    result = _described(recognition.result, image, scaled_to, options)
    stages = {**timer.seconds, **recognition.stages}
    if not options.draw:
        return Recognition(result, stages)
    from ocr_engine.images.drawing import draw_page

    (page,) = result.pages
    with timer.stage("draw"):
        drawing = draw_page(image.pixels, confident(page, options.shown_score))
    return Recognition(result, {**stages, **timer.seconds}, drawing)


def _read_straight(
    read: Read, image: DecodedImage, options: RecognitionOptions, max_pixels: int
) -> Recognition:
    """Recognize the image; straightened by the skew of its lines, if options ask for that."""
    if "deskew" not in options.preprocess or not options.use_det:
        return read(image, options)
    first = read(image, replace(options, use_rec=False, orientation="off", granularity="line"))
    boxes = [line.box for line in first.result.lines]
    skew = page_skew(np.array(boxes, dtype=np.float64)) if boxes else 0.0
    straight = straighten(image, skew, max_pixels)
    recognition = read(image if straight is None else straight.image, options)
    stages = {
        name: seconds + first.stages.get(name, 0.0) for name, seconds in recognition.stages.items()
    }
    result = recognition.result
    if straight is not None:
        result = moved(result, straight.box_before, *image.size)
    return Recognition(result, stages)


def _described(
    document: Document,
    image: DecodedImage,
    scaled_to: tuple[int, int] | None,
    options: RecognitionOptions,
) -> Document:
    """The document with its boxes in pixels of the file, and what is to be said of the image."""
    (page,) = document.pages
    width, height = image.file_size or image.size
    if (page.width, page.height) != (width, height):
        document = resized(document, width, height)
        (page,) = document.pages
    page = replace(
        page,
        scaled_to=scaled_to,
        degraded=options.degraded and scaled_to is not None,
        quality=quality_of(image.pixels, page, options.use_rec),
    )
    return replace(document, pages=(page,))
