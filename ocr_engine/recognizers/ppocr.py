"""The project's own pipeline: detection, classification, recognition on any runtime."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from ocr_engine.errors import ModelError, last_line
from ocr_engine.images import ImageArray, Picture
from ocr_engine.models.source import CLS_SHAPE, REC_SHAPE, ModelSet, ModelSource
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineInfo, EngineSettings
from ocr_engine.result import OcrResult, Recognition, TextLine, as_quad
from ocr_engine.runtimes.session import FloatArray, Precision, Runtime, Session, SessionSettings
from ocr_engine.stages import classification, detection, recognition
from ocr_engine.stages.cropping import crop_line
from ocr_engine.stages.reading_order import reading_order
from ocr_engine.stages.strips import stretched_tensor

SURELY_TURNED = 0.95
_ROLES = {"det": "detection", "cls": "classification", "rec": "recognition"}


class PpOcr:
    """Three loaded models; each picture passes through plain functions between them."""

    def __init__(
        self,
        info: EngineInfo,
        models: ModelSet,
        det: Session,
        cls: Session | None,
        rec: Session,
        rec_shape: tuple[int, int, int],
        characters: Sequence[str],
    ) -> None:
        self.info = info
        self._models = models
        self._det = det
        self._cls = cls
        self._rec = rec
        self._rec_shape = rec_shape
        self._characters = characters

    def recognize(self, picture: Picture, options: RecognitionOptions) -> Recognition:
        """See Recognizer.recognize."""
        watch = StageWatch()
        with watch.stage("det"):
            boxes = self._detect(picture.pixels, options)
        lines = []
        for index in reading_order(boxes):
            strip = crop_line(picture.pixels, boxes[index])
            if strip is None:
                continue
            with watch.stage("cls"):
                turn = options.use_angle_cls and self._is_upside_down(strip, options)
            with watch.stage("rec"):
                text, confidence = self._read_turned(strip) if turn else self._read(strip)
            if text and confidence >= options.drop_score:
                lines.append(TextLine(text, round(confidence, 4), as_quad(boxes[index])))
        height, width = picture.pixels.shape[:2]
        return Recognition(OcrResult(width, height, tuple(lines), picture.frames), watch.seconds)

    def release_memory(self) -> None:
        """See Recognizer.release_memory."""
        for session in (self._det, self._cls, self._rec):
            if session is not None:
                session.release_memory()

    def _detect(self, pixels: ImageArray, options: RecognitionOptions) -> list[detection.QuadArray]:
        padded = detection.pad_tiny(pixels)
        height, width = padded.shape[:2]
        size = detection.detection_size(height, width, options)
        source = self._models.det
        probability = self._det.run(detection.preprocess(padded, size, source.mean, source.std))
        boxes = detection.postprocess(probability[0, 0], (height, width), options)
        return [np.minimum(box, (pixels.shape[1], pixels.shape[0])) for box in boxes]

    def _is_upside_down(self, strip: ImageArray, options: RecognitionOptions) -> bool:
        source = self._models.cls
        if self._cls is None or source is None:
            return False
        _, height, width = source.image_shape or CLS_SHAPE
        if source.stretch:
            tensor = stretched_tensor(strip, height, width, source.mean, source.std)
        else:
            tensor = classification.preprocess(strip, height, width)
        return classification.is_upside_down(self._cls.run(tensor), options.cls_thresh)

    def _read_turned(self, strip: ImageArray) -> tuple[str, float]:
        """Read a line that seems to stand on its head; the classifier may be wrong.

        A line that does not read well turned is read as it stands, too: the surer text wins.
        """
        turned = self._read(classification.turn(strip))
        if turned[1] >= SURELY_TURNED:
            return turned
        return max(turned, self._read(strip), key=lambda reading: reading[1])

    def _read(self, strip: ImageArray) -> tuple[str, float]:
        _, height, base_width = self._rec_shape
        tensor = recognition.preprocess(strip, height, base_width)
        return recognition.decode(self._rec.run(tensor), self._characters)


class StageWatch:
    """Adds up the seconds that each stage takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block for the stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start


def load(settings: EngineSettings) -> PpOcr:
    """Load the models; ModelError if one does not fit the runtime, its role or its dictionary."""
    if settings.models is None:
        raise ModelError(f"engine {settings.engine} needs its models as files")
    cv2.setNumThreads(settings.threads)
    runtime = load_runtime(settings.engine)
    rec_precision = _rec_precision(settings, runtime)
    rest_precision: Precision = "bf16" if settings.precision == "bf16" else "f32"
    models = settings.models

    def session(source: ModelSource, precision: Precision) -> Session:
        return runtime.load(
            source.file,
            SessionSettings(
                settings.threads, precision, settings.cached_shapes, settings.enable_mkldnn
            ),
        )

    det = session(models.det, rest_precision)
    cls = session(models.cls, rest_precision) if models.cls else None
    rec = session(models.rec, rec_precision)
    rec_shape = models.rec.image_shape or (3, rec.input_height or REC_SHAPE[1], REC_SHAPE[2])
    _check_role(models.det, det, (3, 64, 64), (1, 1, 64, 64))
    if models.cls and cls:
        _check_role(models.cls, cls, models.cls.image_shape or CLS_SHAPE, (1, 2))
    characters = _characters(models.rec, rec, rec_shape)
    info = EngineInfo(
        engine=f"{runtime.name} {runtime.version()}",
        precision=_describe_precision(det, rec),
        models=models.describe(),
        threads=settings.threads,
    )
    return PpOcr(info, models, det, cls, rec, rec_shape, characters)


def load_runtime(name: str) -> Runtime:
    """The runtime by name; ModelError with what to install if its library is not there."""
    try:
        if name == "openvino":
            from ocr_engine.runtimes.openvino import OpenVinoRuntime

            return OpenVinoRuntime()
        if name == "onnxruntime":
            from ocr_engine.runtimes.onnxruntime import OnnxRuntimeRuntime

            return OnnxRuntimeRuntime()
        from ocr_engine.runtimes.paddle import PaddleRuntime

        return PaddleRuntime()
    except ImportError as error:
        raise ModelError(
            f"engine {name} is not installed ({error}); pip install -r requirements.txt"
        ) from None


def _describe_precision(det: Session, rec: Session) -> str:
    """What is really computed in; a runtime may not have what was asked for."""
    if det.precision == rec.precision:
        return det.precision
    return f"detection {det.precision}, recognition {rec.precision}"


def _rec_precision(settings: EngineSettings, runtime: Runtime) -> Precision:
    if settings.precision == "auto":
        return "bf16" if runtime.native_bf16() else "f32"
    return settings.precision


def _check_role(
    source: ModelSource, session: Session, shape: tuple[int, int, int], expected: tuple[int, ...]
) -> None:
    """ModelError if a picture of the shape (channels, height, width) gives no such answer."""
    answer = _try_run(source, session, np.zeros((1, *shape), dtype=np.float32))
    if answer.shape != expected:
        raise ModelError(
            f"{source.role}_model_dir: {source.name} is no {_ROLES[source.role]} model"
        )


def _try_run(source: ModelSource, session: Session, tensor: FloatArray) -> FloatArray:
    try:
        return session.run(tensor)
    except Exception as error:  # each runtime raises its own kinds
        raise ModelError(
            f"{source.role}_model_dir: {source.name} does not run as a {_ROLES[source.role]} "
            f"model: {last_line(error)}"
        ) from None


def _characters(
    source: ModelSource, session: Session, rec_shape: tuple[int, int, int]
) -> tuple[str, ...]:
    """The classes' characters; the space is the last class of models that have one more."""
    listed = session.metadata.get("character")
    characters = source.characters or (tuple(listed.split("\n")) if listed else ())
    blank_strip = np.zeros((1, 3, rec_shape[1], recognition.WIDTH_BUCKET), dtype=np.float32)
    answer = _try_run(source, session, blank_strip)
    if answer.ndim != 3:
        raise ModelError(f"rec_model_dir: {source.name} is not a CTC recognition model")
    classes = answer.shape[2]
    if classes == len(characters) + 2:
        return (*characters, " ")
    if classes == len(characters) + 1:
        return characters
    raise ModelError(
        f"rec_char_dict_path: {source.name} tells {classes} classes apart, but its dictionary has "
        f"{len(characters)} characters; {classes - 2} (or {classes - 1} with the space) are needed"
    )
