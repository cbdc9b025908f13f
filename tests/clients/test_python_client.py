"""The Python client, synchronous and for asyncio, against our server and against faults."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocr_server_client import (
    AsyncOcrClient,
    Batch,
    Job,
    NoAnswer,
    OcrClient,
    OcrError,
    Retries,
    ServerFile,
)
from ocr_server_client._results import result_of
from ocr_server_client._steps import Answer, Call, Lost, Pause, answered
from tests.support.cards import card
from tests.support.checkout import ROOT
from tests.support.live_server import LiveServer
from tests.support.receivers import Answer as Said
from tests.support.receivers import Received, Receiver

PATIENT = Retries(seconds=20.0, first=0.05)


class Driven:
    """A client whose calls are made in one way, whichever of the two it is."""

    def __init__(self, is_async: bool, port: int, **more: Any) -> None:
        self._is_async = is_async
        self._arguments = {"url": f"http://127.0.0.1:{port}", "retries": PATIENT, **more}

    def __call__(self, work: Callable[[Any], Any]) -> Any:
        """What the work returns; in async clients it may be awaitable."""
        if not self._is_async:
            with OcrClient(**self._arguments) as client:
                return work(client)

        async def run() -> Any:
            async with AsyncOcrClient(**self._arguments) as client:
                return await work(client)

        return asyncio.run(run())


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def client(request: pytest.FixtureRequest, wide: LiveServer) -> Driven:
    return Driven(request.param, wide.port)


def test_an_image_as_bytes_as_a_file_and_on_the_server(
    client: Driven, wide: LiveServer, tmp_path: Path
) -> None:
    (tmp_path / "page.png").write_bytes(card("two\nlines"))
    (wide.images / "there.png").write_bytes(card("on the server"))
    result = client(lambda c: c.recognize(card("two\nlines"), drop_score=0.1, layout=True))
    assert result.text == "two\nlines"
    assert [line.text for line in result.lines] == ["two", "lines"]
    assert result.lines[1].box == ((0, 10), (40, 10), (40, 19), (0, 19))
    assert result.raw["data"]["blocks"]
    again = client(lambda c: c.recognize(tmp_path / "page.png", drop_score=0.1))
    assert (again.cache, again.md5) == ("hit", result.md5)
    there = client(lambda c: c.recognize(ServerFile("there.png")))
    assert there.text == "on the server"


def test_a_result_in_another_format(client: Driven) -> None:
    body = client(lambda c: c.recognize_as(card("as tsv"), "tsv"))
    assert body.startswith(b"level\tpage_num")


def test_errors_of_the_server(client: Driven) -> None:
    with pytest.raises(OcrError) as refused:
        client(lambda c: c.recognize(b"no image"))
    assert (refused.value.code, refused.value.status) == ("unsupported_format", 415)
    assert refused.value.request_id
    with pytest.raises(OcrError, match="bad_field: drop_score"):
        client(lambda c: c.recognize(card("x"), drop_score=7))
    with pytest.raises(TypeError, match="expected bytes, a Path"):
        client(lambda c: c.recognize("page.png"))


def test_a_job_from_its_start_to_its_end(client: Driven) -> None:
    job: Job = client(lambda c: c.start_job(card("as a job"), idempotency_key=None))
    assert job.state in ("queued", "running", "done")
    assert client(lambda c: c.wait(job, 20)).text == "as a job"
    assert client(lambda c: c.result_as(job, "text")) == b"as a job\n"
    assert client(lambda c: c.job(job)).finished
    assert job.id in {each.id for each in client(lambda c: c.jobs())}
    with pytest.raises(OcrError, match="conflict"):
        client(lambda c: c.cancel(job))
    client(lambda c: c.erase(job))
    with pytest.raises(OcrError) as gone:
        client(lambda c: c.result(job))
    assert gone.value.status in (404, 410)


def test_a_job_with_an_idempotency_key_is_the_same_job(client: Driven) -> None:
    key = f"once-{id(client)}"
    image = card(f"idempotent {key}")
    first = client(lambda c: c.start_job(image, idempotency_key=key))
    second = client(lambda c: c.start_job(image, idempotency_key=key))
    assert first.id == second.id


def test_a_failed_job_raises_its_error(client: Driven, wide: LiveServer) -> None:
    job = client(lambda c: c.start_job(card("fail")))
    with pytest.raises(OcrError) as failed:
        client(lambda c: c.wait(job, 20))
    assert failed.value.status == 0
    assert failed.value.code == client(lambda c: c.job(job)).error.code


def test_the_events_of_a_job(client: Driven) -> None:
    job = client(lambda c: c.start_job(card("with events")))

    def follow(c: Any) -> Any:
        events: Any = c.events(job)
        if hasattr(events, "__aiter__"):

            async def collect() -> list[str]:
                return [event.name async for event in events]

            return collect()
        return [event.name for event in events]

    names = client(follow)
    assert names[-1] == "end"
    assert set(names[:-1]) <= {"state"}


def test_a_batch(client: Driven) -> None:
    images = [card("first of a batch"), b"no image", card("third")]
    batch: Batch = client(lambda c: c.start_batch(images, priority=-1))
    assert len(batch.jobs) == 3
    done: Batch = client(lambda c: c.wait_for_batch(batch, 20))
    assert [job.state for job in done.jobs] == ["done", "failed", "done"]
    assert done.jobs[1].error is not None
    assert done.jobs[1].error.code == "unsupported_format"
    assert client(lambda c: c.result(done.jobs[2])).text == "third"


def test_health_and_waiting_in_vain(client: Driven) -> None:
    assert client(lambda c: c.health())["status"] == "ready"
    with pytest.raises(OcrError, match="not_found"):
        client(lambda c: c.job("nobody"))


def busy_at_first(code: str, status: int) -> Callable[[Received], Said]:
    """A server that is busy at the first request; Retry-After is 0."""
    asked: list[Received] = []

    def answer(request: Received) -> Said:
        asked.append(request)
        json_type = ("Content-Type", "application/json")
        if len(asked) == 1:
            error = {"status": "error", "error": {"code": code, "message": "busy"}}
            return Said(status, json.dumps(error).encode(), (json_type, ("Retry-After", "0")))
        line = {"text": "at last", "confidence": 0.5, "box": [[0, 0]] * 4}
        data = {"text": "at last", "confidence": 0.5, "width": 9, "height": 9, "lines": [line]}
        return Said(200, json.dumps({"status": "success", "data": data}).encode(), (json_type,))

    return answer


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(("code", "status"), [("queue_full", 503), ("rate_limited", 429)])
def test_a_busy_server_is_asked_again(is_async: bool, code: str, status: int) -> None:
    with Receiver(busy_at_first(code, status)) as server:
        driven = Driven(is_async, server.port, key="a-key")
        assert driven(lambda c: c.recognize(b"image")).text == "at last"
    assert [each.headers["x-api-key"] for each in server.received] == ["a-key"] * 2


@pytest.mark.parametrize("is_async", [False, True])
def test_a_server_that_is_away(is_async: bool) -> None:
    with Receiver() as gone:
        port = gone.port
    driven = Driven(is_async, port, retries=Retries(seconds=0.2, first=0.05))
    with pytest.raises(NoAnswer, match="no connection to the server"):
        driven(lambda c: c.recognize(b"image"))


class Ticking:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = 0.0

    def retries(self, **more: Any) -> Retries:
        return Retries(clock=lambda: self.now, randomness=lambda: 1.0, **more)

    def outcomes(
        self, call: Call, retries: Retries, outcomes: list[Any]
    ) -> tuple[Any, list[float]]:
        """What a flow ends with if these are the outcomes of its calls, and its pauses."""
        flow, given, pauses = answered(call, retries), iter(outcomes), []
        step = next(flow)
        while True:
            try:
                if isinstance(step, Pause):
                    pauses.append(step.seconds)
                    self.now += step.seconds
                    step = flow.send(None)
                else:
                    step = flow.send(next(given))
            except StopIteration as end:
                return end.value, pauses
            except (OcrError, NoAnswer) as error:
                return error, pauses


def refusal(code: str, status: int, **headers: str) -> Answer:
    return Answer(status, headers, b"", {"error": {"code": code, "message": "m"}})


def test_pauses_grow_and_follow_retry_after() -> None:
    busy = [refusal("queue_full", 503)] * 3
    asked = refusal("queue_full", 503, **{"retry-after": "7"})
    done = Answer(200, {}, b"ok")
    clock = Ticking()
    end, pauses = clock.outcomes(Call("GET", "/"), clock.retries(), [*busy, asked, done])
    assert (end, pauses) == (done, [0.5, 1.0, 2.0, 7.0])


def test_the_time_for_all_attempts_is_limited() -> None:
    clock = Ticking()
    retries = clock.retries(seconds=3.0)
    end, pauses = clock.outcomes(Call("GET", "/"), retries, [refusal("draining", 503)] * 9)
    assert isinstance(end, OcrError)
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize(
    "outcome", [refusal("quota_exceeded", 429), refusal("bad_field", 400), refusal("gone", 410)]
)
def test_errors_that_another_attempt_does_not_mend(outcome: Answer) -> None:
    clock = Ticking()
    end, pauses = clock.outcomes(Call("GET", "/"), clock.retries(), [outcome])
    assert isinstance(end, OcrError)
    assert pauses == []


@pytest.mark.parametrize(
    ("safe", "sent", "again"), [(True, True, 1), (False, True, 0), (False, False, 1)]
)
def test_only_a_request_that_may_be_repeated_is_sent_again(
    safe: bool, sent: bool, again: int
) -> None:
    clock = Ticking()
    outcomes = [Lost("gone", sent), Answer(200, {}, b"")]
    _, pauses = clock.outcomes(Call("POST", "/", safe=safe), clock.retries(), outcomes)
    assert len(pauses) == again


def test_the_pages_of_a_document() -> None:
    pages = [
        {"page": 1, "width": 9, "height": 9, "text": "one", "confidence": 0.9, "lines": []},
        {"page": 2, "error": {"code": "page_failed", "message": "it is broken"}},
    ]
    data = {"page_count": 2, "pages": pages, "text": "one\f"}
    result = result_of({"status": "partial", "data": data})
    assert (result.status, result.text, [page.number for page in result.pages]) == (
        "partial", "one\f", [1, 2],
    )  # fmt: skip
    assert result.pages[1].error is not None
    assert result.pages[1].error.code == "page_failed"


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> Iterator[tuple[str, str]]:
        for name, member in inspect.getmembers(kind, inspect.isfunction):
            if not name.startswith("_"):
                yield name, str(list(inspect.signature(member).parameters.values())[1:])

    assert list(methods(OcrClient)) == list(methods(AsyncOcrClient))


def test_the_example_reads_a_folder(wide: LiveServer, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.png").write_bytes(card(f"page {name}"))
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    done = subprocess.run(
        [
            *(sys.executable, str(ROOT / "docs" / "examples" / "many_images.py")),
            *(f"http://127.0.0.1:{wide.port}", str(tmp_path)),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["a.png: 1 lines", "b.png: 1 lines"]
    assert lines[2].startswith("broken.jpg: unsupported_format")
    assert (tmp_path / "c.txt").read_text() == "page c\n"
