"""A plain HTTP client for tests, and the bodies that it sends."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The text that was recognized."""
        return str(self.json["data"]["text"])

    @property
    def code(self) -> str:
        """The code of an error."""
        return str(self.json["error"]["code"])


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart body; a file if it has a filename."""

    name: str
    value: bytes
    filename: str | None = None


def image_part(image: bytes, filename: str = "page.png") -> Part:
    """The part with the image."""
    return Part("file", image, filename)


def multipart(parts: Sequence[Part]) -> tuple[bytes, dict[str, str]]:
    """A multipart/form-data body and its header."""
    boundary = "a-boundary-that-no-image-has"
    body = b""
    for part in parts:
        named = f'; filename="{part.filename}"' if part.filename is not None else ""
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"{named}\r\n\r\n'
        body += head.encode() + part.value + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def upload_request(image: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """All bytes of a request that uploads the image."""
    body, of_body = multipart([image_part(image)])
    sent = {"Host": "localhost", "Content-Length": str(len(body)), **of_body, **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
    return f"POST /ocr_service HTTP/1.1\r\n{lines}\r\n".encode() + body


class KeptConnection:
    """A persistent connection to a server on this machine."""

    def __init__(self, port: int, seconds: float = 30.0) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=seconds)

    def __enter__(self) -> KeptConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send and wait for the answer; OSError or HTTPException if there is none."""
        self._connection.request(method, path, body, dict(headers or {}))
        answer = self._connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read())

    def close(self) -> None:
        """Close it; the next request opens it again."""
        self._connection.close()


class Client:
    """Requests to a server on this machine, each over its own connection."""

    port = 0

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send and wait for the answer."""
        with KeptConnection(self.port) as connection:
            return connection.request(method, path, body, headers)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET."""
        return self.request("GET", path, None, headers)

    def upload(
        self,
        image: bytes,
        headers: Mapping[str, str] | None = None,
        /,
        path: str = "/ocr_service",
        **fields: str,
    ) -> Reply:
        """POST an image as form-data, with fields."""
        parts = [Part(name, value.encode()) for name, value in fields.items()]
        body, content_type = multipart([*parts, image_part(image)])
        return self.request("POST", path, body, {**content_type, **(headers or {})})

    def send(self, image: bytes, headers: Mapping[str, str] | None = None) -> socket.socket:
        """Upload an image over a new connection without waiting for the answer."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall(upload_request(image, headers))
        return connection

    def post_json(self, value: object, path: str = "/ocr_service") -> Reply:
        """POST JSON; ASCII, so that every value can be sent."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {"Content-Type": "application/json"})

    def health(self) -> dict[str, Any]:
        """The answer of /healthz."""
        answer: dict[str, Any] = self.get("/healthz").json
        return answer

    def metric(self, metric_name: str, **labels: str) -> float:
        """The sum of the samples of /metrics that have this name and these labels; 0 if none."""
        reply = self.get("/metrics")
        assert reply.status == 200, reply
        return sum(
            float(value)
            for name, shown, value in _SAMPLE.findall(reply.body.decode())
            if name == metric_name and labels.items() <= dict(_LABEL.findall(shown)).items()
        )
