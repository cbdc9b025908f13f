"""OpenVINO, the default runtime. Reads .onnx, .pdmodel and the 2020 pair model + params."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import openvino as ov

from ocr_engine.arrays import FloatArray
from ocr_engine.errors import ModelError, last_line
from ocr_engine.models.source import ModelFile, check_unchanged
from ocr_engine.runtimes.openvino.compiled_cache import (
    CompiledModels,
    compiled_name,
    default_folder,
)
from ocr_engine.runtimes.openvino.graph.pixel_input import (
    ONE_GRAY_IMAGE,
    ONE_IMAGE,
    channels_of,
    take_pixels,
)
from ocr_engine.runtimes.openvino.graph.quantization import quantize
from ocr_engine.runtimes.openvino.graph.upsampling import split_upsampling
from ocr_engine.runtimes.openvino.infer_requests import InferRequest, WorkQueue
from ocr_engine.runtimes.session import Inputs, PixelArray, Precision, SessionSettings

T = TypeVar("T")

log = logging.getLogger(__name__)

EXECUTORS_PER_SHAPE = 60  # OpenVINO counts compiled operations; these models have about 50


class OpenVinoSession:
    """A model, compiled once per infer request; single inputs use the first infer request."""

    def __init__(
        self,
        compile_model: Callable[[], ov.CompiledModel],
        first: ov.CompiledModel,
        metadata: Mapping[str, str],
        input_channels: int | None,
        input_height: int | None,
        precision: Precision,
        infer_requests: int,
        max_shared_width: int,
    ) -> None:
        self.metadata = metadata
        self.input_channels = input_channels
        self.input_height = input_height
        self._compile_model = compile_model
        self._wanted_requests = self._max_requests = infer_requests
        self._max_shared_width = max_shared_width
        self._requests = [InferRequest(first)]
        in_bf16 = first.get_property("INFERENCE_PRECISION_HINT") == ov.Type.bf16
        self.precision: Precision = "f32" if precision == "bf16" and not in_bf16 else precision

    def run(self, pixels: PixelArray) -> FloatArray:
        """See Session.run; returns a copy, as the infer request owns its output memory."""
        return np.array(self._requests[0].run(pixels))

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """See Session.run_each; ordered by width, as a change of shape costs a millisecond.

        The first infer request takes the widest inputs, the others the narrowest. A single infer
        request starts at the end that is nearer to the width of its last input.
        """
        first, *others = self._first_requests(min(infer_requests, len(inputs.widths)))
        queue = WorkQueue(inputs.widths)
        done: dict[int, T] = {}

        def run_in(request: InferRequest, take: Callable[[], int | None]) -> None:
            try:
                while (number := take()) is not None:
                    done[number] = inputs.read(number, request.run(inputs.make(number)))
            except BaseException:
                queue.clear()
                raise

        if others:
            with ThreadPoolExecutor(len(others)) as threads:
                helped = [
                    threads.submit(
                        run_in, request, lambda: queue.take_narrowest(self._max_shared_width)
                    )
                    for request in others
                ]
                run_in(first, queue.take_widest)
            for one in helped:
                one.result()
        else:
            run_in(
                first,
                queue.take_narrowest
                if queue.narrowest_is_nearer(first.width)
                else queue.take_widest,
            )
        return [done[number] for number in range(len(inputs.widths))]

    def prepare(self, pixels: PixelArray, infer_requests: int) -> None:
        """See Session.prepare; only the first infer request takes inputs above max_shared_width."""
        for request in self._first_requests(
            infer_requests if pixels.shape[2] <= self._max_shared_width else 1
        ):
            request.run(pixels)

    def release_memory(self, shapes: bool = False) -> None:
        """See Session.release_memory; OpenVINO keeps activations for the largest shape.

        Compiled shapes are freed only with their model. So a new copy of the model is loaded, and
        only then is the old one dropped: if loading fails, nothing changes.
        """
        if shapes:
            self._requests[:] = [InferRequest(self._compile_model())]
            self._max_requests = self._wanted_requests
        for request in self._requests:
            request.release_memory()

    def _first_requests(self, count: int) -> list[InferRequest]:
        """The first `count` infer requests, created as needed, up to the limit.

        If the model cannot be loaded, no more are created until release_memory() has reloaded it.
        """
        while len(self._requests) < min(count, self._max_requests):
            try:
                self._requests.append(InferRequest(self._compile_model()))
            except (ModelError, OSError) as error:
                self._max_requests = len(self._requests)
                log.warning(
                    "images use fewer idle cores until the model can be reloaded: %s", error
                )
        return self._requests[: max(count, 1)]


class OpenVinoRuntime:
    """OpenVINO's CPU plugin, without thread pinning, which would put all workers on one core."""

    name = "openvino"

    def __init__(self) -> None:
        self.core = ov.Core()
        self._compiled = CompiledModels(default_folder())
        self._flags = _cpu_flags()
        self.vnni = not self._flags.isdisjoint(("avx512_vnni", "avx_vnni"))

    def version(self) -> str:
        """The release, without the build."""
        return str(ov.__version__).split("-")[0]

    def native_bf16(self) -> bool:
        """Whether the CPU has AVX512_BF16 or AMX, as OpenVINO sees it."""
        return "BF16" in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

    def native_int8(self) -> bool:
        """Whether the CPU has VNNI, or AVX2 alone; AVX512 without VNNI was not measured."""
        return self.vnni or ("avx2" in self._flags and "avx512f" not in self._flags)

    def load(self, model: ModelFile, settings: SessionSettings) -> OpenVinoSession:
        """See Runtime.load; in int8, operations without a range stay in f32."""
        in_int8 = settings.precision == "int8"
        properties: dict[str, object] = {
            "PERFORMANCE_HINT": "LATENCY",
            # Without a stream the calling thread computes, saving 0.05 ms per run, on one core.
            "NUM_STREAMS": "0" if settings.threads == 1 else "1",
            "INFERENCE_NUM_THREADS": settings.threads,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32" if in_int8 else settings.precision,
            "CPU_RUNTIME_CACHE_CAPACITY": settings.cached_shapes * EXECUTORS_PER_SHAPE,
        }

        name = compiled_name(settings, properties, (sorted(self._flags), self.vnni))

        def compile_model(graph: ov.Model | None = None) -> ov.CompiledModel:
            """Take the model from the cache, or compile it from `graph` or the model file.

            The graph is not kept: it would take 10 to 30 MB in each worker.
            """
            kept = self._compiled.load(self.core, name, properties)
            if kept is not None:
                return kept
            if graph is None:
                graph = read_graph(self.core, model)
                if settings.digest:
                    check_unchanged(model, settings.digest)
            if in_int8 and not quantize(graph, settings.ranges, self.vnni):
                raise ModelError(f"{model.path}: none of its operations has a range for int8")
            split_upsampling(graph)
            try:
                graph = take_pixels(graph, settings.normalization)
            except RuntimeError as error:
                raise ModelError(f"OpenVINO cannot use {model.path}: {last_line(error)}") from None
            compiled = self.core.compile_model(graph, "CPU", properties)
            self._compiled.keep(name, compiled, model, settings.digest)
            return compiled

        graph = read_graph(self.core, model)
        metadata, height = _metadata(graph), graph.input(0).partial_shape[2]
        channels = channels_of(graph)
        return OpenVinoSession(
            compile_model,
            compile_model(graph),
            metadata,
            channels,
            height.get_length() if height.is_static else None,
            settings.precision,
            settings.infer_requests,
            settings.max_shared_width,
        )


def read_graph(core: ov.Core, model: ModelFile) -> ov.Model:
    """Read a model as a graph; ModelError if that fails, or if its input is not an image."""
    try:
        graph = _read(core, model)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read {model.path}: {last_line(error)}") from None
    if len(graph.inputs) != 1:
        raise ModelError(f"OpenVINO cannot read {model.path}: it has {len(graph.inputs)} inputs")
    given, kind = graph.input(0).partial_shape, graph.input(0).element_type
    one_image = given.compatible(ONE_IMAGE) or given.compatible(ONE_GRAY_IMAGE)
    if given.rank.is_dynamic or not one_image:
        raise ModelError(
            f"OpenVINO cannot use {model.path}: its input is {given}, not an image {ONE_IMAGE}"
        )
    if not kind.is_real():
        raise ModelError(
            f"OpenVINO cannot use {model.path}: its input is {kind.get_type_name()}, not "
            "floating-point numbers"
        )
    return graph


def _cpu_flags() -> frozenset[str]:
    """The CPU flags from /proc/cpuinfo; empty if it has none."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("flags", "Features")):  # on x86 and on ARM
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def _read(core: ov.Core, model: ModelFile) -> ov.Model:
    """Read the model, through links with the file names by which OpenVINO recognizes Paddle."""
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
