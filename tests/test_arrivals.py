"""The client of the long benchmarks: when it sends, what it measures, and how it counts."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import itertools
import json
import math
import random
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import pytest
from PIL import Image
from uploads import light_pages, uploads, varied

from tests.support.arrivals import (
    Client,
    Load,
    Request,
    arrival_times,
    closed_loop,
    open_loop,
    percentile,
)

T = TypeVar("T")
Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter, "TinyServer"], Awaitable[None]]

GET = Request("get", method="GET", path="/")
ERROR = json.dumps({"error": {"code": "queue_full"}}).encode()


class TinyServer:
    """Answers each request with what the behaviour writes; counts connections and requests."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.release = asyncio.Event()
        self._behaviour = behaviour
        self._served: list[asyncio.Task[None] | None] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._served.append(asyncio.current_task())
        try:
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                await self._behaviour(reader, writer, self)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def finish(self) -> None:
        """Wait for the end of all connections."""
        self.release.set()
        await asyncio.gather(*filter(None, self._served))


def talk(
    behaviour: Behaviour,
    client_side: Callable[[Client, TinyServer], Awaitable[T]],
    answer_seconds: float = 10.0,
) -> T:
    """Run the client's side against a tiny server."""

    async def run() -> T:
        tiny = TinyServer(behaviour)
        server = await asyncio.start_server(tiny.serve, "127.0.0.1", 0)
        client = Client(server.sockets[0].getsockname()[1], answer_seconds)
        try:
            return await client_side(client, tiny)
        finally:
            client.close()
            await tiny.finish()
            server.close()
            await server.wait_closed()

    return asyncio.run(asyncio.wait_for(run(), 20))


def http(status: int, body: bytes = b"{}", extra: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n".encode() + body


def writes(data: bytes, close: bool = False) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: TinyServer) -> None:
        writer.write(data)
        if close:
            writer.close()

    return behave


async def wait_for_release(
    _: asyncio.StreamReader, writer: asyncio.StreamWriter, tiny: TinyServer
) -> None:
    await tiny.release.wait()
    writer.write(http(200))


def lost_reason(behaviour: Behaviour, answer_seconds: float = 10.0) -> str:
    answer = talk(behaviour, lambda client, _: client.ask(GET), answer_seconds)
    assert answer.status == 0
    return answer.outcome


def test_an_answer_is_read_whole() -> None:
    body = json.dumps({"data": {"text": "two\nlines"}}).encode()
    answer = talk(writes(http(200, body, "X-Cache: miss\r\n")), lambda client, _: client.ask(GET))
    assert (answer.outcome, answer.text, answer.headers["x-cache"]) == ("200", "two\nlines", "miss")


def test_an_answer_without_a_body() -> None:
    answer = talk(writes(b"HTTP/1.1 204 X\r\n\r\n"), lambda client, _: client.ask(GET))
    assert answer.outcome == "204"


def test_an_error_is_counted_by_its_code() -> None:
    answer = talk(writes(http(503, ERROR)), lambda client, _: client.ask(GET))
    assert answer.outcome == "503 queue_full"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"error": null}', b"{}"])
def test_an_error_without_a_code_is_told(body: bytes) -> None:
    answer = talk(writes(http(500, body)), lambda client, _: client.ask(GET))
    assert answer.outcome == "500 without a code"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "connection broken"),
        (b"HTTP/1.1 200 X\r\nContent-Le", "connection broken"),
        (http(200)[:-1], "connection broken"),
        (b"220 ready\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "not HTTP"),
    ],
)
def test_half_an_answer_is_a_lost_request(data: bytes, reason: str) -> None:
    assert lost_reason(writes(data, close=True)) == f"lost: {reason}"


def test_no_answer_in_time_is_a_lost_request() -> None:
    assert lost_reason(wait_for_release, answer_seconds=0.05) == "lost: timeout"


def test_no_server_is_a_lost_request(unused_port: int) -> None:
    answer = asyncio.run(Client(unused_port).ask(GET))
    assert answer.outcome == "lost: no connection"


def test_connections_are_kept() -> None:
    async def ask(client: Client, tiny: TinyServer) -> int:
        for _ in range(3):
            assert (await client.ask(GET)).status == 200
        return tiny.connections

    assert talk(writes(http(200)), ask) == 1


@pytest.mark.parametrize("extra", ["", "Connection: close\r\n"])
def test_a_connection_that_the_server_closes_is_not_used_again(extra: str) -> None:
    async def ask(client: Client, tiny: TinyServer) -> int:
        outcomes = []
        for _ in range(3):
            outcomes.append((await client.ask(GET)).outcome)
            await asyncio.sleep(0.02)  # time for the end of the connection to arrive
        assert outcomes == ["200"] * 3
        return tiny.connections

    assert talk(writes(http(200, extra=extra), close=True), ask) == 3


def test_a_body_that_nobody_reads_does_not_hold_up_the_answer() -> None:
    async def refuse(
        _: asyncio.StreamReader, writer: asyncio.StreamWriter, tiny: TinyServer
    ) -> None:
        writer.write(http(413, ERROR, "Connection: close\r\n"))
        await tiny.release.wait()  # the rest of the body stays where it is
        writer.close()

    async def ask(client: Client, _: TinyServer) -> str:
        headers = {"Content-Length": "0", "X": "y"}  # the tiny server does not wait for the body
        return (await client.ask(Request("large", bytes(8 << 20), headers=headers))).outcome

    assert talk(refuse, ask) == "413 queue_full"


def test_the_open_loop_does_not_wait_for_answers() -> None:
    async def overload(client: Client, tiny: TinyServer) -> Load:
        times = arrival_times(100, 0.1)
        load = asyncio.ensure_future(open_loop(client, itertools.repeat(GET), times, 0.1))
        while len(tiny.requests) < 10:
            assert not load.done()
            await asyncio.sleep(0.005)
        tiny.release.set()
        return await load

    load = talk(wait_for_release, overload)
    assert load.outcomes() == {"200": 10}
    assert [round(answer.due, 2) for answer in load.answers] == [n / 100 for n in range(10)]


def test_seconds_count_from_when_a_request_was_due() -> None:
    async def stall(client: Client, _: TinyServer) -> Load:
        return await open_loop(client, itertools.repeat(GET), [-0.5, -0.25, 0.0], 0.01)

    first, second, third = talk(writes(http(200)), stall).answers
    assert 0.5 <= first.late < first.seconds
    assert 0.25 <= second.late < second.seconds
    assert third.late < 0.25
    assert first.seconds - second.seconds == pytest.approx(0.25, abs=0.15)


def test_a_lost_request_is_counted_once_and_its_neighbours_too() -> None:
    async def every_second(
        _: asyncio.StreamReader, writer: asyncio.StreamWriter, tiny: TinyServer
    ) -> None:
        if len(tiny.requests) % 2:
            writer.close()
        else:
            writer.write(http(200))

    async def load(client: Client, tiny: TinyServer) -> tuple[Load, int]:
        done = await open_loop(client, itertools.repeat(GET), arrival_times(200, 0.1), 0.1)
        return done, len(tiny.requests)

    done, seen = talk(every_second, load)
    assert len(done.answers) == seen == 20
    assert (done.lost, len(done.good)) == (10, 10)
    assert done.outcomes() == {"200": 10, "lost: connection broken": 10}


def test_the_closed_loop_keeps_so_many_under_way() -> None:
    most = 0

    async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter, tiny: TinyServer) -> None:
        nonlocal most
        most = max(most, len(tiny.requests) - answered[0])
        await asyncio.sleep(0.005)
        answered[0] += 1
        writer.write(http(200))

    answered = [0]

    async def load(client: Client, tiny: TinyServer) -> tuple[Load, int]:
        return await closed_loop(client, itertools.repeat(GET), 3, 0.1), tiny.connections

    done, connections = talk(slow, load)
    assert (most, connections) == (3, 3)
    assert done.outcomes() == {"200": answered[0]}
    assert answered[0] > 3


def test_the_closed_loop_ends_with_its_requests() -> None:
    requests = iter([GET] * 5)
    done = talk(writes(http(200)), lambda client, _: closed_loop(client, requests, 2, 60))
    assert len(done.answers) == 5


def test_only_good_answers_within_the_time_make_goodput() -> None:
    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter, tiny: TinyServer) -> None:
        number = len(tiny.requests)
        if number == 1:
            await tiny.release.wait()
        writer.write(http(503, ERROR) if number == 2 else http(200))

    async def load(client: Client, tiny: TinyServer) -> Load:
        asyncio.get_running_loop().call_later(0.3, tiny.release.set)
        return await open_loop(client, itertools.repeat(GET), [0, 0.02, 0.04, 0.06], 0.2)

    done = talk(late, load)
    assert len(done.good) == 3
    assert done.good_per_second == pytest.approx(2 / 0.2)


def test_an_abandoned_request_is_broken_off_in_its_middle() -> None:
    async def abandon(client: Client, tiny: TinyServer) -> int:
        await client.abandon(Request("cut", b"x" * 1000), 0.5, 0.02)
        await asyncio.sleep(0.05)
        return len(tiny.requests)

    assert talk(writes(http(200)), abandon) == 0


def test_an_abandoned_request_that_was_sent_whole_arrives() -> None:
    async def abandon(client: Client, tiny: TinyServer) -> list[bytes]:
        await client.abandon(Request("left", b"x" * 1000), 1.0, 0.05)
        return tiny.requests

    (request,) = talk(wait_for_release, abandon)
    assert request.endswith(b"\r\n\r\n" + b"x" * 1000)


def test_constant_arrivals_keep_their_distance() -> None:
    assert list(arrival_times(4, 1)) == [0, 0.25, 0.5, 0.75]


def test_poisson_arrivals_have_the_rate_and_the_seed_decides() -> None:
    times = list(arrival_times(50, 100, random.Random(1)))
    assert len(times) == pytest.approx(5000, rel=0.05)
    assert times == list(arrival_times(50, 100, random.Random(1)))
    assert times != list(arrival_times(50, 100, random.Random(2)))


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 50), (95, 95), (99, 99), (100, 100)])
def test_percentiles_are_the_nearest_rank(percent: float, value: float) -> None:
    assert percentile(range(100, 0, -1), percent) == value


def test_a_percentile_of_few_or_nothing() -> None:
    assert percentile([3.0], 99) == 3.0
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_varied_images_have_their_own_md5_and_the_same_pixels(kind: str) -> None:
    encoded = io.BytesIO()
    Image.linear_gradient("L").save(encoded, kind)
    original = encoded.getvalue()
    images = [varied(original, number) for number in range(3)]
    assert len({hashlib.md5(image).digest() for image in (original, *images)}) == 4
    pixels = {Image.open(io.BytesIO(image)).tobytes() for image in (original, *images)}
    assert len(pixels) == 1


def test_uploads_are_all_different_and_take_every_image_as_often() -> None:
    pages = light_pages()
    images = {name: page.image for name, page in pages.items()}
    sent = list(itertools.islice(uploads(images, random.Random(1)), 3 * len(images)))
    assert len({request.body for request in sent}) == len(sent)
    for start in range(0, len(sent), len(images)):
        assert {request.name for request in sent[start : start + len(images)]} == set(images)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port that is bound but nobody listens on."""
    import socket

    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
