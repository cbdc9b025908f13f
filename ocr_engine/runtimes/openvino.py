"""OpenVINO: the default runtime. Reads .onnx, .pdmodel and the 2020 pair model + params."""

from __future__ import annotations

import contextlib
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
import openvino as ov

from ocr_engine.errors import ModelError, last_line
from ocr_engine.models.source import ModelFile
from ocr_engine.runtimes.quantization import quantize
from ocr_engine.runtimes.session import FloatArray, Precision, SessionSettings

T = TypeVar("T")

EXECUTORS_PER_SHAPE = 100  # OpenVINO counts compiled operations; these models have some 60 to 90


class OpenVinoSession:
    """A model compiled once for each lane; what comes alone runs in the first lane."""

    def __init__(
        self,
        compile_lane: Callable[[], ov.CompiledModel],
        first: ov.CompiledModel,
        metadata: Mapping[str, str],
        input_height: int | None,
        precision: Precision,
        lanes: int,
        most_compiled: int,
    ) -> None:
        self.metadata = metadata
        self.input_height = input_height
        self._compile_lane = compile_lane
        self._most_lanes = lanes
        self._most_compiled = most_compiled
        self._compiled: dict[tuple[int, ...], int] = {}
        self._lanes_used = 1
        self._lanes = [_Lane(first)]
        in_bf16 = first.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self.precision: Precision = "f32" if precision == "bf16" and not in_bf16 else precision

    def run(self, tensor: FloatArray) -> FloatArray:
        """See Session.run; the answer is a copy: OpenVINO's own memory goes with its request."""
        request = self._lanes[0].requests[0]
        self._start(request, tensor)
        return np.array(_outcome(request))

    def run_each(
        self, tensors: Iterable[FloatArray], lanes: int, read: Callable[[FloatArray], T]
    ) -> Iterator[T]:
        """See Session.run_each; each lane has a second request, lest it wait for the first."""
        while len(self._lanes) < min(lanes, self._most_lanes):
            self._lanes.append(_Lane(self._compile_lane()))
        used = self._lanes[:lanes]
        self._lanes_used = max(self._lanes_used, len(used))
        ring = [lane.requests[turn] for turn in (0, 1) for lane in used] if lanes > 1 else []
        ring = ring or used[0].requests[:1]
        running: deque[tuple[ov.InferRequest, FloatArray]] = deque()  # its tensor must live, too
        try:
            for number, tensor in enumerate(tensors):
                if len(running) == len(ring):
                    yield read(_outcome(running[0][0]))
                    running.popleft()
                request = ring[number % len(ring)]
                self._start(request, tensor)
                running.append((request, tensor))
            while running:
                yield read(_outcome(running[0][0]))
                running.popleft()
        finally:
            for request, _ in running:  # one of them failed, or nobody wants the rest
                with contextlib.suppress(RuntimeError):
                    request.wait()

    def release_memory(self) -> None:
        """Drop activations, which OpenVINO keeps for the largest shape, and lanes unused since.

        What is compiled for a shape takes memory in proportion to it, of which some stays when the
        shape is forgotten; it goes only with the model.
        """
        del self._lanes[self._lanes_used :]
        self._lanes_used = 1
        if sum(self._compiled.values()) > self._most_compiled:
            self._compiled.clear()
            self._lanes.clear()
            self._lanes.append(_Lane(self._compile_lane()))
        for lane in self._lanes:
            lane.release_memory()

    def _start(self, request: ov.InferRequest, tensor: FloatArray) -> None:
        self._compiled[tensor.shape] = tensor.size
        request.start_async([tensor], share_inputs=True)


class _Lane:
    """A compiled model and two infer requests, which it runs one after the other."""

    def __init__(self, model: ov.CompiledModel) -> None:
        self._model = model
        self.requests = [model.create_infer_request() for _ in range(2)]

    def release_memory(self) -> None:
        self.requests.clear()
        self._model.release_memory()
        self.requests += [self._model.create_infer_request() for _ in range(2)]


def _outcome(request: ov.InferRequest) -> FloatArray:
    """Wait for a request; its output, valid until the request is used again.

    infer() hides a failed allocation and leaves an older answer in place; wait() tells of it. The
    model cannot be used any more after one: it asks for the same memory ever again.
    """
    request.wait()
    return np.asarray(request.get_output_tensor(0).data, dtype=np.float32)


class OpenVinoRuntime:
    """OpenVINO's CPU plugin, with its thread pinning off: pinned processes share one core."""

    name = "openvino"

    def __init__(self) -> None:
        self.core = ov.Core()

    def version(self) -> str:
        """The release, without the build."""
        return str(ov.__version__).split("-")[0]

    def native_bf16(self) -> bool:
        """Whether the CPU has AVX512_BF16 or AMX, as OpenVINO sees it."""
        return "BF16" in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def native_int8(self) -> bool:
        """Whether the CPU has VNNI: without it sums overflow, and it is hardly faster."""
        return any(flag in _cpu_flags() for flag in ("avx512_vnni", "avx_vnni"))

    def load(self, model: ModelFile, settings: SessionSettings) -> OpenVinoSession:
        """See Runtime.load; in int8, operations without a range stay in f32."""
        in_int8 = settings.precision == "int8"
        properties = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": settings.threads,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32" if in_int8 else settings.precision,
            "CPU_RUNTIME_CACHE_CAPACITY": settings.cached_shapes * EXECUTORS_PER_SHAPE,
        }

        def compile_lane(graph: ov.Model | None = None) -> ov.CompiledModel:
            """Without a graph it is read anew: kept, it would be 10 to 30 MB in each worker."""
            graph = graph or read_graph(self.core, model)
            if in_int8 and not quantize(graph, settings.ranges):
                raise ModelError(f"{model.path}: none of its operations has a range for int8")
            return self.core.compile_model(graph, "CPU", properties)

        graph = read_graph(self.core, model)
        metadata, height = _metadata(graph), graph.input(0).partial_shape[2]
        return OpenVinoSession(
            compile_lane,
            compile_lane(graph),
            metadata,
            height.get_length() if height.is_static else None,
            settings.precision,
            settings.lanes,
            settings.most_compiled,
        )


def read_graph(core: ov.Core, model: ModelFile) -> ov.Model:
    """The model as OpenVINO sees it; ModelError if it cannot read it."""
    try:
        graph = _read(core, model)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read {model.path}: {last_line(error)}") from None
    if len(graph.inputs) != 1:
        raise ModelError(f"OpenVINO cannot read {model.path}: it has {len(graph.inputs)} inputs")
    return graph


def _cpu_flags() -> frozenset[str]:
    """What Linux says that the CPU can do; nothing, where it does not say it in this way."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


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
