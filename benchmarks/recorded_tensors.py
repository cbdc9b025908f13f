"""Records the input tensors of a workload, and replays them through infer requests.

A recording is a folder with one .npy file per inference, and calls.json: the numbers of the models
that each image used, in order. Models are numbered in the order of compilation. The recognizers
that record and replay are loaded in the same way, so a number means the same model, compiled with
the same properties.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ocr_engine.images.decode import decode
from ocr_engine.memory import rss_mb
from ocr_engine.options import RecognitionOptions
from ocr_engine.recognizer import EngineSettings, Recognizer, load_recognizer
from ocr_engine.runtimes.openvino.environment import prepare_environment

prepare_environment()

import openvino as ov  # noqa: E402

from ocr_engine.runtimes.openvino.runtime import OpenVinoRuntime  # noqa: E402

MAX_PIXELS = 40_000_000


class LoadedEngine:
    """A recognizer on one core, with its compiled models.

    models: in the order of compilation; roles: det, cls or rec for each. sessions: the
    recognizer's sessions with their roles.
    """

    def __init__(self, settings: EngineSettings) -> None:
        self.models: list[Any] = []
        self.roles: list[str] = []
        self.sessions: list[tuple[Any, str]] = []
        self._role = "none"
        with replaced(OpenVinoRuntime, "load", self._load(settings)), self.watched():
            self.recognizer: Recognizer = load_recognizer(settings)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """A context in which compiled models are numbered, and requests know their model."""
        compile_model: Any = ov.Core.compile_model
        import_model: Any = ov.Core.import_model
        create_request: Any = ov.CompiledModel.create_infer_request

        def noting(make: Any) -> Callable[..., Any]:
            def made(core: Any, *args: Any, **kwargs: Any) -> Any:
                self.models.append(make(core, *args, **kwargs))
                self.roles.append(self._role)
                return self.models[-1]

            return made

        def creating(model: Any) -> Any:
            request = create_request(model)
            request.model = model
            return request

        with (
            replaced(ov.Core, "compile_model", noting(compile_model)),
            replaced(ov.Core, "import_model", noting(import_model)),
            replaced(ov.CompiledModel, "create_infer_request", creating),
        ):
            yield

    def _load(self, settings: EngineSettings) -> Callable[..., Any]:
        """OpenVinoRuntime.load that also records the session and its role."""
        load: Any = OpenVinoRuntime.load
        sources = settings.models.sources() if settings.models else ()
        roles = {source.file.path: source.role for source in sources}

        def loading(runtime: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
            self._role = roles[model.path]
            session = load(runtime, model, *args, **kwargs)
            self.sessions.append((session, self._role))
            return session

        return loading


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """A context in which an attribute has another value."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def record(engine: LoadedEngine, images: Sequence[bytes], folder: Path) -> None:
    """Recognize the images and save every input tensor."""
    calls: list[list[int]] = []
    files = itertools.count()
    give: Any = ov.InferRequest.set_input_tensor

    def recording(request: Any, tensor: Any) -> None:
        np.save(tensor_file(folder, next(files)), tensor.data)
        calls[-1].append(next(n for n, m in enumerate(engine.models) if m is request.model))
        give(request, tensor)

    with engine.watched(), replaced(ov.InferRequest, "set_input_tensor", recording):
        for image in images:
            calls.append([])
            engine.recognizer.recognize(decode(image, MAX_PIXELS), RecognitionOptions())
    (folder / "calls.json").write_text(json.dumps(calls), encoding="utf-8")


def tensor_file(folder: Path, number: int) -> Path:
    """The file of a call's tensor in a recording."""
    return folder / f"{number:06}.npy"


class Replay:
    """Runs recorded tensors through its own infer requests on the engine's compiled models.

    Tensors are memory-mapped and read once, so that processes share their memory and no page
    fault is timed. Memory is released as in a worker: after an image that left the process with
    more than release_rss_mb, not counting tensors.
    """

    def __init__(self, engine: LoadedEngine, folder: Path, release_rss_mb: int) -> None:
        self.releases = 0
        self.seconds = dict.fromkeys(engine.roles, 0.0)
        self._engine = engine
        self._release_rss_mb = release_rss_mb
        self._images = _map_tensors(folder)
        arrays = (array for image in self._images for _, array, _ in image)
        self._tensors_mb = sum(array.nbytes for array in arrays) >> 20
        self._make_requests()

    def run(self, image: int) -> None:
        """Run all inferences of an image, in order."""
        for number, _, tensor in self._images[image]:
            start = time.perf_counter()
            self.infer(number, tensor)
            self.seconds[self._engine.roles[number]] += time.perf_counter() - start
        if rss_mb() - self._tensors_mb > self._release_rss_mb:
            self._release()

    def see_all_shapes(self) -> None:
        """Run one tensor of every shape, because OpenVINO needs longer for a new shape."""
        calls = itertools.chain(*self._images)
        first = {(number, array.shape): tensor for number, array, tensor in calls}
        for (number, _), tensor in first.items():
            self.infer(number, tensor)

    def answers(self, image: int) -> Iterator[Any]:
        """Copies of the outputs of an image's calls."""
        for number, _, tensor in self._images[image]:
            yield np.array(self.infer(number, tensor)[0])

    def infer(self, number: int, tensor: Any) -> Any:
        """Run one call, without copying the output."""
        return self._requests[number].infer(tensor, share_inputs=True, share_outputs=True)

    def _make_requests(self) -> None:
        self._requests = [model.create_infer_request() for model in self._engine.models]

    def _release(self) -> None:
        self._requests.clear()
        gc.collect()
        self._engine.recognizer.release_memory()
        ctypes.CDLL(None).malloc_trim(0)
        self._make_requests()
        self.releases += 1


def _map_tensors(folder: Path) -> list[list[tuple[int, Any, Any]]]:
    """The calls of each image: the session's number, the array and OpenVINO's view of it."""
    calls = json.loads((folder / "calls.json").read_text(encoding="utf-8"))
    files = itertools.count()

    def mapped(number: int) -> tuple[int, Any, Any]:
        # Writable (copy on write), because OpenVINO copies read-only arrays at every call.
        array = np.load(tensor_file(folder, next(files)), mmap_mode="c")
        array.view(np.uint8).reshape(-1)[::4096].sum()
        return number, array, ov.Tensor(array, shared_memory=True)

    return [[mapped(number) for number in numbers] for numbers in calls]
