"""When a worker gives what back: real memory, a real channel, and short times."""

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
    """Keeps memory for the shapes that it has seen, and notes what it is told to do."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.steps = STEPS
        self._shapes = bytearray()

    def see(self) -> None:
        """An image of a new size."""
        self._shapes = bytearray(b"x") * (SHAPES_MB << 20)

    def prepare(self) -> bool:
        if not self.steps:
            return False
        self.steps -= 1
        self.told.append("prepare")
        return True

    def release_memory(self, shapes: bool = False) -> None:
        self.told.append("all" if shapes else "activations")
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


def told_in_a_pause(recognizer: Shapes, given: IdleMaintenance, channel: Connection) -> list[str]:
    recognizer.told.clear()
    given.run_until_request(channel)
    return recognizer.told


def test_shapes_go_in_a_rest_if_there_are_more_than_in_the_last_one(
    channels: tuple[Connection, Connection],
) -> None:
    recognizer = Shapes()
    given = IdleMaintenance(recognizer, max_rss_mb=1 << 20)  # type: ignore[arg-type]
    first = told_in_a_pause(recognizer, given, channels[0])
    assert first == ["activations", *PREPARED, "all", *PREPARED]
    rested = rss_mb()
    assert told_in_a_pause(recognizer, given, channels[0]) == ["activations"]
    recognizer.see()
    assert rss_mb() > rested + SHAPES_MB / 2
    assert told_in_a_pause(recognizer, given, channels[0]) == ["activations", "all", *PREPARED]
    assert rss_mb() < rested + SHAPES_MB / 2
    assert told_in_a_pause(recognizer, given, channels[0]) == ["activations"]


def test_shapes_outlive_a_pause_that_is_no_rest(
    channels: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idle, "IDLE_RESET_SECONDS", 600.0)
    recognizer = Shapes()

    def tell_at_the_end() -> bool:
        channels[1].send_bytes(b"an image")
        return False

    monkeypatch.setattr(recognizer, "prepare", tell_at_the_end)
    recognizer.see()
    given = IdleMaintenance(recognizer, max_rss_mb=1 << 20)  # type: ignore[arg-type]
    assert told_in_a_pause(recognizer, given, channels[0]) == ["activations"]


def test_nothing_is_given_back_while_images_come(
    channels: tuple[Connection, Connection],
) -> None:
    recognizer = Shapes()
    given = IdleMaintenance(recognizer, max_rss_mb=0)  # type: ignore[arg-type]
    channels[1].send_bytes(b"an image")
    assert told_in_a_pause(recognizer, given, channels[0]) == []


def test_workers_do_not_all_rest_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE_RESET_SPREAD_SECONDS", 600.0)
    monkeypatch.setattr("random.uniform", lambda least, most: (least + most) / 2)
    waited: list[float] = []
    given = IdleMaintenance(Shapes(), max_rss_mb=1 << 20)  # type: ignore[arg-type]

    class Channel:
        def poll(self, seconds: float = 0.0) -> bool:
            waited.append(seconds)
            return seconds > 1

    given.run_until_request(Channel())  # type: ignore[arg-type]
    assert waited[-1] == pytest.approx(300, abs=5)


@pytest.mark.parametrize("error", [ModelError("gone"), FileNotFoundError("gone")])
def test_a_model_that_cannot_be_loaded_again_ends_no_pause(
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
    given = IdleMaintenance(recognizer, max_rss_mb=1 << 20)  # type: ignore[arg-type]
    told = told_in_a_pause(recognizer, given, channels[0])
    assert told == ["activations", *PREPARED, "all", *PREPARED]
    assert "memory of past images stays: gone" in caplog.text
    assert told_in_a_pause(recognizer, given, channels[0]) == ["activations"]


def test_a_channel_that_ends_is_told_of(channels: tuple[Connection, Connection]) -> None:
    channels[0].close()
    with pytest.raises(OSError, match="closed"):
        IdleMaintenance(Shapes(), max_rss_mb=1 << 20).run_until_request(channels[0])  # type: ignore[arg-type]


def test_too_many_shapes_do_not_outlive_a_pause() -> None:
    recognizer = Shapes()
    recognizer.see()
    trim_memory(recognizer, max_rss_mb=rss_mb() + SHAPES_MB)  # type: ignore[arg-type]
    assert recognizer.told == ["activations"]
    trim_memory(recognizer, max_rss_mb=rss_mb() - SHAPES_MB // 2)  # type: ignore[arg-type]
    assert recognizer.told == ["activations", "activations", "all"]


def test_a_image_that_comes_while_shapes_are_prepared_has_not_to_wait_for_all(
    channels: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = Shapes()
    prepare = recognizer.prepare

    def interrupted() -> bool:
        channels[1].send_bytes(b"an image")
        return prepare()

    monkeypatch.setattr(recognizer, "prepare", interrupted)
    given = IdleMaintenance(recognizer, max_rss_mb=1 << 20)  # type: ignore[arg-type]
    told = told_in_a_pause(recognizer, given, channels[0])
    assert told == ["activations", "prepare", "activations"]
    channels[0].recv_bytes()
    monkeypatch.setattr(recognizer, "prepare", prepare)
    told = told_in_a_pause(recognizer, given, channels[0])
    assert told == ["activations", "prepare", "activations", "all", *PREPARED]
