"""Whole HTTP requests: request line, headers, Host, framing of the body, with places to mutate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from PIL import Image

from plain_images import saved
from structured.bodies import BODIES
from structured.images import IMAGES
from structured.places import Places, build

HOST = "localhost"
_HTTP_SHARE = 0.5
_MUTATIONS = (0, 1, 1, 1, 2, 3)
_CHANGES_FRAMING = ("framing", "head")


@dataclass(frozen=True)
class Input:
    """One input: its name and the bytes of the whole request.

    complete: the server can know where the request ends, so it has to answer without waiting.
    kind: the body or the format of the image. changed: the names of the mutated places.
    """

    name: str
    kind: str
    data: bytes
    complete: bool
    changed: tuple[str, ...]

    @property
    def may_be_closed(self) -> bool:
        """Whether the connection may be closed without an answer, as it is not HTTP."""
        return any(place.startswith(_CHANGES_FRAMING) for place in self.changed)


def structured_input(seed: int, number: int, image: Image.Image) -> Input:
    """One input of the sequence; mutations depend on the seed and the number only."""
    random = Random(f"{seed}:{number}")
    names = tuple(BODIES) if random.random() < _HTTP_SHARE else tuple(IMAGES)
    kind, mutations = random.choice(names), random.choice(_MUTATIONS)
    return one_input(kind, f"{seed}:{number}", mutations, image)


def one_input(kind: str, seed: str, mutations: int, image: Image.Image) -> Input:
    """An input of a kind in BODIES or IMAGES with that many mutated places."""
    (data, complete), changed = build(partial(_KINDS[kind], image=image), seed, mutations)
    name = f"{seed} {kind}: {', '.join(changed) or 'nothing mutated'}"
    return Input(name, kind, data, complete, tuple(changed))


def _body_request(places: Places, image: Image.Image, kind: str) -> tuple[bytes, bool]:
    content_type, body = BODIES[kind](places, saved(image, "PNG"))
    path = places.any_of("/ocr", "/ocr_service")
    return _request(places, path, content_type, body)


def _image_request(places: Places, image: Image.Image, kind: str) -> tuple[bytes, bool]:
    """The image as the whole body, with nothing mutated but the image."""
    content_type = places.any_of(
        f"image/{kind.lower()}", "application/octet-stream", "image/x-none"
    )
    body = IMAGES[kind](places, image)
    head = f"POST /ocr HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: {content_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body, True


_KINDS: dict[str, Callable[..., tuple[bytes, bool]]] = {
    **{kind: partial(_body_request, kind=kind) for kind in BODIES},
    **{kind: partial(_image_request, kind=kind) for kind in IMAGES},
}
KINDS = tuple(_KINDS)


def _request(places: Places, path: str, content_type: str, body: bytes) -> tuple[bytes, bool]:
    at = places.at
    method = at(
        "head: method", "POST", ("GET", "PUT", "post", "OPTIONS", "TRACE", "P" * 900, "PO ST", "")
    )
    odd_paths = (
        f"{path}?{'x=1&' * 30}", f"{path}?drop_score=2", "//", "/%00", "/ocr/../ocr", "*", "",
        f"http://{HOST}{path}", "/jobs/../", "/" + "a" * 9000, f"{path}?%ff=%zz", f"{path}#a",
        "/ä", f"{path} x",
    )  # fmt: skip
    target = at("head: target", path, odd_paths)
    version = at(
        "head: version", "HTTP/1.1", ("HTTP/1.0", "HTTP/2.0", "HTTP/1.1 ", "http/1.1", "HTTP/9", "")
    )
    framing, written, complete = _framed(places, body)
    headers = [*_headers(places), f"Content-Type: {content_type}"]
    places.random.shuffle(headers)
    headers += framing
    end = at("head: line ends", "\r\n", ("\n", "\r", "\r\r\n"))
    lines = [f"{method} {target} {version}", *headers, "", ""]
    head = end.join(lines).encode("latin-1", "replace")
    return head + written, complete and end == "\r\n"


def _headers(places: Places) -> list[str]:
    """Host and some other headers, in which a few values are odd."""
    at, random = places.at, places.random
    odd_hosts = (
        "", "evil.example", "a b", "[::1", "localhost:99999", "[::1]:80", "x" * 300, "127.0.0.1",
        "localhost:", "localhost, localhost", "user@localhost", "LOCALHOST", "127.1",
    )  # fmt: skip
    hosts = [f"Host: {at('head: Host', HOST, odd_hosts)}"] * at("head: number of Hosts", 1, (0, 2))
    known = {
        "Accept": ("*/*", ("text/html;q=x", "," * 999, "a/b;q=9")),
        "X-Request-Id": ("abc-123", ("", "a b", "<script>", "x" * 300, "\x7f", "ü")),
        "Cache-Control": ("no-cache", ("no-cache" * 99, "=", "max-age=-1")),
        "User-Agent": ("a client", ("", "x" * 9000)),
        "Accept-Encoding": ("gzip, br", ("*;q=0", ";;;")),
        "Authorization": ("", ("Bearer", "Bearer é", "Basic :", "Bearer " + "k" * 9000)),
        "X-Forwarded-For": ("192.0.2.1", ("", "1" * 999, "::::", "a, b, c", "192.0.2.1:80")),
        "Content-Encoding": ("", ("gzip", "identity", "gzip, gzip", "br")),
        "Origin": ("", ("https://evil.example", "null", "://")),
        "Sec-Fetch-Site": ("", ("cross-site", "none", "x")),
        "If-None-Match": ('"a"', ('"', "*", "W/" * 900)),
        "Idempotency-Key": ("", ("k", "k" * 256, "ü", " ")),
        "Range": ("bytes=0-1", ("bytes=-", "bytes=" + "0-1," * 900)),
    }
    chosen = random.sample(tuple(known), random.randrange(6))
    values = {name: at(f"value of {name}", *known[name]) for name in chosen}
    written = [
        f"{name}: {value}" for name, value in values.items() if value or name in places.changed
    ]
    odd = (
        "no colon", ": no name", "a b: c", " folded: x", "X: \0", "X\0: a", "X: " + "y" * 70_000,
        "Upgrade: h2c", "Upgrade: websocket", "Expect: 200-ok", "Trailer: X",
        "Connection: close, TE",
    )  # fmt: skip
    another = at("head: another header", "X-Another: 1", odd)
    copies = at("head: copies of a header", 1, (2, 90, 900))
    return [*hosts, *written, *[another] * copies]


def _framed(places: Places, body: bytes) -> tuple[list[str], bytes, bool]:
    """The headers of the framing, the body as it is sent, and whether its end can be known."""
    chunked = places.any_of(False, False, True)
    expect = places.any_of([], [], [], ["Expect: 100-continue"])
    headers, written, complete = _chunked(places, body) if chunked else _measured(places, body)
    return [*expect, *headers], written, complete


def _measured(places: Places, body: bytes) -> tuple[list[str], bytes, bool]:
    size = len(body)
    odd = (
        f"{size + 9}", f"{max(size - 9, 0)}", f"{size}, {size}", f"{size}, {size + 1}", "-1",
        f"+{size}", f"{size:#x}", f"{size}.0", "9" * 5000, f"{1 << 64}", f"{1 << 40}", "",
        f"0{size}", f"{size} ", "١٠", f"{size}_0",
    )  # fmt: skip
    length = places.at("framing: Content-Length", f"{size}", odd)
    headers = [f"Content-Length: {length}"] * places.at("framing: number of lengths", 1, (0, 2, 30))
    more = places.at("framing: also chunked", "", ("chunked", "identity", "xchunked", "gzip"))
    if more:
        headers.append(f"Transfer-Encoding: {more}")
    complete = (
        not more and bool(headers) and (length == f"{size}" or length == f"{max(size - 9, 0)}")
    )
    return headers, body, complete


def _chunked(places: Places, body: bytes) -> tuple[list[str], bytes, bool]:
    at = places.at
    odd = (
        "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;q=1", "",
        "\x0bchunked", "chunked, identity",
    )  # fmt: skip
    coding = at("framing: coding", places.any_of("chunked", "Chunked"), odd)
    headers = [f"Transfer-Encoding: {coding}"] * at("framing: number of codings", 1, (0, 2))
    step = places.any_of(1000, 5000, 70_000) if len(body) > 3000 else places.any_of(100, 1000)
    form = places.any_of("{:x}", "{:X}", "{:04x}")
    written = b""
    for start in range(0, len(body), step):
        part = body[start : start + step]
        size = at("framing: size of a chunk", form.format(len(part)), (
            f"{len(part) + 1:x}", f"{len(part) - 1:x}", "g", "-1", f"{len(part):#x}", "f" * 17, "",
            " 5", f"{len(part):x}" + ";" * 9, "0",
        ))  # fmt: skip
        size += at(
            "framing: extension", "", (";a", ";a=b", ';a="b;\\""', ";" + "a" * 9000, ";=", " ;a")
        )
        end = at("framing: end of a chunk", "\r\n", ("\n", "", "\r\n\r\n", "xx"))
        written += f"{size}\r\n".encode() + part + end.encode()
    last = at("framing: last chunk", "0\r\n\r\n", (
        "", "0\r\n", "0\r\nX: trailer\r\n\r\n", "00000\r\n\r\n", "0\n\n", "0;a=b\r\n\r\n", "\r\n",
        "0\r\nContent-Length: 5\r\n\r\n", "0\r\n" + "X: y\r\n" * 9000 + "\r\n",
    ))  # fmt: skip
    changed = any(place.startswith("framing") for place in places.changed)
    return headers, written + last.encode(), not changed
