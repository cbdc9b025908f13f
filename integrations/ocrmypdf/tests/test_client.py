"""The client: a server that is busy, keys, and many threads at the same time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from ocrmypdf_ocr_server.client import Address, ServerProblem, ask
from ocrmypdf_ocr_server.elements import line_element, page_element

BOX = [[0, 0], [10, 0], [10, 8], [0, 8]]


class Handler(BaseHTTPRequestHandler):
    """Answers with the statuses in `script`, then with the image's length as the text."""

    script: ClassVar[list[tuple[int, str]]] = []
    keys: ClassVar[list[str | None]] = []

    def do_POST(self) -> None:
        image = self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["X-Api-Key"])
        status, code = self.script.pop(0) if self.script else (200, "")
        body: dict[str, Any] = {"data": {"text": str(len(image)), "lines": []}}
        if code:
            body = {"error": {"code": code, "message": "not now"}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if status == 503:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.script.clear()
    Handler.keys.clear()
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    thread.join()
    made.server_close()


def test_a_busy_server_is_asked_again(server: str) -> None:
    Handler.script += [(503, "queue_full"), (503, "starting")]
    assert ask(Address(server, key="secret"), b"12345")["text"] == "5"
    assert Handler.keys == ["secret"] * 3


def test_an_image_that_is_refused_is_not_sent_again(server: str) -> None:
    Handler.script.append((422, "invalid_image"))
    with pytest.raises(ServerProblem, match="invalid_image: not now"):
        ask(Address(server), b"12345")
    assert len(Handler.keys) == 1


def test_a_server_that_stays_busy(server: str) -> None:
    Handler.script += [(429, "rate_limited")] * 9
    with pytest.raises(ServerProblem, match="rate_limited"):
        ask(Address(server, seconds=0.5), b"1")


def test_many_threads(server: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        texts = threads.map(lambda n: ask(Address(server), b"x" * n)["text"], range(1, 40))
        assert list(texts) == [str(n) for n in range(1, 40)]


@pytest.mark.parametrize("url", ["ftp://host", "127.0.0.1:8888", ""])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ServerProblem, match="no address"):
        ask(Address(url or "http://"), b"")


def test_words_between_spaces() -> None:
    words = [("第", 0, 8), ("3", 9, 12), ("页", 13, 21), ("ABC", 30, 50)]
    line = {
        "text": "第3页 ABC",
        "confidence": 0.9,
        "box": [[0, 0], [50, 0], [50, 8], [0, 8]],
        "words": [
            {"text": text, "confidence": 0.9, "box": [[a, 0], [b, 0], [b, 8], [a, 8]]}
            for text, a, b in words
        ],
    }
    found = line_element(line)
    assert [(each.text, each.bbox.left, each.bbox.right) for each in found.children] == [
        ("第3页", 0, 21),
        ("ABC", 30, 50),
    ]


def test_a_page_without_text() -> None:
    page = page_element({"width": 10, "height": 20, "lines": [], "blocks": []}, 3)
    assert (page.children, page.page_number) == ([], 3)
    empty = {"text": " ", "confidence": 0.5, "box": BOX}
    assert page_element({"width": 10, "height": 20, "lines": [empty]}, 0).children == []
