"""Coalescing of requests while a slow cache lookup precedes the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ocr_engine.engine import EngineTask, Turn
from ocr_engine.errors import PoolDraining
from ocr_engine.options import RecognitionOptions
from server.intake.request import OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.service.flights import FlightIdentity, Ticket
from server.service.sharing import Found
from tests.support.cards import card
from tests.support.jobs import NOWHERE, jobs_in
from tests.support.live_server import LiveServer
from tests.support.watching import wait_until


class SlowCache:
    """A cache on the network that is asked before the engine and never has a result.

    It answers immediately, unless it is held().
    """

    def __init__(self, server: LiveServer) -> None:
        self.asked = 0
        self._server = server
        self._service = server.context.service
        self._submit = self._service._admission.submit
        self._answers = asyncio.Event()
        self._answers.set()

    async def submit(
        self, identity: FlightIdentity, data: bytes, request: OcrRequest, turn: Turn
    ) -> EngineTask | Found:
        self.asked += 1
        await self._answers.wait()
        return await self._submit(identity, data, request, turn)

    def hold(self) -> None:
        self._server.call(self._answers.clear)

    def answer(self) -> None:
        self._server.call(self._answers.set)

    def wait_for(self, waiting: int) -> None:
        """Wait until this many requests wait for one flight that has not begun."""

        def all_wait() -> bool:
            flights = list(self._service._flights.values())
            return [f.waiters for f in flights if f.task is None] == [waiting]

        wait_until(lambda: self._server.call(all_wait), f"{waiting} requests in one flight")


@pytest.fixture
def cache(narrow: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowCache]:
    slow = SlowCache(narrow)
    monkeypatch.setattr(narrow.context.service._admission, "submit", slow.submit)
    yield slow
    slow.answer()


@pytest.fixture
def clients() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_equal_requests_do_not_pass_by_while_a_slow_cache_is_asked(
    narrow: LiveServer, cache: SlowCache, clients: ThreadPoolExecutor
) -> None:
    cache.hold()
    sent = [clients.submit(narrow.upload, card("all together")) for _ in range(5)]
    cache.wait_for(5)
    assert cache.asked == 1
    cache.answer()
    replies = [each.result(20) for each in sent]
    assert [(reply.status, reply.text) for reply in replies] == [(200, "all together")] * 5
    assert narrow.begun("all together") == 1
    assert narrow.outcomes() == {"miss": 1, "joined": 4}


def test_those_who_joined_are_refused_with_the_first_and_get_no_job(
    narrow: LiveServer, cache: SlowCache, clients: ThreadPoolExecutor, gate: Path
) -> None:
    texts = [f"hold {gate}", "waits before the late ones", "waits, too"]
    holding = [clients.submit(narrow.upload, card(texts[0]))]
    wait_until(lambda: narrow.begun(texts[0]) == 1, "the start of the long one")
    holding += [clients.submit(narrow.upload, card(text)) for text in texts[1:]]
    wait_until(lambda: narrow.queued() == 2, "a full queue")
    with jobs_in(narrow, NOWHERE):
        cache.hold()
        late = [clients.submit(narrow.upload, card("late"), block_flag="False") for _ in range(3)]
        cache.wait_for(3)
        cache.answer()
        for reply in [each.result(20) for each in late]:
            assert (reply.status, reply.code) == (503, "queue_full")
            assert int(reply.headers["Retry-After"]) >= 1
        assert narrow.call(narrow.context.jobs.kept) == 0
    assert narrow.outcomes() == {"miss": 3}
    gate.unlink()
    assert [each.result(20).text for each in holding] == texts
    assert narrow.upload(card("late")).text == "late"


def submit(server: LiveServer, text: str) -> asyncio.Task[Ticket]:
    """Submit a card in a new task on the server's loop."""
    source = UploadedImage(card(text), known=lambda *_: None)
    request = OcrRequest(source, RecognitionOptions())
    return server.call(lambda: asyncio.ensure_future(server.context.service.submit(request)))


def test_one_that_joined_is_cancelled_and_the_first_is_served(
    narrow: LiveServer, cache: SlowCache
) -> None:
    cache.hold()
    first, second = [submit(narrow, "continues") for _ in range(2)]
    cache.wait_for(2)
    narrow.call(second.cancel)
    cache.wait_for(1)
    cache.answer()

    async def outcome() -> tuple[bytes, bool]:
        ticket = await first
        return (await ticket.answer()).result.json, second.cancelled()

    data, cancelled = narrow.run(outcome)
    assert b"continues" in data
    assert cancelled


def test_the_first_is_cancelled_and_those_who_joined_are_told(
    narrow: LiveServer, cache: SlowCache
) -> None:
    cache.hold()
    first, second = [submit(narrow, "nobody follows it") for _ in range(2)]
    cache.wait_for(2)
    narrow.call(first.cancel)

    async def joined() -> Ticket:
        return await second

    with pytest.raises(PoolDraining):
        narrow.run(joined)
    assert narrow.call(narrow.context.service.in_flight) == 0
    assert narrow.begun("nobody follows it") == 0
