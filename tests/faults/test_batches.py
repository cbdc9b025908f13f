"""Rows 84, 85, 87 and 88 for batches: killed servers, no room, and requests that are cut."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.test_jobs_that_last import restart, shared_database
from tests.support.batches import all_jobs, body_of, cards, post
from tests.support.cards import card
from tests.support.databases import postgresql
from tests.support.faulty_server import Serve, prepare
from tests.support.http_client import Reply
from tests.support.memory_peaks import forget_peak, peak_mb
from tests.support.raw_sockets import connect
from tests.support.receivers import Receiver
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until
from tests.support.webhooks import SECRET

__all__ = ["postgresql"]

HOOKS = {
    "OCR_WEBHOOKS__ALLOW_HTTP": "true",
    "OCR_WEBHOOKS__ALLOW_PRIVATE": "127.0.0.1",
    "OCR_WEBHOOKS__SECRETS": SECRET,
}
FILES = 20
MANY = 1000
LARGE_MB = 8
LARGE = 40
MOST_GROWTH_MB = 8 * LARGE_MB  # of 320 MB that are sent
HOUR = 3600


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that the test may kill."""
    folder = tmp_path_factory.mktemp("own")
    with prepare(folder, fakes=True, environment=HOOKS, timeout_seconds=30) as server:
        yield server


def started(reply: Reply) -> str:
    assert reply.status == 202, reply.body
    return str(reply.headers["Location"])


def wait_for_end(server: ServerProcess, url: str) -> dict[str, int]:
    """The counts of a batch at its end."""
    wait_until(lambda: server.get(url).json["batch"]["state"] == "finished", "its end", 180)
    counts: dict[str, int] = server.get(url).json["batch"]["counts"]
    return counts


def blobs(server: ServerProcess) -> list[Path]:
    folder = server.folder / "state" / "ocr-server" / "blobs"
    return list(folder.iterdir()) if folder.exists() else []


@pytest.mark.faults(84)
@pytest.mark.parametrize("moment", [0, 5, 12])
def test_a_server_is_killed_in_the_middle_of_a_batch(
    alone: ServerProcess, receiver: Receiver, moment: int
) -> None:
    texts = [f"take 0.02 {number}" for number in range(FILES)]
    reply = post(alone, [*cards(*texts), b"bad"], webhook_url=receiver.url())
    url = started(reply)
    wait_until(lambda: alone.begun(texts[moment]) == 1, "some of them begun")
    alone.kill()
    restart(alone)
    counts = wait_for_end(alone, url)
    assert (counts["done"], counts["failed"]) == (FILES, 1)
    jobs = all_jobs(alone, url)
    assert [alone.get(job["url"]).text for job in jobs[:FILES]] == texts
    wait_until(lambda: bool(receiver.received), "the message")
    (message,) = receiver.received
    assert message.is_signed_with(SECRET)
    assert message.json()["type"] == "batch.done"
    assert message.json()["data"]["counts"] == {"done": FILES, "failed": 1, "cancelled": 0}


@pytest.mark.faults(85)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_servers_end_a_batch_and_one_is_killed(
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    receiver: Receiver,
    gate: Path,
    kind: str,
) -> None:
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "two")]
    environment = {
        **HOOKS,
        **shared_database(kind, folders[0], request),
        "OCR_JOBS__BLOBS": "database",
    }
    with (
        prepare(folders[0], fakes=True, environment=environment, timeout_seconds=30) as first,
        prepare(folders[1], fakes=True, environment=environment, timeout_seconds=30) as second,
    ):
        urls = [
            started(post(first, cards(f"a{n}", f"b{n}"), webhook_url=receiver.url()))
            for n in range(10)
        ]
        for url in urls:
            assert wait_for_end(second, url)["done"] == 2
        texts = [f"hold {gate} {n}" for n in range(FILES)]
        urls.append(started(post(first, cards(*texts), webhook_url=receiver.url())))
        wait_until(lambda: sum(map(first.begun, texts)) == 2, "work for the first")
        wait_until(lambda: sum(map(second.begun, texts)) == 2, "work for the second")
        first.kill()
        gate.unlink()
        assert wait_for_end(second, urls[-1])["done"] == FILES
        wait_until(lambda: len({each.id for each in receiver.received}) >= len(urls), "messages")
    told = {each.id: each.json()["data"]["url"] for each in receiver.received}
    assert sorted(told.values()) == sorted(urls)


@pytest.mark.faults(87)
def test_the_disk_is_full_in_the_middle_of_a_batch(serve: Serve) -> None:
    server = serve()
    large = card("larger than the room") + b"x" * (2 << 20)
    wait_for_end(server, started(post(server, cards("before the fault"))))
    before = sorted(blobs(server))
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    reply = post(server, [card("small"), large, card("small too")])
    assert (reply.status, reply.code) == (503, "storage_unavailable")
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    wait_until(lambda: sorted(blobs(server)) == before, "nothing of the batch")
    assert server.get("/batches").json["batches"][0]["files"] == 1
    assert wait_for_end(server, started(post(server, [large])))["done"] == 1


@pytest.mark.faults(88)
def test_a_server_is_killed_in_the_middle_of_an_upload(alone: ServerProcess) -> None:
    wait_for_end(alone, started(post(alone, cards("before"))))
    kept = len(blobs(alone))
    body, headers = body_of([card(f"cut {number}") + b"x" * (256 << 10) for number in range(20)])
    with connect(alone.port) as connection:
        connection.sendall(_head(headers, len(body)) + body[: len(body) // 2])
        wait_until(lambda: len(blobs(alone)) >= kept + 5, "images that are kept")
        alone.kill()
    orphans = len(blobs(alone)) - kept
    assert 5 <= orphans < 20
    for path in blobs(alone):
        os.utime(path, (time.time() - 2 * HOUR,) * 2)
    restart(alone)
    wait_until(lambda: len(blobs(alone)) == kept, "the result alone")
    assert len(alone.get("/batches").json["batches"]) == 1
    assert len(alone.get("/jobs").json["jobs"]) == 1


@pytest.mark.faults(88)
def test_a_client_leaves_in_the_middle_of_an_upload(alone: ServerProcess) -> None:
    wait_for_end(alone, started(post(alone, cards("before"))))
    kept = len(blobs(alone))
    body, headers = body_of([card(f"left {number}") + b"x" * (64 << 10) for number in range(20)])
    with connect(alone.port) as connection:
        connection.sendall(_head(headers, len(body)) + body[: len(body) // 2])
        wait_until(lambda: len(blobs(alone)) > kept, "images that are kept")
    wait_until(lambda: len(blobs(alone)) == kept, "the result alone")
    assert alone.health()["requests"]["bytes"] == 0
    assert len(alone.get("/batches").json["batches"]) == 1


def _head(headers: dict[str, str], length: int) -> bytes:
    media_type = headers["Content-Type"]
    return (
        f"POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media_type}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.faults(84)
def test_a_thousand_small_files(alone: ServerProcess) -> None:
    texts = [f"small {number}" for number in range(MANY)]
    reply = post(alone, cards(*texts))
    url = started(reply)
    assert len(reply.json["jobs"]) == MANY
    assert wait_for_end(alone, url)["done"] == MANY
    jobs = all_jobs(alone, url)
    assert [job["number"] for job in jobs] == list(range(MANY))
    assert alone.get(jobs[-1]["url"]).text == texts[-1]
    waiting = post(alone, cards(*texts), path="/batch", name="files")
    assert [each["data"]["text"] for each in waiting.json["results"]] == texts
    too_many = post(alone, [b"x"] * (MANY + 1))
    assert (too_many.status, too_many.code) == (413, "body_too_large")


@pytest.mark.faults(84)
@pytest.mark.parametrize("path", ["/batches", "/batch"])
def test_memory_does_not_grow_with_a_batch(alone: ServerProcess, path: str) -> None:
    padding = b"x" * (LARGE_MB << 20)
    images = [card(f"large {number} of {path}") + padding for number in range(LARGE)]
    for few in (images[:2], images):
        forget_peak(alone.pid)
        before = peak_mb(alone.pid)
        reply = post(alone, few, path=path)
        if path == "/batches":
            assert wait_for_end(alone, started(reply))["done"] == len(few)
        else:
            assert len(reply.json["results"]) == len(few)
    growth = peak_mb(alone.pid) - before
    assert growth < MOST_GROWTH_MB
    assert alone.health()["requests"]["bytes"] == 0
