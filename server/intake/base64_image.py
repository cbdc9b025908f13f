"""The source of an image that was sent as base64 text in a field."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from cache.keys import Digests, digest
from server.blobs.memory_file import memory_file
from server.errors import BadField, BodyTooLarge, MissingFile
from server.intake.fields import BASE64_FIELD, INLINE_BYTES
from server.intake.request import ImageBytes, SourceFile
from server.intake.uploaded_image import KnownDigests
from server.principal import Scope

_PREFIX = re.compile(r"(?:data:[^,]{0,200}|base64),", re.IGNORECASE)
_SPACE = " \t"
_AROUND = " \t\r\n\v\f\0\ufeff\"'"  # blanks, quotes, a byte order mark, a terminating zero
_BEHIND = _AROUND.replace(" ", "")
_GROUP = 4  # characters, as encoders write them
_START_CHARACTERS, _START_GROUPS = 400, 8  # of a text; a prefix has at most 200 characters
_BLANKS = str.maketrans("", "", " \t\r\n\v\f")
_ESCAPES = (
    ("\\r", ""), ("\\n", ""),  # JSON that was escaped twice
    ("%2B", "+"), ("%2b", "+"), ("%2F", "/"), ("%2f", "/"), ("%3D", "="), ("%3d", "="),
)  # fmt: skip


class Base64Image:
    """Decodes the text on read(), in a thread if it is long; see ImageSource.

    max_bytes: limit for the decoded image. known: looks up the digests of the decoded bytes.
    field: where the text was sent, for messages.
    """

    scope: Scope = "read"

    def __init__(
        self, text: str, max_bytes: int, known: KnownDigests, field: str = BASE64_FIELD
    ) -> None:
        self._text = text
        self._max_bytes = max_bytes
        self._known = known
        self._field = field

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self, owner: str) -> Digests | None:
        """See ImageSource; None, because the text would have to be decoded first."""
        return None

    def bytes_to_read(self) -> int:
        """See ImageSource; 0, because the text counts as part of the body and is longer."""
        return 0

    async def read(self, owner: str) -> ImageBytes:
        """See ImageSource; BadField, MissingFile or BodyTooLarge."""
        data = await self._decoded()
        return ImageBytes(data, self._known(data, owner))

    def close(self) -> None:
        """See ImageSource."""

    async def start(self) -> bytes:
        """See FileSource: as much of it as shows what kind of file it is."""
        return start_of_base64(self._text)

    async def as_file(self, owner: str) -> SourceFile:
        """See FileSource; as read()."""
        data = await self._decoded()
        digests = self._known(data, owner)
        if digests is None:
            digests = await asyncio.to_thread(digest, data)
        return SourceFile(await memory_file(data), len(data), digests)

    async def _decoded(self) -> bytes:
        if len(self._text) <= INLINE_BYTES:
            return self._decode()
        return await asyncio.to_thread(self._decode)

    def _decode(self) -> bytes:
        return decode_base64(self._text, self._max_bytes, self._field)


def start_of_base64(text: str) -> bytes:
    """The first bytes of what the text encodes; empty if it does not begin as base64 does."""
    start = text[:_START_CHARACTERS].lstrip(_AROUND)
    prefix = _PREFIX.match(start)
    payload = (start[prefix.end() :] if prefix else start).lstrip(_AROUND).translate(_BLANKS)
    payload = payload.replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(payload[: _START_GROUPS * _GROUP], validate=True)
    except (binascii.Error, ValueError):
        return b""


def decode_base64(text: str, max_bytes: int, field: str = BASE64_FIELD) -> bytes:
    """Decode base64 text, with or without a data URI prefix.

    Accepts the standard and the URL-safe alphabet, percent-encoding, line breaks and indentation.
    Other spaces are read as `+`, because form decoding turns an unescaped `+` into a space.
    """
    text = text.lstrip(_AROUND).rstrip(_BEHIND)
    prefix = _PREFIX.match(text)
    payload = text[prefix.end() :] if prefix else text
    if "%" in payload or "\\" in payload:
        for written, meant in _ESCAPES:
            payload = payload.replace(written, meant)
    payload = _with_plus_signs(payload.lstrip(_AROUND)).translate(_BLANKS)
    payload = payload.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadField(f"the field `{field}` is not valid base64") from None
    if not data:
        raise MissingFile(f"the field `{field}` is empty; send the image as base64 in it")
    if len(data) > max_bytes:
        raise BodyTooLarge(f"the image has {len(data)} bytes; at most {max_bytes} are accepted")
    return data


def _with_plus_signs(payload: str) -> str:
    """Replace the spaces that were `+` before a form was decoded; other spaces may stay.

    If there is a `+`, no form was decoded. Otherwise, spaces at the same end of all lines are
    indentation or padding, unless only with them the text consists of whole groups of four.
    """
    if " " not in payload or "+" in payload:
        return payload
    lines = [line.replace("\t", " ") for line in payload.splitlines() if line.strip(_SPACE)]
    if not lines:
        return ""
    every = "".join(lines).replace(" ", "+")
    levelled = _levelled(lines)
    end = levelled.rstrip(" ")
    plus = -len(end) % _GROUP  # at the very end
    joined = end.replace(" ", "+") + "+" * min(plus, len(levelled) - len(end))
    return every if len(joined) % _GROUP and not len(every) % _GROUP else joined


def _levelled(lines: list[str]) -> str:
    """The lines, joined, without the spaces that all of them begin or end with.

    The first one may lack its indentation, and the last one its padding.
    """
    if len(lines) == 1:
        return lines[0]
    first, *middle, last = lines
    indent = min(len(line) - len(line.lstrip(" ")) for line in (*middle, last))
    padding = min(len(line) - len(line.rstrip(" ")) for line in (first, *middle))
    inner = (line[indent : len(line) - padding] for line in middle)
    return "".join((first[: len(first) - padding], *inner, last[indent:]))
