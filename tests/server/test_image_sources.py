"""Image sources in the service: read only when necessary, and always closed."""

from __future__ import annotations

import pytest

from cache.keys import Digests, digest
from ocr_engine.errors import EngineError, QueueFull, UnsupportedFormat
from ocr_engine.options import RecognitionOptions
from server.errors import NotFound, ServiceError
from server.formats.answer import Answer
from server.intake.request import ImageBytes, ImageSource, OcrRequest
from server.intake.uploaded_image import UploadedImage
from server.principal import Scope
from server.service.flights import Ticket
from tests.support.cards import card
from tests.support.live_server import LiveServer


class Elsewhere:
    """An image source that records the calls of its methods."""

    scope: Scope = "read"

    def __init__(
        self, data: bytes, size: int = 0, known: bool = False, error: Exception | None = None
    ) -> None:
        self.asked: list[str] = []
        self._data = data
        self._size = size
        self._known = known
        self._error = error

    async def open(self) -> None:
        self.asked.append("open")
        if self._error is not None:
            raise self._error

    def known_digests(self, owner: str) -> Digests | None:
        return digest(self._data) if self._known else None

    def bytes_to_read(self) -> int:
        return self._size

    async def read(self, owner: str) -> ImageBytes:
        self.asked.append("read")
        return ImageBytes(self._data)

    def close(self) -> None:
        self.asked.append("close")


class Unreachable(Elsewhere):
    """An image source that fails while it is read."""

    async def read(self, owner: str) -> ImageBytes:
        self.asked.append("read")
        raise NotFound("it is gone")


def ask(server: LiveServer, source: ImageSource) -> tuple[Ticket, Answer]:
    """Submit a request on the server's loop, and wait for its answer."""

    async def whole() -> tuple[Ticket, Answer]:
        ticket = await server.context.service.submit(OcrRequest(source, RecognitionOptions()))
        return ticket, await ticket.answer()

    return server.run(whole)


def test_a_source_of_a_new_kind_is_read_once_and_closed(wide: LiveServer) -> None:
    source = Elsewhere(card("from elsewhere"))
    ticket, answer = ask(wide, source)
    assert b"from elsewhere" in answer.result.json
    assert (ticket.outcome, ticket.digests) == ("miss", digest(card("from elsewhere")))
    assert source.asked == ["open", "read", "close"]


def test_a_kept_image_that_is_known_is_not_read(wide: LiveServer) -> None:
    image = card("known elsewhere")
    ask(wide, Elsewhere(image))
    source = Elsewhere(image, known=True)
    ticket, answer = ask(wide, source)
    assert ticket.outcome == "hit"
    assert b"known elsewhere" in answer.result.json
    assert source.asked == ["open", "close"]


def test_a_known_image_of_which_nothing_is_kept_is_read(wide: LiveServer) -> None:
    source = Elsewhere(card("known but not kept"), known=True)
    assert ask(wide, source)[0].outcome == "miss"
    assert source.asked == ["open", "read", "close"]


def test_an_image_for_which_there_is_no_room_is_not_read(
    wide: LiveServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wide.context.inflight, "limit", 1000)
    source = Elsewhere(card("too large"), size=1001)
    with pytest.raises(QueueFull, match="1000 are allowed"):
        ask(wide, source)
    assert source.asked == ["open", "close"]
    fits = Elsewhere(card("not too large"), size=1000)
    assert ask(wide, fits)[0].outcome == "miss"


@pytest.mark.parametrize(
    ("source", "error", "asked"),
    [
        (Elsewhere(b"", error=NotFound("there is none")), NotFound, ["open", "close"]),
        (Unreachable(b""), NotFound, ["open", "read", "close"]),
        (Elsewhere(b"no image"), UnsupportedFormat, ["open", "read", "close"]),
    ],
    ids=["not there", "breaks off", "no image"],
)
def test_a_source_that_fails_is_closed(
    wide: LiveServer, source: Elsewhere, error: type[ServiceError | EngineError], asked: list[str]
) -> None:
    with pytest.raises(error):
        ask(wide, source)
    assert source.asked == asked
    assert wide.call(wide.context.service.in_flight) == 0


def test_an_upload_is_looked_up_until_it_is_known_and_then_no_more() -> None:
    answers = [None, digest(b"bytes")]
    looked_up: list[tuple[bytes, str]] = []

    def known(data: bytes, owner: str) -> Digests | None:
        looked_up.append((data, owner))
        return answers[len(looked_up) - 1]

    source = UploadedImage(b"bytes", known)
    found = [source.known_digests("of A") for _ in range(3)]
    assert found == [None, digest(b"bytes"), digest(b"bytes")]
    assert looked_up == [(b"bytes", "of A")] * 2
