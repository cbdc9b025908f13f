"""Paddle Inference with MKLDNN (oneDNN). Reads .pdmodel, .json, and the 2020 model + params."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import paddle
from paddle import inference

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError, last_line
from ocr_engine.models.source import ModelFile
from ocr_engine.runtimes.session import (
    Inputs,
    Normalization,
    PixelArray,
    Precision,
    SessionSettings,
)

T = TypeVar("T")


class PaddleSession:
    """One predictor; Paddle ties it to the thread that created it."""

    def __init__(
        self,
        predictor: Any,
        normalization: Normalization,
        input_channels: int | None,
        input_height: int | None,
    ) -> None:
        self.metadata: Mapping[str, str] = {}
        self.input_channels = input_channels
        self.input_height = input_height
        self.precision: Precision = "f32"
        self._predictor = predictor
        self._normalization = normalization
        self._input = predictor.get_input_handle(predictor.get_input_names()[0])
        self._output = predictor.get_output_handle(predictor.get_output_names()[0])

    def run(self, pixels: PixelArray) -> FloatArray:
        """See Session.run."""
        tensor = self._normalization.tensor(pixels)
        self._input.reshape(tensor.shape)
        self._input.copy_from_cpu(tensor)
        self._predictor.run()
        return np.asarray(self._output.copy_to_cpu(), dtype=np.float32)

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """See Session.run_each; one after another."""
        return inputs.run_on(self.run)

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """See Session.prepare."""
        self.run(pixels)

    def release_memory(self, shapes: bool = False) -> None:
        """Drop intermediate tensors and shrink Paddle's own pool."""
        self._predictor.clear_intermediate_tensor()
        self._predictor.try_shrink_memory()


class PaddleRuntime:
    """Paddle Inference on the CPU."""

    name = "paddle"

    def version(self) -> str:
        """The installed version."""
        return str(paddle.version.full_version)

    def native_bf16(self) -> bool:
        """False: Paddle's bf16 kernels cover only part of these models."""
        return False

    def native_int8(self) -> bool:
        """False: models are quantized for OpenVINO only."""
        return False

    def load(self, model: ModelFile, settings: SessionSettings) -> PaddleSession:
        """See Runtime.load."""
        channels, height = _input_shape(model)
        config = inference.Config(str(model.path), str(model.params))
        config.disable_gpu()
        config.disable_glog_info()
        config.set_cpu_math_library_num_threads(settings.threads)
        config.switch_ir_optim(True)
        if model.path.suffix == ".json":
            config.enable_new_ir(True)
            config.enable_new_executor()
        else:
            config.enable_memory_optim()
        if settings.enable_mkldnn:
            config.enable_mkldnn()
            config.set_mkldnn_cache_capacity(settings.cached_shapes)
        else:
            config.disable_mkldnn()
        try:
            predictor = inference.create_predictor(config)
        except Exception as error:  # Paddle raises bare C++ errors as several types
            raise ModelError(f"Paddle cannot read {model.path}: {last_line(error)}") from None
        return PaddleSession(predictor, settings.normalization, channels, height)


def _input_shape(model: ModelFile) -> tuple[int | None, int | None]:
    """The fixed channels and height of the program's input; only the older format has them.

    ModelError if the file is not a program: Paddle's predictor would crash the process.
    """
    if model.path.suffix == ".json":
        return None, None
    try:
        with paddle.pir_utils.OldIrGuard():
            program = paddle.static.deserialize_program(model.path.read_bytes())
        block = program.global_block()
        shape = block.var(block.ops[0].output("Out")[0]).shape
    except (ValueError, IndexError):
        raise ModelError(f"Paddle cannot read {model.path}: it is not a Paddle program") from None
    if len(shape) != 4:
        return None, None
    channels, height = (int(size) if size > 0 else None for size in shape[1:3])
    return channels, height
