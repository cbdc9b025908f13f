"""The source of an image that was sent as base64 text in a field."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re

from cache.keys import Digests
from server.errors import BadField, BodyTooLarge, MissingFile
from server.intake.fields import INLINE_BYTES
from server.intake.request import ImageBytes
from server.intake.uploaded_image import KnownDigests
from server.principal import Scope

_DATA_URI = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)


class Base64Image:
    """Decodes the text on read(), in a thread if it is long; see ImageSource.

    max_bytes: limit for the decoded image. known: looks up the digests of the decoded bytes.
    """

    scope: Scope = "read"

    def __init__(self, text: str, max_bytes: int, known: KnownDigests) -> None:
        self._text = text
        self._max_bytes = max_bytes
        self._known = known

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
        if len(self._text) <= INLINE_BYTES:
            data = decode_base64(self._text, self._max_bytes)
        else:
            data = await asyncio.to_thread(decode_base64, self._text, self._max_bytes)
        return ImageBytes(data, self._known(data, owner))

    def close(self) -> None:
        """See ImageSource."""


def decode_base64(text: str, max_bytes: int) -> bytes:
    """Decode base64 text, with or without a data URI prefix.

    Accepts the standard and the URL-safe alphabet, and line breaks. Spaces are read as `+`,
    because form decoding turns an unescaped `+` into a space.
    """
    prefix = _DATA_URI.match(text)
    payload = text[prefix.end() :] if prefix else text
    payload = payload.strip(" \r\n\t").replace("\r", "").replace("\n", "").replace(" ", "+")
    payload = payload.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadField("the field `image` is not valid base64") from None
    if not data:
        raise MissingFile("the field `image` is empty; send the image as base64 in it")
    if len(data) > max_bytes:
        raise BodyTooLarge(f"the image has {len(data)} bytes; at most {max_bytes} are accepted")
    return data
