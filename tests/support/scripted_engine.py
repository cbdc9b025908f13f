"""An engine without workers: the test says when an image is begun and what is read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast

from cache.recent_images import RecentImages
from cache.result_cache import ResultCache
from ocr_engine.engine import DEFAULT_TURN, Engine, TaskState, Turn
from ocr_engine.model_sets import LoadableSet, ModelSets
from ocr_engine.options import RecognitionOptions
from ocr_engine.result import Recognition
from server.operations.metrics import Metrics
from server.service.digesting import Digester
from server.service.inflight import InflightBytes
from server.service.service import OcrService
from tests.support.cards import lines_of
from tests.support.fake_recognizers import load_echo
from tests.support.made_pages import image_document


@dataclass(eq=False)
class ScriptedTask:
    """An image that was submitted."""

    image: bytes
    options: RecognitionOptions
    turn: Turn
    future: asyncio.Future[Recognition]
    state: TaskState = TaskState.QUEUED
    fingerprint: str = "scripted"

    def __post_init__(self) -> None:
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """A worker begins it."""
        self.started.set_result(None)
        self.state = TaskState.RUNNING

    def read(self, text: str) -> None:
        """A worker has read this text."""
        self.state = TaskState.DONE
        document = image_document(100, 100, lines_of([text], "line"), 1)
        self.future.set_result(Recognition(document, {"queue": 1.0, "rec": 0.5}))

    def fail(self, error: Exception) -> None:
        """The image could not be read."""
        self.state = TaskState.DONE
        self.future.set_exception(error)


@dataclass
class ScriptedEngine:
    """Implements what the service uses of Engine; refusal: raised by submit(). wait: expected."""

    capacity: int = 2
    models: ModelSets = ModelSets(LoadableSet(load_echo, fingerprint="scripted"))
    is_ready: bool = True
    refusal: Exception | None = None
    wait: float = 0.0
    tasks: list[ScriptedTask] = field(default_factory=list)

    def ready(self) -> bool:
        return self.is_ready

    def submit(
        self,
        image: bytes,
        options: RecognitionOptions,
        patience: float | None = None,
        read_before: bool = False,
        turn: Turn = DEFAULT_TURN,
    ) -> ScriptedTask:
        if self.refusal is not None:
            raise self.refusal
        task = ScriptedTask(image, options, turn, asyncio.get_running_loop().create_future())
        self.tasks.append(task)
        return task

    def cancel(self, task: ScriptedTask, stop_running: bool = False) -> bool:
        if task.state is TaskState.DONE or (task.state is TaskState.RUNNING and not stop_running):
            return False
        self.tasks.remove(task)
        task.future.cancel()
        return True

    def position(self, task: ScriptedTask) -> int:
        return 0

    def expected_wait(self) -> float:
        return self.wait

    def advance(self, task: ScriptedTask, turn: Turn) -> None:
        task.turn = turn

    def pending_bytes(self) -> int:
        return 0

    def retry_after(self) -> float:
        return 0.01


def scripted_service(engine: ScriptedEngine) -> OcrService:
    """A service with this engine, and no cache."""
    real = cast(Engine, engine)
    return OcrService(
        engine=real,
        cache=ResultCache(0, 0, 0),
        digester=Digester(RecentImages(0)),
        inflight=InflightBytes(real, 1 << 30),
        metrics=Metrics(),
        max_pixels=1_000_000,
    )
