"""Measure the value ranges for INT8, by recognizing images with the engine `openvino` in f32.

    python tools/calibrate.py [--config config.json] [--in-f32 CONVOLUTION …] -- IMAGE_OR_FOLDER …

Measures the detection and recognition models of the settings. Ranges of models in the catalogue
are written to ocr_engine/models/int8, those of your own models to int8.json in their folder. Use
some dozens of typical images with at least 200 lines. The range of an activation is from the mean
of its minima to the mean of its maxima, so that a single odd image does not widen it. --in-f32
excludes operations of detection, which then stay in f32 (docs/decisions/0013).
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from ocr_engine.runtimes.openvino.environment import prepare_environment  # noqa: E402

prepare_environment()

from ocr_engine.arrays import FloatArray  # noqa: E402
from ocr_engine.errors import ImageError  # noqa: E402
from ocr_engine.images.decode import DecodedImage, decode  # noqa: E402
from ocr_engine.models import ranges  # noqa: E402
from ocr_engine.models.catalogue import CATALOGUE  # noqa: E402
from ocr_engine.models.source import ModelSet, ModelSource, Role  # noqa: E402
from ocr_engine.options import RecognitionOptions  # noqa: E402
from ocr_engine.recognizers import ppocr  # noqa: E402
from ocr_engine.recognizers.models import normalization  # noqa: E402
from ocr_engine.runtimes.openvino import runtime  # noqa: E402
from ocr_engine.runtimes.openvino.graph.quantization import quantizable  # noqa: E402
from ocr_engine.runtimes.session import Inputs, PixelArray, Session  # noqa: E402
from server.settings.engine import engine_settings  # noqa: E402
from server.settings.loading import load_settings  # noqa: E402

T = TypeVar("T")

MAX_PIXELS = 40_000_000


class Meter:
    """Runs a model that outputs the inputs of its operations, and records their ranges."""

    def __init__(self, source: ModelSource) -> None:
        core = runtime.OpenVinoRuntime().core
        graph = runtime.read_graph(core, source.file)
        nodes = quantizable(graph)
        self._names = [node.get_friendly_name() for node in nodes]
        self._own_outputs = len(graph.outputs)
        self._normalization = normalization(source)
        self._indices: list[int] = []
        shown: dict[tuple[str, int], int] = {}
        for node in nodes:
            value = node.input_value(0)
            key = (value.get_node().get_friendly_name(), value.get_index())
            if key not in shown:
                shown[key] = len(graph.outputs)
                graph.add_outputs([value])
            self._indices.append(shown[key])
        self._model = core.compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self._request = self._model.create_infer_request()
        self._limits: list[list[tuple[float, float]]] = []

    def measure(self, pixels: PixelArray) -> None:
        """Record the lowest and highest input of each operation."""
        self._request.infer([self._normalization.tensor(pixels)])
        limits = {
            index: (float(seen.min()), float(seen.max()))
            for index in set(self._indices)
            for seen in [self._request.get_output_tensor(index).data]
        }
        self._limits.append([limits[index] for index in self._indices])

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The mean of minima and the mean of maxima, by operation."""
        low, high = np.array(self._limits).mean(axis=0).T
        return {
            name: (float(first), float(last))
            for name, first, last in zip(self._names, low, high, strict=True)
        }


class Metered:
    """A session of the pipeline that also measures activations."""

    def __init__(self, session: Session, meter: Meter) -> None:
        self._session = session
        self._meter = meter

    def run(self, pixels: PixelArray) -> FloatArray:
        """See Session.run."""
        self._meter.measure(pixels)
        return self._session.run(pixels)

    def run_each(self, inputs: Inputs[T], infer_requests: int = 1) -> list[T]:
        """See Session.run_each."""
        return inputs.run_on(self.run)


def main() -> int:
    """Recognize the images and write the value ranges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", nargs="+", type=Path)
    parser.add_argument("--in-f32", nargs="*", default=[], help="operations of detection")
    parser.add_argument("--config", type=Path, default=ROOT / "config.json")
    arguments = parser.parse_args()
    settings = engine_settings(load_settings(arguments.config, {}))
    if settings.engine != "openvino" or settings.models is None:
        parser.error("ocr.engine must be openvino: the other engines have no INT8")
    reader = ppocr.load(dataclasses.replace(settings, precision="f32", cores=1))
    meters = {role: Meter(source) for role, source in _measured(reader.models).items()}
    for role, meter in meters.items():
        metered: Any = Metered(reader.sessions.by_role[role], meter)
        reader.sessions = reader.sessions.with_session(role, metered)
    total = 0
    for name, image in _images(arguments.images):
        lines = reader.recognize(image, RecognitionOptions()).result.lines
        total += len(lines)
        print(f"{name}: {len(lines)} lines", flush=True)
    if not total:
        parser.error("no text line was found in the images")
    for role, source in _measured(reader.models).items():
        left_out = arguments.in_f32 if role == "det" else ()
        found = {n: v for n, v in meters[role].ranges().items() if n not in left_out}
        ranges.write_ranges(_place(source), ranges.ActivationRanges(source.sha256, found))
        print(f"{source.name}: {len(found)} ranges in {_place(source)}")
    return 0


def _measured(models: ModelSet) -> dict[Role, ModelSource]:
    return {"det": models.det, "rec": models.rec}


def _place(source: ModelSource) -> Path:
    """The file of a model's ranges."""
    wheels = [models.det.wheel.folder() for models in CATALOGUE.values()]
    if any(source.file.path.is_relative_to(wheel) for wheel in wheels if wheel):
        return ranges.SHIPPED / f"{source.name}.json"
    return source.file.path.parent / ranges.FILE_NAME


def _images(paths: Iterable[Path]) -> Iterator[tuple[str, DecodedImage]]:
    files = [
        file
        for path in paths
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        if file.is_file()
    ]
    for file in files:
        try:
            yield file.name, decode(file.read_bytes(), MAX_PIXELS)
        except ImageError as error:
            print(f"{file.name}: left out: {error.message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
