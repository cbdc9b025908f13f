"""Findings 1 and 10: answers that nobody reads, and large uploads that stop halfway."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Callable

from attacks.attack import Attack, Seen, Target, head, held
from costly_images import noise
from tests.support.greedy_clients import ask, is_ended
from tests.support.http_client import upload_request
from tests.support.watching import wait_until

READERS, MOST_GROWTH_MB, ENDED_SECONDS = 25, 50.0, 50.0  # the server is patient for 30 s
UPLOADS, UPLOAD_BYTES = 60, 10_400_000
KEPT_MB, KEPT_SECONDS = 100.0, 30.0


def routes(target: Target) -> dict[str, bytes]:
    """Requests for large answers: of the cache, of an upload, of a job, and pipelined ones."""
    image = noise(1200, 1200, 1) + b"unread"
    assert target.upload(image, format="image").status == 200
    md5 = hashlib.md5(image).hexdigest()
    job = target.upload(image, format="image", block_flag="0").json["job"]["url"]
    target.get(f"{job}?wait=30")
    paths = {
        "result": f"/results/{md5}?format=image",
        "job": f"{job}?format=image",
        "job result": f"{job}/result?format=image",
    }
    asked = {name: head(path, {}, "GET") for name, path in paths.items()}
    for path in ("/openapi.json", "/metrics", "/"):
        asked[f"{path} in a row"] = head(path, {"Connection": "keep-alive"}, "GET") * 500
    asked["upload"] = upload_request(image, {"Host": "localhost"})
    return asked


def non_readers(target: Target, readers: int = READERS, until_ended: bool = True) -> Seen:
    """Clients of every route with a small window that read nothing of their answer."""
    requests = routes(target)
    before = most = target.memory_mb()
    with held(
        [ask(target.port, each) for each in requests.values() for _ in range(readers)]
    ) as all_of_them:

        def ended() -> bool:
            nonlocal most
            most = max(most, target.memory_mb())
            return all(map(is_ended, all_of_them))

        seconds = ENDED_SECONDS if until_ended else 1.0
        is_over = _happens(ended, seconds)
        left = sum(not is_ended(each) for each in all_of_them)
    text = f"{len(all_of_them)} clients: +{most - before:.0f} MiB, {left} still open"
    return Seen(text, most - before < MOST_GROWTH_MB and is_over is until_ended)


def half_sent(target: Target, count: int = UPLOADS) -> Seen:
    """Bodies of 10 MB that stop before their end; the memory afterwards."""
    before = target.memory_mb()
    start = head("/ocr", {"Content-Type": "image/png", "Content-Length": UPLOAD_BYTES + 9})
    body = bytes(UPLOAD_BYTES)
    connections: list[socket.socket] = []
    with held(connections):
        for _ in range(count):
            connections.append(target.connect())
            with contextlib.suppress(OSError):  # it may be refused
                connections[-1].sendall(start)
                connections[-1].sendall(body)
        most = target.memory_mb()
    released = _happens(lambda: target.memory_mb() < before + KEPT_MB, KEPT_SECONDS)
    text = f"{before:.0f} -> {most:.0f} -> {target.memory_mb():.0f} MiB after all have left"
    counted = _happens(lambda: target.health()["requests"]["bytes"] == 0, KEPT_SECONDS)
    return Seen(text, released and counted)


def _happens(condition: Callable[[], bool], seconds: float) -> bool:
    with contextlib.suppress(AssertionError):
        wait_until(condition, "", seconds)
        return True
    return False


ATTACKS = (
    Attack("1", "answers that nobody reads", "+<50 MiB, closed within 50 s", non_readers, False),
    Attack("10", "large uploads that stop halfway", "+<100 MiB after 30 s", half_sent, False),
)
