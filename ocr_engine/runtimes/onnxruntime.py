"""ONNX Runtime: reads .onnx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np
import onnxruntime

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError
from ocr_engine.models.source import ModelFile
from ocr_engine.runtimes.session import (
    Inputs,
    Normalization,
    PixelArray,
    Precision,
    SessionSettings,
)

T = TypeVar("T")


class OnnxRuntimeSession:
    """One onnxruntime.InferenceSession on the CPU."""

    def __init__(self, session: onnxruntime.InferenceSession, normalization: Normalization) -> None:
        first = session.get_inputs()[0]
        self.metadata: Mapping[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        self.input_channels = first.shape[1] if isinstance(first.shape[1], int) else None
        self.input_height = first.shape[2] if isinstance(first.shape[2], int) else None
        self.precision: Precision = "f32"
        self._session = session
        self._normalization = normalization
        self._input = first.name
        self._run_options = onnxruntime.RunOptions()

    def run(self, pixels: PixelArray) -> FloatArray:
        """See Session.run."""
        given = {self._input: self._normalization.tensor(pixels)}
        (output, *_) = self._session.run(None, given, self._run_options)
        return np.asarray(output, dtype=np.float32)

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """See Session.run_each; one after another."""
        return inputs.run_on(self.run)

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """Nothing to do: shapes are not compiled individually."""

    def release_memory(self, shapes: bool = False) -> None:
        """Nothing to do: without an arena each run frees its memory."""


class OnnxRuntimeRuntime:
    """The CPU execution provider, without an arena, which would keep the largest image's memory."""

    name = "onnxruntime"

    def version(self) -> str:
        """The installed version."""
        return str(onnxruntime.__version__)

    def native_bf16(self) -> bool:
        """False: the CPU kernels run these models in float32."""
        return False

    def native_int8(self) -> bool:
        """False: models are quantized for OpenVINO only."""
        return False

    def load(self, model: ModelFile, settings: SessionSettings) -> OnnxRuntimeSession:
        """See Runtime.load."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = settings.threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(
                str(model.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's errors share no public base class
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"ONNX Runtime cannot read {model.path}: {reason}") from None
        return OnnxRuntimeSession(session, settings.normalization)
