"""What servers of a cluster send each other, and what follows from heartbeats."""

from __future__ import annotations

from typing import Any

import pytest

from cache.stored_result import StoredResult
from ocr_cluster import message as messages
from ocr_cluster import outcome as outcomes
from ocr_cluster.members import FrontBeat, Members, NodeBeat
from ocr_cluster.message import Message, MessageError
from ocr_cluster.packing import PackedResult, PackingError, pack, unpack
from ocr_cluster.work import work_of
from ocr_engine.errors import (
    EngineError,
    ImageKillsWorkers,
    InvalidImage,
    ModelError,
    PoolDraining,
    RecognitionFailed,
    RecognitionTimeout,
)
from ocr_engine.options import RecognitionOptions

OPTIONS = RecognitionOptions(granularity="word", preprocess=("clahe",))
WORK = work_of("user", "a" * 32, "b" * 64, OPTIONS.fingerprint())
MESSAGE = Message("front-7", WORK, OPTIONS, 1_800_000_000.25, "user", 2, fresh=True)


def test_a_message_comes_back_as_it_was() -> None:
    assert messages.from_json(messages.as_json(MESSAGE)) == MESSAGE
    assert MESSAGE.front == "front"


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"key": "one:two"}, {"options": {"unknown": 1}}, {"attempt": "x"}, {"flight": ...}],
)
def test_a_message_that_is_not_understood(change: dict[str, Any]) -> None:
    data = {**messages.as_json(MESSAGE), **change}
    if data["flight"] is ...:
        del data["flight"]
    with pytest.raises(MessageError):
        messages.from_json(data)


@pytest.mark.parametrize("data", [None, [], "text", 7])
def test_what_is_no_message(data: Any) -> None:
    with pytest.raises(MessageError):
        messages.from_json(data)


@pytest.mark.parametrize(
    ("raised", "kind", "is_slow"),
    [
        (InvalidImage("broken"), InvalidImage, False),
        (ImageKillsWorkers("crashed"), ImageKillsWorkers, False),
        (RecognitionTimeout("slow", is_slow=True), RecognitionTimeout, True),
        (ModelError("a model is gone"), RecognitionFailed, False),
    ],
)
def test_an_error_is_the_same_at_the_front_end(
    raised: EngineError, kind: type[EngineError], is_slow: bool
) -> None:
    outcome = outcomes.decode(outcomes.encode(outcomes.failed("front-7", 2, raised)))
    assert outcome is not None
    error = outcomes.error_of(outcome)
    assert type(error) is kind
    assert error.message == raised.message
    assert getattr(error, "is_slow", False) is is_slow


def test_another_node_may_read_what_a_node_that_stops_cannot() -> None:
    assert outcomes.failed("front-7", 2, PoolDraining("stopping")).state == "again"


@pytest.mark.parametrize("data", [b"", b"null", b'{"flight": "x"}', b'{"of": "tomorrow"}'])
def test_what_is_no_outcome(data: bytes) -> None:
    assert outcomes.decode(data) is None


@pytest.mark.parametrize(
    ("packed", "told"),
    [(b"", b""), (b"{}\nline\n", b"{}\nline\n"), (bytes(outcomes.MOST_TOLD + 1), b"")],
)
def test_a_small_result_is_told_with_its_outcome(packed: bytes, told: bytes) -> None:
    outcome = outcomes.again("front-7", 2, "a line\nand another one")
    heard = outcomes.heard(outcomes.told(outcomes.encode(outcome), packed))
    assert heard == (outcome, told)


def test_a_result_comes_back_as_it_was() -> None:
    result = StoredResult(b'{"text":"one\\ntwo"}', {"image/png": b"\x89\n\n", "x/y": b""})
    packed = PackedResult(result, 1_800_000_000.5, {"det": 0.25})
    assert unpack(pack(packed)) == packed


@pytest.mark.parametrize("cut", [0, 1, 20, -1])
def test_a_result_that_is_cut_off(cut: int) -> None:
    packed = pack(PackedResult(StoredResult(b'{"text":"one"}'), 1.0))
    with pytest.raises(PackingError):
        unpack(packed[:cut])


def members(slots: list[int], fronts: dict[str, int]) -> Members:
    return Members(
        [NodeBeat(str(n), each, 0, {}, "") for n, each in enumerate(slots)],
        [FrontBeat(name, queued, 0) for name, queued in fronts.items()],
    )


@pytest.mark.parametrize(
    ("slots", "fronts", "window", "ahead", "share"),
    [
        ([], {"own": 1}, 0, 0, 1),
        ([1], {"own": 0}, 2, 1, 1),
        ([2, 2], {"own": 5}, 6, 2, 4),
        ([2, 2], {"own": 5, "other": 0}, 6, 2, 4),
        ([2, 2], {"own": 5, "other": 1}, 3, 1, 2),
        ([2, 0], {"own": 5, "other": 1, "third": 9}, 1, 1, 1),
    ],
)
def test_the_window_of_a_front_end(
    slots: list[int], fronts: dict[str, int], window: int, ahead: int, share: int
) -> None:
    found = members(slots, fronts)
    assert found.window("own") == window
    assert found.ahead("own") == ahead
    assert found.share("own") == share
