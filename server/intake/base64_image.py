"""An image that came as base64 text in a field."""

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

_DATA_URI = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)


class Base64Image:
    """Decoded when it is read, off the event loop if it is long; see ImageSource.

    max_bytes: that the image may have. known: asked for the digests of the decoded bytes.
    """

    def __init__(self, text: str, max_bytes: int, known: KnownDigests) -> None:
        self._text = text
        self._max_bytes = max_bytes
        self._known = known

    async def open(self) -> None:
        """See ImageSource."""

    def known_digests(self) -> Digests | None:
        """See ImageSource: it would have to be decoded first."""
        return None

    def bytes_to_read(self) -> int:
        """See ImageSource: the longer text counts already, as a part of the body."""
        return 0

    async def read(self) -> ImageBytes:
        """See ImageSource; BadField, MissingFile or BodyTooLarge."""
        if len(self._text) <= INLINE_BYTES:
            data = decode_base64(self._text, self._max_bytes)
        else:
            data = await asyncio.to_thread(decode_base64, self._text, self._max_bytes)
        return ImageBytes(data, self._known(data))

    def close(self) -> None:
        """See ImageSource."""


def decode_base64(text: str, max_bytes: int) -> bytes:
    """The image in base64 text, with or without a data-URI prefix.

    The standard and the URL-safe alphabet are accepted, and line breaks. A form that was not
    percent-encoded turns `+` into a blank; it is turned back.
    """
    prefix = _DATA_URI.match(text)
    payload = text[prefix.end() :] if prefix else text
    payload = payload.strip(" \r\n\t").replace("\r", "").replace("\n", "").replace(" ", "+")
    payload = payload.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadField("image is not base64; send the image's bytes in base64") from None
    if not data:
        raise MissingFile("the field `image` is empty; put the image as base64 into it")
    if len(data) > max_bytes:
        raise BodyTooLarge(f"the image has {len(data)} bytes; at most {max_bytes} are accepted")
    return data
