"""Rows 20 and 21: stable memory after many requests, and an event loop that is never blocked."""

from __future__ import annotations

import asyncio
import base64
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.cards import card
from tests.support.fake_recognizers import RECITAL
from tests.support.http_client import Reply
from tests.support.live_server import LiveServer
from tests.support.server_process import ServerProcess
from tests.support.watching import rss_mb

MIXED = 1000
WARM_UP = 200
CLIENTS = 4
MOST_GROWTH_MB = 10
MOST_HELD_SECONDS = 0.1
BULK = bytes(10 << 20)


class Mixture:
    """Sends requests of all kinds to one server, and checks each answer."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._numbers = itertools.count()
        (server.folder / "images" / "named.png").write_bytes(card("named"))
        self._kinds: list[Callable[[str], None]] = [
            self._hit,
            self._miss,
            self._base64,
            self._job,
            self._cancelled_job,
            self._file_name,
            self._no_image,
            self._half_an_image,
            self._bad_field,
            self._absent,
        ]

    def send_next(self) -> None:
        """Send the next kind of request."""
        number = next(self._numbers)
        self._kinds[number % len(self._kinds)](f"mixed {number}")

    def _hit(self, text: str) -> None:
        assert self._server.upload(card("mixed, and always the same")).status == 200

    def _miss(self, text: str) -> None:
        reply = self._server.upload(card(text))
        assert (reply.text, reply.json["cache"]) == (text, "miss")

    def _base64(self, text: str) -> None:
        image = base64.b64encode(card(text)).decode()
        assert self._server.post_json({"image": image}).text == text

    def _job(self, text: str) -> None:
        job = self._server.upload(card(text), block_flag="0").json["job"]
        assert self._server.get(job["url"] + "?wait=10").text == text

    def _cancelled_job(self, text: str) -> None:
        job = self._server.upload(card(text), block_flag="0").json["job"]
        assert self._server.request("DELETE", job["url"]).status in (204, 409)

    def _file_name(self, text: str) -> None:
        assert self._server.post_json({"filename": "named.png"}).text == "named"

    def _no_image(self, text: str) -> None:
        self._fails(self._server.upload(text.encode()), 415, "unsupported_format")

    def _half_an_image(self, text: str) -> None:
        self._fails(self._server.upload(card(text)[:60]), 422, "invalid_image")

    def _bad_field(self, text: str) -> None:
        self._fails(self._server.upload(card(text), block_flag="maybe"), 400, "bad_field")

    def _absent(self, text: str) -> None:
        self._fails(self._server.get(f"/jobs/{'x' * 22}"), 404, "not_found")

    @staticmethod
    def _fails(reply: Reply, status: int, code: str) -> None:
        assert (reply.status, reply.code) == (status, code)


@pytest.mark.slow
@pytest.mark.faults(20)
def test_memory_after_many_mixed_requests(patient: ServerProcess) -> None:
    mixture = Mixture(patient)

    def send(count: int) -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            sent = [clients.submit(mixture.send_next) for _ in range(count)]
            for each in sent:
                each.result(60)

    send(WARM_UP)
    before = rss_mb(patient.pid)
    send(MIXED)
    growth = rss_mb(patient.pid) - before
    print(f"the front end grew by {growth:.1f} MiB")
    assert growth <= MOST_GROWTH_MB
    assert all(worker["rss_mb"] < 300 for worker in patient.health()["workers"])


class LoopWatch:
    """Measures the CPU time of an event loop's thread between two turns of the loop.

    Other load on the machine does not count.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.turns = 0
        self._watching = True
        self._last = time.thread_time()
        self._turn()

    def stop(self) -> None:
        """Stop measuring."""
        self._watching = False

    def _turn(self) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - self._last)
        self.turns += 1
        self._last = now
        if self._watching:
            asyncio.get_running_loop().call_soon(self._turn)


def as_multipart(server: LiveServer, image: bytes) -> Reply:
    return server.upload(image)


def as_json(server: LiveServer, image: bytes) -> Reply:
    return server.post_json({"image": base64.b64encode(image).decode()})


def as_form(server: LiveServer, image: bytes) -> Reply:
    body = urlencode({"image": base64.b64encode(image).decode()}).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return server.request("POST", "/ocr_service", body, form)


def as_raw(server: LiveServer, image: bytes) -> Reply:
    return server.request("POST", "/ocr", image, {"Content-Type": "image/png"})


@pytest.mark.faults(21)
@pytest.mark.parametrize("send", [as_multipart, as_json, as_form, as_raw])
def test_a_10_mb_upload_does_not_hold_the_loop(
    send: Callable[[LiveServer, bytes], Reply], spacious: LiveServer
) -> None:
    text = send.__name__
    watch = spacious.call(LoopWatch)
    try:
        first = send(spacious, card(text) + BULK)
        again = send(spacious, card(text) + BULK)
    finally:
        spacious.call(watch.stop)
    assert (first.text, first.json["cache"]) == (text, "miss")
    assert (again.text, again.json["cache"]) == (text, "hit")
    print(f"{text}: at most {watch.longest * 1000:.1f} ms in {watch.turns} turns")
    assert watch.turns > 100
    assert watch.longest < MOST_HELD_SECONDS


@pytest.mark.faults(21)
@pytest.mark.parametrize("format", ["json", "text", "legacy"])
def test_a_5_mb_answer_does_not_hold_the_loop(
    format: str, spacious: LiveServer, tmp_path: Path
) -> None:
    image = card(f"recite {tmp_path / format}")
    watch = spacious.call(LoopWatch)
    try:
        replies = [spacious.upload(image, format=format) for _ in range(2)]
    finally:
        spacious.call(watch.stop)
    assert [each.status for each in replies] == [200, 200]
    assert all(RECITAL in each.body.decode() for each in replies)
    print(f"{format}: at most {watch.longest * 1000:.1f} ms in {watch.turns} turns")
    assert watch.turns > 100
    assert watch.longest < MOST_HELD_SECONDS
