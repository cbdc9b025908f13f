"""Idle trim and idle reset: real memory, a real channel, and short times."""

from __future__ import annotations

from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import pytest

from ocr_engine.errors import ModelError
from ocr_engine.memory import rss_mb
from ocr_engine.worker import idle
from ocr_engine.worker.idle import IdleMaintenance
from ocr_engine.worker.memory import trim_memory

SHAPES_MB = 64
STEPS = 2


class Shapes:
    """Keeps memory for the shapes that it has seen, and records the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.steps = STEPS
        self._shapes = bytearray()

    def see(self) -> None:
        """See an image of a new size."""
        self._shapes = bytearray(b"x") * (SHAPES_MB << 20)

    def prepare(self) -> bool:
        if not self.steps:
            return False
        self.steps -= 1
        self.calls.append("prepare")
        return True

    def release_memory(self, shapes: bool = False) -> None:
        self.calls.append("all" if shapes else "activations")
        if shapes:
            self.steps = STEPS
            self._shapes = bytearray()


PREPARED = ["prepare", "activations"] * STEPS


@pytest.fixture
def channels() -> Iterator[tuple[Connection, Connection]]:
    ours, theirs = Pipe()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE_TRIM_SECONDS", 0.02)
    monkeypatch.setattr(idle, "IDLE_RESET_SECONDS", 0.04)
    monkeypatch.setattr(idle, "IDLE_RESET_SPREAD_SECONDS", 0.0)


def calls_while_idle(
    recognizer: Shapes, maintenance: IdleMaintenance, channel: Connection
) -> list[str]:
    recognizer.calls.clear()
    maintenance.run_until_request(channel)
    return recognizer.calls


def test_a_reset_drops_shapes_if_memory_grew_since_the_last_one(
    channels: tuple[Connection, Connection],
) -> None:
    recognizer = Shapes()
    maintenance = IdleMaintenance(recognizer, max_rss_mb=1 << 20)
    first = calls_while_idle(recognizer, maintenance, channels[0])
    assert first == ["activations", *PREPARED, "all", *PREPARED]
    after_reset = rss_mb()
    assert calls_while_idle(recognizer, maintenance, channels[0]) == ["activations"]
    recognizer.see()
    assert rss_mb() > after_reset + SHAPES_MB / 2
    assert calls_while_idle(recognizer, maintenance, channels[0]) == [
        "activations",
        "all",
        *PREPARED,
    ]
    assert rss_mb() < after_reset + SHAPES_MB / 2
    assert calls_while_idle(recognizer, maintenance, channels[0]) == ["activations"]


def test_an_idle_trim_keeps_shapes(
    channels: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "IDLE_RESET_SECONDS", 600.0)
    recognizer = Shapes()

    def send_at_the_end() -> bool:
        channels[1].send_bytes(b"an image")
        return False

    monkeypatch.setattr(recognizer, "prepare", send_at_the_end)
    recognizer.see()
    maintenance = IdleMaintenance(recognizer, max_rss_mb=1 << 20)
    assert calls_while_idle(recognizer, maintenance, channels[0]) == ["activations"]


def test_nothing_is_released_while_images_arrive(
    channels: tuple[Connection, Connection],
) -> None:
    recognizer = Shapes()
    maintenance = IdleMaintenance(recognizer, max_rss_mb=0)
    channels[1].send_bytes(b"an image")
    assert calls_while_idle(recognizer, maintenance, channels[0]) == []


def test_workers_do_not_all_reset_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE_RESET_SPREAD_SECONDS", 600.0)
    monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)
    waited: list[float] = []
    maintenance = IdleMaintenance(Shapes(), max_rss_mb=1 << 20)

    class Channel:
        def poll(self, seconds: float = 0.0) -> bool:
            waited.append(seconds)
            return seconds > 1

    maintenance.run_until_request(Channel())
    assert waited[-1] == pytest.approx(300, abs=5)


@pytest.mark.parametrize("error", [ModelError("gone"), FileNotFoundError("gone")])
def test_a_model_that_cannot_be_reloaded_does_not_end_maintenance(
    channels: tuple[Connection, Connection],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    recognizer = Shapes()
    release = recognizer.release_memory

    def failing(shapes: bool = False) -> None:
        release(shapes)
        if shapes:
            raise error

    monkeypatch.setattr(recognizer, "release_memory", failing)
    maintenance = IdleMaintenance(recognizer, max_rss_mb=1 << 20)
    calls = calls_while_idle(recognizer, maintenance, channels[0])
    assert calls == ["activations", *PREPARED, "all", *PREPARED]
    assert "memory of past images cannot be released: gone" in caplog.text
    assert calls_while_idle(recognizer, maintenance, channels[0]) == ["activations"]


def test_a_closed_channel_raises(channels: tuple[Connection, Connection]) -> None:
    channels[0].close()
    with pytest.raises(OSError, match="closed"):
        IdleMaintenance(Shapes(), max_rss_mb=1 << 20).run_until_request(channels[0])


def test_an_idle_trim_drops_shapes_above_the_memory_limit() -> None:
    recognizer = Shapes()
    recognizer.see()
    trim_memory(recognizer, max_rss_mb=rss_mb() + SHAPES_MB)
    assert recognizer.calls == ["activations"]
    trim_memory(recognizer, max_rss_mb=rss_mb() - SHAPES_MB // 2)
    assert recognizer.calls == ["activations", "activations", "all"]


def test_an_image_that_arrives_during_preparation_does_not_wait_for_all_shapes(
    channels: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = Shapes()
    prepare = recognizer.prepare

    def interrupted() -> bool:
        channels[1].send_bytes(b"an image")
        return prepare()

    monkeypatch.setattr(recognizer, "prepare", interrupted)
    maintenance = IdleMaintenance(recognizer, max_rss_mb=1 << 20)
    calls = calls_while_idle(recognizer, maintenance, channels[0])
    assert calls == ["activations", "prepare", "activations"]
    channels[0].recv_bytes()
    monkeypatch.setattr(recognizer, "prepare", prepare)
    calls = calls_while_idle(recognizer, maintenance, channels[0])
    assert calls == ["activations", "prepare", "activations", "all", *PREPARED]
