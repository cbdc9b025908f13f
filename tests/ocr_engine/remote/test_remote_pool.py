"""Models on another server behind our queue: faults, limits, cancellation and deadlines."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from ocr_engine.engine import DEFAULT_TURN, Turn
from ocr_engine.errors import (
    BackendFailed,
    BackendUnavailable,
    ImageTooComplex,
    InvalidImage,
    PoolDraining,
    QueueFull,
    QueueTimeout,
    RecognitionTimeout,
)
from ocr_engine.options import RecognitionOptions
from ocr_engine.remote.chat import MAX_ANSWER_BYTES, ChatClient
from ocr_engine.remote.fitting import Target
from ocr_engine.remote.orders import Order
from ocr_engine.remote.preparing import Preparers
from ocr_engine.remote.reading import RemoteReader
from ocr_engine.remote.remote_pool import RemotePool
from ocr_engine.remote.spec import PixelSpec, RemoteSet
from ocr_engine.remote.task import RemoteTask
from tests.support.vision_server import CUT, RESET, Asked, Said, VisionServer, size_as_text
from tests.support.watching import until

IMAGES, CONCURRENCY = 200, 16


def image_of(width: int, height: int = 40, format: str = "PNG", **more: Any) -> bytes:
    """A white image of this size."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, format, **more)
    return file.getvalue()


def set_at(server: VisionServer, **more: Any) -> RemoteSet:
    return RemoteSet("remote", server.url, "a-model", **more)


@contextlib.asynccontextmanager
async def pool_for(remote: RemoteSet) -> AsyncIterator[RemotePool]:
    """A pool for this set, whose processes and connections end with it."""
    preparers = Preparers(PixelSpec(), 1)
    chat = ChatClient(remote, jitter=lambda: 0.0)
    pool = RemotePool(
        remote, RemoteReader(remote, preparers, chat).read, itertools.count(1), chat.outcomes
    )
    try:
        await preparers.prepare(image_of(1), Order(Target()))  # its start takes from no deadline
        yield pool
    finally:
        await pool.close()
        await chat.close()
        preparers.close()


def submit(
    pool: RemotePool,
    width: int = 100,
    turn: Turn = DEFAULT_TURN,
    image: bytes | None = None,
    **options: Any,
) -> RemoteTask:
    data = image_of(width) if image is None else image
    return pool.submit(data, RecognitionOptions(**options), None, turn)


def run(remote: RemoteSet, scenario: Callable[[RemotePool], Awaitable[None]]) -> None:
    async def within() -> None:
        async with pool_for(remote) as pool:
            await asyncio.wait_for(scenario(pool), 60)

    asyncio.run(within())


def text_of(remote: RemoteSet, **more: Any) -> str:
    """The text of one image."""
    texts: list[str] = []

    async def scenario(pool: RemotePool) -> None:
        texts.append((await submit(pool, **more).future).result.text)

    run(remote, scenario)
    return texts[0]


def faulty(asked: Asked) -> Said:
    """5 % of requests get 503, 5 % a reset, and some are slow, cut or no JSON."""
    chance = random.Random(f"{asked.size} {asked.attempt}").random()
    if chance < 0.05:
        return Said(status=503, headers=(("Retry-After", "0"),), raw=b"busy")
    if chance < 0.10:
        return Said(fault=RESET)
    if chance < 0.12:
        return Said(status=429, raw=b"{}")
    if chance < 0.15:
        return replace(size_as_text(asked), fault=CUT)
    if chance < 0.17:
        return Said(raw=b"<html>")
    return replace(size_as_text(asked), seconds=0.2 if chance < 0.3 else 0.01)


def test_no_image_is_lost_in_a_run_with_faults() -> None:
    async def scenario(pool: RemotePool) -> None:
        tasks = [submit(pool, 100 + number) for number in range(IMAGES)]
        assert pool.pending_bytes == sum(task.size for task in tasks)
        results = await asyncio.gather(*(task.future for task in tasks))
        texts = [each.result.text for each in results]
        assert texts == [f"read {100 + number}x40" for number in range(IMAGES)]
        stats = pool.stats()
        assert (stats.queued, stats.completed) == (0, IMAGES)
        assert stats.attempts["ok"] == IMAGES
        assert stats.attempts["retried"] > 10
        assert pool.pending_bytes == 0

    with VisionServer(faulty) as server:
        run(set_at(server, concurrency=CONCURRENCY, queue_size=IMAGES, attempts=6), scenario)
        assert 8 <= server.peak <= CONCURRENCY
        assert server.open == 0


def test_a_request_is_what_the_server_expects() -> None:
    remote_fields = {"sampling": {"max_tokens": 99, "temperature": None, "seed": 1}, "key": "k1"}
    with VisionServer() as server:
        assert text_of(set_at(server, prompt="Read it.", **remote_fields)) == "read 100x40"
        (asked,) = server.asked
    assert asked.path == "/v1/chat/completions"
    assert asked.headers["authorization"] == "Bearer k1"
    assert asked.prompt == "Read it."
    assert asked.body["model"] == "a-model"
    assert (asked.body["max_tokens"], asked.body["seed"]) == (99, 1)
    assert "temperature" not in asked.body
    url = asked.body["messages"][0]["content"][0]["image_url"]["url"]
    assert url.startswith("data:image/jpeg;base64,")


def test_the_key_is_in_no_message() -> None:
    assert "k1" not in repr(RemoteSet("a", "http://b/v1", "c", key="k1"))


def test_an_image_is_sent_upright_and_within_the_pixel_limits() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    with VisionServer() as server:
        upright = text_of(set_at(server), image=image_of(100, 40, "JPEG", exif=turned))
        smaller = text_of(set_at(server, max_pixels=1000), image=image_of(100, 40))
        turned_90 = text_of(set_at(server), image=image_of(100, 40), orientation="90")
    assert (upright, smaller, turned_90) == ("read 40x100", "read 50x20", "read 40x100")


@pytest.mark.parametrize(
    ("said", "error", "mention", "attempts"),
    [
        (Said(finish_reason="length"), ImageTooComplex, "cut off", 1),
        (Said(finish_reason="content_filter"), BackendFailed, "content_filter", 1),
        (Said(finish_reason=None), BackendFailed, "did not finish", 1),
        (Said(status=404, raw=b'{"message": "no model"}'), BackendFailed, "404", 1),
        (Said(status=401, raw=b""), BackendFailed, "401", 1),
        (Said(raw=bytes(MAX_ANSWER_BYTES + 1)), BackendFailed, "larger than", 1),
        (Said(raw=b'{"choices": []}'), BackendFailed, "not understood", 2),
        (Said(raw=b'{"choices": [{"message": "x"}]}'), BackendFailed, "not understood", 2),
        (Said(status=500, raw=b"oom"), BackendUnavailable, "answers 500", 2),
        (Said(fault=RESET), BackendUnavailable, "closed the connection", 2),
    ],
    ids=[
        "length", "filter", "none", "no model", "key", "huge", "no choices", "odd", "500", "reset",
    ],
)  # fmt: skip
def test_answers_that_are_no_result(
    said: Said, error: type[Exception], mention: str, attempts: int
) -> None:
    with VisionServer(lambda _: said) as server:
        with pytest.raises(error, match=mention):
            text_of(set_at(server, attempts=2))
        assert len(server.asked) == attempts


def test_an_answer_that_is_not_in_the_grammar() -> None:
    boxes = "<|ref|>text<|/ref|><|det|>[[1]]<|/det|>a"
    with (
        VisionServer(lambda _: Said(boxes)) as server,
        pytest.raises(BackendFailed, match="grammar"),
    ):
        text_of(set_at(server, kind="deepseek-ocr"))


def test_a_server_that_is_away() -> None:
    with VisionServer() as server:
        remote = set_at(server, attempts=2)
    with pytest.raises(BackendUnavailable, match="not reachable"):
        text_of(remote)


def test_retry_after_is_waited_for_unless_it_is_too_long() -> None:
    def busy(seconds: str) -> Callable[[Asked], Said]:
        return lambda asked: (
            Said(status=429, headers=(("Retry-After", seconds),), raw=b"")
            if asked.attempt == 1
            else Said("read")
        )

    with VisionServer(busy("1")) as server:
        assert text_of(set_at(server)) == "read"
    with VisionServer(busy("600")) as server:
        with pytest.raises(BackendUnavailable, match="429") as refused:
            text_of(set_at(server))
        assert len(server.asked) == 1
    assert refused.value.retry_after == 600


def test_a_cancelled_image_closes_its_connection() -> None:
    async def scenario(pool: RemotePool) -> None:
        task = submit(pool)
        await until(lambda: server.asked, "the server is asked")
        assert not pool.cancel(task, stop_running=False)
        assert pool.cancel(task, stop_running=True)
        with pytest.raises(PoolDraining, match="cancelled"):
            await task.future
        await until(lambda: server.left == 1, "the connection is closed")
        await until(lambda: pool.pending() == 0, "its place is free")
        assert not pool.cancel(task, stop_running=True)

    with VisionServer(lambda _: Said(hold=True)) as server:
        run(set_at(server), scenario)


def test_the_deadline_closes_the_connection() -> None:
    async def scenario(pool: RemotePool) -> None:
        with pytest.raises(RecognitionTimeout, match="longer than 1 s"):
            await submit(pool).future
        await until(lambda: server.left == 1, "the connection is closed")

    with VisionServer(lambda _: Said(hold=True)) as server:
        run(set_at(server, seconds=1.0), scenario)


def test_closing_gives_up_all_images() -> None:
    async def scenario(pool: RemotePool) -> None:
        tasks = [submit(pool, 100 + number) for number in range(3)]
        await until(lambda: server.asked, "the server is asked")
        await pool.close()
        for task in tasks:
            with pytest.raises(PoolDraining):
                await task.future
        await until(lambda: server.left == 1, "the connection is closed")
        with pytest.raises(PoolDraining):
            submit(pool)

    with VisionServer(lambda _: Said(hold=True)) as server:
        run(set_at(server, concurrency=1), scenario)


def test_the_backlog_is_limited_and_users_take_turns() -> None:
    async def scenario(pool: RemotePool) -> None:
        first = submit(pool, 100, Turn("a"))
        await until(lambda: server.asked, "the server is asked")
        of_a = [submit(pool, 110 + number, Turn("a")) for number in range(3)]
        of_b = submit(pool, 200, Turn("b"))
        assert pool.position(of_a[0]) <= 2
        assert pool.position(of_b) <= 2
        with pytest.raises(QueueFull, match="4 images are waiting, which is the limit"):
            submit(pool, 300, Turn("c"))
        assert pool.cancel(of_a[2], stop_running=False)
        server.go()
        await asyncio.gather(*(task.future for task in (first, *of_a[:2], of_b)))

    def answer(asked: Asked) -> Said:
        return replace(size_as_text(asked), hold=True)

    with VisionServer(answer) as server:
        run(set_at(server, concurrency=1, queue_size=4), scenario)
        order = [asked.size[0] for asked in server.asked]
    assert order.index(200) < order.index(111)
    assert 112 not in order


def test_an_image_that_waits_too_long() -> None:
    async def scenario(pool: RemotePool) -> None:
        submit(pool)
        late = submit(pool, 101)
        with pytest.raises(QueueTimeout, match=r"busy for 0\.3 s"):
            await late.future

    with VisionServer(lambda _: Said(hold=True)) as server:
        run(set_at(server, concurrency=1, queue_seconds=0.3), scenario)


def test_a_broken_image_is_not_sent() -> None:
    with VisionServer() as server:
        with pytest.raises(InvalidImage):
            text_of(set_at(server), image=image_of(100)[:60])
        assert not server.asked


def test_a_process_that_dies_is_replaced() -> None:
    async def scenario(pool: RemotePool) -> None:
        assert (await submit(pool, 100).future).result.text == "read 100x40"
        for process in preparers:
            process.kill()
        assert (await submit(pool, 101).future).result.text == "read 101x40"

    preparers: list[Any] = []
    original = Preparers.__init__

    def note(self: Preparers, spec: PixelSpec, number: int) -> None:
        original(self, spec, number)
        preparers.extend(self._all)

    with VisionServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Preparers, "__init__", note)
        run(set_at(server), scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "b"},
        {"prompt": "b"},
        {"sampling": {"seed": 2}},
        {"max_pixels": 2000},
        {"min_pixels": 10},
        {"kind": "dots-ocr"},
        {"url": "http://other/v1"},
    ],
)
def test_what_may_change_a_result_changes_the_fingerprint(change: dict[str, Any]) -> None:
    remote = RemoteSet("a", "http://b/v1", "c", key="k", sampling={"seed": 1})
    assert replace(remote, **change).fingerprint() != remote.fingerprint()
    same = replace(remote, name="z", key="l", concurrency=3, seconds=9.0)
    assert same.fingerprint() == remote.fingerprint()
    assert "k" not in json.loads(remote.fingerprint().removeprefix("remote/")).values()
