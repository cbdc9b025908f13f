"""A busy server reads large images in a smaller size, and keeps such results apart."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from PIL import Image

from cache.recent_images import RecentImages
from cache.result_cache import ResultCache
from ocr_engine.engine import Engine, Turn
from ocr_engine.errors import TooManyPixels
from ocr_engine.options import RecognitionOptions
from server.intake.request import OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.operations.metrics import Metrics
from server.service.degrading import MEMORY_SECONDS, Degrading
from server.service.digesting import Digester
from server.service.flights import Ticket
from server.service.inflight import InflightBytes
from server.service.service import OcrService
from server.settings.settings import DegradeSettings
from tests.support.scripted_engine import ScriptedEngine

SETTINGS = DegradeSettings(max_side=640, queue_seconds=5.0, min_memory_mb=400)
FULL = RecognitionOptions()
SMALLER = RecognitionOptions(max_side=640, degraded=True)


def image(width: int, height: int = 10, file_format: str = "PNG") -> bytes:
    encoded = io.BytesIO()
    Image.new("L", (width, height), 255).save(encoded, file_format)
    return encoded.getvalue()


LARGE = image(2000)


@dataclass
class Machine:
    """The memory and the clock of a machine."""

    memory: int = 1000
    seconds: float = 0.0
    looks: int = 0
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)

    def available(self) -> int:
        self.looks += 1
        return self.memory

    def degrading(self, settings: DegradeSettings = SETTINGS) -> Degrading:
        return Degrading(
            settings, cast(Engine, self.engine), self.available, clock=lambda: self.seconds
        )


def test_a_server_that_is_not_busy_reads_everything_as_it_is() -> None:
    machine = Machine()
    assert machine.degrading().options_for(LARGE, FULL) is FULL
    machine.engine.wait = 5.0
    assert machine.degrading().options_for(LARGE, FULL) is FULL


def test_a_long_wait_makes_it_busy() -> None:
    machine = Machine()
    machine.engine.wait = 5.1
    assert machine.degrading().options_for(LARGE, FULL) == SMALLER
    assert machine.looks == 0


def test_little_memory_makes_it_busy_and_is_looked_at_once_in_a_while() -> None:
    machine = Machine(memory=399)
    degrading = machine.degrading()
    assert degrading.options_for(LARGE, FULL) == SMALLER
    machine.memory = 400
    machine.seconds = MEMORY_SECONDS / 2
    assert degrading.options_for(LARGE, FULL) == SMALLER
    assert machine.looks == 1
    machine.seconds = MEMORY_SECONDS
    assert degrading.options_for(LARGE, FULL) is FULL


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (image(640), FULL),
        (LARGE, RecognitionOptions(use_det=False)),
        (LARGE, RecognitionOptions(max_side=500)),
        (LARGE, SMALLER),
        (b"no image", FULL),
    ],
)
def test_what_is_not_reduced(data: bytes, options: RecognitionOptions) -> None:
    machine = Machine()
    machine.engine.wait = 60.0
    assert machine.degrading().options_for(data, options) is options


def test_a_larger_limit_of_the_settings_is_lowered() -> None:
    machine = Machine()
    machine.engine.wait = 60.0
    limited = RecognitionOptions(max_side=1280)
    assert machine.degrading().options_for(LARGE, limited) == SMALLER


class Server:
    """A service with a cache, on a machine."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.engine = self.machine.engine
        real = cast(Engine, self.engine)
        self.metrics = Metrics()
        self.service = OcrService(
            engine=real,
            cache=ResultCache(100, 100, 1 << 20),
            digester=Digester(RecentImages(0)),
            inflight=InflightBytes(real, 1 << 30),
            metrics=self.metrics,
            max_pixels=100_000,
            degrading=self.machine.degrading(),
        )

    async def send(self, data: bytes = LARGE, turn: Turn | None = None) -> Ticket:
        source = UploadedImage(data, known=lambda *_: None)
        return await self.service.submit(OcrRequest(source, FULL), turn or Turn())

    async def read(self, text: str, data: bytes = LARGE) -> tuple[str, bytes]:
        """Outcome and JSON of an image, whose text is `text` if it is read now."""
        count = len(self.engine.tasks)
        ticket = await self.send(data)
        for task in self.engine.tasks[count:]:
            task.begin()
            task.read(text)
        return ticket.outcome, (await ticket.answer()).result.json


def run(scenario: Callable[[Server], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scenario(Server())

    asyncio.run(whole())


def test_a_degraded_result_is_not_the_result_of_the_image() -> None:
    async def scenario(server: Server) -> None:
        server.engine.wait = 60.0
        outcome, body = await server.read("small")
        assert (outcome, b"small" in body) == ("miss", True)
        assert server.engine.tasks[-1].options == SMALLER
        outcome, body = await server.read("again")
        assert (outcome, b"small" in body) == ("hit", True)
        server.engine.wait = 0.0
        outcome, body = await server.read("full")
        assert (outcome, b"full" in body) == ("miss", True)
        assert server.engine.tasks[-1].options == FULL
        assert len(server.engine.tasks) == 2
        assert b"ocr_degraded_total 1.0" in server.metrics.render()

    run(scenario)


def test_a_full_result_is_given_also_while_the_server_is_busy() -> None:
    async def scenario(server: Server) -> None:
        await server.read("full")
        server.engine.wait = 60.0
        outcome, body = await server.read("small")
        assert (outcome, b"full" in body) == ("hit", True)

    run(scenario)


def test_a_full_recognition_in_progress_is_joined() -> None:
    async def scenario(server: Server) -> None:
        first = await server.send()
        server.engine.wait = 60.0
        second = await server.send()
        assert (first.outcome, second.outcome) == ("miss", "joined")
        (task,) = server.engine.tasks
        task.begin()
        task.read("full")
        assert (await second.answer()).result.json == (await first.answer()).result.json

    run(scenario)


def test_what_nobody_waits_for_is_read_at_its_full_size() -> None:
    async def scenario(server: Server) -> None:
        server.engine.wait = 60.0
        await server.send(turn=Turn(background=True))
        (task,) = server.engine.tasks
        assert task.options == FULL

    run(scenario)


def test_an_image_that_is_too_large_is_not_accepted_because_the_server_is_busy() -> None:
    async def scenario(server: Server) -> None:
        server.engine.wait = 60.0
        with pytest.raises(TooManyPixels):
            await server.send(image(2000, 100, "JPEG"))
        assert server.engine.tasks == []

    run(scenario)
