"""Builds the bytes of requests with an image, in each of the modes."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from load_test.images import Variable, variable
from ocr_client.connection import request_head
from ocr_client.image_kinds import image_kind

Mode = Literal["file", "filename", "base64"]
MODES: tuple[Mode, ...] = ("file", "filename", "base64")
NOTE_BYTES = 32
_NO_CACHE = {"Cache-Control": "no-cache"}


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """What all requests share: host, target, mode, fields and headers."""

    host: str
    target: str
    mode: Mode = "file"
    fields: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A request in three parts; only the part with the note changes."""

    before: bytes
    middle: bytes
    image: Variable
    padding: int
    is_base64: bool
    after: bytes

    def with_note(self, note: bytes) -> bytes:
        middle = self.middle + self.image.framed(note.ljust(NOTE_BYTES, b"-") + self.filling)
        if self.is_base64:
            middle = base64.b64encode(middle)
        return b"".join((self.before, middle, self.after))

    @property
    def filling(self) -> bytes:
        """Padding that makes the middle end at a base64 boundary."""
        return b"-" * self.padding


class PreparedImage:
    """The requests of an image: unchanged, or with new bytes that no cache can answer."""

    def __init__(self, path: Path, template: RequestTemplate) -> None:
        data = path.read_bytes()
        self.name = path.name
        content_type, before, after = _frame(template, path, data)
        wrapping = _Wrapping(template, content_type, before, after)
        payload = b"" if template.mode == "filename" else _encoded(template, data)
        self.plain = wrapping.request(payload)
        found = variable(data) if template.mode != "filename" else None
        self._uncached = wrapping.request(payload, _NO_CACHE) if found is None else b""
        self._fresh = wrapping.fresh(found) if found is not None else None

    def fresh(self, note: bytes) -> bytes:
        """A request that no cache can answer.

        note: up to NOTE_BYTES bytes, which no request has contained before.
        """
        return self._fresh.with_note(note) if self._fresh is not None else self._uncached


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """A request without its image."""

    template: RequestTemplate
    content_type: str
    before: bytes
    after: bytes

    def request(self, payload: bytes, headers: Mapping[str, str] | None = None) -> bytes:
        """The bytes of the request with this payload."""
        return self._head(len(payload), headers or {}) + self.before + payload + self.after

    def fresh(self, image: Variable) -> _Fresh:
        """A request in parts, so that each copy can get a note of its own in its image."""
        is_base64 = self.template.mode == "base64"
        cut = len(image.before) // 3 * 3 if is_base64 else len(image.before)
        first, middle = image.before[:cut], image.before[cut:]
        size = len(middle) + len(image.framed(b"-" * NOTE_BYTES))
        padding = -size % 3 if is_base64 else 0
        framed = size + padding
        encoded = [_encoded(self.template, piece) for piece in (first, image.after)]
        length = sum(map(len, encoded)) + (framed // 3 * 4 if is_base64 else framed)
        before = self._head(length, {}) + self.before + encoded[0]
        return _Fresh(before, middle, image, padding, is_base64, encoded[1] + self.after)

    def _head(self, payload_bytes: int, headers: Mapping[str, str]) -> bytes:
        every = {"Content-Type": self.content_type, **headers, **self.template.headers}
        length = len(self.before) + payload_bytes + len(self.after)
        return request_head("POST", self.template.target, self.template.host, every, length)


def _encoded(template: RequestTemplate, data: bytes) -> bytes:
    return base64.b64encode(data) if template.mode == "base64" else data


def _frame(template: RequestTemplate, path: Path, data: bytes) -> tuple[str, bytes, bytes]:
    """The Content-Type, and the parts of the body before and after the image."""
    fields = {"file_type": template.mode, **template.fields}
    if template.mode == "base64":
        text = json.dumps({**fields, "image": ""})
        return "application/json", text[:-2].encode(), b'"}'
    if template.mode == "filename":
        body = urlencode({**fields, "filename": str(path)})
        return "application/x-www-form-urlencoded", body.encode(), b""
    boundary = secrets.token_hex(16)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    body = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    body += f'{part}file"; filename="{quote(path.name)}"\r\n'
    body += f"Content-Type: image/{image_kind(data)}\r\n\r\n"
    return (
        f"multipart/form-data; boundary={boundary}",
        body.encode(),
        f"\r\n--{boundary}--\r\n".encode(),
    )
