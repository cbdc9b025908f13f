"""PP-OCRv6 small and tiny in one server, also swapped under the load of eight clients."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import md5

import pytest

from tests.support.checkout import IMAGES
from tests.support.http_client import KeptConnection, Reply
from tests.support.installed_sets import TINY, needs_tiny
from tests.support.server_process import ServerProcess
from tests.support.watching import wait_until

pytestmark = needs_tiny

SMALL = "PP-OCRv6_small"
ADMIN_KEY = "the key of the operator of these tests"
ADMIN = {"X-Api-Key": ADMIN_KEY, "Content-Type": "application/json"}
PAGE = IMAGES / "special_sign.bmp"
CLIENTS = 8


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    settings = {
        "access": {"admin_key": ADMIN_KEY},
        "ocr": {"models": SMALL, "model_sets": [TINY], "process": {"number": 2}},
    }
    with ServerProcess(tmp_path_factory.mktemp("swap"), settings) as process:
        yield process


_numbers = itertools.count(1)


def new_page() -> bytes:
    """The page, with other bytes after its end."""
    return PAGE.read_bytes() + next(_numbers).to_bytes(8, "big")


def use(server: ServerProcess, name: str) -> Reply:
    return server.request("POST", "/admin/models", json.dumps({"use": name}).encode(), ADMIN)


def left(server: ServerProcess) -> int:
    return int(server.get("/admin/models", ADMIN).json["to_be_replaced"])


def confidence(reply: Reply) -> float:
    return float(reply.json["data"]["confidence"])


def test_both_read_the_sign_each_in_its_way(server: ServerProcess) -> None:
    small, tiny = (server.upload(new_page(), models=name) for name in (SMALL, TINY))
    for reply in (small, tiny):
        assert "OPEN EVERY DAY" in reply.text
    assert confidence(small) != confidence(tiny)


def test_the_models_are_swapped_under_the_load_of_eight_clients(server: ServerProcess) -> None:
    by_set = {name: confidence(server.upload(new_page(), models=name)) for name in (SMALL, TINY)}
    answers: list[tuple[bytes, float]] = []
    stopped = threading.Event()

    def client() -> None:
        with KeptConnection(server.port, 120) as connection:
            while not stopped.is_set():
                image = new_page()
                reply = connection.request("POST", "/ocr", image, {"Content-Type": "image/bmp"})
                assert reply.status == 200, reply.body
                answers.append((image, confidence(reply)))

    def read_by(name: str) -> int:
        return sum(found == by_set[name] for _, found in answers)

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client) for _ in range(CLIENTS)]
        try:
            wait_until(lambda: read_by(SMALL) >= CLIENTS, "answers of the old models")
            assert use(server, TINY).status == 200
            wait_until(lambda: left(server) == 0, "all workers with the new models")
            before = read_by(TINY)
            wait_until(lambda: read_by(TINY) > before + CLIENTS, "answers of the new models")
        finally:
            stopped.set()
    for each in clients:
        each.result()
    assert read_by(SMALL) + read_by(TINY) == len(answers)
    for image, found in answers:
        path = f"/results/{md5(image, usedforsecurity=False).hexdigest()}"
        kept = {name: server.get(f"{path}?models={name}") for name in (SMALL, TINY)}
        (name,) = (name for name, reply in kept.items() if reply.status == 200)
        assert confidence(kept[name]) == found == by_set[name]
    engine = server.health()["engine"]
    assert engine["models"] == "PP-OCRv6_tiny_det, ch_ppocr_mobile_v2.0_cls, PP-OCRv6_tiny_rec"
