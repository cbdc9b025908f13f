"""Images by URL: fetched for all routes if the settings allow it, never from private hosts."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from ocr_engine.options import RecognitionOptions
from server.errors import BadField
from server.http.openapi.description import describe
from server.intake.image_url import FETCHES_PER_USER, ImageFetcher
from server.outbound.names import Resolve
from server.settings.loading import build
from server.settings.settings import Settings
from server.settings.url_settings import ImageUrlSettings
from tests.support.cards import card
from tests.support.error_replies import assert_error
from tests.support.http_client import Part, Reply, multipart
from tests.support.live_server import LiveServer
from tests.support.receivers import Answer, Received, Receiver
from tests.support.watching import until

JSON = {"Content-Type": "application/json"}
LOOPBACK = ip_network("127.0.0.0/8")
ANSWERS = {
    "/moved": Answer(302, headers=(("Location", "/card/moved"),)),
    "/broken": Answer(200, b"no image"),
    "/empty": Answer(200, b""),
    "/large": Answer(200, bytes((1 << 20) + 1)),
    "/away": Answer(404, b"gone"),
}


def host_of_images(asked: Received) -> Answer:
    """The card with the text after /card/, or one of ANSWERS."""
    kind, _, text = asked.path.removeprefix("/").partition("/")
    return Answer(200, card(text)) if kind == "card" else ANSWERS[asked.path]


@pytest.fixture(scope="module")
def host() -> Iterator[Receiver]:
    with Receiver(host_of_images) as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    urls = {
        "enabled": True,
        "allow_http": True,
        "allow_private": ["127.0.0.0/8"],
        "allowed_hosts": ["127.0.0.1"],
    }
    folder = tmp_path_factory.mktemp("urls")
    with LiveServer(folder, 2, 100, more={"image_urls": urls}) as running:
        yield running


def post(server: LiveServer, path: str, fields: dict[str, Any]) -> Reply:
    return server.request("POST", path, json.dumps(fields).encode(), JSON)


@pytest.mark.parametrize("path", ["/ocr", "/ocr_service"])
def test_an_image_by_its_url(server: LiveServer, host: Receiver, path: str) -> None:
    reply = post(server, path, {"image_url": host.url(f"/card/by-url{path}")})
    assert reply.status == 200, reply.body
    assert reply.text == f"by-url{path}"


def test_a_url_in_a_form(server: LiveServer, host: Receiver) -> None:
    url = host.url("/card/in-a-form")
    body, headers = multipart([Part("image_url", url.encode()), Part("file_type", b"url")])
    reply = server.request("POST", "/ocr_service", body, headers)
    assert reply.text == "in-a-form"


def test_a_url_counts_as_its_bytes(server: LiveServer, host: Receiver) -> None:
    first = post(server, "/ocr", {"image_url": host.url("/card/its-bytes")})
    assert first.json["cache"] == "miss"
    assert server.upload(card("its-bytes")).json["cache"] == "hit"
    again = post(server, "/ocr", {"image_url": host.url("/card/its-bytes")})
    assert again.json["cache"] == "hit"
    assert sum(each.path == "/card/its-bytes" for each in host.received) == 2


def test_a_job_and_a_batch_with_urls(server: LiveServer, host: Receiver) -> None:
    fields = {"image_url": host.url("/card/as-a-job"), "block_flag": False}
    job = post(server, "/ocr", fields).json["job"]
    done = server.get(f"{job['url']}?wait=10").json
    assert done["data"]["text"] == "as-a-job"
    files = [{"image_url": host.url("/card/in-a-batch")}, {"image_url": host.url("/away")}]
    read, lost = post(server, "/batch", {"files": files}).json["results"]
    assert read["data"]["text"] == "in-a-batch"
    assert lost["error"]["code"] == "bad_field"


@pytest.mark.parametrize(
    ("path", "status", "code", "mention"),
    [
        ("/moved", 400, "bad_field", "answered 302; redirects are not followed"),
        ("/away", 400, "bad_field", "answered 404"),
        ("/empty", 400, "missing_file", "image_url: the answer of its host is empty"),
        ("/large", 413, "body_too_large", "1048577 bytes; at most 1048576"),
        ("/broken", 415, "unsupported_format", "no known image format"),
    ],
)
def test_hosts_without_an_image(
    server: LiveServer, host: Receiver, path: str, status: int, code: str, mention: str
) -> None:
    assert_error(post(server, "/ocr", {"image_url": host.url(path)}), status, code, mention)


@pytest.mark.parametrize(
    ("url", "mention"),
    [
        ("https://example.com/a.png", "fetches images only from the hosts of its settings"),
        ("ftp://127.0.0.1/a.png", "expected a URL of https or http"),
        ("data:image/png;base64,AAAA", "expected a URL of https or http"),
        ("http://user:secret@127.0.0.1/", "without user and password"),
    ],
)
def test_urls_that_are_not_allowed(server: LiveServer, url: str, mention: str) -> None:
    assert_error(
        post(server, "/ocr", {"image_url": url}), 400, "bad_field", "image_url = ", mention
    )


def test_an_image_and_a_url_are_two_images(server: LiveServer, host: Receiver) -> None:
    before = len(host.received)
    fields = {"image": "AAAA", "image_url": host.url("/card/two")}
    assert_error(post(server, "/ocr", fields), 400, "one_file_only", "base64, url")
    assert len(host.received) == before


def test_an_image_for_which_there_is_no_room_is_not_fetched(
    server: LiveServer, host: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.context.inflight, "limit", 150)
    reply = post(server, "/ocr", {"image_url": host.url("/card/" + "n" * 200)})
    assert_error(reply, 503, "queue_full", "150 are allowed")
    assert server.call(server.context.inflight.total) == 0


def test_by_default_nothing_is_fetched(wide: LiveServer, host: Receiver) -> None:
    before = host.connections
    for path in ("/ocr", "/ocr_service"):
        reply = post(wide, path, {"image_url": host.url("/card/off")})
        assert_error(reply, 400, "bad_field", "image_url: ", "image_urls.enabled")
    missing = post(wide, "/ocr", {})
    assert "image_url" not in missing.json["error"]["message"]
    assert host.connections == before


def test_only_a_server_that_fetches_images_describes_the_field() -> None:
    enabled = build(Settings, {"image_urls": {"enabled": True}}, "")
    for settings, described in ((Settings(), False), (enabled, True)):
        text = json.dumps(describe(settings, RecognitionOptions()))
        assert ('"image_url"' in text) is described


def fetched(
    url: str,
    settings: ImageUrlSettings,
    resolve: Resolve | None = None,
) -> bytes:
    """The image at a URL, fetched by a new ImageFetcher."""

    async def run() -> bytes:
        fetcher = ImageFetcher(settings, 1 << 20, lambda _: contextlib.nullcontext(), resolve)
        return await fetcher.fetch(url, "a")

    return asyncio.run(run())


def test_the_address_that_was_checked_is_the_one_that_is_used(host: Receiver) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.9"]])
    asked: list[str] = []

    async def resolve(name: str, port: int) -> Sequence[str]:
        asked.append(name)
        return next(answers)

    settings = ImageUrlSettings(True, allow_private=(LOOPBACK,), allow_http=True)
    url = host.url("/card/rebound", host="images.example")
    assert fetched(url, settings, resolve) == card("rebound")
    assert asked == ["images.example"]
    assert host.received[-1].headers["host"] == f"images.example:{host.port}"


def test_a_host_with_a_private_address_is_not_asked(host: Receiver) -> None:
    before = host.connections
    with pytest.raises(BadField, match="its host has no public address"):
        fetched(host.url("/card/private"), ImageUrlSettings(True, allow_http=True))
    assert host.connections == before


def test_a_host_that_sends_nothing_in_time() -> None:
    settings = ImageUrlSettings(True, allow_private=(LOOPBACK,), allow_http=True, seconds=0.2)
    with Receiver(hold=True) as silent, pytest.raises(BadField, match=r"no answer within 0\.2 s"):
        fetched(silent.url(), settings)


def test_slow_hosts_of_one_user_do_not_hold_up_another(host: Receiver) -> None:
    settings = ImageUrlSettings(True, allow_private=(LOOPBACK,), allow_http=True)

    async def run(slow: Receiver) -> bytes:
        fetcher = ImageFetcher(settings, 1 << 20, lambda _: contextlib.nullcontext())
        waiting = [
            asyncio.ensure_future(fetcher.fetch(slow.url(f"/{number}"), "a"))
            for number in range(FETCHES_PER_USER + 3)
        ]
        await until(lambda: len(slow.received) == FETCHES_PER_USER, "a's share is taken")
        image = await fetcher.fetch(host.url("/card/of-b"), "b")
        assert len(slow.received) == FETCHES_PER_USER
        slow.go.set()
        assert await asyncio.gather(*waiting) == [b"slow"] * len(waiting)
        return image

    with Receiver(lambda _: Answer(200, b"slow"), hold=True) as slow:
        assert asyncio.run(run(slow)) == card("of-b")
