"""The protocol between parent and renderer, in frames (ocr_engine/framing.py).

The descriptor of a document follows the frame that opens it, and the descriptor of decoded pixels
follows the frame of a page that was drawn. The body is the file of a page, or its text.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ocr_engine.documents.kinds import Kind, TextLayer
from ocr_engine.framing import ProtocolError, decode_frame, encode_frame
from ocr_engine.images.pixels import ImageData, Pixels, received_pixels
from ocr_engine.options import Granularity
from ocr_engine.result import Document
from ocr_engine.result_json import from_json, with_blocks

MAX_REPLY_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Open:
    """Parent to renderer: open a document; its descriptor follows."""

    document: int
    kind: Kind
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Close:
    """Parent to renderer: close a document; there is no reply."""

    document: int


@dataclass(frozen=True, slots=True)
class ReadPage:
    """Parent to renderer: a page of an open document, counted from 1.

    dpi: at which it is drawn, in at most max_pixels. text_layer: whether its own text may be the
    result, with parts of this granularity. side: if not 0, the page is to be looked at: a JPEG with
    sides of at most so many pixels.
    """

    document: int
    page: int
    dpi: int = 200
    max_pixels: int = 40_000_000
    text_layer: TextLayer = "ocr"
    granularity: Granularity = "line"
    side: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """Parent to renderer: exit."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Renderer to parent: it has started."""

    rss_mb: int = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """Renderer to parent: the document is open."""

    pages: int
    rss_mb: int = 0


@dataclass(frozen=True, slots=True)
class PageImage:
    """Renderer to parent: a page as an image, which must be read.

    dpi: pixels per inch of paper; None if the file does not say so.
    """

    image: ImageData
    dpi: float | None = None
    rss_mb: int = 0


@dataclass(frozen=True, slots=True)
class PageText:
    """Renderer to parent: a page's own text."""

    result: Document
    dpi: float | None = None
    rss_mb: int = 0


@dataclass(frozen=True, slots=True)
class Failed:
    """Renderer to parent: it cannot be opened or drawn, with this error code."""

    code: str
    message: str
    rss_mb: int = 0


Request = Open | Close | ReadPage | Stop
Reply = Ready | Opened | PageImage | PageText | Failed

_REQUESTS: Mapping[str, type[Request]] = {
    "open": Open,
    "close": Close,
    "read": ReadPage,
    "stop": Stop,
}


def encode_request(request: Request) -> bytes:
    """Encode a request as a frame."""
    (name,) = (name for name, each in _REQUESTS.items() if isinstance(request, each))
    return encode_frame({"request": name, **asdict(request)})


def decode_request(frame: bytes) -> Request:
    """Decode a request; ProtocolError if the frame is malformed."""
    head, _ = decode_frame(frame)
    try:
        return _REQUESTS[head.pop("request")](**head)
    except (KeyError, TypeError) as error:
        raise ProtocolError(f"not a request: {error!r}") from None


def encode_reply(reply: Reply) -> bytes:
    """Encode a reply as a frame."""
    head: dict[str, Any] = {"rss_mb": reply.rss_mb}
    if isinstance(reply, Ready):
        return encode_frame({**head, "kind": "ready"})
    if isinstance(reply, Opened):
        return encode_frame({**head, "kind": "opened", "pages": reply.pages})
    if isinstance(reply, Failed):
        return encode_frame(
            {**head, "kind": "failed", "code": reply.code, "message": reply.message}
        )
    head["dpi"] = reply.dpi
    if isinstance(reply, PageText):
        text = json.dumps(with_blocks(reply.result), ensure_ascii=False, separators=(",", ":"))
        return encode_frame({**head, "kind": "text"}, text.encode("utf-8", "replace"))
    if isinstance(reply.image, Pixels):
        size = [reply.image.width, reply.image.height]
        return encode_frame({**head, "kind": "pixels", "size": size})
    return encode_frame({**head, "kind": "file"}, reply.image)


def decode_reply(frame: bytes, receive: Callable[[], int]) -> Reply:
    """Decode a reply, checking every field; ProtocolError if the frame is malformed.

    receive: returns the descriptor that follows the frame; called only if one does.
    """
    head, body = decode_frame(frame)
    try:
        return _reply(head, body, receive)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ProtocolError(f"not a reply: {error!r}") from None


def _reply(head: Mapping[str, Any], body: bytes, receive: Callable[[], int]) -> Reply:
    kind, rss_mb = head["kind"], int(head["rss_mb"])
    if kind == "ready":
        return Ready(rss_mb)
    if kind == "opened":
        return Opened(int(head["pages"]), rss_mb)
    if kind == "failed":
        code, message = head["code"], head["message"]
        if not isinstance(code, str) or not isinstance(message, str):
            raise TypeError("code or message is no text")
        return Failed(code, message, rss_mb)
    dpi = None if head["dpi"] is None else float(head["dpi"])
    if dpi is not None and not (math.isfinite(dpi) and dpi > 0):
        raise ValueError("dpi must be a number above 0")
    if kind == "text":
        return PageText(from_json(json.loads(body)), dpi, rss_mb)
    if kind == "file":
        return PageImage(body, dpi, rss_mb)
    if kind == "pixels":
        width, height = map(int, head["size"])
        return PageImage(received_pixels(width, height, receive()), dpi, rss_mb)
    raise ValueError(f"unknown kind {kind!r}")
