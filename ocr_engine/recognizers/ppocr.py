"""This project's own pipeline: detection, classification and recognition on any runtime."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.budget import ONE_CORE, Budget
from ocr_engine.errors import ModelError
from ocr_engine.images.decode import DecodedImage, ImageArray
from ocr_engine.models.source import CLS_SHAPE, ModelSet
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo, EngineSettings
from ocr_engine.recognizers import resuming
from ocr_engine.recognizers.ctc_output import converted
from ocr_engine.recognizers.documents import image_layout
from ocr_engine.recognizers.models import (
    Sessions,
    blank_answer,
    characters_of,
    load_runtime,
    load_sessions,
    rec_input,
)
from ocr_engine.recognizers.pages import ordered_boxes, read_page, readable
from ocr_engine.recognizers.stage_timer import StageTimer
from ocr_engine.result import Recognition
from ocr_engine.runtimes.session import Inputs, Session
from ocr_engine.stages import (
    classification,
    detection,
    long_lines,
    looks,
    orientation,
    page_angle,
    recognition,
    squeezing,
    unread,
    word_boxes,
)
from ocr_engine.stages.cropping import whole_image
from ocr_engine.stages.crops import Crops, in_gray, stretched_crop
from ocr_engine.stages.recognition import Reading

log = logging.getLogger(__name__)

SMALL_IMAGE = (64, 64)
PREPARED_PIXELS = 1_500_000  # larger images, even blank ones, take too much time and memory


class PpOcr:
    """The pipeline with its loaded models; plain functions do the steps between two models."""

    def __init__(
        self,
        info: EngineInfo,
        models: ModelSet,
        sessions: Sessions,
        rec_shape: tuple[int, int, int],
        characters: tuple[str, ...],
    ) -> None:
        self.info = info
        self.models = models
        self.sessions = sessions
        self._wide_det: Session | None = None
        self._rec_shape = rec_shape
        self._characters = characters
        self._last_size = SMALL_IMAGE  # of detection's last input
        self._preparations = self._prepared_shapes()

    def recognize(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget = ONE_CORE
    ) -> Recognition:
        """See Recognizer.recognize."""
        timer = StageTimer()

        def detect(pixels: ImageArray) -> list[FloatArray]:
            if not options.use_det:
                return [whole_image(pixels)]
            with timer.stage("det"):
                boxes = self._detect(pixels, options, budget)
            return readable(pixels, boxes, options, read)

        def read(crops: Crops, options: RecognitionOptions = options) -> list[Reading]:
            if not crops.shapes:
                return []
            with timer.stage("rec"):
                return self._read(crops, budget, options)

        if not options.use_rec:
            return self._without_reading(image, options, budget, timer)
        page, readings, angle = read_page(image.pixels, options, detect, read)
        if page.boxes and options.use_angle_cls:
            with timer.stage("cls"):
                suspects = self._suspects(page.crops, readings, options)
            with timer.stage("rec"):
                vertical = [region.is_vertical for region in page.regions]
                self._turn(page.crops, readings, suspects, vertical, budget, options)
        checked = unread.checked(readings, page.crops, self._characters)
        found = [
            word_boxes.text_line(
                reading, np.rint(box).astype(np.int32), page.crops[number], options.granularity
            )
            for number, (box, reading) in enumerate(zip(page.boxes, checked, strict=True))
            if reading.is_kept(options.drop_score)
        ]
        return Recognition(image_layout(image, found, angle), timer.seconds)

    def _without_reading(
        self, image: DecodedImage, options: RecognitionOptions, budget: Budget, timer: StageTimer
    ) -> Recognition:
        """The boxes of lines, with the confidence of detection."""
        angle = page_angle.given(options) or 0
        with timer.stage("det"):
            pixels = page_angle.rotate(image.pixels, angle)
            boxes = self._detect(pixels, options, budget)
        least, granularity = options.det_db_box_thresh, options.granularity
        found = [word_boxes.unread_line(box, granularity) for box in boxes if box.score >= least]
        return Recognition(image_layout(image, found, angle), timer.seconds)

    def prepare(self) -> bool:
        """See KeepsMemory.prepare; without it the first line of each width takes 30 ms longer."""
        return next(self._preparations, False)

    def _prepared_shapes(self) -> Iterator[bool]:
        """Compile the common line widths, then the last image's size: the next may have it, too."""
        sessions = self.sessions
        channels, height, _ = self._rec_shape
        for width in recognition.COMMON_WIDTHS:
            blank = np.zeros((1, height, width, channels), dtype=np.uint8)
            sessions.rec.prepare(blank, sessions.cores)
            yield True
        height, width = self._last_size
        if height * width > PREPARED_PIXELS:
            height, width = SMALL_IMAGE
        blank = np.zeros((1, height, width, 3), dtype=np.uint8)
        self._detector(sessions.cores).prepare(blank, 1)
        yield True

    def release_memory(self, shapes: bool = False) -> None:
        """See KeepsMemory.release_memory."""
        sessions = self.sessions
        if shapes:
            self._wide_det = None
            self._preparations = self._prepared_shapes()
        for session in sessions.by_role.values():
            session.release_memory(shapes)
        if self._wide_det is not None:
            self._wide_det.release_memory(shapes)

    def _detect(
        self, pixels: ImageArray, options: RecognitionOptions, budget: Budget
    ) -> list[detection.ScoredBox]:
        """The boxes of text lines, in reading order, with faint ones."""
        padded = detection.pad_tiny(pixels)
        height, width = padded.shape[:2]

        def look(size: tuple[int, int]) -> list[detection.ScoredBox]:
            self._last_size = size
            probability = self._detector(budget.cores).run(detection.preprocess(padded, size))
            return detection.postprocess(probability[0, 0], (height, width), options)

        find = functools.partial(resuming.boxes, budget.steps, look)
        boxes = looks.find_boxes(height, width, options, self.models.det.reduction, find)
        return ordered_boxes(boxes, pixels)

    def _detector(self, cores: int) -> Session:
        """Detection for this many cores.

        If that session cannot be loaded, the one for a single core is used until the next reset.
        """
        if cores == 1 or self.sessions.wide_det is None:
            return self.sessions.det
        if self._wide_det is None:
            try:
                self._wide_det = self.sessions.wide_det()
            except (ModelError, OSError) as error:
                self._wide_det = self.sessions.det
                log.warning("detection uses one core until the next idle reset: %s", error)
        return self._wide_det

    def _suspects(
        self, crops: Crops, readings: Sequence[Reading], options: RecognitionOptions
    ) -> list[int]:
        """The lines that do not read well and that the classifier considers upside down."""
        return [
            index
            for index, reading in enumerate(readings)
            if (threshold := orientation.classifier_threshold(reading, options.cls_thresh))
            is not None
            and self._seems_upside_down(crops[index], threshold)
        ]

    def _seems_upside_down(self, crop: ImageArray, threshold: float) -> bool:
        source, session = self.models.get("cls"), self.sessions.get("cls")
        if session is None or source is None:
            return False
        _, height, width = source.image_shape or CLS_SHAPE
        fit = stretched_crop if source.stretch else classification.preprocess
        return classification.is_upside_down(session.run(fit(crop, height, width)), threshold)

    def _turn(
        self,
        crops: Crops,
        readings: list[Reading],
        suspects: Sequence[int],
        vertical: Sequence[bool],
        budget: Budget,
        options: RecognitionOptions,
    ) -> None:
        """Replace the readings of upside-down lines: first of suspects, then of their group."""

        def read_turned(lines: Sequence[int]) -> Iterator[tuple[int, Reading]]:
            again = self._read(crops.subset(lines, classification.turn), budget, options)
            return zip(lines, again, strict=True)

        turned = dict(read_turned(suspects))
        turned.update(read_turned(orientation.to_be_read_turned(readings, turned, vertical)))
        for index in orientation.upside_down(readings, turned, vertical):
            readings[index] = turned[index]._replace(turned=True)

    def _read(self, crops: Crops, budget: Budget, options: RecognitionOptions) -> list[Reading]:
        """The text and confidence of each crop; those that are too long are read in pieces."""
        longest = recognition.WIDTHS[-1] / self._rec_shape[1]
        if not any(long_lines.is_long(shape, longest) for shape in crops.shapes):
            return self._read_whole(crops, budget, options)
        pieces = long_lines.cut(crops, longest)
        with_characters = replace(options, granularity="char")
        return pieces.join(self._read_whole(pieces.crops, budget, with_characters))

    def _read_whole(
        self, crops: Crops, budget: Budget, options: RecognitionOptions
    ) -> list[Reading]:
        """The text and confidence of each crop.

        If the model allows it, a crop is first read squeezed. Unless that suffices, it is also read
        at full width, padded as in PaddleOCR.
        """
        readings = self._read_at(self.models.rec.squeeze, crops, budget, options)
        if self.models.rec.squeeze == 1:
            return readings
        unsure = [i for i, reading in enumerate(readings) if not squeezing.suffices(reading)]
        again = self._read_at(1.0, crops.subset(unsure), budget, options, self._rec_shape[2])
        for index, reading in zip(unsure, again, strict=True):
            readings[index] = squeezing.better(readings[index], reading)
        return readings

    def _read_at(
        self,
        squeeze: float,
        crops: Crops,
        budget: Budget,
        options: RecognitionOptions,
        min_width: int = 0,
    ) -> list[Reading]:
        shape = (*self._rec_shape[1:], squeeze, min_width)

        def make(number: int) -> ImageArray:
            budget.check_deadline()
            pixels = recognition.preprocess(crops[number], *shape)
            return in_gray(pixels) if self._rec_shape[0] == 1 else pixels

        def read(number: int, output: FloatArray) -> Reading:
            filled = recognition.filled_share(crops.shapes[number], *shape)
            if options.granularity == "line":
                return recognition.decode(output, self._characters, filled)
            return recognition.decode_characters(output, self._characters, filled)

        widths = [recognition.padded_width(crop, *shape) for crop in crops.shapes]
        run = functools.partial(self.sessions.rec.run_each, infer_requests=budget.cores)
        return resuming.readings(budget.steps, Inputs(widths, make, read), run)


def load(settings: EngineSettings) -> PpOcr:
    """Load the models; ModelError if one does not fit the runtime, its role or its dictionary."""
    if settings.models is None:
        raise ModelError(f"engine {settings.engine} needs model files; a set name is not enough")
    cv2.setNumThreads(settings.threads)
    models = settings.models
    runtime = load_runtime(settings.engine)
    sessions = load_sessions(runtime, settings, models)
    rec_shape = rec_input(models.rec, sessions.rec)
    answer = blank_answer(models.rec, sessions.rec, rec_shape)
    characters = characters_of(models.rec, sessions.rec, answer.shape[2])
    sessions = sessions.with_session("rec", converted(sessions.rec, answer))
    info = EngineInfo(
        engine=f"{runtime.name} {runtime.version()}",
        precision=sessions.describe_precision(),
        models=models.describe(),
        threads=settings.threads,
        characters="\n".join(characters),
    )
    return PpOcr(info, models, sessions, rec_shape, characters)
