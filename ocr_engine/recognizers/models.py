"""Loads the pipeline's models on a runtime, chooses their number formats, and checks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError, last_line
from ocr_engine.models.source import (
    CLS_SHAPE,
    REC_SHAPE,
    ROLES,
    ModelSet,
    ModelSource,
    Role,
    check_unchanged,
)
from ocr_engine.recognizer import EngineSettings
from ocr_engine.runtimes.openvino.environment import prepare_environment
from ocr_engine.runtimes.session import (
    Normalization,
    PixelArray,
    Precision,
    Runtime,
    Session,
    SessionSettings,
)
from ocr_engine.stages.recognition import WIDTHS

DET_SHAPES = 12  # kept compiled; page sizes vary, and each shape takes about 7 MB
# Of lines that any infer request reads: balances two of them, and bounds their memory.
MAX_SHARED_WIDTH = 1056


@dataclass(frozen=True, slots=True)
class Sessions:
    """The loaded models by role, as in the ModelSet, in its order.

    wide_det: loads another detection session, for `cores` cores. cores: the most cores that one
    image may use.
    """

    by_role: Mapping[Role, Session]
    wide_det: Callable[[], Session] | None = None
    cores: int = 1

    @property
    def det(self) -> Session:
        """The detection model."""
        return self.by_role["det"]

    @property
    def rec(self) -> Session:
        """The recognition model."""
        return self.by_role["rec"]

    def get(self, role: Role) -> Session | None:
        """The model of a role, if there is one."""
        return self.by_role.get(role)

    def with_session(self, role: Role, session: Session) -> Sessions:
        """A copy with another model in this role."""
        return replace(self, by_role={**self.by_role, role: session})

    def describe_precision(self) -> str:
        """The number format in use, which may differ from the one requested."""
        if self.det.precision == self.rec.precision:
            return self.det.precision
        return f"detection {self.det.precision}, recognition {self.rec.precision}"


def load_sessions(runtime: Runtime, settings: EngineSettings, models: ModelSet) -> Sessions:
    """Load the models; ModelError if one does not fit the runtime or its role."""
    precisions = _precisions(settings, models, runtime)
    for source in models.sources():
        if precisions[source.role] == "int8":
            check_ranges(source)

    def session(
        source: ModelSource, shapes: int = 1 << 10, threads: int = 1, infer_requests: int = 1
    ) -> Session:
        loaded = runtime.load(
            source.file,
            SessionSettings(
                normalization=normalization(source),
                threads=settings.threads * threads,
                infer_requests=infer_requests,
                precision=precisions[source.role],
                cached_shapes=min(settings.cached_shapes, shapes),
                max_shared_width=MAX_SHARED_WIDTH,
                enable_mkldnn=settings.enable_mkldnn,
                ranges=source.ranges.values if source.ranges else {},
                digest=source.sha256,
            ),
        )
        check_unchanged(source.file, source.sha256)
        return loaded

    def wide_det() -> Session:
        return session(models.det, DET_SHAPES, threads=settings.cores)

    def load(source: ModelSource) -> Session:
        if source.role == "det":
            return session(source, DET_SHAPES)
        return session(source, infer_requests=settings.cores if source.role == "rec" else 1)

    by_role = {source.role: load(source) for source in models.sources()}
    for source in models.sources():
        _check_role(source, by_role[source.role])
    return Sessions(by_role, wide_det if settings.cores > 1 else None, settings.cores)


def load_runtime(name: str) -> Runtime:
    """The runtime by name; ModelError if its library is not installed."""
    try:
        if name == "openvino":
            prepare_environment()
            from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime

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


def _precisions(
    settings: EngineSettings, models: ModelSet, runtime: Runtime
) -> dict[Role, Precision]:
    """The number format of each model; ModelError for int8 without ranges.

    auto: int8 if the CPU supports it natively, otherwise f32, or bf16 for recognition if native.
    """
    if settings.precision != "auto":
        if settings.precision == "int8" and not (models.det.ranges and models.rec.ranges):
            raise ModelError(
                "ocr.precision = int8: there are no activation ranges for these models; run "
                "tools/calibrate.py on your own images, or set auto"
            )
        chosen = settings.precision
        others = _in_all_roles("f32" if chosen == "int8" else chosen)
        return {**others, "det": chosen, "rec": chosen}
    int8 = runtime.native_int8()
    wide: Precision = "bf16" if runtime.native_bf16() else "f32"
    det: Precision = "int8" if int8 and models.det.ranges else "f32"
    rec: Precision = "int8" if int8 and models.rec.ranges else wide
    return {**_in_all_roles("f32"), "det": det, "rec": rec}


def _in_all_roles(precision: Precision) -> dict[Role, Precision]:
    return dict.fromkeys(ROLES, precision)


def normalization(source: ModelSource) -> Normalization:
    """The normalization, in the channel order of the stages' output.

    As in PaddleOCR: the input of recognition and of padded classification is from -1 to 1, whatever
    inference.yml says. The stretched crops of classification are RGB, everything else is BGR.
    """
    if source.role == "det":
        return Normalization(source.mean, source.std)
    if source.stretch:
        return Normalization(source.mean[::-1], source.std[::-1])
    return Normalization()


def check_ranges(source: ModelSource) -> None:
    """ModelError if the activation ranges of a model were measured on another model."""
    if source.ranges is not None and source.ranges.sha256 != source.sha256:
        raise ModelError(
            f"{source.role}_model_dir: the int8.json of {source.name} was measured on another "
            "model; run tools/calibrate.py again, or remove it"
        )


def _check_role(source: ModelSource, session: Session) -> None:
    """ModelError if the output for a blank image does not have the shape that the role requires.

    Recognition is checked later, against its dictionary.
    """
    size = (64, 64)
    expected: tuple[int, ...] = (1, 1, 64, 64)
    if source.role == "cls":
        size, expected = (source.image_shape or CLS_SHAPE)[1:], (1, 2)
    elif source.role != "det":
        return
    answer = try_run(source, session, np.zeros((1, *size, 3), dtype=np.uint8))
    if source.role == "det" and answer.ndim == len(expected):
        answer = answer[:, :1]  # a DBNet may also have the map of its threshold
    if answer.shape != expected:
        raise ModelError(
            f"{source.role}_model_dir: {source.name} is not a {ROLES[source.role]} model"
        )


def try_run(source: ModelSource, session: Session, pixels: PixelArray) -> FloatArray:
    """The model's output; ModelError if it cannot run on the pixels."""
    try:
        return session.run(pixels)
    except Exception as error:  # each runtime raises its own errors
        raise ModelError(
            f"{source.role}_model_dir: {source.name} does not run as a {ROLES[source.role]} "
            f"model: {last_line(error)}"
        ) from None


def rec_input(source: ModelSource, session: Session) -> tuple[int, int, int]:
    """(channels, height, width) of rec input: one channel for a model of gray images."""
    channels, height, width = source.image_shape or (
        REC_SHAPE[0],
        session.input_height or REC_SHAPE[1],
        REC_SHAPE[2],
    )
    return session.input_channels or channels, height, width


def blank_answer(
    source: ModelSource, session: Session, rec_shape: tuple[int, int, int]
) -> FloatArray:
    """The output of rec for a blank crop; ModelError if it is not that of a CTC model."""
    channels, height, _ = rec_shape
    blank_crop = np.zeros((1, height, WIDTHS[0], channels), dtype=np.uint8)
    answer = try_run(source, session, blank_crop)
    if answer.ndim != 3:
        raise ModelError(f"rec_model_dir: {source.name} is not a CTC recognition model")
    return answer


def characters_of(source: ModelSource, session: Session, classes: int) -> tuple[str, ...]:
    """The characters of the model's classes; if there is one class more, the last is the space."""
    listed = session.metadata.get("character")
    characters = source.characters or (tuple(listed.split("\n")) if listed else ())
    if classes == len(characters) + 2:
        return (*characters, " ")
    if classes == len(characters) + 1:
        return characters
    raise ModelError(
        f"rec_char_dict_path: {source.name} has {classes} output classes, but its dictionary has "
        f"{len(characters)} characters; expected {classes - 2} (or {classes - 1} with the space)"
    )
