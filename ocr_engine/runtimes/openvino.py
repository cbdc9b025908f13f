"""OpenVINO: the default runtime. Reads .onnx, .pdmodel and the 2020 pair model + params."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino as ov

from ocr_engine.errors import ModelError, last_line
from ocr_engine.models.source import ModelFile
from ocr_engine.runtimes.session import FloatArray, Precision, SessionSettings


class OpenVinoSession:
    """One compiled model with one infer request."""

    def __init__(
        self, model: ov.CompiledModel, metadata: Mapping[str, str], input_height: int | None
    ) -> None:
        self.metadata = metadata
        self.input_height = input_height
        in_bf16 = model.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self.precision: Precision = "bf16" if in_bf16 else "f32"
        self._model = model
        self._request = model.create_infer_request()

    def run(self, tensor: FloatArray) -> FloatArray:
        """See Session.run; the answer is a copy: OpenVINO's own memory goes with its request.

        infer() hides a failed allocation and leaves an older answer in place; wait() tells of it.
        The model cannot be used any more after one: it asks for the same memory ever again.
        """
        self._request.start_async([tensor], share_inputs=True)
        self._request.wait()
        return np.array(self._request.get_output_tensor(0).data, dtype=np.float32)

    def release_memory(self) -> None:
        """Drop the activations of the largest shape seen; OpenVINO keeps them otherwise."""
        del self._request
        self._model.release_memory()
        self._request = self._model.create_infer_request()


class OpenVinoRuntime:
    """OpenVINO's CPU plugin, with its thread pinning off: pinned processes share one core."""

    name = "openvino"

    def __init__(self) -> None:
        self._core = ov.Core()

    def version(self) -> str:
        """The release, without the build."""
        return str(ov.__version__).split("-")[0]

    def native_bf16(self) -> bool:
        """Whether the CPU has AVX512_BF16 or AMX, as OpenVINO sees it."""
        return "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def load(self, model: ModelFile, settings: SessionSettings) -> OpenVinoSession:
        """See Runtime.load."""
        try:
            graph = _read(self._core, model)
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot read {model.path}: {last_line(error)}") from None
        if len(graph.inputs) != 1:
            raise ModelError(
                f"OpenVINO cannot read {model.path}: it has {len(graph.inputs)} inputs"
            )
        compiled = self._core.compile_model(
            graph,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": "1",
                "INFERENCE_NUM_THREADS": settings.threads,
                "ENABLE_CPU_PINNING": False,
                "INFERENCE_PRECISION_HINT": settings.precision,
                "CPU_RUNTIME_CACHE_CAPACITY": settings.cached_shapes,
            },
        )
        height = graph.input(0).partial_shape[2]
        return OpenVinoSession(
            compiled, _metadata(graph), height.get_length() if height.is_static else None
        )


def _read(core: ov.Core, model: ModelFile) -> ov.Model:
    """OpenVINO tells Paddle's formats by the file's name, so other names get a link."""
    if model.params is None or model.path.suffix:
        return core.read_model(model.path)
    with tempfile.TemporaryDirectory(prefix="ocr-model-") as folder:
        named = Path(folder) / "inference.pdmodel"
        named.symlink_to(model.path.resolve())
        named.with_suffix(".pdiparams").symlink_to(model.params.resolve())
        return core.read_model(named)


def _metadata(graph: ov.Model) -> dict[str, str]:
    if not graph.has_rt_info(["framework"]):
        return {}
    framework = graph.get_rt_info(["framework"]).value
    return {str(key): str(getattr(value, "value", value)) for key, value in framework.items()}
